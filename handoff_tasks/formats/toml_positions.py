"""Find the line of a value in a TOML text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.formats import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

_STRING = r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'"
_TOKEN = re.compile(
    rf"(?P<string>{_STRING})|(?P<comment>#[^\n]*)|(?P<sign>[\[\]{{}}=,.\n])|(?P<word>[^\s\[\]{{}}=,.#\"']+)",
    re.DOTALL,
)
Path = tuple[str | int, ...]


def line_of(text: str, pointer: str) -> int | None:
    """Return the line, from 1, of the value that a JSON pointer (RFC 6901) names.

    If the text does not contain it, the line of the nearest table or value around it; None if the
    text does not contain the first part of the pointer.
    """
    wanted = tuple(schemas.pointer_parts(pointer))
    best, found = 0, None
    for path, line in _places(text):
        known = tuple(map(str, path))
        # Of a table that has no header, the first place that names it.
        common = next(
            (size for size in range(len(known), best, -1) if wanted[:size] == known[:size]), best
        )
        if common > best:
            best, found = common, line
    return found


def _places(text: str) -> Iterator[tuple[Path, int]]:
    """Yield path and line of each table, key and array item, in the order of the text."""
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
    """Return the path of a header; the name of an array of tables means its last table."""
    path: Path = ()
    for number, key in enumerate(keys):
        path = (*path, key)
        if path in counts and number < len(keys) - 1:
            path = (*path, counts[path])
    return path


def _value(tokens: _Tokens, path: Path) -> Iterator[tuple[Path, int]]:
    """Consume one value; yield what an array or an inline table contains."""
    mark = tokens.peek()
    if mark == "[":
        tokens.take()
        number = 0
        while (mark := tokens.after_breaks()) not in (None, "]"):
            # Skip a closing bracket without an opening one.
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
        # A date may contain a space and a number a point, so a plain value may be many tokens.
        while tokens.peek() not in (None, "\n", ",", "]", "}"):
            tokens.take()


class _Tokens:
    """The tokens of a text without comments; ``line`` is the line of the last token taken."""

    def __init__(self, text: str) -> None:
        self._matches = [match for match in _TOKEN.finditer(text) if match.lastgroup != "comment"]
        self._text = text
        self._next = 0
        self._counted, self.line = 0, 1

    def peek(self) -> str | None:
        """Return the next token; None at the end."""
        return self._matches[self._next][0] if self._next < len(self._matches) else None

    def take(self) -> str:
        """Consume and return the next token; the empty text at the end."""
        if self._next >= len(self._matches):
            return ""
        self.line = self.line_ahead()
        self._next += 1
        return self._matches[self._next - 1][0]

    def line_ahead(self) -> int:
        """Return the line of the next token."""
        if self._next >= len(self._matches):
            return self.line
        start = self._matches[self._next].start()
        line = self.line + self._text.count("\n", self._counted, start)
        self._counted, self.line = start, line
        return line

    def after_breaks(self) -> str | None:
        """Skip line breaks; return the next token."""
        while self.peek() == "\n":
            self.take()
        return self.peek()

    def keys(self, end: str) -> list[str]:
        """Consume a dotted key up to ``end``; return its parts."""
        found = []
        while self.peek() not in (None, end, "\n"):
            mark = self.take()
            if mark == ".":
                continue
            found.append(mark[1:-1] if mark[0] in "\"'" else mark)
        return found
