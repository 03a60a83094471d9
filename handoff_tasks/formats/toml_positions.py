"""Find the line of a value in a TOML text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRING = r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'"
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<comment>#[^\n]*)|(?P<sign>[\[\]{{}}=,.\n])|(?P<word>[^\s\[\]{{}}=,.#\"']+)",
    re.DOTALL,
)
Path = tuple[str | int, ...]


def line_of(text: str, pointer: str) -> int | None:
    """Return the line, from 1, at which what a JSON pointer (RFC 6901) names stands in a TOML text, or what holds it does.

    None when not even the first part of the pointer is written there.
    """
    wanted = tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
    best, found = 0, None
    for path, line in _places(text):
        known = tuple(map(str, path))
        # Of a table that is only spoken of, the first place that speaks of it.
        common = next(
            (size for size in range(len(known), best, -1) if wanted[:size] == known[:size]), best
        )
        if common > best:
            best, found = common, line
    return found


def _places(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the path of each table, key and item of an array, with its line, in the order of the text."""
    tokens = _Tokens(text)
    table: Path = ()
    counts: dict[Path, int] = {}
    while (mark := tokens.peek()) is not None:
        if mark == "\n":
            tokens.take()
        elif mark == "[":
            tokens.take()
            many = tokens.peek() == "[" and bool(tokens.take())
            line = tokens.line
            table = _resolved(tokens.keys("]"), counts)
            tokens.take()
            if many:
                tokens.take()
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield table, line
        else:
            line = tokens.line_ahead()
            path = (*table, *tokens.keys("="))
            tokens.take()
            yield path, line
            yield from _value(tokens, path)


def _resolved(keys: list[str], counts: dict[Path, int]) -> Path:
    """Return the path of a header: an array of tables on the way stands for its last table."""
    path: Path = ()
    for number, key in enumerate(keys):
        path = (*path, key)
        if path in counts and number < len(keys) - 1:
            path = (*path, counts[path])
    return path


def _value(tokens: _Tokens, path: Path) -> Iterator[tuple[Path, int]]:
    """Walk over one value, yielding what stands in an array or an inline table."""
    mark = tokens.peek()
    if mark == "[":
        tokens.take()
        number = 0
        while (mark := tokens.after_breaks()) not in (None, "]"):
            # A bracket that closes what was never opened is no value: it is passed over, too.
            if mark in (",", "}"):
                tokens.take()
                continue
            yield (*path, number), tokens.line_ahead()
            yield from _value(tokens, (*path, number))
            number += 1
        tokens.take()
    elif mark == "{":
        tokens.take()
        while (mark := tokens.after_breaks()) not in (None, "}"):
            if mark == ",":
                tokens.take()
                continue
            line = tokens.line_ahead()
            inner = (*path, *tokens.keys("="))
            tokens.take()
            yield inner, line
            yield from _value(tokens, inner)
        tokens.take()
    else:
        # A date may have a space, a number a point: all that is left of a plain value.
        while tokens.peek() not in (None, "\n", ",", "]", "}"):
            tokens.take()


class _Tokens:
    """The tokens of a text without comments; ``line`` is that of the last one taken."""

    def __init__(self, text: str) -> None:
        self._found = [match for match in _TOKEN.finditer(text) if match.lastgroup != "comment"]
        self._text = text
        self._next = 0
        self._counted, self.line = 0, 1

    def peek(self) -> str | None:
        """Return the next mark; None at the end."""
        return self._found[self._next][0] if self._next < len(self._found) else None

    def take(self) -> str:
        """Return the next mark and go on; the empty text at the end."""
        if self._next >= len(self._found):
            return ""
        self.line = self.line_ahead()
        self._next += 1
        return self._found[self._next - 1][0]

    def line_ahead(self) -> int:
        """Return the line of the next mark."""
        if self._next >= len(self._found):
            return self.line
        start = self._found[self._next].start()
        line = self.line + self._text.count("\n", self._counted, start)
        self._counted, self.line = start, line
        return line

    def after_breaks(self) -> str | None:
        """Return the next mark that is no line break."""
        while self.peek() == "\n":
            self.take()
        return self.peek()

    def keys(self, end: str) -> list[str]:
        """Take a dotted key up to ``end``, which is left."""
        found = []
        while self.peek() not in (None, end, "\n"):
            mark = self.take()
            if mark == ".":
                continue
            found.append(mark[1:-1] if mark[0] in "\"'" else mark)
        return found
