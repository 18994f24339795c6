"""The servers of the comparison: how each is started from its configuration in bench/compare, and what it promises."""
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from harness.process import Process
from harness.wait import until

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIGURATIONS = REPOSITORY / "bench/compare"
# An ECDSA certificate with P-256, as most of the web has.
CHAIN = REPOSITORY / "tests/data/certificates/a.pem"
KEY = REPOSITORY / "tests/data/certificates/a.key"
SIZES = (1024, 16 * 1024, 100_000, 10_000_000)
CORE = 0


class Server(Process):
    """One server in front of `origin`. A subclass says how it is started: files() writes its configuration, command() runs it."""
    program = ""
    caches = True
    collapses = True  # promises one fetch for a herd
    tls = False       # can be set up to speak TLS and HTTP/2
    http1 = True
    stop_signal = signal.SIGTERM

    def __init__(self, system, origin):
        name = type(self).__name__.lower()
        self.system = system
        self.origin = origin
        self.folder = system.folder / system.name(name)
        self.folder.mkdir(mode=0o777)
        self.port = system.port(system.host())
        self.address = self.port.pair
        self.tls_port = system.port(self.port.host) if self.tls else None
        if not self.shares_port:
            for port in filter(None, (self.port, self.tls_port)):
                port.close()  # it has to bind the number itself
        self.files()
        super().__init__(name, ["taskset", "-c", str(CORE), *self.command()], self.environment(), cwd=self.folder,
                         stop_signal=self.stop_signal)
        expected = self.port if self.http1 else self.tls_port
        until(lambda: not self.is_alive() or expected.is_listening(),
              lambda: f"{name} to listen on {self.port}: {self.out.lines[-5:]} {self.err.lines[-5:]}", 60)
        assert self.is_alive(), f"{name} ended: {self.out.lines[-5:]} {self.err.lines[-5:]}"

    # Whether it binds with SO_REUSEPORT, so that the port can stay reserved until it does.
    shares_port = True

    @classmethod
    def installed(cls):
        return shutil.which(cls.program) is not None

    @classmethod
    def version(cls):
        return ""

    def files(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def environment(self):
        return None

    def path(self, size):
        """What answers with a body of that size, the same each time."""
        return f"/_/body?id=hit-{size}&size={size}&cc=max-age=86400"

    def write_pem(self):
        """Certificate and key in one file."""
        path = self.folder / "both.pem"
        path.write_bytes(CHAIN.read_bytes() + KEY.read_bytes())
        return path

    def write(self, template, target=None, **more):
        host, port = self.origin.address
        values = {"FOLDER": self.folder, "ADDRESS": self.port, "HOST": self.port.host, "PORT": self.port.number,
                  "ORIGIN": self.origin, "ORIGIN_HOST": host, "ORIGIN_PORT": port, "TLS_ADDRESS": self.tls_port or "",
                  "TLS_PORT": self.tls_port.number if self.tls_port else "", "CHAIN": CHAIN, "KEY": KEY, **more}
        text = (CONFIGURATIONS / template).read_text(encoding="utf-8")
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        assert not re.search(r"@[A-Z_]+@", text), f"{template}: a placeholder without value"
        path = self.folder / (target or Path(template).name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    # Figures, over every process it consists of.

    def pids(self):
        found = [self.pid]
        for pid in found:
            found += children(pid)
        return found

    def cpu_seconds(self):
        return sum(cpu_ticks(pid) for pid in self.pids()) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self):
        """Resident, what several processes share counted once."""
        return sum(proportional_bytes(pid) for pid in self.pids())


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def cpu_ticks(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def proportional_bytes(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return int(re.search(r"^Pss:\s*(\d+) kB", file.read(), re.MULTILINE).group(1)) * 1024
    except OSError:
        return 0


def output_of(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


def first_match(pattern, text):
    found = re.search(pattern, text)
    return found.group(1) if found else "unknown"


def root():
    return os.getuid() == 0


class Perigee(Server):
    program = "true"  # it is built, not installed
    tls = True

    @classmethod
    def version(cls):
        return "this tree"

    def files(self):
        self.write("perigee.toml", ADMIN=self.system.port(self.port.host))

    def command(self):
        return [self.system.program("perigee-edge"), "--config", self.folder / "perigee.toml"]


class Nginx(Server):
    program = "nginx"
    tls = True

    @classmethod
    def version(cls):
        return first_match(r"nginx/(\S+)", output_of("nginx", "-v"))

    def files(self):
        self.write("nginx.conf", USER="user root;" if root() else "")

    def command(self):
        return ["nginx", "-p", self.folder, "-e", "stderr", "-c", self.folder / "nginx.conf"]

    def stop(self):
        # It reads the cache's folder a minute after the start, and the master ends it by force if it is not through.
        self.announce_errors(r"cache loader process \d+ exited on signal 9")
        return super().stop()


class Varnish(Server):
    program = "varnishd"
    shares_port = False

    @classmethod
    def version(cls):
        return first_match(r"varnish-(\S+)", output_of("varnishd", "-V"))

    def files(self):
        self.write("varnish.vcl")

    def command(self):
        return ["varnishd", "-F", "-j", "none", "-n", self.folder / "work", "-a", str(self.port), "-f",
                self.folder / "varnish.vcl", "-s", "malloc,2g", "-t", "86400", "-p", "thread_pools=1", "-p",
                "thread_pool_max=5000", "-p", "timeout_idle=600"]


class HAProxy(Server):
    program = "haproxy"
    collapses = False
    tls = True

    @classmethod
    def version(cls):
        return first_match(r"version (\d+\.\d+\.\d+)", output_of("haproxy", "-v"))

    def files(self):
        self.write("haproxy.cfg", PEM=self.write_pem())

    def command(self):
        return ["haproxy", "-db", "-f", self.folder / "haproxy.cfg"]

    def stop(self):
        # It ends by the signal, and says so in its status.
        return [problem for problem in super().stop() if "with status -15" not in problem]


class H2O(Server):
    program = "h2o"
    caches = False
    collapses = False
    tls = True

    @classmethod
    def version(cls):
        return first_match(r"version (\S+)", output_of("h2o", "-v"))

    def files(self):
        for size in SIZES:
            (self.folder / "root").mkdir(exist_ok=True)
            (self.folder / f"root/{size}.bin").write_bytes(b"x" * size)
        self.write("h2o.yaml", ROOT=self.folder / "root", USER="user: root" if root() else "")

    def command(self):
        return ["h2o", "-m", "worker", "-c", self.folder / "h2o.yaml"]

    def path(self, size):
        return f"/{size}.bin"


class Nghttpd(Server):
    """Static files over HTTP/2 and TLS, from the authors of the library that Perigee uses for it; nothing else."""
    program = "nghttpd"
    caches = False
    collapses = False
    tls = True
    http1 = False
    shares_port = False

    @classmethod
    def version(cls):
        return first_match(r"nghttp2/(\S+)", output_of("nghttpd", "--version"))

    def files(self):
        (self.folder / "root").mkdir()
        for size in SIZES:
            (self.folder / f"root/{size}.bin").write_bytes(b"x" * size)

    def command(self):
        return ["nghttpd", "-n1", f"--address={self.tls_port.host}", "-d", self.folder / "root", self.tls_port.number, KEY, CHAIN]

    def path(self, size):
        return f"/{size}.bin"

    def stop(self):
        return [problem for problem in super().stop() if "with status -15" not in problem]


class Squid(Server):
    program = "squid"
    shares_port = False

    @classmethod
    def version(cls):
        return first_match(r"Version (\S+)", output_of("squid", "-v"))

    def files(self):
        self.folder.chmod(0o777)
        self.write("squid.conf")

    def command(self):
        return ["squid", "-N", "-f", self.folder / "squid.conf"]


class TrafficServer(Server):
    program = "traffic_server"
    shares_port = False

    @classmethod
    def version(cls):
        return first_match(r"Traffic Server (\S+)", output_of("traffic_server", "--version"))

    def files(self):
        for name in ("etc", "data", "run", "log", "storage"):
            (self.folder / name).mkdir()
        self.write("trafficserver/runroot.yaml")
        for name in ("records.config", "remap.config", "storage.config", "ip_allow.yaml"):
            self.write(f"trafficserver/{name}", f"etc/{name}", USER="#-1")

    def command(self):
        return ["traffic_server", f"--run-root={self.folder}"]

    def stop(self):
        return [problem for problem in super().stop() if "ended with status" not in problem]


ALL = (Perigee, Nginx, HAProxy, H2O, TrafficServer, Varnish, Squid, Nghttpd)
