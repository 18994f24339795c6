"""The dashboard in a real browser. PERIGEE_PICTURE=docs/dashboard.png keeps what it looks like."""
import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

from harness import main
from harness.browser import Browser


def chromium(system, node, *arguments):
    """Runs the page for six seconds of the browser's own clock; what it printed."""
    host, port = node.addresses["admin"]
    done = subprocess.run(
        [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={system.folder}/chromium", "--virtual-time-budget=6000", "--window-size=1280,1000",
         f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {host}", *arguments, f"http://{host}:{port}/"],
        capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def first_pixel(path):
    """Red, green and blue of the top left corner of a PNG."""
    data, at, packed = path.read_bytes(), 8, b""
    depth, colours = data[24], data[25]
    assert depth == 8 and colours in (2, 6), (depth, colours)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    # The first pixel of the first line has no neighbour to be relative to.
    return tuple(zlib.decompressobj().decompress(packed, 16)[1:4])


def row_of(table, first, expression="true"):
    """A JavaScript expression: has the table a row that begins with this text, of whose text `row` the expression is true?"""
    return f"""[...document.querySelectorAll("#{table} tr")].some(line => line.cells[0].textContent.startsWith("{first}") &&
               (row => {expression})([...line.cells].map(cell => cell.textContent)))"""


def over_time(system, nodes, broken):
    """What the page learns from more than one look, one every two seconds, on everybody's clock."""
    host, port = nodes[0].addresses["admin"]
    kept = os.environ.get("PERIGEE_PICTURE")
    browser = Browser(system.folder / "chromium-curves", f"http://{host}:{port}/", size=(1280, 1500))
    browser.until(f"""((document.querySelector("#rate path")?.getAttribute("d") ?? "").match(/L/g) ?? []).length >= """
                  f"""{15 if kept else 1}""")
    # Nearly all requests are for the forty pictures, so that a rate is known of the first.
    browser.until(row_of("urls", f"http://{nodes[0]}/_/body?id=picture-",
                         "parseFloat(row[1]) > 0.5 && parseFloat(row[1]) < 10 && parseFloat(row[2]) > 0.5"))
    browser.until("""[...document.querySelectorAll("#figures div")].some(one => one.textContent === "2configuration")""")
    good = "%s:%d" % nodes[0].cluster.origin.address
    browser.until(row_of("upstreams", good, 'row[1] === "origin main" && row[2] === "up" && row[3] > 20 && row[4] === "0"'))
    browser.until(row_of("upstreams", broken, """/^(open|trial)$/.test(row[2]) && row[4] >= 20 && /^opened [1-9]/.test(row[6])"""))
    browser.until(row_of("upstreams", "us-1", 'row[1] === "node in us" && row[2] === "up"'))
    nodes[3].kill()
    browser.until(row_of("upstreams", "ap-1", """row[2] === "ejected" && /[1-9][0-9]* failed$/.test(row[7])"""))
    browser.until(row_of("nodes", "ap-1", 'row[3] === "ejected"'))
    browser.picture(Path(kept) if kept else system.folder / "curves.png")
    browser.close()


def test_dashboard(system):
    """the page shows nodes, regions, upstreams, top URLs, purges and reloads, in light and dark"""
    origin = system.origin()
    # Bound, and nobody listens.
    broken = f"127.0.0.1:{system.port().number}"
    nodes = system.cluster(origin, {"eu": ["eu-1", "eu-2"], "us": ["us-1"], "ap": ["ap-1"]},
                           topology={"purge_log": "eu-1"}, purge={"journal": "purges.log"},
                           # Half of all fetches meet the broken server until its breaker opens.
                           origin={"servers": ["%s:%d" % origin.address, broken]}, retries={"per_second": 100},
                           locations={"eu": "50.1, 8.7", "us": "39.0, -77.5", "ap": "1.3, 103.8"})
    load = system.load(nodes[:1], "--connections", "8", "--rate", "100", "--duration", "600", "--announce", "--verify",
                       "/_/body?id=picture-{n%40}&size=20000&cc=max-age=600", "/_/body?id=page-{n%400}&size=3000&cc=max-age=2")
    load.wait_running()
    purged = nodes[0].admin("/purge", method="POST", body=b'{"tag": "front-page"}')
    assert purged.status == 200, purged.body
    assert nodes[0].reload()[0] == 200
    page = chromium(system, nodes[0], "--dump-dom")
    for text in ("eu-1 in eu", "eu-2", "ready", "tag front-page", "eu-2 applied", "configuration 2", "3 of 3", "us 1/1",
                 "node in eu", "id=picture-"):
        assert text in page, f"no {text!r} in {page[-4000:]}"
    assert "http" not in page.partition("</style>")[0].partition("<style>")[2]
    for scheme, number in (("light", 1), ("dark", 0)):
        picture = system.folder / f"{scheme}.png"
        chromium(system, nodes[0], f"--screenshot={picture}", f"--blink-settings=preferredColorScheme={number}")
        bright = sum(first_pixel(picture)) / 3
        assert (bright > 200) == (scheme == "light") and (bright < 60) == (scheme == "dark"), (scheme, bright)
    over_time(system, nodes, broken)
    assert load.finish()["exit"] == 0


if __name__ == "__main__":
    main(globals())
