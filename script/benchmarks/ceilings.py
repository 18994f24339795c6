"""What a hit may cost in instructions, and over HTTP/2 in all else: bench/count/ceilings.json, which a change may lower and not raise."""
import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILE = "bench/count/ceilings.json"


def read():
    return json.loads((ROOT / FILE).read_text(encoding="utf-8"))


def lowest():
    """The lowest value of each ceiling in any commit that leads here; empty where there is no history."""
    found = {}
    git = ["git", "-C", str(ROOT)]
    commits = subprocess.run([*git, "log", "--format=%H", "--", FILE], capture_output=True, text=True, check=False)
    for commit in commits.stdout.split():
        shown = subprocess.run([*git, "show", f"{commit}:{FILE}"], capture_output=True, text=True, check=False)
        if shown.returncode == 0:
            for name, value in json.loads(shown.stdout).items():
                found[name] = min(value, found.get(name, value))
    return found
