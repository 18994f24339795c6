"""gdnsd and PowerDNS with what perigeectl wrote for them, in front of nodes of two regions."""
import shutil
import subprocess

from harness import main, until
from harness.process import Process
from harness.system import REPOSITORY

EXAMPLES = REPOSITORY / "config"

REGIONS = {"eu": ["eu-1", "eu-2"], "us": ["us-1"]}
# 50 networks, in turn of either region.
NETWORKS = [(f"10.{10 + i}.0.0/16", "eu" if i % 2 == 0 else "us") for i in range(50)]


def table(nodes):
    """The client address of each node, by name."""
    return {node.name: node.addresses["client"][0] for node in nodes}


def write_networks(system, more=""):
    path = system.folder / "networks"
    path.write_text("".join(f"{network} {region}\n" for network, region in NETWORKS) + more)
    return path


class Resolver:
    """A name server that answers by the subnet it is told."""

    def ask(self, network):
        """The addresses for a client of that network."""
        done = subprocess.run(["kdig", f"@{self.address[0]}", "-p", str(self.address[1]), "+short", "+time=2",
                               f"+subnet={network}", "cdn.example.org", "A"], capture_output=True, text=True, check=True)
        return set(done.stdout.split())


class Gdnsd(Resolver):
    def __init__(self, system, nodes):
        folder = system.folder / "gdnsd"
        self.address = "127.0.53.1", system.port("127.0.53.1").number
        subprocess.run([system.program("perigeectl"), "dns", "gdnsd", "--topology", nodes[0].cluster.folder /
                        "topology.toml", "--networks", write_networks(system), "--out", folder, "--listen",
                        "%s:%d" % self.address], check=True)
        for name in ("geoip", "run", "state"):
            (folder / name).mkdir(exist_ok=True)
        with open(folder / "config", encoding="ascii") as file:
            text = file.read()
        # Where a service may write is the machine's affair, not the topology's.
        text = text.replace("options => {\n", f"options => {{\n  run_dir => {folder}/run\n  state_dir => {folder}/state\n", 1)
        (folder / "config").write_text(text)
        checked = subprocess.run([shutil.which("gdnsd"), "-c", folder, "checkconf"], capture_output=True, text=True,
                                 check=False)
        assert checked.returncode == 0, checked.stderr
        self.process = system.keep(Process("gdnsd", [shutil.which("gdnsd"), "-c", folder, "start"]))
        self.process.err.wait("DNS listeners started", 20)


class PowerDns(Resolver):
    def __init__(self, system, nodes):
        folder = system.folder / "pdns"
        self.address = "127.0.53.2", system.port("127.0.53.2").number
        # A part of an American network is European.
        networks = write_networks(system, "10.11.128.0/17 eu\n")
        subprocess.run([system.program("perigeectl"), "dns", "pdns", "--topology", nodes[0].cluster.folder /
                        "topology.toml", "--networks", networks, "--out", folder], check=True)
        options = {"launch": "geoip", "geoip-zones-file": folder / "geoip.yaml", "enable-lua-records": "yes",
                   "edns-subnet-processing": "yes", "local-address": self.address[0], "local-port": self.address[1],
                   "socket-dir": folder, "config-dir": folder, "lua-health-checks-interval": 1, "cache-ttl": 0, "query-cache-ttl": 0,
                   "guardian": "no", "daemon": "no", "loglevel": 4, "write-pid": "no", "security-poll-suffix": ""}
        (folder / "pdns.conf").write_text("".join(f"{name}={value}\n" for name, value in options.items()))
        self.process = system.keep(Process("pdns", [shutil.which("pdns_server"), f"--config-dir={folder}"]))
        self.process.err.wait("Done launching threads|Creating backend connection", 20)

    def drawn(self, network, times=12):
        """What so many questions are answered: each draws an address of the set."""
        return set().union(*(self.ask(network) for _ in range(times)))


def follows(nodes, answers, eu, others_of_eu):
    """A drained node leaves the answers and comes back; those of a region that died move to the other one."""
    european, american = NETWORKS[0][0], NETWORKS[1][0]
    nodes[0].admin("/drain", method="POST")
    until(lambda: answers(european) == others_of_eu, "the drained node to leave the answers", 5)
    nodes[0].admin("/undrain", method="POST")
    until(lambda: answers(european) == eu, "the node to come back", 10)
    nodes[2].kill()
    until(lambda: answers(american) == eu, "the answers to move to the other region", 5)


def test_geo_dns(system):
    """every network gets its region's ready nodes; without any, the next region's; without any at all, all"""
    nodes = system.cluster(system.origin(), REGIONS, one_health_port=True)
    addresses = table(nodes)
    eu, us = {addresses["eu-1"], addresses["eu-2"]}, {addresses["us-1"]}
    resolver = Gdnsd(system, nodes)
    for network, region in NETWORKS:
        assert resolver.ask(network) == (eu if region == "eu" else us), network
    european, american = NETWORKS[0][0], NETWORKS[1][0]

    follows(nodes, resolver.ask, eu, {addresses["eu-2"]})
    for node in nodes[:2]:
        node.kill()
    until(lambda: "127.0" in " ".join(resolver.ask(american)), "an answer though all are dead", 10)
    assert resolver.ask(european)
    resolver.process.kill()


def test_powerdns(system):
    """the same of PowerDNS: its region's ready nodes, else the next region's, else all; the longest network counts"""
    if shutil.which("pdns_server") is None:
        print("  skipped: pdns_server is not installed")
        return
    nodes = system.cluster(system.origin(), REGIONS, one_health_port=True)
    addresses = table(nodes)
    eu, us = {addresses["eu-1"], addresses["eu-2"]}, {addresses["us-1"]}
    resolver = PowerDns(system, nodes)
    european, american = NETWORKS[0][0], NETWORKS[1][0]
    until(lambda: resolver.drawn(european) == eu and resolver.drawn(american) == us, "the first checks", 20)
    for network, region in NETWORKS:
        assert resolver.ask(network) <= (eu if region == "eu" else us), network
    assert resolver.ask("10.11.200.0/24") <= eu and resolver.ask("10.11.100.0/24") <= us

    follows(nodes, resolver.drawn, eu, {addresses["eu-2"]})
    for node in nodes[:2]:
        node.kill()
    until(lambda: resolver.ask(american) >= us, "an answer though all are dead", 10)
    resolver.process.kill()


def test_examples(system):
    """config/dns is what perigeectl makes of the topology beside it, whose secrets are not there"""
    for kind, files in (("gdnsd", ("config", "zones/example.org")), ("pdns", ("geoip.yaml",))):
        folder = system.folder / kind
        subprocess.run([system.program("perigeectl"), "dns", kind, "--topology", EXAMPLES / "topology.toml", "--networks",
                        EXAMPLES / "dns/networks.txt", "--out", folder], check=True)
        for file in files:
            assert (folder / file).read_text() == (EXAMPLES / "dns" / kind / file).read_text(), file


if __name__ == "__main__":
    main(globals())
