"""Templates of lines: text with placeholders, to fill with values or to match lines.

``{name}`` is a placeholder; ``{{`` and ``}}`` are braces. A placeholder whose value is known
matches that value only. One whose value is not known, such as the date of an earlier accept,
matches the form of its value. Matching never goes back, so no line can make it slow.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.consumer.values import CHARACTERS, NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DATE = "date"
CONSUMER_COMMIT = "consumer_commit"
STATUS = "status"
BUILT_IN = (CONSUMER_COMMIT, DATE)
"""Placeholders beside the pinned values that every profile has."""

# Possessive: a value ends where its characters end.
_ANY = rf"[{CHARACTERS}]{{1,200}}+"
_FORMS = {DATE: r"[0-9]{4}-[0-9]{2}-[0-9]{2}", CONSUMER_COMMIT: r"[0-9a-f]{7}"}
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_OPEN_ENDED = re.compile(rf"[{CHARACTERS}]")
_WORD = re.compile(r"[A-Za-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template in parts: texts, each followed by a placeholder's name, or None at the end."""

    text: str
    parts: tuple[tuple[str, str | None], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the placeholders in order."""
        return tuple(name for _, name in self.parts if name is not None)

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with these values; a placeholder without one stays as it is."""
        return "".join(
            literal + ("" if name is None else values.get(name, f"{{{name}}}"))
            for literal, name in self.parts
        )

    def pattern(self, values: Mapping[str, str]) -> re.Pattern[str]:
        """Return the expression of whole lines that have these values, and any values else."""
        return re.compile(
            "".join(re.escape(literal) + _group(name, values) for literal, name in self.parts)
        )

    def with_value(self, line: str, values: Mapping[str, str], name: str, value: str) -> str:
        """Return a line that matches, with another value for one placeholder."""
        pattern = "".join(
            re.escape(literal) + _group(part, values, capture=part == name)
            for literal, part in self.parts
        )
        found = re.fullmatch(pattern, line)
        assert found is not None
        pieces, at = [], 0
        for number in range(1, found.re.groups + 1):
            pieces += [line[at : found.start(number)], value]
            at = found.end(number)
        return "".join([*pieces, line[at:]])


def parse(text: str, known: Iterable[str]) -> Template:
    """Return the template of a text.

    Raises:
        ValueError: A brace is not closed, a placeholder is unknown, or a value has no clear end.
    """
    known = list(known)
    parts: list[tuple[str, str | None]] = []
    literal, at = "", 0
    for found in _PART.finditer(text):
        literal += text[at : found.start()]
        at = found.end()
        if found[0] in ("{{", "}}"):
            literal += found[0][0]
            continue
        if found[1] is None:
            message = f"found a single {found[0]} at character {found.start() + 1}"
            raise ValueError(f"{message}; write {found[0] * 2} for a brace")
        if found[1] not in known:
            raise ValueError(_unknown(found[1], known))
        parts.append((literal, found[1]))
        literal = ""
    parts.append((literal + text[at:], None))
    template = Template(text=text, parts=tuple(parts))
    _check_ends(template)
    return template


def occurrences(text: str, word: str) -> list[int]:
    """Return where ``word`` stands in a text, and not as a part of a longer word or version."""
    before = r"(?<![A-Za-z0-9])(?<![A-Za-z0-9][.+-])" if _WORD.match(word) else ""
    after = r"(?![.+-]?[A-Za-z0-9])" if _WORD.match(word[-1:]) else ""
    return [found.start() for found in re.finditer(before + re.escape(word) + after, text)]


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    near = f" (did you mean {close[0]}?)" if close else ""
    return f"{{{name}}} is not a placeholder{near}; known: {', '.join(known)}"


def _check_ends(template: Template) -> None:
    """Refuse a value of any length that runs on into the text after it."""
    for number, name in enumerate(template.names):
        if name in NAMES or name in _FORMS or name == STATUS:
            continue
        literal, after = template.parts[number + 1]
        if _OPEN_ENDED.match(literal) or (not literal and after is not None):
            message = f"{{{name}}} has no clear end, because more of a value can follow it"
            raise ValueError(f"{message}; put a space, quote or bar behind it")


def _group(name: str | None, values: Mapping[str, str], *, capture: bool = False) -> str:
    """Return the expression of a placeholder's value."""
    if name is None:
        return ""
    expression = re.escape(values[name]) if name in values else _FORMS.get(name, _ANY)
    return f"({expression})" if capture else expression
