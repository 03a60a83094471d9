"""Run ``handoff-<mode>`` and ``pre-release``."""

from __future__ import annotations

import functools
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import environments, finish, foresight, results, target
from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nox import Session

    from handoff_tasks.git.producer import Producer
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.problems import Problem
    from handoff_tasks.release.gather import Material
    from handoff_tasks.sessions.finish import Goal
    from handoff_tasks.sessions.options import Options
    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place


def run_mode(session: Session, place: Place, run: Run) -> None:
    """Run all checks, then decide one mode and publish its packet."""
    from handoff_tasks.problems import refusal

    mode = run.options.mode
    if mode is not None and mode != run.subject:
        message = f"found {mode}; expected --mode {run.subject}, or none"
        hint = "call the session of that mode; nothing was run"
        raise refusal("HP001", "--mode", message, hint)
    run.mode = run.subject
    _run(session, place, run)


def run_pre_release(session: Session, place: Place, run: Run) -> None:
    """Run all checks, then decide every mode and publish nothing."""
    _run(session, place, run)


def _run(session: Session, place: Place, run: Run) -> None:
    """Prepare, run the checks, and decide; ``run.mode`` is None for every mode."""
    from handoff_tasks.git import locks, work_folder
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import interruption
    from handoff_tasks.release import decide, gather

    run.all_checks = True
    options = run.options
    workspace = target.open_workspace(session, place, run, to_run=True)
    statement = resolve_path(session, options.impact) if options.impact else None
    goal = _goal(session, place, run, workspace)
    material = gather.gather_material(workspace, statement, release=options.release)
    _print_start(session, workspace, material)
    known = decide.known_problems(workspace, material, allow_untagged=goal.allow_untagged)
    _print_known(known, stop_early=options.stop_early)
    if options.dry_run:
        notes = material.notes
        _print_dry_run(session, run, workspace, known=known, notes=notes, packet=goal.target)
        return
    lock = locks.hold(work_folder.lock_path(workspace.work), "the work folder", say=terminal.say)
    if known and options.stop_early:
        with lock:
            run.checks = gather.results_before_any_check(workspace)
            finish.finish(session, run, goal, workspace, material, ran=False)
        return
    if known:
        terminal.say(
            "This run cannot end with GO. To save it, press Ctrl-C and fix this first; "
            "--stop-early does so by itself"
        )
    checkout_lock = locks.hold(
        workspace.base / "run.lock", "the private checkout", say=terminal.say
    )
    with lock, checkout_lock:
        kept, signal = _run_checks(session, place, run, workspace)
        more: list[Problem] = []
        if workspace.ask_again().tags != workspace.producer.tags:
            before = workspace.producer
            workspace = target.open_workspace(session, place, run, ref=before.commit, to_run=True)
            more += _tag_problems(material.facts.tag.name, before, workspace.producer)
            material = gather.gather_material(workspace, statement, release=options.release)
        if signal:
            run.interrupted = True
            more.append(interruption(session.name, signal))
        run.checks = gather.read_results(workspace, kept)
        finish.finish(session, run, goal, workspace, material, more=more)


def _goal(session: Session, place: Place, run: Run, workspace: Workspace) -> Goal:
    """Return what the run decides. Raises `HandoffError` if the packet cannot be published."""
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.release import publish

    profile, producer = workspace.profile, workspace.producer
    packet = results.packet_place(session, run, workspace)
    verify = target.verify_command(session, place, run, packet)
    if run.mode is None:
        return finish.Goal(
            place=place, modes=profile.modes, target=None, allow_untagged=True, verify=verify
        )
    modes = [profile.mode(run.mode)]
    if problem := publish.check_target(packet, producer.git_dir, producer.top):
        raise HandoffError(problem)
    untagged = run.options.allow_untagged
    return finish.Goal(
        place=place, modes=modes, target=packet, allow_untagged=untagged, verify=verify
    )


def _print_start(session: Session, workspace: Workspace, material: Material) -> None:
    """Print what is verified, and the statement to fill in.

    The end of the run, which repeats them, may be minutes away.
    """
    from handoff_tasks.output import summary, terminal

    for line in summary.start_lines(session.name, workspace, material, Path(session.invoked_from)):
        terminal.say(line)
    for line in summary.statement_lines(workspace, material):
        terminal.say(line)


def _print_known(known: Sequence[Problem], *, stop_early: bool) -> None:
    """Print the problems that no check can change."""
    from handoff_tasks.output import terminal

    consequence = "they stop this run" if stop_early else "the checks run all the same"
    for line in terminal.findings(f"Known before any check has run ({consequence}):", known):
        terminal.say(line)


def _print_dry_run(
    session: Session,
    run: Run,
    workspace: Workspace,
    *,
    known: list[Problem],
    notes: Sequence[Problem],
    packet: Path | None,
) -> None:
    """Print what the run would do, and run nothing."""
    from handoff_tasks.formats.words import quantity
    from handoff_tasks.output import terminal

    prospects = foresight.look_ahead(session, run, workspace, workspace.profile.checks)
    again = run.again is not None
    run.problems = known + foresight.print_foresight(session, run, prospects, again=again)
    run.advisories = notes
    for line in foresight.advisory_lines(notes):
        terminal.say(line)
    if run.problems:
        end = f"Known already: {quantity(len(run.problems), 'problem')}, so no packet"
    elif packet:
        place = terminal.near(packet, Path(session.invoked_from))
        end = f"If every check passes, the packet would be published at {place}"
    else:
        end = "If every check passes, the packet would be found good, and not be published"
    terminal.say(f"Nothing was run. {end}")


def _run_checks(
    session: Session, place: Place, run: Run, workspace: Workspace
) -> tuple[frozenset[str], str | None]:
    """Prepare the private checkout and run the checks in it.

    Return the ids of the checks whose earlier outcome was reused, and the signal that interrupted
    the run, if one did.
    """
    from handoff_tasks.checks import reuse
    from handoff_tasks.git import checkout
    from handoff_tasks.output import terminal
    from handoff_tasks.release import gather

    options = run.options
    run_name = secrets.token_hex(8)
    envdir = environments.environment_folder(session)
    if options.fresh:
        checkout.clear(workspace.base, terminal.say)
        environments.clear(workspace.profile.checks, envdir)
    for spec in workspace.checkout_specs(run_name):
        checkout.prepare(spec, terminal.say)
    kept: frozenset[str] = frozenset()
    if run.again is None:
        settings = functools.partial(
            foresight.settings_of, options=options, envdir=envdir, run=run_name
        )
        kept = reuse.find_kept(workspace, settings, terminal.say, meanwhile=_preload)
    run.read_results = functools.partial(gather.read_results, workspace, kept)
    signal = _fan_out(
        workspace, kept, run=run_name, noxfile=place.noxfile, envdir=envdir, options=options
    )
    return kept, signal


def _fan_out(
    workspace: Workspace,
    kept: frozenset[str],
    *,
    run: str,
    noxfile: Path,
    envdir: Path,
    options: Options,
) -> str | None:
    """Run the checks that are not kept, in nox processes of their own.

    Return the signal that interrupted them, if one did.
    """
    from handoff_tasks.checks import lanes, run_times
    from handoff_tasks.checks.evidence import EvidenceFolder
    from handoff_tasks.git.handover import hand_over
    from handoff_tasks.output import progress, terminal

    checks = [check for check in workspace.profile.checks if check.id not in kept]
    if not checks:
        return None
    folder = EvidenceFolder.of(workspace).make()
    run_file = workspace.base / f"run-{run}.json"
    # We hold the run lock, so these are of runs that were killed.
    for stale in workspace.base.glob("run-*.json"):
        environments.clear_unfinished(checks, envdir)
        stale.unlink(missing_ok=True)
    hand_over(workspace, run, run_file)
    for check in checks:
        folder.forget(check.id)
    for log in folder.lane_logs():
        log.unlink()
    planned = lanes.plan(checks, options.jobs or foresight.default_jobs())
    board = progress.open_board(folder, [check.id for check in workspace.profile.checks], kept)
    signal: str | None = "an error"
    try:
        signal = lanes.run(
            planned,
            noxfile=noxfile,
            envdir=envdir,
            words=_words(options, run_file),
            folder=folder,
            say=terminal.say,
            look=None if options.show_output else board.look,
            meanwhile=_preload,
        )
    finally:
        if not options.show_output:
            board.close()
        if signal:
            environments.clear_unfinished(checks, envdir)
        # A check's session that outlives this process then finds no run to join.
        run_file.unlink(missing_ok=True)
    run_times.write_run_times(workspace, folder, run, planned)
    return signal


def _preload() -> None:
    """Import what the end of a run needs while tools answer or checks run.

    That takes as long as a short check.
    """
    from handoff_tasks.report import page

    page.load_template()


def _words(options: Options, run_file: Path) -> list[str]:
    """Return the words after ``--`` for the checks' sessions."""
    words = ["--run-file", str(run_file)]
    for flag, value in (("--timeout", options.timeout), ("--toolchain", options.toolchain)):
        if value:
            words += [flag, str(value)]
    return words


def _tag_problems(tag: str, before: Producer, now: Producer) -> list[Problem]:
    """Return a problem (HP058) if the release's tag moved while the checks ran."""
    from handoff_tasks.problems import Problem

    if tag not in before.tags or now.tags.get(tag) == before.tags[tag]:
        return []
    message, hint = "the tag moved while the checks ran", "find out who moved it, then run again"
    return [Problem(code="HP058", where=f"tag {tag}", message=message, hint=hint)]
