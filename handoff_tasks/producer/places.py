"""Read a version from a file of a commit, at the place that a profile names."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats import safe_regex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FORMS = ("toml", "json", "pattern")
# One part of a TOML key: bare, or quoted.
_PART = re.compile(r"\s*(?:([A-Za-z0-9_-]+)|\"([^\"\\]*)\"|'([^']*)')\s*(\.|\Z)")
# What a version may look like: one line without spaces at its ends.
_VALUE = re.compile(r"[!-~]+( [!-~]+)*")
_LONGEST = 200
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePlace:
    """Where a file states a value.

    ``form`` is ``toml`` or ``json``, with a key in the syntax of TOML, or ``pattern``, with a
    regular expression for one line.
    """

    path: str
    form: str
    key: str

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ValuePlace:
        """Return the place of a table that its schema and `place_faults` accepted."""
        form = next(form for form in _FORMS if form in document)
        return cls(path=document["path"], form=form, key=document[form])

    @property
    def text(self) -> str:
        """The place for people: ``pyproject.toml, project.version``."""
        return f"{self.path}, {self.key}"


def place_faults(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return key and message of each fault of a place that its schema accepts."""
    forms = [form for form in _FORMS if form in document]
    if len(forms) != 1:
        found = " and ".join(forms) or "none"
        return [("", f"found {found}; expected exactly one of {', '.join(_FORMS)} beside path")]
    form = forms[0]
    try:
        if form == "pattern":
            safe_regex.compile_pattern(document[form])
        else:
            split_key(document[form])
    except ValueError as error:
        return [(f"/{form}", str(error))]
    return []


def split_key(key: str) -> list[str]:
    """Return the parts of a dotted key. Raises ValueError that says where it is wrong."""
    parts, at = [], 0
    while True:
        match = _PART.match(key, at)
        if match is None:
            raise ValueError(
                f"found {key[at : at + 20]!r} at character {at + 1}; expected a key as in TOML, "
                'such as project.version or packages."a/b"'
            )
        parts.append(next(part for part in match.groups()[:3] if part is not None))
        at = match.end()
        if not match[4]:
            return parts


def read_value(place: ValuePlace, data: bytes) -> str:
    """Return the value that a file states. Raises ValueError that says what was found."""
    if place.form == "pattern":
        found = safe_regex.search_lines(place.key, data.decode("utf-8", "replace"))
        if found is None:
            raise ValueError(f"no line matches {place.key}")
        return _checked(found)
    document = _read_toml(data) if place.form == "toml" else _read_json(data)
    value: Any = document
    way: list[str] = []
    for part in split_key(place.key):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            below = f" below {'.'.join(way)}" if way else ""
            raise ValueError(f"there is no {part}{below}")
        way.append(part)
    if not isinstance(value, str):
        message = f"{place.key} is {_kind(value)}; expected a text"
        raise ValueError(message)  # noqa: TRY004 - all that is wrong with the file is one error
    return _checked(value)


def _read_toml(data: bytes) -> object:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"not TOML: {error}") from None


def _read_json(data: bytes) -> object:
    # A file of others, such as package.json: what the strict reader refuses does no harm here.
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None


def _checked(value: str) -> str:
    if len(value) > _LONGEST or not _VALUE.fullmatch(value):
        raise ValueError(
            f"found {value[:_SHOWN]!r}; expected one line of printable ASCII characters, at most "
            f"{_LONGEST}"
        )
    return value


def _kind(value: object) -> str:
    kinds = {dict: "a table", list: "a list", bool: "a boolean", int: "a number"}
    return kinds.get(type(value), f"a {type(value).__name__}")
