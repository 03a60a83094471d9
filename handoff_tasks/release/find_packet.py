"""Read packets from files and from tags, also those of other generators."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import strict_json
from handoff_tasks.packet import build, diff
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.producer import manifest as producer_manifest
from handoff_tasks.rules import form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from handoff_tasks.git.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a person calls a session: the noxfile, if it is not found by itself, and the options that name the producer."""

    noxfile: Path | None = None
    options: tuple[str, ...] = ()

    def line(self, session: str, *words: str) -> str:
        """Return the command line that calls a session with these words and the same producer; it can be pasted."""
        nox = ["nox", *(["-f", str(self.noxfile)] if self.noxfile else []), "-s", session, "--"]
        return shlex.join([*nox, *words, *self.options])


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet as it was read: ``source`` is the path or tag, ``notes`` are advisories on it, ``commit`` is the tag's, if any.

    ``word`` names it in a command.
    """

    source: str
    word: str
    document: Mapping[str, Any]
    sha256: str
    notes: tuple[Problem, ...]
    commit: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON output says of it."""
        return {
            "source": self.source,
            "sha256": self.sha256,
            "own": diff.is_own(self.document),
            "handoff_mode": self.document["handoff_mode"],
            "release_tag": self.document["release_tag"],
            "commit_sha": self.document["commit_sha"],
        }


def from_file(path: Path) -> Packet:
    """Return the packet in a file. Raises `HandoffError`: HP005 (unreadable), and as `_read` does."""
    return _read(bytes_of(path), str(path))


def bytes_of(path: Path) -> bytes:
    """Return the bytes of a packet's file. Raises `HandoffError` (HP005), also for a file that is too large to be one."""
    try:
        return files.read_plain(path)
    except OSError as error:
        hint = "name a packet's file, or TAG: for the one that is published at a tag"
        raise refusal("HP005", str(path), f"the packet cannot be read: {error.strerror}", hint) from None


def at_tag(workspace: Workspace, name: str, call: Call | None = None) -> Packet:
    """Return the packet that the producer's tree at a tag holds; ``call`` is how the next command is called.

    Raises `HandoffError`: HP100 (none there), HP101 (no such tag), and as `_read` does.
    """
    data, where, tag = bytes_at_tag(workspace, name, call)
    found = _read(data, where)
    stated = found.document["release_tag"]
    notes = list(found.notes)
    if workspace.profile.tag_name(stated) != tag:
        message = f"the packet at this tag is that of {stated}: no later one was committed"
        notes.append(Problem(code="HA103", where=where, message=message, hint=f"make one of {tag}: {_make(workspace, tag, call)}"))
    commit = workspace.producer.tags[tag].commit
    return replace(found, word=f"{tag}:", commit=commit, notes=tuple(notes))


def bytes_at_tag(workspace: Workspace, name: str, call: Call | None = None) -> tuple[bytes, str, str]:
    """Return the bytes of the packet that the producer's tree at a tag holds, how messages name it, and the tag's full name.

    Raises `HandoffError`: HP100 (none there), HP101 (no such tag).
    """
    producer, profile = workspace.producer, workspace.profile
    tag = name if name in producer.tags else profile.tag_name(name)
    ref = producer.tags.get(tag)
    if ref is None or ref.commit is None:
        known = ", ".join(sorted(producer.tags)) or "none"
        message = f"no such release tag in {producer.root}; known: {known}"
        hint = "correct the tag, or fetch the tags (git fetch --tags); a packet's file is named without a colon at its end"
        raise refusal("HP101", f"tag {name}", message, hint)
    data = workspace.repository.files(replace(producer, commit=ref.commit), [profile.packet_path])[profile.packet_path]
    where = f"{tag}:{profile.packet_path}"
    if data is None:
        hint = f"make one of that release: {_make(workspace, tag, call)}; then name FILE"
        raise refusal("HP100", where, "the tag's tree holds no packet there", hint)
    return data, where, tag


def _make(workspace: Workspace, tag: str, call: Call | None) -> str:
    return (call or Call()).line(workspace.profile.modes[0].session, "--ref", tag, "--out-json", "FILE")


def _read(data: bytes, where: str) -> Packet:
    """Return the packet in ``data``. Raises `HandoffError`: HP002 (no JSON), HP070, HP071 (ours, but bad), HP102 (no packet)."""
    document = strict_json.read(data, where)
    own = isinstance(document, dict) and diff.is_own(document)
    if found := form.check_document(document, data, where) if own else diff.unreadable(document, where):
        raise HandoffError(found)
    assert isinstance(document, dict)
    notes = []
    if not own:
        message = "no packet of this library: only the keys that every consumer knows are read, and no outcome is recorded in it"
        notes.append(Problem(code="HA100", where=where, message=message, hint="ask the producer for one of a handoff session"))
    elif document["verdict"] != build.GO:
        hint = "compare and show it as you like, but pin nothing by it"
        notes.append(Problem(code="HA102", where=where, message="a draft: the packet itself says NO-GO", hint=hint))
    return Packet(source=where, word=where, document=document, sha256=hashlib.sha256(data).hexdigest(), notes=tuple(notes))


def notice_of(workspace: Workspace | None, read: Sequence[Packet]) -> diff.Notice:
    """Return the notice policy of the first packet whose manifest can be read, else the default of manifest v1.

    OLD comes first: what consumers were told counts, and a release cannot shorten its own notice.
    """
    for one in read if workspace else ():
        assert workspace is not None
        if found := _policy(workspace, one):
            return found
    return diff.DEFAULT_NOTICE


def _policy(workspace: Workspace, one: Packet) -> diff.Notice | None:
    """Return the notice policy of the manifest that a packet was made from; None when that one is not to be had."""
    producer, profile, document = workspace.producer, workspace.profile, one.document
    state = document["git_state"] if diff.is_own(document) else {}
    tag = profile.tag_name(document["release_tag"])
    ref = producer.tags.get(tag)
    tagged = ref.commit if ref is not None else None
    for commit in dict.fromkeys([state.get("verified_commit"), one.commit, tagged]):
        if not commit:
            continue
        data = workspace.repository.files(replace(producer, commit=commit), [profile.manifest_path])[profile.manifest_path]
        where = f"{commit[:12]}:{profile.manifest_path}"
        if data is None or state.get("manifest_sha256") not in (None, hashlib.sha256(data).hexdigest()):
            continue
        try:
            manifest = producer_manifest.read_manifest(data, where)
        except HandoffError:
            continue
        stated: Any = strict_json.read(data, where)
        policy = stated.get("additive_error_code_notice_policy")
        if manifest.release_tag == document["release_tag"] and policy:
            return diff.Notice.from_policy(policy, where)
    return None


def compared(old: Packet, new: Packet, workspace: Workspace | None) -> tuple[list[diff.Change], diff.Notice, list[Problem]]:
    """Return the changes from one packet to another, the notice policy, and advisories on both."""
    notice = notice_of(workspace, [old, new])
    changes = diff.compare(old.document, new.document, notice)
    notes = [*old.notes, *new.notes]
    if notice == diff.DEFAULT_NOTICE and any(change.notice for change in changes):
        message = f"the notice is {notice.source}"
        hint = "name the producer with --producer-root, and its own manifest's policy is taken"
        notes.append(Problem(code="HA101", where="notice policy", message=message, hint=hint))
    return changes, notice, sorted(set(notes))


def diff_document(
    old: Packet, new: Packet, changes: Sequence[diff.Change], notice: diff.Notice, notes: Sequence[Problem]
) -> dict[str, Any]:
    """Return the comparison for machines (schema handoff-diff.v1)."""
    return {
        "diff_contract_version": diff.DIFF_CONTRACT,
        "old": old.to_dict(),
        "new": new.to_dict(),
        "notice_policy": notice.to_dict(),
        "changes": [change.to_dict() for change in changes],
        "advisories": [note.to_dict() for note in notes],
    }
