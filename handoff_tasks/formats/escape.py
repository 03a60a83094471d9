"""Escape text from outside, so that terminals and CI services do not act on it.

Control, bidirectional and zero-width characters become escapes. So do the line commands of CI
services: ``##[add-mask]`` (GitHub), ``##vso[`` (Azure Pipelines) and ``##teamcity[``. Each output
format escapes its own markup besides.
"""

from __future__ import annotations

import re

# As the inside of a character class: controls from U+007F on, bidirectional characters, and those
# that take no room or show nothing (Unicode's Cf, Zl, Zp and Default_Ignorable_Code_Point), written
# out here since Python's own table is another in each version. Variation selectors are not among
# them: with one, a sign is drawn in colour.
INVISIBLE = (
    "\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Control characters but line feed and tab, and what is not seen; the first # of a CI service's
# command.
_CONTROL = re.compile(rf"[\x00-\x08\x0b-\x1f{INVISIBLE}]|#(?=#[a-z]*\[)")
# What needs no second look: to delete these and find nothing left is many times faster than to
# search.
_PLAIN = bytes([*b"\t\n", *range(0x20, 0x7F)])
# Lone surrogates that do not represent a byte (PEP 383).
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def printable(text: str) -> str:
    """Return text as one line, with every control sequence escaped."""
    text = _NO_BYTE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return escape(text.encode("utf-8", "surrogateescape").replace(b"\n", b"\\n")).decode(
        "utf-8", "backslashreplace"
    )


def escape(data: bytes) -> bytes:
    """Return UTF-8 with control sequences escaped.

    Line feed, tab and bytes that are not UTF-8 stay.
    """
    if not data.translate(None, _PLAIN) and b"##" not in data:
        return data
    return _CONTROL.sub(_escape_character, data.decode("utf-8", "surrogateescape")).encode(
        "utf-8", "surrogateescape"
    )


def escape_json(text: str) -> str:
    """Return a JSON text with the same characters written as JSON escapes.

    Parsed, it is the same document.
    """
    return _CONTROL.sub(
        lambda match: re.sub("....", r"\\u\g<0>", match[0].encode("utf-16-be").hex()), text
    )


def _escape_character(match: re.Match[str]) -> str:
    number = ord(match[0])
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
