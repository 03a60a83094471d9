"""Claims about numbers, durations, sizes and lists as words."""

from __future__ import annotations

import pytest

from handoff_tasks.formats.words import chain, duration, quantity, size, some_of


@pytest.mark.parametrize(
    ("milliseconds", "text", "in_tenths"),
    [
        (0, "0 ms", "0.0 s"),
        (49, "49 ms", "0.0 s"),
        (1000, "1 s", "1.0 s"),
        (1234, "1.2 s", "1.2 s"),
        (59_999, "59.9 s", "59.9 s"),
        (60_000, "1 min", "1 min"),
        (125_999, "2 min 5 s", "2 min 5 s"),
        (3_599_999, "59 min 59 s", "59 min 59 s"),
        (3_600_000, "1 h", "1 h"),
        (3_785_000, "1 h 3 min", "1 h 3 min"),
    ],
)
def test_a_duration(milliseconds: int, text: str, in_tenths: str) -> None:
    """Below a minute in milliseconds or tenths of a second; seconds are never rounded up."""
    assert duration(milliseconds) == text
    assert duration(milliseconds, tenths=True) == in_tenths


def test_a_quantity() -> None:
    """One of a thing has its singular."""
    reported = [quantity(0, "line"), quantity(1, "line"), quantity(2, "pass", "passes")]
    assert reported == ["0 lines", "1 line", "2 passes"]


def test_a_size() -> None:
    """Bytes, kilobytes or megabytes."""
    sizes = [size(count) for count in (1, 999, 1000, 2_500_000)]
    assert sizes == ["1 byte", "999 bytes", "1.0 kB", "2.5 MB"]


def test_a_chain() -> None:
    """A long chain has its middle counted."""
    assert chain(["a", "b", "c"], 3) == "a → b → c"
    assert chain([str(number) for number in range(9)], 4) == "0 → 1 → 6 more → 8"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, ""),
        (1, "0"),
        (5, "0, 1, 2, 3, 4"),
        (6, "0, 1, 2, 3, 4 and 1 more"),
        (99, "0, 1, 2, 3, 4 and 94 more"),
    ],
)
def test_some_of_many(count: int, text: str) -> None:
    """The first five, and how many more there are."""
    assert some_of([str(number) for number in range(count)]) == text
