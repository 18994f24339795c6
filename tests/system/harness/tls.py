"""What a node needs to speak TLS in a test, and the programs that speak it to the node."""
import subprocess
from pathlib import Path

CERTIFICATES = Path(__file__).resolve().parents[2] / "data/certificates"
AUTHORITY = CERTIFICATES / "root.pem"
HOST = "a.example"


def certificate(stem, **more):
    return {"chain": CERTIFICATES / f"{stem}.pem", "key": CERTIFICATES / f"{stem}.key", **more}


def tls_node(system, origin, certificates=("a", "a-rsa"), **settings):
    """A node with a TLS listener; its address is in `tls`. Certificates by their stems or as tables."""
    port = system.port(system.host())
    listen = {"tls": [port], **settings.pop("listen", {})}
    node = system.node(origin, listen=listen, certificate=[each if isinstance(each, dict) else certificate(each) for each in certificates],
                       **settings)
    node.tls = port.pair
    return node


def run(*command, data=b"", status=0):
    """The output of a program that must end with that status."""
    done = subprocess.run([str(part) for part in command], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == status, (command, done.returncode, done.stderr.decode(errors="replace")[-2000:])
    return done.stdout


def curl(node, path, *options):
    """(status, HTTP version, body) of a fetch that verifies the node's certificate."""
    host, port = node.tls
    out = run("curl", "--silent", "--show-error", "--cacert", AUTHORITY, "--resolve", f"{HOST}:{port}:{host}", "--write-out",
              "\n%{http_code} %{http_version}", *options, f"https://{HOST}:{port}{path}")
    body, _, line = out.rpartition(b"\n")
    status, version = line.decode().split()
    return int(status), version, body


def handshake(node, *options, request=b""):
    """What openssl says about a handshake, and about the answer to a request."""
    host, port = node.tls
    done = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-servername", HOST, "-CAfile", AUTHORITY, *options],
                          input=request, capture_output=True, timeout=60, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")
