"""Print the start and the end of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.checks.evidence import EvidenceFolder, read_tail
from handoff_tasks.codes import CATALOGUE
from handoff_tasks.formats.escape import printable
from handoff_tasks.formats.words import quantity
from handoff_tasks.model import Relation
from handoff_tasks.output import terminal
from handoff_tasks.producer import statement_draft
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import GitFacts, RunEnd
    from handoff_tasks.record import CheckResult
    from handoff_tasks.release.gather import Material

_LOG_LINES = 20
# Digits of a commit's name for people.
_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LastScreen:
    """What the end of a run shows beside the workspace and the release.

    Attributes:
        end: How the run ended.
        modes: The modes that were decided.
        draft: The NO-GO draft, None if the verdict is GO.
        target: Where the packet is published, None if the run publishes nothing.
        digest: The sha256 of the published packet, as hex.
        here: The folder that the run was called from. Paths are shown relative to it.
        report: The page of the report, None if it could not be written.
        ran: False if the run stopped before its checks.
        signatures: What is shown of the packet's signatures, each with its name.
    """

    end: RunEnd
    modes: Sequence[str]
    draft: Path | None
    target: Path | None
    digest: str
    here: Path
    report: Path | None = None
    ran: bool = True
    signatures: Sequence[tuple[str, str]] = ()


def interruption_line(end: RunEnd, again: str | None) -> str:
    """Return the last line of an interrupted run.

    ``again`` is the option of the run that runs again what has passed, if it has one.
    """
    command = "the same command"
    counts = end.counts
    passed = counts[Outcome.PASSED]
    if again and passed:
        command = f"the same command without {again}"
    if not end.checks:
        return f"Interrupted before any check has run. Run {command} to continue."
    parts = ["none passed"]
    if passed:
        parts = [f"{passed} passed and {'is' if passed == 1 else 'are'} kept"]
    left = counts[Outcome.INTERRUPTED] + counts[Outcome.NOT_RUN]
    failed = len(end.checks) - passed - left
    if failed:
        parts.append(f"{failed} failed")
    parts.append(f"{left} to run" if left else "none left to run")
    return f"Interrupted: {', '.join(parts)}. Run {command} to continue."


def start_lines(session: str, workspace: Workspace, material: Material, here: Path) -> list[str]:
    """Return the lines that say what is about to be verified."""
    producer = workspace.producer
    release = f"{workspace.profile.name} {material.manifest.release_tag}"
    return [
        f"{session}: {release} in {terminal.near(producer.root, here)}",
        f"  commit    {producer.commit[:_SHORT]}",
        f"            {_relations(material.facts)}",
        f"  checkout  {terminal.near(workspace.base / 'checkout', here)}",
    ]


def statement_lines(workspace: Workspace, material: Material) -> list[str]:
    """Return the statement to fill in, if the release has no valid one."""
    if material.statement is not None:
        return []
    path = workspace.profile.statement_path
    place = f"in {path} or with --impact FILE" if path else "for --impact FILE"
    draft = statement_draft.draft(material.manifest, material.facts).splitlines()
    return ["", f"The statement to fill in, {place}:", "", *draft]


def _relations(facts: GitFacts) -> str:
    """Return how the verified commit relates to the tag and to the runtime commit."""
    if facts.tag.existing is None:
        tag = f"not tagged yet ({facts.tag.name})"
    elif facts.tag.existing.target == facts.verified.commit:
        tag = f"where the {facts.tag.existing.kind} tag {facts.tag.existing.name} points"
    else:
        existing = facts.tag.existing
        target = existing.target[:_SHORT]
        tag = f"not where the {existing.kind} tag {existing.name} points, which is {target}"
    runtime = facts.runtime.commit[:_SHORT]
    after = quantity(len(facts.runtime.commits_after), "commit")
    paths = "the same runtime paths"
    if facts.runtime.changed_to_verified:
        paths = quantity(len(facts.runtime.changed_to_verified), "other runtime path")
    relation = {
        Relation.SAME: "the runtime commit itself",
        Relation.ANCESTOR: f"{after} after the runtime commit {runtime}, with {paths}",
        Relation.UNRELATED: f"not a descendant of the runtime commit {runtime}",
        Relation.MISSING: f"without the runtime commit {runtime}, which is not in the repository",
    }
    return f"It is {tag}, and {relation[facts.runtime.to_verified]}."


def end_lines(screen: LastScreen, workspace: Workspace, material: Material) -> list[str]:
    """Return the last screen of a run.

    It has the checks, what was verified, ends of logs, the statement to fill in, advisories,
    problems and the verdict. The next steps come last, where a small window shows them.
    """
    end = screen.end
    folder = EvidenceFolder.of(workspace)
    release = f"{workspace.profile.name} {material.manifest.release_tag}"
    lines = ["", f"{release}: {quantity(len(end.checks), 'check')}", *terminal.checks(end.checks)]
    lines += ["", f"  commit    {workspace.producer.commit[:_SHORT]}"]
    if end.problems:
        # The start of the run has said it; for a GO, advisories say what is unusual.
        lines.append(f"            {_relations(material.facts)}")
    lines += [_checkout(end.checks), *_files(screen, folder.path), *_logs(screen, folder)]
    if end.problems:
        lines += statement_lines(workspace, material)
    lines += terminal.findings("Advisories:", end.advisories)
    lines += terminal.findings("Problems:", end.problems)
    return [*lines, "", _verdict(screen)]


def _checkout(checks: Sequence[CheckResult]) -> str:
    """Return the line that says whether build outputs of an earlier run were there."""
    states = [
        check.record.checkout_state for check in checks if check.record and not check.is_reused
    ]
    if "kept" in states:
        state = "kept, with build outputs of an earlier run (--fresh starts without)"
    elif states:
        state = "fresh"
    elif any(check.is_reused for check in checks):
        state = "not used: all passes are kept from an earlier run"
    else:
        state = "not used: no check was run"
    return f"  checkout  {state}"


def _files(screen: LastScreen, folder: Path) -> list[str]:
    """Return the lines that name the files of the run."""
    lines = [f"  evidence  {terminal.near(folder, screen.here)}{os.sep}"]
    for name, path in (("report", screen.report), ("draft", screen.draft)):
        if path:
            lines.append(f"  {name:<8}  {path.name} (in that folder)")
    if screen.digest:
        lines.append(f"  sha256    {screen.digest}")
    for name, value in screen.signatures:
        lines.append(f"  {name.lower():<9} {printable(value)}")
    if screen.end.problems and screen.target is not None:
        exists = screen.target.exists()
        state = "the published one is unchanged" if exists else "none is published yet"
        lines.append(f"  packet    {state}")
    return lines


def _logs(screen: LastScreen, folder: EvidenceFolder) -> list[str]:
    """Return the ends of the logs of failed checks, and of nox if it did not run a check."""
    lines = []
    for check in screen.end.checks:
        if check.outcome in (Outcome.PASSED, Outcome.NOT_RUN):
            continue
        if tail := folder.tail(check.id, _LOG_LINES):
            lines += terminal.log_end(check.id, tail, folder.log(check.id))
    counts = screen.end.counts
    if screen.ran and counts[Outcome.NOT_RUN] and not counts[Outcome.INTERRUPTED]:
        for log in folder.lane_logs():
            lines += terminal.log_end("nox", read_tail(log, _LOG_LINES), log)
    return lines


def _verdict(screen: LastScreen) -> str:
    """Return the last line: GO and the packet's place, or NO-GO and its first reason."""
    end = screen.end
    if not end.problems:
        if screen.target:
            return f"{end.verdict}  {terminal.near(screen.target, screen.here)}"
        return f"{end.verdict}  for {', '.join(screen.modes)}; nothing was published"
    first = min(end.problems)
    check = end.check_of(first)
    if check and check.outcome is not Outcome.PASSED:
        reason = terminal.describe(check)
    else:
        title = CATALOGUE[first.code].title
        reason = f"{title[0].lower()}{title[1:]} ({first.code})"
    others = len(end.problems) - 1
    more = f", and {quantity(others, 'more problem')}" if others else ""
    return f"{end.verdict}  {reason}{more}"
