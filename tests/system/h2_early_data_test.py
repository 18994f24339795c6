"""HTTP/2 before the handshake is over (RFC 8470): preface, settings and requests in early data, by raw frames."""
import subprocess
import sys

# python3-h2 is Debian's, whichever python3 comes first on this machine.
sys.path.append("/usr/lib/python3/dist-packages")

import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
from harness import main  # noqa: E402
from harness.tls import AUTHORITY, HOST, tls_node  # noqa: E402


# GOAWAY with NO_ERROR, behind which the node ends the connection when all is answered.
FAREWELL = b"\x00\x00\x08\x07\x00" + bytes(4) + bytes(8)


class Client:
    """One connection of openssl s_client, which resumes a session, with the frames of python3-h2."""

    def __init__(self, system, node):
        self.folder = system.folder
        host, port = node.tls
        self.command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", HOST, "-CAfile", AUTHORITY, "-tls1_3",
                        "-alpn", "h2", "-quiet"]
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.state.initiate_connection()
        self.frames = self.state.data_to_send()

    def request(self, method, path, content=None, **fields):
        stream = self.state.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "https"), (":authority", HOST), (":path", path), *fields.items()]
        self.state.send_headers(stream, head, end_stream=content is None)
        if content is not None:
            self.state.send_data(stream, content, end_stream=True)
        self.frames += self.state.data_to_send()
        return stream

    def say(self, early=None, again=False):
        """What is answered, as {stream: [status, fields, body]}. early: how many bytes of the frames go out as early data, the
        rest once the handshake is over; None: all. again: all of them are said after the handshake, too."""
        frames = self.frames + FAREWELL
        session = self.folder / "session"
        command = list(self.command)
        if session.exists():
            data = self.folder / "early"
            data.write_bytes(frames[:early])
            frames = frames if again else frames[data.stat().st_size:]
            command += ["-sess_in", session, "-early_data", data]
        else:
            command += ["-sess_out", session]
        done = subprocess.run([str(part) for part in command], input=frames, capture_output=True, timeout=60, check=False)
        answers = {}
        for event in self.state.receive_data(done.stdout):
            if isinstance(event, h2.events.ResponseReceived):
                fields = dict(event.headers)
                answers[event.stream_id] = [int(fields.pop(":status")), fields, b""]
            elif isinstance(event, h2.events.DataReceived):
                answers[event.stream_id][2] += event.data
            elif isinstance(event, h2.events.StreamReset):
                raise AssertionError(event)
        return answers


def serve(system, **tls):
    root = system.folder / "root"
    root.mkdir()
    for name in "abc":
        (root / f"{name}.txt").write_text(name * 3, encoding="utf-8")
    origin = system.origin("--root", root)
    node = tls_node(system, origin, certificates=("a",), site_cache={"default_freshness": "1h"}, tls=tls)
    # The session that all others resume.
    Client(system, node).say()
    assert (system.folder / "session").exists()
    return origin, node


def seen(origin):
    """(method, path, Early-Data) of each request that came to the origin."""
    return [(line["method"], line["target"], line["fields"].get("early-data")) for line in origin.log()]


def test_safe_requests(system):
    """safe requests in early data are answered, go to the origin marked, and unsafe ones are told to wait"""
    origin, node = serve(system, early_data=True)
    client = Client(system, node)
    streams = [client.request("GET", "/a.txt"), client.request("HEAD", "/b.txt"), client.request("POST", "/c.txt", b"x"),
               client.request("DELETE", "/c.txt"), client.request("GET", "/c.txt", b"x")]
    answers = client.say()
    assert [answers[stream][0] for stream in streams] == [200, 200, 425, 425, 425], answers
    assert answers[streams[0]][2] == b"aaa"
    assert all("detail=too-early" in answers[stream][1]["cache-status"] for stream in streams[2:]), answers
    assert sorted(seen(origin)) == [("GET", "/a.txt", "1"), ("HEAD", "/b.txt", "1")], seen(origin)


def test_hit(system):
    """what is stored answers early data, and nobody is asked"""
    origin, node = serve(system, early_data=True)
    for expected in ("fwd=uri-miss", "; hit"):
        client = Client(system, node)
        stream = client.request("GET", "/a.txt")
        answers = client.say()
        assert answers[stream][0] == 200 and expected in answers[stream][1]["cache-status"], answers
    assert seen(origin) == [("GET", "/a.txt", "1")]


def test_only_what_is_whole(system):
    """a request whose end came after the handshake is none of early data, whatever came before it"""
    origin, node = serve(system, early_data=True)
    client = Client(system, node)
    safe = client.request("GET", "/a.txt")
    before = len(client.frames)
    unsafe = client.request("DELETE", "/b.txt")
    answers = client.say(early=(before + len(client.frames)) // 2)
    assert answers[safe][0] == 200, answers
    assert answers[unsafe][0] not in (200, 425), answers
    assert sorted(seen(origin)) == [("DELETE", "/b.txt", None), ("GET", "/a.txt", "1")], seen(origin)


def test_too_early_for_the_origin(system):
    """a 425 of the origin reaches the client, is not stored, and says nothing about the key"""
    origin, node = serve(system, early_data=True)
    path = "/_/body?status=425&cache-control=max-age%3D60"
    for number in (1, 2):
        client = Client(system, node)
        stream = client.request("GET", path)
        answers = client.say()
        assert answers[stream][0] == 425 and "hit" not in answers[stream][1]["cache-status"], answers
        assert [line[2] for line in seen(origin)] == ["1"] * number, seen(origin)


def test_no_longer_permitted(system):
    """early data that is not taken any more is as if it had not been said; the same frames are good after the handshake"""
    origin, node = serve(system, early_data=True)
    path = node.cluster.path(node.name)
    before = path.read_text(encoding="utf-8")
    assert "early_data = true" in before, before
    path.write_text(before.replace("early_data = true", "early_data = false"), encoding="utf-8")
    status, result = node.reload()
    assert status == 200, result
    client = Client(system, node)
    get, delete = client.request("GET", "/a.txt"), client.request("DELETE", "/b.txt")
    answers = client.say(again=True)
    assert answers[get][0] == 200 and answers[delete][0] != 425, answers
    assert sorted(seen(origin)) == [("DELETE", "/b.txt", None), ("GET", "/a.txt", None)], seen(origin)


if __name__ == "__main__":
    main(globals())
