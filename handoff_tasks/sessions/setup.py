"""Run ``handoff-init``, as a session and as the command ``handoff-tasks init``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import table
from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place


def init(session: Session, _place: Place, run: Run) -> None:
    """Write the first profile, statement and noxfile of a repository."""
    root = resolve_path(session, Path(run.options.arguments[0] or "."))
    write_start(root, release=run.options.release, dry_run=run.options.dry_run)


def write_start(root: Path, *, release: str | None, dry_run: bool) -> None:
    """Write the first files of a repository, and print what was found and what is left to do.

    Raises `HandoffError` as `setup.scan.start` does.
    """
    from handoff_tasks.output import terminal
    from handoff_tasks.setup import scan, screen

    start = scan.start(root, sessions=table.fixed_names(), release=release, dry_run=dry_run)
    for line in screen.lines(start):
        # Not wrapped, so that files and the command can be copied.
        terminal.say(line, wrap=False)
