"""Hit ratios of the eviction strategies on generated traces, or on any csv of time,id,size: script/bench evict [FILE.csv].

Each mix is replayed through the real store at sizes from 1 to 25 % of the footprint. The parameters of the mixes are here; sizes are those
of bench/trace/generate.h. Without a file the results go to bench/results and docs/PERFORMANCE.md; with one the curves are drawn beside it,
and the best strategy is named.
"""
import json
import os
import subprocess
from pathlib import Path

from . import generated, svg

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench/results"
CHARTS = ROOT / "docs/performance"
TARGETS = ["bench-evict"]

MIXES = {
    "zipf": (["--ids", "100000", "--skew", "0.9"], "Zipf, 100,000 ids, skew 0.9"),
    "scan": (["--ids", "100000", "--skew", "0.9", "--scan-every", "100000", "--scan-ids", "20000"],
             "the same, and every 100,000 requests a scan over 20,000 other ids"),
    "recency": (["--ids", "100000", "--skew", "1.0", "--birth-share", "0.1"],
                "recency-heavy: each tenth request brings a new id, the k-th youngest is asked for in proportion to 1/k"),
    "one_hit": (["--ids", "100000", "--skew", "0.9", "--one-hit-share", "0.5"],
                "Zipf, and half of the requests for what nobody asks for again"),
    "twice": (["--ids", "100000", "--skew", "0.9", "--twice-lag", "20000"],
              "Zipf, and half of the requests for ids that are asked for twice, 40,000 requests apart"),
}
REQUESTS = "1000000"
SHARES = (1, 2, 5, 10, 25)
OFFLINE = ("belady", "bound")
SHOWN = {"s3_fifo": "S3-FIFO", "s3_fifo_adaptive": "S3-FIFO, adaptive", "s3_fifo_sized": "S3-FIFO, by size", "sieve": "SIEVE",
         "gdsf": "GDSF, sampled", "lru": "LRU", "belady": "Belady (offline)", "bound": "upper bound (offline)"}
KINDS = {"objects": "Object hit ratio", "bytes": "Byte hit ratio"}


def replay(build, arguments):
    command = [build / "bench-evict", "--shares", ",".join(map(str, SHARES)), *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def run(build, *files):
    if files:
        return own(build, *files)
    RESULTS.mkdir(parents=True, exist_ok=True)
    results = {}
    for mix, (parameters, says) in MIXES.items():
        results[mix] = {**replay(build, [mix, "--requests", REQUESTS, *parameters]), "says": says, "parameters": parameters}
        print(table(results[mix], "objects"), flush=True)
        (RESULTS / f"evict-{mix}.json").write_text(json.dumps(results[mix], indent=1) + "\n", encoding="utf-8")
    write(results)
    return promises(results)


def own(build, file):
    """An operator's trace: curves beside the file, and the best strategy for each kind of ratio."""
    # script/bench has gone to the root of the tree; the file's path is as seen from where it was called.
    file = str(Path(os.environ.get("OLDPWD", "."), file))
    result = replay(build, [file])
    for kind, title in KINDS.items():
        print(f"{title}\n{table(result, kind)}\nbest: {SHOWN[best(result, kind)]}\n")
        draw(result, kind, Path(file).name, Path(f"{file}.{kind}.svg"))
    return {f"best_{kind}": best(result, kind) for kind in KINDS}


def ratio(result, policy, share, kind):
    return next(row[kind] for row in result["rows"] if row["policy"] == policy and row["share"] == share)


def policies(result):
    return list(dict.fromkeys(row["policy"] for row in result["rows"]))


def best(result, kind):
    """The strategy with the highest ratio, on average over the sizes."""
    real = [policy for policy in policies(result) if policy not in OFFLINE]
    return max(real, key=lambda policy: sum(ratio(result, policy, share, kind) for share in SHARES))


def table(result, kind):
    lines = ["| strategy | " + " | ".join(f"{share} %" for share in SHARES) + " |", "|---|" + "---:|" * len(SHARES)]
    for policy in policies(result):
        cells = [f"{100 * ratio(result, policy, share, kind):.1f}" for share in SHARES]
        lines.append(f"| {SHOWN[policy]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(result, kind, name, path):
    lines = {SHOWN[policy]: [(share, ratio(result, policy, share, kind)) for share in SHARES] for policy in policies(result)}
    chart = svg.curves(f"{KINDS[kind]}: {name}", "cache size, % of all distinct responses", f"{result['requests']:,} requests", lines, SHARES)
    path.write_text(chart, encoding="utf-8")


def write(results):
    CHARTS.mkdir(parents=True, exist_ok=True)
    parts = []
    for mix, result in results.items():
        parts.append(f"**{mix}**: {result['says']}. Footprint {result['footprint'] / 1e9:.2f} GB in {result['ids']:,} ids.\n")
        for kind, title in KINDS.items():
            draw(result, kind, mix, CHARTS / f"evict-{mix}-{kind}.svg")
            parts.append(f"{title}, percent:\n\n{table(result, kind)}\n\n![{title}, {mix}](performance/evict-{mix}-{kind}.svg)\n")
    generated.replace(ROOT / "docs/PERFORMANCE.md", "evict", "\n".join(parts))


def default_policy():
    """The default of cache.eviction, from the reference that is generated from the settings table."""
    for line in (ROOT / "docs/CONFIG.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `eviction` |"):
            return line.split("|")[3].strip().strip("`")
    raise AssertionError("docs/CONFIG.md has no line for eviction")


def promises(results):
    """What is promised about the default, as figures: the worst difference to LRU, and the factor on one-hit traffic."""
    policy = default_policy()
    behind = [ratio(results[mix], "lru", share, "objects") - ratio(results[mix], policy, share, "objects")
              for mix in ("zipf", "scan", "recency") for share in SHARES]
    factor = ratio(results["one_hit"], policy, 5, "objects") / ratio(results["one_hit"], "lru", 5, "objects")
    return {"policy": policy, "points_behind_lru_max": round(100 * max(behind), 3), "one_hit_over_lru_at_5": round(factor, 4)}
