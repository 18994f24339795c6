"""npm's http-cache-tests, run against a real node that stands between the suite's client and the suite's own server.

The suite's modules do the asking and the answering; `run.mjs` calls them and prints JSON. How a result is judged is in
judge.py and is what the suite's own lib/display.mjs does. What cannot pass is in exceptions.toml, with the sentence of the
RFC that stands against it. results.json is the outcome that docs/CONFORMANCE.md shows; `script/conformance` writes both.
"""
