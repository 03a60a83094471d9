"""Serialise documents to their published and their canonical bytes.

The canonical form follows RFC 8785. Digests are computed from it. Floats are refused where a digest
may be taken.
"""

from __future__ import annotations

import hashlib
import json


def published_bytes(document: object) -> bytes:
    """Return the one published form.

    UTF-8, two-space indent, keys in the order given, one newline at the end.

    Raises `ValueError` for floats and lone surrogates.
    """
    _refuse_floats(document)
    return result_bytes(document)


def result_bytes(document: object) -> bytes:
    """Return the published form of a document without a digest.

    As `published_bytes`, with floats.
    """
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(
        "utf-8"
    )


def canonical_bytes(document: object) -> bytes:
    """Return the canonical form of RFC 8785.

    Keys sorted by UTF-16 code units, no white space, UTF-8.

    Raises `ValueError` for floats (so RFC 8785's number rules need no code) and lone surrogates.
    """
    _refuse_floats(document)
    return json.dumps(
        _sorted(document), separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def digest(document: object) -> str:
    """Return ``sha256:<64 hex>`` of the canonical form."""
    return "sha256:" + hashlib.sha256(canonical_bytes(document)).hexdigest()


def fingerprint(document: object) -> str:
    """Return the first 16 hexadecimal digits of the sha256 of the canonical form."""
    return hashlib.sha256(canonical_bytes(document)).hexdigest()[:16]


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: _sorted(value[key])
            for key in sorted(value, key=lambda key: key.encode("utf-16-be"))
        }
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise ValueError(f"{value!r} is a float; no contract has one")  # noqa: TRY004 - the document is wrong, not the call
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)
