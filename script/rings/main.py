"""Runs the rings of tests: builds what a ring needs, runs it, prints its closing line."""
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rings import build, counts, ctest, fuzz  # noqa: E402
from rings.progress import ROOT, Step  # noqa: E402


def check():
    """The rules of the tree, and the rules' own tests."""
    passed = failed = 0
    for arguments in ([], ["--self-test"]):
        step = Step("check" + "".join(f" {a}" for a in arguments))
        result = step.run([str(ROOT / "script/check"), *arguments], log="check")
        counts = ctest.plain_counts(result.output)
        if not result.ok or counts is None:
            step.show(result)
        passed += counts[0] if counts else 0
        failed += counts[1] if counts else 1
    return passed, failed


def of_preset(ring, preset, targets):
    """A ring that ctest runs from one build folder."""

    def run():
        if not ctest.has_tests(ring):
            return 0, 0
        if not build.build(preset, targets):
            return 0, 1
        return ctest.run(ring, preset)

    return run


RINGS = {
    "check": check,
    "unit": of_preset("unit", "dev", ["unit_tests"]),
    "node": of_preset("node", "dev", ["node_tests"]),
    "sim": of_preset("sim", "dev", ["sim_tests", "perigee-simulate", "sim_mutants"]),
    "system": of_preset("system", "dev", build.PROGRAMS),
    "tsan": of_preset("tsan", "tsan", ["tsan_tests"]),
    "conformance": of_preset("conformance", "dev", build.PROGRAMS),
    "fuzz": fuzz.run,
    "counts": counts.run,
}


def main(names):
    unknown = [name for name in names if name not in RINGS]
    if unknown:
        print(f"test: no ring named {unknown[0]!r}; expected some of: {' '.join(RINGS)}", file=sys.stderr)
        return 2
    everything = not names
    passed = failed = 0
    lines = []
    if everything and not build.build("dev", ["all"]):
        failed += 1
        lines.append("build: dev does not build")
    for name in names or RINGS:
        ring_passed, ring_failed = RINGS[name]()
        passed += ring_passed
        failed += ring_failed
        empty = "" if ring_passed + ring_failed else " (no tests)"
        lines.append(f"{name}: {ring_passed} passed, {ring_failed} failed{empty}")
        print(lines[-1], flush=True)
    print("\n".join(["", *lines]) if len(lines) > 1 else "")
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
