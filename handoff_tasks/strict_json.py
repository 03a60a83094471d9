"""Bytes to object: the one reader for every JSON document (DESIGN: reading JSON strictly).

Refused, each with line, column and JSON pointer: a byte order mark, bytes that are not UTF-8, duplicate keys, NaN and Infinity,
floats, integers beyond 2^53 - 1 (RFC 8785 and old readers lose them), lone surrogates, depth and size bombs. Knows no schema.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from handoff_tasks import json_fault
from handoff_tasks.errors import HandoffError, refusal
from handoff_tasks.json_fault import MAX_DEPTH, MAX_INTEGER, SURROGATE
from handoff_tasks.model import MAX_BYTES

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_INTEGER", "read"]


# Text that was UTF-8 holds a surrogate only where it is written so.
_WRITTEN_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# A string (one that never ends runs to the end of the text, so the scan stays linear) or a bracket.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


class _Refused(Exception):
    pass


def read(data: bytes, where: str, *, code: str = "HP002") -> object:
    """Return the JSON value in ``data``.

    ``where`` names the document in messages; ``code`` is the problem code of a refusal.
    Raises `HandoffError` with one problem, whose place is ``where:line:column#pointer`` (the pointer as in RFC 6901).
    """

    def refuse(message: str, text: str = "", offset: int | None = None, pointer: str = "") -> HandoffError:
        place = where
        if offset is not None:
            place += f":{text.count(chr(10), 0, offset) + 1}:{offset - text.rfind(chr(10), 0, offset)}"
        place += f"#{pointer[:200]}" if pointer else ""
        return refusal(code, place, message, "write the document as plain JSON in UTF-8 and try again")

    if len(data) > MAX_BYTES:
        raise refuse(f"the document has {len(data)} bytes; at most {MAX_BYTES} are read")
    if data.startswith(b"\xef\xbb\xbf"):
        raise refuse("the document starts with a byte order mark; expected plain UTF-8", "", 0)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        cut = json_fault.find(before)
        raise refuse(f"byte {error.start} is not UTF-8", before, len(before), cut.pointer if cut else "") from None
    try:
        if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
            _refuse(text)
        value: object = json.loads(text, object_pairs_hook=_object, parse_float=_refuse, parse_constant=_refuse, parse_int=_integer)
        if _WRITTEN_SURROGATE.search(text) and SURROGATE.search(json.dumps(value, ensure_ascii=False)):
            _refuse(text)
    except (json.JSONDecodeError, _Refused):
        fault = json_fault.find(text)
        if fault is None:
            raise
        raise refuse(fault.message, text, fault.offset, fault.pointer) from None
    return value


def _refuse(_found: str) -> NoReturn:
    raise _Refused


def _integer(literal: str) -> int:
    return _refuse(literal) if json_fault.too_big(literal) else int(literal)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _refuse("")


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
