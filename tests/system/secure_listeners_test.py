"""TLS between nodes, on the admin listener, with certificates of clients, and before the handshake is over."""
import re
import subprocess

from harness import main
from harness.tls import AUTHORITY, CERTIFICATES, HOST, certificate, curl, handshake, run, tls_node


def ctl(system, node, *arguments, status=0):
    host, port = node.addresses["admin"]
    done = subprocess.run([system.program("perigeectl"), "--admin", f"{host}:{port}", *map(str, arguments)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def files(system, **contents):
    root = system.folder / "root"
    root.mkdir()
    for name, text in contents.items():
        (root / f"{name}.txt").write_text(text, encoding="utf-8")
    return root


def test_peers(system):
    """nodes with certificates fetch from each other over TLS, and turn away everybody else"""
    origin = system.origin("--root", files(system, **{f"f{number}": "x" * 1000 for number in range(40)}))
    nodes = system.cluster(origin, {"eu": ["eu-1", "eu-2"]}, site_cache={"default_freshness": "1h"},
                           peers=lambda name: {"tls": {**certificate(f"peer-{name[-1]}"), "authorities": AUTHORITY}})
    for node in nodes:
        for number in range(40):
            assert node.get(f"/f{number}.txt", headers={"Host": HOST}).body == b"x" * 1000
    assert origin.stats()["requests"] == 40, origin.stats()
    for node in nodes:
        assert node.metric("perigee_tls_handshakes_total") >= 1, node.metrics()
        assert node.metric("perigee_peer_requests_total") >= 1
    host, port = nodes[0].addresses["peer"]
    said = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", "eu-1", "-CAfile", AUTHORITY, "-ign_eof"],
                          input=b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", capture_output=True, timeout=30, check=False)
    assert b"HTTP/1.1 " not in said.stdout and b"certificate required" in said.stderr, said


def test_admin(system):
    """perigeectl speaks TLS with the admin listener, shows its certificate, and believes nobody else"""
    token = system.folder / "token"
    token.write_text("0123456789abcdef", encoding="ascii")
    token.chmod(0o600)
    node = system.node(system.origin(), admin={"token_file": token, "tls": {**certificate("peer-1"), "client_authorities": AUTHORITY}})
    trust = ("--token-file", token, "--authorities", AUTHORITY, "--tls-name", "eu-1")
    mine = ("--certificate", CERTIFICATES / "peer-2.pem", "--key", CERTIFICATES / "peer-2.key")
    assert "ready" in ctl(system, node, *trust, *mine, "status")
    ctl(system, node, *trust, *mine, "reload")
    # Without a certificate, without TLS, toward somebody else, and trusting somebody else.
    ctl(system, node, *trust, "status", status=3)
    ctl(system, node, "--token-file", token, "status", status=1)
    assert "hostname mismatch" in ctl(system, node, "--token-file", token, "--authorities", AUTHORITY, "--tls-name", "eu-9", *mine,
                                      "status", status=1).lower()
    ctl(system, node, "--token-file", token, "--authorities", CERTIFICATES / "self.pem", "--tls-name", "eu-1", *mine, "status", status=1)
    ctl(system, node, *mine, "status", status=2)


def test_certificates_of_clients(system):
    """a site that requires certificates of its clients passes them on, and nobody can forge one"""
    origin = system.origin("--root", files(system, a="x"))
    node = tls_node(system, origin, certificates=("a",), site={"client_certificates": "required", "client_authorities": AUTHORITY})
    mine = ("--cert", CERTIFICATES / "peer-1.pem", "--key", CERTIFICATES / "peer-1.key", "--header", "Client-Cert: :Zm9yZ2Vk:")
    for version in ("--http1.1", "--http2"):
        for most in ("1.2", "1.3"):
            assert curl(node, "/a.txt", version, "--tls-max", most, *mine)[0] == 200, (version, most)
            fields = origin.log()[-1]["fields"]
            assert re.fullmatch(r":MII[A-Za-z0-9+/=]+:", fields["client-cert"]), fields
            assert fields["client-cert-chain"].startswith(":MII"), fields
    count = origin.stats()["requests"]
    host, port = node.tls
    for options in ((), ("--tls-max", "1.2")):
        refused = subprocess.run(["curl", "--silent", "--cacert", AUTHORITY, "--resolve", f"{HOST}:{port}:{host}", *options,
                                  f"https://{HOST}:{port}/a.txt"], capture_output=True, timeout=30, check=False)
        assert refused.returncode != 0, refused
    assert node.get("/a.txt", headers={"Host": HOST}).status == 403
    assert origin.stats()["requests"] == count


def early(system, node, request, *options):
    """What openssl says when it resumes a session with a request as early data; with the answer."""
    session, data = system.folder / "session", system.folder / "early"
    first = b"GET /none HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n"
    host, port = node.tls
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", HOST, "-CAfile", AUTHORITY, "-tls1_3", "-ign_eof"]
    run(*command, "-sess_out", session, data=first)
    data.write_bytes(request)
    done = subprocess.run([*map(str, command), "-sess_in", session, "-early_data", data, *options], input=b"", capture_output=True,
                          timeout=30, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


def test_early_data(system):
    """early data is taken where it is permitted, for safe requests, and origins hear of it"""
    origin = system.origin("--root", files(system, a="the words", b="others"))
    node = tls_node(system, origin, certificates=("a",), site_cache={"default_freshness": "1h"}, tls={"early_data": True})
    get = b"GET /%s HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n"
    said = early(system, node, get % b"a.txt")
    assert "Early data was accepted" in said and "HTTP/1.1 200" in said and "the words" in said, said
    assert origin.log()[-1]["fields"]["early-data"] == "1", origin.log()[-1]
    said = early(system, node, get % b"a.txt")
    assert "Early data was accepted" in said and "node; hit" in said, said
    said = early(system, node, b"POST /b.txt HTTP/1.1\r\nhost: a.example\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    assert "Early data was accepted" in said and "HTTP/1.1 425" in said, said
    assert origin.stats()["methods"] == {"GET": origin.stats()["requests"]}, origin.stats()
    curl(node, "/b.txt")
    assert "early-data" not in origin.log()[-1]["fields"]


def test_no_early_data(system):
    """early data is not taken where nobody has permitted it, and the handshake goes on without"""
    origin = system.origin("--root", files(system, a="the words"))
    node = tls_node(system, origin, certificates=("a",))
    session, data = system.folder / "session", system.folder / "early"
    host, port = node.tls
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", HOST, "-CAfile", AUTHORITY, "-tls1_3", "-ign_eof"]
    said = run(*command, "-sess_out", session, data=b"GET /a.txt HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n").decode()
    assert "the words" in said and "Max Early Data: 0" in said, said
    data.write_bytes(b"GET /a.txt HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n")
    assert "Reused" in handshake(node, "-tls1_3", "-sess_in", session)


def test_readiness_is_told(system):
    """the health listener stays without TLS for those who only want to know"""
    node = system.node(system.origin(), admin={"tls": certificate("peer-1")})
    host, port = node.addresses["health"]
    assert run("curl", "--silent", f"http://{host}:{port}/readyz") == b"ready\n"


if __name__ == "__main__":
    main(globals())
