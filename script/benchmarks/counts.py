"""What a hit costs in counts that are the same on every run: instructions, locked instructions, allocations, reads and writes.

Measured on bench-hit-path (bench/micro/hit_path.cc) as the difference between a long run and a short one, so that starting and ending
weigh nothing; instructions by callgrind, between entering and leaving UvLoop::run(). Once with a wake-up of the loop for each hit, and
once with sixteen hits in a wake-up: from the two follows what a hit costs by itself, and what a wake-up does. The kernel's
instructions are not in it. Over HTTP/2 the sixteen are streams of one connection, without TLS, so that nghttp2 is counted and OpenSSL
is not.

Locked instructions are found in the machine code (a lock prefix, or an exchange with memory, which the processor locks by itself) and
counted as often as callgrind saw them run. Every mutex and every atomic read-modify-write is one, whoever shares it.
"""
import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

TARGETS = ["bench-hit-path", "count-allocations"]
LOOP = "perigee::net::UvLoop::run()"
SHORT, LONG = 500, 2500
PIPELINED = 16


def run(build):
    figures = count(build)
    for name in ("functions", "h2_functions"):
        print(name)
        for function, per_hit in figures.pop(name):
            print(f"{per_hit:9.1f}  {function[:130]}")
    return figures


def count(build):
    """Per hit, unless it says otherwise; over HTTP/1.1 unless it says h2."""
    return {**count_http1(build), **count_http2(build)}


def count_http1(build):
    alone = Difference(build, 1)
    together = Difference(build, PIPELINED)
    instructions = shares(alone, together, "instructions")
    locked = shares(alone, together, "locked")
    return {
        "reads_per_hit": alone.reads / alone.hits,
        "writes_per_hit": alone.writes / alone.hits,
        "allocations_per_hit": alone.allocations / alone.hits,
        "instructions_per_hit": round(sum(instructions), 1),
        "instructions_per_wakeup": round(instructions[1], 1),
        "instructions_per_pipelined_hit": round(instructions[0] + instructions[1] / PIPELINED, 1),
        "locked_per_hit": round(locked[0], 4),
        "locked_per_wakeup": round(locked[1], 4),
        "locked_where": alone.locked_where,
        "functions": alone.functions,
    }


def count_http2(build):
    """What nghttp2 allocates for a stream, and all else, with one stream at a time and with sixteen."""
    alone = Difference(build, 1, "h2")
    together = Difference(build, PIPELINED, "h2")
    instructions = shares(alone, together, "instructions")
    return {
        "h2_reads_per_hit": alone.reads / alone.hits,
        "h2_writes_per_hit": alone.writes / alone.hits,
        "h2_reads_per_hit_of_16": together.reads / together.hits,
        "h2_writes_per_hit_of_16": together.writes / together.hits,
        "h2_allocations_per_hit": alone.allocations / alone.hits,
        "h2_allocations_per_hit_of_16": together.allocations / together.hits,
        "h2_instructions_per_hit": round(sum(instructions), 1),
        "h2_instructions_per_hit_of_16": round(instructions[0] + instructions[1] / PIPELINED, 1),
        "h2_locked_per_hit": round(alone.locked / alone.hits, 4),
        "h2_locked_where": alone.locked_where,
        "h2_functions": together.functions,
    }


def shares(alone, together, what):
    """What a hit costs and what a wake-up costs, when both runs cost so much for each of their hits and each of their wake-ups. A
    pipelined write may be read in two parts, so wake-ups are counted and not assumed."""
    cost = getattr(alone, what), getattr(together, what)
    determinant = alone.hits * together.wakeups - together.hits * alone.wakeups
    of_hit = (cost[0] * together.wakeups - cost[1] * alone.wakeups) / determinant
    return of_hit, (alone.hits * cost[1] - together.hits * cost[0]) / determinant


class Difference:
    """Between a long run and a short one."""

    def __init__(self, build, together, *protocol):
        short, long = (Run(build, rounds, together, *protocol) for rounds in (SHORT, LONG))
        for name in ("hits", "reads", "writes", "wakeups"):
            setattr(self, name, long.io[name] - short.io[name])
        self.allocations = long.allocations - short.allocations
        self.instructions = long.instructions - short.instructions
        locked = {name: times - short.locked[name] for name, times in long.locked.items()}
        self.locked = sum(locked.values())
        self.locked_where = {name: round(times / self.hits, 3) for name, times in sorted(locked.items()) if times > self.hits / 100}
        costs = {name: (cost - short.costs[name]) / self.hits for name, cost in long.costs.items()}
        self.functions = sorted(((name, cost) for name, cost in costs.items() if cost >= 1), key=lambda item: -item[1])


class Run:
    def __init__(self, build, rounds, together, *protocol):
        command = [str(build / "bench-hit-path"), str(rounds), str(together), *protocol]
        with tempfile.TemporaryDirectory(prefix="perigee-") as folder:
            counter = Path(folder) / "allocations"
            counter.write_bytes(bytes(8))
            environment = {**os.environ, "PERIGEE_ALLOCATIONS_FILE": str(counter),
                           "LD_PRELOAD": str(build / "libcount-allocations.so")}
            subprocess.run(command, check=True, capture_output=True, env=environment)
            self.allocations = int.from_bytes(counter.read_bytes(), "little")
            profile = Path(folder) / "profile"
            ran = subprocess.run(["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no",
                                  "--compress-strings=no", f"--toggle-collect={LOOP}", f"--callgrind-out-file={profile}",
                                  *command], check=True, capture_output=True, text=True)
            self.io = json.loads(ran.stdout)
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
                    if not called:
                        self._add(library, function, line.split())
                    called = False
        self.instructions = sum(self.costs.values())

    def _add(self, library, function, line):
        self.costs[function] += int(line[2])
        if int(line[0], 16) in locked_instructions(library):
            self.locked[f"{Path(library).name}: {function}"] += int(line[2])


_LOCKED = {}


def locked_instructions(library):
    """Where a file has instructions that lock."""
    if library not in _LOCKED:
        found = set()
        if library and Path(library).exists():
            listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], capture_output=True, text=True, check=True)
            for line in listing.stdout.splitlines():
                if match := re.match(r"\s*([0-9a-f]+):\s+(lock |xchg .*\()", line):
                    found.add(int(match.group(1), 16))
        _LOCKED[library] = found
    return _LOCKED[library]
