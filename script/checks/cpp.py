"""Just enough of C++ to find functions and includes without a compiler."""
import re
from dataclasses import dataclass

TOKENS = re.compile(
    r'(?P<comment>//[^\n]*|/\*.*?\*/)'
    r'|(?P<raw>R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)")'
    r'|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<char>(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+')",
    re.DOTALL)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE | re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
TEMPLATE = re.compile(r"^\s*template\s*<")
TYPE = re.compile(r"^\s*(?:typedef\s+|static\s+|inline\s+|constexpr\s+|\[\[.*?\]\]\s*)*(?:class|struct|union|enum)\b")
MEMBER_INITIALISER = re.compile(r"\)\s*(?:noexcept\s*(?:\([^()]*\))?\s*)?(?:try\s*)?:(?!:).*[\w>]\s*$", re.DOTALL)
TAIL_WORDS = re.compile(r"\b(?:const|noexcept|override|final|try|mutable|volatile)\s*$")


def blank(text, literals=True):
    """The text with comments (and literals) as spaces; every newline stays where it is."""

    def spaces(match):
        if match.lastgroup != "comment" and match.group("comment") is None and not literals:
            return match.group()
        body = match.group()
        if match.group("comment") is None and match.group("char") is None:
            inner = re.sub(r"[^\n]", " ", body[1:-1])
            return '"' + inner + '"'
        return re.sub(r"[^\n]", " ", body)

    return TOKENS.sub(spaces, text)


def includes(text):
    """(line, is_quoted, path) of every include."""
    without_comments = blank(text, literals=False)
    for match in INCLUDE.finditer(without_comments):
        yield without_comments.count("\n", 0, match.start(1)) + 1, match.group(1) == '"', match.group(2)


@dataclass(frozen=True)
class Function:
    name: str
    first_line: int
    last_line: int
    body_start: int  # offsets of the braces in the text
    body_end: int

    @property
    def length(self):
        return self.last_line - self.first_line + 1


def functions(code):
    """Every function of blanked code at namespace or class scope; what a body nests counts as part of it."""
    code = PREPROCESSOR.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), code)
    line_starts = [0] + [match.end() for match in re.finditer("\n", code)]
    position = statement = 0
    pattern = re.compile(r"[{};]|\b(?:public|private|protected)\s*:(?!:)")
    while match := pattern.search(code, position):
        mark = match.group()
        position = match.end()
        if mark != "{":
            # A semicolon inside parentheses belongs to a statement that goes on.
            if mark != ";" or _balanced(code[statement:match.start()]):
                statement = position
            continue
        kind = _kind(_signature(code, statement, match.start()))
        if kind == "scope":
            statement = position
            continue
        end = _matching(code, match.start())
        position = end + 1
        if kind == "function":
            first = _first_character(code, statement)
            yield Function(_name(code[first:match.start()]), _line(line_starts, first), _line(line_starts, end),
                           match.start(), end)
            statement = position


def _signature(code, start, end):
    """The statement before a brace, nested braces (default arguments, member initialisers) cut out."""
    text = code[start:end]
    while (cut := re.sub(r"\{[^{}]*\}", "()", text)) != text:
        text = cut
    while TEMPLATE.match(text):
        text = _without_angles(text)
    return text


def _without_angles(text):
    depth = 0
    for index in range(text.index("<"), len(text)):
        depth += {"<": 1, ">": -1}.get(text[index], 0)
        if depth == 0:
            return text[index + 1:]
    return ""


def _balanced(text):
    return text.count("(") == text.count(")")


def _kind(signature):
    """What a brace after this statement opens: a scope to look into, a function, or a value to step over."""
    stripped = signature.strip()
    if not _balanced(stripped):
        return "value"
    if re.match(r"(?:inline\s+)?namespace\b", stripped) or re.match(r'extern\s+"\s*"\s*$', stripped):
        return "scope"
    if TYPE.match(stripped) and not re.search(r"\)\s*(?:const|noexcept|override|final|\s)*$", stripped):
        return "scope"
    if "(" not in stripped:
        return "value"
    flat = re.sub(r"\boperator\s*[^\w\s(]+|\boperator\s*\(\s*\)", "operator_", stripped)
    while (cut := re.sub(r"\([^()]*\)|\[[^\[\]]*\]", " ", flat)) != flat:
        flat = cut
    if "=" in flat:
        return "function" if stripped.endswith(")") or re.search(r"\)\s*->[^=]*$", stripped) else "value"
    if MEMBER_INITIALISER.search(stripped) and not TAIL_WORDS.search(stripped):
        return "value"
    return "function"


def _matching(code, opening):
    depth = 0
    for match in re.finditer(r"[{}]", code[opening:]):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return opening + match.start()
    return len(code) - 1


def _first_character(code, start):
    match = re.compile(r"\S").search(code, start)
    return match.start() if match else start


def _name(signature):
    match = re.search(r"((?:[\w~]+\s*::\s*)*(?:operator\s*[^\s(]*|~?\w+))\s*\(", signature)
    return match.group(1) if match else signature.strip()[:40]


def _line(starts, offset):
    low, high = 0, len(starts)
    while low + 1 < high:
        middle = (low + high) // 2
        if starts[middle] <= offset:
            low = middle
        else:
            high = middle
    return low + 1
