"""Counts of the hit path on a release build, held to their limits: timings cannot fail a build, counts can."""
from benchmarks import ceilings, counts

from . import build


def run():
    """(passed, failed)."""
    if not build.build("release", counts.TARGETS):
        return 0, 1
    figures = counts.count(build.folder("release"))
    results = [check(name, figures[name], limit) for name, limit in limits().items()]
    results += [not_raised(name, limit) for name, limit in ceilings.read().items()]
    if not all(results):
        for protocol in ("", "h2_"):
            print(f"  {protocol}locked instructions are in {figures[protocol + 'locked_where']}")
            for function, per_hit in figures[f"{protocol}functions"][:40]:
                print(f"  {per_hit:9.1f}  {function[:120]}")
    return sum(results), len(results) - sum(results)


def limits():
    return {"reads_per_hit": 1, "writes_per_hit": 1, "allocations_per_hit": 0, "locked_per_hit": 0, **ceilings.read()}


def check(name, figure, limit):
    # A run that was preempted may see a wake-up more in thousands of hits.
    ok = figure <= limit + 0.005
    print(f"counts: {name.replace('_', ' ')}: {figure:g}  limit {limit:g}  {'ok' if ok else 'NOT OK'}", flush=True)
    return ok


def not_raised(name, limit):
    lowest = ceilings.lowest().get(name, limit)
    ok = limit <= lowest
    if not ok:
        print(f"counts: {ceilings.FILE}: {name} is {limit:g}, but was {lowest:g}; it may be lowered and not raised", flush=True)
    return ok
