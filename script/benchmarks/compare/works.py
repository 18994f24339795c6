"""What every server of the comparison has to do, and how one run of it is measured."""
import os
import re
import socket
import subprocess

from harness.wait import until

from .servers import SIZES

LOAD_CORE = (os.cpu_count() or 2) - 1
KEPT = 20_000  # responses stored for the figure per response
IDLE = 2_000   # connections held for the figure per connection
HERD = 100
HERD_LATENCY = "200ms"
MIX = ("--mix", "one_hit", "--mix-one-hit", "0.1", "--mix-ids", "2000", "--mix-skew", "0.9", "--closed")


def load(server, *arguments, expect_good=True):
    """A finished run of the load generator on its own core."""
    process = server.system.load([server.address], *map(str, arguments))
    os.sched_setaffinity(process.pid, {LOAD_CORE})
    result = process.result()
    if expect_good:
        assert result["exit"] == 0 and result["complete"] == result["requests"] > 0, (server.name, arguments, result)
    return result


def warm(server, path):
    """Stores what the path names, and waits until an answer needs no request at the origin (a cache may start slowly)."""
    load(server, "--requests", 2, path)
    if not server.caches:
        return

    def hit():
        before = origin_requests(server)
        load(server, "--requests", 1, path)
        return origin_requests(server) == before

    until(hit, f"{server.name} to answer {path} from its cache", 30)


def origin_requests(server):
    """Without the request that asks for the figure."""
    return server.origin.stats()["methods"].get("GET", 0)


def origin_gets(server, name):
    return server.origin.stats()["gets"].get(name, 0)


class Hit:
    """CPU time per answer of one stored response."""
    unit = "CPU microseconds per request"

    def __init__(self, says, size, connections, *more):
        self.says, self.size, self.connections, self.more = says, size, connections, more

    def can(self, server):
        return server.http1

    def prepare(self, server):
        warm(server, server.path(self.size))

    def measure(self, server, seconds):
        before = server.cpu_seconds()
        result = load(server, "--connections", self.connections, "--duration", seconds, *self.more, server.path(self.size))
        assert result["bytes"] == self.size * result["complete"], (server.name, result)
        return (server.cpu_seconds() - before) * 1e6 / result["complete"]


class Tls:
    """CPU time per answer of one stored response over TLS, by HTTP/1.1 or HTTP/2, asked by h2load."""
    unit = "CPU microseconds per request"

    def __init__(self, says, size, *how):
        self.says, self.size, self.how = says, size, how

    def can(self, server):
        return server.tls and (server.http1 or "--h1" not in self.how)

    def prepare(self, server):
        if server.http1:
            warm(server, server.path(self.size))
        self.run(server, "-n", 2000)

    def run(self, server, *limits):
        """How many requests were answered well."""
        host, port = server.tls_port.pair
        command = ["h2load", "-t", 1, "-c", 64, *self.how, *limits, f"https://{host}:{port}{server.path(self.size)}"]
        shown = subprocess.run(["taskset", "-c", str(LOAD_CORE), *map(str, command)], capture_output=True, text=True, check=True).stdout
        counts = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", shown)
        status = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", shown)
        assert counts and status and int(counts[1]) > 0 and int(counts[2]) == 0, (server.name, shown)
        return int(counts[1])

    def measure(self, server, seconds):
        before = server.cpu_seconds()
        answers = self.run(server, "-n", int(20_000 * seconds) if self.size < 65_536 else int(4_000 * seconds))
        return (server.cpu_seconds() - before) * 1e6 / answers


class Mix:
    """CPU time per answer where popularity follows Zipf's law, sizes vary, and each tenth request is a miss."""
    unit = "CPU microseconds per request"
    says = "Zipf mix of 2,000 responses (median 13.3 KB), 10 % of the requests miss"
    first = 0

    def can(self, server):
        return server.caches

    def prepare(self, server):
        self.run(server, "--requests", 30_000)

    def run(self, server, *limits):
        # Every run asks for responses of its own that nobody asks for again.
        Mix.first += 200_000
        return load(server, *MIX, "--mix-first", Mix.first, "--connections", 64, *limits)

    def measure(self, server, seconds):
        before = server.cpu_seconds()
        result = self.run(server, "--requests", int(12_000 * seconds))
        return (server.cpu_seconds() - before) * 1e6 / result["complete"]


class Herd:
    """How long the last of many clients waits for a response that all ask for at once, beyond the first."""
    unit = f"ms from the first client's first byte to the last one's; {HERD} clients, origin answers after {HERD_LATENCY}"
    says = "Thundering herd on one cold key"
    number = 0

    def can(self, server):
        return server.caches and server.collapses

    def prepare(self, server):
        self.run(server)

    def run(self, server):
        Herd.number += 1
        name = f"herd-{Herd.number}"
        result = load(server, "--herd", HERD, "--per-client", "--timeout", 60, "--verify", "--expect-id", name,
                      f"/_/body?id={name}&size=20000&cc=max-age=86400&latency={HERD_LATENCY}")
        return result, origin_gets(server, name)

    def measure(self, server, seconds):
        result, fetches = self.run(server)
        if server.name == "perigee":
            assert fetches == 1, f"{fetches} requests at the origin"
        times = [client["first_body_ns"] for client in result["clients"]]
        return (max(times) - min(times)) / 1e6


class PerResponse:
    """Memory of the server's processes per stored response of 1 KiB, body included."""
    unit = "bytes of memory (PSS) per stored response, 1,024 of them body"
    says = "Memory per stored response"
    once = True
    number = 0

    def can(self, server):
        return server.caches

    def prepare(self, server):
        self.fill(server, KEPT // 4)

    def fill(self, server, count):
        PerResponse.number += 1
        load(server, "--connections", 16, "--requests", count,
             f"/_/body?id=kept-{PerResponse.number}-{{n}}&size=1024&cc=max-age=86400")

    def measure(self, server, seconds):
        before = server.memory_bytes()
        self.fill(server, KEPT)
        return (server.memory_bytes() - before) / KEPT


class PerConnection:
    """Memory of the server's processes per idle connection that has had one answer."""
    unit = "bytes of memory (PSS) per idle connection"
    says = f"Memory per idle connection, over {IDLE:,} connections"
    once = True

    def can(self, server):
        return server.http1

    def prepare(self, server):
        warm(server, server.path(SIZES[0]))

    def measure(self, server, seconds):
        before = server.memory_bytes()
        held = [self.one(server) for _ in range(IDLE)]
        try:
            return (server.memory_bytes() - before) / IDLE
        finally:
            for connection in held:
                connection.close()

    @staticmethod
    def one(server):
        connection = socket.create_connection(server.address, 30)
        connection.sendall(f"GET {server.path(SIZES[0])} HTTP/1.1\r\nHost: bench.example\r\n\r\n".encode())
        got = b""
        while got.count(b"\r\n\r\n") == 0 or len(got.partition(b"\r\n\r\n")[2]) < SIZES[0]:
            piece = connection.recv(65536)
            assert piece, f"{server.name} closed an idle connection"
            got += piece
        return connection


WORKS = {
    "hit-1k": Hit("Hit of 1 KiB, 64 connections", SIZES[0], 64),
    "hit-1k-2000": Hit("Hit of 1 KiB, 2,000 connections", SIZES[0], 2000),
    "hit-16k": Hit("Hit of 16 KiB, 64 connections", SIZES[1], 64),
    "hit-100k": Hit("Hit of 100 KB, 64 connections", SIZES[2], 64),
    "hit-10m": Hit("Hit of 10 MB, 16 connections", SIZES[3], 16),
    "pipeline": Hit("Hit of 1 KiB, 64 connections, 16 requests in flight on each", SIZES[0], 64, "--pipeline", "16"),
    "connect": Hit("Hit of 1 KiB, a new connection for every request", SIZES[0], 64, "--reconnect"),
    "tls-1k": Tls("Hit of 1 KiB over TLS 1.3 by HTTP/1.1, 64 connections", SIZES[0], "--h1"),
    "tls-100k": Tls("Hit of 100 KB over TLS 1.3 by HTTP/1.1, 64 connections", SIZES[2], "--h1"),
    "h2-1k": Tls("Hit of 1 KiB by HTTP/2 over TLS 1.3, 64 connections with 16 streams", SIZES[0], "-m", 16),
    "h2-100k": Tls("Hit of 100 KB by HTTP/2 over TLS 1.3, 64 connections with 16 streams", SIZES[2], "-m", 16),
    "mix": Mix(),
    "herd": Herd(),
    "memory-response": PerResponse(),
    "memory-idle": PerConnection(),
}
