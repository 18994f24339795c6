"""gdnsd with a configuration that perigeectl wrote, in front of nodes of two regions."""
import shutil
import subprocess

from harness import main, until
from harness.process import Process

REGIONS = {"eu": ["eu-1", "eu-2"], "us": ["us-1"]}
# 50 networks, in turn of either region.
NETWORKS = [(f"10.{10 + i}.0.0/16", "eu" if i % 2 == 0 else "us") for i in range(50)]


def table(nodes):
    """The client address of each node, by name."""
    return {node.name: node.addresses["client"][0] for node in nodes}


class Resolver:
    def __init__(self, system, nodes):
        folder = system.folder / "gdnsd"
        networks = system.folder / "networks"
        networks.write_text("".join(f"{network} {region}\n" for network, region in NETWORKS))
        self.address = "127.0.53.1", system.port("127.0.53.1").number
        subprocess.run([system.program("perigeectl"), "dns", "gdnsd", "--topology", nodes[0].cluster.folder /
                        "topology.toml", "--networks", networks, "--out", folder, "--listen",
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

    def ask(self, network):
        """The addresses for a client of that network."""
        done = subprocess.run(["kdig", f"@{self.address[0]}", "-p", str(self.address[1]), "+short", "+time=2",
                               f"+subnet={network}", "cdn.example.org", "A"], capture_output=True, text=True, check=True)
        return set(done.stdout.split())


def test_geo_dns(system):
    """every network gets its region's ready nodes; without any, the next region's; without any at all, all"""
    nodes = system.cluster(system.origin(), REGIONS, one_health_port=True)
    addresses = table(nodes)
    eu, us = {addresses["eu-1"], addresses["eu-2"]}, {addresses["us-1"]}
    resolver = Resolver(system, nodes)
    for network, region in NETWORKS:
        assert resolver.ask(network) == (eu if region == "eu" else us), network
    european, american = NETWORKS[0][0], NETWORKS[1][0]

    nodes[0].admin("/drain", method="POST")
    until(lambda: resolver.ask(european) == {addresses["eu-2"]}, "the drained node to leave the answers", 5)
    nodes[0].admin("/undrain", method="POST")
    until(lambda: resolver.ask(european) == eu, "the node to come back", 10)

    nodes[2].kill()
    until(lambda: resolver.ask(american) == eu, "the answers to move to the other region", 5)
    for node in nodes[:2]:
        node.kill()
    until(lambda: "127.0" in " ".join(resolver.ask(american)), "an answer though all are dead", 10)
    assert resolver.ask(european)
    resolver.process.kill()


if __name__ == "__main__":
    main(globals())
