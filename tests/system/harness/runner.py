"""Runs the test functions of one file."""
import sys
import time
import traceback

from .system import System


def main(names):
    """Runs every function named test_*; its docstring is the sentence it proves. Arguments choose some by part of their name. Ends with
    "N passed, N failed" and the exit status."""
    chosen = sys.argv[1:]
    passed = failed = 0
    for name, test in list(names.items()):
        if not name.startswith("test_") or chosen and not any(part in name for part in chosen):
            continue
        started = time.monotonic()
        sentence = (test.__doc__ or name[5:].replace("_", " ")).strip()
        try:
            with System() as system:
                test(system)
            passed += 1
            verdict = "ok"
        except Exception:  # any failure is a failure of that test alone
            traceback.print_exc(file=sys.stdout)
            failed += 1
            verdict = "FAILED"
        print(f"{verdict}: {sentence} ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(0 if passed and not failed else 1)
