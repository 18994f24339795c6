"""TLS and HTTP/2: what a hit, a handshake and an idle connection cost next to other servers, reloads that clients do not notice, attacks,
and what scanners find.

CPU time of the server's process over completed requests; the server is pinned to the first core and h2load to the last, subject and
yardstick take turns, and the figure is the median of the rounds' ratios."""
import json
import os
import pwd
import re
import socket
import ssl
import statistics
import subprocess
import threading

from harness import tls, until
from harness.process import Process
from harness.h2_attacks import (ATTACKS, DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, TIMEOUTS, Siege, frame,
                                 frames_of, indexed, literal, settings)
from harness.tls import AUTHORITY, CERTIFICATES, HOST, tls_node

TARGETS = ["perigee-edge", "perigee-origin", "bench-tls-memory"]
ROUNDS = 5
HITS = 200_000  # in a run: so many that the 64 handshakes before them, which have a part of their own, weigh one in a hundred
SMALL, LARGE = "/1024.bin", "/102400.bin"


class Nghttpd(Process):
    """nghttp2's own file server, with TLS."""

    def __init__(self, name, port, root):
        super().__init__(name, ["nghttpd", "--htdocs", root, "--address", port.host, "--workers", "1", str(port.number),
                                CERTIFICATES / "a.key", CERTIFICATES / "a.pem"])
        self.tls = port.pair
        until(port.is_listening, "nghttpd to listen")

    def stop(self):
        """It knows no end in good order."""
        self.kill()
        return []


def nginx(system, root):
    """nginx with the same certificate, tickets like ours, and TLS 1.3, which nginx 1.22 does not speak by itself: a handshake of TLS 1.2
    derives fewer keys and is a fifth cheaper."""
    port = system.port(system.host())
    server = system.nginx(root, [f"listen {port} ssl reuseport;", f"ssl_certificate {CERTIFICATES}/a.pem;",
                                 f"ssl_certificate_key {CERTIFICATES}/a.key;", "ssl_protocols TLSv1.2 TLSv1.3;"])
    server.tls = port.pair
    assert "TLSv1.3" in tls.handshake(server)
    return server


class H2o(Process):
    """H2O's file server with TLS, one thread."""

    def __init__(self, name, folder, port, root):
        path = folder / f"{name}.yaml"
        path.write_text(f"""num-threads: 1
user: {pwd.getpwuid(os.getuid()).pw_name}
listen:
  host: {port.host}
  port: {port.number}
  ssl:
    certificate-file: {CERTIFICATES}/a.pem
    key-file: {CERTIFICATES}/a.key
http2-max-concurrent-requests-per-connection: 128
hosts:
  default:
    paths:
      /:
        file.dir: {root}
""", encoding="utf-8")
        super().__init__(name, ["h2o", "-c", path])
        self.tls = port.pair
        until(port.is_listening, "h2o to listen")


def installed(*packages):
    """Installs what is missing; these programs serve for comparison only, so script/setup leaves them out."""
    missing = [name for name in packages if subprocess.run(["dpkg", "-s", name], capture_output=True, check=False).returncode != 0]
    if missing:
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True, capture_output=True,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def edge(system, root, **settings):
    node = tls_node(system, system.origin("--root", root), certificates=("a",), node={"workers": 1},
                    site_cache={"default_freshness": "1h"}, **settings)
    for path in (SMALL, LARGE):
        for _ in range(2):
            assert tls.curl(node, path)[0] == 200
    # A hit without TLS is another key.
    for _ in range(2):
        node.get(SMALL, headers={"Host": HOST})
    return node


def files(system):
    root = system.folder / "files"
    root.mkdir()
    for path in (SMALL, LARGE):
        (root / path[1:]).write_bytes(os.urandom(int(path[1:].partition(".")[0])))
    return root


def pin(process):
    for child in [process.pid, *map(int, subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, check=False,
                                                        text=True).stdout.split())]:
        for thread in os.listdir(f"/proc/{child}/task"):
            os.sched_setaffinity(int(thread), {0})


def cpu_seconds(process):
    """With its children's."""
    ticks = 0
    for pid in [process.pid, *map(int, subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, check=False,
                                                      text=True).stdout.split())]:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cost(server, address, path, requests, *options, scheme="https"):
    """CPU microseconds per request of a run of h2load."""
    before = cpu_seconds(server)
    said = tls.run("taskset", "-c", str(os.cpu_count() - 1), "h2load", f"-n{requests}", *options, "-H", f":authority: {HOST}",
                   f"{scheme}://{address[0]}:{address[1]}{path}").decode()
    assert f"{requests} succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    return (cpu_seconds(server) - before) * 1e6 / requests


def compare(subject, yardstick):
    """(subject's median, yardstick's, median of the ratios); both are functions that measure once."""
    pairs = []
    for _ in range(ROUNDS):
        first = yardstick()
        mine = statistics.mean((subject(), subject()))
        pairs.append((mine, statistics.mean((first, yardstick()))))
    return (statistics.median(mine for mine, _ in pairs), statistics.median(theirs for _, theirs in pairs),
            statistics.median(mine / theirs for mine, theirs in pairs))


def show(line, name, figures, limit, aim=None):
    """With an aim instead of a limit the figure is shown and not judged."""
    mine, theirs, ratio = figures
    line(f"{name}, us", f"{mine:.2f} against {theirs:.2f}", "shown", True)
    if aim is None:
        line.at_most(f"{name}, ratio", ratio, limit)
    else:
        line(f"{name}, ratio", f"{ratio:.4g}", f"aim {aim}", True)


def http1(system, line):
    """A hit of 1 KiB over TLS and HTTP/1.1, next to our own without TLS."""
    node = edge(system, files(system))
    pin(node)
    show(line, "1 KiB, TLS against none",
         compare(lambda: cost(node, node.tls, SMALL, HITS, "-c64", "--h1"),
                 lambda: cost(node, node.address, SMALL, HITS, "-c64", "--h1", scheme="http")), 1.6)


def h2o(system, line):
    """1 KiB hits next to H2O: TLS with HTTP/1.1, and HTTP/2."""
    installed("h2o")
    root = files(system)
    node = edge(system, root)
    other = system.keep(H2o("h2o", system.folder, system.port(system.host()), root))
    pin(node)
    pin(other)
    for name, options, limit, aim in (("HTTP/1.1", ("-c64", "--h1"), 1.0, None), ("HTTP/2", ("-c16", "-m32"), None, 1.2)):
        show(line, f"1 KiB against H2O, {name}",
             compare(lambda: cost(node, node.tls, SMALL, HITS, *options), lambda: cost(other, other.tls, SMALL, HITS, *options)), limit,
             aim)


def http2(system, line):
    """Hits over HTTP/2, 16 connections of 32 streams, next to nghttpd."""
    root = files(system)
    node = edge(system, root)
    other = system.keep(Nghttpd("nghttpd", system.port(system.host()), root))
    pin(node)
    pin(other)
    for path, requests, limit in ((SMALL, 100_000, 1.1), (LARGE, 20_000, 1.0)):
        show(line, f"{path[1:]} against nghttpd",
             compare(lambda: cost(node, node.tls, path, requests, "-c16", "-m32"),
                     lambda: cost(other, other.tls, path, requests, "-c16", "-m32")), limit)


def handshakes(system, line):
    """A full handshake and one request, next to nginx with the same version of libcrypto."""
    root = files(system)
    node = edge(system, root)
    other = nginx(system, root)
    pin(node)
    pin(other)
    show(line, "a connection with one request", compare(lambda: cost(node, node.tls, SMALL, 3000, "-c3000", "--h1"),
                                                         lambda: cost(other, other.tls, SMALL, 3000, "-c3000", "--h1")), 1.0)


def answered_http1(connection):
    connection.sendall(f"GET {SMALL} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    received = b""
    while len(received.partition(b"\r\n\r\n")[2]) < 1024:
        received += connection.recv(65536)


def answered_h2(connection):
    # As curl asks: what stays in the server's table is all but the path.
    lasting = ((":authority", HOST), ("user-agent", "curl/7.88.1"), ("accept", "*/*"))
    head = b"".join([literal(":method", "GET"), literal(":scheme", "https"), literal(":path", SMALL),
                     *(indexed(name, value) for name, value in lasting)])
    connection.sendall(PREFACE + settings() + frame(SETTINGS, 1, 0) + frame(HEADERS, END_STREAM | END_HEADERS, 1, head))
    received = b""
    while not any(kind == DATA and flags & END_STREAM for kind, flags, _, _ in frames_of(received)):
        received += connection.recv(65536)


def idle(system, line):
    """Memory of idle connections that have had one answer each: ours, and what OpenSSL keeps for a session, by its own hook."""
    said = tls.run(system.program("bench-tls-memory"), CERTIFICATES / "a.pem", CERTIFICATES / "a.key", AUTHORITY, HOST)
    openssl = json.loads(said)["openssl_bytes_per_session"] / 1024
    count = 2000
    root = files(system)
    for protocol in ("http/1.1", "h2"):
        # A node of its own: one that has served others fills what those have left in its heap.
        node = edge(system, root, limits={"connections": 20_000})
        context = ssl.create_default_context(cafile=AUTHORITY)
        context.set_alpn_protocols([protocol])
        connections = []
        before = node.rss_bytes()
        for _ in range(count):
            connection = context.wrap_socket(socket.create_connection(node.tls), server_hostname=HOST)
            (answered_http1 if protocol == "http/1.1" else answered_h2)(connection)
            connections.append(connection)
        all_of_it = (node.rss_bytes() - before) / count / 1024
        line(f"{protocol}: RSS per connection, KiB", f"{all_of_it:.2f}, of which OpenSSL {openssl:.2f}", "shown", True)
        line.at_most(f"{protocol}: ours of it, KiB", all_of_it - openssl, 12)
        for connection in connections:
            connection.close()


class Handshakes(threading.Thread):
    """New handshakes and resumed ones in turn, each with an answer, until told to stop."""

    def __init__(self, node):
        super().__init__()
        self._node = node
        self._context = ssl.create_default_context(cafile=AUTHORITY)
        self._over = threading.Event()
        self.made = self.resumed = 0
        self.errors = []
        self.start()

    def run(self):
        while not self._over.is_set():
            try:
                session = self._shake(None)
                self._shake(session)
            except OSError as error:
                self.errors.append(str(error))

    def _shake(self, session):
        with self._context.wrap_socket(socket.create_connection(self._node.tls, timeout=10), server_hostname=HOST,
                                       session=session) as connection:
            answered_http1(connection)
            self.made += 1
            self.resumed += connection.session_reused
            return connection.session

    def stop(self):
        self._over.set()
        self.join()


def rotations(system, line):
    """100 changes of certificates and of ticket keys, under load and beside a stream of handshakes."""
    secrets = [system.folder / "new.secret", system.folder / "old.secret"]
    for secret in secrets:
        secret.write_text("0" * 64, encoding="ascii")
        secret.chmod(0o600)
    node = edge(system, files(system), tls={"ticket_keys": secrets})
    path = node.cluster.path(node.name)
    text = path.read_text(encoding="utf-8")
    host, port = node.tls
    load = subprocess.Popen(["h2load", "-D", "40", "-c32", "-m4", "-H", f":authority: {HOST}", f"https://{host}:{port}{SMALL}"],
                            stdout=subprocess.PIPE, text=True)
    handshakes = Handshakes(node)
    applied = reached = 0
    for number in range(100):
        stem = "a-rsa" if number % 2 else "a"
        for age, secret in enumerate(secrets):
            secret.write_text(f"{100 + number - age:064}", encoding="ascii")
        path.write_text(re.sub(r"certificates/[\w-]+\.(pem|key)", rf"certificates/{stem}.\1", text), encoding="utf-8")
        applied += node.reload()[0] == 200
        reached += tls.curl(node, SMALL)[0] == 200
    handshakes.stop()
    said = load.communicate(timeout=120)[0]
    done, failed, errored, timeout = map(int, re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", said).groups())
    line.exactly("reloads applied", applied, 100)
    line.exactly("curl after each", reached, 100)
    line("handshakes beside them", handshakes.made, "> 200", handshakes.made > 200)
    line("of them resumed", handshakes.resumed, "> 100", handshakes.resumed > 100)
    line.exactly("handshakes that failed, for a client", "; ".join(handshakes.errors) or "none", "none")
    line.exactly("handshakes that failed, for the node", node.metrics()['perigee_tls_handshakes_total{kind="failed"}'], 0)
    line.exactly("requests under way that failed", failed + errored + timeout, 0)
    line("requests under way", done, "> 1000", done > 1000)


def good_load(node, seconds, log):
    """(requests that succeeded, those that failed, 99th percentile of their times in ms) of well-behaved clients at a constant rate."""
    host, port = node.tls
    log.unlink(missing_ok=True)
    said = subprocess.run(["h2load", f"-D{seconds}", "-c10", "-m4", "--rps=200", f"--log-file={log}", "-H", f":authority: {HOST}",
                           f"https://{host}:{port}{SMALL}"], capture_output=True, text=True, check=True).stdout
    done, failed, errored, timeout = map(int, re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", said).groups())
    with open(log, encoding="ascii") as lines:
        times = sorted(int(line.split("\t")[2]) for line in lines)
    return done, failed + errored + timeout, times[len(times) * 99 // 100] / 1000


ATTACKERS = 4
STREAMS = 128  # the default of limits.http2_streams
LATER = 100  # ms that well-behaved requests may take longer while four attackers make connections as fast as they can


def attack_lines(line, name, expected, result, counted):
    """What became of the attackers' connections; `counted` has what the node's counters say of the time."""
    connections = result.connections + result.lasting
    line(name, f"{connections} connections, {result.sent} bytes", "shown", True)
    line.exactly(f"{name}: connections that could not be made", len(result.errors), 0)
    abuse = counted["perigee_http2_abuse_total"]
    if expected.within is None:
        line.exactly(f"{name}: connections ended", result.connections, 0)
    else:
        line.at_most(f"{name}: longest connection, s", result.longest if result.connections else float("inf"), expected.within)
    if expected.budget:
        # Those that were under way when the time was up may have been ended behind it.
        line(f"{name}: ended by their budget", abuse, f"{result.connections} to {connections}", result.connections <= abuse <= connections)
    else:
        line.exactly(f"{name}: ended by their budget", abuse, 0)
    if expected.timeouts:
        least = expected.timeouts * max(result.connections, 1)
        timeouts = counted["perigee_client_timeouts_total"]
        line(f"{name}: ended by a timeout", timeouts, f">= {least}", timeouts >= least)


def attacks(system, line):
    """Each attack beside a well-behaved load: what becomes of the connections, of the load, of the origin and of memory."""
    # Less would be over before a timeout of TIMEOUTS is.
    seconds = max(6, int(os.environ.get("PERIGEE_ATTACK_SECONDS", "30")))
    log = system.folder / "h2load.log"
    origin = system.origin("--root", files(system))
    node = tls_node(system, origin, certificates=("a",), node={"workers": 1}, site_cache={"default_freshness": "1h"}, timeouts=TIMEOUTS)
    for path in (SMALL, LARGE):
        for _ in range(2):
            assert tls.curl(node, path)[0] == 200
    pin(node)
    # The page of metrics is asked over a connection, which is one of those it counts.
    asking = node.metric("perigee_connections_open")
    usual, _, usual_time = good_load(node, seconds, log)
    memory = node.rss_bytes()
    line("load without an attack, requests and 99th percentile in ms", f"{usual}, {usual_time:.1f}", "shown", True)
    for attack, expected in ATTACKS.items():
        name = attack.__name__
        origin.get("/_/reset")
        counters = {counter: -node.metric(counter) for counter in ("perigee_http2_abuse_total", "perigee_client_timeouts_total")}
        siege = Siege(node, attack, seconds, ATTACKERS)
        done, failed, time = good_load(node, seconds, log)
        result = siege.result()
        until(lambda: node.metric("perigee_connections_open") == asking, f"{name}'s connections to be gone", 20)
        attack_lines(line, name, expected, result, {counter: node.metric(counter) + before for counter, before in counters.items()})
        line.at_most(f"{name}: the load lost, %", 100 * max(0.0, 1 - done / usual), 10)
        line.exactly(f"{name}: requests of the load that failed", failed, 0)
        line.at_most(f"{name}: 99th percentile of the load, ms", time, usual_time + LATER)
        stats = origin.stats()
        line.at_most(f"{name}: requests upstream at once (of {stats['requests']})", stats["concurrent_max"], STREAMS)
        line.exactly(f"{name}: tricks that reached the origin", sum("evil" in str(request) for request in origin.log()), 0)
        line.at_most(f"{name}: memory kept, MiB", (node.rss_bytes() - memory) / 2**20, 16)


# Of the test certificate: who issued it, that nobody can revoke it, that it is valid for a century; and what a cache leaves to its origin.
OF_THE_CERTIFICATE = re.compile(r"^(cert_|cert |HSTS|HPKP|OCSP|DNS_CAA|CAA|chain|overall_grade|grade|final_score|banner|cookie|security_headers)")


def scanners(system, line):
    """What testssl.sh and sslscan find."""
    installed("testssl.sh", "sslscan")
    node = edge(system, files(system))
    host, port = node.tls
    report = system.folder / "testssl.json"
    subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off", "--add-ca", AUTHORITY, "--jsonfile", report, "--ip", host,
                    f"{HOST}:{port}"], capture_output=True, check=False, timeout=900)
    found = json.loads(report.read_text(encoding="utf-8"))
    serious = [f"{entry['id']}: {entry['finding']}" for entry in found
               if entry["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL") and not OF_THE_CERTIFICATE.match(entry["id"])]
    line("testssl.sh: checks", len(found), "> 50", len(found) > 50)
    line.exactly("testssl.sh: findings above LOW", "; ".join(serious) or "none", "none")
    said = subprocess.run(["sslscan", "--no-colour", f"--sni-name={HOST}", f"{host}:{port}"], capture_output=True, text=True, check=True).stdout
    spoken = re.findall(r"^(\S+)\s+enabled$", said, re.MULTILINE)
    line.exactly("sslscan: protocols", " ".join(sorted(spoken)), "TLSv1.2 TLSv1.3")


PARTS = {"http1": http1, "h2o": h2o, "http2": http2, "handshakes": handshakes, "idle": idle, "rotations": rotations, "attacks": attacks,
         "scanners": scanners}
