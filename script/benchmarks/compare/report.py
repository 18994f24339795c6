"""What was measured, as files: one of JSON for each work, a table and charts for people."""
import json
import statistics
from pathlib import Path

from .. import generated, svg
from .works import WORKS

ROOT = Path(__file__).resolve().parents[3]
RESULTS = ROOT / "bench/results"
CHARTS = ROOT / "docs/performance"
PAGE = ROOT / "docs/PERFORMANCE.md"
ORDER = ("perigee", "nginx", "haproxy", "h2o", "trafficserver", "varnish", "squid", "nghttpd")
SHOWN = {"perigee": "Perigee", "nginx": "nginx", "haproxy": "HAProxy", "h2o": "H2O", "trafficserver": "Traffic Server",
         "varnish": "Varnish", "squid": "Squid", "nghttpd": "nghttpd"}


def save(name, figures, versions):
    """figures: server -> its measurements, in the order in which they were made."""
    work = WORKS[name]
    RESULTS.mkdir(parents=True, exist_ok=True)
    servers = {
        server: {"version": versions[server], "median": round(statistics.median(values), 3), "min": round(min(values), 3),
                 "max": round(max(values), 3), "rounds": [round(value, 3) for value in values]}
        for server, values in figures.items()
    }
    path = RESULTS / f"compare-{name}.json"
    path.write_text(json.dumps({"work": name, "says": work.says, "unit": work.unit, "servers": servers}, indent=1) + "\n",
                    encoding="utf-8")
    return path


def saved():
    """work -> what its file says, for those that were measured."""
    found = {}
    for name in WORKS:
        path = RESULTS / f"compare-{name}.json"
        if path.exists():
            found[name] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write():
    """The table in docs/PERFORMANCE.md and the charts beside it, from whatever has been measured."""
    results = saved()
    CHARTS.mkdir(parents=True, exist_ok=True)
    for name, result in results.items():
        rows = [(SHOWN[server], each["median"], each["min"], each["max"]) for server, each in result["servers"].items()]
        chart = svg.bars(result["says"], result["unit"] + "; less is better", rows, SHOWN["perigee"])
        (CHARTS / f"compare-{name}.svg").write_text(chart, encoding="utf-8")
    generated.replace(PAGE, "compare", table(results))


def table(results):
    servers = [server for server in ORDER if any(server in result["servers"] for result in results.values())]
    versions = {server: each["version"] for result in results.values() for server, each in result["servers"].items()}
    lines = ["| work | " + " | ".join(f"{SHOWN[server]} {versions[server]}".replace(" this tree", "") for server in servers) + " |",
             "|---|" + "---:|" * len(servers)]
    for result in results.values():
        cells = [cell(result["servers"].get(server)) for server in servers]
        lines.append(f"| {result['says']} ({result['unit'].partition(';')[0]}) | " + " | ".join(cells) + " |")
    charts = [f"![{result['says']}](performance/compare-{name}.svg)" for name, result in results.items()]
    return "\n".join([*lines, "", "Median, and in brackets the least and the most of all rounds.", "", *charts])


def cell(figures):
    if figures is None:
        return "-"
    return f"{svg.figure(figures['median'])} ({svg.figure(figures['min'])} to {svg.figure(figures['max'])})"


def ratio(name, server):
    """Perigee's median over another server's; None when one of them was not measured."""
    measured = saved().get(name, {"servers": {}})["servers"]
    if "perigee" not in measured or server not in measured:
        return None
    return measured["perigee"]["median"] / measured[server]["median"]
