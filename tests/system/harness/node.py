"""perigee-edge as a process."""
import json
import signal

from .http import exchange_raw, request
from .process import Process

ROLES = ("client", "peer", "admin", "health")


class Node(Process):
    """A node that runs from a configuration file. `expected` maps the roles it must announce to their Ports."""

    def __init__(self, name, program, configuration, expected, environment=None):
        super().__init__(name, [program, "--config", configuration, "--node", name], environment)
        self.configuration = configuration
        self.addresses = {}
        for role in expected:
            match = self.out.wait(rf"^listening {role} (\S+):(\d+)$", 20)
            self.addresses[role] = match.group(1), int(match.group(2))
        self.note_descriptors()

    @property
    def address(self):
        return self.addresses["client"]

    def __str__(self):
        return f"{self.address[0]}:{self.address[1]}"

    def get(self, path, **options):
        return request(self.address, path, **options)

    def raw(self, data, **options):
        return exchange_raw(self.address, data, **options)

    def admin(self, path, method="GET", **options):
        return request(self.addresses["admin"], path, method=method, **options)

    def metrics(self):
        """Every sample of /metrics, by name with its labels."""
        samples = {}
        for line in self.admin("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def metric(self, name):
        """A metric added up over its labels."""
        return sum(value for sample, value in self.metrics().items() if sample.partition("{")[0] == name)

    def reload(self):
        """(status, result object) of a reload by the admin page."""
        answer = self.admin("/reload", method="POST")
        return answer.status, json.loads(answer.body)

    def reload_by_signal(self):
        self.signal(signal.SIGHUP)
