"""Lay out the checks of a run in time, and find the chain that decided its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from handoff_tasks.formats.escape import printable
from handoff_tasks.formats.words import HOUR, duration

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from handoff_tasks.model import Outcome, Record

# Records of checks that ran on different days or machines share no clock worth drawing.
_TOGETHER = 10
# The part of the time that lanes which are never idle work, and the longest that a run with enough processors would take.
_BUSY = 0.9
_LEAST = 0.75
# What the writing of a record may take longer than that of the next.
_SLACK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A check in the timeline: milliseconds from the first start, and the lane, a row of checks one after the other.

    ``free`` is when its lane had nothing else to do: from then to its start it was prepared, or waited for its turn.
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
    """The checks in time, drawn to scale.

    ``together`` is False when they ran too far apart for one clock: each starts at zero then. ``known`` tells that the lanes are
    those of the run; else they are a guess to draw by, and no check is critical. ``bound`` is whether more processors would have
    ended the run earlier, and ``sequence`` whether each check waited for the one before it. In both no chain of a few checks
    decides, so none is critical.
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
        """The chain of checks that decides when the run is over, in the order of time."""
        return tuple(sorted((bar for bar in self.bars if bar.critical), key=lambda bar: bar.start))

    @property
    def prepares(self) -> bool:
        """Tell whether any check was prepared, or waited, for a time that can be seen."""
        return any(bar.start - bar.free > self.total / 100 for bar in self.bars)

    def ticks(self) -> list[tuple[int, str]]:
        """Return the marks of the scale, in milliseconds and in words: at most six and zero."""
        steps = (1, 2, 5, 10, 20, 50, 100, 200, 500, *(1000 * n for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)))
        step = next((step for step in steps if step * 6 >= self.total), -(-self.total // (6 * HOUR)) * HOUR)
        return [(at, duration(at) if at else "0") for at in range(0, self.total + 1, step)]


def drawn(
    records: Mapping[str, Record],
    order: Sequence[str],
    ended: Mapping[str, int],
    lanes: Sequence[Sequence[str]] = (),
    alone: Collection[str] = (),
) -> Timeline | None:
    """Return the checks that have a record in time; None when there is none.

    A record tells its start and end to the second and its duration to the millisecond, so a start lies between two bounds.
    ``ended``, milliseconds since 1970 at which a check's record was there, says more, and is believed within these bounds only.
    ``lanes`` are checks that ran one after the other in one process, and ``alone`` those that shared the checkout with nobody: from
    both follows who waited for whom. Lanes that lack a check, or that the times contradict, are not believed.
    """
    known = {check: _bounds(records[check], ended.get(check)) for check in order if check in records}
    if not known:
        return None
    zero = min(low for low, _ in known.values())
    last = max(low + records[check].duration_ms for check, (low, _) in known.items())
    work = sum(records[check].duration_ms for check in known)
    together = last - zero <= max(HOUR, _TOGETHER * work)
    shifted = {check: (low - zero, high - zero) if together else (0, 0) for check, (low, high) in known.items()}
    rows = _rows(records, shifted, lanes) if together else None
    believed = rows is not None
    if rows is None:
        rows = _guessed(records, shifted) if together else [[(check, 0)] for check in shifted]
    # Where the first start is known to the second only, the picture starts with the first bar.
    first = min(start for row in rows for _, start in row)
    found = {}
    for lane, row in enumerate(rows):
        free = 0
        for check, at in row:
            start, end = at - first, at - first + records[check].duration_ms
            found[check] = Bar(
                id=printable(check),
                outcome=records[check].outcome,
                lane=lane,
                free=min(free, start) if believed else start,
                start=start,
                end=end,
                critical=False,
            )
            free = end
    chain = _chain(found, alone) if believed else []
    sequence = len(chain) == len(found) > 1
    bound = believed and _bound(found, alone, one_by_one=sequence)
    for check in [] if bound or sequence else chain:
        found[check] = replace(found[check], critical=True)
    return Timeline(
        bars=tuple(found[check] for check in shifted),
        lanes=len(rows),
        total=max(1, *(bar.end for bar in found.values())),
        together=together,
        known=believed,
        bound=bound,
        sequence=sequence,
    )


def _rows(
    records: Mapping[str, Record], bounds: Mapping[str, tuple[int, int]], lanes: Sequence[Sequence[str]]
) -> list[list[tuple[str, int]]] | None:
    """Return each lane's checks with their starts; None when a check is in no lane, or in two, or cannot have run in its place."""
    wanted = [[check for check in lane if check in bounds] for lane in lanes]
    if sorted(check for lane in wanted for check in lane) != sorted(bounds):
        return None
    rows = []
    for lane in filter(None, wanted):
        row: list[tuple[str, int]] = []
        end = 0
        for check in lane:
            low, high = bounds[check]
            if end > high + _SLACK:
                return None
            row.append((check, max(low, end)))
            end = row[-1][1] + records[check].duration_ms
        rows.append(row)
    return rows


def _guessed(records: Mapping[str, Record], bounds: Mapping[str, tuple[int, int]]) -> list[list[tuple[str, int]]]:
    """Return checks in as few rows as their times allow, each in the one that ended last before it could start."""
    rows: list[list[tuple[str, int]]] = []
    ends: list[int] = []
    for check, (low, high) in sorted(bounds.items(), key=lambda one: one[1]):
        row = max((row for row, end in enumerate(ends) if end <= high + _SLACK), key=lambda row: ends[row], default=len(ends))
        if row == len(ends):
            rows.append([])
            ends.append(0)
        start = max(low, ends[row])
        ends[row] = start + records[check].duration_ms
        rows[row].append((check, start))
    return rows


def _chain(bars: Mapping[str, Bar], alone: Collection[str]) -> list[str]:
    """Return the checks that the end of the run waited for, the last first.

    A check waits for the one before it in its lane, one that must be alone for all others too, and all others for that one: of
    those that had ended when it started, the last held it up.
    """
    check: str | None = max(bars, key=lambda check: bars[check].end)
    found: list[str] = []
    while check is not None:
        found.append(check)
        start, lane = bars[check].start, bars[check].lane
        held = [
            other
            for other, bar in bars.items()
            if other not in found
            and bar.start <= start
            and bar.end <= start + _SLACK
            and (bar.lane == lane or check in alone or other in alone)
        ]
        check = max(held, key=lambda other: bars[other].end, default=None)
    return found


def _bound(bars: Mapping[str, Bar], alone: Collection[str], *, one_by_one: bool) -> bool:
    """Return whether more processors would have ended the run earlier: all lanes were busy, and no check alone takes as long.

    Checks that must be alone take their time however many processors there are.
    """
    held = sum(bar.end - bar.start for check, bar in bars.items() if check in alone)
    shared = [bar for check, bar in bars.items() if check not in alone]
    took = [bar.end - bar.start for bar in shared]
    total = max(bar.end for bar in bars.values())
    lanes = len({bar.lane for bar in shared})
    busy = sum(took) >= _BUSY * lanes * (total - held)
    return (busy or one_by_one) and held + max(took, default=0) <= _LEAST * total


def _bounds(record: Record, ended: int | None) -> tuple[int, int]:
    """Return the earliest and the latest start of a check, in milliseconds since 1970."""
    start, end = (int(datetime.fromisoformat(text).timestamp() * 1000) for text in (record.started_at_utc, record.finished_at_utc))
    low = max(start, end - record.duration_ms)
    high = max(low, min(start + 999, end + 999 - record.duration_ms))
    if ended is None:
        return low, high
    told = min(max(ended - record.duration_ms, low), high)
    return told, told
