"""A small HTTP client for tests, and raw bytes where a test needs those."""
import http.client
import socket
from dataclasses import dataclass


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def field(self, name):
        return self.headers.get(name, "")

    @property
    def is_hit(self):
        """The last cache of the way answered from its store (RFC 9211)."""
        return self.field("cache-status").rpartition(",")[2].partition(";")[2].strip().startswith("hit")


def request(address, path, method="GET", headers=None, body=None, timeout=30):
    connection = http.client.HTTPConnection(*address, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Session:
    """Requests over one connection."""

    def __init__(self, address, timeout=30):
        self._connection = http.client.HTTPConnection(*address, timeout=timeout)

    def request(self, path, method="GET", headers=None, body=None):
        self._connection.request(method, path, body=body, headers=headers or {})
        answer = self._connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()


def exchange_raw(address, data, timeout=10):
    """Sends bytes and gives back all that comes until the other side closes (or says nothing for `timeout`)."""
    received = b""
    with socket.create_connection(address, timeout=timeout) as connection:
        try:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                received += chunk
        except (ConnectionResetError, BrokenPipeError, socket.timeout):
            pass
    return received
