"""The fuzz ring: every tests/fuzz/*_fuzz.cc replays its corpus and then runs 20,000 inputs from a fixed seed.

They are part of the dev build, whose layers carry the counters that libFuzzer reads.
"""
import os
from concurrent.futures import ThreadPoolExecutor

from . import build
from .progress import ROOT, Step

RUNS = 20000
SEED = 1


def run():
    if not build.build("dev", ["fuzz_targets"]):
        return 0, 1
    names = sorted(path.stem for path in (ROOT / "tests/fuzz").glob("*_fuzz.cc"))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        outcomes = list(pool.map(target, names))
    return outcomes.count(True), outcomes.count(False)


def target(name):
    program = str(build.folder("dev") / name)
    corpus = ROOT / "tests/fuzz/corpus" / name.removesuffix("_fuzz")
    seeds = [str(path) for path in sorted(corpus.iterdir())] if corpus.is_dir() else []
    for what, arguments in (("corpus", seeds), ("seed", [f"-runs={RUNS}", f"-seed={SEED}", "-max_len=4096"])):
        if what == "corpus" and not seeds:
            continue
        step = Step(f"{name} {what}")
        result = step.run([program, "-timeout=10", f"-artifact_prefix={build.folder('dev')}/", *arguments], log=f"fuzz-{name}")
        if not result.ok:
            step.show(result)
            return False
    return True
