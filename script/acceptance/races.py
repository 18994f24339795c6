"""Whole nodes of several workers under ThreadSanitizer: load, reloads, purges and every page of the admin listener at once."""
import json
import time

from harness import System
from rings import build

SECONDS = 15
PAGES = ("/metrics", "/topology", "/config", "/status")
# Of few objects, short-lived and larger than the store, so that fills, hits, validations and evictions happen on all workers.
LOAD = ("--connections", "32", "--duration", "600", "--verify", "--expect-id", "item-{n%3000}",
        "/_/body?id=item-{n%3000}&size=20000&cc=max-age=2,stale-while-revalidate=5")


def races(_, line):
    assert build.build("tsan", build.PROGRAMS), "the tsan preset does not build"
    with System(build.folder("tsan")) as system:
        log = system.folder / "races"
        environment = {"TSAN_OPTIONS": f"log_path={log} exitcode=0"}
        origin = system.origin()
        nodes = system.cluster(origin, {"eu": ["eu-1", "eu-2"], "us": ["us-1"]}, environment, node={"workers": 2},
                               cache={"budget": "32MiB"}, topology={"purge_log": "eu-1"}, purge={"journal": "purges.log"})
        loads = [system.load([node], *LOAD) for node in nodes]
        reloads = purges = 0
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            node = nodes[(reloads + purges) % len(nodes)]
            reloads += node.reload()[0] == 200
            for page in PAGES:
                node.admin(page)
            purge = json.dumps({"url": f"http://docs.example.org/_/body?id=item-{purges}"}).encode()
            purges += node.admin("/purge", "POST", body=purge).status == 200
        results = [load.finish() for load in loads]
        seen = "".join(path.read_text(errors="replace") for path in system.folder.glob("races.*"))
        line("reloads, purges", f"{reloads}, {purges}", "some", reloads > 10 and purges > 10)
    requests = sum(result["requests"] for result in results)
    line("requests under way", requests, "> 1000", requests > 1000)
    line.exactly("wrong answers", sum(r["wrong_byte"] + r["wrong_length"] + r["unexpected_status"] for r in results), 0)
    line.exactly("findings of ThreadSanitizer", seen.count("WARNING: ThreadSanitizer"), 0)
    print(seen[:8000], end="", flush=True)
