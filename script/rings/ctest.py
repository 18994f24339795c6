"""Runs the tests of one label, and reads counts out of what test programs print."""
import os
import re

from . import build
from .progress import ROOT, Step

PATTERNS = {
    "unit": "tests/unit/*_test.cc",
    "node": "tests/node/*_test.cc",
    "sim": "tests/sim/*_test.cc",
    "system": "tests/system/*_test.py",
    "tsan": "tests/*/*_threads_test.cc",
    "conformance": "tests/conformance/*_test.py",
}
# The suite judges by what is fresh for two seconds, and so has the machine for itself.
SERIAL = {"conformance"}

SUMMARY = re.compile(r"\d+% tests passed, (\d+) tests? failed out of (\d+)")


def has_tests(ring):
    return any(ROOT.glob(PATTERNS[ring]))


def run(ring, preset):
    """(passed, failed) of one ring; failing tests show their output, and ctest's own closing lines come through."""
    step = Step(ring)
    width = 1 if ring in SERIAL else os.cpu_count() or 1
    command = ["ctest", "--test-dir", str(build.folder(preset).relative_to(ROOT)), "-L", f"^{ring}$",
               "--output-on-failure", "--no-tests=error", "-j", str(width)]
    summary = Closing()
    result = step.run(command, log=ring, echo=summary.shows)
    counts = SUMMARY.search(result.output)
    if counts is None:
        step.show(result)
        return 0, 1
    failed, total = int(counts.group(1)), int(counts.group(2))
    return total - failed, failed


class Closing:
    """Which lines of ctest reach the screen: what failed says, and everything from the summary on."""

    def __init__(self):
        self.closing = False
        self.failing = False

    def shows(self, line):
        if SUMMARY.search(line):
            self.closing = True
        if re.match(r"\s*\d+/\d+ Test +#\d+: ", line):
            self.failing = "Passed" not in line
        elif re.match(r"\s*Start +\d+: ", line):
            self.failing = False
        return self.closing or self.failing


def plain_counts(output):
    """The last "N passed, N failed" of a program's output."""
    found = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.MULTILINE)
    return tuple(map(int, found[-1])) if found else None
