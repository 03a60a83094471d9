"""Read and write the length-prefixed strings of SSH's formats."""

from __future__ import annotations

import base64
import binascii


class Malformed(ValueError):
    """The bytes end before a value does, or hold another value than the format has there."""


class Reader:
    """Takes values from the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes. Raises `Malformed` when fewer are left."""
        end = self._at + count
        if end > len(self._data):
            raise Malformed("it ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self) -> int:
        """Return the next number, which has 32 bits. Raises `Malformed`."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Return the next string. Raises `Malformed`."""
        return self.take(self.number())

    def finish(self) -> None:
        """Raise `Malformed` unless all bytes have been taken."""
        if self._at < len(self._data):
            raise Malformed("more bytes follow than the format has")


def read_base64(text: str, altchars: bytes = b"+/") -> bytes:
    """Return the bytes of base64 in its one exact form; ``altchars`` are its last two characters.

    Raises `Malformed`, which says what the text is not.
    """
    try:
        data = base64.b64decode(text, altchars=altchars, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("not base64") from None
    if base64.b64encode(data, altchars=altchars).decode() != text:
        raise Malformed("not base64 in its one exact form")
    return data


def string(data: bytes) -> bytes:
    """Return ``data`` with its length before it."""
    return len(data).to_bytes(4, "big") + data
