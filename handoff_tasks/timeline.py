"""The checks of a run in time: which ran side by side, and which chain of them decided when the run was over.

Works on the times that records tell, and draws nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from handoff_tasks.harmless import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.model import Outcome, Record

# Records of checks that ran on different days or machines share no clock worth drawing.
_TOGETHER = 10
_HOUR = 3_600_000
# What the writing of a record may take longer than that of the next.
_SLACK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A check in the timeline: milliseconds from the first start, and the lane, a row of checks one after the other."""

    id: str
    outcome: Outcome
    lane: int
    start: int
    end: int
    critical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The checks in time, drawn to scale.

    ``together`` is False when they ran too far apart for one clock: each starts at zero then, and the longest one is critical.
    """

    bars: tuple[Bar, ...]
    lanes: int
    total: int
    together: bool

    @property
    def critical(self) -> tuple[Bar, ...]:
        """The chain of checks that decides when the run is over, in the order of time."""
        return tuple(sorted((bar for bar in self.bars if bar.critical), key=lambda bar: bar.start))

    def ticks(self) -> list[tuple[int, str]]:
        """Return the marks of the scale, in milliseconds and in words: at most six and zero."""
        steps = (1, 2, 5, 10, 20, 50, 100, 200, 500, *(1000 * n for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)))
        step = next((step for step in steps if step * 6 >= self.total), -(-self.total // (6 * _HOUR)) * _HOUR)
        return [(at, duration(at) if at else "0") for at in range(0, self.total + 1, step)]


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


def drawn(records: Mapping[str, Record], order: Sequence[str], ended: Mapping[str, int]) -> Timeline | None:
    """Return the checks that have a record in time; None when there is none.

    A record tells its start and end to the second and its duration to the millisecond, so a start lies between two bounds.
    ``ended``, milliseconds since 1970 at which a check's record was there, says more, and is believed within these bounds only.
    Each check goes to the lane that ended last before it could start; the lane of the check that ends last is the critical path.
    """
    known = [(records[check], _bounds(records[check], ended.get(check))) for check in order if check in records]
    if not known:
        return None
    zero = min(low for _, (low, _) in known)
    last = max(low + record.duration_ms for record, (low, _) in known)
    work = sum(record.duration_ms for record, _ in known)
    together = last - zero <= max(_HOUR, _TOGETHER * work)
    placed: list[tuple[Record, int, int]] = []
    ends: list[int] = []
    for record, (low, high) in sorted(known, key=lambda one: one[1]):
        free = [lane for lane, end in enumerate(ends) if end <= high - zero + _SLACK] if together else []
        lane = max(free, key=lambda lane: ends[lane], default=len(ends))
        if lane == len(ends):
            ends.append(0)
        start = max(low - zero if together else 0, ends[lane])
        ends[lane] = start + record.duration_ms
        placed.append((record, lane, start))
    longest = max(range(len(ends)), key=lambda lane: ends[lane])
    # Where the first start is known to the second only, the picture starts with the first bar.
    first = min(start for _, _, start in placed)
    bars = {
        record.id: Bar(
            id=printable(record.id),
            outcome=record.outcome,
            lane=lane,
            start=start - first,
            end=start - first + record.duration_ms,
            critical=lane == longest,
        )
        for record, lane, start in placed
    }
    return Timeline(
        bars=tuple(bars[check] for check in order if check in bars),
        lanes=len(ends),
        total=max(max(ends) - first, 1),
        together=together,
    )


def _bounds(record: Record, ended: int | None) -> tuple[int, int]:
    """Return the earliest and the latest start of a check, in milliseconds since 1970."""
    start, end = (int(datetime.fromisoformat(text).timestamp() * 1000) for text in (record.started_at_utc, record.finished_at_utc))
    low = max(start, end - record.duration_ms)
    high = max(low, min(start + 999, end + 999 - record.duration_ms))
    if ended is None:
        return low, high
    told = min(max(ended - record.duration_ms, low), high)
    return told, told
