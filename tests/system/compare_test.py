"""The comparison's quick mode with the servers that the tests need anyway; the others are compared where they are installed."""
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from harness import main

REPOSITORY = Path(__file__).resolve().parents[2]


def compare(system, *servers):
    return subprocess.run([sys.executable, "-B", REPOSITORY / "script/benchmarks/compare/main.py", "--quick", "--build",
                           system.build, "--servers", *servers], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False)


def test_counts(system):
    """Perigee and nginx answer everything rightly, hits need no origin, and a herd is one request"""
    result = compare(system, "perigee", "nginx")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("2 passed, 0 failed\n"), result.stdout


def test_skipped(system):
    """a server that is not installed is named and left out"""
    result = subprocess.run([sys.executable, "-B", "-c", (
        "import sys; sys.argv = ['main.py', '--quick', '--servers', 'squid']\n"
        f"sys.path[:0] = [{str(REPOSITORY / 'script')!r}, {str(REPOSITORY / 'tests/system')!r}]\n"
        "from benchmarks.compare import main, servers\n"
        "servers.Squid.program = 'no-such-program'\n"
        "sys.exit(main.main())")], capture_output=True, text=True, timeout=60, check=False)
    assert "Squid: skipped, no-such-program is not installed" in result.stdout, result.stdout + result.stderr
    assert result.returncode == 1, "nothing was compared, and that is no success"


def test_report(system):
    """results become charts that are XML, and a table with a dash where nothing was measured"""
    sys.path.insert(0, str(REPOSITORY / "script"))
    from benchmarks import generated, svg
    from benchmarks.compare import report
    chart = ElementTree.fromstring(svg.bars("A < B", "us & more", [("nginx", 9.5, 9, 10), ("Perigee", 4.5, 4, 5)], "Perigee"))
    texts = [element.text for element in chart.iter() if element.tag.endswith("text")]
    assert texts.index("Perigee") < texts.index("nginx"), texts
    curve = svg.curves("C", "x", "y", {"one": [(1, 0.1), (2, 0.2)], "other": [(1, 0.3), (2, 0.2)]}, (1, 2))
    assert len([each for each in ElementTree.fromstring(curve).iter() if each.tag.endswith("polyline")]) == 2, curve
    figures = {"version": "1", "median": 4.56, "min": 4.0, "max": 5.0}
    table = report.table({"hit-1k": {"says": "Hit", "unit": "us", "servers": {"perigee": figures, "nginx": figures}},
                          "herd": {"says": "Herd", "unit": "ms; less", "servers": {"perigee": figures}}})
    assert "| Hit (us) | 4.56 (4.00 to 5.00) | 4.56 (4.00 to 5.00) |" in table, table
    assert "| Herd (ms) | 4.56 (4.00 to 5.00) | - |" in table, table
    page = system.folder / "page.md"
    page.write_text("a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n")
    generated.replace(page, "x", "new")
    assert page.read_text() == "a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n", page.read_text()


if __name__ == "__main__":
    main(globals())
