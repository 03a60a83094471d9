"""Run ``handoff-assemble``: the final step of a run, on existing evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import finish, foresight, results, target
from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Mode
    from handoff_tasks.release.gather import Material
    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place


def assemble(session: Session, place: Place, run: Run) -> None:
    """Decide and publish from existing evidence, and from the folders that ``--evidence`` names."""
    from handoff_tasks.git import locks, work_folder
    from handoff_tasks.output import summary, terminal
    from handoff_tasks.problems import refusal
    from handoff_tasks.release import gather

    options = run.options
    if options.mode is None:
        hint = "add the mode: -- --mode stable"
        raise refusal("HP001", "--mode", "missing; expected the mode to assemble", hint)
    run.mode = options.mode
    workspace = target.open_workspace(session, place, run)
    mode = workspace.profile.mode(run.mode)
    statement = resolve_path(session, options.impact) if options.impact else None
    material = gather.gather_material(workspace, statement, release=options.release)
    for line in summary.start_lines(session.name, workspace, material, Path(session.invoked_from)):
        terminal.say(line)
    # Otherwise the statement to fill in is part of the end, which follows at once, unless not even
    # a draft can be made.
    policies, service = workspace.profile.envelope_policies, material.manifest.service
    if options.dry_run or (service and service.service_version not in policies):
        for line in summary.statement_lines(workspace, material):
            terminal.say(line)
    if options.dry_run:
        _print_dry_run(run, workspace, material, mode)
        return
    with locks.hold(work_folder.lock_path(workspace.work), "the work folder"):
        packet = results.packet_place(session, run, workspace)
        folders = [resolve_path(session, folder) for folder in options.evidence]
        more = gather.merge_given_evidence(workspace, folders)
        run.checks = gather.read_results(workspace)
        goal = finish.Goal(
            place=place,
            modes=[mode],
            target=packet,
            allow_untagged=options.allow_untagged,
            verify=target.verify_command(session, place, run, packet),
        )
        finish.finish(session, run, goal, workspace, material, more=more)


def _print_dry_run(run: Run, workspace: Workspace, material: Material, mode: Mode) -> None:
    """Print what would be decided, and write nothing."""
    from handoff_tasks.output import terminal
    from handoff_tasks.release import decide, gather

    checks = gather.read_results(workspace)
    untagged = run.options.allow_untagged
    decision = decide.decide(workspace, material, checks, mode, allow_untagged=untagged)
    run.problems = decision.problems
    run.advisories = sorted({*material.notes, *decision.advisories})
    problems = terminal.findings("Problems:", decision.problems)
    advisories = foresight.advisory_lines(run.advisories)
    for line in ["", *terminal.checks(checks), *problems, "", *advisories]:
        terminal.say(line)
    negation = "not " if decision.problems else ""
    terminal.say(f"Nothing was written. The packet would {negation}be published")
