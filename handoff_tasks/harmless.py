"""Text from outside, written so that nothing obeys it: control, bidirectional and zero-width characters become escapes.

So does what CI services obey wherever it stands in a line: ``##[add-mask]`` (GitHub's runner), ``##vso[`` (Azure Pipelines),
``##teamcity[``. Text in, text out; what a format such as HTML has to escape besides is that format's business.
"""

from __future__ import annotations

import re

# Control characters but line feed and tab; the first # of a CI service's command; in UTF-8: C1 controls, bidirectional and
# zero-width characters.
_OBEYED = re.compile(
    rb"[\x00-\x08\x0b-\x1f\x7f]|#(?=#[a-z]*\[)"
    rb"|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf"
)
# What needs no second look: to delete these and find nothing left is many times faster than to search.
_PLAIN = bytes([*b"\t\n", *range(0x20, 0x7F)])
# Lone surrogates that stand for no byte.
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def printable(text: str) -> str:
    """Return one line of text with everything that a terminal would obey written out."""
    text = _NO_BYTE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return escape(text.encode("utf-8", "surrogateescape").replace(b"\n", b"\\n")).decode("utf-8", "backslashreplace")


def escape(data: bytes) -> bytes:
    """Return UTF-8 with all that a terminal would obey written out; line feed and tab stay, and so do bytes that are no UTF-8."""
    if not data.translate(None, _PLAIN) and b"##" not in data:
        return data
    return _OBEYED.sub(lambda match: _written_out(match[0]), data)


def escape_json(text: str) -> str:
    """Return a JSON text with the same characters written as JSON escapes: the same document for whoever parses it."""
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0].decode()):04x}".encode(), text.encode()).decode()


def _written_out(found: bytes) -> bytes:
    number = ord(found.decode("utf-8"))
    return (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}").encode()
