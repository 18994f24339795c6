"""Operating under load: purges at a rate, nodes that miss some of them, reloads, and name servers."""
import http.server
import json
import threading
import time

from acceptance import operate_config, operate_package, operate_purges
from acceptance.namespace import Namespace
from acceptance.operate_client import Client
from benchmarks import hit
from harness import until

TARGETS = [*hit.TARGETS, "perigeectl"]
URLS = 100
# Of a node without word from the log, until it validates everything (purge.verify_after), and a little.
SILENCE_S = 10.5
MEMBERS = 1_000_000
SWEEP_S = 60


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


def cluster_of_three(system, origin, **purge):
    return system.cluster(origin, {"eu": ["eu-1", "eu-2"], "us": ["us-1"]}, topology={"purge_log": "eu-1"},
                          purge={"journal": "purges.log", **purge})


def purges(system, line):
    operate_purges.purges(system, line, cluster_of_three)


def fill(client, nodes):
    for i in range(URLS):
        for node in nodes:
            client.request(node.address, "GET", f"/{i}")


class Purger:
    """Changes a URL, then purges it, over and over, through one node."""

    def __init__(self, origin, node):
        self.origin = origin
        self.node = node
        self.done = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        client = Client()
        while not self._stop.wait(0.01):
            path = f"/{self.done % URLS}"
            self.origin.versions[path] = self.origin.versions.get(path, 0) + 1
            # Without waiting for nodes that are away.
            client.request(self.node.addresses["admin"], "POST", "/purge", json.dumps({"tag": path}))
            self.done += 1
        client.close()

    def finish(self):
        self._stop.set()
        self._thread.join()


def old_answers(client, origin, node):
    """URLs of which the node gives another version than the newest. Nobody purges meanwhile."""
    return [i for i in range(URLS)
            if int(client.request(node.address, "GET", f"/{i}")[1]) < origin.versions.get(f"/{i}", 0)]


def back(client, nodes):
    until(lambda: b"away" not in client.request(nodes[0].addresses["admin"], "POST", "/purge", '{"tag": "none"}')[1],
          "the node to take part again", 60)


def restart(system, line):
    """A node that is killed while purges go on, and started again, serves nothing that was purged."""
    origin = VersionedOrigin()
    nodes = cluster_of_three(system, origin, receipt_wait="0s")
    client = Client()
    fill(client, nodes)
    purger = Purger(origin, nodes[0])
    until(lambda: purger.done >= 100, "purges before the end of the node", 60)
    nodes[2].kill()
    until(lambda: purger.done >= 200, "purges without the node", 120)
    successor = nodes[2].cluster.again(nodes[2])
    nodes[2] = successor
    until(lambda: purger.done >= 300, "purges after it came back", 120)
    purger.finish()
    back(client, nodes)
    line.exactly("old answers of the restarted node", len(old_answers(client, origin, successor)), 0)
    line.exactly("old answers of the others", sum(len(old_answers(client, origin, node)) for node in nodes[:2]), 0)
    client.close()
    origin.close()


def partition(system, line):
    """Nodes cut off from the log during 1,000 purges serve nothing old beyond 10.5 s, nor after they have caught up."""
    with Namespace() as network:
        origin = VersionedOrigin()
        nodes = cluster_of_three(system, origin, receipt_wait="0s")
        client = Client()
        fill(client, nodes)
        for node in nodes[1:]:
            node.announce_errors("purge_log_away")
        log = nodes[0].cluster.ports["eu-1"]["peer"].number
        address = nodes[0].addresses["client"][0], log
        network.cut(address)
        cut = time.monotonic()
        purger = Purger(origin, nodes[0])
        late = asked = 0
        while (purger.done < 1000 or asked < 200) and time.monotonic() < cut + 300:
            for node in nodes[1:]:
                path = f"/{asked % URLS}"
                newest = origin.versions.get(path, 0)
                silent = time.monotonic() > cut + SILENCE_S
                version = int(client.request(node.address, "GET", path)[1])
                asked += silent
                late += silent and version < newest
        purger.finish()
        network.heal(address)
        back(client, nodes)
        line("purges while cut off", purger.done, ">= 1000", purger.done >= 1000)
        line(f"answers asked for beyond {SILENCE_S:g} s of silence", asked, "> 100", asked > 100)
        line.exactly("of these with an old version", late, 0)
        line.exactly("old answers after catching up", sum(len(old_answers(client, origin, node)) for node in nodes), 0)
        # Here, where their connections can be seen.
        line.exactly("complaints of the nodes at their end", [wrong for node in nodes for wrong in node.stop()], [])
        client.close()
        origin.close()


def long_turns(node):
    """Turns of a millisecond or more of work or of waiting, by the kind of loop."""
    samples = node.metrics()
    return {loop: samples[f'perigee_long_turns_total{{loop="{loop}"}}'] for loop in ("control", "worker")}


def members(system, line):
    """One tag of a million stored responses is purged, and all of them swept from the store."""
    node = system.node(system.origin(), cache={"budget": "6GiB"})
    target = "/_/body?id={n}&size=1&cc=max-age=36000&h=Surrogate-Key:all"
    system.load([node], "--connections", "64", "--requests", str(MEMBERS), target).result(1800)
    stored = node.metric("perigee_store_responses")
    line("stored responses with the tag", int(stored), f">= {MEMBERS}", stored >= MEMBERS)
    client = Client()
    # Hits of another tag are asked for all the while: a loop that is held shows in their slowest.
    slowest, asked = [0.0], [0]
    stop = threading.Event()

    def ask():
        mine = Client()
        while not stop.is_set():
            began = time.monotonic()
            mine.request(node.address, "GET", "/_/body?id=other&size=1&cc=max-age=36000")
            slowest[0] = max(slowest[0], 1000 * (time.monotonic() - began))
            asked[0] += 1
        mine.close()

    clients = threading.Thread(target=ask, daemon=True)
    clients.start()
    client.request(node.addresses["admin"], "POST", "/purge", '{"tag": "nothing"}')
    until(lambda: asked[0] >= 5000, "hits before the purge", 60)
    before, slowest[0] = slowest[0], 0.0
    long_before = long_turns(node)
    began = time.monotonic()
    status, _ = client.request(node.addresses["admin"], "POST", "/purge", '{"tag": "all"}')
    took = 1000 * (time.monotonic() - began)
    # What the rule has removed takes its time to leave memory.
    # Looked at late and seldom: to make the page of metrics is work for the control loop, too.
    pace = threading.Event()
    pace.wait(SWEEP_S / 2)
    while node.metric("perigee_purge_swept_total") < MEMBERS and time.monotonic() < began + 300:
        pace.wait(1)
    line.at_most("all of them removed, s", time.monotonic() - began, SWEEP_S)
    stop.set()
    clients.join()
    line.exactly("status of the purge", status, 200)
    line.at_most("purge of the tag, ms", took, 10)
    for loop, turns in long_turns(node).items():
        line.exactly(f"turns of the {loop} loops over 1 ms meanwhile", turns - long_before[loop], 0)
    # As a client on the same machine sees it, scheduling and interpreter included.
    print(f"members: slowest hit meanwhile: {slowest[0]:.3g} ms, before: {before:.3g} ms", flush=True)
    client.close()


def name_server(system, line):
    """The test of the name server, with its limits (tests/system/dns_test.py)."""
    import dns_test  # pylint: disable=import-outside-toplevel
    dns_test.test_geo_dns(system)
    line("50 networks, a drained node, a dead region, all dead", "as they should be", "within 5 s", True)


PARTS = {"purges": purges, "restart": restart, "partition": partition, "members": members, **operate_config.PARTS,
         **operate_package.PARTS, "dns": name_server}
