"""Every rule of script/check: a name, a sentence, and a function from a tree to its findings."""
import ast
import os
import re
import shutil
import subprocess

from . import containers, cpp, layers
from .tree import Finding

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
OURS = ("edge", "origin", "bench")

ALL = {}


class Rule:
    def __init__(self, says, find):
        self.says = says
        self.find = find


def rule(name, says):
    def register(function):
        ALL[name] = Rule(says, lambda tree: list(function(tree)))
        return function
    return register


def matches(source, text, pattern, says):
    for match in pattern.finditer(text):
        yield Finding(source.path, source.line_at(match.start()), says.format(match.group().strip()))


@rule("format", "every C++ file is as clang-format leaves it")
def check_format(tree):
    paths = [source.path for source in tree.cpp]
    program = shutil.which("clang-format") or shutil.which("clang-format-14")
    if program is None:
        yield Finding("script/check", 1, "no clang-format here; expected it from script/setup")
        return
    batches = [paths[start:start + 16] for start in range(0, len(paths), 16)]
    width = os.cpu_count() or 1
    for start in range(0, len(batches), width):
        running = [subprocess.Popen([program, "--dry-run", "--style=file", *batch], cwd=tree.root, text=True,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                   for batch in batches[start:start + width]]
        for process in running:
            seen = set()
            for path, line in re.findall(r"^([^:\n]+):(\d+):\d+: (?:warning|error)", process.communicate()[1],
                                         re.MULTILINE):
                if path not in seen:
                    seen.add(path)
                    yield Finding(path, int(line), "is not formatted; script/fmt does it")


@rule("arrows", "a folder includes only what stands below it")
def check_arrows(tree):
    for source in tree.cpp:
        for line, quoted, path in source.includes:
            if not quoted:
                continue
            if not (tree.root / path).is_file():
                yield Finding(source.path, line, f"includes \"{path}\", which is no path from the root")
            elif not layers.may_include(source.folder, path):
                yield Finding(source.path, line, f"{source.folder} must not include \"{path}\"")


@rule("headers-banned", "library headers stay behind the seam that owns them")
def check_banned(tree):
    for source in tree.cpp:
        for line, quoted, path in source.includes:
            for banned in layers.BANNED:
                if not quoted and banned.covers(path) and not banned.allows(source.path):
                    yield Finding(source.path, line, f"<{path}> has no place here: {banned.why}")


@rule("clock", "below and above edge/net time is a parameter, never read")
def check_clock(tree):
    for source in tree.cpp:
        if source.under(*layers.CLOCK_FREE):
            yield from matches(source, source.code, layers.CLOCK, "reads a clock: {}")


@rule("function-length", f"a function has at most {FUNCTION_LINES_MAX} lines")
def check_function_length(tree):
    for source in tree.sources:
        found = source.functions if source.is_cpp else python_functions(source) if source.is_python else ()
        for function in found:
            if function.length > FUNCTION_LINES_MAX:
                yield Finding(source.path, function.first_line,
                              f"{function.name} has {function.length} lines, expected at most {FUNCTION_LINES_MAX}")


def python_functions(source):
    for node in ast.walk(parsed(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield cpp.Function(node.name, node.lineno, node.end_lineno, 0, 0)


def parsed(source):
    try:
        return ast.parse(source.text)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])  # the scripts rule says so


@rule("file-length", f"a source file has at most {FILE_LINES_MAX} lines")
def check_file_length(tree):
    for source in tree.sources:
        if (source.is_cpp or source.is_python or source.is_shell) and len(source.lines) - 1 > FILE_LINES_MAX:
            yield Finding(source.path, FILE_LINES_MAX + 1,
                          f"has {len(source.lines) - 1} lines, expected at most {FILE_LINES_MAX}")


CPP_SLEEP = re.compile(r"\bsleep_(?:for|until)\b|\b(?:u|nano|clock_nano)?sleep\s*\(")
PYTHON_SLEEP = re.compile(r"\b(?:time|asyncio)\s*\.\s*sleep\b|\bimport\s+sleep\b|[\"']sleep\b")
SHELL_SLEEP = re.compile(r"(?:^|[;&|(`]|\bdo|\bthen|\belse)[ \t]*sleep[ \t]+\S", re.MULTILINE)


@rule("no-sleep", "nothing sleeps: not a test, not the program")
def check_sleep(tree):
    for source in tree.sources:
        if source.is_cpp:
            yield from matches(source, source.code, CPP_SLEEP, "sleeps ({}); wait for the event itself")
        elif source.is_python and not source.under("script/checks"):
            yield from matches(source, source.text, PYTHON_SLEEP, "sleeps ({}); wait for the event itself")
        elif source.is_shell:
            yield from matches(source, source.text, SHELL_SLEEP, "sleeps ({}); wait for the event itself")


LOOPBACK = r"(?:127(?:\.\d{1,3}){3}|0\.0\.0\.0|localhost|\[::1?\])"
FIXED_PORTS = re.compile(
    rf"(?<![\w.]){LOOPBACK}:[1-9]\d{{0,4}}\b"
    r"|\.bind\(\s*\(\s*[^,()]*,\s*[1-9]\d*\b|\bhtons\(\s*[1-9]\d*|\blisten\s+[1-9]\d*\s*;|(?:--)port[ =\"',]+[1-9]\d*")
REAL_SOCKETS = re.compile(r'#\s*include\s*(?:<sys/socket\.h>|"edge/net/uv_\w+\.h")')


@rule("no-fixed-port", "a test on real sockets listens on port 0")
def check_ports(tree):
    for source in tree.sources:
        if not source.under("tests"):
            continue
        real = source.under("tests/system", "tests/conformance")
        if source.is_cpp and (real or REAL_SOCKETS.search(source.text)):
            yield from matches(source, source.without_comments, FIXED_PORTS, "fixes a port ({}); bind port 0")
        elif real and source.extension in (".py", ".sh", ".mjs", ".js", ".toml", ".conf", ".vtc"):
            yield from matches(source, source.text, FIXED_PORTS, "fixes a port ({}); bind port 0")


@rule("own-header-first", "a .cc includes its own header before anything else")
def check_own_header(tree):
    headers = {source.path for source in tree.cpp if source.is_header}
    for source in tree.cpp:
        own = source.path[:-3] + ".h"
        if source.is_header or own not in headers:
            continue
        line, quoted, path = source.includes[0] if source.includes else (1, False, "nothing")
        if not quoted or path != own:
            yield Finding(source.path, line, f"includes {path} first, expected its own \"{own}\"")


@rule("header-comment", "a header opens with what it is for and its thread rule, and has #pragma once")
def check_header_comment(tree):
    for source in tree.cpp:
        if not source.is_header:
            continue
        opening = re.match(r"(?:[ \t]*//[^\n]*\n|\s*\n)*", source.text).group()
        if "//" not in opening:
            yield Finding(source.path, 1, "opens without a comment that says what it is for")
        elif source.under(*OURS) and not re.search(r"\bthread rule\b", opening, re.IGNORECASE):
            yield Finding(source.path, 1, "its opening comment has no \"Thread rule\"")
        if not re.search(r"^#pragma once$", source.without_comments, re.MULTILINE):
            yield Finding(source.path, 1, "has no #pragma once")


CASE = re.compile(r"^(?:TEMPLATE_)?(?:TEST_CASE|SCENARIO)(?:_METHOD|_SIG)*$|^TEST_CASE_PERSISTENT_FIXTURE$")
ASSERTION = re.compile(r"\b(?:STATIC_)?(?:REQUIRE|CHECK)(?:_[A-Z_]+)?\s*\((?!\s*true\s*\))|\bFAIL(?:_CHECK)?\s*\(|\.expect\w*\s*\(")


@rule("assertions", "every test case asserts something")
def check_assertions(tree):
    tests = [source for source in tree.cpp if source.under("tests")]
    asserting = asserting_helpers(tests)
    for source in tests:
        for function in source.functions:
            if CASE.match(function.name) and not asserts(source.code[function.body_start:function.body_end], asserting):
                yield Finding(source.path, function.first_line, "a test case that asserts nothing")
    for source in tree.sources:
        if source.is_python and source.under("tests") and source.name.endswith("_test.py"):
            yield from python_tests_without_assertion(source)


def asserting_helpers(tests):
    """Names of the functions that assert, directly or through each other."""
    bodies = {}
    for source in tests:
        for function in source.functions:
            if not CASE.match(function.name):
                name = function.name.rpartition("::")[2]
                bodies[name] = bodies.get(name, "") + source.code[function.body_start:function.body_end]
    known = set()
    while new := {name for name, body in bodies.items() if name not in known and asserts(body, known)}:
        known |= new
    return known


def asserts(body, helpers):
    return bool(ASSERTION.search(body)) or any(word in helpers for word in re.findall(r"\b(\w+)\s*\(", body))


def python_tests_without_assertion(source):
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            body = ast.get_source_segment(source.text, node) or ""
            if not re.search(r"\b(?:assert\w*|expect\w*|check\w*|fail)\b", body.partition(":")[2]):
                yield Finding(source.path, node.lineno, f"{node.name} asserts nothing")


@rule("scripts", "every script parses: bash -n, and Python by its own parser")
def check_scripts(tree):
    for source in tree.sources:
        if source.is_shell:
            result = subprocess.run(["bash", "-n", source.path], cwd=tree.root, capture_output=True, text=True)
            if result.returncode != 0:
                line = re.search(r"line (\d+)", result.stderr)
                yield Finding(source.path, int(line.group(1)) if line else 1, result.stderr.strip().split("\n")[0])
        elif source.is_python:
            try:
                ast.parse(source.text)
            except SyntaxError as error:
                yield Finding(source.path, error.lineno or 1, f"is no Python: {error.msg}")


MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|work|Users)/[\w.-]+")


@rule("containers", "docker/ names only what is there: files, stages, programs, addresses, ports; nothing runs as root")
def check_containers(tree):
    yield from containers.check(tree)


@rule("machine-paths", "no path of one machine")
def check_paths(tree):
    for source in tree.sources:
        if not source.under("script/checks"):
            yield from matches(source, source.text, MACHINE_PATH, "names a path of one machine: {}")


LEFTOVER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


@rule("leftovers", "nothing is left to be done later in a comment")
def check_leftovers(tree):
    for source in tree.sources:
        if (source.is_cpp or source.is_python or source.is_shell) and not source.under("script/checks"):
            yield from matches(source, source.text, LEFTOVER, "a leftover: {}")
