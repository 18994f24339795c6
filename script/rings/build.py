"""Configures and builds presets, one at a time."""
import fcntl
import os

from .progress import LOGS, ROOT, Step

# What tests on real processes run.
PROGRAMS = ["perigee-edge", "perigee-origin", "perigee-load", "perigeectl"]

ENVIRONMENT = {
    # Fresh clones in other folders share one compiler cache, and a precompiled header does not turn it off.
    "CCACHE_BASEDIR": str(ROOT),
    "CCACHE_NOHASHDIR": "1",
    "CCACHE_SLOPPINESS": "pch_defines,time_macros",
}


def folder(preset):
    return ROOT / "build" / preset


def build(preset, targets):
    """Builds targets of a preset; False, with the errors shown, when that fails."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(ROOT / "build/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        step = Step(f"configure {preset}")
        result = step.run(["cmake", "--preset", preset], log=f"{preset}-build", environment=ENVIRONMENT)
        if not result.ok:
            step.show(result)
            return False
        step = Step(f"build {preset}")
        command = ["ninja", "-C", f"build/{preset}", "-j", str(os.cpu_count() or 1), *targets]
        result = step.run(command, log=f"{preset}-build", environment=ENVIRONMENT)
        if not result.ok:
            step.show(result)
        return result.ok
