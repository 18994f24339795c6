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

COUNTING = """\
The counts are the suite's own: its runner leaves out the tests for browsers alone, and a test that names no kind is a required one. \
Other versions of the suite have other counts.

`script/test conformance` makes two more runs, over TLS and over HTTP/2, by a bridge that passes on every field and stores nothing \
(`tests/conformance/http_cache/bridge.mjs`); every test ends as without.
"""

KINDS = {
    "contradicted": "To pass is against an RFC ({count})",
    "unanswerable": "No answer passes ({count})",
}


def text(suite, verdicts, exceptions):
    judge = suite.judge
    columns = [("Perigee", "this tree", verdicts)]
    columns += [(cache["name"], cache["version"], cache["results"]) for cache in suite.published]
    parts = [OPENING, "## Results\n", OTHERS]
    for kind in ("required", "optimal"):
        parts += [f"### {kind.capitalize()}\n", table(judge, columns, kind)]
    yes, asked = judge.counts(verdicts)["check"]
    parts += [f"Of the {asked} checks, {yes} are answered with yes.\n"]
    parts += [COUNTING, "## Tests that do not pass\n", failures(judge, verdicts, exceptions)]
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
    failing = judge.not_passed(verdicts)
    listed = {entry["id"]: entry for entry in exceptions}
    parts = []
    for kind, title in KINDS.items():
        of_kind = [name for name in failing if name in listed and listed[name]["kind"] == kind]
        if of_kind:
            parts.append(f"### {title.format(count=len(of_kind))}\n")
            parts += [failure(judge, name, listed[name]) for name in of_kind]
    rest = [name for name in failing if name not in listed]
    if rest:
        parts.append(f"### Not implemented yet ({len(rest)})\n")
        parts += [failure(judge, name, None) for name in rest]
    return "\n".join(parts) if parts else "None.\n"


def failure(judge, name, entry):
    test = judge.tests[name]
    text = f"**`{name}`** ({test['kind']}): {test['name']}\n"
    return text if entry is None else f"{text}\n> {entry['sentence']} ({entry['rfc']})\n\n{entry['why']}\n"
