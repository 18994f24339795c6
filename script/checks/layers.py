"""Which folder may include which, and which header may appear where: the arrows of docs/ARCHITECTURE.md as tables."""
import re

BASE = {"edge/base"}
HTTP = BASE | {"edge/http"}
CACHE = HTTP | {"edge/cache"}
CLUSTER = BASE | {"edge/cluster"}
NET = BASE | {"edge/net"}
SERVE = HTTP | NET | {"edge/serve"}
PROXY = SERVE | CACHE | CLUSTER | {"edge/proxy"}
CONTROL = PROXY | {"edge/control"}
EVERYTHING = CONTROL | {"edge", "edge/ctl", "origin"}

# Folder -> the folders it may include. A folder that is not listed takes the row of its nearest listed parent.
ARROWS = {
    "edge/base": BASE,
    "edge/http": HTTP,
    "edge/cache": CACHE,
    "edge/cluster": CLUSTER,
    "edge/net": NET,
    "edge/serve": SERVE,
    "edge/proxy": PROXY,
    "edge/control": CONTROL,
    # A client of the admin pages; it reads the topology file with the code that a node reads it with.
    "edge/ctl": CONTROL | {"edge/ctl"},
    "edge": CONTROL | {"edge"},
    "origin": SERVE | {"origin"},
    "bench/trace": BASE | {"bench/trace"},
    "bench/load": BASE | {"bench/trace", "bench/load"},
    "bench/evict": CACHE | {"bench/trace", "bench/evict"},
    "bench/micro": EVERYTHING | {"bench/micro"},
    "tests": EVERYTHING | {"tests", "bench/trace", "bench/load", "bench/evict"},
}
# Single headers that may be included against the table.
EXCEPTIONS = {
    # What a self-verifying body looks like is one function, and both sides must use the same one.
    "bench/load": {"origin/self_verifying.h"},
}


class Banned:
    """A header (or header prefix) and where it may appear; with no place it may appear nowhere."""

    def __init__(self, header, only=(), why=""):
        self.header = header
        self.only = [re.compile(place) for place in only]
        self.why = why

    def covers(self, header):
        return header.startswith(self.header) if self.header.endswith("/") else header == self.header

    def allows(self, path):
        return any(place.match(path) for place in self.only)


BANNED = [
    Banned("uv.h", [r"edge/net/", r"tests/unit/uv_"], "the event loop is behind net::Io"),
    Banned("ares.h", [r"edge/net/"], "resolving is behind net::Io"),
    Banned("openssl/", [r"edge/net/tls", r"tests/unit/tls_", r"edge/base/mac\.cc$", r"bench/micro/tls_"], "TLS is a Stream, HMAC is edge/base/mac.h"),
    Banned("llhttp.h", [r"edge/http/h1"], "the tokeniser is behind the H1 reader"),
    Banned("nghttp2/", [r"edge/serve/h2_", r"tests/node/support/h2_", r"tests/fuzz/h2_"], "HTTP/2 is behind its reader"),
    Banned("nlohmann/", [r"edge/base/json\.h$", r"tests/"], "JSON trees are edge/base/json.h"),
    Banned("xxhash.h", [r"edge/base/"], "hashing is edge/base/hash.h"),
    Banned("spdlog/", [r"edge/(base|control)/log"], "logging is edge/base/log.h"),
    Banned("toml++/", [r"edge/control/"], "configuration is parsed in edge/control"),
    Banned("CLI/", [r"(edge|edge/ctl|origin|tests/sim/program)/main\.cc$", r"edge/ctl/completion\.h$"], "a command line is main's business"),
    Banned("catch2/", [r"tests/"], "tests live in tests/"),
    Banned("thread", [r"edge/net/", r"edge/base/log", r"tests/", r"bench/micro/"],
           "threads come only from net::Io"),
    Banned("future", [r"tests/"], "threads come only from net::Io"),
    Banned("iostream", [], "it adds static constructors and slow formatting; use fmt or stdio"),
    Banned("regex", [], "it is slow and recurses on hostile input"),
    Banned("ranges", [], "clang 14 cannot compile its views"),
    Banned("expected", [], "gcc 12 has none; use tl::expected by edge/base/result.h"),
    Banned("format", [], "gcc 12 has none; use fmt"),
]
SOCKETS = ("sys/socket.h", "sys/epoll.h", "netinet/", "netdb.h", "poll.h", "unistd.h", "fcntl.h", "fstream")
for _header in SOCKETS:
    BANNED.append(Banned(_header, [r"(?!edge/(http|cache|cluster|serve|proxy)/)"], "this layer touches no descriptor"))

# Reading a clock: time is a parameter everywhere but where Io is implemented.
CLOCK = re.compile(r"\b(?:steady_clock|system_clock|high_resolution_clock)\s*::\s*now\b|\bclock_gettime\s*\(|"
                   r"\bgettimeofday\s*\(|(?<![\w.>:])time\s*\(\s*(?:nullptr|NULL|0)\s*\)")
CLOCK_FREE = ("edge/http", "edge/cache", "edge/cluster", "edge/serve", "edge/proxy")


def row(table, folder):
    while folder and folder not in table:
        folder = folder.rpartition("/")[0]
    return folder if folder in table else None


def may_include(folder, included):
    """True when a file of `folder` may include the file `included`."""
    place = row(ARROWS, folder)
    if place is None:
        return True
    target = included.rpartition("/")[0]
    if target == folder or included in EXCEPTIONS.get(place, ()):
        return True
    return row(ARROWS, target) in ARROWS[place]
