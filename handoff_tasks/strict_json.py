"""Bytes to object: the one reader for every JSON document (DESIGN: reading JSON strictly).

Refused, each with its place: a byte order mark, bytes that are not UTF-8, duplicate keys, NaN and Infinity, floats, integers
beyond 2^53 - 1 (RFC 8785 and old readers lose them), lone surrogates, depth and size bombs. Knows no schema.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from handoff_tasks.errors import HandoffError, refusal

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1

_SURROGATE = re.compile("[\ud800-\udfff]")
# Text that was UTF-8 holds a surrogate only where it is written so.
_WRITTEN_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# A string (one that never ends runs to the end of the text, so the scan stays linear) or a bracket.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


class _Refused(Exception):
    pass


def read(data: bytes, where: str, *, code: str = "HP002") -> object:
    """Return the JSON value in ``data``.

    ``where`` names the document in messages; ``code`` is the problem code of a refusal.
    Raises `HandoffError` with one problem that names line and column where the parser knows them.
    """

    def refuse(message: str, place: str = "") -> HandoffError:
        return refusal(code, where + place, message, "write the document as plain JSON in UTF-8 and try again")

    if len(data) > MAX_BYTES:
        raise refuse(f"the document has {len(data)} bytes; at most {MAX_BYTES} are read")
    if data.startswith(b"\xef\xbb\xbf"):
        raise refuse("the document starts with a byte order mark; expected plain UTF-8", ":1:1")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse(f"byte {error.start} is not UTF-8") from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise refuse(f"the document nests deeper than {MAX_DEPTH} levels")
    try:
        value: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=lambda literal: _refuse(f"{literal} is a float; only whole numbers are expected"),
            parse_constant=lambda literal: _refuse(f"{literal} is not JSON"),
            parse_int=_integer,
        )
        if _WRITTEN_SURROGATE.search(text):
            _refuse_surrogates(value)
    except json.JSONDecodeError as error:
        raise refuse(f"not JSON: {error.msg}", f":{error.lineno}:{error.colno}") from None
    except _Refused as error:
        message, line = str(error), ""
        if (found := re.search(r"key (\"(?:[^\"\\]|\\.)*\")", message)) and 0 < text.count(found[1]) <= 2:
            line = f":{text.count(chr(10), 0, text.rindex(found[1])) + 1}"
        raise refuse(message, line) from None
    return value


def _refuse(message: str) -> NoReturn:
    raise _Refused(message)


def _integer(literal: str) -> int:
    if len(literal) > 17 or abs(int(literal)) > MAX_INTEGER:
        _refuse(f"the integer {literal[:20]} is beyond 2^53 - 1")
    return int(literal)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            _refuse(f"the key {json.dumps(key, ensure_ascii=False)} stands twice in one object")
        found[key] = value
    return found


def _refuse_surrogates(value: object) -> None:
    if isinstance(value, str) and _SURROGATE.search(value):
        _refuse("a string holds a lone surrogate")
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_surrogates(key)
            _refuse_surrogates(inner)
    if isinstance(value, list):
        for item in value:
            _refuse_surrogates(item)


def _depth(text: str) -> int:
    """Return how deep brackets nest, strings left out: cheap, and done before the recursive parser sees the text."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest
