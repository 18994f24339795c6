"""The whole path under load: one fetch for many clients, nothing shared that must not be, memory within its budget, crashes and
reloads that clients of the other nodes do not notice."""
import time

from acceptance import races, reloads
from benchmarks import hit
from harness import until

TARGETS = hit.TARGETS
MB = 1_000_000
MIB = 1 << 20


def body(name, size, cc="max-age=3600", **parameters):
    """The URL of a self-verifying body that size; see origin/script.h for what else it can do."""
    asked = {"id": name, "size": size, "cc": cc, **parameters}
    return "/_/body?" + "&".join(f"{key}={value}" for key, value in asked.items())


def gets(origin, name):
    """GETs that the origin has received for a body, over all its variants."""
    counts = origin.stats()["gets"]
    return sum(count for about, count in counts.items() if about.partition("|")[0] == name)


def first_byte_sent_ns(origin, name):
    """When the origin sent the first byte of a body, on the clock of the load generator."""
    sent = [entry["first_byte_ms"] for entry in origin.log() if entry["id"] == name and "first_byte_ms" in entry]
    return min(sent) * 1_000_000 - (time.time_ns() - time.monotonic_ns())


def clean(line, result, clients):
    """Every client got its whole, right answer."""
    line.exactly("answers that were complete", result["complete"], clients)
    wrong = sum(result[kind] for kind in ("wrong_byte", "wrong_id", "wrong_length", "unverifiable", "unexpected_status"))
    line.exactly("wrong answers", wrong, 0)


def herd(system, line):
    """1,000 clients, one cold 20 MB response, an origin throttled to 20 MB/s."""
    clients = 1000
    origin = system.origin()
    node = system.node(origin, cache={"budget": "512MiB"})
    path = body("herd", 20 * MB, rate=20 * MB)
    result = system.load([node], "--herd", str(clients), "--verify", "--expect-id", "herd", "--timeout", "120", path).result()
    clean(line, result, clients)
    line.exactly("GETs at the origin", gets(origin, "herd"), 1)
    late = result["last_first_body_ns"] - first_byte_sent_ns(origin, "herd")
    line.at_most("slowest first byte after the origin's, ms", late / 1e6, 100)


def first_leaves(system, line):
    """The first asker leaves half-way; the others are not concerned."""
    followers = 50
    size = 20 * MB
    origin = system.origin()
    node = system.node(origin)
    path = body("leaver", size, rate=20 * MB)
    leaver = system.load([node], "--herd", "1", "--leave", "1", "--leave-after", str(size // 2), path)
    until(lambda: gets(origin, "leaver") == 1, "the first asker's GET")
    others = system.load([node], "--herd", str(followers), "--verify", "--expect-id", "leaver", path)
    line.exactly("the first asker left", leaver.result()["left"], 1)
    clean(line, others.result(), followers)
    line.exactly("GETs at the origin", gets(origin, "leaver"), 1)


def vary(system, line):
    """100 requests in 4 languages at once, answered by Vary after 200 ms."""
    clients = 100
    origin = system.origin()
    node = system.node(origin)
    path = body("page", 10_000, latency="200ms", vary="accept-language")
    languages = "{en,de,fr,nl}"
    result = system.load([node], "--herd", str(clients), "--verify", "--header", f"accept-language: {languages}",
                         "--expect-id", f"page|{languages}", path).result()
    clean(line, result, clients)
    forward = result["cache_status"].get("vary-miss", 0)
    line.at_most("GETs at the origin", gets(origin, "page"), 4 + forward)
    again = system.load([node], "--herd", str(clients), "--verify", "--header", f"accept-language: {languages}",
                        "--expect-id", f"page|{languages}", path).result()
    line.exactly("hits of a second round", again["cache_status"].get("hit", 0), clients)


def not_shared(system, line, name, header, cc):
    """100 requests at once whose answers belong to one asker each."""
    clients = 100
    origin = system.origin()
    node = system.node(origin)
    path = body(name, 10_000, cc, latency="200ms")
    result = system.load([node], "--herd", str(clients), "--verify", "--header", header, "--expect-id", name,
                         path).result()
    clean(line, result, clients)
    line.exactly("GETs at the origin", gets(origin, name), clients)


def private(system, line):
    """100 requests at once, answered `private`."""
    not_shared(system, line, "private", "cookie: user-{n}", "private,max-age=3600")


def authorization(system, line):
    """100 requests at once with Authorization."""
    not_shared(system, line, "account", "authorization: user-{n}", "max-age=3600")


def slow_first_byte(system, line):
    """An origin whose first byte takes 5 s, asked through a peer."""
    origin = system.origin()
    nodes = system.cluster(origin, {"eu": ["eu-a", "eu-b"]})
    path = body("slow", 10_000, latency="5s")
    result = system.load(nodes, "--herd", "20", "--verify", "--expect-id", "slow", path).result()
    clean(line, result, 20)
    line.exactly("GETs at the origin", gets(origin, "slow"), 1)
    for counter in ("perigee_peer_ejections_total", "perigee_peer_fallbacks_total"):
        line.exactly(counter, sum(node.metric(counter) for node in nodes), 0)


def memory(system, line):
    """Budget 256 MB, 2 GB at 50 MB/s, 10 fast clients and 10 at 1 MB/s."""
    budget = 256 * MB
    size = 2000 * MB
    origin = system.origin()
    node = system.node(origin, cache={"budget": budget})
    fast = ("--herd", "10", "--verify", "--timeout", "120")
    alone = system.load([node], *fast, body("alone", size, rate=50 * MB)).result()
    clean(line, alone, 10)
    together = body("together", size, rate=50 * MB)
    quick = system.load([node], *fast, together)
    slow = system.load([node], "--herd", "10", "--slow", "10", "--slow-rate", str(MB), "--verify", "--timeout", "120",
                       "--per-client", together)
    crowded = quick.result()
    clean(line, crowded, 10)
    line.at_most("fast clients, times as long as alone", crowded["seconds"] / alone["seconds"], 1.2)
    left = slow.hang_up()
    wrong = sum(client["fault"] != "none" for client in left["clients"])
    line.exactly("slow clients with a wrong byte", wrong, 0)
    line.exactly("slow clients that were still served", left["left"], 10)
    line.at_most("peak RSS, MB", node.rss_bytes(peak=True) / 1e6, (1.15 * budget + 64 * MB) / 1e6)


def crashes(system, line):
    """kill -9 of one of three nodes under load, ten times."""
    origin = system.origin()
    nodes = system.cluster(origin, {"eu": ["eu-a", "eu-b", "eu-c"]})
    path = body("item-{n%300}", 50_000)
    load = system.load(nodes[:2], "--connections", "64", "--duration", "600", "--announce", "--verify", "--expect-id",
                       "item-{n%300}", path)
    load.wait_running()
    for _ in range(10):
        nodes[2].kill()
        pass_requests(nodes[:2], 300)
        nodes[2] = nodes[2].cluster.again(nodes[2])
        pass_requests(nodes[:2], 300)
    result = load.finish()
    server_errors = sum(count for status, count in result["statuses"].items() if int(status) >= 500)
    line.exactly("5xx at the other nodes", server_errors, 0)
    line.exactly("wrong bytes", result["wrong_byte"] + result["wrong_length"] + result["wrong_id"], 0)
    line.exactly("requests that failed otherwise",
                 result["requests"] - result["complete"] - result["cut"] - result["left"], 0)
    line("answers cut, visibly", result["cut"], "counted", True)
    line("requests under way", result["requests"], "> 10000", result["requests"] > 10_000)


def pass_requests(nodes, count):
    """Lets so many requests pass through each node, one after the other."""
    for node in nodes:
        for number in range(count):
            status = node.get(body(f"pace-{number}", 1000)).status
            assert status == 200, f"{node.name} answered {status}"


def hit_cost(system, line):
    """The CPU of a hit next to a bare responder."""
    figures = hit.run(system.build)
    line.at_most("CPU per hit, times the bare responder's", figures["ratio_floor"], 1.3)
    line.exactly("reads per hit", round(figures["reads_per_hit"], 2), 1)
    line.exactly("writes per hit", round(figures["writes_per_hit"], 2), 1)
    line.exactly("heap allocations per hit", figures["allocations_per_hit"], 0)


PARTS = {
    "herd": herd,
    "first-leaves": first_leaves,
    "vary": vary,
    "private": private,
    "authorization": authorization,
    "slow-first-byte": slow_first_byte,
    "memory": memory,
    "crashes": crashes,
    "reloads": reloads.reloads,
    "races": races.races,
    "hit": hit_cost,
}
