"""Configures and builds presets, one at a time."""
import fcntl
import os
import subprocess

from .progress import LOGS, ROOT, Step

# What tests on real processes run; those that this tree does not have yet are left out.
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
    """Builds the targets of a preset that exist; False, with the errors shown, when that fails."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with open(ROOT / "build/lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        step = Step(f"configure {preset}")
        result = step.run(["cmake", "--preset", preset], log=f"{preset}-build", environment=ENVIRONMENT)
        if not result.ok:
            step.show(result)
            return False
        known = existing(preset, targets)
        if not known:
            return True
        step = Step(f"build {preset}")
        command = ["ninja", "-C", f"build/{preset}", "-j", str(os.cpu_count() or 1), *known]
        result = step.run(command, log=f"{preset}-build", environment=ENVIRONMENT)
        if not result.ok:
            step.show(result)
        return result.ok


def existing(preset, targets):
    if targets == ["all"]:
        return targets
    listing = subprocess.run(["ninja", "-C", str(folder(preset)), "-t", "targets", "all"], capture_output=True,
                             text=True, check=True).stdout
    known = {line.partition(":")[0] for line in listing.splitlines()}
    return [target for target in targets if target in known]
