"""The files of a source tree, read once each."""
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from . import cpp

SKIPPED = {".git", "build", "node_modules", "__pycache__", ".cache"}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str


class Source:
    """One file: its text, and for C++ its text without comments and literals (same lines, same columns)."""

    def __init__(self, root, path):
        self.path = path
        self.folder = os.path.dirname(path)
        self.name = os.path.basename(path)
        self.extension = os.path.splitext(path)[1]
        self.text = (root / path).read_text(encoding="utf-8", errors="replace")

    @cached_property
    def lines(self):
        return self.text.split("\n")

    @cached_property
    def code(self):
        """Comments and literals blanked."""
        return cpp.blank(self.text)

    @cached_property
    def without_comments(self):
        return cpp.blank(self.text, literals=False)

    @cached_property
    def functions(self):
        return list(cpp.functions(self.code))

    @cached_property
    def includes(self):
        return list(cpp.includes(self.text))

    @property
    def is_cpp(self):
        return self.extension in (".cc", ".h")

    @property
    def is_header(self):
        return self.extension == ".h"

    @property
    def is_python(self):
        return self.extension == ".py" or self._interpreter("python")

    @property
    def is_shell(self):
        return self.extension == ".sh" or self._interpreter("bash") or self._interpreter("sh")

    def _interpreter(self, name):
        first = self.lines[0]
        return first.startswith("#!") and (first.endswith("/" + name) or name in first.replace("/", " ").split()
                                           or f" {name}3" in first)

    def under(self, *folders):
        return any(self.path == folder or self.path.startswith(folder + "/") for folder in folders)

    def line_at(self, offset):
        return self.text.count("\n", 0, offset) + 1


class Tree:
    def __init__(self, root):
        self.root = Path(root)

    @cached_property
    def sources(self):
        return [Source(self.root, path) for path in self._paths()]

    @property
    def cpp(self):
        return [source for source in self.sources if source.is_cpp]

    def _paths(self):
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if name not in SKIPPED]
            for name in sorted(set(names) - SKIPPED):
                path = os.path.join(folder, name)
                if not os.path.islink(path) and self._is_text(path):
                    found.append(os.path.relpath(path, self.root))
        return sorted(found)

    @staticmethod
    def _is_text(path):
        if os.path.getsize(path) > 1 << 20:
            return False
        with open(path, "rb") as file:
            return b"\0" not in file.read(4096)
