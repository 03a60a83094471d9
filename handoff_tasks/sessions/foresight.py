"""Print what a run would do, without running it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from handoff_tasks.sessions import environments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nox import Session

    from handoff_tasks.checks.preview import Prospect
    from handoff_tasks.checks.settings import Settings
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Check
    from handoff_tasks.sessions.options import Options
    from handoff_tasks.sessions.run import Run


def look_ahead(
    session: Session, run: Run, workspace: Workspace, checks: Sequence[Check]
) -> list[Prospect]:
    """Return how checks would run now; the private checkout holds the commit afterwards."""
    from handoff_tasks.checks import preview
    from handoff_tasks.git import checkout, locks
    from handoff_tasks.output import terminal

    envdir = environments.environment_folder(session)
    with locks.hold(workspace.base / "run.lock", "the private checkout"):
        for spec in workspace.checkout_specs(""):
            checkout.prepare(spec, terminal.say)
        return preview.look_ahead(
            workspace,
            [
                (check, settings_of(check, options=run.options, envdir=envdir, run=""))
                for check in checks
            ],
        )


def print_foresight(
    session: Session, run: Run, prospects: Sequence[Prospect], *, again: bool
) -> list[Problem]:
    """Print what a run would do; return the problems that would stop checks now.

    With ``again`` earlier outcomes are not reused.
    """
    from handoff_tasks.checks import lanes as checks_lanes
    from handoff_tasks.checks import preview
    from handoff_tasks.output import terminal

    checks = [one.check for one in prospects if again or not one.is_kept]
    lanes = checks_lanes.plan(checks, run.options.jobs or default_jobs())
    problems = preview.problems(prospects)
    plan = preview.plan(lanes, [] if again else prospects)
    stops = terminal.findings("What would stop it:", problems)
    table = preview.table(prospects)
    for line in ["", f"{session.name} would run", *plan, "", *table, *stops, ""]:
        terminal.say(line)
    return problems


def advisory_lines(advisories: Sequence[Problem]) -> list[str]:
    """Return the advisories of a run that stops before its end, as lines."""
    from handoff_tasks.output import terminal

    if not advisories:
        return []
    return [*terminal.findings("Advisories:", advisories)[1:], ""]


def settings_of(check: Check, *, options: Options, envdir: Path, run: str) -> Settings:
    """Return what a check would run with in its own session."""
    from handoff_tasks.checks.settings import Settings

    return Settings(
        bin_folder=environments.bin_folder(envdir, check.session),
        timeout=options.timeout,
        toolchain=options.toolchain,
        run=run,
        caller=os.environ,
        not_installed={},
    )


def default_jobs() -> int:
    """Return how many checks run at once without ``--jobs``.

    A build from nothing uses all processors; after it, checks wait much of the time.
    """
    return min(3, os.cpu_count() or 1)
