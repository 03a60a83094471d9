"""Run ``handoff-<mode>``, ``pre-release`` and ``handoff-assemble``."""

from __future__ import annotations

import functools
import secrets
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import assemble, foresight, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nox import Session

    from handoff_tasks.git.producer import Producer
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Check
    from handoff_tasks.sessions.frame import Run
    from handoff_tasks.sessions.options import Options
    from handoff_tasks.sessions.target import Place

# In an environment that nox has made to its end.
MADE_MARKER = "handoff-made.txt"


def run_handoff(session: Session, place: Place, mode_name: str | None) -> None:  # noqa: PLR0915 - one story, from options to end
    """Run all checks, then decide: one mode and publish, or every mode and publish nothing (``mode_name`` None)."""
    with frame.framed(session) as run:
        from handoff_tasks.checks import reuse
        from handoff_tasks.git import checkout, locks
        from handoff_tasks.git import workspace as git_workspace
        from handoff_tasks.output import summary, terminal
        from handoff_tasks.problems import HandoffError, Problem
        from handoff_tasks.release import decide, gather, publish

        options = run.options
        run.mode, run.of_all = mode_name, True
        _agree(options, mode_name)
        workspace = frame.open_(session, place, run, to_run=True)
        modes = [workspace.profile.mode(mode_name)] if mode_name else list(workspace.profile.modes)
        allow_untagged = options.allow_untagged or mode_name is None
        statement = frame.from_(session, options.impact) if options.impact else None
        named = frame.target_of(session, run, workspace)
        target = named if mode_name else None
        if target and (found := publish.check_target(target, workspace.producer.git_dir, workspace.producer.top)):
            raise HandoffError(found)
        verify = frame.verify_command(session, place, run, named)
        material = gather.gather_material(workspace, statement)
        here = Path(session.invoked_from)
        # The statement to fill in stands here too: its problems point to it, and the end of the run is minutes away.
        for line in [*summary.start(session.name, workspace, material, here), *summary.block(workspace, material)]:
            terminal.say(line)
        known = decide.known_problems(workspace, material, allow_untagged=allow_untagged)
        goes_on = "they stop this run" if options.stop_early else "they run all the same"
        for line in terminal.findings(f"Known before any check has run ({goes_on}):", known):
            terminal.say(line)
        if options.dry_run:
            _print_dry_run(session, run, workspace, known, material.notes, target)
            return
        if known and options.stop_early:
            with locks.hold(git_workspace.lock_path(workspace.work), "the work folder", say=terminal.say):
                run.checks = gather.results_before_any_check(workspace)
                assemble.finish(
                    run, workspace, material, modes, target, here, allow_untagged=allow_untagged, verify=verify, ran=False
                )
            return
        if known:
            terminal.say("This run cannot end with GO. To save it, press Ctrl-C and fix this first; --stop-early does so by itself")
        with (
            locks.hold(git_workspace.lock_path(workspace.work), "the work folder", say=terminal.say),
            locks.hold(workspace.base / "run.lock", "the private checkout", say=terminal.say),
        ):
            wanted, envdir = workspace.wanted(secrets.token_hex(8)), frame.envdir(session)
            if options.fresh:
                checkout.clear(wanted, terminal.say)
                _clear_environments(workspace.profile.checks, envdir)
            checkout.prepare(wanted, terminal.say)
            settings = functools.partial(foresight.settings_of, options=options, envdir=envdir, run=wanted.run)
            kept = reuse.kept(workspace, settings, terminal.say) if not (options.fresh or options.rerun) else frozenset()
            run.known = functools.partial(gather.read_results, workspace, kept)
            stopped = _fan_out(workspace, kept, wanted.run, place.noxfile, envdir, options)
            run.interrupted = stopped is not None
            more = []
            if workspace.asked_again().tags != workspace.producer.tags:
                before = workspace.producer
                workspace = frame.open_(session, place, run, ref=before.commit, to_run=True)
                more = _moved(material.facts.tag_name, before, workspace.producer)
                material = gather.gather_material(workspace, statement)
            if stopped:
                message = f"the run was interrupted by {stopped}"
                more.append(Problem(code="HP046", where=session.name, message=message, hint="run again"))
            run.checks = gather.read_results(workspace, kept)
            assemble.finish(run, workspace, material, modes, target, here, allow_untagged=allow_untagged, more=more, verify=verify)


def _print_dry_run(
    session: Session, run: Run, workspace: Workspace, known: Sequence[Problem], notes: Sequence[Problem], target: Path | None
) -> None:
    """Print what the run would do, and run nothing."""
    from handoff_tasks.output import terminal

    prospects = foresight.look_ahead(session, run, workspace, workspace.profile.checks)
    run.problems = [*known, *foresight.print_foresight(session, run, prospects, again=run.again is not None)]
    run.advisories = notes
    for line in foresight.advisory_lines(notes):
        terminal.say(line)
    then = (
        f"be published at {terminal.near(target, Path(session.invoked_from))}" if target else "be found good, and not be published"
    )
    terminal.say(
        f"Nothing was run. Known already: {len(run.problems)} problem{'s' * (len(run.problems) > 1)}, so no packet"
        if run.problems
        else f"Nothing was run. If every check passes, the packet would {then}"
    )


def _moved(tag: str, before: Producer, now: Producer) -> list[Problem]:
    """Return a problem if the release's tag is not what it was before the checks ran."""
    from handoff_tasks.problems import Problem

    if tag not in before.tags or now.tags.get(tag) == before.tags[tag]:
        return []
    message, hint = "the tag moved while the checks ran", "find out who moved it, then run again"
    return [Problem(code="HP058", where=f"tag {tag}", message=message, hint=hint)]


def _clear_unfinished(checks: Sequence[Check], envdir: Path) -> None:
    """Remove the environments that nox was making when it was ended: it would take half of one for a whole one."""
    made = [Path(frame.bin_folder(envdir, check.session)).parent / MADE_MARKER for check in checks]
    _clear_environments([check for check, marker in zip(checks, made, strict=True) if not marker.exists()], envdir)


def _clear_environments(checks: Sequence[Check], envdir: Path) -> None:
    """Remove the environments of the checks: their programs come first on PATH, and an earlier check may have put one there."""
    for check in checks:
        environment = Path(frame.bin_folder(envdir, check.session)).parent
        if environment.is_symlink() or environment.is_file():
            environment.unlink()
        elif environment.is_dir():
            shutil.rmtree(environment)


def _fan_out(workspace: Workspace, kept: frozenset[str], run: str, noxfile: Path, envdir: Path, options: Options) -> str | None:
    """Run the checks that are not kept in nox processes of their own; return the signal that interrupted us, if one did."""
    from handoff_tasks.checks import evidence, lanes
    from handoff_tasks.git.workspace import hand_over
    from handoff_tasks.output import progress, terminal

    checks = [check for check in workspace.profile.checks if check.id not in kept]
    if not checks:
        return None

    folder = evidence.folder(workspace.work, workspace.producer.commit)
    run_file = workspace.base / f"run-{run}.json"
    # The run lock is ours: these are of runs that were killed.
    for stale in workspace.base.glob("run-*.json"):
        _clear_unfinished(checks, envdir)
        stale.unlink(missing_ok=True)
    hand_over(workspace, run, run_file)
    for check in checks:
        evidence.forget(folder, check.id)
    for chatter in folder.glob("lane-*.nox.log"):
        chatter.unlink()
    seen = progress.board(folder, [check.id for check in workspace.profile.checks], kept)
    threading.Thread(target=_preload, daemon=True).start()
    stopped: str | None = "an error"
    try:
        stopped = lanes.run(
            lanes.plan(checks, options.jobs or foresight.default_jobs()),
            noxfile=noxfile,
            envdir=envdir,
            words=_words(options, run_file),
            chatter=folder,
            say=terminal.say,
            look=None if options.show_output else seen.look,
        )
    finally:
        if not options.show_output:
            seen.close()
        if stopped:
            _clear_unfinished(checks, envdir)
        # A lane that outlives us finds no run to go on with.
        run_file.unlink(missing_ok=True)
    return stopped


def _preload() -> None:
    """Import what the end of a run needs while its checks run: it takes as long as many a check."""
    from handoff_tasks.report import page

    page.template()


def _agree(options: Options, mode_name: str | None) -> None:
    """Refuse a --mode that contradicts the session."""
    from handoff_tasks.problems import refusal

    if options.mode is not None and options.mode != mode_name:
        expected = f"--mode {mode_name}, or none" if mode_name else "none: this session looks at every mode"
        raise refusal(
            "HP001", "--mode", f"found {options.mode}; expected {expected}", "call the session of that mode; nothing was run"
        )


def _words(options: Options, run_file: Path) -> list[str]:
    """Return the words after ``--`` for the checks of a run."""
    words = ["--run-file", str(run_file)]
    for flag, value in (("--timeout", options.timeout), ("--toolchain", options.toolchain)):
        words += [flag, str(value)] if value else []
    return words
