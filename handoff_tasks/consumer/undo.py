"""Plan how to take an accept back from files that were edited since.

Functions of values. Each template filled with the accepted values must match exactly one line; the
line comes back that the accept replaced. What was edited elsewhere stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.consumer import edits, json_edit, template
from handoff_tasks.consumer.edits import Edit, Fault, PlannedFile
from handoff_tasks.consumer.pin import pin_fields
from handoff_tasks.consumer.plan import Plan, targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handoff_tasks.consumer.profile import Profile, TargetFile
    from handoff_tasks.consumer.values import PinValues

_CODE = "HP128"
_LATER_EDIT = "restore the file as the accept left it, then run again; nothing was written"


def undo(
    profile: Profile,
    before: Mapping[str, bytes],
    current: Mapping[str, bytes],
    old: PinValues,
    new: PinValues,
) -> Plan:
    """Return the plan that takes an accept back from files that were edited since.

    Each template filled with the accepted values must match exactly one line of the current file;
    the line comes back that it replaced. What was edited elsewhere stays.

    Args:
        profile: The consumer.
        before: The bytes before the accept, of the files to undo, by path.
        current: Their bytes now.
        old: What was pinned before the accept.
        new: What the accept has pinned.
    """
    planned, problems = [], []
    for path, target in targets(profile):
        if path not in before:
            continue
        try:
            if path not in current:
                raise Fault("the file is not there")
            planned.append(
                _undo_file(profile, target, before[path], current[path], old=old, new=new)
            )
        except Fault as fault:
            problems.append(fault.problem(path, _CODE, _LATER_EDIT))
    return Plan(
        old=new,
        new=old,
        files=() if problems else tuple(one for one in planned if one.before != one.after),
        problems=tuple(sorted(set(problems))),
    )


def _undo_file(
    profile: Profile,
    target: TargetFile | None,
    before: bytes,
    current: bytes,
    *,
    old: PinValues,
    new: PinValues,
) -> PlannedFile:
    """Return the current file with the places of the accept as they were before. Raises `Fault`."""
    path = profile.pin_path if target is None else target.path
    if target is not None and target.copy is not None:
        raise Fault(f"the copy of the {target.copy} was edited since the accept")
    earlier, text = edits.decode(before), edits.decode(current)
    if target is None:
        return edits.edited(path, current, text, _pin_undo(profile, current, earlier, text, new))
    was, now = old.known(), new.known()
    made: list[Edit] = []
    for one in target.lines:
        start, line = edits.only_line(one, text, now)
        made.append(Edit(start, start + len(line), edits.only_line(one, earlier, was)[1], one.text))
    for one in target.anywhere:
        count = len(template.occurrences(earlier, one.fill(was)))
        places = edits.word_edits(one, text, now, was)
        if len(places) != count:
            message = f"'{one.fill(now)}' stands there {len(places)} times"
            raise Fault(f"{message}; the accept wrote it {count} times")
        made += places
    if target.rows is not None:
        made.append(_row_undo(target, earlier, text, was, now))
    return edits.edited(path, current, text, made)


def _pin_undo(
    profile: Profile, current: bytes, earlier: str, text: str, new: PinValues
) -> Iterator[Edit]:
    """Yield the edits of a pin that was edited since, and still has the accepted values."""
    stated, problems = pin_fields(profile, {profile.pin_path: current})
    if problems:
        raise Fault(problems[0].message)
    places, origins = json_edit.text_places(text), json_edit.text_places(earlier)
    for name, key in profile.pin_fields.items():
        pinned = new.to_dict()[name]
        if stated[name] != pinned:
            raise Fault(f"{name} is {stated[name]}; the accept wrote {pinned}")
        pointer = json_edit.pointer_of(key)
        start, end = places[pointer]
        first, last = origins[pointer]
        yield Edit(start, end, earlier[first:last], f"pin.fields.{name}")


def _row_undo(
    target: TargetFile, earlier: str, text: str, was: Mapping[str, str], now: Mapping[str, str]
) -> Edit:
    """Return the edit that brings a row back, and removes the one that was kept below it."""
    assert target.rows is not None
    start, line = edits.only_line(target.rows, text, edits.with_status(target, now))
    _, before = edits.only_line(target.rows, earlier, edits.with_status(target, was))
    end = start + len(line)
    if target.keep:
        kept = edits.kept_row(target, before, was)
        below = edits.line_end(text, start) + kept
        after = text[end + len(below) : end + len(below) + 2]
        if not text.startswith(below, end) or not (after[:1] in ("", "\n") or after == "\r\n"):
            number = text.count("\n", 0, start) + 1
            raise Fault(f"the row below is not '{kept}', which the accept kept", number)
        end += len(below)
    return Edit(start, end, before, target.rows.text)
