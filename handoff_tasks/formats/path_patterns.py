"""Match paths against the patterns of a profile.

``folder/`` matches everything below the folder, ``*`` matches one name. Paths are relative and use
``/``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def select(patterns: Iterable[str], paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that match one of the patterns, sorted, without duplicates."""
    expression = re.compile(
        "|".join(_expression(pattern) for pattern in patterns) or r"(?!)", re.DOTALL
    )
    return tuple(sorted({path for path in paths if expression.match(path)}))


def overlap(one: str, other: str) -> bool:
    """Return whether a path may match both patterns.

    Names with ``*`` are compared by what stands before the first and after the last ``*``, so the
    answer may be true for two patterns that no path matches.
    """
    names, other_names = _names(one), _names(other)
    if not all(map(_names_overlap, names, other_names)):
        return False
    shorter = one if len(names) < len(other_names) else other
    return len(names) == len(other_names) or shorter.endswith("/")


def _names(pattern: str) -> list[str]:
    return [name for name in pattern.split("/") if name not in ("", ".")]


def _names_overlap(one: str, other: str) -> bool:
    """Return whether a name may match both names of patterns."""
    first, _, first_rest = one.partition("*")
    second, _, second_rest = other.partition("*")
    if "*" not in one and "*" not in other:
        return one == other
    starts = first.startswith(second) or second.startswith(first)
    first_end, second_end = first_rest.rpartition("*")[2], second_rest.rpartition("*")[2]
    if "*" not in one:
        first_end = one
    if "*" not in other:
        second_end = other
    return starts and (first_end.endswith(second_end) or second_end.endswith(first_end))


def _expression(pattern: str) -> str:
    body = "[^/]+".join(re.escape(part) for part in pattern.split("*"))
    return f"{body}." if pattern.endswith("/") else rf"{body}\Z"
