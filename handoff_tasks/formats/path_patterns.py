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


def _expression(pattern: str) -> str:
    body = "[^/]+".join(re.escape(part) for part in pattern.split("*"))
    return f"{body}." if pattern.endswith("/") else rf"{body}\Z"
