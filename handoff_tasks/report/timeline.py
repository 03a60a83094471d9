"""Lay out the checks of a run in time, and find the chain that decided its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from handoff_tasks.formats.escape import printable
from handoff_tasks.formats.words import HOUR, duration

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from handoff_tasks.record import Outcome, Record

    # Checks with their starts in milliseconds, one after the other.
    Row = list[tuple[str, int]]

# Checks of one run lie within an hour, or within ten times the time that they took.
_TOGETHER = 10
# The part of the time that busy lanes work.
_BUSY = 0.9
# The longest that a run with enough processors would take, as a part of the time that it took.
_LEAST = 0.75
# In milliseconds: how much longer it may take to write one record than the next.
_SLACK = 50
_TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_TICKS_IN_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A check in the timeline, in milliseconds from the first start.

    ``lane`` is a row of checks that ran one after the other. ``free`` is when the lane had ended
    the check before this one; from then to ``start`` this one was prepared, or waited.
    """

    id: str
    outcome: Outcome
    lane: int
    free: int
    start: int
    end: int
    critical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The checks in time.

    Attributes:
        bars: The checks, in the profile's order.
        lanes: The number of lanes.
        total: The end of the last bar, in milliseconds.
        together: False if the checks ran too far apart for one clock; each then starts at zero.
        known: Whether the lanes are those of the run. Otherwise they are a guess for the drawing,
            and no check is critical.
        bound: Whether more processors would have ended the run earlier. No check is critical then.
        sequence: Whether each check waited for the one before it. No check is critical then.
    """

    bars: tuple[Bar, ...]
    lanes: int
    total: int
    together: bool
    known: bool
    bound: bool = False
    sequence: bool = False

    @property
    def critical(self) -> tuple[Bar, ...]:
        """The chain of checks that decides when the run ends, in the order of time."""
        return tuple(sorted((bar for bar in self.bars if bar.critical), key=lambda bar: bar.start))

    @property
    def prepares(self) -> bool:
        """Whether any check was prepared, or waited, for more than a hundredth of the time."""
        return any(bar.start - bar.free > self.total / 100 for bar in self.bars)

    def ticks(self) -> list[tuple[int, str]]:
        """Return the marks of the scale, in milliseconds and in words: zero and at most six."""
        steps = [*_TICKS, *(1000 * seconds for seconds in _TICKS_IN_SECONDS)]
        hours = -(-self.total // (6 * HOUR)) * HOUR
        step = next((step for step in steps if step * 6 >= self.total), hours)
        return [(at, duration(at) if at else "0") for at in range(0, self.total + 1, step)]


def draw_timeline(
    records: Mapping[str, Record],
    order: Sequence[str],
    ended: Mapping[str, int],
    lanes: Sequence[Sequence[str]] = (),
    alone: Collection[str] = (),
) -> Timeline | None:
    """Return the checks that have a record in time; None if there are none.

    A record has its start and end in seconds and its duration in milliseconds, so a start lies
    between two bounds.

    Args:
        records: The records, by check.
        order: The checks to draw.
        ended: When a check's record was written, in milliseconds since 1970. It is used as far as
            it agrees with the bounds.
        lanes: The checks that ran one after the other in one process. Lanes that lack a check, or
            that contradict the times, are not used.
        alone: The checks that ran beside no other.
    """
    bounds = {
        check: _bounds(records[check], ended.get(check)) for check in order if check in records
    }
    if not bounds:
        return None
    first = min(low for low, _ in bounds.values())
    last = max(low + records[check].duration_ms for check, (low, _) in bounds.items())
    work = sum(records[check].duration_ms for check in bounds)
    together = last - first <= max(HOUR, _TOGETHER * work)
    rows: list[Row] | None = None
    if together:
        bounds = {check: (low - first, high - first) for check, (low, high) in bounds.items()}
        rows = _lane_rows(records, bounds, lanes)
    known = rows is not None
    if rows is None and together:
        rows = _guess_rows(records, bounds)
    bars = _bars(records, rows or [[(check, 0)] for check in bounds], known=known)
    critical = _chain(bars, alone) if known else []
    sequence = len(critical) == len(bars) > 1
    bound = known and _is_bound(bars, alone, one_by_one=sequence)
    if not bound and not sequence:
        for check in critical:
            bars[check] = replace(bars[check], critical=True)
    return Timeline(
        bars=tuple(bars[check] for check in bounds),
        lanes=max(bar.lane for bar in bars.values()) + 1,
        total=max(1, *(bar.end for bar in bars.values())),
        together=together,
        known=known,
        bound=bound,
        sequence=sequence,
    )


def _bars(records: Mapping[str, Record], rows: Sequence[Row], *, known: bool) -> dict[str, Bar]:
    # A first start that is known to the second only may be later than zero.
    first = min(start for row in rows for _, start in row)
    bars = {}
    for lane, row in enumerate(rows):
        free = 0
        for check, at in row:
            start, end = at - first, at - first + records[check].duration_ms
            bars[check] = Bar(
                id=printable(check),
                outcome=records[check].outcome,
                lane=lane,
                free=min(free, start) if known else start,
                start=start,
                end=end,
                critical=False,
            )
            free = end
    return bars


def _lane_rows(
    records: Mapping[str, Record],
    bounds: Mapping[str, tuple[int, int]],
    lanes: Sequence[Sequence[str]],
) -> list[Row] | None:
    """Return each lane's checks with their starts.

    It is None if a check is in no lane, or in two, or cannot have run in its place.
    """
    drawn = [[check for check in lane if check in bounds] for lane in lanes]
    if sorted(check for lane in drawn for check in lane) != sorted(bounds):
        return None
    rows = []
    for lane in filter(None, drawn):
        row: Row = []
        end = 0
        for check in lane:
            low, high = bounds[check]
            if end > high + _SLACK:
                return None
            start = max(low, end)
            row.append((check, start))
            end = start + records[check].duration_ms
        rows.append(row)
    return rows


def _guess_rows(records: Mapping[str, Record], bounds: Mapping[str, tuple[int, int]]) -> list[Row]:
    """Return the checks in as few rows as their times allow.

    Each is in the row that ended last before the check could start.
    """
    rows: list[Row] = []
    ends: list[int] = []
    for check, (low, high) in sorted(bounds.items(), key=lambda item: item[1]):
        free = [number for number, end in enumerate(ends) if end <= high + _SLACK]
        row = max(free, key=lambda number: ends[number], default=len(ends))
        if row == len(ends):
            rows.append([])
            ends.append(0)
        start = max(low, ends[row])
        ends[row] = start + records[check].duration_ms
        rows[row].append((check, start))
    return rows


def _chain(bars: Mapping[str, Bar], alone: Collection[str]) -> list[str]:
    """Return the checks that the end of the run waited for, the last first.

    A check waits for the one before it in its lane. One that must be alone waits for all others,
    and all others for it. Of those that had ended when a check started, it waited for the last.
    """
    check: str | None = max(bars, key=lambda check: bars[check].end)
    chain: list[str] = []
    while check is not None:
        chain.append(check)
        start, lane = bars[check].start, bars[check].lane
        before = [
            other
            for other, bar in bars.items()
            if other not in chain
            and bar.start <= start
            and bar.end <= start + _SLACK
            and (bar.lane == lane or check in alone or other in alone)
        ]
        check = max(before, key=lambda other: bars[other].end, default=None)
    return chain


def _is_bound(bars: Mapping[str, Bar], alone: Collection[str], *, one_by_one: bool) -> bool:
    """Return whether more processors would have ended the run earlier.

    That is so if all lanes were busy and no check alone takes as long. Checks that must be alone
    take their time with any number of processors.
    """
    exclusive = sum(bar.end - bar.start for check, bar in bars.items() if check in alone)
    shared = [bar for check, bar in bars.items() if check not in alone]
    took = [bar.end - bar.start for bar in shared]
    total = max(bar.end for bar in bars.values())
    lanes = len({bar.lane for bar in shared})
    busy = sum(took) >= _BUSY * lanes * (total - exclusive)
    return (busy or one_by_one) and exclusive + max(took, default=0) <= _LEAST * total


def _bounds(record: Record, ended: int | None) -> tuple[int, int]:
    """Return the earliest and the latest start of a check, in milliseconds since 1970."""
    start, end = (
        int(datetime.fromisoformat(text).timestamp() * 1000)
        for text in (record.started_at_utc, record.finished_at_utc)
    )
    low = max(start, end - record.duration_ms)
    high = max(low, min(start + 999, end + 999 - record.duration_ms))
    if ended is None:
        return low, high
    started = min(max(ended - record.duration_ms, low), high)
    return started, started
