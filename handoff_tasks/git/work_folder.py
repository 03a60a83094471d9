"""Prepare the work folder of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.git import command
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path


def hiding_note(work: Path) -> Problem | None:
    """Return an advisory (HA007) if git would list what a run writes into the work folder."""
    try:
        if not any(work.iterdir()):
            return None
    except OSError:
        # There is no folder yet. If there cannot be one, the run says so.
        return None
    place = work / "evidence"
    try:
        if not command.run("rev-parse", "--is-inside-work-tree", cwd=work).startswith(b"true"):
            return None
        command.run("check-ignore", "--quiet", "--no-index", f"{place}/", cwd=work)
    except command.GitError as error:
        if error.command[0] == "rev-parse":
            return None
    else:
        return None
    message = "the work folder holds other files, so its lock and evidence are not hidden from git"
    hint = "name a folder of its own with --work-dir, or add 'lock' and 'evidence/' to a .gitignore"
    return Problem(code="HA007", where=str(work), message=message, hint=hint)


def lock_path(work: Path) -> Path:
    """Make the work folder and return the path of its lock. Raises `HandoffError` (HP080)."""
    files.make_own_folder(work)
    return work / "lock"
