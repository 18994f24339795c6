"""What docker/ says of the rest of the tree, and its files of each other."""
import re
import tomllib

from .tree import Finding

DOCKERFILE, COMPOSE, TOPOLOGY = "docker/Dockerfile", "docker/compose.yaml", "docker/topology.toml"
NODE, PROMETHEUS = "docker/node.toml", "docker/prometheus.yml"
BASE = "debian:bookworm-slim"


class Stage:
    def __init__(self, name, above, line):
        self.name = name
        self.above = above  # the Stage it is made from, or None
        self.line = line
        self.lines = []

    def says(self, word):
        """The last line that begins so, of this stage or what it is made from; None without one."""
        own = [text for text in self.lines if text.startswith(word + " ")]
        return own[-1] if own else self.above.says(word) if self.above else None


def logical_lines(text):
    """(number, line) of a Dockerfile, continued lines joined, comments left out."""
    joined, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#"):
            continue
        start = start if joined else number
        joined += line.rstrip("\\")
        if line.endswith("\\"):
            continue
        if joined.strip():
            yield start, joined.strip()
        joined = ""


def read_stages(tree, text, findings):
    programs = set(re.findall(r"perigee_program\((\S+)", (tree.root / "CMakeLists.txt").read_text(encoding="utf-8")))
    stages = {}
    stage = None
    for number, line in logical_lines(text):
        words = line.split()
        if words[0] == "FROM":
            if words[1] != BASE and words[1] not in stages:
                findings.append(Finding(DOCKERFILE, number, f"is made from {words[1]}, expected {BASE} or a stage above"))
            stage = stages[words[-1]] = Stage(words[-1], stages.get(words[1]), number)
            continue
        stage.lines.append(line)
        if words[0] == "COPY" and words[1].startswith("--from="):
            if words[1][7:] not in stages:
                findings.append(Finding(DOCKERFILE, number, f"copies from {words[1][7:]}, which is no stage above"))
        elif words[0] == "COPY":
            findings += [Finding(DOCKERFILE, number, f"copies {path}, which is not there")
                         for path in words[1:-1] if not (tree.root / path).exists()]
        for target in re.findall(r"--target ([a-z -]+?)(?= &&|$|  )", line):
            findings += [Finding(DOCKERFILE, number, f"builds {name}, which is no program")
                         for name in target.split() if name not in programs]
    return stages


def read_services(text):
    """name -> (line, text) of each service of the compose file."""
    services, name, below = {}, None, False
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"\S", line):
            below = line.startswith("services:")
        elif below and (match := re.match(r"  ([\w-]+):$", line)):
            name = match.group(1)
            services[name] = [number, ""]
        elif below and name:
            services[name][1] += line + "\n"
    anchor = re.search(r"^x-node: &node\n((?:  .*\n)+)", text, re.MULTILINE)
    for service in services.values():
        if "<<: *node" in service[1] and anchor:
            service[1] += anchor.group(1)
    return services


def check_service(tree, name, service, stages, node):
    line, text = service
    target = re.search(r"target: ([\w-]+)", text)
    stage = stages.get(target.group(1)) if target else None
    if stage is None:
        yield Finding(COMPOSE, line, f"{name} is of no stage of {DOCKERFILE}")
        return
    user = stage.says("USER")
    if user in (None, "USER root", "USER 0"):
        yield Finding(DOCKERFILE, stage.line, f"{stage.name} runs as root")
    for path in re.findall(r"- (\.\.?/[^:\s]+):", text):
        if not (tree.root / "docker" / path).exists():
            yield Finding(COMPOSE, line, f"{name} mounts {path}, which is not there")
    ports = set(re.findall(r"\d+", stage.says("EXPOSE") or ""))
    if node is not None:
        ports = {node[role].rpartition(":")[2] for role in ("client", "admin")}
        address = re.search(r"ipv4_address: ([\d.]+)", text)
        for role in ("client", "peer", "admin", "health"):
            if not address or node[role].rpartition(":")[0] != address.group(1):
                yield Finding(COMPOSE, line, f"{name} has another address than its {role} of {TOPOLOGY}")
        if f'"--node", "{name}"' not in text:
            yield Finding(COMPOSE, line, f"{name} does not run as the node of its name")
        if f'PERIGEE_ADMIN: "{node["admin"]}"' not in text:
            yield Finding(COMPOSE, line, f"{name} is not looked for at its admin address by its health check")
        if stage.says("HEALTHCHECK") is None:
            yield Finding(DOCKERFILE, stage.line, f"{stage.name} has no health check")
    for port in re.findall(r'"127\.0\.0\.1:\d+:(\d+)', text):
        if port not in ports:
            yield Finding(COMPOSE, line, f"{name} publishes {port}; expected some of {sorted(ports)}")
    for published in re.findall(r'ports: \[(.*)\]', text):
        if any(not one.strip().startswith('"127.0.0.1:') for one in published.split(",")):
            yield Finding(COMPOSE, line, f"{name} publishes a port beyond 127.0.0.1")


def check_others(tree, services, nodes):
    scraped = set(re.findall(r'"([\d.]+:\d+)"', (tree.root / PROMETHEUS).read_text(encoding="utf-8")))
    if scraped != {node["admin"] for node in nodes.values()}:
        yield Finding(PROMETHEUS, 1, f"scrapes other addresses than the admin addresses of {TOPOLOGY}")
    origin = re.search(r"ipv4_address: ([\d.]+)", services.get("origin", (0, ""))[1])
    for each in tomllib.loads((tree.root / NODE).read_text(encoding="utf-8"))["origin"]:
        if not origin or each["servers"] != [f"{origin.group(1)}:8000"]:
            yield Finding(NODE, 1, f"asks {each['servers']}, which is not where {COMPOSE} has the origin")
    for name in nodes:
        if name not in services:
            yield Finding(TOPOLOGY, 1, f"has {name}, which is no service of {COMPOSE}")


def check(tree):
    if not (tree.root / DOCKERFILE).exists():
        return
    findings = []
    stages = read_stages(tree, (tree.root / DOCKERFILE).read_text(encoding="utf-8"), findings)
    services = read_services((tree.root / COMPOSE).read_text(encoding="utf-8"))
    nodes = {node["name"]: node for node in tomllib.loads((tree.root / TOPOLOGY).read_text(encoding="utf-8"))["node"]}
    for name, service in services.items():
        findings += check_service(tree, name, service, stages, nodes.get(name))
    yield from findings
    yield from check_others(tree, services, nodes)
