"""The quick mode: counts only. Every server answers every request rightly, what is stored needs no origin, and who promises to
collapse a herd makes one request of it."""
import shutil

from . import works
from .servers import SIZES

REQUESTS = {SIZES[0]: 2000, SIZES[1]: 500, SIZES[2]: 200, SIZES[3]: 8}
MIX_REQUESTS = 1500


def check(server):
    """Raises AssertionError with the figure that is wrong; returns how many answers were looked at."""
    checks = (hits, pipelined, reconnecting, mix, herd, over_tls) if server.http1 else (over_tls,)
    return sum(each(server) for each in checks)


def exactly(server, what, found, expected):
    assert found == expected, f"{server.name}: {what}: found {found}, expected {expected}"


def verifying(server, size):
    """Our origin's bodies prove themselves; H2O's files are only counted."""
    return ("--verify", "--expect-id", f"hit-{size}") if server.caches else ()


def hits(server):
    answers = 0
    for size, requests in REQUESTS.items():
        path = server.path(size)
        works.warm(server, path)
        before = works.origin_requests(server)
        result = works.load(server, "--requests", requests, "--connections", 16, *verifying(server, size), path)
        exactly(server, f"answers of {size} bytes", result["complete"], requests)
        exactly(server, f"bytes of answers of {size} bytes", result["bytes"], requests * size)
        exactly(server, f"requests at the origin for {requests} hits", works.origin_requests(server) - before, 0)
        answers += requests
    return answers


def pipelined(server):
    result = works.load(server, "--requests", 3200, "--connections", 8, "--pipeline", 16, server.path(SIZES[0]))
    exactly(server, "pipelined answers", result["complete"], 3200)
    exactly(server, "bytes of pipelined answers", result["bytes"], 3200 * SIZES[0])
    return 3200


def reconnecting(server):
    result = works.load(server, "--requests", 300, "--connections", 8, "--reconnect", server.path(SIZES[0]))
    exactly(server, "answers on connections of their own", result["complete"], 300)
    return 300


def mix(server):
    if not server.caches:
        return 0
    work = works.WORKS["mix"]
    before = works.origin_requests(server)
    result = work.run(server, "--verify", "--requests", MIX_REQUESTS)
    asked = works.origin_requests(server) - before
    exactly(server, "answers of the mix", result["complete"], MIX_REQUESTS)
    wrong = sum(result[kind] for kind in ("wrong_byte", "wrong_id", "wrong_length", "unverifiable"))
    exactly(server, "wrong answers of the mix", wrong, 0)
    assert asked < MIX_REQUESTS, f"{server.name}: each request of the mix reached the origin"
    if server.collapses:
        ids = sum(1 for name in server.origin.stats()["gets"] if name.isdigit())
        exactly(server, "requests at the origin for the ids of the mix", asked, ids)
    return MIX_REQUESTS


def herd(server):
    if not works.WORKS["herd"].can(server):
        return 0
    result, fetches = works.WORKS["herd"].run(server)
    exactly(server, "answers of the herd", result["complete"], works.HERD)
    exactly(server, "requests at the origin for the herd", fetches, 1)
    return works.HERD


def over_tls(server):
    """Asked by h2load, which fails a run with one wrong status; it is left out where that is not installed."""
    if not server.tls or shutil.which("h2load") is None:
        return 0
    answers = 0
    for name in ("tls-1k", "h2-1k", "h2-100k"):
        work = works.WORKS[name]
        if work.can(server):
            exactly(server, f"answers of {name}", work.run(server, "-n", 640), 640)
            answers += 640
    return answers
