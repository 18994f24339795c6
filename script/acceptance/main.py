"""Measures the acceptance lines of one area on a release build."""
import sys
import traceback
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(SCRIPT), str(SCRIPT.parent / "tests/system")]

from acceptance import cluster, end_to_end, http_caching, operate, speed, tls_http2  # noqa: E402
from acceptance.report import Report  # noqa: E402
from harness import System  # noqa: E402
from rings import build  # noqa: E402

AREAS = {
    "cluster": cluster,
    "end-to-end": end_to_end,
    "http-caching": http_caching,
    "operate": operate,
    "speed": speed,
    "tls-http2": tls_http2,
}


def main(arguments):
    area = AREAS.get(arguments[0]) if arguments else None
    if area is None or any(part not in area.PARTS for part in arguments[1:]):
        for name, module in AREAS.items():
            print(f"{name}: {' '.join(module.PARTS)}")
        return 2 if arguments else 0
    if not build.build("release", area.TARGETS):
        return 1
    report = Report()
    for part in arguments[1:] or area.PARTS:
        try:
            with System(build.folder("release")) as system:
                area.PARTS[part](system, report.of(part))
        except Exception as error:  # a part that breaks is a line that is not ok, and the others still run
            traceback.print_exc()
            report.of(part)("ran to its end", str(error).partition("\n")[0][:200] or type(error).__name__, "yes", False)
    print(f"{report.passed} passed, {report.failed} failed", flush=True)
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
