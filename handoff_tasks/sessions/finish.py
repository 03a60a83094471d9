"""Decide, publish, and print the end of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Mode
    from handoff_tasks.release.decide import Decision
    from handoff_tasks.release.gather import Material
    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a run decides, and where it publishes.

    ``place`` is the noxfile, which may demand signatures. ``target`` is the packet's place, None
    for a run that publishes nothing. ``verify`` is the command that verifies the packet, for the
    report.
    """

    place: Place
    modes: Sequence[Mode]
    target: Path | None
    allow_untagged: bool
    verify: str


def finish(
    session: Session,
    run: Run,
    goal: Goal,
    workspace: Workspace,
    material: Material,
    *,
    more: Sequence[Problem] = (),
    ran: bool = True,
) -> None:
    """Decide each mode, publish the packet or leave drafts, and print the end of the run.

    ``more`` are problems found besides. ``ran`` is False if the run stopped before any check. An
    interrupted run prints one line.
    """
    from handoff_tasks.output import report_files, summary, terminal
    from handoff_tasks.sessions import signatures

    decisions = _decide(run, goal, workspace, material, more=more, ran=ran)
    digest = _publish(run, goal, workspace, decisions)
    signed = signatures.published_facts(session, goal.place, run)
    run.view = report_files.build_view(
        workspace,
        material,
        run.end,
        decisions,
        published=run.packet,
        digest=digest,
        draft=run.draft,
        verify=goal.verify,
        signatures=signed,
    )
    page, unwritten = report_files.write_report(run.view, workspace, run.mode)
    run.advisories = sorted({*run.advisories, *unwritten})
    if run.interrupted:
        terminal.say(summary.interruption_line(run.end, run.again))
        return
    screen = summary.LastScreen(
        end=run.end,
        modes=[mode.name for mode in goal.modes],
        draft=run.draft,
        target=goal.target,
        digest=digest,
        here=Path(session.invoked_from),
        report=page,
        ran=ran,
        signatures=signed,
    )
    for line in summary.end_lines(screen, workspace, material):
        terminal.say(line)
    for line in report_files.annotation_lines(run.end, workspace):
        terminal.say_command(line)


def _decide(
    run: Run,
    goal: Goal,
    workspace: Workspace,
    material: Material,
    *,
    more: Sequence[Problem],
    ran: bool,
) -> list[Decision]:
    """Decide each mode; set the run's problems and advisories."""
    from handoff_tasks.release import decide

    decisions = [
        decide.decide(
            workspace,
            material,
            run.checks,
            mode,
            allow_untagged=goal.allow_untagged,
            more=more,
            ran=ran,
        )
        for mode in goal.modes
    ]
    problems: set[Problem] = set()
    advisories = set(material.notes)
    for decision in decisions:
        problems.update(decision.problems)
        advisories.update(decision.advisories)
    if run.mode is None:
        # That nothing is left to rehearse matters only to a rehearsal.
        advisories = {advisory for advisory in advisories if advisory.code != "HA010"}
    run.problems, run.advisories = sorted(problems), sorted(advisories)
    return decisions


def _publish(run: Run, goal: Goal, workspace: Workspace, decisions: Sequence[Decision]) -> str:
    """Publish the packet, or leave drafts if there are problems; return the packet's digest."""
    from handoff_tasks.release import publish

    if run.problems:
        drafts = [publish.write_draft(workspace, decision) for decision in decisions]
        run.draft = drafts[0]
        return ""
    for mode in workspace.profile.modes:
        publish.draft_path(workspace, mode.name).unlink(missing_ok=True)
    if goal.target is None:
        return ""
    producer = workspace.producer
    digest = publish.publish(decisions[0], goal.target, producer.git_dir, producer.top)
    run.packet = goal.target
    return digest
