"""What the result of a test counts for, as the suite's own lib/display.mjs has it."""

KINDS = ("required", "optimal", "check")


class Judge:
    """The suite's tests, and verdicts over results: a dict from test id to true or to what went wrong."""

    def __init__(self, suites):
        self.suites = suites
        self.tests = {test["id"]: test for suite in suites for test in suite["tests"]}

    def applying(self, suite=None):
        """Tests that a proxy can be asked: all but those for browsers alone."""
        suites = self.suites if suite is None else [suite]
        return [test for each in suites for test in each["tests"] if not test["browser_only"]]

    def passed(self, name, results):
        """A test whose dependency did not pass has not passed either; nor has one without a result."""
        return results.get(name) is True and all(self.passed(other, results) for other in self.tests[name]["depends_on"])

    def counts(self, results, suite=None):
        """{kind: (passed, applying)}, of one suite or of all."""
        counts = {kind: [0, 0] for kind in KINDS}
        for test in self.applying(suite):
            counts[test["kind"]][0] += self.passed(test["id"], results)
            counts[test["kind"]][1] += 1
        return {kind: tuple(count) for kind, count in counts.items()}

    def not_passed(self, results):
        """Ids of required and optimal tests that did not pass, in the suite's order. Checks have no right answer."""
        return [test["id"] for test in self.applying()
                if test["kind"] != "check" and not self.passed(test["id"], results)]

    def surprises(self, results, expected):
        """({id: result} of what failed and was not expected to, ids of what was expected to fail and passed)."""
        failing = self.not_passed(results)
        return ({name: results.get(name) for name in failing if name not in expected},
                sorted(set(expected) - set(failing)))
