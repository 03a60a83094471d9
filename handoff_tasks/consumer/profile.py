"""Read a consumer profile: TOML text to a `Profile`, with every mistake at once and its line.

Functions of values: bytes and schema are handed in, and nothing is asked for by a consumer's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handoff_tasks.consumer import template
from handoff_tasks.consumer.values import NAMES
from handoff_tasks.formats import canonical, schemas, toml_document
from handoff_tasks.producer.profile_rules import pass_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handoff_tasks.consumer.template import Template

CONTRACT = "consumer-profile.v1"
MANIFEST = "manifest"
PACKET = "packet"
STABLE = "stable"
_HINT = "correct the profile; every key is described in schemas/consumer-profile.v1.schema.json"
_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """The pinned producer. ``path`` is where it is embedded in the consumer, None if it is not."""

    name: str
    profile: str
    path: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueSource:
    """Where the value of a placeholder is read: ``form`` is json or toml."""

    path: str
    form: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFile:
    """A file that changes with the pin. ``copy`` is `MANIFEST`, `PACKET` or None."""

    path: str
    copy: str | None
    lines: tuple[Template, ...]
    anywhere: tuple[Template, ...]
    rows: Template | None
    keep: bool
    status: str
    kept_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that validators need.

    ``version`` are the words that ask for its version; ``hint`` is what to do without it.
    """

    name: str
    executables: tuple[str, ...]
    version: tuple[str, ...] | None
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Validator:
    """A command that must pass. ``argv`` and the values of ``set`` may have ``{root}``."""

    id: str
    argv: tuple[str, ...]
    success_line: str | None
    set: Mapping[str, str]
    tools: tuple[str, ...]
    timeout_seconds: int

    @property
    def command(self) -> str:
        """The command line for people, run from the consumer's root."""
        return " ".join(_quote(word.replace("{root}", ".")) for word in self.argv)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is accepted without a further word."""

    refuse_breaking: bool
    notice: bool
    modes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A consumer. ``digest`` is the digest of the whole document's canonical form."""

    name: str
    digest: str
    producer: Producer
    pin_path: str
    pin_fields: Mapping[str, str]
    values: Mapping[str, ValueSource]
    files: tuple[TargetFile, ...]
    together: tuple[str, ...]
    pass_names: tuple[str, ...]
    set: Mapping[str, str]
    tools: Mapping[str, Tool]
    validators: tuple[Validator, ...]
    policy: Policy
    receipt_path: str

    @property
    def targets(self) -> tuple[str, ...]:
        """The files that an accept writes beside the receipt: the pin, then the others."""
        return (self.pin_path, *(file.path for file in self.files))

    @property
    def reads(self) -> tuple[str, ...]:
        """The files that a plan is made from, sorted and each once."""
        return tuple(sorted({*self.targets, *(source.path for source in self.values.values())}))

    @property
    def mirror(self) -> TargetFile | None:
        """The copy of the producer's manifest, if there is one."""
        return next((file for file in self.files if file.copy == MANIFEST), None)


def parse(data: bytes, where: str, schema: Mapping[str, Any]) -> Profile:
    """Return the profile in ``data``, a TOML document that follows ``schema``.

    Raises:
        HandoffError: HP120, with every mistake: syntax, violations of the schema, contradictions.
    """
    document = toml_document.read(data, where, schema, _contradictions, code="HP120", hint=_HINT)
    return _profile(document)


def _contradictions(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield pointer and message of each mistake that no schema can state."""
    yield from _paths(document)
    yield from _files(document)
    yield from _values(document)
    yield from _validators(document)
    yield from pass_faults(document.get("environment", {}).get("pass", ()))


def _paths(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    targets = {"/pin/path": document["pin"]["path"], "/receipt": document["receipt"]}
    targets |= {
        f"/files/{number}/path": file["path"]
        for number, file in enumerate(document.get("files", ()))
    }
    seen: dict[str, str] = {}
    for pointer, path in targets.items():
        # Some file systems take two spellings for one file.
        plain = "/".join(part for part in path.split("/") if part not in ("", ".")).casefold()
        if plain in seen:
            yield pointer, f"{path} is written twice; it is {seen[plain]} already"
        seen.setdefault(plain, pointer)
        if path != "/".join(part for part in path.split("/") if part not in ("", ".")):
            yield pointer, f"found {path!r}; expected a path without empty parts and dots"
        if ".git" in plain.split("/"):
            yield pointer, f"{path} is below .git; expected a file of the consumer"
    known = [document["pin"]["path"], *(file["path"] for file in document.get("files", ()))]
    for number, path in enumerate(document.get("together", ())):
        if path not in known:
            near = schemas.nearest(path, known)
            yield f"/together/{number}", f"{path} is neither the pin nor one of the files{near}"


def _files(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = [*NAMES, *template.BUILT_IN, *document.get("values", {})]
    copies: dict[str, int] = {}
    for number, file in enumerate(document.get("files", ())):
        place = f"/files/{number}"
        kinds = [kind for kind in ("copy", "lines", "anywhere", "rows") if kind in file]
        if not kinds:
            yield place, "one of copy, lines, anywhere and rows is missing"
        if "copy" in kinds:
            if len(kinds) > 1:
                yield f"{place}/copy", f"a copy has no {kinds[1]}; expected copy alone"
            if file["copy"] in copies:
                yield (
                    f"{place}/copy",
                    f"the {file['copy']} is copied to /files/{copies[file['copy']]} already",
                )
            copies.setdefault(file["copy"], number)
        if "rows" not in kinds:
            for key in ("keep", "status", "kept_status"):
                if key in file:
                    yield f"{place}/{key}", f"there are no rows; only rows have {key}"
        yield from _templates(file, place, names)


def _templates(file: Mapping[str, Any], place: str, names: list[str]) -> Iterator[tuple[str, str]]:
    texts = {f"{place}/lines/{number}": text for number, text in enumerate(file.get("lines", ()))}
    for pointer, text in texts.items():
        yield from _template(pointer, text, names)
    for number, text in enumerate(file.get("anywhere", ())):
        # A value that is not pinned could not be distinguished from other words in code.
        yield from _template(f"{place}/anywhere/{number}", text, list(NAMES))
    if "rows" in file:
        yield from _template(f"{place}/rows", file["rows"], [*names, template.STATUS])
        if file.get("keep") and "{status}" not in file["rows"]:
            yield (
                f"{place}/keep",
                "the rows have no {status}, so a kept row would look like a current one",
            )
        status, kept = _statuses(file)
        if status == kept:
            yield f"{place}/kept_status", f"{kept} is the status of a current row too"


def _template(pointer: str, text: str, names: list[str]) -> Iterator[tuple[str, str]]:
    try:
        parsed = template.parse(text, names)
    except ValueError as error:
        yield pointer, str(error)
        return
    if not [name for name in parsed.names if name != template.STATUS]:
        yield pointer, "there is no placeholder, so nothing would change"


def _values(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    taken = [*NAMES, *template.BUILT_IN, template.STATUS]
    for name, source in document.get("values", {}).items():
        if name in taken:
            yield f"/values/{name}", f"{{{name}}} has a meaning already; expected another name"
        if ("json" in source) == ("toml" in source):
            yield f"/values/{name}", "expected one of json and toml, the key in the file"


def _validators(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tools = document.get("tools", {})
    seen = set()
    for number, validator in enumerate(document["validators"]):
        if validator["id"] in seen:
            yield (
                f"/validators/{number}/id",
                f"{validator['id']} stands twice; expected each id once",
            )
        seen.add(validator["id"])
        for place, name in enumerate(validator.get("tools", ())):
            if name not in tools:
                known = ", ".join(tools) or "none"
                near = schemas.nearest(name, tools)
                message = f"{name} is not a tool of this profile{near}; known: {known}"
                yield f"/validators/{number}/tools/{place}", message
        seconds = validator.get("timeout_seconds", _TIMEOUT_SECONDS)
        if isinstance(seconds, float):
            yield (
                f"/validators/{number}/timeout_seconds",
                f"found {seconds}; expected a whole number without a point",
            )


def _statuses(file: Mapping[str, Any]) -> tuple[str, str]:
    return file.get("status", "Approved"), file.get("kept_status", "Superseded")


def _profile(document: Mapping[str, Any]) -> Profile:
    producer, environment = document["producer"], document.get("environment", {})
    policy = document.get("policy", {})
    names = [*NAMES, *template.BUILT_IN, *document.get("values", {})]
    return Profile(
        name=document["name"],
        digest=canonical.digest(document),
        producer=Producer(
            name=producer["name"], profile=producer["profile"], path=producer.get("path")
        ),
        pin_path=document["pin"]["path"],
        pin_fields=document["pin"]["fields"],
        values={name: _source(one) for name, one in document.get("values", {}).items()},
        files=tuple(_file(file, names) for file in document.get("files", ())),
        together=tuple(document.get("together", ())),
        pass_names=tuple(environment.get("pass", ())),
        set=environment.get("set", {}),
        tools={name: _tool(name, tool) for name, tool in document.get("tools", {}).items()},
        validators=tuple(_validator(one) for one in document["validators"]),
        policy=Policy(
            refuse_breaking=policy.get("breaking", "refuse") == "refuse",
            notice=policy.get("notice", True),
            modes=tuple(policy.get("modes", (STABLE,))),
        ),
        receipt_path=document["receipt"],
    )


def _source(source: Mapping[str, str]) -> ValueSource:
    form = "json" if "json" in source else "toml"
    return ValueSource(path=source["path"], form=form, key=source[form])


def _file(file: Mapping[str, Any], names: list[str]) -> TargetFile:
    rows = file.get("rows")
    status, kept_status = _statuses(file)
    return TargetFile(
        path=file["path"],
        copy=file.get("copy"),
        lines=tuple(template.parse(text, names) for text in file.get("lines", ())),
        anywhere=tuple(template.parse(text, names) for text in file.get("anywhere", ())),
        rows=template.parse(rows, [*names, template.STATUS]) if rows else None,
        keep=file.get("keep", False),
        status=status,
        kept_status=kept_status,
    )


def _tool(name: str, tool: Mapping[str, Any]) -> Tool:
    return Tool(
        name=name,
        executables=tuple(tool["executables"]),
        version=tuple(tool["version"]) if "version" in tool else None,
        hint=tool["hint"],
    )


def _validator(validator: Mapping[str, Any]) -> Validator:
    return Validator(
        id=validator["id"],
        argv=tuple(validator["argv"]),
        success_line=validator.get("success_line"),
        set=validator.get("set", {}),
        tools=tuple(validator.get("tools", ())),
        timeout_seconds=validator.get("timeout_seconds", _TIMEOUT_SECONDS),
    )


def _quote(word: str) -> str:
    """Return the word as a shell needs it; plain words stay plain."""
    if re.fullmatch(r"[A-Za-z0-9_./:=@%+,-]+", word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
