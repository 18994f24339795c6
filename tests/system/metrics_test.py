"""What a node exports, what is documented, and what the examples for Prometheus and Grafana ask for are the same."""
import json
import re
import shutil
import subprocess
from pathlib import Path

from harness import main

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = re.compile(r"\bperigee_[a-z0-9_]+\b")


def exported(node):
    """The names on the page, once there was traffic of every kind. A histogram goes by its name without suffix."""
    node.get("/_/body?size=10&cc=max-age=60", headers={"Host": "site.example"})
    node.get("/_/body?size=10&cc=max-age=60", headers={"Host": "site.example"})
    node.raw(b"GET / HTTP/9\r\n\r\n")
    page = node.admin("/metrics").body.decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    names = set()
    for sample in node.metrics():
        name = sample.partition("{")[0]
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        names.add(base if types.get(base) == "histogram" else name)
    return names


def without_suffix(names, known):
    return {name if name in known else re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def node_of(system):
    """A node that has also met an origin that is not there."""
    node = system.node(system.origin())
    path = node.cluster.path(node.name)
    good = path.read_text()
    there = "%s:%d" % node.cluster.origin.address
    assert there in good, good
    # Bound, and nobody listens.
    path.write_text(good.replace(there, f"127.0.0.1:{system.port().number}"))
    assert node.reload()[0] == 200
    assert node.get("/nowhere", headers={"Host": "site.example"}).status == 502
    path.write_text(good)
    assert node.reload()[0] == 200
    return node


def test_documents(system):
    """every metric that is exported is documented, and the other way round"""
    node = node_of(system)
    documented = set(NAME.findall((REPOSITORY / "docs/METRICS.md").read_text()))
    found = exported(node)
    assert found == documented, found ^ documented


def test_promtool(system):
    """promtool accepts the page, the rules and the configuration"""
    node = node_of(system)
    exported(node)
    promtool = shutil.which("promtool")
    page = node.admin("/metrics").body
    for command, stdin in ((["check", "metrics"], page), (["check", "rules", "perigee.rules.yml"], None),
                           (["check", "config", "prometheus.yml"], None)):
        done = subprocess.run([promtool, *command], input=stdin, capture_output=True,
                              cwd=REPOSITORY / "config/prometheus", check=False)
        assert done.returncode == 0, f"{command}: {done.stdout.decode()}{done.stderr.decode()}"


def test_examples(system):
    """alerts and dashboard ask for metrics that there are"""
    known = exported(node_of(system))
    for path in ("config/prometheus/perigee.rules.yml", "config/grafana/perigee.json"):
        text = (REPOSITORY / path).read_text()
        if path.endswith(".json"):
            json.loads(text)
        asked = without_suffix(set(NAME.findall(text)), known)
        assert asked <= known, f"{path}: {asked - known}"


if __name__ == "__main__":
    main(globals())
