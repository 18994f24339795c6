"""Hits from memory, one worker, against the bare responder of bench/micro/floor.cc on the same work.

The machine is noisy, so the two are measured in turn (floor, edge, edge, floor; five times), each pinned to one core with the load on
another, in CPU time per request rather than requests per second; the figures are medians. What can be counted is counted: system calls
under strace, allocations by a preloaded counter, instructions by callgrind.
"""
import os
import re
import statistics
import subprocess
from dataclasses import dataclass

from benchmarks import counts
from harness import System
from harness.process import Process

TARGETS = ["perigee-edge", "perigee-origin", "perigee-load", "bench-floor", "count-allocations", *counts.TARGETS]
ROUNDS = 9
COUNTED_REQUESTS = 64_000
PATH = "/hit.bin"


@dataclass(frozen=True)
class Shape:
    """What is asked for, and by how many."""
    body_bytes: int = 1024
    connections: int = 64
    pipeline: int = 1
    seconds: float = 2

    def load(self):
        return ["--connections", str(self.connections), "--pipeline", str(self.pipeline)]


KILOBYTE = Shape()
CROWD = Shape(connections=2000, seconds=3)
LARGE = Shape(body_bytes=100_000)
HUGE = Shape(body_bytes=10_000_000, seconds=3)
PIPELINED = Shape(pipeline=16)


class Floor(Process):
    def __init__(self, program, body_bytes):
        super().__init__("floor", ["taskset", "-c", "0", program, "--listen", "127.0.0.1:0", "--body", str(body_bytes)])
        match = self.out.wait(r"^listening (\S+):(\d+)$", 10)
        self.address = match.group(1), int(match.group(2))


def run(build):
    pairs = compare(build, KILOBYTE)
    calls = syscalls(build)
    counted = counts.count_http1(build)
    more = {name: value for name, value in counted.items() if name.startswith(("instructions", "locked_per"))}
    for name, per_hit in sorted(calls.items(), key=lambda item: -item[1]):
        print(f"{name:<16} {per_hit:8.4f} per hit")
    return {**figures(pairs), **by_kind(calls), "allocations_per_hit": round(allocations(build), 4), **more}


def of_shape(shape):
    """A benchmark of one shape alone."""
    return lambda build: figures(compare(build, shape))


def pipelined(build):
    """Sixteen requests in flight on each connection, against one."""
    with System(build) as system:
        edge = start_edge(system)
        pairs = [alternate(system, (edge, KILOBYTE), (edge, PIPELINED)) for _ in range(ROUNDS)]
    ratios = [many / one for one, many in pairs]
    return {"cpu_us": middle(one for one, _ in pairs), "cpu_us_pipelined": middle(many for _, many in pairs),
            "ratio": round(statistics.median(ratios), 4), "ratio_min": round(min(ratios), 4), "ratio_max": round(max(ratios), 4)}


def compare(build, shape):
    """(floor, edge) in CPU microseconds per request, for every round."""
    with System(build) as system:
        floor = system.keep(Floor(system.program("bench-floor"), shape.body_bytes))
        edge = start_edge(system, shape.body_bytes)
        return [alternate(system, (floor, shape), (edge, shape)) for _ in range(ROUNDS)]


def start_edge(system, body_bytes=1024, environment=None):
    (system.folder / "root").mkdir()
    (system.folder / "root" / PATH[1:]).write_bytes(b"x" * body_bytes)
    origin = system.origin("--root", system.folder / "root")
    edge = system.node(origin, environment, node={"workers": 1}, site_cache={"default_freshness": "1h"})
    for _ in range(2):
        warm = edge.get(PATH)
    assert warm.status == 200 and len(warm.body) == body_bytes and warm.is_hit, (warm.status, warm.headers.items())
    pin(edge)
    return edge


def pin(process):
    """Every thread on the first core; the load runs on the last."""
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        os.sched_setaffinity(int(thread), {0})


def load(system, target, *arguments):
    """A finished run of the load generator, all of it answered rightly."""
    process = system.load([target], *arguments, PATH)
    os.sched_setaffinity(process.pid, {os.cpu_count() - 1})
    result = process.result()
    assert result["exit"] == 0, result
    return result


def cpu_us(system, target, shape):
    before = target.cpu_seconds()
    result = load(system, target, *shape.load(), "--duration", str(shape.seconds))
    return (target.cpu_seconds() - before) * 1e6 / result["complete"]


def alternate(system, yardstick, subject):
    """ABBA: a drift of the machine weighs on both alike."""
    first = cpu_us(system, *yardstick)
    of_subject = [cpu_us(system, *subject), cpu_us(system, *subject)]
    of_yardstick = [first, cpu_us(system, *yardstick)]
    pair = statistics.mean(of_yardstick), statistics.mean(of_subject)
    print(f"yardstick {pair[0]:8.2f} us   subject {pair[1]:8.2f} us   ratio {pair[1] / pair[0]:5.3f}", flush=True)
    return pair


def middle(values):
    return round(statistics.median(values), 3)


def figures(pairs):
    ratios = [edge / floor for floor, edge in pairs]
    print(f"ratio: median {statistics.median(ratios):.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    return {"cpu_us": middle(edge for _, edge in pairs), "floor_us": middle(floor for floor, _ in pairs),
            "ratio_floor": round(statistics.median(ratios), 4),
            "ratio_floor_min": round(min(ratios), 4), "ratio_floor_max": round(max(ratios), 4)}


def syscalls(build):
    """Calls per hit, by name, over a run of many hits."""
    with System(build) as system:
        return count_syscalls(system, start_edge(system))


def count_syscalls(system, edge):
    report = system.folder / "syscalls"
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", report, "-p", str(edge.pid)], stderr=subprocess.PIPE)
    for line in tracer.stderr:
        if b"attached" in line:
            break
    result = load(system, edge, *KILOBYTE.load(), "--requests", str(COUNTED_REQUESTS))
    tracer.terminate()
    tracer.wait(20)
    calls = {}
    for line in report.read_text(encoding="ascii").splitlines():
        match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
        if match and match.group(2) != "total":
            calls[match.group(2)] = int(match.group(1)) / result["complete"]
    return calls


def by_kind(calls):
    kinds = {"reads": ("read", "readv", "recvfrom", "recvmsg"), "writes": ("write", "writev", "sendto", "sendmsg"),
             "epoll_waits": ("epoll_wait", "epoll_pwait")}
    return {"syscalls_per_hit": round(sum(calls.values()), 4),
            **{f"{kind}_per_hit": round(sum(calls.get(name, 0) for name in names), 4) for kind, names in kinds.items()}}


def allocations(build):
    """Heap allocations per hit: the difference that many hits make."""
    with System(build) as system:
        counter = system.folder / "allocations"
        counter.write_bytes(bytes(8))
        library = str(system.program("libcount-allocations.so"))
        edge = start_edge(system, environment={"PERIGEE_ALLOCATIONS_FILE": str(counter), "LD_PRELOAD": library})

        def counted(requests):
            before = int.from_bytes(counter.read_bytes(), "little")
            load(system, edge, *KILOBYTE.load(), "--requests", str(requests))
            return int.from_bytes(counter.read_bytes(), "little") - before

        counted(COUNTED_REQUESTS)  # what is allocated once, and kept, is allocated here
        return (counted(2 * COUNTED_REQUESTS) - counted(COUNTED_REQUESTS)) / COUNTED_REQUESTS
