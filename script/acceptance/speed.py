"""Hits against the bare responder, what they cost in counts, a herd on one cold key, memory, and look-ups on two threads.

The ratios to other caches are in speed_compare.py; script/compare --install brings those.
"""
import json
import os
import socket
import subprocess

from acceptance import speed_compare
from acceptance.end_to_end import body, clean, gets
from benchmarks import ceilings, counts, hit

TARGETS = [*dict.fromkeys([*hit.TARGETS, "bench-store", *speed_compare.TARGETS])]
MIB = 1 << 20


def ratio(shape, limit):
    def part(system, line):
        figures = hit.figures(hit.compare(system.build, shape))
        print(json.dumps(figures))
        line.at_most("CPU per request, times the bare responder's", figures["ratio_floor"], limit)

    part.__doc__ = f"A hit of {shape.body_bytes} bytes on {shape.connections} connections against the bare responder."
    return part


def pipelining(system, line):
    """16 requests in flight on each connection against one."""
    figures = hit.pipelined(system.build)
    print(json.dumps(figures))
    line.at_most("CPU per request, times as much as one by one", figures["ratio"], 0.25)


def counted(system, line):
    """System calls under strace, allocations, instructions and locked instructions."""
    calls = hit.by_kind(hit.syscalls(system.build))
    line("reads per hit", calls["reads_per_hit"], "1", abs(calls["reads_per_hit"] - 1) < 0.005)
    line("writes per hit", calls["writes_per_hit"], "1", abs(calls["writes_per_hit"] - 1) < 0.005)
    line("epoll waits per hit", calls["epoll_waits_per_hit"], "reported", True)
    line.at_most("system calls per hit", calls["syscalls_per_hit"], 2.05)
    line.exactly("allocations per hit", round(hit.allocations(system.build), 3), 0)
    figures = counts.count(system.build)
    line.exactly("locked instructions per hit", round(figures["locked_per_hit"], 2), 0)
    for name, limit in ceilings.read().items():
        line.at_most(name.replace("_", " "), figures[name], limit)


def herd(system, line):
    """100 clients, one cold key, an origin that answers after 200 ms."""
    clients = 100
    origin = system.origin()
    node = system.node(origin)
    result = system.load([node], "--herd", str(clients), "--verify", "--expect-id", "cold", "--per-client",
                         body("cold", 10_000, latency="200ms")).result()
    clean(line, result, clients)
    line.exactly("requests at the origin", gets(origin, "cold"), 1)
    first = [client["first_body_ns"] for client in result["clients"]]
    line.at_most("slowest first byte after the first one's, ms", (max(first) - min(first)) / 1e6, 10)


def idle_connections(system, line):
    """10,000 connections that have each asked once and now wait."""
    # Each end is a descriptor of another process: the clients' ends are here.
    connections = 10_000
    node = hit.start_edge(system)
    request = f"GET {hit.PATH} HTTP/1.1\r\nhost: a\r\n\r\n".encode()
    first = 1000  # what grows once, tables and pools, grows with these

    def open_some(count):
        for _ in range(count):
            connection = socket.create_connection(node.address)
            connection.sendall(request)
            received = b""
            while not received.endswith(b"x" * 1024):
                received += connection.recv(65536)
            held.append(connection)

    held = []
    try:
        open_some(first)
        before = node.rss_bytes()
        open_some(connections - 1 - first)  # one is the harness's
        line.at_most("resident bytes per idle connection", (node.rss_bytes() - before) / (len(held) - first), 2048)
    finally:
        for connection in held:
            connection.close()


def full_cache(system, line):
    """A store of 256 MiB into which twice as much was put, in bodies of 1 KiB, 20 KiB and 300 KiB."""
    budget = 256 * MIB
    origin = system.origin()
    node = system.node(origin, cache={"budget": budget})
    for size, requests in ((1024, 100_000), (20_480, 10_000), (307_200, 700)):
        result = system.load([node], "--connections", "16", "--requests", str(requests),
                             body(f"{size}-{{n}}", size)).result()
        line.exactly(f"answers of {size} bytes", result["complete"], requests)
    line("store, share of its budget", node.metric("perigee_store_bytes") / budget, ">= 0.95",
         node.metric("perigee_store_bytes") >= 0.95 * budget)
    line.at_most("resident, times the budget", node.rss_bytes() / budget, 1.15)


def look_ups(system, line):
    """bench-store: one hot key on two threads, and the memory of a stored response."""
    output = subprocess.run([system.program("bench-store")], capture_output=True, text=True, check=True).stdout
    figures = json.loads(output.splitlines()[-1])
    print(json.dumps(figures))
    line("look-up, decision and pin on two threads, times one", figures["two_threads_pin"], ">= 1.8",
         figures["two_threads_pin"] >= 1.8 or (os.cpu_count() or 1) < 2)
    line.at_most("metadata per stored response, bytes", figures["metadata_resident"], 64)


PARTS = {
    "hit": ratio(hit.KILOBYTE, 1.15),
    "crowd": ratio(hit.CROWD, 1.2),
    "large": ratio(hit.LARGE, 1.10),
    "huge": ratio(hit.HUGE, 1.1),
    "pipelining": pipelining,
    "counts": counted,
    "herd": herd,
    "idle-connections": idle_connections,
    "full-cache": full_cache,
    "look-ups": look_ups,
    **speed_compare.PARTS,
}
