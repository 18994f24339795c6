"""What a machine does to a node: a full disk, a reader of its output that went away, a storm of signals, a clock that jumps."""
import glob
import os
import signal
import subprocess
import threading

from harness import main, until
from harness.http import Session
from harness.node import Node

BODY = "/_/body?size=1000&cc=max-age=600&id="


class Clients:
    """Asks a node for a few URLs, over and over, until it is told to stop; what did not go well is in `failures`."""

    def __init__(self, node):
        self.answers = 0
        self.failures = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(node,), daemon=True)
        self._thread.start()

    def _run(self, node):
        session = Session(node.address)
        while not self._stop.is_set():
            try:
                answer = session.request(f"{BODY}{self.answers % 10}")
                if answer.status != 200 or len(answer.body) != 1000 or not 0 <= int(answer.field("age") or 0) < 3600:
                    self.failures.append((answer.status, len(answer.body), answer.field("age")))
            except OSError as error:
                self.failures.append(repr(error))
                session = Session(node.address)
            self.answers += 1

    def more(self, count):
        """Waits for so many further answers."""
        goal = self.answers + count
        until(lambda: self.answers >= goal, f"{count} answers more", 60)

    def finish(self):
        self._stop.set()
        self._thread.join()
        assert not self.failures, self.failures[:5]


def dropped(node):
    return node.metric("perigee_log_lines_dropped_total")


def test_full_disk(system):
    """a full disk under the access log costs lines and nothing else; when there is room again, lines come again"""
    disk = system.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True, check=False)
    log = disk / "access.log" if mounted.returncode == 0 else "/dev/full"
    try:
        node = system.node(system.origin(), log={"access": str(log)})
        clients = Clients(node)
        until(lambda: dropped(node) > 0, "a dropped line", 60)
        clients.more(500)
        if mounted.returncode == 0:
            os.truncate(log, 0)
            lost = dropped(node)
            clients.more(50)
            until(lambda: os.path.getsize(log) > 0, "lines in the emptied log")
            assert lost > 0
        clients.finish()
        node.kill()
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", disk], check=True)


def test_closed_output(system):
    """a node whose stdout has no reader any more goes on"""
    first = system.node(system.origin())
    path = first.cluster.path(first.name)
    roles = list(first.addresses)
    first.kill()
    path.write_text(path.read_text() + '\n[log]\naccess = "stdout"\n')
    program = system.folder / "run"
    # The reader leaves after the addresses and two lines of the log.
    reader = f'for i in $(seq {len(roles) + 2}); do read -r line; echo "$line"; done'
    program.write_text(f'#!/bin/bash\nexec {system.program("perigee-edge")} "$@" > >({reader})\n')
    program.chmod(0o755)
    node = system.keep(Node(first.name, program, path, roles))
    node.cluster = first.cluster
    clients = Clients(node)
    until(lambda: dropped(node) > 0, "a dropped line", 60)
    clients.more(500)
    clients.finish()
    assert node.is_alive()


def test_signals(system):
    """1,000 SIGHUPs under load cost no request, no memory and no descriptor"""
    # AddressSanitizer keeps what is freed, which is no growth of the node's.
    node = system.node(system.origin(), {"ASAN_OPTIONS": "quarantine_size_mb=1"})
    clients = Clients(node)
    clients.more(200)
    before = node.rss_bytes()
    descriptors = len(node.descriptors())
    for _ in range(1000):
        node.signal(signal.SIGHUP)
    clients.more(200)
    reloads = node.metric("perigee_reloads_total")
    assert reloads >= 1, reloads
    assert node.reload()[0] == 200
    more = len(node.descriptors()) - descriptors
    assert more <= 8, f"{more} descriptors more"  # upstream connections come and go
    clients.finish()
    grown = node.rss_bytes() - before
    assert grown < 32 << 20, f"{grown} bytes more"


def test_clock(system):
    """a clock set back by a day, and forward again, disturbs nobody"""
    libraries = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert libraries, "no libfaketime; expected it from script/setup"
    clock = system.folder / "clock"
    clock.write_text("+0\n")
    node = system.node(system.origin(), {"LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": str(clock),
                                         "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
                                         "ASAN_OPTIONS": "verify_asan_link_order=0"}, log={"access": "stdout"})
    clients = Clients(node)
    clients.more(100)
    today = node.out.wait(r'^\{"ts":"(\d{4}-\d\d-\d\d)', 20).group(1)
    seen = len(node.out.lines)
    clock.write_text("-1d\n")
    until(lambda: any(line.startswith('{"ts":"') and today not in line[:20] for line in node.out.lines[seen:]),
          "yesterday in the log", 60)
    clients.more(300)
    assert node.reload()[0] == 200
    clock.write_text("+0\n")
    clients.more(300)
    clients.finish()
    assert node.get(BODY + "new").status == 200


if __name__ == "__main__":
    main(globals())
