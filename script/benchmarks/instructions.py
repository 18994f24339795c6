"""What a hit costs in counts that are the same on every run: instructions and locked instructions by callgrind.

Measured on bench-hit-path (bench/micro/hit_path.cc), between entering and leaving UvLoop::run(), as the difference between a long run and
a short one, so that starting and ending weigh nothing. Once with a wake-up of the loop for each hit, and once with sixteen hits in a
wake-up; from the two follows what a hit costs by itself, and what a wake-up does. The kernel's instructions are not in it.
"""
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

TARGETS = ["bench-hit-path"]
PROGRAM = "bench-hit-path"
LOOP = "perigee::net::UvLoop::run()"
SHORT, LONG = 500, 2500
PIPELINED = 16


def run(build):
    figures = count(build)
    for function, per_hit in figures.pop("functions"):
        print(f"{per_hit:9.1f}  {function[:130]}")
    return figures


def count(build):
    """Per hit, unless it says otherwise."""
    program = build / PROGRAM
    alone = Profile(program, 1)
    together = Profile(program, PIPELINED)
    wakeup = (alone.instructions - together.instructions) * PIPELINED / (PIPELINED - 1)
    return {
        "instructions_per_hit": round(alone.instructions, 1),
        "instructions_per_wakeup": round(wakeup, 1),
        "instructions_per_pipelined_hit": round(together.instructions, 1),
        "locked_per_hit": round(together.locked - (alone.locked - together.locked) / (PIPELINED - 1), 4),
        "locked_per_wakeup": round((alone.locked - together.locked) * PIPELINED / (PIPELINED - 1), 4),
        "locked_where": sorted(alone.locked_where),
        "functions": alone.functions,
    }


class Profile:
    """The difference between two runs, divided by the hits in it."""

    def __init__(self, program, pipelined):
        short, long = (Run(program, rounds, pipelined) for rounds in (SHORT, LONG))
        hits = (LONG - SHORT) * pipelined
        self.instructions = (long.instructions - short.instructions) / hits
        self.locked = (sum(long.locked.values()) - sum(short.locked.values())) / hits
        self.locked_where = {name for name, times in long.locked.items() if times - short.locked[name] >= hits / 20}
        costs = {name: (cost - short.costs[name]) / hits for name, cost in long.costs.items()}
        self.functions = sorted(((name, cost) for name, cost in costs.items() if cost >= 1), key=lambda item: -item[1])


class Run:
    def __init__(self, program, rounds, pipelined):
        with tempfile.TemporaryDirectory(prefix="perigee-") as folder:
            profile = Path(folder) / "profile"
            subprocess.run(["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", "--compress-strings=no",
                            f"--toggle-collect={LOOP}", f"--callgrind-out-file={profile}", program, str(rounds), str(pipelined)],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self._read(profile)

    def _read(self, profile):
        self.costs = Counter()
        self.locked = Counter()
        function = library = None
        called = False
        with open(profile, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("fn="):
                    function = line[3:].rstrip()
                elif line.startswith("ob="):
                    library = line[3:].rstrip()
                elif line.startswith("calls="):
                    called = True  # the next line is what the call cost, which is counted where it was spent
                elif line.startswith("0x"):
                    address, _, *cost = line.split()
                    if not called:
                        self.costs[function] += int(cost[0])
                        if int(address, 16) in locked_instructions(library):
                            self.locked[f"{Path(library).name}: {function}"] += int(cost[0])
                    called = False
        self.instructions = sum(self.costs.values())


_LOCKED = {}


def locked_instructions(library):
    """Where a file has instructions that lock: those with the prefix, and exchanges with memory, which need none."""
    if library not in _LOCKED:
        found = set()
        if library and Path(library).exists():
            listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], capture_output=True, text=True, check=True)
            for line in listing.stdout.splitlines():
                if match := re.match(r"\s*([0-9a-f]+):\s+(lock |xchg .*\()", line):
                    found.add(int(match.group(1), 16))
        _LOCKED[library] = found
    return _LOCKED[library]
