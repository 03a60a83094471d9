"""Write numbers, durations, sizes and lists as words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR = 3_600_000
_LISTED = 5


def quantity(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: ``1 line``, ``2 lines``."""
    if number == 1:
        return f"1 {one}"
    return f"{number} {many or one + 's'}"


def and_more(number: int) -> str:
    """Return how many items of a list are left out: ``and 3 more``."""
    return f"and {number} more"


def some_of(items: Sequence[str]) -> str:
    """Return the first five items, and how many more there are."""
    listed = ", ".join(items[:_LISTED])
    if len(items) <= _LISTED:
        return listed
    return f"{listed} {and_more(len(items) - _LISTED)}"


def unseen(checks: Iterable[tuple[str, Sequence[str]]]) -> list[tuple[str, str]]:
    """Return what checks did not see, in words, each with the names of these checks.

    ``checks`` are their names, each with its ``ignores``; those that see all files are left out.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, ignores in checks:
        if ignores:
            groups.setdefault(tuple(ignores), []).append(name)
    return [
        (", ".join([*ignores, "history and tags"]), ", ".join(names))
        for ignores, names in groups.items()
    ]


def chain(names: Sequence[str], limit: int) -> str:
    """Return names joined by arrows; if there are more than ``limit``, without the middle ones."""
    if len(names) > limit:
        names = [*names[: limit // 2], f"{len(names) - limit // 2 - 1} more", names[-1]]
    return " → ".join(names)


def size(count: int) -> str:
    """Return a number of bytes in words: ``12 bytes``, ``1.5 kB``, ``2.0 MB``."""
    if count < 1000:
        return quantity(count, "byte")
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"


def duration(milliseconds: int, *, tenths: bool = False) -> str:
    """Return a duration in words: ``22 ms``, ``4.7 s``, ``2 min 5 s``, ``1 h 3 min``.

    With ``tenths`` it is in tenths of a second below a minute (``0.0 s``, ``4.0 s``), for columns.
    """
    if milliseconds < 60_000:
        in_tenths = f"{milliseconds // 100 / 10:.1f} s"
        if tenths:
            return in_tenths
        return f"{milliseconds} ms" if milliseconds < 1000 else in_tenths.replace(".0 s", " s")
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    parts = []
    if hours:
        parts.append(f"{hours} h")
    if minutes:
        parts.append(f"{minutes} min")
    if seconds and not hours:
        parts.append(f"{seconds} s")
    return " ".join(parts)
