"""Claims about the regular expressions that a profile may state for one line."""

from __future__ import annotations

import pytest
from builders import quick
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.formats import safe_regex

PARTS = "expected characters or classes like [0-9], each with one of * + ? {n,m} at most, and one group that is not repeated"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^  version: (service\.v[0-9]+)$", "info:\n  version: service.v3\r\n", "service.v3"),
        (r"^  version: (service\.v[0-9]+)$", "  version: service.v3 # now\n", None),
        (r'^\s*version\s*=\s*"([^"]+)"', '[package]\nversion = "1.2.3"\nversion = "4"', "1.2.3"),
        (r"^v(\d{1,3})", "v12345", "123"),
        (r"^costs (\d+)\$", "costs 7$ a day", "7"),
        (r"^(.*)$", "", ""),
        (r"^([]^-]+)$", "^]-", "^]-"),
        (r"^(.*)x", "abcx", None),
        (r"^a.(b)", "a\nb", None),
    ],
)
def test_the_first_line_that_matches_counts(pattern: str, text: str, found: str | None) -> None:
    """Line by line, whatever ends them.

    No part gives back what it took, so ``.*`` takes the rest of the line.
    """
    assert safe_regex.search_lines(pattern, text) == found


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("version: (x)", "expected ^, the start of a line, at its start and nowhere else"),
        ("^a(^b)", "expected ^, the start of a line, at its start and nowhere else"),
        ("^a$(b)", "expected $, the end of a line, at its end or nowhere"),
        ("^version", "0 groups; expected one, the version"),
        ("^(a)(b)", "2 groups; expected one, the version"),
        ("^(a", "not a regular expression: missing ), unterminated subpattern"),
        ("^a)b(", "not a regular expression: unbalanced parenthesis"),
        ("^(z-a[z-a])", "not a regular expression: bad character range z-a"),
        ("^(a+)+$", f"found )+$ at character 5; {PARTS}"),
        ("^(a|a)*$", f"found |a)*$ at character 4; {PARTS}"),
        ("^(?=a)(b)", f"found (?=a)(b) at character 2; {PARTS}"),
        ("^(?P<x>a)", f"found (?P<x>a) at character 2; {PARTS}"),
        (r"^(a)\1", f"found \\1 at character 5; {PARTS}"),
        ("^(a)*?", f"found )*? at character 4; {PARTS}"),
        ("^(a*?)", f"found ?) at character 5; {PARTS}"),
        ("^(a**)", f"found *) at character 5; {PARTS}"),
        ("^+(a)", f"found ^+(a) at character 1; {PARTS}"),
        ("^(a{9999})", f"found {{9999}}) at character 4; {PARTS}"),
        ("^([a&&b])", f"found [a&&b]) at character 3; {PARTS}"),
        ("^(\\", f"found \\ at character 3; {PARTS}"),
    ],
)
def test_what_could_be_slow_or_unclear_is_refused(pattern: str, said: str) -> None:
    """Repeated groups, alternatives, lookarounds, back references and what no regular expression is: each by its place."""
    with pytest.raises(ValueError, match=r"\A") as caught:
        safe_regex.compile_pattern(pattern)
    assert str(caught.value) == said


@quick
@given(st.text("^$()[]{}*+?|\\a-0,d", max_size=14))
def test_a_pattern_is_refused_or_quick(pattern: str) -> None:
    """Any pattern either is refused with a ValueError, or has one group and ends on a long line that almost matches."""
    try:
        made = safe_regex.compile_pattern(pattern)
    except ValueError:
        return
    assert made.groups == 1
    for line in ("a" * 20_000, "a0-" * 5_000 + "!", "-" * 20_000):
        made.match(line)
