"""perigee-origin as a process."""
import json

from .http import request
from .process import Process


class Origin(Process):
    def __init__(self, name, program, arguments):
        super().__init__(name, [program, *arguments])
        match = self.out.wait(r"^listening (\S+):(\d+)$", 20)
        self.address = match.group(1), int(match.group(2))
        self.note_descriptors()

    def __str__(self):
        return f"{self.address[0]}:{self.address[1]}"

    def get(self, path, **options):
        return request(self.address, path, **options)

    def stats(self):
        """What it has received since it began, as its /_/stats page tells it."""
        return json.loads(self.get("/_/stats").body)

    def log(self, after=0):
        """The requests it has received, oldest first, each as /_/log tells it."""
        return [json.loads(line) for line in self.get(f"/_/log?after={after}").body.splitlines()]
