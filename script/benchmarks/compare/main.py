"""script/compare: starts the servers that are installed, gives them the same work in turn, and writes down what it took."""
import argparse
import os
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SCRIPT), str(SCRIPT.parent / "tests/system")]

from benchmarks.compare import quick, report, servers, works  # noqa: E402
from harness import System  # noqa: E402

TARGETS = ["perigee-edge", "perigee-origin", "perigee-load"]
ROUNDS = 3
SECONDS = 1.0


def chosen(names):
    """(those installed, those not) of the servers asked for."""
    asked = [each for each in servers.ALL if not names or each.__name__.lower() in names]
    here = [each for each in asked if each.installed()]
    return here, [each for each in asked if each not in here]


def start(system, kind, origin_workers=1):
    return system.keep(kind(system, system.origin("--workers", str(origin_workers), "--log-max", "1000")))


def run_quick(build, kinds):
    """Lines of what was checked; the number of servers that failed."""
    failed = 0
    for kind in kinds:
        began = time.monotonic()
        try:
            with System(build) as system:
                answers = quick.check(start(system, kind))
            print(f"{kind.__name__}: {answers} answers, all right ({time.monotonic() - began:.1f} s)", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"{kind.__name__}: FAILED: {error}", flush=True)
    return failed


def measure(build, kinds, name, rounds, seconds):
    """ABBA: in each round the servers take their turns forward and then backward, so that a drift weighs on all alike."""
    work = works.WORKS[name]
    figures = {}
    with System(build) as system:
        running = [start(system, kind) for kind in kinds]
        running = [server for server in running if work.can(server)]
        for server in running:
            work.prepare(server)
        # What was done once (memory is taken once) cannot be done again on the same process.
        order = running if hasattr(work, "once") else (running + running[::-1]) * rounds
        for server in order:
            value = work.measure(server, seconds)
            figures.setdefault(server.name, []).append(value)
            print(f"{name:<16} {server.name:<14} {value:10.2f}", flush=True)
    report.save(name, figures, {kind.__name__.lower(): kind.version() for kind in kinds})


def arguments():
    parser = argparse.ArgumentParser(prog="script/compare", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="counts only, under three minutes: no figure depends on time")
    parser.add_argument("--install", action="store_true", help="first install the servers that are missing (Debian packages)")
    parser.add_argument("--build", help="build folder to take Perigee from (default: a release build)")
    parser.add_argument("--servers", nargs="*", default=[], help="some of: " + " ".join(each.__name__.lower() for each in servers.ALL))
    parser.add_argument("--works", nargs="*", default=[], help="some of: " + " ".join(works.WORKS))
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="each has every server twice")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of load for one figure")
    parser.add_argument("--report", action="store_true", help="only write table and charts anew from bench/results")
    return parser.parse_args()


def main():
    asked = arguments()
    if asked.report:
        report.write()
        return 0
    kinds, absent = chosen(asked.servers)
    for kind in absent:
        print(f"{kind.__name__}: skipped, {kind.program} is not installed (script/compare --install does it)", flush=True)
    if asked.quick:
        failed = run_quick(asked.build, kinds)
        print(f"{len(kinds) - failed} passed, {failed} failed", flush=True)
        return 1 if failed or not kinds else 0
    assert (os.cpu_count() or 1) > 1, "found one core, expected two: one for the server, one for the load"
    for name in asked.works or works.WORKS:
        measure(asked.build, kinds, name, asked.rounds, asked.seconds)
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
