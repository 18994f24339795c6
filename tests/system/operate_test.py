"""A cluster operated from the command line: purges, reloads, draining, and starting with broken files."""
import json
import os
import re
import signal
import socket
import subprocess
import threading

from pathlib import Path

from harness import main, until
from harness.http import request
from harness.node import Node
from harness.process import Process


REPOSITORY = Path(__file__).resolve().parents[2]


def ctl(system, node, *arguments, status=0):
    """perigeectl against a node; its output once its exit code is the expected one."""
    host, port = node.addresses["admin"]
    done = subprocess.run([system.program("perigeectl"), "--admin", f"{host}:{port}", *arguments],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, f"{arguments}: ended with {done.returncode}, expected {status}: " \
                                      f"{done.stdout}{done.stderr}"
    return done.stdout


def completions(system, *words):
    """What bash offers for the last word."""
    script = 'source <("$0" completion bash); COMP_WORDS=(perigeectl "$@"); COMP_CWORD=$#; _perigeectl; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", script, system.program("perigeectl"), *words], capture_output=True, text=True, timeout=60,
                          check=True)
    return done.stdout.split()


def test_purge(system):
    """a tag is purged on every node of a cluster from the command line"""
    nginx_root = system.folder / "root"
    nginx_root.mkdir()
    (nginx_root / "a.txt").write_text("one")
    nginx = system.nginx(nginx_root, ['add_header Surrogate-Key "all news";', "expires 1h;"])
    nodes = system.cluster(nginx, {"eu": ["eu-1", "eu-2"], "us": ["us-1"]}, topology={"purge_log": "eu-1"},
                           purge={"journal": "purges.log"})
    headers = {"Host": "docs.example.org"}
    # What is fetched before a node has first heard of the log is validated once more.
    for node in nodes:
        until(lambda: "; hit" in node.get("/a.txt", headers=headers).headers["cache-status"], "a hit")
    (nginx_root / "a.txt").write_text("two")
    for node in nodes:
        assert node.get("/a.txt", headers=headers).body == b"one"
    receipt = json.loads(ctl(system, nodes[2], "--json", "purge", "--tag", "news"))
    assert receipt["applied"] is True, receipt
    assert {node["state"] for node in receipt["nodes"]} == {"applied"}, receipt
    for node in nodes:
        assert node.get("/a.txt", headers=headers).body == b"two"
    assert "purged at position" in ctl(system, nodes[0], "purge", "--url", "http://docs.example.org/a.txt")
    ctl(system, nodes[0], "purge", status=2)
    ctl(system, nodes[0], "purge", "--site", "nowhere", status=1)
    assert json.loads(ctl(system, nodes[0], "purges"))["purges"][0]["commands"][0]["scope"] == "url"
    # The page shows the beginning of a long list; no page of a long history may hold the control loop.
    ctl(system, nodes[0], "purge", "--url", *(f"http://docs.example.org/{number}" for number in range(30)))
    last = json.loads(ctl(system, nodes[0], "purges"))["purges"][0]
    assert len(last["commands"]) == 20 and last["commands_more"] == 10 and last["ok"], last
    nodes[0].kill()
    nodes[2].announce_errors("purge_log_away")
    ctl(system, nodes[2], "purge", "--everything", status=1)
    ctl(system, nodes[0], "status", status=3)
    # Some have answered, and the one that has not is in the list all the same.
    shown = {one["node"]: one for one in json.loads(ctl(system, nodes[2], "--json", "status", "--all", status=4))}
    assert shown["eu-1"] == {"node": "eu-1", "unreachable": True} and shown["us-1"]["ready"], shown
    ctl(system, nodes[2], "top", "--rounds", "1", "--every", "0.1", status=4)


def test_views(system):
    """status, top and topology show every node"""
    nodes = system.cluster(system.origin(), {"eu": ["eu-1", "eu-2"]}, one_health_port=True)
    assert "eu-1" in ctl(system, nodes[0], "status")
    whole = json.loads(ctl(system, nodes[0], "--json", "status", "--all"))
    assert sorted(one["node"] for one in whole) == ["eu-1", "eu-2"]
    commands = {one["name"]: one for one in json.loads(ctl(system, nodes[0], "--json", "completion"))}
    assert {"--tag", "--site"} <= {option["name"] for option in commands["purge"]["options"]}, commands
    assert {one["name"] for one in commands["dns"]["commands"]} == {"gdnsd", "pdns"}, commands
    topology = str(nodes[0].cluster.folder / "topology.toml")
    shown = json.loads(ctl(system, nodes[0], "--json", "dns", "pdns", "--topology", topology))["files"]
    folder = system.folder / "pdns"
    written = json.loads(ctl(system, nodes[0], "--json", "dns", "pdns", "--topology", topology, "--out", str(folder)))["files"]
    assert [one["path"] for one in written] == [str(folder / one["path"]) for one in shown], written
    for one in shown:
        assert (folder / one["path"]).read_text() == one["content"], one
    top = ctl(system, nodes[0], "top", "--rounds", "1", "--every", "0.1")
    assert "eu-1" in top and "eu-2" in top
    assert "eu-2" in ctl(system, nodes[0], "topology")
    for _ in range(3):
        nodes[0].get("/often", headers={"Host": "a.example"})
    nodes[0].get("/once", headers={"Host": "a.example"})
    urls = json.loads(ctl(system, nodes[0], "--json", "urls"))
    assert urls == {"requests": 4, "urls": [
        {"url": "http://a.example/often", "cut": False, "requests": 3, "share": 0.75},
        {"url": "http://a.example/once", "cut": False, "requests": 1, "share": 0.25}]}, urls
    assert "75.0 %" in ctl(system, nodes[0], "urls")
    manual = (REPOSITORY / "docs/man/perigeectl.1").read_text().replace("\\-", "-")
    told = set(re.findall(r"--[a-z-]+", ctl(system, nodes[0], "--help"))) - {"--help-all"}
    below = [one for command in commands.values() for one in [command, *command["commands"]]]
    told |= {option["name"] for command in below for option in command["options"]}
    assert len(told) > 20 and all(option in manual for option in told), {option for option in told if option not in manual}
    assert all(f"\\fB{name}" in manual for name in commands), [name for name in commands if f"\\fB{name}" not in manual]
    assert completions(system, "sta") == ["status"]
    assert completions(system, "dns", "gdnsd", "--net") == ["--networks"]
    assert completions(system, "--json", "purge", "--ta") == ["--tag"]
    assert "--authorities" in completions(system, "status", "--a") and "pdns" in completions(system, "dns", "")
    assert "purge" in ctl(system, nodes[0], "--help")
    ctl(system, nodes[0], "frobnicate", status=2)


def test_configuration(system):
    """a change is shown before it is made, made, listed and taken back"""
    node = system.node(system.origin())
    path = node.cluster.path(node.name)
    first = path.read_text()
    assert "no difference" in ctl(system, node, "config", "diff")
    path.write_text(first + '\n[log]\nlevel = "debug"\n')
    assert 'log.level: "info" -> "debug"' in ctl(system, node, "config", "diff")
    assert "applied" in ctl(system, node, "reload")
    path.write_text("[")
    ctl(system, node, "config", "diff", status=1)
    ctl(system, node, "reload", status=1)
    assert "rollback" not in ctl(system, node, "reloads")
    assert 'log.level: "debug" -> "info"' in ctl(system, node, "rollback", "1")
    ctl(system, node, "rollback", "77", status=1)
    assert [one["applied"] for one in json.loads(ctl(system, node, "--json", "reloads"))["reloads"]] == \
        [False, True, False, True, True]


def test_canary(system):
    """a change that one node does badly with is taken back there and reaches no other; a good one reaches all"""
    nodes = system.cluster(system.origin(), {"eu": ["eu-1", "eu-2"]})
    paths = [node.cluster.path(node.name) for node in nodes]
    good = [path.read_text() for path in paths]
    there = "%s:%d" % nodes[0].cluster.origin.address
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            for node in nodes:
                node.get("/_/body?size=10&cc=no-store", headers={"Host": "a.example"})

    clients = threading.Thread(target=ask, daemon=True)
    clients.start()
    # Bound, and nobody listens.
    broken = f"127.0.0.1:{system.port().number}"
    for path, text in zip(paths, good):
        path.write_text(text.replace(there, broken))
    verdict = json.loads(ctl(system, nodes[1], "--json", "reload", "--on", "eu-1", "--watch", "30", status=1))
    assert verdict["verdict"] == "failures", verdict
    assert verdict["nodes"] == [{"node": "eu-1", "applied": True, "why": ""}, {"node": "eu-1", "rolled_back": True}], verdict
    history = [json.loads(ctl(system, node, "--json", "reloads"))["reloads"] for node in nodes]
    assert [len(one) for one in history] == [3, 1], history
    assert nodes[0].get("/_/body?size=10&cc=no-store", headers={"Host": "a.example"}).status == 200
    for path, text in zip(paths, good):
        path.write_text(text + '\n[log]\nlevel = "debug"\n')
    assert "eu-2: applied" in ctl(system, nodes[1], "reload", "--on", "eu-1", "--watch", "1")
    # One that is broken is refused by the first, and the second is not asked.
    for path in paths:
        path.write_text("[")
    ctl(system, nodes[1], "reload", "--on", "eu-1", "--watch", "1", status=1)
    assert len(json.loads(ctl(system, nodes[1], "--json", "reloads"))["reloads"]) == 2
    ctl(system, nodes[1], "reload", "--on", "nobody", status=2)
    stop.set()
    clients.join()


def test_drain(system):
    """a node taken out says so to DNS, goes on serving, and comes back"""
    node = system.node(system.origin())
    readyz = lambda: request(node.addresses["health"], "/readyz").status
    assert readyz() == 200
    ctl(system, node, "drain")
    assert readyz() == 503
    assert node.get("/anything").status == 404
    assert "draining" in ctl(system, node, "status")
    ctl(system, node, "undrain")
    assert readyz() == 200


def test_warm(system):
    """a list of URLs is fetched through a node"""
    root = system.folder / "root"
    root.mkdir()
    for name in ("a", "b"):
        (root / name).write_text(name)
    nginx = system.nginx(root, ["expires 1h;"])
    nginx.announce_errors("No such file")
    node = system.node(nginx)
    urls = system.folder / "urls"
    urls.write_text("# two files\nhttp://x.example/a\nhttp://x.example/b\n")
    through = str(node)
    assert json.loads(ctl(system, node, "--json", "warm", str(urls), "--through", through)) == \
        {"urls": 2, "hits": 0, "failed": 0, "bytes": 2}
    assert json.loads(ctl(system, node, "--json", "warm", str(urls), "--through", through))["hits"] == 2
    urls.write_text("http://x.example/none\nrubbish\n")
    ctl(system, node, "warm", str(urls), "--through", through, status=4)


def test_demo_check(system):
    """script/demo checks a cluster that runs already, by addresses: a good one is found good, one with another origin is not"""
    root = system.folder / "root"
    root.mkdir()
    for name in ("a.txt", "b.txt"):
        (root / name).write_text(name * 100)
    origin = system.origin("--root", root, "--max-age", "600")
    nodes = system.cluster(origin, {"eu": ["eu-1", "eu-2"], "us": ["us-1"]}, topology={"purge_log": "eu-1"},
                           purge={"journal": "purges.log"})

    def check(origin, *more):
        arguments = [f"--node={node.name}={node},%s:%d" % node.addresses["admin"] for node in nodes]
        return subprocess.run([REPOSITORY / "script/demo", "--check", "--origin", str(origin), *arguments, *more,
                               "--paths", "/a.txt", "/b.txt"], capture_output=True, text=True, timeout=60, check=False)

    good = check(origin, "--purge")
    assert good.returncode == 0, good.stdout + good.stderr
    for line in ("round 1: 6 answers", "round 2: the origin was asked 0 times", "a purge through us-1 is applied", "6 answers after it"):
        assert f"ok: {line}" in good.stdout, good.stdout
    other = system.folder / "other"
    other.mkdir()
    for name in ("a.txt", "b.txt"):
        (other / name).write_text("something else")
    bad = check(system.origin("--root", other))
    assert bad.returncode == 1 and "byte-identical" in bad.stderr, bad.stdout + bad.stderr
    assert check("nowhere").returncode == 2


def test_demo_ends(system):
    """the demo shows a purge by tag, and Ctrl-C, which a terminal sends to all that it has started, ends it without complaint"""
    demo = system.keep(Process("demo", ["setsid", "python3", "-B", REPOSITORY / "script/demo_cluster.py", "--programs", system.build]))
    demo.out.wait("^ok: once the tag is purged every node has version 2", 60)
    demo.out.wait("^  a browser on http", 20)
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.wait() == 0
    assert "demo: everything stopped cleanly" in demo.out.lines


def test_last_good(system):
    """a node whose files are broken starts with the last good ones"""
    state = system.folder / "state"
    state.mkdir()
    node = system.node(system.origin())
    path = node.cluster.path(node.name)
    roles = list(node.addresses)
    node.kill()

    def start():
        program = system.folder / "run"
        program.write_text(f'#!/bin/sh\nexec {system.program("perigee-edge")} "$@" --state {state}\n')
        program.chmod(0o755)
        return system.keep(Node(node.name, program, path, roles))

    good = start()
    assert (state / "last-good.json").stat().st_mode & 0o777 == 0o600
    good.kill()
    path.write_text("this is no configuration\n")
    fallen_back = start()
    assert fallen_back.get("/anything").status == 404
    assert any("starts with the last good configuration" in line for line in fallen_back.err.lines)
    status, result = fallen_back.reload()
    assert status == 422 and not result["applied"], result


def test_service_manager(system):
    """the service manager hears that the node is ready, alive and stopping"""
    path = str(system.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        node = system.node(system.origin(), environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
        assert manager.recv(100) == b"READY=1"
        assert [manager.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        node.signal(15)
        until(lambda: manager.recv(100) == b"STOPPING=1", "STOPPING=1")
        assert node.wait() == 0


if __name__ == "__main__":
    main(globals())
