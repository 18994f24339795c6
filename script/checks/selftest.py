"""Plants one violation of each kind, and sees that its rule finds exactly that and leaves the clean twin alone."""
import tempfile
from pathlib import Path

from . import rules
from .tree import Tree

HEADER = "// What it is for.\n//\n// Thread rule: plain values.\n#pragma once\n\n"
FORMAT = "BasedOnStyle: Google\nColumnLimit: 110\n"


def long_function(opening, lines, closing="}"):
    return opening + "\n" + "  step();\n" * (lines - 2) + closing + "\n"




def compose_of(**changes):
    """A small docker/ without fault, but for the changes: file name without extension -> (old, new)."""
    files = {
        "CMakeLists.txt": "perigee_program(edge main.cc)\n",
        "edge/main.cc": "int main() {}\n",
        "docker/Dockerfile": "FROM debian:bookworm-slim AS build\nCOPY edge edge\nRUN cmake --build x --target edge \\\n && true\n"
                             "FROM debian:bookworm-slim AS node\nCOPY --from=build /x /y\nEXPOSE 8000\nUSER perigee\n"
                             "HEALTHCHECK CMD true\n",
        "docker/compose.yaml": 'services:\n  eu-1:\n    build: {target: node}\n    command: ["--node", "eu-1"]\n'
                               '    environment: {PERIGEE_ADMIN: "10.0.0.1:9"}\n    networks: {a: {ipv4_address: 10.0.0.1}}\n'
                               '    ports: ["127.0.0.1:1:8"]\n    volumes:\n      - ./node.toml:/a:ro\n'
                               '  origin:\n    build: {target: node}\n    networks: {a: {ipv4_address: 10.0.0.2}}\n',
        "docker/topology.toml": '[[node]]\nname = "eu-1"\nclient = "10.0.0.1:8"\npeer = "10.0.0.1:7"\n'
                                'admin = "10.0.0.1:9"\nhealth = "10.0.0.1:6"\n',
        "docker/node.toml": '[[origin]]\nservers = ["10.0.0.2:8000"]\n',
        "docker/prometheus.yml": 'targets: ["10.0.0.1:9"]\n',
    }
    for path in files:
        name = path.rpartition("/")[2].partition(".")[0]
        if name in changes:
            assert changes[name][0] in files[path], (path, changes[name])
            files[path] = files[path].replace(*changes[name])
    return files


# (what is planted, rule, files, findings expected). Zero findings: the rule must stay silent.
CASES = [
    ("an unformatted file", "format", {"edge/base/a.cc": "int   a( ){return 1;}\n"}, 1),
    ("a formatted file", "format", {"edge/base/a.cc": "int a() { return 1; }\n"}, 0),
    ("base includes net", "arrows", {"edge/base/a.cc": '#include "edge/net/b.h"\n', "edge/net/b.h": HEADER}, 1),
    ("cache includes net", "arrows", {"edge/cache/a.h": '#include "edge/net/b.h"\n', "edge/net/b.h": HEADER}, 1),
    ("net includes http", "arrows", {"edge/net/a.h": '#include "edge/http/b.h"\n', "edge/http/b.h": HEADER}, 1),
    ("a folder inside cache includes net", "arrows",
     {"edge/cache/disk/a.h": '#include "edge/net/b.h"\n', "edge/net/b.h": HEADER}, 1),
    ("proxy includes control", "arrows",
     {"edge/proxy/a.h": '#include "edge/control/b.h"\n', "edge/control/b.h": HEADER}, 1),
    ("control includes node", "arrows", {"edge/control/a.h": '#include "edge/node.h"\n', "edge/node.h": HEADER}, 1),
    ("origin includes cache", "arrows", {"origin/a.h": '#include "edge/cache/b.h"\n', "edge/cache/b.h": HEADER}, 1),
    ("an include beside the file", "arrows", {"edge/base/a.cc": '#include "b.h"\n', "edge/base/b.h": HEADER}, 1),
    ("proxy includes cache", "arrows", {"edge/proxy/a.h": '#include "edge/cache/b.h"\n', "edge/cache/b.h": HEADER}, 0),
    ("an include in a comment", "arrows", {"edge/base/a.cc": '// #include "edge/net/b.h"\n'}, 0),
    ("uv.h in proxy", "headers-banned", {"edge/proxy/a.cc": "#include <uv.h>\n"}, 1),
    ("openssl in serve", "headers-banned", {"edge/serve/a.cc": "#include <openssl/ssl.h>\n"}, 1),
    ("llhttp in serve", "headers-banned", {"edge/serve/a.cc": "#include <llhttp.h>\n"}, 1),
    ("nghttp2 in net", "headers-banned", {"edge/net/a.cc": "#include <nghttp2/nghttp2.h>\n"}, 1),
    ("iostream", "headers-banned", {"edge/base/a.cc": "#include <iostream>\n"}, 1),
    ("regex in a test", "headers-banned", {"tests/unit/a_test.cc": "#include <regex>\n"}, 1),
    ("a thread in the cache", "headers-banned", {"edge/cache/a.cc": "#include <thread>\n"}, 1),
    ("sockets in cluster", "headers-banned", {"edge/cluster/a.cc": "#include <sys/socket.h>\n"}, 1),
    ("uv.h in net", "headers-banned", {"edge/net/uv_io.cc": "#include <uv.h>\n#include <sys/socket.h>\n"}, 0),
    ("a clock in the cache", "clock", {"edge/cache/a.cc": "auto now = std::chrono::steady_clock::now();\n"}, 1),
    ("a clock in net", "clock", {"edge/net/a.cc": "auto now = std::chrono::steady_clock::now();\n"}, 0),
    ("a function of 71 lines", "function-length", {"edge/base/a.cc": long_function("void f() {", 71)}, 1),
    ("a function of 70 lines", "function-length", {"edge/base/a.cc": long_function("void f() {", 70)}, 0),
    ("a long constructor", "function-length",
     {"edge/base/a.cc": "namespace a {\n" + long_function("A::A(B b = {}) : b_{b}, c_(1) {", 71) + "}\n"}, 1),
    ("a long method in a class", "function-length",
     {"edge/base/a.h": "class A final : public B<int> {\n" + long_function("int f() const override {", 71) + "};\n"}, 1),
    ("a long test case", "function-length",
     {"tests/unit/a_test.cc": long_function('TEST_CASE("a sentence { with a brace") {', 71)}, 1),
    ("a long template operator", "function-length",
     {"edge/base/a.h": long_function("template <typename T = int>\nT& operator=(const T& t) {", 71)}, 1),
    ("a long lambda of a namespace", "function-length",
     {"edge/base/a.cc": long_function("const auto f = [](int a) {", 71, "};")}, 1),
    ("a long table", "function-length",
     {"edge/base/a.cc": "const Row rows[] = {\n" + '  {"a", 1},\n' * 90 + "};\nint f() { return 1; }\n"}, 0),
    ("a long class of short functions", "function-length",
     {"edge/base/a.h": "struct A {\n" + "  int f(int a = g(), B b = {}) { return a; }\n" * 90 + "};\n"}, 0),
    ("braces in strings", "function-length",
     {"edge/base/a.cc": 'const char* f() { return R"({{{)"; }\nchar g() { return \'{\'; }\n' + "int a();\n" * 90}, 0),
    ("a long Python function", "function-length", {"script/a.py": "def f():\n" + "    a = 1\n" * 71}, 1),
    ("a file of 501 lines", "file-length", {"edge/base/a.cc": "int a();\n" * 501}, 1),
    ("a file of 500 lines", "file-length", {"edge/base/a.cc": "int a();\n" * 500}, 0),
    ("sleep_for in a test", "no-sleep",
     {"tests/unit/a_test.cc": "void f() { std::this_thread::sleep_for(1s); }\n"}, 1),
    ("usleep in a test", "no-sleep", {"tests/node/a_test.cc": "void f() { usleep(10); }\n"}, 1),
    ("time.sleep in a system test", "no-sleep", {"tests/system/a_test.py": "import time\ntime.sleep(1)\n"}, 1),
    ("sleep in a shell script", "no-sleep", {"script/a": "#!/usr/bin/env bash\ntrue; sleep 1\n"}, 1),
    ("the word sleep in a comment", "no-sleep", {"tests/unit/a_test.cc": "// Never sleep(1) here.\n"}, 0),
    ("a fixed port in a system test", "no-fixed-port", {"tests/system/a_test.py": 'listen = "127.0.1.1:8080"\n'}, 1),
    ("a fixed bind in a system test", "no-fixed-port", {"tests/system/a_test.py": 's.bind(("127.0.0.1", 80))\n'}, 1),
    ("a fixed port on a real loop", "no-fixed-port",
     {"tests/unit/a_test.cc": '#include "edge/net/uv_io.h"\nauto a = parse("127.0.0.1:8080");\n'}, 1),
    ("a port of the in-memory network", "no-fixed-port",
     {"tests/node/a_test.cc": '#include "edge/net/memory_io.h"\nauto a = parse("127.0.0.1:80");\n'}, 0),
    ("port 0", "no-fixed-port", {"tests/system/a_test.py": 's.bind(("127.0.0.1", 0))\n'}, 0),
    ("another header first", "own-header-first",
     {"edge/base/a.h": HEADER, "edge/base/a.cc": '#include <string>\n\n#include "edge/base/a.h"\n'}, 1),
    ("the own header first", "own-header-first",
     {"edge/base/a.h": HEADER, "edge/base/a.cc": '#include "edge/base/a.h"\n\n#include <string>\n'}, 0),
    ("a header without a comment", "header-comment", {"edge/base/a.h": "#pragma once\n"}, 1),
    ("a header without a thread rule", "header-comment", {"edge/base/a.h": "// What it is for.\n#pragma once\n"}, 1),
    ("a header without pragma once", "header-comment", {"edge/base/a.h": "// For it.\n// Thread rule: none.\n"}, 1),
    ("a good header", "header-comment", {"edge/base/a.h": HEADER}, 0),
    ("a test that asserts nothing", "assertions", {"tests/unit/a_test.cc": 'TEST_CASE("it holds") {\n  f();\n}\n'}, 1),
    ("a test that asserts the truth", "assertions",
     {"tests/unit/a_test.cc": 'TEST_CASE("it holds") {\n  REQUIRE(true);\n}\n'}, 1),
    ("a test that asserts by a helper", "assertions",
     {"tests/unit/a_test.cc": 'void same(int a) { CHECK(a == 1); }\nTEST_CASE("it holds") { same(1); }\n'}, 0),
    ("a system test that asserts nothing", "assertions", {"tests/system/a_test.py": "def test_it():\n    f()\n"}, 1),
    ("a shell script that does not parse", "scripts", {"script/a": "#!/usr/bin/env bash\nif true; then\n"}, 1),
    ("a Python script that does not parse", "scripts", {"script/a": "#!/usr/bin/env python3\ndef f(:\n"}, 1),
    ("scripts that parse", "scripts",
     {"script/a": "#!/usr/bin/env bash\ntrue\n", "script/b": "#!/usr/bin/env python3\nf()\n"}, 0),
    ("a path of one machine", "machine-paths", {"docs/a.md": "See " + "/home" + "/me/notes.\n"}, 1),
    ("a path of every machine", "machine-paths", {"docs/a.md": "See /usr/share/doc.\n"}, 0),
    ("a leftover", "leftovers", {"edge/base/a.cc": "// TODO: more\n"}, 1),
    ("a docker/ without fault", "containers", compose_of(), 0),
    ("an image that copies what is not there", "containers", compose_of(Dockerfile=("COPY edge edge", "COPY edje edge")), 1),
    ("an image that builds what is no program", "containers", compose_of(Dockerfile=("target edge", "target edje")), 1),
    ("an image from a stage that is not there", "containers", compose_of(Dockerfile=("from=build", "from=built")), 1),
    ("a node that runs as root", "containers", compose_of(Dockerfile=("USER perigee", "USER root")), 2),
    ("a node without a health check", "containers", compose_of(Dockerfile=("HEALTHCHECK CMD true\n", "")), 1),
    ("a service of a stage that is not there", "containers", compose_of(compose=("{target: node}\n    command", "{target: nod}\n    command")), 1),
    ("a service that mounts what is not there", "containers", compose_of(compose=("./node.toml", "./nodes.toml")), 1),
    ("a port that nothing listens on", "containers", compose_of(compose=("127.0.0.1:1:8", "127.0.0.1:1:80")), 1),
    ("a port open to the world", "containers", compose_of(compose=("127.0.0.1:1:8", "1:8")), 1),
    ("a node at another address than its topology says", "containers", compose_of(compose=("address: 10.0.0.1", "address: 10.0.0.9")), 4),
    ("a node that is no service", "containers", compose_of(compose=("eu-1:\n", "eu-9:\n")), 2),
    ("a node under another name", "containers", compose_of(compose=('"--node", "eu-1"', '"--node", "eu-2"')), 1),
    ("a scrape of nobody", "containers", compose_of(prometheus=(":9", ":10")), 1),
    ("an origin elsewhere", "containers", compose_of(node=("10.0.0.2", "10.0.0.3")), 1),
]


def run():
    passed = failed = 0
    for name, rule, files, expected in CASES:
        with tempfile.TemporaryDirectory() as root:
            for path, text in {".clang-format": FORMAT, **files}.items():
                target = Path(root, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
            found = rules.ALL[rule].find(Tree(root))
        if len(found) == expected:
            passed += 1
        else:
            failed += 1
            print(f"self-test: {name}: {rule} found {len(found)}, expected {expected}: {[str(f.text) for f in found]}")
    untested = set(rules.ALL) - {rule for _, rule, _, expected in CASES if expected}
    for rule in sorted(untested):
        failed += 1
        print(f"self-test: no violation of {rule} is planted")
    return passed, failed
