"""Run ``handoff-init``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import frame

if TYPE_CHECKING:
    from nox import Session


def init(session: Session) -> None:
    """Write the first profile and noxfile of a repository."""
    with frame.framed(session, plain=("PATH",)) as run:
        from handoff_tasks.output import terminal
        from handoff_tasks.setup import scan

        root = frame.from_(session, Path(run.options.plain[0]))
        for line in scan.lines(scan.start(root, dry_run=run.options.dry_run), root):
            # Files and a command to be copied.
            terminal.say(line, wrap=False)
