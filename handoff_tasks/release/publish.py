"""Publish a packet, or leave a draft beside the evidence."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import strict_json
from handoff_tasks.packet.document import is_own, is_release
from handoff_tasks.packet.form import foreign_faults, published_bytes
from handoff_tasks.problems import HandoffError, Problem

if TYPE_CHECKING:
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.release.decide import Decision


def publish(decision: Decision, target: Path, git_dir: Path, top: Path | None = None) -> str:
    """Replace the file at ``target`` by the packet; return the sha256 of its bytes.

    Raises `HandoffError` (HP080, HP081).
    """
    assert not decision.problems
    if problem := check_target(target, git_dir, top):
        raise HandoffError(problem)
    data = published_bytes(decision.document)
    files.write(target, data)
    return hashlib.sha256(data).hexdigest()


def write_draft(workspace: Workspace, decision: Decision) -> Path:
    """Write a NO-GO packet beside the evidence; return its path."""
    path = draft_path(workspace, decision.document["handoff_mode"])
    files.write(path, published_bytes(decision.document))
    return path


def draft_path(workspace: Workspace, mode: str) -> Path:
    """Return the path of a mode's NO-GO draft; no record of a check can have this name."""
    return EvidenceFolder.of(workspace).make().path / f"no-go.{mode}.json"


def check_target(path: Path, git_dir: Path, top: Path | None = None) -> Problem | None:
    """Return why a packet must not be written to ``path`` (HP081), None if it may be.

    Refused are folders, links, paths inside a repository's own folders, files that are not a packet
    of any generator, and paths that leave the repository at ``top`` through a link in it.
    """
    name_a_file = "name a plain file with --out-json"
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        return _refusal(path, f"cannot be looked at: {error.strerror}", name_a_file)
    if mode is not None and not stat.S_ISREG(mode):
        return _refusal(path, f"is {_kind(mode)}; expected a file or nothing", name_a_file)
    parent = files.resolve_parent(path).parent
    if files.is_inside_git_folder(path) or git_dir.resolve() in (parent, *parent.parents):
        return _refusal(path, "is inside a repository's .git", name_a_file)
    exit_folder = _exit_folder(path, top) if top else None
    if exit_folder:
        message = (
            f"the folder {exit_folder} is a symbolic link that leads out of the repository {top}"
        )
        hint = "commit a folder there instead, or name another path with --out-json"
        return _refusal(path, message, hint)
    if mode is not None:
        try:
            is_packet = _is_packet(path)
        except OSError as error:
            return _refusal(path, f"cannot be read: {error.strerror}", name_a_file)
        if not is_packet:
            message = "exists and is not a handoff packet; refusing to overwrite it"
            hint = "name another file with --out-json, or delete this one first"
            return _refusal(path, message, hint)
    place = next(folder for folder in (parent, *parent.parents) if folder.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        message = f"the folder {place} cannot be written to"
        hint = "make the folder writable, or choose another file with --out-json"
        return _refusal(path, message, hint)
    return None


def _refusal(path: Path, message: str, hint: str) -> Problem:
    return Problem(code="HP081", where=str(path), message=message, hint=hint)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "not a regular file"


def _is_packet(path: Path) -> bool:
    """Return whether a file has a packet of any generator. Raises `OSError`."""
    try:
        document = strict_json.read(files.read_plain(path), str(path))
    except HandoffError:
        return False
    if isinstance(document, dict) and is_own(document) and is_release(document):
        return True
    return not foreign_faults(document)


def _exit_folder(path: Path, top: Path) -> Path | None:
    """Return the folder through which ``path`` leaves the repository at ``top``, if any."""
    repository = Path(os.path.realpath(top))
    is_inside = False
    for folder in reversed(path.parents):
        was_inside = is_inside
        is_inside = Path(os.path.realpath(folder)).is_relative_to(repository)
        if was_inside and not is_inside:
            return folder
    return None
