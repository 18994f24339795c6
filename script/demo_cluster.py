"""The demo cluster: perigee-origin and three nodes on loopback addresses, a live status, and a check of it all.

Started by script/demo, which builds the programs first. Everything lives in a temporary folder and ends with this
process: on Ctrl-C, on SIGTERM, or when the check is over. The check can also be made of a cluster that others run.
"""

import argparse
import http.client
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

NODES = [("eu-1", "eu", "127.0.1.1"), ("eu-2", "eu", "127.0.1.2"), ("us-1", "us", "127.0.2.1")]
REGIONS = {"eu": "50.1, 8.7", "us": "39.0, -77.5"}
ROLES = ["client", "peer", "admin", "health"]
HOST = "demo.example.org"
TREES = ["/usr/share/doc", "/usr/share/common-licenses", "docs"]
START_SECONDS = 15
# Of the origin: its version grows with each POST there, and it has a tag.
COUNTER = "/_/counter?id=front-page&cc=max-age=3600&h=Surrogate-Key:news"


class DemoFailure(Exception):
    pass


def free_port(ip, preferred):
    """A free port on ip: the preferred one if it is free, else any."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ip, port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise DemoFailure(f"no free port on {ip}")


class Process:
    """A program that prints "listening ..." lines when it is ready."""

    def __init__(self, name, command, log_path):
        self.name = name
        self.log_path = log_path
        with open(log_path, "wb") as log:
            # A group of its own: Ctrl-C is for the demo, which asks its processes to end; a second signal would cut them short.
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, start_new_session=True)

    def wait_listening(self, lines):
        deadline = time.monotonic() + START_SECONDS
        seen, text = 0, b""
        while seen < lines:
            left = deadline - time.monotonic()
            readable, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            chunk = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            if not chunk:
                with open(self.log_path, encoding="utf-8", errors="replace") as log:
                    raise DemoFailure(f"{self.name} did not start:\n{log.read()[-2000:]}")
            text += chunk
            seen = text.count(b"listening ")
        return text.decode()

    def stop(self):
        """Asks the process to end; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        return self.process.returncode


def write(path, text, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)


def ask(address, path, method="GET", body=None, token=None):
    """(status, header fields, body) of one request."""
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        authorization = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request(method, path, body, {"Host": HOST, **authorization})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


class View:
    """Where a cluster's nodes and its origin are, and what they say. nodes: name -> (client, admin), each (ip, port)."""

    def __init__(self, nodes, origin, token=None):
        self.nodes = nodes
        self.origin = origin
        self.token = token

    def admin(self, name, path, method="GET", body=None):
        status, _, answer = ask(self.nodes[name][1], path, method, body, self.token)
        if status != 200:
            raise DemoFailure(f"{name} answered {status} to {method} {path} at its admin address: {answer.decode(errors='replace')[:200]}")
        return json.loads(answer)

    def wait_for_purge_log(self):
        """What a node fetches before it has heard of the log of purges it validates once more; the check counts requests."""
        deadline = time.monotonic() + START_SECONDS
        for name in self.nodes:
            while self.admin(name, "/purges")["position"] is None:
                if time.monotonic() > deadline:
                    raise DemoFailure(f"{name} has not heard from the purge log within {START_SECONDS} s")
                select.select([], [], [], 0.05)

    def origin_requests(self):
        return json.loads(ask(self.origin, "/_/stats")[2])["requests"]

    def content(self, path):
        status, _, body = ask(self.origin, path)
        if status != 200:
            raise DemoFailure(f"the origin answered {status} to {path}")
        return body


class Cluster:
    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.processes = []
        self.ports = {name: {role: free_port(ip, 8080 + i) for i, role in enumerate(ROLES)} for name, _, ip in NODES}
        self.tree = next(tree for tree in TREES if os.path.isdir(tree))

    def start(self):
        origin = Process(
            "perigee-origin",
            [f"{self.programs}/perigee-origin", "--listen", "127.0.0.1:0", "--root", self.tree, "--max-age", "3600"],
            f"{self.folder}/origin.log")
        self.processes.append(origin)
        line = origin.wait_listening(1)
        self.origin_port = int(line.split("listening ")[1].split()[0].rsplit(":", 1)[1])
        self.write_configuration()
        for name, _, _ in NODES:
            node = Process(name, [f"{self.programs}/perigee-edge", "--config", f"{self.folder}/node.toml", "--node", name],
                           f"{self.folder}/{name}.log")
            self.processes.append(node)
            node.wait_listening(len(ROLES))
        self.view = View({name: ((ip, self.ports[name]["client"]), (ip, self.ports[name]["admin"])) for name, _, ip in NODES},
                         ("127.0.0.1", self.origin_port))
        self.view.wait_for_purge_log()

    def write_configuration(self):
        write(f"{self.folder}/peer.key", secrets.token_hex(32) + "\n", 0o600)
        topology = '[cluster]\npurge_log = "eu-1"\npeer_keys = [{ id = "demo", file = "peer.key" }]\n'
        for region, location in REGIONS.items():
            topology += f'\n[[region]]\nname = "{region}"\nlocation = "{location}"\n'
        for name, region, ip in NODES:
            topology += f'\n[[node]]\nname = "{name}"\nregion = "{region}"\n'
            topology += "".join(f'{role} = "{ip}:{self.ports[name][role]}"\n' for role in ROLES)
        write(f"{self.folder}/topology.toml", topology)
        write(f"{self.folder}/node.toml",
              '[node]\ntopology = "topology.toml"\n\n[purge]\njournal = "purges.log"\n\n[log]\nlevel = "warning"\n\n'
              f'[[origin]]\nname = "docs"\nservers = ["127.0.0.1:{self.origin_port}"]\n\n'
              f'[[site]]\nname = "demo"\nhosts = ["{HOST}", "*"]\norigin = "docs"\n')

    def stop(self):
        return {process.name: process.stop() for process in reversed(self.processes)}

    def some_files(self, count, bytes_max):
        """Paths of regular files of the tree, as URL paths, the same ones every time."""
        found = []
        for directory, folders, files in os.walk(self.tree):
            folders.sort()
            for file in sorted(files):
                path = os.path.join(directory, file)
                if os.path.isfile(path) and not os.path.islink(path) and 0 < os.path.getsize(path) <= bytes_max:
                    relative = os.path.relpath(path, self.tree)
                    if all(c.isalnum() or c in "/._-" for c in relative):
                        found.append("/" + relative)
            if len(found) >= count:
                break
        return found[:count]


def check(condition, what):
    if not condition:
        raise DemoFailure(what)
    print(f"ok: {what}")


def run_check(view, files):
    """Fetches every path twice through every node; the second time the origin must not be asked. files: path -> content."""
    hits_before = sum(view.admin(name, "/status")["hits"] for name in view.nodes)
    for round_number in (1, 2):
        before = view.origin_requests()
        right = 0
        for client, _ in view.nodes.values():
            for path, content in files.items():
                status, fields, body = ask(client, path)
                right += status == 200 and body == content and "cache-status" in fields
        check(right == len(files) * len(view.nodes),
              f"round {round_number}: {right} answers through {', '.join(view.nodes)} are byte-identical")
        asked = view.origin_requests() - before
        limit = 2 * len(files) if round_number == 1 else 0
        check(asked <= limit, f"round {round_number}: the origin was asked {asked} times (at most {limit})")
    hits = sum(view.admin(name, "/status")["hits"] for name in view.nodes) - hits_before
    check(hits >= len(files), f"the nodes together answered {hits} requests from their stores")


def run_purge(view, files):
    """Everything is purged through one node: none answers from its store afterwards, and all answer right."""
    name = list(view.nodes)[-1]
    receipt = view.admin(name, "/purge", "POST", json.dumps({"everything": True}))
    states = {node["node"]: node["state"] for node in receipt["nodes"]}
    check(all(states.get(node) == "applied" for node in view.nodes), f"a purge through {name} is applied: {states}")
    before = view.origin_requests()
    right = sum(ask(client, path)[2] == content for client, _ in view.nodes.values() for path, content in files.items())
    check(right == len(files) * len(view.nodes), f"{right} answers after it are byte-identical")
    asked = view.origin_requests() - before
    check(asked >= len(files), f"for which the origin was asked {asked} times (at least {len(files)})")
    run_tag_purge(view)


def run_tag_purge(view):
    """What has changed at the origin is seen through every node once its tag is purged, and not before."""
    through = lambda: [ask(client, COUNTER)[1].get("x-version") for client, _ in view.nodes.values()]
    before = through()
    now = ask(view.origin, COUNTER, "POST")[1].get("x-version")
    check(through() == before, f"a page with the tag news is version {before[0]}, though the origin has {now}")
    view.admin(list(view.nodes)[0], "/purge", "POST", json.dumps({"tag": "news"}))
    after = through()
    check(after == [now] * len(view.nodes), f"once the tag is purged every node has version {after[0]}")


def show_status(cluster, started, first):
    rows = [f"{'node':8} {'region':7} {'requests':>9} {'hit ratio':>9} {'origin bytes saved':>19} {'peers up':>9}"]
    for name, region, ip in NODES:
        try:
            s = cluster.view.admin(name, "/status")
        except (OSError, DemoFailure):
            rows.append(f"{name:8} {region:7} {'down':>9}")
            continue
        rows.append(f"{name:8} {region:7} {s['requests']:>9} {s['hit_ratio'] or 0:>9.3f} {s['origin_bytes_saved']:>19} "
                    f"{s['peers_up']:>3} of {s['peers']:>2}")
    terminal = sys.stdout.isatty()
    if terminal:
        sys.stdout.write("\x1b[H\x1b[J")
    print(f"perigee demo, {int(time.monotonic() - started)} s (Ctrl-C stops it)\n")
    print("\n".join(rows), flush=True)
    # A terminal has just been cleared; whoever reads a file needs them once.
    if terminal or first:
        show_hints(cluster)


def show_hints(cluster):
    path = cluster.some_files(1, 1 << 20)[0]
    print("\ntry (the host is part of the key, and the nodes were asked for this one):")
    for name, _, ip in NODES:
        print(f"  curl -si -H 'Host: {HOST}' http://{ip}:{cluster.ports[name]['client']}{path} | head -n 20      # through {name}")
    admin = f"{NODES[0][2]}:{cluster.ports['eu-1']['admin']}"
    print(f"  curl -s http://{admin}/metrics | head")
    page = f"'http://{NODES[2][2]}:{cluster.ports['us-1']['client']}{COUNTER}'"
    print("a page that changes, and a purge by its tag:")
    print(f"  curl -s -D - -o /dev/null {page}      # x-version, cache-status")
    print(f"  curl -s -o /dev/null -X POST 'http://127.0.0.1:{cluster.origin_port}{COUNTER}'      # it changes at the origin")
    print(f"  {cluster.programs}/perigeectl --admin {admin} purge --tag news      # then the first again")
    print("and:")
    print(f"  {cluster.programs}/perigeectl --admin {admin} status --all")
    print(f"  a browser on http://{admin}/", flush=True)


def address(text):
    ip, colon, port = text.rpartition(":")
    if not colon or not ip or not port.isdigit():
        raise argparse.ArgumentTypeError(f'found "{text}", expected an address and a port, 127.0.0.1:8080')
    return ip, int(port)


def named_node(text):
    name, _, addresses = text.partition("=")
    client, comma, admin = addresses.partition(",")
    if not name or not comma:
        raise argparse.ArgumentTypeError(f'found "{text}", expected NAME=CLIENT,ADMIN, eu-1=127.0.0.1:8080,127.0.0.1:9180')
    return name, (address(client), address(admin))


def parse_arguments():
    parser = argparse.ArgumentParser(prog="script/demo")
    parser.add_argument("--programs", help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help="run unattended, assert, exit")
    running = parser.add_argument_group("of a cluster that runs already")
    running.add_argument("--node", action="append", type=named_node, metavar="NAME=CLIENT,ADMIN")
    running.add_argument("--origin", type=address, help="a perigee-origin that all of them have")
    running.add_argument("--paths", nargs="+", metavar="PATH",
                         default=["/GPL-3", "/GPL-2", "/LGPL-3", "/Apache-2.0", "/BSD", "/Artistic", "/MPL-2.0"])
    running.add_argument("--token-file", help="the admin token")
    running.add_argument("--purge", action="store_true", help="purge everything at the end, and see that all nodes do")
    arguments = parser.parse_args()
    if arguments.node and not (arguments.check and arguments.origin):
        parser.error("--node: expected --check and --origin beside it")
    if not arguments.node and not arguments.programs:
        parser.error("--programs: expected the folder of the programs")
    return arguments


def check_running(arguments):
    token = None
    if arguments.token_file:
        with open(arguments.token_file, encoding="ascii") as file:
            token = file.read().strip()
    view = View(dict(arguments.node), arguments.origin, token)
    try:
        view.wait_for_purge_log()
        files = {path: view.content(path) for path in arguments.paths}
        run_check(view, files)
        if arguments.purge:
            run_purge(view, files)
    except (DemoFailure, OSError, KeyError, ValueError, http.client.HTTPException) as problem:
        print(f"demo: FAILED: {problem}", file=sys.stderr)
        return 1
    print("demo: the cluster does what it should")
    return 0


def read_files(cluster):
    files = {}
    for path in cluster.some_files(40, 1 << 20):
        with open(cluster.tree + path, "rb") as file:
            files[path] = file.read()
    check(len(files) > 0, f"{len(files)} files of {cluster.tree} to fetch")
    return files


def main():
    arguments = parse_arguments()
    if arguments.node:
        return check_running(arguments)
    # One way to end: both signals make the waiting below return.
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)

    with tempfile.TemporaryDirectory(prefix="perigee-demo-") as folder:
        cluster = Cluster(arguments.programs, folder)
        failure = None
        try:
            cluster.start()
            print(f"demo: {len(NODES)} nodes and an origin serving {cluster.tree} are up", flush=True)
            run_check(cluster.view, read_files(cluster))
            run_tag_purge(cluster.view)
            started = time.monotonic()
            show_status(cluster, started, first=True)
            while not arguments.check and not select.select([read_end], [], [], 2)[0]:
                show_status(cluster, started, first=False)
        except (DemoFailure, OSError, KeyError, ValueError, http.client.HTTPException) as problem:
            failure = problem
        codes = cluster.stop()
        if failure is None and any(codes.values()):
            failure = f"exit codes {codes}, expected all 0"
        if failure is not None:
            print(f"demo: FAILED: {failure}", file=sys.stderr)
            for process in cluster.processes:
                with open(process.log_path, encoding="utf-8", errors="replace") as log:
                    text = log.read()[-3000:]
                print(f"--- log of {process.name}:\n{text}" if text else f"--- {process.name} logged nothing", file=sys.stderr)
            return 1
        print("demo: everything stopped cleanly")
        return 0


if __name__ == "__main__":
    sys.exit(main())
