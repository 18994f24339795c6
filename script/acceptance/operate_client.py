"""What the parts of this area ask nodes with."""
import http.client
import threading

HOST = {"Host": "docs.example.org"}


class Client:
    """A connection for each thread and address."""

    def __init__(self):
        self.local = threading.local()
        self.all = []

    def close(self):
        for connection in self.all:
            connection.close()

    def request(self, address, method, path, body=None):
        connections = self.local.__dict__.setdefault("connections", {})
        for last in (False, True):
            if address not in connections:
                connections[address] = http.client.HTTPConnection(*address, timeout=30)
                self.all.append(connections[address])
            connection = connections[address]
            try:
                connection.request(method, path, body, HOST)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                connections.pop(address).close()
                if last:
                    raise


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
