"""Decide, publish and print the end of a run; run ``handoff-assemble``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import foresight, frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Mode
    from handoff_tasks.release.gather import Material
    from handoff_tasks.sessions.frame import Run
    from handoff_tasks.sessions.target import Place


def finish(
    run: Run,
    workspace: Workspace,
    material: Material,
    modes: Sequence[Mode],
    target: Path | None,
    here: Path,
    *,
    allow_untagged: bool,
    more: Sequence[Problem] = (),
    verify: str,
    ran: bool = True,
) -> None:
    """Decide each mode, publish the packet of the one (with ``target``) or leave drafts, and print the end of the run.

    ``verify`` is the command that verifies the packet, for the report. An interrupted run prints one line. With ``ran`` False the
    run stopped before any check.
    """
    from handoff_tasks.output import report_files, summary, terminal
    from handoff_tasks.release import decide, publish

    decisions = [
        decide.decide(workspace, material, run.checks, mode, allow_untagged=allow_untagged, more=more, ran=ran) for mode in modes
    ]
    run.problems = sorted({problem for decision in decisions for problem in decision.problems})
    run.advisories = sorted({*material.notes, *(advisory for decision in decisions for advisory in decision.advisories)})
    if run.mode is None:
        # That nothing is left to rehearse matters to those who asked for the rehearsal.
        run.advisories = [advisory for advisory in run.advisories if advisory.code != "HA010"]
    digest = ""
    if run.problems:
        drafts = [publish.write_draft(workspace, decision) for decision in decisions]
        run.draft = drafts[0]
    else:
        for mode in workspace.profile.modes:
            publish.draft_path(workspace, mode.name).unlink(missing_ok=True)
        if target is not None:
            producer = workspace.producer
            digest = publish.publish(decisions[0], target, producer.git_dir, producer.top)
            run.packet = target
    run.view = report_files.view_of(
        workspace,
        material,
        run.checks,
        decisions,
        problems=run.problems,
        advisories=run.advisories,
        published=run.packet,
        digest=digest,
        draft=run.draft,
        verify=verify,
    )
    page, unwritten = report_files.write_report(run.view, workspace, run.mode)
    run.advisories = sorted({*run.advisories, *unwritten})
    if run.interrupted:
        terminal.say(summary.interrupted(run.checks, run.again))
        return
    ended = summary.Ended(
        checks=run.checks,
        problems=run.problems,
        advisories=run.advisories,
        decisions=decisions,
        draft=run.draft,
        target=target,
        digest=digest,
        here=here,
        report=page,
        ran=ran,
    )
    for line in summary.end(ended, workspace, material):
        terminal.say(line)
    for line in report_files.marks(run.problems, run.advisories, workspace):
        terminal.command(line)


def assemble(session: Session, place: Place) -> None:
    """Run the last step alone, on the evidence that is there."""
    with frame.framed(session) as run:
        from handoff_tasks.git import locks
        from handoff_tasks.git import workspace as git_workspace
        from handoff_tasks.output import summary, terminal
        from handoff_tasks.problems import refusal
        from handoff_tasks.release import decide, gather

        if run.options.mode is None:
            raise refusal("HP001", "--mode", "missing; expected the mode to assemble", "say -- --mode stable, or another mode")
        run.mode = run.options.mode
        workspace = frame.open_(session, place, run)
        mode = workspace.profile.mode(run.mode)
        material = gather.gather_material(workspace, frame.from_(session, run.options.impact) if run.options.impact else None)
        for line in summary.start(session.name, workspace, material, Path(session.invoked_from)):
            terminal.say(line)
        # Else the statement to fill in is part of the end, which follows at once, unless not even a draft can be made.
        if run.options.dry_run or material.manifest.service_version not in workspace.profile.envelope_policies:
            for line in summary.block(workspace, material):
                terminal.say(line)
        if run.options.dry_run:
            checks = gather.read_results(workspace)
            decided = decide.decide(workspace, material, checks, mode, allow_untagged=run.options.allow_untagged)
            run.problems = decided.problems
            run.advisories = sorted({*material.notes, *decided.advisories})
            found = terminal.findings("Problems:", decided.problems)
            for line in ["", *terminal.checks(checks), *found, "", *foresight.advisory_lines(run.advisories)]:
                terminal.say(line)
            terminal.say(f"Nothing was written. The packet would {'not ' if decided.problems else ''}be published")
            return
        with locks.hold(git_workspace.lock_path(workspace.work), "the work folder"):
            target = frame.target_of(session, run, workspace)
            more = gather.merge_given_evidence(workspace, [frame.from_(session, given) for given in run.options.evidence])
            run.checks = gather.read_results(workspace)
            again = frame.verify_command(session, place, run, target)
            finish(
                run,
                workspace,
                material,
                [mode],
                target,
                Path(session.invoked_from),
                allow_untagged=run.options.allow_untagged,
                more=more,
                verify=again,
            )
