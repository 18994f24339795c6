"""nginx in the foreground, with a prefix of its own, as the origin that we did not write."""
import os
from pathlib import Path

from .http import request
from .process import Process
from .wait import until

# The temporary folders that nginx would otherwise make under /var.
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {prefix}/nginx.pid;
error_log stderr error;
{user}
events {{ worker_connections 4096; }}
http {{
  access_log {prefix}/access.log;
  default_type application/octet-stream;
  keepalive_requests 1000000;
{temporary}
  server {{
    listen {port} reuseport;
    root {root};
{lines}
  }}
}}
"""


class Nginx(Process):
    """Serves `root`; `lines` are directives of its server block, such as "expires 1h;"."""

    def __init__(self, name, prefix, port, root, lines=()):
        self.port = port
        self._log = Path(prefix, "access.log")
        configuration = Path(prefix, "nginx.conf")
        configuration.write_text(CONFIGURATION.format(
            prefix=prefix, port=port, root=root, user="user root;" if os.getuid() == 0 else "",
            temporary="\n".join(f"  {kind}_temp_path {prefix}/{kind};" for kind in TEMPORARY),
            lines="\n".join(f"    {line}" for line in lines)), encoding="utf-8")
        super().__init__(name, ["nginx", "-p", prefix, "-e", "stderr", "-c", configuration])
        # It listens before it has a worker, and opens a pair of sockets for each.
        until(lambda: not self.is_alive() or (port.is_listening() and self._children()),
              lambda: f"nginx to listen on {port}: {self.err.lines}")
        assert self.is_alive(), f"nginx ended: {self.err.lines}"
        self.note_descriptors()

    @property
    def address(self):
        return self.port.pair

    def get(self, path, **options):
        return request(self.address, path, **options)

    def requests(self):
        """How many requests it has answered."""
        if not self._log.exists():
            return 0
        with open(self._log, "rb") as log:
            return sum(1 for _ in log)
