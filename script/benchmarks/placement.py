"""Placement of 3 to 500 nodes: balance, movement when one leaves, weights, and the time of a look-up beside a std::map ring of
160 virtual nodes (bench/micro/placement.cc). Everything but the times is the same on every machine."""
import json
import subprocess

TARGETS = ["bench-placement"]
# Busiest over mean, by nodes; the rest holds for every number of nodes.
BUSIEST_MAX = {10: 1.08, 50: 1.10, 500: 1.12}
MOVED_MAX = 1.02
WEIGHT_ERROR_MAX = 0.03
SPEEDUP_MIN_AT_500 = 5


def run(build):
    result = subprocess.run(["taskset", "-c", "0", build / "bench-placement"], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, check=True)
    table, _, line = result.stdout.rstrip().rpartition("\n")
    print(table, flush=True)
    return json.loads(line)
