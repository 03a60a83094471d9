"""Compile the regular expressions of profiles so that no line makes them slow.

A pattern starts with ``^`` and has one group. Every quantifier is possessive, so each line is read
once. Lookarounds, alternatives, back references and repeated groups are refused.
"""

from __future__ import annotations

import re

# One character, escaped character, class of characters, or bracket; then how often.
_PART = re.compile(
    r"(?P<part>\\[dDsSwW]|\\[^A-Za-z0-9]|\[\^?\]?(?:\\.|[^\\\][&~|])*\]|[()^$]|[^\\\[\]()|*+?{}])(?P<times>[*+?]|\{\d{1,3}(?:,\d{0,3})?\})?",
    re.DOTALL,
)
_WHOLE = ("(", ")", "^", "$")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the pattern, for `re.Pattern.match` on one line.

    Raises ValueError that says what was found and expected.
    """
    parts = []
    at = 0
    while at < len(pattern):
        match = _PART.match(pattern, at)
        if match is None or (match["times"] and match["part"] in _WHOLE):
            raise ValueError(
                f"found {pattern[at : at + 12]} at character {at + 1}; "
                "expected characters or classes like [0-9], each with one of * + ? {n,m} at most, "
                "and one group that is not repeated"
            )
        parts.append((match["part"], match["times"]))
        at = match.end()
    names = [part for part, _ in parts]
    if names[:1] != ["^"] or "^" in names[1:]:
        raise ValueError("expected ^, the start of a line, at its start and nowhere else")
    if "$" in names[:-1]:
        raise ValueError("expected $, the end of a line, at its end or nowhere")
    if names.count("(") != 1:
        raise ValueError(f"{names.count('(')} groups; expected one, the version")
    # Without $, which would also match before a newline.
    ended = names[-1] == "$"
    whole = "".join(
        f"{part}{times}+" if times else part for part, times in (parts[:-1] if ended else parts)
    )
    try:
        return re.compile(rf"{whole}\Z" if ended else whole)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error.msg}") from None


def search_lines(pattern: str, text: str) -> str | None:
    """Return what the group matches in the first line that matches; None if no line does."""
    match = compile_pattern(pattern).match
    return next(
        (found[1] for line in text.split("\n") if (found := match(line.removesuffix("\r")))), None
    )
