"""One process that a test started: its output as it comes, its descriptors, its end."""
import os
import re
import signal
import subprocess
import threading
import time

from .wait import TimedOut, until

SANITIZER = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|: runtime error: ")
ERROR_LINE = re.compile(r'"level" ?: ?"error"|\[(?:error|emerg|alert|crit)\]')
STOP_SECONDS = 60


class Output:
    """The lines of one pipe, read by a thread so that the process never waits for us."""

    def __init__(self, pipe):
        self.lines = []
        self._grown = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def _read(self, pipe):
        with pipe:
            for line in pipe:
                with self._grown:
                    self.lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def wait(self, pattern, seconds, start=0):
        """The match of the first line, from `start` on, that matches."""
        deadline = time.monotonic() + seconds
        with self._grown:
            while True:
                for line in self.lines[start:]:
                    if match := re.search(pattern, line):
                        return match
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    raise TimedOut(f"no line matches {pattern!r}; there is: {self.lines[-20:]}")
                self._grown.wait(left)

    def join(self):
        self._thread.join(STOP_SECONDS)


class Process:
    def __init__(self, name, command, environment=None, cwd=None, stop_signal=signal.SIGTERM):
        self.name = name
        self.command = [str(part) for part in command]
        self._announced = []
        self._stop_signal = stop_signal
        self._baseline = None
        self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, cwd=cwd, env={**os.environ, **(environment or {})})
        self.out = Output(self._process.stdout)
        self.err = Output(self._process.stderr)
        self.ended_by_test = False

    @property
    def pid(self):
        return self._process.pid

    def is_alive(self):
        return self._process.poll() is None

    def announce_errors(self, pattern):
        """The test expects error-level lines that match."""
        self._announced.append(re.compile(pattern))

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, seconds=STOP_SECONDS):
        """The exit status, once it ends by itself."""
        status = self._process.wait(seconds)
        self.ended_by_test = True
        self.out.join()
        self.err.join()
        return status

    def kill(self):
        """SIGKILL, as a crash; the end-of-test conditions no longer apply to it."""
        self._process.kill()
        self.wait()

    def stop(self):
        """Asks it to end, and gives back what was wrong with it: an empty list when it ended well."""
        if self.ended_by_test:
            return self.complaints_about_output()
        if not self.is_alive():
            status = self.wait()
            return [f"{self.name}: ended by itself with status {status}: {self.err.lines[-30:]}"]
        problems = []
        self.signal(self._stop_signal)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            return [f"{self.name}: was still there {STOP_SECONDS} s after signal {self._stop_signal}"]
        if status != 0:
            problems.append(f"{self.name}: ended with status {status}, expected 0: {self.err.lines[-30:]}")
        return problems + self.complaints_about_output()

    def complaints_about_output(self):
        problems = []
        for line in self.out.lines + self.err.lines:
            if SANITIZER.search(line):
                problems.append(f"{self.name}: sanitizer: {line}; all of it: {self.err.lines[-60:]}")
                break
        for line in self.err.lines:
            if ERROR_LINE.search(line) and not any(pattern.search(line) for pattern in self._announced):
                problems.append(f"{self.name}: an error that the test did not announce: {line}")
        return problems

    # Descriptors.

    def descriptors(self):
        """What each open descriptor points to; empty once the process is gone."""
        folder = f"/proc/{self.pid}/fd"
        found = {}
        try:
            for name in os.listdir(folder):
                try:
                    found[int(name)] = os.readlink(f"{folder}/{name}")
                except FileNotFoundError:
                    continue
        except (FileNotFoundError, PermissionError):
            pass
        return found

    def socket_inodes(self):
        """Of this process and its children (nginx serves from those)."""
        inodes = set()
        for pid in [self.pid, *self._children()]:
            try:
                targets = [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]
            except OSError:
                continue
            inodes |= {int(target[8:-1]) for target in targets if target.startswith("socket:[")}
        return inodes

    def _children(self):
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
                return [int(pid) for pid in file.read().split()]
        except OSError:
            return []

    def note_descriptors(self):
        self._baseline = len(self.descriptors())

    def descriptors_back(self, internal, seconds=10):
        """None when it holds no more descriptors than when it became ready, else what is wrong. `internal` gives the inodes of
        connections between processes of the test: pools keep those open on purpose."""
        if self._baseline is None or not self.is_alive():
            return None

        def extra():
            kept = internal()
            held = [target for target in self.descriptors().values()
                    if not (target.startswith("socket:[") and int(target[8:-1]) in kept)]
            return len(held) - self._baseline

        try:
            until(lambda: extra() <= 0, "descriptors", seconds)
        except TimedOut:
            return f"{self.name}: holds {extra()} descriptors more than when it became ready: {self.descriptors()}"
        return None

    # Figures.

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self, peak=False):
        return self._status_kib("VmHWM" if peak else "VmRSS") * 1024

    def _status_kib(self, key):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"^{key}:\s*(\d+) kB", file.read(), re.MULTILINE).group(1))
