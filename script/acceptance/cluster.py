"""The cluster as real processes: one fetch, one cache, crashes, hedges, hot keys, joining."""
import asyncio
import http.client
import http.server
import json
import random
import threading
import urllib.parse

from acceptance import cluster_sim
from acceptance.end_to_end import MB, body, clean, first_byte_sent_ns, gets
from acceptance.operate import Client
from benchmarks import hit
from harness import until

TARGETS = [*hit.TARGETS, *cluster_sim.TARGETS]
HOST = "docs.example.org"
HOUR = "max-age=3600"
PUTS = 10_000
CRASHES = 50
NOTHING_HOT = {"hot_copies_percent": 0, "hot_requests_min": 60_000}


def origin_gets(origin, names):
    """GETs at the origin by name, for bodies of these names."""
    counts = dict.fromkeys(names, 0)
    for about, count in origin.stats()["gets"].items():
        if about in counts:
            counts[about] += count
    return counts


def herd(system, line):
    """Five nodes, 1,000 clients, one cold 20 MB response from an origin throttled to 20 MB/s."""
    clients = 1000
    origin = system.origin()
    nodes = system.cluster(origin, {"eu": [f"eu-{i}" for i in range(1, 6)]}, cache={"budget": "256MiB"})
    result = system.load(nodes, "--host", HOST, "--herd", str(clients), "--verify", "--expect-id", "herd", "--timeout",
                         "120", body("herd", 20 * MB, rate=20 * MB)).result()
    clean(line, result, clients)
    line.exactly("GETs at the origin", gets(origin, "herd"), 1)
    late = result["last_first_body_ns"] - first_byte_sent_ns(origin, "herd")
    line.at_most("slowest first byte after the origin's, ms", late / 1e6, 100)


# --- one cache

class WritableOrigin:
    """Keeps what is PUT to a path, and says with every GET that it is good for an hour."""

    def __init__(self):
        self.content = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, content):
                self.send_response(200)
                self.send_header("Cache-Control", HOUR)
                self.send_header("Connection", "close")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self):
                self.answer(outer.content.get(self.path, b"0"))

            def do_PUT(self):
                outer.content[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(b"done")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.address = self.server.server_address
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def one_cache(system, line):
    """PUT through one node, then GET through the two others, 10,000 times."""
    origin = WritableOrigin()
    nodes = system.cluster(origin, {"eu": ["eu-1", "eu-2", "eu-3"]})
    client = Client()
    old = failed = 0
    for i in range(PUTS):
        path = f"/{i % 50}"
        version = str(i + 1).encode()
        status, _ = client.request(nodes[i % 3].address, "PUT", path, version)
        failed += status != 200
        for step in (1, 2):
            status, found = client.request(nodes[(i + step) % 3].address, "GET", path)
            failed += status != 200
            old += found != version
    client.close()
    line.exactly("old bodies", old, 0)
    line.exactly("requests that failed", failed, 0)
    line("invalidations that were late", int(sum(node.metric("perigee_invalidations_late_total") for node in nodes)),
         "counted", True)
    origin.close()


# --- crashes

def item(number):
    return body(f"item-{number}", 20_000)


def ask_all(nodes, items):
    """Every item through every node; the number of answers that were not 200."""
    client = HostClient()
    wrong = sum(client.get(node.address, item(number)) != 200 for number in items for node in nodes)
    client.close()
    return wrong


class HostClient(Client):
    """The same authority at every node, whatever its address: the key holds it."""

    def get(self, address, path):
        connections = self.local.__dict__.setdefault("connections", {})
        for last in (False, True):
            connection = connections.get(address)
            try:
                if connection is None:
                    connection = connections[address] = http.client.HTTPConnection(*address, timeout=30)
                    self.all.append(connection)
                connection.request("GET", path, None, {"Host": HOST})
                answer = connection.getresponse()
                answer.read()
                return answer.status
            except (OSError, http.client.HTTPException):
                connections.pop(address, None)
                if last:
                    raise
        return 0


def owners(node, path):
    """The owners of a URL in the first region, in their order."""
    url = urllib.parse.quote(f"http://{HOST}{path}", safe="")
    return json.loads(node.admin("/explain?url=" + url).body)["owners"][0]["nodes"]


def owned_items(node, name, items):
    return [number for number in items if owners(node, item(number))[0] == name]


def all_up(node):
    page = json.loads(node.admin("/topology").body)
    return all(entry["state"] == "up" for entry in page["nodes"])


def crashes(system, line):
    """kill -9 of one of three nodes under load, fifty times."""
    items = range(300)
    origin = system.origin()
    # Copies of hot keys, and their second owner, would hide what owners do.
    nodes = system.cluster(origin, {"eu": ["eu-1", "eu-2", "eu-3"]}, cache=NOTHING_HOT,
                           peers={"probe": "200ms"})
    names = [f"item-{number}" for number in items]
    load = system.load(nodes[:2], "--host", HOST, "--connections", "32", "--duration", "1200", "--announce", "--verify",
                       "--expect-id", "item-{n%300}", body("item-{n%300}", 20_000))
    load.wait_running()
    ask_all(nodes, items)
    owned = owned_items(nodes[0], "eu-3", items)
    again = most_at_crash = most_at_return = 0
    for _ in range(CRASHES):
        before = origin_gets(origin, names)
        nodes[2].kill()
        again += ask_all(nodes[:2], items)
        crashed = origin_gets(origin, names)
        most_at_crash = max(most_at_crash, sum(crashed.values()) - sum(before.values()))
        nodes[2] = nodes[2].cluster.again(nodes[2])
        until(lambda: all(all_up(node) for node in nodes[:2]), "the others to see it again", 30)
        again += ask_all(nodes, items)
        returned = origin_gets(origin, names)
        most_at_return = max(most_at_return, sum(returned.values()) - sum(crashed.values()))
    result = load.finish()
    server_errors = sum(count for status, count in result["statuses"].items() if int(status) >= 500)
    line.exactly("5xx at the other nodes", server_errors + again, 0)
    line.exactly("wrong bytes", result["wrong_byte"] + result["wrong_length"] + result["wrong_id"], 0)
    line.exactly("requests that failed otherwise",
                 result["requests"] - result["complete"] - result["cut"] - result["left"], 0)
    line("answers cut, visibly", result["cut"], "counted", True)
    line.at_most("extra GETs at the origin for each key of the killed node", most_at_crash / len(owned), 1.05)
    line.at_most("share of its keys fetched again when it returns", most_at_return / len(owned), 0.05)


# --- hedging

class StallingProxy:
    """Passes bytes between peers, and holds up one answer in a hundred for 200 ms."""

    def __init__(self, listen, to):
        self.listen, self.to = listen, to
        self.answers = 0
        self.stalls = False
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait(10)

    def run(self, ready):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self.accept, *self.listen))
        ready.set()
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    async def accept(self, reader, writer):
        try:
            there, to = await asyncio.open_connection(*self.to)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(self.copy(reader, to, False), self.copy(there, writer, True))
        except asyncio.CancelledError:  # the test is over
            to.close()
            writer.close()

    async def copy(self, reader, writer, answers):
        try:
            while data := await reader.read(65536):
                if answers and data.startswith(b"HTTP/1.1 200"):
                    self.answers += 1
                    if self.stalls and self.answers % 100 == 0:
                        await self.stalled()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def stalled(self):
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.2)
        except asyncio.TimeoutError:
            pass

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


def hedging(system, line):
    """One of three peers stalls one reply in a hundred by 200 ms; with hedges and without."""
    slowest = {}
    requests = {}
    for percent in (0, 2):
        origin = system.origin()
        # Every key is hot enough for both of its owners to have it, and none is copied.
        nodes = system.cluster(origin, {"eu": ["eu-1", "eu-2", "eu-3", "eu-4"]},
                               cache={"hot_copies_percent": 0, "hot_requests_min": 1, "hot_one_in": 1_000_000,
                                      "spread_one_in": 1_000_000},
                               peers={"hedge_percent": percent})
        cluster = nodes[0].cluster
        proxy = behind_proxy(system, cluster, nodes, "eu-4")
        # Whose second owner receives them has nobody to hedge to.
        paths = [path for path in (body(f"page-{number}", 2000) for number in range(300))
                 if "eu-1" not in owners(nodes[0], path)[:2]]
        load = ("--host", HOST, "--connections", "4", "--verify")
        for _ in range(3):
            system.load([nodes[0]], *load, "--requests", "6000", *paths).result()
        proxy.stalls = True
        before = peer_requests(nodes[0])
        result = system.load([nodes[0]], *load, "--requests", "20000", *paths).result()
        clean(line, result, 20000)
        slowest[percent] = result["latency_us"]["p999"]
        requests[percent] = peer_requests(nodes[0]) - before
        proxy.close()
    line.at_most("p99.9 with hedges, times that without", slowest[2] / slowest[0], 0.2)
    line.at_most("peer requests with hedges, times those without", requests[2] / requests[0], 1.03)


def peer_requests(node):
    return node.metrics()['perigee_upstream_requests_total{tier="peer"}']


def behind_proxy(system, cluster, nodes, name):
    """Starts the node again so that its peers reach it through a proxy."""
    index = next(i for i, node in enumerate(nodes) if node.name == name)
    nodes[index].stop()
    announced = cluster.ports[name]["peer"]
    real = system.port(announced.host)
    announced.close()
    plain = cluster.node_tables

    def tables(node):
        made = plain(node)
        if node == name:
            made["listen"] = {"peer": str(real)}
        return made

    cluster.node_tables = tables
    nodes[index] = cluster.again(nodes[index])
    return StallingProxy((announced.host, announced.number), (real.host, real.number))


# --- hot keys

def zipf_paths(hot_share, keys, count, seed=7):
    chosen = random.Random(seed)
    weights = [1 / rank for rank in range(1, keys + 1)]
    ranks = chosen.choices(range(keys), weights, k=count)
    return [body("hot" if chosen.random() < hot_share else f"zipf-{rank}", 1000) for rank in ranks]


def hot_keys(system, line):
    """Zipf traffic with one key at 30 % of the requests, on six nodes."""
    paths = zipf_paths(0.3, 2000, 1500)
    figures = {}
    for copies in (0, 10):
        origin = system.origin()
        nodes = system.cluster(origin, {"eu": [f"eu-{i}" for i in range(1, 7)]}, cache={} if copies else NOTHING_HOT)
        result = system.load(nodes, "--host", HOST, "--connections", "24", "--requests", "60000",
                             *paths).result()
        line.exactly("answers that were complete", result["complete"], 60000)
        work = [node.metric("perigee_requests_total") + node.metric("perigee_peer_requests_total") for node in nodes]
        fetched = sum(origin.stats()["gets"].values())
        figures[copies] = max(work) / (sum(work) / len(work)), 1 - fetched / 60000
    line("busiest node over the mean, pure hashing", figures[0][0], "counted", True)
    line.at_most("busiest node over the mean", figures[10][0], 1.25)
    line.at_most("hit ratio below pure hashing, points", 100 * (figures[0][1] - figures[10][1]), 1.0)


# --- joining

def joining(system, line):
    """A fourth node is added to three warm ones, under steady traffic for all keys."""
    items = range(400)
    origin = system.origin()
    nodes = system.cluster(origin, {"eu": ["eu-1", "eu-2", "eu-3"]}, cache=NOTHING_HOT)
    cluster = nodes[0].cluster
    names = [f"item-{number}" for number in items]
    wrong = ask_all(nodes, items)
    warm = sum(origin_gets(origin, names).values())
    cluster.add("eu", "eu-4")
    newcomer = cluster.start_node("eu-4")
    for node in nodes:
        status, _ = node.reload()
        assert status == 200, f"{node.name} refused the new topology"
    nodes.append(newcomer)
    wrong += ask_all(nodes, items)
    line.exactly("answers that were not 200", wrong, 0)
    line.at_most("GETs at the origin, times those of the warm cluster",
                 sum(origin_gets(origin, names).values()) / warm, 1.1)
    owned = owned_items(nodes[0], "eu-4", items)
    line("keys that moved to the new node", len(owned), "> 50", len(owned) > 50)


PARTS = {
    "herd": herd,
    "one-cache": one_cache,
    "crashes": crashes,
    "hedging": hedging,
    "hot-keys": hot_keys,
    "joining": joining,
    **{f"simulated-{name}": part for name, part in cluster_sim.PARTS.items()},
}
