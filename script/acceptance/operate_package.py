"""The Debian package, made of this build, and installed over the machine's own files, which do not notice."""
import os
import re
import shutil
import subprocess
from pathlib import Path

# In a mount namespace: a root folder whose changes go to memory, and what is run there.
INSIDE = """
set -eu
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc none "$1/root/proc"
mount --bind /dev "$1/root/dev"
cp "$2" "$1/root/perigee.deb"
exec chroot "$1/root" /bin/sh -eu -c "$3"
"""

# Every line that begins with "= " is a name and what was found.
STEPS = r"""
# Users stay, as they do in Debian, and so do the copies of the lists of users.
files() {
  find /usr /etc /lib/systemd -xdev \! -path '/etc/*-' | sort
  ls -d /var/lib/perigee /var/log/perigee /run/perigee 2>/dev/null || true
}
files >/before
status() { dpkg-query -W -f '${db:Status-Status}' perigee 2>/dev/null || echo none; }
export DEBIAN_FRONTEND=noninteractive
dpkg -i /perigee.deb >/log 2>&1 || { cat /log; exit 1; }
echo "= installed: $(status)"
echo "= user: $(getent passwd perigee | cut -d: -f1,6,7)"
echo "= linked: $(ldd /usr/bin/perigee-edge /usr/bin/perigeectl /usr/bin/perigee-origin | grep -c 'not found' || true)"
echo "= checked: $(perigee-edge --config /etc/perigee/node.toml --check-config >/log 2>&1 && echo good || cat /log)"
echo "= unit: $(systemd-analyze verify /lib/systemd/system/perigee.service 2>&1)"
echo "= completion: $(bash -c '. /usr/share/bash-completion/completions/perigeectl; complete -p perigeectl' | wc -l)"
echo "= conffiles: $(dpkg-query -W -f '${Conffiles}' perigee | grep -c /etc/)"
echo "= manual: $(ls /usr/share/man/man8/perigee-edge.8* /usr/share/man/man8/perigee-origin.8* /usr/share/man/man1/perigeectl.1* | wc -l)"
dpkg -i /perigee.deb >/log 2>&1 || { cat /log; exit 1; }
echo "= again: $(status)"
dpkg -r perigee >/log 2>&1 || { cat /log; exit 1; }
echo "= removed: $(status)"
echo "= programs left: $(ls /usr/bin/perigee* 2>/dev/null | wc -l)"
echo "= settings kept: $(ls /etc/perigee/node.toml)"
dpkg -P perigee >/log 2>&1 || { cat /log; exit 1; }
echo "= purged: $(status)"
files >/after
echo "= left behind: $(diff /before /after | grep '^[<>]' | head -5 | tr '\n' ' ')"
"""

EXPECTED = {
    "installed": "installed", "user": "perigee:/var/lib/perigee:/usr/sbin/nologin", "linked": "0", "checked": "good", "unit": "",
    "completion": "1", "conffiles": "2", "manual": "3", "again": "installed", "removed": "config-files", "programs left": "0",
    "settings kept": "/etc/perigee/node.toml", "purged": "none", "left behind": "",
}


def make(build, folder):
    """The .deb of what is built there."""
    subprocess.run(["cpack", "-G", "DEB", "-B", folder], cwd=build, check=True, capture_output=True)
    packages = list(Path(folder).glob("*.deb"))
    assert len(packages) == 1, packages
    return packages[0]


def package(system, line):
    """Installed, installed again, removed and purged, with dpkg, as root."""
    deb = make(system.build, system.folder / "package")
    fields = subprocess.run(["dpkg-deb", "--field", deb], check=True, capture_output=True, text=True).stdout
    depends = re.search("^Depends: (.*)$", fields, re.MULTILINE).group(1)
    line("depends on", depends, "libc6, libuv1 and others, not libssl3",
         all(name in depends for name in ("adduser", "libc6", "libnghttp2-14", "libuv1")) and "libssl3" not in depends)
    root = system.folder / "machine"
    root.mkdir()
    done = subprocess.run([shutil.which("unshare"), "--mount", "--uts", "/bin/sh", "-c", INSIDE, "sh", root, deb, STEPS],
                          capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "LC_ALL": "C"})
    found = dict(re.findall("^= ([^:]*): ?(.*)$", done.stdout, re.MULTILINE))
    if done.returncode != 0:
        print(done.stdout + done.stderr, flush=True)
    for name, expected in EXPECTED.items():
        line.exactly(name, found.get(name), expected)


PARTS = {"package": package}
