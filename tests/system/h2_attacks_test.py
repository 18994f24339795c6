"""Attacks on HTTP/2, each with a few connections; `script/accept tls-http2 attacks` lets them go on."""
import os

from harness import h2_attacks, main, until
from harness.h2_attacks import ATTACKS, TIMEOUTS, besiege
from harness.tls import curl, tls_node

STREAMS, GLITCHES = 64, 100


def serve(system):
    root = system.folder / "root"
    root.mkdir()
    for size in (1024, 102400):
        (root / f"{size}.bin").write_bytes(os.urandom(size))
    origin = system.origin("--root", root)
    node = tls_node(system, origin, certificates=("a",), site_cache={"default_freshness": "1h"}, timeouts=TIMEOUTS,
                    limits={"http2_streams": STREAMS, "http2_glitches": GLITCHES})
    return node, origin, root


def test_attacks(system):
    """every attack ends with its connection, within its budget, and good clients notice nothing"""
    node, origin, root = serve(system)
    small = (200, "2", (root / "1024.bin").read_bytes())
    for attack, expected in ATTACKS.items():
        if expected.within is None:
            continue
        origin.get("/_/reset")
        abuse, timeouts = (-node.metric(f"perigee_{name}_total") for name in ("http2_abuse", "client_timeouts"))
        result = besiege(node, attack, 30, connections=2)
        assert result.connections == 2 and not result.errors, (attack.__name__, vars(result))
        assert result.longest < expected.within, (attack.__name__, vars(result))
        # How many at once is for the node ring: an origin that was not given the processor reads them together, long taken back. Here it has
        # to hear of that, long before it would have answered.
        until(lambda: origin.stats()["concurrent"] == 0, f"the origin to be left alone after {attack.__name__}")
        assert origin.stats()["requests"] <= result.connections * (STREAMS + GLITCHES), (attack.__name__, origin.stats())
        abuse += node.metric("perigee_http2_abuse_total")
        timeouts += node.metric("perigee_client_timeouts_total")
        assert abuse == (2 if expected.budget else 0), (attack.__name__, abuse)
        assert timeouts >= 2 * min(expected.timeouts, STREAMS), (attack.__name__, timeouts)
        assert curl(node, "/1024.bin", "--http2") == small, attack.__name__
    assert not [request for request in origin.log() if "evil" in str(request)]


def test_drip(system):
    """streams whose client takes a little at a time are reset as if it took nothing, and the connection goes on"""
    node, _, _ = serve(system)
    for _ in range(2):
        assert curl(node, "/102400.bin", "--http2")[0] == 200
    result = besiege(node, h2_attacks.drip, 8)
    assert result.connections == 0 and result.lasting == 1, vars(result)
    assert node.metric("perigee_client_timeouts_total") == h2_attacks.DRIPS
    assert node.metric("perigee_http2_abuse_total") == 0


def test_stalled_windows(system):
    """streams whose client takes nothing are reset in time, and their memory goes"""
    node, _, _ = serve(system)
    for _ in range(2):
        assert curl(node, "/102400.bin", "--http2")[0] == 200
    connection = h2_attacks.Connection(node)
    connection.send(h2_attacks.settings(window=0))
    for stream in range(1, 41, 2):
        connection.send(h2_attacks.frame(h2_attacks.HEADERS, h2_attacks.END_STREAM | h2_attacks.END_HEADERS, stream,
                                         h2_attacks.block("/102400.bin")))
    seen = [kind for kind, _, _, _ in h2_attacks.frames_of(connection.received(within=6.0))]
    assert seen.count(h2_attacks.HEADERS) == 20, seen
    assert seen.count(h2_attacks.RST_STREAM) == 20, seen
    connection.close()


if __name__ == "__main__":
    main(globals())
