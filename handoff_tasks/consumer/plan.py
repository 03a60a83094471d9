"""Plan a repin: an old pin, new values and the files' bytes to new bytes, or to problems.

Functions of values; no file is read or written here. A file that has drifted from the pin is
found before anything is written, and no line changes that a template does not match.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.consumer import edits, json_edit, template
from handoff_tasks.consumer.edits import Edit, Fault, PlannedFile
from handoff_tasks.consumer.pin import CODE, read_pin, same_release, value_at
from handoff_tasks.consumer.profile import MANIFEST, PACKET
from handoff_tasks.consumer.values import NAMES, PinValues, form_fault
from handoff_tasks.formats import strict_json
from handoff_tasks.problems import HandoffError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from handoff_tasks.consumer.profile import Profile, TargetFile
    from handoff_tasks.consumer.template import Template

_RESTORE = "restore the file as the pin says, or correct its templates in the consumer profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a repin writes: the changed files only, and none if there is a problem."""

    old: PinValues
    new: PinValues
    files: tuple[PlannedFile, ...]
    problems: tuple[Problem, ...]

    @property
    def nothing_to_change(self) -> bool:
        """Return whether the values are pinned already and every file says so."""
        return not self.problems and not self.files


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release to pin.

    ``date`` is the packet's day; ``manifest`` and ``packet`` are bytes to copy.
    """

    values: PinValues
    date: str
    manifest: bytes | None = None
    packet: bytes | None = None


def make(
    profile: Profile, files: Mapping[str, bytes], release: Release, consumer_commit: str
) -> Plan:
    """Return the plan of a repin to ``release``.

    Args:
        profile: The consumer.
        files: The bytes of the files that `Profile.reads` names, by path.
        release: What is to be pinned.
        consumer_commit: The consumer's commit that the bytes are of.
    """
    try:
        old = read_pin(profile, files)
    except HandoffError as error:
        return Plan(old=release.values, new=release.values, files=(), problems=error.problems)
    values, problems = _fill_values(profile, files, release, consumer_commit)
    planned = []
    for path, target in targets(profile):
        data = files.get(path)
        try:
            if data is None:
                raise Fault("the file is not there")
            planned.append(
                _plan_file(profile, target, data, old=old, release=release, values=values)
            )
        except Fault as fault:
            problems.append(fault.problem(path, CODE, _RESTORE))
    changed = tuple(file for file in planned if file.before != file.after)
    if same_release(old, release.values):
        changed = ()
    if not problems and changed:
        problems += _together(profile, [file.path for file in changed])
    return Plan(
        old=old,
        new=release.values,
        files=() if problems else changed,
        problems=tuple(sorted(set(problems))),
    )


def check(profile: Profile, files: Mapping[str, bytes]) -> list[Problem]:
    """Return what of the files does not say what is pinned.

    Args:
        profile: The consumer.
        files: The bytes of the files that `Profile.reads` names, by path.
    """
    try:
        pinned = read_pin(profile, files)
    except HandoffError as error:
        return list(error.problems)
    copies = {file.copy: files.get(file.path) for file in profile.files}
    release = Release(
        values=pinned, date="2000-01-01", manifest=copies.get(MANIFEST), packet=copies.get(PACKET)
    )
    return list(make(profile, files, release, "0" * 40).problems)


def targets(profile: Profile) -> Iterator[tuple[str, TargetFile | None]]:
    """Yield each file to write; None stands for the pin."""
    yield profile.pin_path, None
    for file in profile.files:
        yield file.path, file


def _together(profile: Profile, changed: Sequence[str]) -> Iterator[Problem]:
    """Yield the files that do not change although files of their group do."""
    if not set(profile.together) & set(changed):
        return
    for path in profile.together:
        if path not in changed:
            message = "does not change with the files that it belongs together with"
            hint = "correct together in the consumer profile, or the file's templates"
            yield Problem(code=CODE, where=path, message=message, hint=hint)


def _fill_values(
    profile: Profile, files: Mapping[str, bytes], release: Release, consumer_commit: str
) -> tuple[dict[str, str], list[Problem]]:
    """Return the new value of each placeholder."""
    values = {
        template.CONSUMER_COMMIT: consumer_commit[:7],
        template.DATE: release.date,
        **release.values.known(),
    }
    problems = []
    for name, source in profile.values.items():
        where = f"{source.path}#{json_edit.pointer_of(source.key)}"
        value = _source_value(source.form, source.key, files.get(source.path))
        fault = form_fault(name, value) if value is not None else "nothing is there"
        if fault:
            hint = f"correct values.{name} in the consumer profile"
            problems.append(
                Problem(code=CODE, where=where, message=f"{{{name}}}: {fault}", hint=hint)
            )
        else:
            values[name] = str(value)
    return values, problems


def _source_value(form: str, key: str, data: bytes | None) -> object:
    if data is None:
        return None
    try:
        document: object = (
            strict_json.read(data, "") if form == "json" else tomllib.loads(data.decode("utf-8"))
        )
    except (HandoffError, ValueError, RecursionError):
        return None
    return value_at(document, json_edit.pointer_of(key))


def _plan_file(
    profile: Profile,
    target: TargetFile | None,
    data: bytes,
    *,
    old: PinValues,
    release: Release,
    values: Mapping[str, str],
) -> PlannedFile:
    """Return the file with the new values. Raises `Fault`."""
    if target is not None and target.copy is not None:
        return PlannedFile(
            path=target.path,
            before=data,
            after=_copied(target, data, old, release),
            changes=(),
        )
    text = edits.decode(data)
    if target is None:
        made = list(_pin_edits(profile, text, old, release.values))
        return edits.edited(profile.pin_path, data, text, made)
    _require_known(target, old, release.values)
    made = [edits.line_edit(one, text, old.known(), values) for one in target.lines]
    made += [
        edit for one in target.anywhere for edit in edits.word_edits(one, text, old.known(), values)
    ]
    if target.rows is not None:
        made.append(edits.row_edit(target, text, old.known(), values))
    planned = edits.edited(target.path, data, text, made)
    if not same_release(old, release.values):
        _check_after(target, planned.after.decode("utf-8"), old, release.values, text)
    return planned


def _copied(target: TargetFile, data: bytes, old: PinValues, release: Release) -> bytes:
    """Return the bytes of a copy. The mirror of the manifest was compared when the pin was read."""
    if target.copy == PACKET:
        tag = value_at(_read_or_none(data), "/release_tag")
        commit = value_at(_read_or_none(data), "/commit_sha")
        if (tag, commit) != (old.release_tag, old.commit_sha):
            found = f"of {tag}/{commit}" if tag and commit else "not readable"
            raise Fault(f"the packet there is {found}; the pin says {old.pair}")
    copied = release.manifest if target.copy == MANIFEST else release.packet
    if copied is None:
        raise Fault(f"the {target.copy} of {release.values.release_tag} is not known")
    return copied


def _read_or_none(data: bytes) -> object:
    try:
        return strict_json.read(data, "")
    except HandoffError:
        return None


def _require_known(target: TargetFile, old: PinValues, new: PinValues) -> None:
    """Refuse templates with a pinned value that one of the releases does not state."""
    used = [one for one in (*target.lines, *target.anywhere, target.rows) if one is not None]
    for one in used:
        for name in one.names:
            for values in (old, new):
                if name in NAMES and name not in values.known():
                    raise Fault(
                        f"'{one.text}' needs {name}, which {values.release_tag} does not state"
                    )


def _pin_edits(profile: Profile, text: str, old: PinValues, new: PinValues) -> Iterator[Edit]:
    """Yield the edits of the pin's fields whose values change; the others keep their bytes."""
    places = json_edit.text_places(text)
    known = new.known()
    for name, key in profile.pin_fields.items():
        if name not in known:
            raise Fault(f"the pin has {name}, which {new.release_tag} does not state")
        if old.to_dict()[name] != known[name]:
            start, end = places[json_edit.pointer_of(key)]
            yield Edit(start, end, json_edit.written(known[name]), f"pin.fields.{name}")


def _check_after(
    target: TargetFile, after: str, old: PinValues, new: PinValues, before: str
) -> None:
    """Refuse new bytes in which the new values would not be found again. Raises `Fault`."""
    values = new.known()
    for one in target.lines:
        _require_one(one, after, values)
    if target.rows is not None:
        _require_one(target.rows, after, edits.with_status(target, values))
    for one in target.anywhere:
        word, earlier = one.fill(values), one.fill(old.known())
        count = len(template.occurrences(before, earlier))
        if word != earlier and len(template.occurrences(after, word)) != count:
            raise Fault(f"'{word}' stands there already, so it could not be found again")


def _require_one(one: Template, after: str, values: Mapping[str, str]) -> None:
    found = edits.matches(one, after, values)
    if len(found) > 1:
        numbers = [after.count("\n", 0, start) + 1 for start, _ in found]
        shown, many = one.fill(values), " and ".join(map(str, numbers))
        message = f"with the new values lines {many} would both be '{shown}'"
        raise Fault(f"{message}; expected exactly one", numbers[0])
