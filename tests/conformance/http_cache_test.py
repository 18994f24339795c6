"""npm's http-cache-tests against a real node."""
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1] / "system")]

from harness import main  # noqa: E402
from http_cache import page, suite  # noqa: E402
from http_cache.judge import Judge  # noqa: E402


def show(judge, results):
    for kind, (passed, applying) in judge.counts(results).items():
        print(f"  {kind}: {passed} of {applying}")


def test_suite(system):
    """every test of http-cache-tests that applies to a proxy passes, but for those that an RFC stands against"""
    judge = suite.Suite().judge
    results = suite.run(system)
    show(judge, results)
    expected = {entry["id"] for entry in suite.exceptions()} | set(suite.not_yet())
    unexpected, stale = judge.surprises(results, expected)
    assert not unexpected, f"did not pass: {unexpected}"
    assert not stale, f"passed, so the lists are stale: {stale}; see {suite.EXCEPTIONS.name} and {suite.NOT_YET.name}"


def test_tls_and_http2(system):
    """over TLS and over HTTP/2 every test ends as without"""
    judge = suite.Suite().judge
    with ThreadPoolExecutor(2) as pool:
        runs = {way: pool.submit(suite.run, system, way) for way in ("tls", "h2")}
    for way, run in runs.items():
        results = run.result()
        got = suite.verdicts(judge, results)
        differing = {name: results.get(name) for name, verdict in suite.committed_results().items() if got[name] != verdict}
        assert not differing, f"over {way} other outcomes: {differing}"


def test_judge(system):
    """a test passes with its dependencies, counts only where it applies, and a list of failures may not be stale"""
    def one(name, kind="required", needs=(), browser=False):
        return {"id": name, "kind": kind, "depends_on": list(needs), "browser_only": browser}

    tests = [one("base", "check"), one("needs", needs=["base"]), one("extra", "optimal"), one("page", browser=True)]
    judge = Judge([{"id": "suite", "tests": tests}])
    assert judge.counts({"needs": True, "page": True}) == {"required": (0, 1), "optimal": (0, 1), "check": (0, 1)}
    assert judge.counts({"base": True, "needs": True})["required"] == (1, 1)
    assert judge.not_passed({"base": ["Assertion", "no"], "needs": True, "extra": True}) == ["needs"]
    assert judge.surprises({"base": True, "needs": ["Setup", "no"]}, ["extra"]) == ({"needs": ["Setup", "no"]}, [])
    assert judge.surprises({"base": True, "needs": True, "extra": True}, ["extra"]) == ({}, ["extra"])


def test_exceptions(system):
    """each exception names a test that applies, the RFC, its sentence and the reason"""
    known = {test["id"]: test["kind"] for test in suite.Suite().judge.applying()}
    entries = suite.exceptions()
    assert len({entry["id"] for entry in entries}) == len(entries), "an id is there twice"
    for entry in entries:
        assert known.get(entry["id"]) in ("required", "optimal"), f"no such test, or a check: {entry['id']}"
        assert all(entry.get(key) for key in ("rfc", "sentence", "why")), entry
        assert entry["kind"] in page.KINDS, entry
    assert sum(entry["kind"] == "contradicted" for entry in entries) <= 3, "more tests are against an RFC than may be"
    for name in suite.not_yet():
        assert name in known, f"no such test: {name}"


def test_page(system):
    """docs/CONFORMANCE.md is made from results.json, the exceptions and the published results"""
    there = page.PAGE.read_text(encoding="utf-8")
    assert there == page.text(suite.Suite(), suite.committed_results(), suite.exceptions()), \
        f"{page.PAGE.name} differs; script/conformance --page writes it"


if __name__ == "__main__":
    main(globals())
