"""TLS and HTTP/2 as other people's programs speak them."""
import os
import re
import socket
import ssl
import sys

# python3-h2 is Debian's, whichever python3 comes first on this machine.
sys.path.append("/usr/lib/python3/dist-packages")

import h2.config  # noqa: E402
import h2.connection  # noqa: E402
import h2.events  # noqa: E402
from harness import main, tls  # noqa: E402
from harness.tls import curl, handshake, tls_node  # noqa: E402

SIZES = (0, 1, 1024, 16384, 65536, 3_000_000)


def serve(system, **settings):
    root = system.folder / "root"
    root.mkdir()
    for size in SIZES:
        (root / f"{size}.bin").write_bytes(os.urandom(size))
    return tls_node(system, system.origin("--root", root), site_cache={"default_freshness": "1h"}, **settings), root


def test_curl(system):
    """curl gets the same bytes by HTTP/1.1, HTTP/2 and TLS 1.2, from the origin and from the store"""
    node, root = serve(system)
    for options, version in ((["--http1.1"], "1.1"), (["--http2"], "2"), (["--http1.1", "--tls-max", "1.2"], "1.1"),
                             (["--http2", "--tls-max", "1.2"], "2")):
        for size in SIZES:
            for _ in range(2):
                answer = curl(node, f"/{size}.bin", *options)
                assert answer == (200, version, (root / f"{size}.bin").read_bytes()), (options, size, answer[:2])


def test_slow_curl(system):
    """a slow reader gets everything"""
    node, root = serve(system)
    for version in ("1.1", "2"):
        answer = curl(node, "/3000000.bin", f"--http{version}", "--limit-rate", "3M")
        assert answer == (200, version, (root / "3000000.bin").read_bytes()), answer[:2]


def test_prior_knowledge(system):
    """HTTP/2 without TLS is understood where it is allowed"""
    node, root = serve(system, listen={"http2_clear": True})
    for option in ("--http2-prior-knowledge", "--http1.1"):
        assert tls.run("curl", "--silent", option, f"http://{node}/65536.bin") == (root / "65536.bin").read_bytes()


def test_openssl(system):
    """openssl sees TLS 1.2 and 1.3 only, both kinds of key, and its sessions resumed"""
    node, _ = serve(system)
    for options, expected in (
            (["-tls1_3"], r"Verify return code: 0 \(ok\)"), (["-tls1_2"], r"Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"),
            (["-tls1_1"], r"alert protocol version|no protocols available"),
            (["-alpn", "h2,http/1.1"], r"ALPN protocol: h2"), (["-alpn", "http/1.1"], r"ALPN protocol: http/1.1"),
            (["-alpn", "spdy/1"], r"alert no application protocol"),
            (["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"], r"Peer signature type: RSA-PSS"),
            (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], r"Cipher is ECDHE-RSA"),
            (["-tls1_2", "-cipher", "AES128-SHA"], r"handshake failure")):
        said = handshake(node, *options)
        assert re.search(expected, said), (options, said)
    session = system.folder / "session"
    assert "New, TLSv1.2" in handshake(node, "-tls1_2", "-sess_out", session)
    assert "Reused, TLSv1.2" in handshake(node, "-tls1_2", "-sess_in", session)


def staples(node):
    """Whether an OCSP response comes with the elliptic certificate and with the RSA one."""
    for options in (("-tls1_3",), ("-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256")):
        said = handshake(node, "-status", *options)
        found = re.search(r"OCSP response: no response sent|OCSP Response Status: successful \(0x0\)", said)
        assert found, said
        yield "successful" in found.group()


def test_staple(system):
    """a response of the OCSP responder goes with its certificate, until a reload takes it away or it has ended"""
    with_staple = tls.certificate("a", ocsp=tls.CERTIFICATES / "a.ocsp")
    node, _ = serve(system, certificates=(with_staple, "a-rsa"))
    assert list(staples(node)) == [True, False]
    path = node.cluster.path(node.name)
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("a.ocsp", "a-old.ocsp"), encoding="utf-8")
    status, result = node.reload()
    assert status == 200 and "ended on 2001-01-01" in str(result["warnings"]), result
    assert list(staples(node)) == [False, False]
    path.write_text(before, encoding="utf-8")
    assert node.reload()[0] == 200
    assert list(staples(node)) == [True, False]
    path.write_text(before.replace("a.ocsp", "a-revoked.ocsp"), encoding="utf-8")
    status, result = node.reload()
    assert status != 200 and "revoked" in str(result["errors"]), result
    assert list(staples(node)) == [True, False]


def test_tickets_of_a_region(system):
    """a session sealed by one node is resumed by another that has the key, and by none that has not"""
    for name in ("eu", "us"):
        (system.folder / f"{name}.secret").write_text(name * 32, encoding="ascii")
        (system.folder / f"{name}.secret").chmod(0o600)
    ports = {name: system.port(system.host()) for name in ("eu-1", "eu-2", "us-1")}
    nodes = system.cluster(system.origin("--root", system.folder), {"eu": ["eu-1", "eu-2"], "us": ["us-1"]},
                           listen=lambda name: {"tls": [ports[name]]}, certificate=[tls.certificate("a")],
                           tls=lambda name: {"ticket_keys": [system.folder / f"{name[:2]}.secret"]})
    for node in nodes:
        node.tls = ports[node.name].pair
    request = f"GET / HTTP/1.1\r\nHost: {tls.HOST}\r\nConnection: close\r\n\r\n".encode()
    for version in ("-tls1_2", "-tls1_3"):
        session = system.folder / f"session{version}"
        assert "New, TLSv1" in handshake(nodes[0], version, "-ign_eof", "-sess_out", session, request=request)
        resumed = ["Reused, TLSv1" in handshake(node, version, "-ign_eof", "-sess_in", session, request=request) for node in nodes]
        assert resumed == [True, True, False], (version, resumed)


def test_nginx_as_origin(system):
    """an origin over TLS is believed when the system's authorities vouch for it, and only then"""
    root = system.folder / "root"
    root.mkdir()
    (root / "a.txt").write_bytes(b"hello")
    port = system.port(system.host())
    nginx = system.nginx(root, [f"listen {port} ssl;", f"ssl_certificate {tls.CERTIFICATES}/a.pem;",
                                f"ssl_certificate_key {tls.CERTIFICATES}/a.key;"])
    nginx.port = port
    for authorities, status in (("root.pem", 200), ("other-root.pem", 502)):
        node = system.node(nginx, {"SSL_CERT_FILE": str(tls.CERTIFICATES / authorities)}, origin={"tls": True, "tls_name": tls.HOST})
        answer = node.get("/a.txt")
        assert (answer.status, answer.body == b"hello") == (status, status == 200), (authorities, answer.status, answer.body)
    assert nginx.requests() == 1


def test_nghttp(system):
    """nghttp gets many resources over one connection, h2load thousands over several"""
    node, _ = serve(system)
    host, port = node.tls
    said = tls.run("nghttp", "--stat", "--null-out", f"https://{host}:{port}/1024.bin", f"https://{host}:{port}/65536.bin",
                   f"https://{host}:{port}/3000000.bin", "-H", f":authority: {tls.HOST}").decode()
    assert len(re.findall(r"\s200\s", said)) == 3, said
    for arguments in (["-c4", "-m32"], ["-c4", "-m1", "--h1"]):
        said = tls.run("h2load", "-n4000", *arguments, "-H", f":authority: {tls.HOST}",
                       f"https://{host}:{port}/1024.bin").decode()
        assert "4000 succeeded, 0 failed, 0 errored, 0 timeout" in said, said


class Client:
    """A connection of python3-h2."""

    def __init__(self, node):
        context = ssl.create_default_context(cafile=tls.AUTHORITY)
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(socket.create_connection(node.tls, timeout=30), server_hostname=tls.HOST)
        assert self.socket.selected_alpn_protocol() == "h2"
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.state.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.state.data_to_send())

    def request(self, method, path, content=None):
        stream = self.state.get_next_available_stream_id()
        self.state.send_headers(stream, [(":method", method), (":scheme", "https"), (":authority", tls.HOST), (":path", path)],
                                end_stream=content is None)
        if content is not None:
            self.state.send_data(stream, content, end_stream=True)
        self.flush()
        return stream

    def until_ended(self, streams):
        """{stream: (status, body)} of these."""
        status, bodies, left = {}, {stream: b"" for stream in streams}, set(streams)
        while left:
            received = self.socket.recv(65536)
            assert received, f"the connection ended before {left}"
            for event in self.state.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    status[event.stream_id] = dict(event.headers)[":status"]
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                    self.state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    left.discard(event.stream_id)
                elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    raise AssertionError(event)
            self.flush()
        return {stream: (status[stream], body) for stream, body in bodies.items()}

    def close(self):
        self.socket.close()


def test_python_h2(system):
    """python3-h2 finds nothing wrong with many streams at once"""
    node, root = serve(system)
    client = Client(node)
    for _ in range(3):
        wanted = {client.request("GET", f"/{size}.bin"): size for size in SIZES * 5}
        for stream, answer in client.until_ended(wanted).items():
            assert answer == ("200", (root / f"{wanted[stream]}.bin").read_bytes()), wanted[stream]
    client.close()


def test_certificates_change(system):
    """a certificate that is no good is refused in a reload, and clients notice nothing"""
    node, _ = serve(system)
    path = node.cluster.path(node.name)
    before = path.read_text(encoding="utf-8")
    client = Client(node)
    for stem, reason in (("expired", "expired on 2001-01-01"), ("missing", "missing.pem"), ("weak", "too small")):
        path.write_text(before.replace("/a.pem", f"/{stem}.pem").replace("/a.key", f"/{stem}.key"), encoding="utf-8")
        status, result = node.reload()
        assert status != 200 and reason in str(result["errors"]), (stem, status, result)
        assert curl(node, "/1024.bin")[0] == 200
    path.write_text(before.replace("/a.pem", "/a-rsa.pem").replace("/a.key", "/a-rsa.key"), encoding="utf-8")
    status, result = node.reload()
    assert status == 200, result
    assert "RSA" in handshake(node)
    stream = client.request("GET", "/1024.bin")
    assert client.until_ended([stream])[stream][0] == "200"
    client.close()


if __name__ == "__main__":
    main(globals())
