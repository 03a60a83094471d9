"""Run ``verify-<check>`` and ``handoff-explain``."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import foresight, frame
from handoff_tasks.sessions.handoff import MADE_MARKER

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.sessions.target import Place


def verify_check(session: Session, place: Place, check_id: str) -> None:
    """Run one check in its own session."""
    with frame.framed(session) as run:
        from handoff_tasks import files
        from handoff_tasks.checks import installers
        from handoff_tasks.checks import run as checks_run
        from handoff_tasks.checks.evidence import judge_evidence
        from handoff_tasks.checks.settings import Settings
        from handoff_tasks.formats import redact
        from handoff_tasks.git import locks
        from handoff_tasks.git import workspace as git_workspace
        from handoff_tasks.git.workspace import take_over
        from handoff_tasks.model import Outcome
        from handoff_tasks.output import terminal
        from handoff_tasks.problems import refusal
        from handoff_tasks.rules import checks as check_rules

        bin_folder = next(iter(session.bin_paths or ()), None)
        if bin_folder is None:
            raise refusal(
                "HP003",
                session.name,
                "the session has no environment of its own (--no-venv, or the backend 'none')",
                "run it without --no-venv",
            )
        # nox has made the environment to its end.
        files.write(Path(bin_folder).parent / MADE_MARKER, b"", sync=False)
        run_name = ""
        if run.options.run_file:
            workspace, run_name = take_over(run.options.run_file)
            run.workspace = workspace
        else:
            workspace = frame.open_(session, place, run, to_run=True)
        check = workspace.profile.check(check_id)
        if run.options.dry_run:
            prospects = foresight.look_ahead(session, run, workspace, [check])
            run.problems = foresight.print_foresight(session, run, prospects, again=True)
            run.advisories = workspace.notes
            for line in foresight.advisory_lines(run.advisories):
                terminal.say(line)
            terminal.say("Nothing was run.")
            return
        specs = [workspace.profile.tools[name] for name in check.tools]
        installed = installers.install(session, specs, bin_folder, os.environ)
        settings = Settings(
            bin_folder=bin_folder,
            timeout=run.options.timeout,
            toolchain=run.options.toolchain,
            run=run_name,
            caller=os.environ,
            not_installed=installed.failures,
            installation=installed.report,
        )
        # A check forgets what is known of it before it runs. In a run of all the lock is the handoff's.
        alone = not run.options.run_file
        with (
            locks.hold(git_workspace.lock_path(workspace.work), "the work folder", shared=True)
            if alone
            else contextlib.nullcontext()
        ):
            record = checks_run.run_check(workspace, check, settings, terminal.Lines(check.id, redact.secrets(os.environ)))
        result = judge_evidence(check, record, workspace.binding(check))
        run.checks, run.problems = [result], check_rules.check_problems([result], workspace.profile, str(workspace.wanted("").tree))
        run.advisories = workspace.notes
        run.interrupted = record.outcome is Outcome.INTERRUPTED


def explain(session: Session, place: Place) -> None:
    """Print what a check would run and why; without a word, a line for each."""
    with frame.framed(session, plain=("[CHECK]",)) as run:
        from handoff_tasks.checks import preview
        from handoff_tasks.formats import escape
        from handoff_tasks.output import terminal

        workspace = frame.open_(session, place, run, to_run=True)
        name = run.options.plain[0].removeprefix("verify-")
        checks = [workspace.profile.check(name)] if name else workspace.profile.checks
        prospects = foresight.look_ahead(session, run, workspace, checks)
        settings = foresight.settings_of(checks[0], options=run.options, envdir=frame.envdir(session), run="")
        for line in preview.lines(prospects[0], workspace, settings) if name else preview.table(prospects):
            terminal.say(escape.printable(line))
