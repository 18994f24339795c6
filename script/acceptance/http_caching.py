"""HTTP caching: the public cache test suite three times over, the structured field vectors, properties, and ten minutes of fuzzing
for each parser that reads what strangers send."""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/conformance"))

from http_cache import suite  # noqa: E402
from rings import build  # noqa: E402

TARGETS = ["perigee-edge"]
RUNS = 3
VECTORS = 2135
FUZZED = ["cache_control", "structured_fields", "date", "range", "vary", "h1_request", "h1_response", "h1_body"]
FUZZ_SECONDS = 600


def conformance(system, line):
    """Three runs against fresh nodes, and the outcome that docs/CONFORMANCE.md shows."""
    judge = suite.Suite().judge
    expected = {entry["id"] for entry in suite.exceptions()} | set(suite.not_yet())
    outcomes = []
    for number in range(1, RUNS + 1):
        results = suite.run(system)
        outcomes.append(suite.verdicts(judge, results))
        for kind, (passed, applying) in judge.counts(results).items():
            excepted = sum(judge.tests[name]["kind"] == kind for name in expected)
            limit = f"{applying} but for {excepted}" if kind != "check" else "counted"
            line(f"run {number}: {kind} tests passed", f"{passed} of {applying}", limit,
                 kind == "check" or passed == applying - excepted)
        unexpected, stale = judge.surprises(results, expected)
        line.exactly(f"run {number}: failures that no RFC excuses", len(unexpected), 0)
        line.exactly(f"run {number}: exceptions that pass", len(stale), 0)
    line.exactly("runs with the outcome of the first", sum(outcome == outcomes[0] for outcome in outcomes), RUNS)
    for way in suite.WAYS[1:]:
        outcome = suite.verdicts(judge, suite.run(system, way))
        line.exactly(f"tests that end otherwise over {way}", sum(outcome[name] != outcomes[0][name] for name in outcome), 0)
    line("the outcome is that of docs/CONFORMANCE.md", outcomes[0] == suite.committed_results(), "True",
         outcomes[0] == suite.committed_results())


def run_tests(ring, tags):
    """(exit status, output) of some tests of a ring, with the sanitizers of the dev build."""
    assert build.build("dev", [f"{ring}_tests"]), f"{ring}_tests does not build"
    done = subprocess.run([str(build.folder("dev") / f"tests/{ring}_tests"), "-#", tags], capture_output=True, text=True,
                          check=False, cwd=ROOT)
    return done.returncode, done.stdout + done.stderr


def structured_fields(system, line):
    """The vectors of the HTTP working group."""
    status, output = run_tests("unit", "[#structured_fields_test]")
    count = re.search(r"structured field vectors: (\d+) records", output)
    line.exactly("records", int(count.group(1)) if count else 0, VECTORS)
    line.exactly("exit status of the test over them", status, 0)


def properties(system, line):
    """Every test on random cases, by fixed seeds."""
    for source in sorted((ROOT / "tests").glob("*/*_property_test.cc")):
        status, output = run_tests(source.parent.name, f"[#{source.stem}]")
        ran = re.search(r"All tests passed \((\d+) assertions? in (\d+) test cases?\)", output)
        line(source.stem, f"{ran.group(1)} assertions" if ran else f"exit status {status}", "all hold", bool(ran))


def fuzz(system, line):
    """Ten minutes for each target from a fresh seed, as many at once as there are cores."""
    assert build.build("fuzz", [f"{name}_fuzz" for name in FUZZED]), "the fuzz targets do not build"
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for name, (status, runs, tail) in zip(FUZZED, pool.map(lambda name: fuzz_one(system, name), FUZZED)):
            line(f"{name}: inputs without crash or leak", runs, "> 20000", status == 0 and runs > 20000)
            if status != 0:
                print(tail)


def fuzz_one(system, name):
    """(exit status, inputs, end of the output)."""
    found = system.folder / f"{name}-corpus"
    found.mkdir()
    corpus = ROOT / "tests/fuzz/corpus" / name
    folders = [str(found)] + ([str(corpus)] if corpus.is_dir() else [])
    command = [str(build.folder("fuzz") / f"{name}_fuzz"), f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-max_len=4096",
               f"-artifact_prefix={build.folder('fuzz')}/", "-print_final_stats=1", *folders]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, cwd=ROOT)
    runs = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    return done.returncode, int(runs.group(1)) if runs else 0, done.stderr[-4000:]


PARTS = {
    "suite": conformance,
    "structured-fields": structured_fields,
    "properties": properties,
    "fuzz": fuzz,
}
