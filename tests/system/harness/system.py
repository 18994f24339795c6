"""Everything one test runs, and what must be true of it at the end."""
import os
import resource
import tempfile
from pathlib import Path

from . import toml
from .load import Load
from .nginx import Nginx
from .node import Node
from .origin import Origin
from .ports import Port
from .tcp import internal_inodes

REPOSITORY = Path(__file__).resolve().parents[3]
# Short enough that a test ends soon, long enough for any request of a test.
DRAIN = "20s"


def build_folder():
    return Path(os.environ.get("PERIGEE_BUILD_DIR") or REPOSITORY / "build/dev")


def allow_descriptors():
    """As many as the machine permits, for the processes that are started from here too."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class System:
    def __init__(self, build=None):
        allow_descriptors()
        self.build = Path(build or build_folder()).resolve()  # some are started in other folders
        self._folder = tempfile.TemporaryDirectory(prefix="perigee-")
        self.folder = Path(self._folder.name)
        self._processes = []
        self._ports = []
        self._hosts = 0
        self._names = {}

    # Parts.

    def port(self, host="127.0.0.1", number=0):
        port = Port(host, number)
        self._ports.append(port)
        return port

    def host(self):
        """A loopback address that nothing else of this test uses."""
        self._hosts += 1
        return f"127.0.{self._hosts}.1"

    def name(self, kind):
        self._names[kind] = self._names.get(kind, 0) + 1
        return f"{kind}-{self._names[kind]}"

    def keep(self, process):
        self._processes.append(process)
        return process

    def program(self, name):
        path = self.build / name
        assert path.exists(), f"no {path}; expected it from a build"
        return path

    # Processes.

    def origin(self, *arguments):
        """perigee-origin on a free port of a loopback address of its own."""
        return self.keep(Origin(self.name("origin"), self.program("perigee-origin"),
                                ["--listen", f"{self.host()}:0", *arguments]))

    def nginx(self, root, lines=()):
        name = self.name("nginx")
        prefix = self.folder / name
        prefix.mkdir()
        return self.keep(Nginx(name, prefix, self.port(self.host()), root, lines))

    def load(self, targets, *arguments):
        """perigee-load against nodes or addresses; runs beside the test."""
        addresses = [getattr(target, "address", target) for target in targets]
        return self.keep(Load(self.name("load"), self.program("perigee-load"), addresses, arguments))

    def node(self, origin, /, environment=None, **settings):
        """One node that stands alone. Settings as for `cluster`."""
        return self.cluster(origin, {"alone": ["node"]}, environment, **settings)[0]

    def cluster(self, origin, regions, /, environment=None, **settings):
        """The nodes of {region: [name, ...]}, all in front of one origin, in that order."""
        return Cluster(self, origin, regions, settings, environment).start()

    # The end.

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        problems = self.close()
        # A test that already failed keeps its own failure; what the processes say is printed below it.
        if problems and kind is None:
            raise AssertionError("at the end of the test: " + "; ".join(problems))
        for problem in problems:
            print(f"  and at the end: {problem}")

    def close(self):
        running = [process for process in self._processes if not process.ended_by_test]
        clients = [process for process in running if isinstance(process, Load)]
        servers = [process for process in running if not isinstance(process, Load)]
        problems = []
        for client in clients:
            problems += client.stop()
        for server in servers:
            wrong = server.descriptors_back(lambda: internal_inodes(servers))
            problems += [wrong] if wrong else []
        # Nodes first: an origin that goes first looks like a failure to them.
        for server in sorted(servers, key=lambda process: not isinstance(process, Node)):
            problems += server.stop()
        for process in self._processes:
            if process not in running:
                problems += process.complaints_about_output()
        for port in self._ports:
            port.close()
        self._folder.cleanup()
        return problems


class Cluster:
    """Configuration files for nodes, written so that one can be changed and started again under its name."""

    def __init__(self, system, origin, regions, settings, environment):
        self.system = system
        self.folder = system.folder / system.name("cluster")
        self.folder.mkdir()
        self.alone = sum(len(names) for names in regions.values()) == 1
        self.settings = dict(settings)
        self.environment = environment
        self.origin = origin
        self.ports = {}
        self.regions = regions
        # Settings of the topology's [cluster].
        self.topology = self.settings.pop("topology", {})
        # Region -> "latitude, longitude", for the map and for DNS.
        self.locations = self.settings.pop("locations", {})
        self.nodes = []
        # Of /readyz on every node; None: each its own.
        self.health_number = self._common_number() if self.settings.pop("one_health_port", False) else None
        for region, names in regions.items():
            for name in names:
                host = system.host()
                self.ports[name] = {role: system.port(host) for role in ("client", "peer", "admin")}
                self.ports[name]["health"] = system.port(host, self.health_number or 0)
        if not self.alone:
            self._write_topology()

    def _common_number(self):
        """A port number that the kernel gave out on the wildcard address: free on every loopback address."""
        return self.system.port("0.0.0.0").number

    def start(self):
        for name in self.ports:
            self.nodes.append(self.start_node(name))
        return self.nodes

    def start_node(self, name):
        """Starts a node, or starts it again after its process has gone."""
        path = self.write_node(name)
        roles = [role for role in self.ports[name] if role != "peer" or not self.alone]
        node = self.system.keep(Node(name, self.system.program("perigee-edge"), path, roles, self.environment))
        node.cluster = self
        return node

    def again(self, node):
        """The successor of a node whose process has ended; takes its place in `nodes`."""
        successor = self.start_node(node.name)
        self.nodes[self.nodes.index(node)] = successor
        return successor

    def add(self, region, name):
        """Puts a further node into the topology; who runs already hears of it with a reload."""
        host = self.system.host()
        self.regions[region].append(name)
        self.ports[name] = {role: self.system.port(host) for role in ("client", "peer", "admin", "health")}
        self._write_topology()

    def path(self, name):
        return self.folder / f"{name}.toml"

    def write_node(self, name):
        self.path(name).write_text(toml.dumps(self.node_tables(name)), encoding="utf-8")
        return self.path(name)

    def node_tables(self, name):
        """The configuration of a node as tables. `settings` override or add: section -> {key: value}; "site", "site_cache", "origin" and
        "rules" reach into the one site and its origin. A function is called with the node's name."""
        ports = self.ports[name]
        chosen = {key: value(name) if callable(value) else value for key, value in self.settings.items()}
        chosen = {key: dict(value) if isinstance(value, dict) else value for key, value in chosen.items()}
        site = {"name": "site", "hosts": ["*"], "origin": "main", **chosen.pop("site", {})}
        site["cache"] = chosen.pop("site_cache", {})
        site["rule"] = chosen.pop("rules", [])
        origin = {"name": "main", "servers": self._origin_servers(), **chosen.pop("origin", {})}
        tables = {"node": {"workers": 2, **({} if self.alone else {"topology": "topology.toml"})},
                  "timeouts": {"drain": DRAIN}}
        if self.alone:
            tables["listen"] = {"client": [ports["client"]], "admin": ports["admin"], "health": ports["health"]}
        for section, values in chosen.items():
            tables[section] = values if isinstance(values, list) else {**tables.get(section, {}), **values}
        tables["origin"] = [origin]
        tables["site"] = [site]
        return {key: value for key, value in tables.items() if value}

    def _origin_servers(self):
        origins = self.origin if isinstance(self.origin, (list, tuple)) else [self.origin]
        return [f"{origin.address[0]}:{origin.address[1]}" for origin in origins]

    def _write_topology(self):
        (self.folder / "peer.key").write_text("a secret that only this test knows\n", encoding="ascii")
        (self.folder / "peer.key").chmod(0o600)
        nodes = [{"name": name, "region": region, **self.ports[name]}
                 for region, names in self.regions.items() for name in names]
        tables = {"cluster": {"peer_keys": [{"id": "test", "file": "peer.key"}], **self.topology}, "node": nodes}
        if self.locations:
            tables["region"] = [{"name": name, "location": location} for name, location in self.locations.items()]
        (self.folder / "topology.toml").write_text(toml.dumps(tables), encoding="utf-8")
