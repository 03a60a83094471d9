"""Run ``handoff-init``."""

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
    """Write the first profile and noxfile of a repository."""
    from handoff_tasks.output import terminal
    from handoff_tasks.setup import scan

    root = resolve_path(session, Path(run.options.arguments[0]))
    start = scan.start(root, sessions=table.fixed_names(), dry_run=run.options.dry_run)
    for line in scan.lines(start, root):
        # Not wrapped, so that files and the command can be copied.
        terminal.say(line, wrap=False)
