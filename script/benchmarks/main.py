"""Runs one benchmark on a release build."""
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(SCRIPT), str(SCRIPT.parent / "tests/system")]

from benchmarks import counts, evict, hit, peer_protocols, placement  # noqa: E402
from rings import build  # noqa: E402

# name: (run, what it builds, what it says)
BENCHMARKS = {
    "hit": (hit.run, hit.TARGETS, "CPU, system calls, allocations, instructions of a 1 KiB hit, next to a bare epoll responder"),
    "hit-2000": (hit.of_shape(hit.CROWD), hit.TARGETS, "the same CPU on 2,000 connections"),
    "hit-100k": (hit.of_shape(hit.LARGE), hit.TARGETS, "the same CPU for a hit of 100 KB"),
    "hit-10m": (hit.of_shape(hit.HUGE), hit.TARGETS, "the same CPU for a hit of 10 MB, next to a bare writev responder"),
    "pipelined": (hit.pipelined, hit.TARGETS, "CPU of a 1 KiB hit, 16 in flight on each connection, next to one in flight"),
    "counts": (counts.run, counts.TARGETS, "instructions of a hit by function, locked instructions, allocations, reads and writes"),
    "evict": (evict.run, evict.TARGETS, "hit ratios of the eviction strategies, on generated traces or a FILE.csv"),
    "peer-protocols": (peer_protocols.run, peer_protocols.TARGETS, "CPU of who answers and of who asks, HTTP/1.1 next to HTTP/2; takes half an hour"),
    "placement": (placement.run, placement.TARGETS, "balance, movement, weights and look-up time of 3 to 500 nodes, next to a std::map ring"),
}


def main(arguments):
    if not arguments or arguments[0] not in BENCHMARKS:
        for name, (_, _, says) in BENCHMARKS.items():
            print(f"{name:<14} {says}")
        return 2 if arguments else 0
    run, targets, _ = BENCHMARKS[arguments[0]]
    if not build.build("release", targets):
        return 1
    print(json.dumps(run(build.folder("release"), *arguments[1:])), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
