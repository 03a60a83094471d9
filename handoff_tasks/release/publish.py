"""Publish a packet, or leave a draft beside the evidence."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import canonical, strict_json
from handoff_tasks.packet import diff
from handoff_tasks.problems import HandoffError, Problem

if TYPE_CHECKING:
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.release.decide import Decision


def publish(decision: Decision, target: Path, git_dir: Path, top: Path | None = None) -> str:
    """Replace the file at ``target`` by the packet; return the sha256 of its bytes. Raises `HandoffError` (HP080, HP081)."""
    assert not decision.problems
    if found := check_target(target, git_dir, top):
        raise HandoffError(found)
    data = canonical.published_bytes(decision.document)
    files.write(target, data)
    return hashlib.sha256(data).hexdigest()


def write_draft(workspace: Workspace, decision: Decision) -> Path:
    """Write a NO-GO packet beside the evidence; return its path."""
    path = draft_path(workspace, str(decision.document["handoff_mode"]))
    files.write(path, canonical.published_bytes(decision.document))
    return path


def draft_path(workspace: Workspace, mode: str) -> Path:
    """Return where the NO-GO draft of a mode lies: no check's record can have this name."""
    return EvidenceFolder.of(workspace).make().path / f"no-go.{mode}.json"


def check_target(path: Path, git_dir: Path, top: Path | None = None) -> Problem | None:
    """Return why a packet must not be written to ``path`` (HP081), None when it may be.

    Not to a folder or a link, not into a repository's own folders, not over a file that is no packet, of whatever generator. Not
    through a link either that lies in the repository at ``top`` and leads out of it.
    """

    def refused(message: str, hint: str) -> Problem:
        return Problem(code="HP081", where=str(path), message=message, hint=hint)

    name_a_file = "name a plain file with --out-json"
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        return refused(f"cannot be looked at: {error.strerror}", name_a_file)
    if mode is not None and not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
        return refused(f"is {kind}; expected a file or nothing", name_a_file)
    parent = files.resolve_parent(path).parent
    if files.is_inside_git_folder(path) or git_dir.resolve() in (parent, *parent.parents):
        return refused("lies inside a repository's .git", name_a_file)
    if way := _way_out(path, top) if top else None:
        name_it = "commit a folder there instead, or name the place with --out-json"
        return refused(f"the folder {way} is a symbolic link that leads out of the repository {top}", name_it)
    if mode is not None:
        try:
            a_packet = not diff.unreadable(strict_json.read(files.read_plain(path), str(path)), str(path))
        except OSError as error:
            return refused(f"cannot be read: {error.strerror}", name_a_file)
        except HandoffError:
            a_packet = False
        if not a_packet:
            message = "holds something else than a handoff packet; expected one to replace, or nothing"
            return refused(message, "name another file with --out-json, or delete this one first")
    place = next(folder for folder in (parent, *parent.parents) if folder.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        return refused(
            f"the folder {place} cannot be written to", "make the folder writable, or choose another file with --out-json"
        )
    return None


def _way_out(path: Path, top: Path) -> Path | None:
    """Return the folder on the way to ``path`` through which it leaves the repository at ``top``; None if it does not."""
    repository = Path(os.path.realpath(top))
    inside = False
    for folder in reversed(path.parents):
        was_inside, inside = inside, Path(os.path.realpath(folder)).is_relative_to(repository)
        if was_inside and not inside:
            return folder
    return None
