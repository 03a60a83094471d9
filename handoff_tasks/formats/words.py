"""Write numbers, durations, sizes and lists as words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def chain(names: Sequence[str], limit: int) -> str:
    """Return names one after the other, the ones in the middle left out where there are more than ``limit``."""
    if len(names) > limit:
        names = [*names[: limit // 2], f"{len(names) - limit // 2 - 1} more", names[-1]]
    return " → ".join(names)


def size(count: int) -> str:
    """Return a number of bytes in words."""
    if count < 1000:
        return counted(count, "byte")
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


_SHOWN = 5


def some_of(items: Sequence[str]) -> str:
    """Return the first few items, and how many more there are."""
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def seconds(milliseconds: int) -> str:
    """Return a duration as people say it: ``0.3 s``, ``2 min 5 s``."""
    if milliseconds < 60_000:
        return f"{milliseconds // 100 / 10:.1f} s"
    return f"{milliseconds // 60_000} min {milliseconds % 60_000 // 1000} s"


HOUR = 3_600_000


def duration(milliseconds: int) -> str:
    """Return a duration in words: ``22 ms``, ``4.7 s``, ``2 min 5 s``."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds // 100 / 10:.1f} s".replace(".0 s", " s")
    minutes, rest = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes else []
    parts += [f"{rest} s"] if rest and not hours else []
    return " ".join(parts)
