"""Find what a consumer has pinned already, and write a first consumer profile from it.

Functions of values. A pin is a JSON file with a release's tag and commit, a mirror is a file whose
sha256 the pin names, and a file that names both tag and commit in lines of their own says so too.
Which of these are history only a person can say. A file that no script names which also names the
pin is likely to be, so it is written as a comment.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.consumer import json_edit, template
from handoff_tasks.consumer.values import NAMES, PinValues, form_fault
from handoff_tasks.formats import strict_json
from handoff_tasks.problems import HandoffError, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MANIFEST_PATH = "contracts/integration/v1/producer-contract-manifest.json"
_RECEIPT = "producer-repin-receipt.json"
_DOCUMENTS = (".md", ".json", ".toml", ".txt")
_TAG = re.compile(r"v(?:0|[1-9]\d{0,5})\.(?:0|[1-9]\d{0,5})\.(?:0|[1-9]\d{0,5})")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTRACTS = {
    "service": re.compile(r"service\.v\d{1,4}"),
    "api": re.compile(r"api\.v\d{1,4}"),
    "baseline": re.compile(r"integration/v\d{1,4}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPin:
    """A pin: where it is, the JSON pointer of each value, and the values. ``mirror`` is a path."""

    path: str
    fields: Mapping[str, str]
    values: PinValues
    mirror: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file that names the pinned release: templates of its lines, and a row of a table.

    ``used`` is whether a script names it and the pin.
    """

    path: str
    lines: tuple[str, ...]
    row: str | None
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What was found. ``history`` are files that name the tag in other ways, and are left out.

    ``embedded`` is the folder of an embedded producer, whose files are left out too.
    """

    pin: FoundPin
    embedded: str | None
    files: tuple[FoundFile, ...]
    history: tuple[str, ...]


def find_pins(files: Mapping[str, bytes]) -> list[FoundPin]:
    """Return the pins among files, those with a mirror first, then by path."""
    copies: dict[str, list[str]] = {}
    for path, data in sorted(files.items()):
        copies.setdefault(hashlib.sha256(data).hexdigest(), []).append(path)
    found = [pin for path, data in files.items() if (pin := _pin(path, data, copies))]
    return sorted(found, key=lambda pin: (pin.mirror is None, -len(pin.fields), pin.path))


def scan(files: Mapping[str, bytes], where: str, manifest_path: str = MANIFEST_PATH) -> Scan:
    """Return what the consumer has pinned, and which of its files say so.

    Args:
        files: The committed files of the consumer, by path.
        where: What the consumer is called in messages.
        manifest_path: Where the producer has its manifest, to know an embedded producer by.

    Raises:
        HandoffError: HP120, if there is no pin.
    """
    pins = find_pins(files)
    if not pins:
        message = "no JSON file has both a release tag and a commit, so nothing is pinned here"
        hint = "write a pin with release_tag and commit_sha first, then run again"
        raise refusal("HP120", where, message, hint)
    pin = pins[0]
    embedded = min(
        (
            path.removesuffix(f"/{manifest_path}")
            for path in files
            if path.endswith(f"/{manifest_path}")
        ),
        key=len,
        default=None,
    )
    users = [
        data
        for path, data in files.items()
        if _names(data, pin.path) and not path.endswith(_DOCUMENTS)
    ]
    found, history = [], []
    for path, data in sorted(files.items()):
        if path in (pin.path, pin.mirror) or pin.values.release_tag.encode() not in data:
            continue
        if embedded is not None and path.startswith(f"{embedded}/"):
            continue
        used = not users or any(_names(user, path) for user in users)
        file = None if path.endswith(".json") else _file(path, data, pin.values, used=used)
        if file is None:
            history.append(path)
        else:
            found.append(file)
    return Scan(pin=pin, embedded=embedded, files=tuple(found), history=tuple(history))


def write_profile(found: Scan, name: str, producer: str) -> str:
    """Return the text of a first consumer profile. What a person must decide is marked TODO."""
    return "\n".join(_profile_lines(found, name, producer)) + "\n"


def _pin(path: str, data: bytes, copies: Mapping[str, Sequence[str]]) -> FoundPin | None:
    """Return the pin in a file, None if it is not one."""
    if not path.endswith((".json", ".lock")):
        return None
    try:
        strict_json.read(data, path)
    except HandoffError:
        return None
    text = data.decode("utf-8")
    fields: dict[str, str] = {}
    values: dict[str, str] = {}
    mirror = None
    for pointer, (start, end) in json_edit.text_places(text).items():
        value = json.loads(text[start:end])
        for kind in _kinds(value):
            if kind == "manifest_sha256":
                near = _nearest(path, copies.get(value, ()))
                if near is None:
                    continue
                mirror = near
            if kind in fields or form_fault(kind, value):
                continue
            fields[kind], values[kind] = pointer, value
    if not {"release_tag", "commit_sha"} <= fields.keys() or "error_code_enum" in text:
        return None
    return FoundPin(path=path, fields=fields, values=PinValues(**values), mirror=mirror)


def _nearest(path: str, others: Sequence[str]) -> str | None:
    """Return the file that shares most of its folders with another one."""
    folders = path.split("/")[:-1]

    def shared(other: str) -> int:
        pairs = zip(folders, other.split("/")[:-1], strict=False)
        return next((number for number, (one, two) in enumerate(pairs) if one != two), len(folders))

    return max((other for other in others if other != path), key=shared, default=None)


def _names(data: bytes, path: str) -> bool:
    """Return whether a file names another one, by the last part of its path."""
    return path.rpartition("/")[2].encode() in data


def _kinds(value: str) -> Iterator[str]:
    patterns = {
        "release_tag": _TAG,
        "commit_sha": _COMMIT,
        "manifest_sha256": _SHA256,
        **_CONTRACTS,
    }
    return (kind for kind, pattern in patterns.items() if pattern.fullmatch(value))


def _file(path: str, data: bytes, values: PinValues, *, used: bool) -> FoundFile | None:
    """Return the templates of a file that names tag and commit in lines of their own."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if text.startswith("\ufeff"):
        return None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    named = [line for line in lines if _is_statement(line, values)]
    rows = [line for line in named if line.lstrip().startswith("|")]
    texts = [_as_template(line, values) for line in named if line not in rows]
    statements = "\n".join(named)
    if values.release_tag not in statements or values.commit_sha not in statements:
        return None
    if len(set(named)) != len(named) or len(rows) > 1:
        return None
    row = _as_template(rows[0], values) if rows else None
    return FoundFile(path=path, lines=tuple(texts), row=row, used=used)


def _is_statement(line: str, values: PinValues) -> bool:
    """Return whether a line says a value and nothing else: a name, a colon and values, or a row."""
    known = values.known()
    said = [value for value in known.values() if template.occurrences(line, value)]
    if not said or len(line) > 1000:
        return False
    if line.lstrip().startswith("|"):
        return known["release_tag"] in said and known["commit_sha"] in said
    _, colon, rest = line.partition(": ")
    for value in known.values():
        rest = rest.replace(value, "")
    return bool(colon) and not re.search(r"[A-Za-z0-9]", rest)


def _as_template(line: str, values: PinValues) -> str:
    """Return a line with its pinned values as placeholders, the longest values first."""
    made = line.replace("{", "{{").replace("}", "}}")
    for name, value in sorted(values.known().items(), key=lambda item: -len(item[1])):
        for start in reversed(template.occurrences(made, value)):
            made = f"{made[:start]}{{{name}}}{made[start + len(value) :]}"
    return made


def _profile_lines(found: Scan, name: str, producer: str) -> Iterator[str]:
    pin = found.pin
    yield "# A first consumer profile, from what was found. Read each TODO before you use it."
    yield "# The reference page of consumer-profile.v1 describes every key."
    yield 'profile_contract_version = "consumer-profile.v1"'
    yield f"name = {_quoted(name)}"
    folder = pin.path.rpartition("/")[0]
    receipt = f"{folder}/{_RECEIPT}" if folder else _RECEIPT
    yield f"receipt = {_quoted(receipt)}"
    yield from _list("together", [path for path in (pin.path, pin.mirror) if path])
    yield from ("", "[producer]", f"name = {_quoted(producer)}")
    yield "# TODO: a built-in profile's name, or the profile's path in the producer's commit."
    yield 'profile = "memorykernel"'
    if found.embedded:
        yield f"path = {_quoted(found.embedded)}"
    yield from ("", "[pin]", f"path = {_quoted(pin.path)}", "", "[pin.fields]")
    for value in NAMES:
        if value in pin.fields:
            pointer = pin.fields[value]
            plain = pointer.count("/") == 1 and "~" not in pointer
            yield f"{value} = {_quoted(pointer[1:] if plain else pointer)}"
    if pin.mirror:
        yield from ("", "[[files]]", f"path = {_quoted(pin.mirror)}", 'copy = "manifest"')
    for file in found.files:
        if file.used:
            yield from (
                "",
                "# TODO: keep this if it says what is pinned now; delete it if it is history.",
            )
            yield from _file_lines(file)
    for file in found.files:
        if not file.used:
            yield from ("", "# No script names this file and the pin, so it may be history.")
            yield from (f"# {line}" for line in _file_lines(file))
    if found.history:
        yield from ("", f"# These name {pin.values.release_tag} too and stay as they are:")
        yield from (f"#   {path}" for path in found.history)
    yield from (
        "",
        "# TODO: the commands that must pass before anything is written.",
        "[[validators]]",
        'id = "todo"',
        'argv = ["false"]',
        "",
        "[policy]",
        'breaking = "refuse"',
        "notice = true",
        'modes = ["stable"]',
    )


def _file_lines(file: FoundFile) -> Iterator[str]:
    yield from ("[[files]]", f"path = {_quoted(file.path)}")
    if file.lines:
        yield from _list("lines", file.lines)
    if file.row:
        yield "# {consumer_commit} and placeholders of [values] can stand in a row too."
        yield f"rows = {_quoted(file.row)}"


def _list(key: str, items: Sequence[str]) -> Iterator[str]:
    yield f"{key} = ["
    yield from (f"  {_quoted(item)}," for item in items)
    yield "]"


def _quoted(text: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's too, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
