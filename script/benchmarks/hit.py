"""A hit of 1 KiB on 64 connections, one worker, against the bare responder of bench/micro/floor.cc.

The machine is noisy, so the two are measured in turn (floor, edge, edge, floor; five times), each pinned to one core with the load on
another, in CPU time per request rather than requests per second; the figures are medians. What can be counted is counted: system calls
under strace, allocations by a preloaded counter.
"""
import os
import re
import statistics
import subprocess

from harness import System
from harness.process import Process

TARGETS = ["perigee-edge", "perigee-origin", "perigee-load", "bench-floor", "count-allocations"]
BODY_BYTES = 1024
CONNECTIONS = 64
ROUNDS = 5
SECONDS = 2
COUNTED_REQUESTS = 64_000
PATH = "/hit.bin"


class Floor(Process):
    def __init__(self, program):
        super().__init__("floor", ["taskset", "-c", "0", program, "--listen", "127.0.0.1:0"])
        match = self.out.wait(r"^listening (\S+):(\d+)$", 10)
        self.address = match.group(1), int(match.group(2))


def run(build):
    with System(build) as system:
        floor = system.keep(Floor(system.program("bench-floor")))
        edge = start_edge(system)
        pin(edge)
        pairs = [measure_round(system, floor, edge) for _ in range(ROUNDS)]
        counts = {"syscalls": count_syscalls(system, edge)}
    with System(build) as system:
        counts["allocations"] = count_allocations(system)
    return report(pairs, counts)


def start_edge(system, environment=None):
    (system.folder / "root").mkdir()
    (system.folder / "root" / PATH[1:]).write_bytes(b"x" * BODY_BYTES)
    origin = system.origin("--root", system.folder / "root")
    edge = system.node(origin, environment, node={"workers": 1}, site_cache={"default_freshness": "1h"})
    for _ in range(2):
        warm = edge.get(PATH)
    assert warm.status == 200 and len(warm.body) == BODY_BYTES and warm.is_hit, (warm.status, warm.headers.items())
    return edge


def pin(process):
    """Every thread on the first core; the load runs on the last."""
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        os.sched_setaffinity(int(thread), {0})


def load(system, target, *arguments):
    """A finished run of the load generator, all of it answered rightly."""
    process = system.load([target], "--connections", str(CONNECTIONS), *arguments, PATH)
    os.sched_setaffinity(process.pid, {os.cpu_count() - 1})
    result = process.result()
    assert result["exit"] == 0, result
    return result


def cpu_us(system, target):
    before = target.cpu_seconds()
    result = load(system, target, "--duration", str(SECONDS))
    return (target.cpu_seconds() - before) * 1e6 / result["complete"]


def measure_round(system, floor, edge):
    """ABBA: a drift of the machine weighs on both alike."""
    first = cpu_us(system, floor)
    subject = [cpu_us(system, edge), cpu_us(system, edge)]
    yardstick = [first, cpu_us(system, floor)]
    pair = statistics.mean(yardstick), statistics.mean(subject)
    print(f"floor {pair[0]:6.2f} us   edge {pair[1]:6.2f} us   ratio {pair[1] / pair[0]:5.3f}", flush=True)
    return pair


def count_syscalls(system, edge):
    """Calls per hit, by name, over a run of many hits."""
    report = system.folder / "syscalls"
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", report, "-p", str(edge.pid)], stderr=subprocess.PIPE)
    for line in tracer.stderr:
        if b"attached" in line:
            break
    result = load(system, edge, "--requests", str(COUNTED_REQUESTS))
    tracer.terminate()
    tracer.wait(20)
    calls = {}
    for line in report.read_text(encoding="ascii").splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if match and match.group(2) != "total":
            calls[match.group(2)] = int(match.group(1)) / result["complete"]
    return calls


def count_allocations(system):
    """Allocations per hit: the difference that many hits make."""
    counter = system.folder / "allocations"
    counter.write_bytes(bytes(8))
    library = str(system.program("libcount-allocations.so"))
    edge = start_edge(system, {"PERIGEE_ALLOCATIONS_FILE": str(counter), "LD_PRELOAD": library})

    def counted(requests):
        before = int.from_bytes(counter.read_bytes(), "little")
        load(system, edge, "--requests", str(requests))
        return int.from_bytes(counter.read_bytes(), "little") - before

    counted(COUNTED_REQUESTS)  # what is allocated once, and kept, is allocated here
    return (counted(2 * COUNTED_REQUESTS) - counted(COUNTED_REQUESTS)) / COUNTED_REQUESTS


def report(pairs, counts):
    ratios = [edge / floor for floor, edge in pairs]
    calls = counts["syscalls"]
    print(f"ratio: median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    for name, per_hit in sorted(calls.items(), key=lambda item: -item[1]):
        print(f"{name:<16} {per_hit:8.4f} per hit")
    kinds = {"reads": ("read", "readv", "recvfrom", "recvmsg"), "writes": ("write", "writev", "sendto", "sendmsg")}
    return {
        "cpu_us": round(statistics.median(edge for _, edge in pairs), 3),
        "floor_us": round(statistics.median(floor for floor, _ in pairs), 3),
        "ratio_floor": round(statistics.median(ratios), 4),
        "ratio_floor_min": round(min(ratios), 4),
        "ratio_floor_max": round(max(ratios), 4),
        "syscalls_per_hit": round(sum(calls.values()), 4),
        **{f"{kind}_per_hit": round(sum(calls.get(name, 0) for name in names), 4) for kind, names in kinds.items()},
        "allocations_per_hit": round(counts["allocations"], 4),
    }
