"""10,000 purges at 200 a second over three nodes, while clients ask for what is purged and for what is not."""
import asyncio
import json
import time

from acceptance.asking import Asking, paced
from acceptance.operate_client import HOST, percentile

URLS = 200
PURGES = 10_000
PURGES_PER_SECOND = 200
# Of the load beside: as many hits as leave the machine room for everything else that runs on it.
REQUESTS_PER_SECOND = 1000


def target(number):
    """The counter with this number at the origin: its version grows with each POST there."""
    return f"/_/counter?id=item-{number}&size=2000&cc=max-age=3600&h=Surrogate-Key:item-{number}"


class PurgeRun:
    """Purges at a rate, each of something that has just changed, asked of every node after its receipt."""

    def __init__(self, origin, nodes):
        self.origin = origin.address
        self.nodes = nodes
        self.took_ms, self.incomplete, self.old, self.from_store = [], [], [], 0
        self.client, self.seconds = None, 0.0

    def run(self, count, rate):
        return asyncio.run(self._run(count, rate))

    async def _run(self, count, rate):
        self.client = Asking(HOST["Host"])
        began = time.monotonic()
        late = await paced(count, rate, self._one)
        self.seconds = time.monotonic() - began
        self.client.close()
        return late

    async def _one(self, i):
        path = target(i % URLS)
        _, fields, _ = await self.client.request(self.origin, "POST", path)
        version = int(fields["x-version"])
        scope = {"url": f"http://{HOST['Host']}{path}"} if i // URLS % 2 else {"tag": f"item-{i % URLS}"}
        began = time.monotonic()
        status, _, body = await self.client.request(self.nodes[i % 3].addresses["admin"], "POST", "/purge", json.dumps(scope))
        self.took_ms.append(1000 * (time.monotonic() - began))
        if status != 200 or not json.loads(body)["applied"]:
            self.incomplete.append((i, status, body))
        for node in self.nodes:
            status, fields, _ = await self.client.request(node.address, "GET", path)
            if status != 200 or int(fields["x-version"]) < version:
                self.old.append((i, node.name, status, fields.get("x-version"), version))
            self.from_store += "hit" in fields.get("cache-status", "")


def purges(system, line, cluster_of_three):
    origin = system.origin()
    nodes = cluster_of_three(system, origin)
    load = system.load(nodes, "--connections", "24", "--rate", str(REQUESTS_PER_SECOND), "--duration", "600", "--announce",
                       "--verify", target("{n%" + str(URLS) + "}"), "/_/body?id=other-{n%1000}&size=2000&cc=max-age=36000")
    load.wait_running()
    run = PurgeRun(origin, nodes)
    late = run.run(PURGES, PURGES_PER_SECOND)
    rate = PURGES / run.seconds
    result = load.finish()
    line("purges a second", rate, f">= {0.99 * PURGES_PER_SECOND:g}", rate >= 0.99 * PURGES_PER_SECOND)
    line.at_most("begun late at p99, ms: the client and the machine", 1000 * percentile(late, 0.99), 20)
    line.exactly("receipts that were not complete", len(run.incomplete), 0)
    line.exactly("answers older than the purge", len(run.old), 0)
    line("of these answers, from a store", run.from_store, f"> {PURGES // 10}", run.from_store > PURGES // 10)
    for share in (0.5, 0.99, 1):
        line.at_most(f"applied everywhere, ms, at {share:g}", percentile(run.took_ms, share), 100 if share < 1 else 1000)
    line("requests a second beside", result["requests"] / run.seconds, f">= {0.95 * REQUESTS_PER_SECOND:g}",
         result["requests"] / run.seconds >= 0.95 * REQUESTS_PER_SECOND)
    line.exactly("of these failed, or with a wrong byte", result["requests"] - result["complete"] + result["wrong_byte"]
                 + result["wrong_length"] + result["unexpected_status"], 0)
    print(f"purges: the load beside: {json.dumps(result)}", flush=True)
