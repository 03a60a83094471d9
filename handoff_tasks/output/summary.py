"""Print the start and the end of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.checks import evidence
from handoff_tasks.codes import CATALOGUE
from handoff_tasks.formats.words import counted
from handoff_tasks.model import Outcome, Relation
from handoff_tasks.output import terminal
from handoff_tasks.producer import statement_draft

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import CheckResult, GitFacts
    from handoff_tasks.problems import Problem
    from handoff_tasks.release.decide import Decision
    from handoff_tasks.release.gather import Material

_LOG_LINES = 20
# Digits of a commit's name for people.
_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of a run.

    ``target`` is where a packet belongs, None when none was to be published; ``digest`` is its sha256. ``draft`` is None when every
    decision is GO. ``report`` is the page for people, None when it could not be written. ``here`` is the folder that the run was
    called from: paths are shown as they are typed there. With ``ran`` False no check has run.
    """

    checks: Sequence[CheckResult]
    problems: Sequence[Problem]
    advisories: Sequence[Problem]
    decisions: Sequence[Decision]
    draft: Path | None
    target: Path | None
    digest: str
    here: Path
    report: Path | None = None
    ran: bool = True


def interrupted(checks: Sequence[CheckResult], again: str | None) -> str:
    """Return the one line that an interrupted run ends with.

    Args:
        checks: What is known of the checks; none if no check could have started.
        again: The option that would run again what has passed, if the run has one.
    """
    passed = sum(check.outcome is Outcome.PASSED for check in checks)
    left = sum(check.outcome in (Outcome.INTERRUPTED, Outcome.NOT_RUN) for check in checks)
    failed = len(checks) - passed - left
    parts = [f"{passed} passed and {'is' if passed == 1 else 'are'} kept" if passed else "none passed"]
    parts += [f"{failed} failed"] if failed else []
    parts.append(f"{left} to run" if left else "none left to run")
    told = f"Interrupted: {', '.join(parts)}." if checks else "Interrupted before any check has run."
    if again and passed:
        return f"{told} Run the same command without {again} to continue."
    return f"{told} Run the same command to continue."


def start(session: str, workspace: Workspace, material: Material, here: Path) -> list[str]:
    """Return the lines that say what is about to be verified."""
    producer = workspace.producer
    return [
        f"{session}: {workspace.profile.name} {material.manifest.release_tag} in {terminal.near(producer.root, here)}",
        f"  commit    {producer.commit[:_SHORT]}",
        f"            {_standing(material.facts)}",
        f"  checkout  {terminal.near(workspace.base / 'checkout', here)}",
    ]


def block(workspace: Workspace, material: Material) -> list[str]:
    """Return the statement to fill in, if the release has none that counts; problems that ask for it follow."""
    if material.statement is not None:
        return []
    return [
        "",
        f"The statement to fill in, in {workspace.profile.changelog_path} or with --impact FILE:",
        "",
        *statement_draft.draft(material.manifest, material.facts).splitlines(),
    ]


def _standing(facts: GitFacts) -> str:
    """Return in one sentence how the verified commit stands to the tag and to the runtime commit."""
    if facts.tag is None:
        tag = f"not tagged yet ({facts.tag_name})"
    elif facts.tag.target == facts.verified_commit:
        tag = f"where the {facts.tag.kind} tag {facts.tag.name} points"
    else:
        tag = f"not where the {facts.tag.kind} tag {facts.tag.name} points, which is {facts.tag.target[:12]}"
    runtime, after = facts.runtime_commit[:12], len(facts.commits_after_runtime)
    paths = counted(len(facts.changed_to_verified), "other runtime path") if facts.changed_to_verified else "the same runtime paths"
    relation = {
        Relation.SAME: "the runtime commit itself",
        Relation.ANCESTOR: f"{counted(after, 'commit')} after the runtime commit {runtime}, with {paths}",
        Relation.UNRELATED: f"no descendant of the runtime commit {runtime}",
        Relation.MISSING: f"without the runtime commit {runtime}, which the repository does not have",
    }
    return f"It is {tag}, and {relation[facts.runtime_to_verified]}."


def _checkout(checks: Sequence[CheckResult]) -> str:
    """Return the line that says whether build outputs of an earlier run were there."""
    ran = [check.record.checkout_state for check in checks if check.record and not check.is_reused]
    if not ran:
        kept = any(check.is_reused for check in checks)
        return f"  checkout  not used: {'all that counts is kept from an earlier run' if kept else 'no check was run'}"
    return f"  checkout  {'kept, with build outputs of an earlier run (--fresh starts without)' if 'kept' in ran else 'fresh'}"


def end(ended: Ended, workspace: Workspace, material: Material) -> list[str]:
    """Return the last screen: checks, what was verified, log ends, the statement to fill in, problems, verdict.

    What to do next stands last: a small window shows the end alone.
    """
    folder = evidence.folder(workspace.work, workspace.producer.commit)
    lines = [
        "",
        f"{workspace.profile.name} {material.manifest.release_tag}: {counted(len(ended.checks), 'check')}",
        *terminal.checks(ended.checks),
        "",
        f"  commit    {workspace.producer.commit[:_SHORT]}",
        # The start of the run has said it; what is not as usual about a GO is among its advisories.
        *([f"            {_standing(material.facts)}"] if ended.problems else []),
        _checkout(ended.checks),
        f"  evidence  {terminal.near(folder, ended.here)}{os.sep}",
    ]
    lines += [
        f"  {name:<8}  {path.name} (in that folder)" for name, path in (("report", ended.report), ("draft", ended.draft)) if path
    ]
    lines += [f"  sha256    {ended.digest}"] if ended.digest else []
    if ended.problems and ended.target is not None:
        lines.append(f"  packet    {'the published one is unchanged' if ended.target.exists() else 'none is published yet'}")
    for check in ended.checks:
        if check.outcome not in (Outcome.PASSED, Outcome.NOT_RUN):
            log = evidence.log_path(folder, check.id)
            tail = evidence.tail(log, _LOG_LINES)
            lines += terminal.log_end(check.id, tail, log) if tail else []
    outcomes = {check.outcome for check in ended.checks}
    # Of an interrupted run it is plain why a check did not run.
    if ended.ran and Outcome.NOT_RUN in outcomes and Outcome.INTERRUPTED not in outcomes:
        for chatter in sorted(folder.glob("lane-*.nox.log")):
            lines += terminal.log_end("nox", evidence.tail(chatter, _LOG_LINES), chatter)
    lines += block(workspace, material) if ended.problems else []
    lines += terminal.findings("Advisories:", ended.advisories)
    lines += terminal.findings("Problems:", ended.problems)
    return [*lines, "", _verdict(ended)]


def _verdict(ended: Ended) -> str:
    """Return the last line: GO and the packet's place, or NO-GO and its first reason."""
    if not ended.problems:
        modes = ", ".join(str(decision.document["handoff_mode"]) for decision in ended.decisions)
        return f"GO  {terminal.near(ended.target, ended.here)}" if ended.target else f"GO  for {modes}; nothing was published"
    first, *others = sorted(ended.problems)
    check = next(
        (check for check in ended.checks if first.where == f"check {check.id}" and check.outcome is not Outcome.PASSED), None
    )
    title = CATALOGUE[first.code].title
    reason = terminal.told(check) if check else f"{title[0].lower()}{title[1:]} ({first.code})"
    more = f", and {counted(len(others), 'more problem')}" if others else ""
    return f"NO-GO  {reason}{more}"
