"""Parse JSON strictly: UTF-8, unique keys, whole numbers, limited depth and size.

An error names line, column and JSON pointer.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from handoff_tasks.limits import MAX_BYTES
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from typing import NoReturn

    from handoff_tasks.problems import HandoffError

MAX_DEPTH = 64
MAX_INTEGER = 2**53 - 1
SURROGATE = re.compile("[\ud800-\udfff]")
_STRING = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"-?[A-Za-z]+")
# The standard library's messages about strings, and ours.
_STRINGS = {
    "Invalid control character": "a control character in a string",
    "Invalid \\": "an invalid escape",
    "Unterminated string": "an unterminated string",
}
_CLOSED = {"{": "}", "[": "]"}


class Fault(Exception):
    """A fault: its message, its offset in the text, and the JSON pointer of its value or key."""

    def __init__(self, message: str, offset: int, pointer: str) -> None:
        self.message, self.offset, self.pointer = message, offset, pointer
        super().__init__(message)


def find_fault(text: str) -> Fault | None:
    """Return the first fault of a text; None if it has none."""
    try:
        end = _space(text, _value(text, 0, "", 1))
        if end < len(text):
            raise Fault("not JSON: unexpected text after the document", end, "")
    except Fault as fault:
        return fault
    return None


def too_big(literal: str) -> bool:
    """Return whether an integer is beyond ±(2^53 - 1), which every reader keeps exactly.

    The limit is that of RFC 8785, section 3.2.2.3.
    """
    # A sign, and the 16 digits of 2^53 - 1.
    return len(literal) > 17 or abs(int(literal)) > MAX_INTEGER


def _value(text: str, at: int, pointer: str, depth: int) -> int:
    """Check one value; return the offset after it."""
    at = _space(text, at)
    mark = text[at : at + 1]
    if mark in _CLOSED and depth > MAX_DEPTH:
        raise Fault(f"the document nests deeper than {MAX_DEPTH} levels", at, pointer)
    match mark:
        case "{" | "[":
            return _items(text, at, pointer, depth)
        case '"':
            return _string(text, at, pointer)[1]
    for word in ("null", "true", "false"):
        if text.startswith(word, at):
            return at + len(word)
    if found := _NUMBER.match(text, at):
        if found[1] or found[2]:
            raise Fault(f"{found[0][:40]} is a float; only whole numbers are expected", at, pointer)
        if too_big(found[0]):
            raise Fault(f"the integer {found[0][:20]} is beyond 2^53 - 1", at, pointer)
        return found.end()
    word = found[0] if (found := _WORD.match(text, at)) else ""
    if word in ("NaN", "Infinity", "-Infinity"):
        raise Fault(f"{word} is not JSON", at, pointer)
    raise Fault("not JSON: expected a value", at, pointer)


def _items(text: str, at: int, pointer: str, depth: int) -> int:
    """Check an object or array whose opening bracket is at ``at``; return the offset after it."""
    opened = text[at]
    closed = _CLOSED[opened]
    keys: set[str] = set()
    number = 0
    at = _space(text, at + 1)
    if text.startswith(closed, at):
        return at + 1
    while True:
        inner = f"{pointer}/{number}"
        if opened == "{":
            if not text.startswith('"', at):
                raise Fault("not JSON: expected a key in double quotes", at, pointer)
            key, end = _string(text, at, pointer)
            inner = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in keys:
                raise Fault(f"duplicate key {json.dumps(key[:80], ensure_ascii=False)}", at, inner)
            keys.add(key)
            at = _space(text, end)
            if not text.startswith(":", at):
                raise Fault("not JSON: expected ':' after a key", at, inner)
            at += 1
        at = _space(text, _value(text, at, inner, depth + 1))
        if text.startswith(closed, at):
            return at + 1
        if not text.startswith(",", at):
            raise Fault(f"not JSON: expected ',' or '{closed}'", at, pointer)
        at = _space(text, at + 1)
        number += 1


def _string(text: str, at: int, pointer: str) -> tuple[str, int]:
    """Return the string whose opening quote is at ``at``, and the offset after it."""
    try:
        value, end = _STRING.raw_decode(text, at)
    except json.JSONDecodeError as error:
        said = next(
            (said for start, said in _STRINGS.items() if error.msg.startswith(start)), error.msg
        )
        raise Fault(f"not JSON: {said}", error.pos, pointer) from None
    if SURROGATE.search(value):
        raise Fault("a string contains a lone surrogate", at, pointer)
    return value, end


def _space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


# Text decoded from UTF-8 contains a surrogate only as an escape.
_WRITTEN_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# A string (if unterminated, up to the end of the text, so the scan is linear) or a bracket.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


class _Refused(Exception):
    pass


def read(data: bytes, where: str, *, code: str = "HP002") -> object:
    """Return the JSON value in ``data``.

    ``where`` names the document in messages; ``code`` is the problem code of a refusal. Raises
    `HandoffError` with one problem, whose place is ``where:line:column#pointer`` (the pointer as in
    RFC 6901).
    """

    def refuse(
        message: str, text: str = "", offset: int | None = None, pointer: str = ""
    ) -> HandoffError:
        place = where
        if offset is not None:
            place += (
                f":{text.count(chr(10), 0, offset) + 1}:{offset - text.rfind(chr(10), 0, offset)}"
            )
        place += f"#{pointer[:200]}" if pointer else ""
        return refusal(
            code, place, message, "write the document as plain JSON in UTF-8 and try again"
        )

    if len(data) > MAX_BYTES:
        raise refuse(f"the document has {len(data)} bytes; at most {MAX_BYTES} are read")
    if data.startswith(b"\xef\xbb\xbf"):
        raise refuse("the document starts with a byte order mark; expected plain UTF-8", "", 0)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        cut = find_fault(before)
        raise refuse(
            f"byte {error.start} is not UTF-8", before, len(before), cut.pointer if cut else ""
        ) from None
    try:
        if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
            _refuse(text)
        value: object = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_refuse,
            parse_constant=_refuse,
            parse_int=_integer,
        )
        if _WRITTEN_SURROGATE.search(text) and SURROGATE.search(
            json.dumps(value, ensure_ascii=False)
        ):
            _refuse(text)
    except (json.JSONDecodeError, _Refused):
        fault = find_fault(text)
        if fault is None:
            raise
        raise refuse(fault.message, text, fault.offset, fault.pointer) from None
    return value


def _refuse(_found: str) -> NoReturn:
    raise _Refused


def _integer(literal: str) -> int:
    return _refuse(literal) if too_big(literal) else int(literal)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _refuse("")


def _depth(text: str) -> int:
    """Return how deep brackets nest outside of strings, without recursion."""
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest
