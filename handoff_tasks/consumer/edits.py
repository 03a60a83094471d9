"""Edit places of a text: whole lines, rows of a table, and words in code.

A template that is filled with the *old* values must match exactly one whole line, and that line
becomes the template filled with the new values. Functions of values.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.consumer import template
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from handoff_tasks.consumer.profile import TargetFile
    from handoff_tasks.consumer.template import Template

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One changed place: its line, and what stands there before and afterwards."""

    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """A file with its bytes before and afterwards. A copy lists no changes."""

    path: str
    before: bytes
    after: bytes
    changes: tuple[Change, ...]

    def diff(self) -> str:
        """Return the changes as a unified diff; bytes that are not UTF-8 are replaced."""
        before, after = (
            data.decode("utf-8", "replace").split("\n") for data in (self.before, self.after)
        )
        lines = difflib.unified_diff(
            before, after, f"a/{self.path}", f"b/{self.path}", lineterm="", n=1
        )
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Edit:
    """A place in a text, from ``start`` to ``end``, and what comes there."""

    start: int
    end: int
    after: str
    by: str


class Fault(Exception):
    """A reason why a file cannot be planned; ``line`` is its line, if there is one."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line

    def problem(self, path: str, code: str, hint: str) -> Problem:
        """Return the problem of the file at ``path``."""
        where = path if self.line is None else f"{path}:{self.line}"
        return Problem(code=code, where=where, message=self.message, hint=hint)


def decode(data: bytes) -> str:
    """Return the text of a file. Raises `Fault`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Fault(f"byte {error.start} is not UTF-8; expected a text in UTF-8", line) from None
    if text.startswith(_BOM):
        raise Fault("the file starts with a byte order mark; expected plain UTF-8", 1)
    return text


def edited(path: str, data: bytes, text: str, edits: Iterable[Edit]) -> PlannedFile:
    """Return the file with all edits. Raises `Fault` if two of them meet."""
    edits = sorted(edits, key=lambda one: (one.start, one.end))
    pieces, changes, at = [], [], 0
    for number, edit in enumerate(edits):
        line = text.count("\n", 0, edit.start) + 1
        if edit.start < at:
            raise Fault(f"'{edits[number - 1].by}' and '{edit.by}' both match here", line)
        before = text[edit.start : edit.end]
        if before != edit.after:
            changes.append(Change(line=line, before=before, after=edit.after))
        pieces += [text[at : edit.start], edit.after]
        at = edit.end
    after = "".join([*pieces, text[at:]]).encode("utf-8")
    return PlannedFile(path=path, before=data, after=after, changes=tuple(changes))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield start and text of each line, without its line feed or CRLF."""
    start = 0
    for line in text.split("\n"):
        last = start + len(line) == len(text)
        yield start, line if last else line.removesuffix("\r")
        start += len(line) + 1


def matches(one: Template, text: str, values: Mapping[str, str]) -> list[tuple[int, str]]:
    """Return start and text of each line that a template matches."""
    pattern = one.pattern(values)
    return [(start, line) for start, line in _lines(text) if pattern.fullmatch(line)]


def only_line(one: Template, text: str, values: Mapping[str, str]) -> tuple[int, str]:
    """Return the one whole line that a template matches. Raises `Fault`."""
    found = matches(one, text, values)
    if len(found) == 1:
        return found[0]
    shown = one.fill(values)
    if found:
        numbers = [text.count("\n", 0, start) + 1 for start, _ in found]
        many = ", ".join(map(str, numbers))
        raise Fault(f"{len(found)} lines are '{shown}': {many}; expected exactly one", numbers[1])
    message = f"no line is '{shown}'"
    near = matches(one, text, {})
    if len(near) != 1:
        raise Fault(message)
    start, line = near[0]
    number = text.count("\n", 0, start) + 1
    raise Fault(f"{message}; line {number} is '{line}'", number)


def line_edit(one: Template, text: str, old: Mapping[str, str], values: Mapping[str, str]) -> Edit:
    """Return the edit of the one line that a template matches. Raises `Fault`."""
    start, line = only_line(one, text, old)
    return Edit(start, start + len(line), one.fill(values), one.text)


def row_edit(
    target: TargetFile, text: str, old: Mapping[str, str], values: Mapping[str, str]
) -> Edit:
    """Return the edit of a table's row; a kept row follows the new one, with its other status."""
    assert target.rows is not None
    start, line = only_line(target.rows, text, with_status(target, old))
    after = target.rows.fill(with_status(target, values))
    if target.keep:
        after += line_end(text, start) + kept_row(target, line, old)
    return Edit(start, start + len(line), after, target.rows.text)


def with_status(target: TargetFile, values: Mapping[str, str]) -> dict[str, str]:
    """Return values with the status of a table's current row."""
    return {**values, template.STATUS: target.status}


def kept_row(target: TargetFile, line: str, old: Mapping[str, str]) -> str:
    """Return the row of the release before as it stays below the new one."""
    assert target.rows is not None
    current = with_status(target, old)
    return target.rows.with_value(line, current, template.STATUS, target.kept_status)


def line_end(text: str, start: int) -> str:
    """Return how the line at ``start`` ends, or the one before it if it is the last."""
    feed = text.find("\n", start)
    if feed < 0:
        feed = text.rfind("\n", 0, start)
    return "\r\n" if feed > 0 and text[feed - 1] == "\r" else "\n"


def word_edits(
    one: Template, text: str, old: Mapping[str, str], new: Mapping[str, str]
) -> list[Edit]:
    """Return an edit for each occurrence of a template in code. Raises `Fault` if there is none."""
    word = one.fill(old)
    places = template.occurrences(text, word)
    if not places:
        raise Fault(f"'{word}' stands nowhere; expected it at least once")
    return [Edit(start, start + len(word), one.fill(new), one.text) for start in places]
