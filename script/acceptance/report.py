"""Lines of figures and limits."""


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def of(self, part):
        """line(name, figure, limit, ok) for one part."""

        def line(name, figure, limit, ok):
            self.passed += bool(ok)
            self.failed += not ok
            shown = f"{figure:.4g}" if isinstance(figure, float) else str(figure)
            print(f"{part}: {name}: {shown}  limit {limit}  {'ok' if ok else 'NOT OK'}", flush=True)

        def exactly(name, figure, expected):
            line(name, figure, expected, figure == expected)

        def at_most(name, figure, limit):
            line(name, figure, f"<= {limit:g}", figure <= limit)

        line.exactly = exactly
        line.at_most = at_most
        return line
