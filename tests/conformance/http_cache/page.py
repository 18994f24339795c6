"""docs/CONFORMANCE.md from verdicts."""
from .suite import ROOT

PAGE = ROOT / "docs/CONFORMANCE.md"

OPENING = """\
# Conformance

Written by `script/conformance`; do not edit.

[http-cache-tests](https://cache-tests.fyi/) is a public suite of tests for HTTP caches. Version 0.4.5, as npm has it, runs in
`script/test conformance` against a real node by [config/alone.toml](../config/alone.toml), which stands between the suite's client
and the suite's own server. The suite calls a test *required* when a cache that fails it breaks the RFC, *optimal* when one that
fails it is merely less useful, and *check* when either answer is right. A test whose dependency does not pass has not
passed. Tests for browsers alone do not apply.
"""

OTHERS = """\
The other columns are the results that the suite's authors publish with it, judged in the same way. They are of the versions
named, which is what the package holds; some were made by older versions of the suite. A test without a result has not passed.
"""


def text(suite, verdicts, exceptions):
    judge = suite.judge
    columns = [("Perigee", "this tree", verdicts)]
    columns += [(cache["name"], cache["version"], cache["results"]) for cache in suite.published]
    parts = [OPENING, "## Results\n", OTHERS]
    for kind in ("required", "optimal"):
        parts += [f"### {kind.capitalize()}\n", table(judge, columns, kind)]
    yes, asked = judge.counts(verdicts)["check"]
    parts += [f"Of the {asked} checks, {yes} are answered with yes.\n"]
    parts += ["## Tests that do not pass\n", failures(judge, verdicts, exceptions)]
    return "\n".join(parts)


def table(judge, columns, kind):
    rows = [["suite", *(name for name, _, _ in columns)], ["---", *("---:" for _ in columns)],
            ["", *(version for _, version, _ in columns)]]
    for suite in judge.suites:
        if judge.counts({}, suite)[kind][1]:
            rows.append([suite["name"], *(cell(judge.counts(results, suite)[kind]) for _, _, results in columns)])
    rows.append(["**all**", *(f"**{cell(judge.counts(results)[kind])}**" for _, _, results in columns)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cell(count):
    return f"{count[0]} of {count[1]}"


def failures(judge, verdicts, exceptions):
    reasons = {entry["id"]: entry for entry in exceptions}
    parts = []
    for name in judge.not_passed(verdicts):
        test = judge.tests[name]
        parts.append(f"**`{name}`** ({test['kind']}): {test['name']}\n")
        if entry := reasons.get(name):
            parts.append(f"> {entry['sentence']} ({entry['rfc']})\n\n{entry['why']}\n")
        else:
            parts.append("Not implemented yet.\n")
    return "\n".join(parts) if parts else "None.\n"
