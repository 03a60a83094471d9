"""Read packets from files and from tags, also those of other generators."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from handoff_tasks import files
from handoff_tasks.formats import strict_json
from handoff_tasks.packet.document import GO, is_own
from handoff_tasks.packet.form import foreign_faults
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.rules import form

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.packet.document import AnyPacket, ForeignPacket


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a session is called.

    ``noxfile`` is None if nox finds it by itself; ``options`` name the producer.
    """

    noxfile: Path | None = None
    options: tuple[str, ...] = ()

    def line(self, session: str, *words: str) -> str:
        """Return the command line for a session with these words; it can be pasted."""
        command = ["nox"]
        if self.noxfile:
            command += ["-f", str(self.noxfile)]
        return shlex.join([*command, "-s", session, "--", *words, *self.options])


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet as it was read.

    ``source`` is its path or tag, ``word`` its name in a command, ``data`` are its bytes, ``notes``
    are advisories on it, ``commit`` is that of the tag, if it was read at one. ``signatures`` is
    what is shown of its signatures, each with its name.
    """

    source: str
    word: str
    document: AnyPacket
    sha256: str
    notes: tuple[Problem, ...]
    commit: str | None = None
    data: bytes = b""
    signatures: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the form of the JSON output."""
        return {
            "source": self.source,
            "sha256": self.sha256,
            "own": is_own(self.document),
            "handoff_mode": self.document["handoff_mode"],
            "release_tag": self.document["release_tag"],
            "commit_sha": self.document["commit_sha"],
        }


def read_file(path: Path) -> Packet:
    """Return the packet in a file. Raises `HandoffError`: HP005, and those of `_parse`."""
    return _parse(read_file_bytes(path), str(path))


def read_file_bytes(path: Path) -> bytes:
    """Return the bytes of a packet's file.

    Raises `HandoffError` (HP005) if it cannot be read or is too large to be a packet.
    """
    try:
        return files.read_plain(path)
    except OSError as error:
        message = f"the packet cannot be read: {error.strerror}"
        hint = "name a packet's file, or TAG: for the one that is published at a tag"
        raise refusal("HP005", str(path), message, hint) from None


def read_at_tag(workspace: Workspace, name: str, call: Call | None = None) -> Packet:
    """Return the packet in the producer's tree at a tag.

    ``call`` is used for the next command in messages. Raises `HandoffError`: HP100 (no packet
    there), HP101 (no such tag), and those of `_parse`.
    """
    data, where, tag = read_bytes_at_tag(workspace, name, call)
    packet = _parse(data, where)
    stated = packet.document["release_tag"]
    notes = packet.notes
    if workspace.profile.tag_name(stated) != tag:
        message = f"the packet at this tag is that of {stated}: no later one was committed"
        hint = f"make one of {tag}: {_make(workspace, tag, call)}"
        notes += (Problem(code="HA103", where=where, message=message, hint=hint),)
    commit = workspace.producer.tags[tag].commit
    return replace(packet, word=f"{tag}:", commit=commit, notes=notes)


def read_bytes_at_tag(
    workspace: Workspace, name: str, call: Call | None = None
) -> tuple[bytes, str, str]:
    """Return a packet's bytes at a tag, their name in messages, and the tag's full name.

    Raises `HandoffError`: HP100 (no packet there), HP101 (no such tag).
    """
    producer, profile = workspace.producer, workspace.profile
    tag = name if name in producer.tags else profile.tag_name(name)
    ref = producer.tags.get(tag)
    if ref is None or ref.commit is None:
        known = ", ".join(sorted(producer.tags)) or "none"
        message = f"no such release tag in {producer.root}; known: {known}"
        hint = (
            "correct the tag, or fetch the tags (git fetch --tags); "
            "a packet's file is named without a colon at its end"
        )
        raise refusal("HP101", f"tag {name}", message, hint)
    data = read_path_at_tag(workspace, tag, profile.packet_path)
    where = f"{tag}:{profile.packet_path}"
    if data is None:
        hint = f"make one of that release: {_make(workspace, tag, call)}; then name FILE"
        raise refusal("HP100", where, "there is no packet in the tag's tree", hint)
    return data, where, tag


def read_path_at_tag(workspace: Workspace, tag: str, path: str) -> bytes | None:
    """Return a file of the producer's tree at a tag of a commit, None if it is not there."""
    commit = workspace.producer.tags[tag].commit
    assert commit is not None
    at = replace(workspace.producer, commit=commit)
    return workspace.repository.files(at, [path])[path]


def _make(workspace: Workspace, tag: str, call: Call | None) -> str:
    session = workspace.profile.modes[0].session
    return (call or Call()).line(session, "--ref", tag, "--out-json", "FILE")


def _parse(data: bytes, where: str) -> Packet:
    """Return the packet in ``data``.

    Raises `HandoffError`: HP002 (not JSON), HP070 and HP071 (an invalid packet of this library),
    HP102 (not a packet).
    """
    document = strict_json.read(data, where)
    note = None
    if isinstance(document, dict) and is_own(document):
        if problems := form.check_document(document, data, where):
            raise HandoffError(problems)
        packet: AnyPacket = document
        if document["verdict"] != GO:
            message = "a draft: the packet itself says NO-GO"
            hint = "do not pin it"
            note = Problem(code="HA102", where=where, message=message, hint=hint)
    else:
        _require_packet(document, where)
        packet = cast("ForeignPacket", document)
        message = (
            "not a packet of this library: it records no outcome, and only the keys that every "
            "packet has are read"
        )
        hint = "ask the producer for a packet of a handoff session"
        note = Problem(code="HA100", where=where, message=message, hint=hint)
    return Packet(
        source=where,
        word=where,
        document=packet,
        sha256=hashlib.sha256(data).hexdigest(),
        data=data,
        notes=(note,) if note else (),
    )


def _require_packet(document: object, where: str) -> None:
    hint = "name a file that contains a handoff packet"
    problems = [
        Problem(code="HP102", where=f"{where}#{pointer}", message=message, hint=hint)
        for pointer, message in foreign_faults(document)
    ]
    if problems:
        raise HandoffError(problems)
