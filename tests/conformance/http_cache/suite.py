"""The suite as a package on disk, its server, a node in front of it, and one run."""
import json
import subprocess
import tomllib
from pathlib import Path

from harness import tls, toml
from harness.node import Node
from harness.process import Process

from .judge import Judge

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PACKAGE = ROOT / "build/deps/http-cache-tests"
RESULTS = HERE / "results.json"
EXCEPTIONS = HERE / "exceptions.toml"
NOT_YET = HERE / "not_yet.txt"
CONFIGURATION = ROOT / "config/alone.toml"
RUN_SECONDS = 300
# How the suite's client reaches the node: by itself, or over a bridge (bridge.mjs).
WAYS = ("http", "tls", "h2")


def package():
    assert (PACKAGE / "package.json").exists(), f"no {PACKAGE}; expected it from script/setup"
    return PACKAGE


def node_js(*arguments):
    """The JSON that run.mjs prints."""
    done = subprocess.run(["node", "--no-warnings", str(HERE / "run.mjs"), str(package()), *arguments],
                          capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, f"run.mjs {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}"
    return json.loads(done.stdout)


class Suite:
    def __init__(self):
        catalogue = node_js("catalogue")
        self.judge = Judge(catalogue["suites"])
        # Caches between clients and origins; browsers were asked other tests.
        self.published = [cache for cache in catalogue["published"] if cache["type"] != "browser"]


def exceptions():
    """Tests that cannot pass: id, kind, rfc, sentence, why."""
    return tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))["exception"]


def not_yet():
    """Tests that should pass and do not yet; nobody when the file is gone."""
    lines = NOT_YET.read_text(encoding="ascii").splitlines() if NOT_YET.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def committed_results():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


class SuiteServer(Process):
    def __init__(self, name, folder):
        super().__init__(name, ["node", "--no-warnings", HERE / "server.mjs", package(), folder / f"{name}.pid"])
        self.port = int(self.out.wait(r"^Listening on http://\S*:(\d+)/$", 20).group(1))


class Bridge(Process):
    """HTTP/1.1 in front, TLS or HTTP/2 toward a node."""

    def __init__(self, name, way, port):
        super().__init__(name, ["node", "--no-warnings", HERE / "bridge.mjs", way, port.host, port.number, tls.HOST, tls.AUTHORITY])
        self.base = self.out.wait(r"^Listening on (http://\S+?)/$", 20).group(1)


def start_node(system, port):
    """A node by the example configuration, with nothing changed but the addresses, and TLS beside them."""
    tables = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))
    host = system.host()
    ports = {role: system.port(host) for role in ("client", "admin", "health")}
    tls_port = system.port(host)
    tables["listen"] = {"client": [ports["client"]], "admin": ports["admin"], "health": ports["health"], "tls": [tls_port]}
    tables["certificate"] = [tls.certificate("a")]
    tables["origin"][0]["servers"] = [f"127.0.0.1:{port}"]
    path = system.folder / f"{system.name('alone')}.toml"
    path.write_text(toml.dumps(tables), encoding="utf-8")
    node = system.keep(Node("edge", system.program("perigee-edge"), path, ports))
    node.tls = tls_port
    return node


def run(system, way="http"):
    """The results of one run against a fresh node: {id: true or [kind, message]}."""
    server = system.keep(SuiteServer(system.name("suite"), system.folder))
    node = start_node(system, server.port)
    base = f"http://{node}" if way == "http" else system.keep(Bridge(system.name("bridge"), way, node.tls)).base
    results = node_js("run", base)
    assert way == "http" or node.metric("perigee_tls_handshakes_total") > 0, f"{way}: the bridge went another way"
    return results


def verdicts(judge, results):
    """What of the results is the same for every run: {id: true or false}."""
    return {test["id"]: judge.passed(test["id"], results) for test in judge.applying()}
