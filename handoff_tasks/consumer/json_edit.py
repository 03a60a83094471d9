"""Change texts in a JSON document and keep every other byte of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from handoff_tasks.formats import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}:,]|[^\s"\[\]{}:,]+')


def pointer_of(key: str) -> str:
    """Return the JSON pointer of a profile's key: itself, or a key of the top object."""
    return key if key.startswith("/") else schemas.pointer([key])


def text_places(text: str) -> dict[str, tuple[int, int]]:
    """Return where each text of a JSON document stands, by JSON pointer.

    The document must have been read by `strict_json`. Start and end include the quotes.
    """
    return {
        pointer: (start, end)
        for pointer, start, end in _scalars(text)
        if text.startswith('"', start)
    }


def written(value: str) -> str:
    """Return a text as JSON."""
    return json.dumps(value, ensure_ascii=False)


def _scalars(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield pointer, start and end of everything that is neither an object nor an array."""
    # Of each open object or array: the key or index that comes next.
    path: list[str | int] = []
    expects_key = False
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            path.append("" if mark == "{" else 0)
            expects_key = mark == "{"
        elif mark in "}]":
            path.pop()
            expects_key = False
        elif mark == ",":
            last = path[-1]
            expects_key = isinstance(last, str)
            if isinstance(last, int):
                path[-1] = last + 1
        elif mark == ":":
            expects_key = False
        elif expects_key:
            path[-1] = json.loads(mark)
        else:
            yield schemas.pointer(path), token.start(), token.end()
