"""A page over HTTP/2 in a real browser."""
import base64
import hashlib
import shutil
import subprocess

from harness import main, tls
from harness.tls import CERTIFICATES, HOST, tls_node

# With an icon of its own: for one from the server the browser asks when it likes, before the script has counted the parts or after.
PAGE = """<!doctype html><title>page</title><link rel="icon" href="data:,"><p id="out">nothing yet</p><script src="/part.js"></script>"""
SCRIPT = """
fetch("/data.txt").then(answer => answer.text()).then(text => {
  const [page] = performance.getEntriesByType("navigation");
  const parts = performance.getEntriesByType("resource").map(entry => entry.name.split("/").pop() + "=" + entry.nextHopProtocol);
  document.getElementById("out").textContent = ["page=" + page.nextHopProtocol, ...parts.sort(), text].join(" ");
});
"""


def public_key_hash(stem):
    """Of a certificate's key, as Chromium takes it for one that it shall trust."""
    public = tls.run("openssl", "x509", "-in", CERTIFICATES / f"{stem}.pem", "-pubkey", "-noout")
    return base64.b64encode(hashlib.sha256(tls.run("openssl", "pkey", "-pubin", "-outform", "DER", data=public)).digest()).decode()


def test_browser(system):
    """Chromium shows a page and its parts, all over HTTP/2, from the origin and from the store"""
    root = system.folder / "root"
    root.mkdir()
    (root / "page.html").write_text(PAGE, encoding="utf-8")
    (root / "part.js").write_text(SCRIPT, encoding="utf-8")
    (root / "data.txt").write_text("the words of the origin", encoding="utf-8")
    node = tls_node(system, system.origin("--root", root), certificates=("a",), site_cache={"default_freshness": "1h"})
    host, port = node.tls
    for visit in range(2):
        done = subprocess.run(
            [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
             "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             f"--user-data-dir={system.folder}/chromium-{visit}", f"--ignore-certificate-errors-spki-list={public_key_hash('a')}",
             f"--host-resolver-rules=MAP {HOST} {host}, MAP * ~NOTFOUND, EXCLUDE {host}", "--virtual-time-budget=6000", "--dump-dom",
             f"https://{HOST}:{port}/page.html"],
            capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "page=h2 data.txt=h2 part.js=h2 the words of the origin" in done.stdout, (done.stdout[-2000:], done.stderr[-1000:])
    assert node.metric("perigee_hit_bytes_sent_total") >= len(PAGE), node.metrics()


if __name__ == "__main__":
    main(globals())
