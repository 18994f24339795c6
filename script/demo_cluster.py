"""The demo cluster: perigee-origin and three nodes on loopback addresses, a live status, and a check of it all.

Started by script/demo, which builds the programs first. Everything lives in a temporary folder and ends with this
process: on Ctrl-C, on SIGTERM, or when the check is over.
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
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)

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


def get(ip, port, path, host=HOST):
    """(status, header fields, body) of one GET."""
    connection = http.client.HTTPConnection(ip, port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


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
        for name, _, ip in NODES:
            self.wait_for_purge_log(name, ip)

    def wait_for_purge_log(self, name, ip):
        """What a node fetches before it has heard of the log of purges it validates once more; the check counts requests."""
        deadline = time.monotonic() + START_SECONDS
        while json.loads(get(ip, self.ports[name]["admin"], "/purges")[2])["position"] is None:
            if time.monotonic() > deadline:
                raise DemoFailure(f"{name} has not heard from the purge log within {START_SECONDS} s")
            select.select([], [], [], 0.05)

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

    def status(self, name, ip):
        return json.loads(get(ip, self.ports[name]["admin"], "/status")[2])

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


def origin_requests(cluster):
    return json.loads(get("127.0.0.1", cluster.origin_port, "/_/stats")[2])["requests"]


def run_check(cluster):
    """Fetches every path twice through every node; the second time the origin must not be asked."""
    paths = cluster.some_files(40, 1 << 20)
    check(len(paths) > 0, f"{len(paths)} files of {cluster.tree} to fetch")
    for round_number in (1, 2):
        before = origin_requests(cluster)
        right = 0
        for name, _, ip in NODES:
            for path in paths:
                status, fields, body = get(ip, cluster.ports[name]["client"], path)
                with open(cluster.tree + path, "rb") as file:
                    right += status == 200 and body == file.read() and "cache-status" in fields
        check(right == len(paths) * len(NODES), f"round {round_number}: {right} answers through all nodes are byte-identical")
        asked = origin_requests(cluster) - before
        limit = 2 * len(paths) if round_number == 1 else 0
        check(asked <= limit, f"round {round_number}: the origin was asked {asked} times (at most {limit})")
    hits = 0
    for name, _, ip in NODES:
        status = cluster.status(name, ip)
        hits += status["hits"]
    check(hits >= len(paths), f"the nodes together answered {hits} requests from their stores")


def show_status(cluster, started):
    rows = [f"{'node':8} {'region':7} {'requests':>9} {'hit ratio':>9} {'origin bytes saved':>19} {'peers up':>9}"]
    for name, region, ip in NODES:
        try:
            s = cluster.status(name, ip)
        except OSError:
            rows.append(f"{name:8} {region:7} {'down':>9}")
            continue
        rows.append(f"{name:8} {region:7} {s['requests']:>9} {s['hit_ratio'] or 0:>9.3f} {s['origin_bytes_saved']:>19} "
                    f"{s['peers_up']:>3} of {s['peers']:>2}")
    if sys.stdout.isatty():
        sys.stdout.write("\x1b[H\x1b[J")
    print(f"perigee demo, {int(time.monotonic() - started)} s (Ctrl-C stops it)\n")
    print("\n".join(rows))
    path = cluster.some_files(1, 1 << 20)[0]
    print("\ntry:")
    for name, _, ip in NODES:
        print(f"  curl -si http://{ip}:{cluster.ports[name]['client']}{path} | head -n 20      # through {name}")
    admin = f"{NODES[0][2]}:{cluster.ports['eu-1']['admin']}"
    print(f"  curl -s http://{admin}/metrics | head")
    print(f"  {cluster.programs}/perigeectl --admin {admin} purge --site demo      # then curl again")
    print(f"  {cluster.programs}/perigeectl --admin {admin} status --all")
    print(f"  a browser on http://{admin}/", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True, help="folder with perigee-edge and perigee-origin")
    parser.add_argument("--check", action="store_true", help="run unattended, assert, exit")
    arguments = parser.parse_args()

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
            run_check(cluster)
            started = time.monotonic()
            show_status(cluster, started)
            while not arguments.check and not select.select([read_end], [], [], 2)[0]:
                show_status(cluster, started)
        except (DemoFailure, OSError, KeyError, ValueError) as problem:
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
