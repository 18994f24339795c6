"""Runs one benchmark on a release build."""
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(SCRIPT), str(SCRIPT.parent / "tests/system")]

from benchmarks import evict, hit, placement  # noqa: E402
from rings import build  # noqa: E402

BENCHMARKS = {
    "hit": (hit, "CPU, system calls and allocations of a 1 KiB hit, next to a bare epoll responder"),
    "evict": (evict, "hit ratios of the eviction strategies, on generated traces or a FILE.csv"),
    "placement": (placement, "balance, movement, weights and look-up time of 3 to 500 nodes, next to a std::map ring"),
}


def main(arguments):
    if not arguments or arguments[0] not in BENCHMARKS:
        for name, (_, says) in BENCHMARKS.items():
            print(f"{name:<12} {says}")
        return 2 if arguments else 0
    module, _ = BENCHMARKS[arguments[0]]
    if not build.build("release", module.TARGETS):
        return 1
    print(json.dumps(module.run(build.folder("release"), *arguments[1:])), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
