"""Claims about the checks in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import check, record

from handoff_tasks.formats.words import duration
from handoff_tasks.report.timeline import Timeline, draw_timeline

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from handoff_tasks.record import Record


def ran(number: int, start: str, end: str, milliseconds: int) -> Record:
    """Return the record of a check that ran between two times of one day."""
    return record(
        check(number),
        started_at_utc=f"2026-01-02T{start}Z",
        finished_at_utc=f"2026-01-02T{end}Z",
        duration_ms=milliseconds,
    )


def of(
    *records: Record,
    ended: dict[str, int] | None = None,
    lanes: Sequence[Sequence[str]] = (),
    alone: Collection[str] = (),
) -> Timeline:
    """Return the timeline of records, in their order."""
    found = draw_timeline(
        {one.id: one for one in records}, [one.id for one in records], ended or {}, lanes, alone
    )
    assert found is not None
    return found


def bars(found: Timeline) -> list[tuple[str, int, int, int, bool]]:
    """Return the bars as tuples: id, lane, start, end, critical."""
    return [(bar.id, bar.lane, bar.start, bar.end, bar.critical) for bar in found.bars]


def test_no_record_no_timeline() -> None:
    """Where no check was run there is nothing to draw."""
    assert draw_timeline({}, ["fmt"], {}) is None


def test_lanes_that_are_not_known_mark_no_path() -> None:
    """Checks that overlap are side by side, and none is critical in a guess."""
    found = of(
        ran(0, "10:00:00", "10:00:30", 30_000),
        ran(1, "10:00:00", "10:00:50", 50_000),
        ran(2, "10:00:31", "10:01:31", 60_000),
    )
    assert bars(found) == [
        ("fmt", 0, 0, 30_000, False),
        ("clippy", 1, 0, 50_000, False),
        ("test", 0, 31_000, 91_000, False),
    ]
    assert (found.lanes, found.total, found.together, found.known) == (2, 91_000, True, False)
    assert found.critical == ()
    assert not found.prepares


def test_the_lanes_of_the_run_decide_the_path() -> None:
    """A check waits for the one before it in its process, and for no other."""
    found = of(
        ran(0, "10:00:00", "10:00:05", 5000),
        ran(1, "10:00:06", "10:00:16", 10_000),
        ran(2, "10:00:20", "10:00:50", 30_000),
        lanes=[["fmt", "test"], ["clippy"]],
    )
    assert bars(found) == [
        ("fmt", 0, 0, 5000, True),
        ("clippy", 1, 6000, 16_000, False),
        ("test", 0, 20_000, 50_000, True),
    ]
    assert [bar.free for bar in found.bars] == [0, 0, 5000]
    assert (found.known, found.prepares) == (True, True)
    assert [bar.id for bar in found.critical] == ["fmt", "test"]


def test_a_check_that_must_be_alone_waits_for_all() -> None:
    """A check waits for the last one that had the checkout alone, in any lane."""
    records = [
        ran(0, "10:00:00", "10:00:09", 9000),
        ran(1, "10:00:00", "10:00:03", 3000),
        ran(2, "10:00:09", "10:00:12", 3000),
        ran(3, "10:00:12", "10:00:13", 1000),
    ]
    ids = [one.id for one in records]
    found = of(*records, lanes=[[ids[0]], [ids[1], ids[3]], [ids[2]]], alone={ids[2]})
    assert [bar.id for bar in found.critical] == [ids[0], ids[2], ids[3]]


def test_a_run_whose_lanes_are_all_busy_has_no_critical_path() -> None:
    """If more processors would have ended the run earlier, no check is critical."""
    records = [
        ran(number, f"10:00:{10 * (number // 2):02}", f"10:00:{10 * (number // 2) + 10:02}", 10_000)
        for number in range(6)
    ]
    ids = [one.id for one in records]
    found = of(*records, lanes=[ids[::2], ids[1::2]])
    assert (found.bound, found.sequence, found.critical) == (True, False, ())
    idle = of(*records, lanes=[ids[::2], ids[1::2], []])
    assert idle.bound
    assert not of(*records[:5], lanes=[ids[:5:2], ids[1:5:2]]).bound


def test_a_run_in_one_lane_has_no_critical_path() -> None:
    """If each check waited for the one before it, no check is critical."""
    records = [
        ran(number, f"10:00:{10 * number:02}", f"10:00:{10 * number + 10:02}", 10_000)
        for number in range(3)
    ]
    ids = [one.id for one in records]
    found = of(*records, lanes=[ids])
    assert (found.bound, found.sequence, found.critical) == (True, True, ())
    held = of(*records, lanes=[ids], alone=ids)
    assert (held.bound, held.sequence, held.critical) == (False, True, ())
    long = of(records[0], ran(1, "10:00:10", "10:00:59", 49_000), lanes=[ids[:2]])
    assert (long.bound, long.sequence, long.critical) == (False, True, ())


def test_one_check_is_its_own_path() -> None:
    """It decides when the run is over, however many processors there are."""
    found = of(ran(0, "10:00:00", "10:00:30", 30_000), lanes=[["fmt"]])
    assert (found.bound, found.sequence, [bar.id for bar in found.critical]) == (
        False,
        False,
        ["fmt"],
    )


@pytest.mark.parametrize(
    "lanes",
    [[["fmt"]], [["fmt", "clippy"], ["clippy"]], [["clippy", "fmt"]]],
    ids=["a check in no lane", "a check in two", "an order that the times contradict"],
)
def test_lanes_that_cannot_be_are_not_believed(lanes: list[list[str]]) -> None:
    """What an earlier run has left says nothing of records that others have made."""
    found = of(
        ran(0, "10:00:00", "10:00:05", 5000), ran(1, "10:00:05", "10:00:09", 4000), lanes=lanes
    )
    assert not found.known
    assert found.critical == ()


def test_short_checks_of_one_second_follow_each_other() -> None:
    """Starts within one second are drawn one after the other if that is possible."""
    found = of(
        *(ran(number, "10:00:00", "10:00:00", 100) for number in range(3)),
        lanes=[["fmt", "clippy", "test"]],
    )
    assert bars(found) == [
        ("fmt", 0, 0, 100, False),
        ("clippy", 0, 100, 200, False),
        ("test", 0, 200, 300, False),
    ]


def test_the_time_of_a_record_says_more_within_its_bounds() -> None:
    """The time of the record's file gives the start if it does not contradict the record."""
    day = 1_767_348_000_000  # 2026-01-02T10:00:00Z
    ids = [check(number).id for number in range(3)]
    records = [ran(number, "10:00:00", "10:00:01", 400) for number in range(3)]
    found = of(
        *records, ended=dict(zip(ids, [day + 1100, day + 1300, day + 86_400_000], strict=True))
    )
    assert bars(found) == [
        ("fmt", 0, 0, 400, False),
        ("clippy", 1, 200, 600, False),
        ("test", 2, 299, 699, False),
    ]


def test_checks_of_different_days_share_no_clock() -> None:
    """Checks that ran far apart are each drawn from zero, and none is critical."""
    late = record(
        check(1),
        started_at_utc="2026-03-02T10:00:00Z",
        finished_at_utc="2026-03-02T10:00:09Z",
        duration_ms=9000,
    )
    found = of(ran(0, "10:00:00", "10:00:01", 1000), late, lanes=[["fmt", "clippy"]])
    assert bars(found) == [("fmt", 0, 0, 1000, False), ("clippy", 1, 0, 9000, False)]
    assert not found.together


def test_a_clock_that_went_back_breaks_nothing() -> None:
    """A record whose end is before its start still has a place and its full length."""
    [bar] = of(ran(0, "10:00:05", "10:00:00", 2000)).bars
    assert (bar.start, bar.end) == (0, 2000)


@pytest.mark.parametrize(
    "total", [1, 7, 90, 999, 1000, 3400, 59_000, 192_000, 2_700_000, 7_200_000, 400_000_000]
)
def test_the_scale_has_few_marks(total: int) -> None:
    """From a millisecond to days there are one to seven marks, none beyond the end."""
    marks = Timeline(bars=(), lanes=1, total=total, together=True, known=True).ticks()
    assert 1 <= len(marks) <= 7
    assert marks[0] == (0, "0")
    assert all(at <= total for at, _ in marks)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1000, "1 s"),
        (4750, "4.7 s"),
        (59_999, "59.9 s"),
        (60_000, "1 min"),
        (125_999, "2 min 5 s"),
        (3_600_000, "1 h"),
        (5_405_000, "1 h 30 min"),
    ],
)
def test_durations_in_words(milliseconds: int, text: str) -> None:
    """A duration is reported as short as it can be understood."""
    assert duration(milliseconds) == text
