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
    return {sample.partition("{")[0] for sample in node.metrics()}


def test_documents(system):
    """every metric that is exported is documented, and the other way round"""
    node = system.node(system.origin())
    documented = set(NAME.findall((REPOSITORY / "docs/METRICS.md").read_text()))
    assert exported(node) == documented, exported(node) ^ documented


def test_promtool(system):
    """promtool accepts the page, the rules and the configuration"""
    node = system.node(system.origin())
    promtool = shutil.which("promtool")
    page = node.admin("/metrics").body
    for command, stdin in ((["check", "metrics"], page), (["check", "rules", "perigee.rules.yml"], None),
                           (["check", "config", "prometheus.yml"], None)):
        done = subprocess.run([promtool, *command], input=stdin, capture_output=True,
                              cwd=REPOSITORY / "config/prometheus", check=False)
        assert done.returncode == 0, f"{command}: {done.stdout.decode()}{done.stderr.decode()}"


def test_examples(system):
    """alerts and dashboard ask for metrics that there are"""
    known = exported(system.node(system.origin()))
    for path in ("config/prometheus/perigee.rules.yml", "config/grafana/perigee.json"):
        text = (REPOSITORY / path).read_text()
        if path.endswith(".json"):
            json.loads(text)
        assert set(NAME.findall(text)) <= known, f"{path}: {set(NAME.findall(text)) - known}"


if __name__ == "__main__":
    main(globals())
