"""The unit of systemd, and what the package puts where."""
import re
import subprocess
from pathlib import Path

from harness import main

REPOSITORY = Path(__file__).resolve().parents[2]


def test_unit(system):
    """systemd finds nothing wrong with the unit, and its hardening is better than medium"""
    unit = (REPOSITORY / "config/systemd/perigee.service").read_text()
    # The program and the manual page are where a build has them, not where the package puts them.
    unit = unit.replace("/usr/bin/perigee-edge", str(system.program("perigee-edge")))
    unit = re.sub("^Documentation=.*\n", "", unit, flags=re.MULTILINE)
    path = system.folder / "perigee.service"
    path.write_text(unit)
    verified = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
    assert verified.returncode == 0 and verified.stderr == "", verified.stderr
    rated = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30", path],
                           capture_output=True, text=True, check=False)
    assert rated.returncode == 0, rated.stdout[-3000:] + rated.stderr


def test_manual(system):
    """the manual pages have no faults"""
    for path in sorted((REPOSITORY / "docs/man").iterdir()):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and done.stderr == "", f"{path}: {done.stderr}"


if __name__ == "__main__":
    main(globals())
