"""Run ``handoff-tasks``, the command that needs no noxfile: it writes the first one."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import table

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION = "Set up a repository whose releases are handed over. All else is a nox session."


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    ``words`` are the arguments, by default those of this process. A mistake in them ends the
    process with status 2.
    """
    options = _parser().parse_args(words)
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.sessions import setup

    output = terminal.open_output()
    root = Path(os.path.normpath(Path.cwd() / options.path))
    try:
        setup.write_start(root, release=options.release, dry_run=options.dry_run)
    except HandoffError as error:
        for line in terminal.findings("Refused:", error.problems):
            terminal.say(line)
        return 1
    return 1 if output.failure else 0


def _parser() -> argparse.ArgumentParser:
    """Return the parser; the options of ``init`` are those of the session ``handoff-init``."""
    parser = argparse.ArgumentParser(
        prog="handoff-tasks", description=_DESCRIPTION, allow_abbrev=False
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    definition = table.SESSIONS["handoff-init"]
    init = commands.add_parser(
        "init",
        help=definition.description,
        description=definition.description,
        allow_abbrev=False,
    )
    init.add_argument("path", metavar="PATH", nargs="?", default=".", help="default: this folder")
    init.add_argument(
        "--release", metavar="NAME", default=None, help=table.OPTIONS["--release"].help
    )
    init.add_argument("--dry-run", action="store_true", help=table.OPTIONS["--dry-run"].help)
    return parser


if __name__ == "__main__":
    sys.exit(main())
