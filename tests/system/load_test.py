"""The load tools: an open loop counts from when a request was due, logs are replayed, and the wrappers tell good from bad."""
import json
import os
import shutil
import subprocess
from pathlib import Path

from harness import main, until

REPOSITORY = Path(__file__).resolve().parents[2]


def script(system, *arguments):
    return subprocess.run([REPOSITORY / "script/load", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PERIGEE_BUILD_DIR": str(system.build)}, check=False)


def test_open_loop(system):
    """a server that is too slow for the rate shows it in latencies from when requests were due, and no request is left out"""
    origin = system.origin()
    result = system.load([origin], "--rate", "400", "--requests", "60", "--connections", "1", "/_/body?id={n}&size=10&latency=20ms").result()
    assert result["complete"] == 60, result
    # One connection answers 50 a second; the 60th was due after 0.15 s and done after 1.2 s.
    assert result["service_us"]["p50"] < 100_000, result
    assert result["latency_us"]["max"] > 900_000, result
    assert result["behind_us_max"] > 800_000, result


def test_pace(system):
    """a server that keeps up is asked at the rate, not faster"""
    origin = system.origin()
    result = system.load([origin], "--rate", "100", "--requests", "50", "--connections", "8", "/_/body?id={n}&size=10").result()
    assert result["complete"] == 50 and result["seconds"] >= 0.49, result


def test_targets(system):
    """in open loop several targets are asked equally often, whichever answers sooner, and so are connections"""
    origins = [system.origin(), system.origin(), system.origin()]
    result = system.load(origins, "--rate", "300", "--requests", "300", "--connections", "12", "--per-client",
                         "/_/body?id={n}&size=10").result()
    assert result["complete"] == 300, result
    asked = [origin.stats()["requests"] for origin in origins]
    assert all(95 <= one <= 105 for one in asked), asked
    assert len({one["client"] for one in result["clients"]}) == 12, result


def test_mix(system):
    """a generated mix is verified byte for byte through a node, and what is popular becomes a hit"""
    node = system.node(system.origin())
    chart = system.folder / "latency.svg"
    result = script(system, "replay", node, "--mix", "zipf", "--mix-ids", 500, "--mix-skew", 1, "--requests", 2000, "--rate", 2000,
                    "--connections", 8, "--verify", "--chart", chart)
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["complete"] == 2000 and report["cache_status"]["hit"] > 1000, report
    assert "from when a request was due" in result.stderr, result.stderr
    assert chart.read_text().startswith("<svg"), chart


def test_access_log(system):
    """an access log of a node is replayed: the same URLs, as often"""
    origin = system.origin()
    log = system.folder / "access.log"
    first = system.node(origin, log={"access": str(log)})
    system.load([first], "--requests", "40", "/_/body?id=logged-{n%4}&size=100&cc=max-age=60").result()
    until(lambda: log.exists() and len(log.read_text().splitlines()) == 40, "the lines of the log")
    second = system.node(system.origin())
    result = system.load([second], "--trace", log, "--connections", "4", "--speed", "10").result()
    assert result["exit"] == 0 and result["complete"] == 40, result
    # The first of each may be asked for again before it is stored.
    assert 20 <= result["cache_status"]["hit"] <= 36, result


def test_wrappers(system):
    """wrk and h2load are run where they are installed, and a wrong status fails them"""
    node = system.node(system.origin(), listen={"http2_clear": True})
    for tool, more in (("wrk", ["--keys", 10]), ("h2load", [])):
        if shutil.which(tool) is None:
            print(f"  {tool}: skipped, it is not installed")
            continue
        base = f"http://{node}"
        good = script(system, tool, f"{base}/_/body?id=one&size=100&cc=max-age=60", "--seconds", 1, "--connections", 4, *more)
        assert good.returncode == 0, good.stdout + good.stderr
        assert json.loads(good.stdout.splitlines()[-1]), good.stdout
        bad = script(system, tool, f"{base}/_/body?id=bad&status=404", "--seconds", 1, "--connections", 2)
        assert bad.returncode == 1, bad.stdout + bad.stderr


if __name__ == "__main__":
    main(globals())
