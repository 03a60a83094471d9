"""Run ``verify-<check>`` and ``handoff-explain``."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from handoff_tasks.sessions import environments, foresight, target

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.checks.installers import InstallerResult
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check
    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place


def verify_check(session: Session, place: Place, run: Run) -> None:
    """Run the check that the session is named after, and leave its record and log."""
    from handoff_tasks.checks import evidence
    from handoff_tasks.checks import run as checks_run
    from handoff_tasks.checks.settings import Settings
    from handoff_tasks.formats import redact
    from handoff_tasks.git import handover, locks, work_folder
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import refusal
    from handoff_tasks.record import Outcome
    from handoff_tasks.rules import checks as check_rules

    bin_folder = next(iter(session.bin_paths or ()), None)
    if bin_folder is None:
        message = "the session has no environment of its own (--no-venv, or the backend 'none')"
        raise refusal("HP003", session.name, message, "run it without --no-venv")
    environments.mark_finished(bin_folder)
    run_name = ""
    if run.options.run_file:
        workspace, run_name = handover.take_over(run.options.run_file)
        run.workspace = workspace
    else:
        workspace = target.open_workspace(session, place, run, to_run=True)
    check = workspace.profile.check(run.subject)
    if run.options.dry_run:
        _print_dry_run(session, run, workspace, check)
        return
    installation = _install(session, workspace, check, bin_folder)
    settings = Settings(
        bin_folder=bin_folder,
        timeout=run.options.timeout,
        toolchain=run.options.toolchain,
        run=run_name,
        caller=os.environ,
        not_installed=installation.failures,
        installation=installation.report,
        fault=installation.fault,
    )
    lock: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
    if not run.options.run_file:
        # In a handoff the lock is the handoff's. Shared: the check removes its old record only.
        path = work_folder.lock_path(workspace.work)
        lock = locks.hold(path, "the work folder", shared=True)
    with lock:
        lines = terminal.Lines(check.id, redact.secrets(os.environ))
        record = checks_run.run_check(workspace, check, settings, lines)
    result = evidence.judge_evidence(check, record, workspace.binding(check))
    tree = str(workspace.checkout_spec("", check.ignores).tree)
    run.checks = [result]
    run.problems = check_rules.check_problems([result], workspace.profile, tree)
    run.advisories = workspace.notes
    run.interrupted = record.outcome is Outcome.INTERRUPTED


def _install(
    session: Session, workspace: Workspace, check: Check, bin_folder: str
) -> InstallerResult:
    """Install the check's tools, and what it asks for from the commit."""
    from handoff_tasks.checks import installers, python_source

    try:
        source = python_source.find_source(workspace, check)
    except python_source.SourceFault as fault:
        return installers.InstallerResult(report=None, failures={}, fault=str(fault))
    specs = [workspace.profile.tools[name] for name in check.tools]
    result = installers.install(session, specs, bin_folder, os.environ, source)
    # The environment may have been made again.
    environments.mark_finished(bin_folder)
    return result


def _print_dry_run(session: Session, run: Run, workspace: Workspace, check: Check) -> None:
    """Print what would be run, and run nothing."""
    from handoff_tasks.output import terminal

    prospects = foresight.look_ahead(session, run, workspace, [check])
    run.problems = foresight.print_foresight(session, run, prospects, again=True)
    run.advisories = workspace.notes
    for line in foresight.advisory_lines(run.advisories):
        terminal.say(line)
    terminal.say("Nothing was run.")


def explain(session: Session, place: Place, run: Run) -> None:
    """Print what a check would run and why; without an argument, one line for each check."""
    from handoff_tasks.checks import preview
    from handoff_tasks.formats import escape
    from handoff_tasks.output import terminal

    workspace = target.open_workspace(session, place, run, to_run=True)
    name = run.options.arguments[0].removeprefix("verify-")
    checks = [workspace.profile.check(name)] if name else workspace.profile.checks
    prospects = foresight.look_ahead(session, run, workspace, checks)
    lines = preview.table(prospects)
    if name:
        envdir = environments.environment_folder(session)
        settings = foresight.settings_of(checks[0], options=run.options, envdir=envdir, run="")
        lines = preview.lines(prospects[0], workspace, settings)
    for line in lines:
        terminal.say(escape.printable(line))
