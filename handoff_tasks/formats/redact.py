"""Mask secrets of the caller's environment in text and in output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MASK = "***"
_SHORTEST = 8
# Names of secrets. AUTHOR is a person, and a name with such an ending is a place.
_NAME = re.compile(
    r"TOKEN|SECRET|PASSW|CREDENTIAL|(?:API|ACCESS|PRIVATE)_?KEY|AUTH(?!OR)", re.IGNORECASE
)
_PLACE = re.compile(r"(?:SOCK|FILE|PATH|DIR)\Z", re.IGNORECASE)
_PASSWORD = re.compile(r"\A[a-z][a-z0-9+.-]*://[^/@:\s]*:([^/@\s]+)@", re.IGNORECASE)


def secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that look like secrets, the longest first.

    By their variable's name, or as a password in an address.

    Values of fewer than eight characters are not among them: they would mask too much of the text.
    """
    found = set()
    for name, value in environment.items():
        if _NAME.search(name) and not _PLACE.search(name):
            found.add(value.strip())
        if password := _PASSWORD.match(value):
            found.add(password[1])
    return tuple(
        sorted(
            (value for value in found if len(value) >= _SHORTEST),
            key=lambda value: (-len(value), value),
        )
    )


def mask(text: str, values: Sequence[str]) -> str:
    """Return the text with these values masked."""
    for value in values:
        text = text.replace(value, MASK)
    return text


def mask_bytes(data: bytes, values: Sequence[str]) -> bytes:
    """Return output with these values masked."""
    for value in values:
        data = data.replace(value.encode("utf-8", "surrogateescape"), MASK.encode())
    return data
