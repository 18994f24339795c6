"""One long step: its output goes to a log, a terminal sees a live line, a file sees when it began and how it ended."""
import os
import selectors
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LOGS = ROOT / "build/logs"
TERMINAL = sys.stdout.isatty()
STARTED = time.monotonic()


def elapsed(since):
    seconds = int(time.monotonic() - since)
    return f"{seconds // 60}:{seconds % 60:02}"


@dataclass
class Finished:
    ok: bool
    output: str
    log: Path


class Step:
    def __init__(self, name):
        self.name = name
        self.started = time.monotonic()

    def run(self, command, log, environment=None, echo=None):
        """Runs to the end. echo(line) says which lines are shown as they come."""
        LOGS.mkdir(parents=True, exist_ok=True)
        path = LOGS / f"{log}.log"
        self._begin()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env={**os.environ, **(environment or {})})
        output = []
        with open(path, "ab") as file:
            file.write(f"$ {' '.join(command)}\n".encode())
            for line in self._lines(process):
                file.write(line)
                text = line.decode(errors="replace")
                output.append(text)
                if echo and echo(text):
                    self._clear()
                    print(text, end="", flush=True)
                self._live(text)
        ok = process.wait() == 0
        self._end(ok)
        return Finished(ok, "".join(output), path)

    def show(self, result, lines=60):
        """The end of what a failed step printed."""
        print("".join(result.output.splitlines(keepends=True)[-lines:]), end="")
        print(f"{self.name}: failed; the whole log is {result.log.relative_to(ROOT)}", flush=True)

    def _lines(self, process):
        """Lines as they come; None-free: while nothing comes the live line's clock still ticks."""
        pipe = process.stdout.fileno()
        waiting = selectors.DefaultSelector()
        waiting.register(pipe, selectors.EVENT_READ)
        rest = b""
        while True:
            if not waiting.select(timeout=1):
                self._live("")
                continue
            data = os.read(pipe, 65536)
            if not data:
                break
            *whole, rest = (rest + data).split(b"\n")
            yield from (line + b"\n" for line in whole)
        if rest:
            yield rest
        waiting.close()

    def _begin(self):
        self._last = ""
        if not TERMINAL:
            print(f"[{elapsed(STARTED)}] {self.name} ...", flush=True)

    def _live(self, text):
        if TERMINAL:
            self._last = text.strip() or self._last
            width = os.get_terminal_size().columns
            line = f"[{elapsed(STARTED)}] {self.name} {elapsed(self.started)}  {self._last}"
            print("\r\033[K" + line[:width - 1], end="", flush=True)

    def _clear(self):
        if TERMINAL:
            print("\r\033[K", end="")

    def _end(self, ok):
        self._clear()
        verdict = "done" if ok else "FAILED"
        print(f"[{elapsed(STARTED)}] {self.name} {verdict} in {elapsed(self.started)}", flush=True)
