"""The cluster without its sockets: placement, a herd in memory, nodes that disagree, and the simulator with its planted bugs."""
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import placement as benchmark

ROOT = Path(__file__).resolve().parent.parent.parent
MUTANTS = ROOT / "tests/sim/mutants/mutants.py"

TARGETS = ["bench-placement", "perigee-simulate", "sim_mutants"]
HERD_BYTES = 100_000_000
FRESH_SEEDS = 2_000
SEEDS_AT_ONCE = 25
SKEW_SECONDS = 600
SKEW_SEEDS = 4
MUTANT_SEEDS = 200


def placement(system, line):
    """Balance, movement, weights and look-up time of the placement table."""
    rows = {row["nodes"]: row for row in benchmark.run(system.build)["rows"]}
    for nodes, limit in benchmark.BUSIEST_MAX.items():
        line.at_most(f"busiest over mean of {nodes} nodes", rows[nodes]["busiest_over_mean"], limit)
    line.at_most("moved when one leaves, over the minimum", max(row["moved_over_minimum"] for row in rows.values()),
                 benchmark.MOVED_MAX)
    line.at_most("shares off their weights", max(row["weight_error"] for row in rows.values()), benchmark.WEIGHT_ERROR_MAX)
    speedup = rows[500]["speedup"]
    line("look-up at 500 nodes, times a std::map ring's", speedup, f">= {benchmark.SPEEDUP_MIN_AT_500}",
         speedup >= benchmark.SPEEDUP_MIN_AT_500)


def herd(system, line):
    """100 MB that nobody has, asked for by 21 clients of five nodes over links with delays."""
    plain = one_herd(system)
    line.exactly("GETs at the origin", plain["gets"], 1)
    line.at_most("slowest first byte beyond the way, ms", plain["excess_ms"], 1)
    line.exactly("clients without the whole", plain["client_errors"] + plain["wrong"], 0)
    slow = one_herd(system, "--latency", "5")
    line.exactly("origin first byte after 5 s: GETs", slow["gets"], 1)
    line.exactly("origin first byte after 5 s: ejections and fallbacks", slow["ejections"] + slow["fallbacks"], 0)
    line.at_most("origin first byte after 5 s: slowest beyond the way, ms", slow["excess_ms"], 1)
    for victim in ("asker", "owner"):
        killed = one_herd(system, "--kill", victim)
        line.at_most(f"{victim} killed in mid-body: GETs", killed["gets"], 2)
        line.exactly(f"{victim} killed in mid-body: clients of others without the whole",
                     killed["client_errors"] + killed["wrong"], 0)


def one_herd(system, *more):
    command = [system.program("perigee-simulate"), "herd", "--bytes", str(HERD_BYTES), *more]
    return json.loads(subprocess.run(command, text=True, stdout=subprocess.PIPE, check=True).stdout)


def skew(system, line):
    """Ten minutes of nodes that read other topologies, and nothing else wrong: judged by deadline, path and all the rest."""
    bad = run_seeds(system, 1, SKEW_SEEDS, 1, "--profile", "membership", "--seconds", str(SKEW_SECONDS))
    line.exactly(f"{SKEW_SEEDS} runs of {SKEW_SECONDS} s: violated", bad, 0)


def seeds(system, line):
    """Two thousand seeds nobody has run before, with every fault there is."""
    first = int(time.time()) * 1_000
    began = time.monotonic()
    bad = run_seeds(system, first, FRESH_SEEDS, SEEDS_AT_ONCE)
    line.exactly(f"{FRESH_SEEDS} fresh seeds from {first}: violated", bad, 0)
    line("minutes they took", (time.monotonic() - began) / 60, "none", True)


def planted(system, line):
    """Every planted bug is found."""
    listed = subprocess.run([sys.executable, "-B", MUTANTS, "list"], text=True, stdout=subprocess.PIPE, check=True).stdout
    for name, profile, *_ in (entry.split(";") for entry in listed.split()):
        command = [system.build / "tests" / f"simulate-{name}", "seeds", "--from", "1", "--count", str(MUTANT_SEEDS),
                   "--profile", profile, "--expect-violation"]
        result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        found = re.search(r"^seed (\d+): VIOLATION", result.stdout, re.MULTILINE)
        shown = f"seed {found.group(1)}" if found else "not found"
        line(f"{name} is found by", shown, f"seed <= {MUTANT_SEEDS}", result.returncode == 0 and found)


def run_seeds(system, first, count, at_once, *more):
    """How many of the seeds were violated; says what they were."""
    program = system.program("perigee-simulate")

    def batch(start):
        command = [program, "seeds", "--from", str(start), "--count", str(min(at_once, first + count - start)), *more]
        return subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    bad = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for result in pool.map(batch, range(first, first + count, at_once)):
            if result.returncode == 0:
                continue
            print(result.stdout, end="", flush=True)
            counted = re.search(r"^\d+ seeds, (\d+) with violations$", result.stdout, re.MULTILINE)
            bad += int(counted.group(1)) if counted else 1
    return bad


PARTS = {"placement": placement, "herd": herd, "skew": skew, "seeds": seeds, "planted": planted}
