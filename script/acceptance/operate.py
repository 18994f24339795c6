"""Operating under load: purges at a rate, and nodes that miss some of them."""
import http.client
import http.server
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks import hit
from harness import until

TARGETS = [*hit.TARGETS, "perigeectl"]
HOST = {"Host": "docs.example.org"}
URLS = 100


class VersionedOrigin:
    """Answers every path with its version, a number that only grows, and an entity-tag of it."""

    def __init__(self):
        self.versions = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = str(outer.versions.get(self.path, 0)).encode()
                tag = f'"{body.decode()}"'
                same = self.headers.get("If-None-Match") == tag
                self.send_response(304 if same else 200)
                for name, value in (("Cache-Control", "max-age=3600"), ("Connection", "close"), ("ETag", tag),
                                    ("Surrogate-Key", f"all {self.path}")):
                    self.send_header(name, value)
                if not same:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if not same:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = self.server.server_address
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Client:
    """A connection for each thread and address."""

    def __init__(self):
        self.local = threading.local()
        self.all = []

    def close(self):
        for connection in self.all:
            connection.close()

    def request(self, address, method, path, body=None):
        connections = self.local.__dict__.setdefault("connections", {})
        for last in (False, True):
            if address not in connections:
                connections[address] = http.client.HTTPConnection(*address, timeout=30)
                self.all.append(connections[address])
            connection = connections[address]
            try:
                connection.request(method, path, body, HOST)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                connections.pop(address).close()
                if last:
                    raise


def cluster_of_three(system, origin):
    return system.cluster(origin, {"eu": ["eu-1", "eu-2"], "us": ["us-1"]}, topology={"purge_log": "eu-1"},
                          purge={"journal": "purges.log"})


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def purge_run(nodes, origin, count, rate):
    """Purges at a rate; (milliseconds to the receipt, receipts that were not complete, answers older than allowed)."""
    client = Client()
    took, incomplete, old = [], [], []

    def one(i):
        path = f"/{i % URLS}"
        # Of this URL nobody else asks for a purge now: i and i + URLS are far apart.
        origin.versions[path] = origin.versions.get(path, 0) + 1
        wanted = origin.versions[path]
        scope = {"url": f"http://docs.example.org{path}"} if i % 2 else {"tag": path}
        began = time.monotonic()
        status, body = client.request(nodes[i % 3].addresses["admin"], "POST", "/purge", json.dumps(scope))
        took.append(1000 * (time.monotonic() - began))
        if status != 200 or not json.loads(body)["applied"]:
            incomplete.append((i, status, body))
        for node in nodes:
            status, body = client.request(node.address, "GET", path)
            if status != 200 or int(body) < wanted:
                old.append((i, node.name, status, body, wanted))

    with ThreadPoolExecutor(16) as pool:
        begin = time.monotonic()
        pace = threading.Event()
        waiting = []
        for i in range(count):
            pace.wait(max(0, begin + i / rate - time.monotonic()))
            waiting.append(pool.submit(one, i))
        for each in waiting:
            each.result()
    client.close()
    return took, incomplete, old


def purges(system, line):
    """Purges by URL and tag over three nodes, each URL read at every node after its receipt."""
    origin = VersionedOrigin()
    nodes = cluster_of_three(system, origin)
    took, incomplete, old = purge_run(nodes, origin, 2000, 50)
    line.exactly("receipts that were not complete", len(incomplete), 0)
    line.exactly("answers older than the purge", len(old), 0)
    line.at_most("receipt at p99, ms", percentile(took, 0.99), 100)
    origin.close()


def restart(system, line):
    """A node that is killed while purges go on, and started again, serves nothing that was purged."""
    origin = VersionedOrigin()
    nodes = cluster_of_three(system, origin)
    client = Client()
    for i in range(URLS):
        for node in nodes:
            client.request(node.address, "GET", f"/{i}")
    nodes[2].kill()
    for i in range(URLS):
        origin.versions[f"/{i}"] = 1
    status, body = client.request(nodes[1].addresses["admin"], "POST", "/purge", '{"tag": "all"}')
    line.exactly("status of the purge", status, 200)
    successor = nodes[2].cluster.again(nodes[2])
    old = [i for i in range(URLS) if client.request(successor.address, "GET", f"/{i}")[1] != b"1"]
    line.exactly("old answers of the restarted node", len(old), 0)
    until(lambda: b"away" not in client.request(nodes[0].addresses["admin"], "POST", "/purge", '{"tag": "none"}')[1],
          "the restarted node to take part again")
    client.close()
    origin.close()


PARTS = {"purges": purges, "restart": restart}
