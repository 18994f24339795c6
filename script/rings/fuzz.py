"""The fuzz ring: every tests/fuzz/*_fuzz.cc replays its corpus and runs 20,000 inputs from fixed seeds.

They are part of the dev build, whose layers carry the counters that libFuzzer reads.
"""
import os
from concurrent.futures import ThreadPoolExecutor

from . import build
from .progress import ROOT, Step

# So many inputs from each seed. There are two, so that the longest target does not keep one core waiting for the other.
RUNS = 10000
SEEDS = (1, 2)


def run():
    if not build.build("dev", ["fuzz_targets"]):
        return 0, 1
    names = sorted(path.stem for path in (ROOT / "tests/fuzz").glob("*_fuzz.cc"))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        outcomes = {name: [pool.submit(step, name, *each) for each in runs_of(name)] for name in names}
    good = [all(outcome.result() for outcome in of_target) for of_target in outcomes.values()]
    return good.count(True), good.count(False)


def runs_of(name):
    """What a target is run with: (title, arguments) of each."""
    corpus = ROOT / "tests/fuzz/corpus" / name.removesuffix("_fuzz")
    seeds = [str(path) for path in sorted(corpus.iterdir())] if corpus.is_dir() else []
    if seeds:
        yield "corpus", seeds
    for seed in SEEDS:
        # Weighing the corpus by what is rare in it takes a quarter of the time of the targets with many branches.
        yield f"seed {seed}", [f"-runs={RUNS}", f"-seed={seed}", "-max_len=4096", "-entropic=0"]


def step(name, title, arguments):
    this = Step(f"{name} {title}")
    program = str(build.folder("dev") / name)
    log = f"fuzz-{name}-{title.replace(' ', '-')}"
    result = this.run([program, "-timeout=10", f"-artifact_prefix={build.folder('dev')}/", *arguments], log=log)
    if not result.ok:
        this.show(result)
    return result.ok
