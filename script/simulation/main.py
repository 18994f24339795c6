"""Builds the simulator and runs it: one seed for a person, many seeds, or a report about a topology."""
import argparse
import json
import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPT = Path(__file__).resolve().parent.parent
ROOT = SCRIPT.parent
sys.path.insert(0, str(SCRIPT))

from rings import build  # noqa: E402
from simulation import chart  # noqa: E402

PROFILES = ["any", "calm", "membership", "large"]


def main(arguments):
    parser = argparse.ArgumentParser(prog="script/simulate", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="one run, and everything that happens in it")
    what.add_argument("--count", type=int, help="so many runs")
    what.add_argument("--report", metavar="TOPOLOGY", help="a topology file: offload, hit ratio, load of each node")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--profile", choices=PROFILES, default="any")
    parser.add_argument("--seconds", type=float, default=0, help="of traffic in each run; 0: what the profile says")
    parser.add_argument("--preset", default="release", help="the build: release, or dev for sanitizers")
    parser.add_argument("--requests", type=int, default=20_000, help="of a report")
    parser.add_argument("--urls", type=int, default=2_000, help="of a report")
    parser.add_argument("--zipf", type=float, default=0.9, help="exponent of a report's traffic")
    parser.add_argument("--shield", default="", help="shield region of a report's site")
    options = parser.parse_args(arguments)
    if not build.build(options.preset, ["perigee-simulate"]):
        return 1
    program = build.folder(options.preset) / "perigee-simulate"
    if options.report:
        return report(program, options)
    common = ["--profile", options.profile, "--seconds", str(options.seconds)]
    if options.seed is not None:
        return subprocess.run([program, "seeds", "--from", str(options.seed), "--verbose", *common]).returncode
    return many(program, options.first, options.count, common)


def many(program, first, count, common):
    """The seeds in batches, as many at once as there are cores. Non-zero when one was violated."""
    batches = list(split(first, count, 25))

    def run(batch):
        command = [program, "seeds", "--from", str(batch[0]), "--count", str(batch[1]), *common]
        return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    bad = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for batch, result in zip(batches, pool.map(run, batches)):
            if result.returncode != 0:
                print(result.stdout, end="", flush=True)
                bad += 1
            else:
                print(f"seeds {batch[0]} to {sum(batch) - 1}: good", flush=True)
    print(f"{count} seeds: " + (f"violations in {bad} of {len(batches)} batches" if bad else "no violation"))
    return 1 if bad else 0


def split(first, count, size):
    for at in range(first, first + count, size):
        yield at, min(size, first + count - at)


def report(program, options):
    with open(options.report, "rb") as file:
        topology = tomllib.load(file)
    nodes = []
    for node in topology["node"]:
        nodes += ["--node", f"{node['name']},{node['region']},{node.get('weight', 1)}"]
    command = [program, "load", *nodes, "--requests", str(options.requests), "--urls", str(options.urls),
               "--zipf", str(options.zipf)]
    if options.shield:
        command += ["--shield", options.shield]
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE)
    if not result.stdout.startswith("{"):
        print(result.stdout, end="")
        return 1
    figures = json.loads(result.stdout)
    show(figures)
    out = ROOT / "bench/results" / f"topology-{Path(options.report).stem}.svg"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(chart.draw(figures, Path(options.report).name))
    print(f"drawn in {out.relative_to(ROOT)}")
    print(json.dumps(figures))
    return result.returncode


def show(figures):
    print(f"{figures['requests']} requests for {figures['urls']} URLs, Zipf {figures['zipf']}, "
          f"shield {figures['shield'] or 'none'}: {figures['origin_requests']} at the origin")
    print(f"origin offload {figures['offload']:.2%}, hit ratio {figures['hit_ratio']:.2%} "
          f"({figures['hits_here']} where asked, {figures['hits_there']} at the owner), "
          f"busiest node {figures['busiest_over_mean']:.3f} of its share")
    print(f"{'node':<16} {'region':<8} {'weight':>6} {'clients':>9} {'peers':>9} {'to origin':>9} {'hits':>9}")
    for node in figures["nodes"]:
        print(f"{node['name']:<16} {node['region']:<8} {node['weight']:>6} {node['client_requests']:>9} "
              f"{node['peer_requests']:>9} {node['origin_requests']:>9} {node['hits']:>9}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
