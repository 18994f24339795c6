"""perigee-load as a process that runs beside the test."""
import json
import signal

from .process import Process


class Load(Process):
    def __init__(self, name, program, targets, arguments):
        where = [part for target in targets for part in ("--target", f"{target[0]}:{target[1]}")]
        super().__init__(name, [program, *where, *arguments])

    def wait_running(self):
        """Until the first response is complete; needs --announce among the arguments."""
        self.out.wait(r"^running$", 30)

    def result(self, seconds=300):
        """Waits for its end; the report, with the exit status under "exit"."""
        status = self.wait(seconds)
        assert self.out.lines and self.out.lines[-1].startswith("{"), f"{self.name}: {status}: {self.err.lines}"
        return {**json.loads(self.out.lines[-1]), "exit": status}

    def hang_up(self):
        """Its clients leave at once, in the middle of what they read; the report."""
        self.signal(signal.SIGINT)
        return self.result()

    def finish(self):
        """Asks for an orderly end; the report."""
        if self.is_alive():
            self.signal(signal.SIGTERM)
        return self.result()
