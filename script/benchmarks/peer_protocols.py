"""HTTP/1.1 or HTTP/2 between nodes: what a hit costs who answers, and what it costs who asks.

Who answers is perigee-edge with one worker, asked by h2load over connections with one request at a time, or over one connection with as many
streams. Who asks is a proxy that speaks both to what is behind it, nghttpx (Debian's nghttp2-proxy), between the same load and that node.
Figures are CPU microseconds per request, the median of five rounds in which the two take turns; server and proxy are pinned to the first
core, the load to the last.
"""
import os
import shutil
import statistics
import subprocess

from harness import System, until
from harness.process import Process
from harness.tls import AUTHORITY, HOST, tls_node

TARGETS = ["perigee-edge", "perigee-origin"]
ROUNDS = 5
BODIES = {"1k": ("/1024.bin", 60_000), "100k": ("/102400.bin", 8_000)}  # and requests in a run
AT_ONCE = (1, 4, 8, 16, 32)


class Proxy(Process):
    """nghttpx, which asks the node over one protocol."""

    def __init__(self, name, listen, node, protocol, secure):
        host, port = node.tls if secure else node.address
        behind = f"--backend={host},{port};;proto={protocol}"
        if secure:
            behind += f";tls;sni={HOST};upgrade-scheme"
        super().__init__(name, ["taskset", "-c", "0", "nghttpx", "--conf=/dev/null", "--single-process", "--workers=1", "--no-via",
                                "--accesslog-file=/dev/null", f"--cacert={AUTHORITY}", f"--frontend={listen.host},{listen.number};no-tls",
                                behind])
        self.address = listen.pair
        until(listen.is_listening, "nghttpx to listen")

    def stop(self):
        """It has a word of its own for the end."""
        self.kill()
        return []


def run(build):
    if shutil.which("nghttpx") is None:
        raise SystemExit("peer-protocols: found no nghttpx, expected that of Debian's package nghttp2-proxy")
    figures = {}
    with System(build) as system:
        node = serve(system)
        for secure in (False, True):
            for size, (path, most) in BODIES.items():
                for at_once in AT_ONCE:
                    requests = most if at_once > 1 else most // 4  # each with a wake-up of its own takes longer
                    name = f"{'tls' if secure else 'clear'}_{size}_x{at_once}"
                    figures[f"answers_{name}"] = compare(*(answering(node, secure, path, requests, at_once, http2) for http2 in (False, True)))
                    figures[f"asks_{name}"] = asking(system, node, secure, path, requests, at_once)
    for name, (http1, http2, ratio) in figures.items():
        print(f"{name:<24} HTTP/1.1 {http1:7.1f} us   HTTP/2 {http2:7.1f} us   x{ratio:.2f}", flush=True)
    return {name: dict(zip(("http1_us", "http2_us", "ratio"), values)) for name, values in figures.items()}


def serve(system):
    root = system.folder / "files"
    root.mkdir()
    for path, _ in BODIES.values():
        (root / path[1:]).write_bytes(os.urandom(int(path[1:].partition(".")[0])))
    node = tls_node(system, system.origin("--root", root), certificates=("a",), node={"workers": 1}, listen={"http2_clear": True},
                    site_cache={"default_freshness": "1h"})
    for thread in os.listdir(f"/proc/{node.pid}/task"):
        os.sched_setaffinity(int(thread), {0})
    return node


def answering(node, secure, path, requests, at_once, http2):
    address = node.tls if secure else node.address
    shape = ["-c1", f"-m{at_once}"] if http2 else ["--h1", f"-c{at_once}", "-m1"]
    return lambda: cost(node, "https" if secure else "http", address, path, requests, shape)


def asking(system, node, secure, path, requests, at_once):
    proxies = [system.keep(Proxy(f"nghttpx-{secure}-{path[1:]}-{at_once}-{number}", system.port(system.host()), node, protocol, secure))
               for number, protocol in enumerate(("http/1.1", "h2"))]
    try:
        return compare(*((lambda proxy=proxy: cost(proxy, "http", proxy.address, path, requests // 2, ["--h1", f"-c{at_once}", "-m1"]))
                         for proxy in proxies))
    finally:
        for proxy in proxies:
            proxy.kill()


def compare(http1, http2):
    """[median of HTTP/1.1, of HTTP/2, of the ratio of HTTP/2 to HTTP/1.1 in a round]."""
    http1(), http2()
    rounds = []
    for _ in range(ROUNDS):
        first = http1()
        other = statistics.mean((http2(), http2()))
        rounds.append((statistics.mean((first, http1())), other))
    return [round(statistics.median(values), 3) for values in ([one for one, _ in rounds], [two for _, two in rounds],
                                                               [two / one for one, two in rounds])]


def cost(process, scheme, address, path, requests, shape):
    before = cpu_seconds(process)
    done = subprocess.run(["taskset", "-c", str(os.cpu_count() - 1), "h2load", f"-n{requests}", *shape, "-H", f":authority: {HOST}",
                           f"{scheme}://{address[0]}:{address[1]}{path}"], capture_output=True, text=True, timeout=300, check=True)
    assert f"{requests} succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout, done.stdout
    assert f"status codes: {requests} 2xx" in done.stdout, done.stdout
    return (cpu_seconds(process) - before) * 1e6 / requests


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
