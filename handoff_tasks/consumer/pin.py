"""Read what a consumer pins: the fields of its pin, and those that only its mirror states.

Functions of values; the bytes of the files are given.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from handoff_tasks.consumer import json_edit
from handoff_tasks.consumer.values import NAMES, PinValues, form_fault
from handoff_tasks.formats import schemas, strict_json
from handoff_tasks.problems import HandoffError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from handoff_tasks.consumer.profile import Profile

CODE = "HP121"


def read_pin(profile: Profile, files: Mapping[str, bytes]) -> PinValues:
    """Return what is pinned: the pin's fields, and from the mirror what the pin does not state.

    Args:
        profile: The consumer.
        files: The bytes of the files that `Profile.reads` names, by path.

    Raises:
        HandoffError: HP121, if a field is missing, or the mirror is not the pin's.
    """
    stated, problems = pin_fields(profile, files)
    mirror = profile.mirror
    if mirror is not None and mirror.path in files and not problems:
        stated, problems = _with_mirror(stated, mirror.path, files[mirror.path], profile.pin_path)
    if problems:
        raise HandoffError(problems)
    return PinValues(**stated)


def pin_fields(
    profile: Profile, files: Mapping[str, bytes]
) -> tuple[dict[str, str], list[Problem]]:
    """Return the values of the pin's fields by name, and what is wrong with them."""
    path = profile.pin_path
    hint = "correct the pin, or pin.fields in the consumer profile"

    def problem(where: str, message: str) -> Problem:
        return Problem(code=CODE, where=where, message=message, hint=hint)

    if path not in files:
        return {}, [problem(path, "the file is not there")]
    try:
        document = strict_json.read(files[path], path, code=CODE)
    except HandoffError as error:
        return {}, [replace(one, hint=hint) for one in error.problems]
    stated, problems = {}, []
    for name in NAMES:
        if name not in profile.pin_fields:
            continue
        pointer = json_edit.pointer_of(profile.pin_fields[name])
        value = value_at(document, pointer)
        if value is None:
            problems.append(problem(f"{path}#{pointer}", f"the pin has no {name} there"))
        elif fault := form_fault(name, value):
            problems.append(problem(f"{path}#{pointer}", f"{name}: {fault}"))
        else:
            stated[name] = value
    return stated, problems


def _with_mirror(
    stated: dict[str, str], path: str, data: bytes, pin: str
) -> tuple[dict[str, str], list[Problem]]:
    """Return the pin's values with those that only the mirror states."""
    hint = f"restore the manifest of {stated['release_tag']}, or correct {pin}"
    sha256 = hashlib.sha256(data).hexdigest()
    pinned = stated.get("manifest_sha256", sha256)
    if pinned != sha256:
        message = f"the mirror is not the pin's: its sha256 is {sha256}, {pin} says {pinned}"
        return stated, [Problem(code=CODE, where=path, message=message, hint=hint)]
    try:
        document: Any = strict_json.read(data, path, code=CODE)
        mirrored = PinValues.from_manifest(document, sha256).known()
    except HandoffError as error:
        return stated, [replace(one, hint=hint) for one in error.problems]
    except (KeyError, TypeError):
        message = "the mirror is not a producer contract manifest"
        return stated, [Problem(code=CODE, where=path, message=message, hint=hint)]
    problems = []
    for name, value in mirrored.items():
        if fault := form_fault(name, value):
            problems.append(Problem(code=CODE, where=path, message=f"{name}: {fault}", hint=hint))
        elif stated.get(name, value) != value:
            message = (
                f"the mirror is not the pin's: its {name} is {value}, {pin} says {stated[name]}"
            )
            problems.append(Problem(code=CODE, where=path, message=message, hint=hint))
    return {**mirrored, **stated}, problems


def read_manifest(data: bytes) -> PinValues | None:
    """Return what a producer's manifest states, None if it cannot be read or a form is wrong."""
    try:
        document: Any = strict_json.read(data, "")
        values = PinValues.from_manifest(document, hashlib.sha256(data).hexdigest())
    except (HandoffError, KeyError, TypeError):
        return None
    if any(form_fault(name, value) for name, value in values.known().items()):
        return None
    return values


def same_release(old: PinValues, new: PinValues) -> bool:
    """Return whether everything that is pinned is what the release says."""
    known = new.to_dict()
    return all(value == known[name] for name, value in old.known().items())


def value_at(document: object, pointer: str) -> Any:
    """Return what a JSON pointer names, None if there is nothing."""
    value: Any = document
    for key in schemas.pointer_parts(pointer):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value
