"""The first and the last screen of a run, as lines: what is verified, and what came of it.

A person who sees the last screen only knows what to do. Reads the ends of logs, and decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks import evidence, screen
from handoff_tasks.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from handoff_tasks.assemble import Decision, Material
    from handoff_tasks.errors import Problem
    from handoff_tasks.model import CheckResult
    from handoff_tasks.workspace import Workspace

_LOG_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What came of a run.

    ``target`` is where a packet belongs, None when none was to be published; ``digest`` is its sha256. ``draft`` is None when every
    decision is GO. ``report`` is the page for people, None when it could not be written.
    """

    checks: Sequence[CheckResult]
    problems: Sequence[Problem]
    advisories: Sequence[Problem]
    decisions: Sequence[Decision]
    draft: Path | None
    target: Path | None
    digest: str
    report: Path | None = None


def start(session: str, workspace: Workspace, material: Material) -> list[str]:
    """Return the lines that say what is about to be verified."""
    return [
        f"{session}: {workspace.profile.name} {material.manifest.release_tag} in {workspace.producer.root}",
        f"  commit    {workspace.producer.commit}  {_standing(material)}",
        f"  checkout  {workspace.base / 'checkout'}",
    ]


def _standing(material: Material) -> str:
    facts = material.facts
    if facts.tag is None:
        return f"(not tagged yet: {facts.tag_name})"
    if facts.tag.target == facts.verified_commit:
        return f"(tag {facts.tag.name}, {facts.tag.kind})"
    return f"(tag {facts.tag.name} points to {facts.tag.target[:12]})"


def end(ended: Ended, workspace: Workspace, material: Material) -> list[str]:
    """Return the last screen: checks, log ends, problems, the statement to fill in, GO or NO-GO and where the packet is."""
    folder = evidence.folder(workspace.work, workspace.producer.commit)
    lines = [
        "",
        f"{workspace.profile.name} {material.manifest.release_tag}: {len(ended.checks)} checks",
        *screen.checks(ended.checks),
    ]
    for check in ended.checks:
        if check.outcome not in (Outcome.PASSED, Outcome.NOT_RUN):
            tail = evidence.tail(evidence.log_path(folder, check.id), _LOG_LINES)
            lines += screen.log_end(check.id, tail, evidence.log_path(folder, check.id)) if tail else []
    if any(check.outcome is Outcome.NOT_RUN for check in ended.checks):
        for chatter in sorted(folder.glob("lane-*.nox.log")):
            lines += screen.log_end("nox", evidence.tail(chatter, _LOG_LINES), chatter)
    lines += screen.findings("Advisories:", ended.advisories)
    lines += screen.findings("Problems:", ended.problems)
    block = ended.decisions[0].block
    if block and ended.problems:
        lines += [
            "",
            f"The statement to fill in, in {workspace.profile.changelog_path} or with --impact FILE:",
            "",
            block,
        ]
    lines += ["", f"  commit    {workspace.producer.commit}  {_standing(material)}", f"  evidence  {folder}"]
    if ended.report:
        lines.append(f"  report    {ended.report}")
    if ended.draft:
        lines.append(f"  draft     {ended.draft}")
        if ended.target is not None:
            lines.append(
                f"  packet    not written; {'unchanged: ' if ended.target.exists() else 'there is none at '}{ended.target}"
            )
        return [*lines, "", f"NO-GO  {len(ended.problems)} problem{'s' if len(ended.problems) > 1 else ''}"]
    if ended.target is None:
        modes = ", ".join(str(decision.document["handoff_mode"]) for decision in ended.decisions)
        return [*lines, "", f"GO  for {modes}; nothing was published"]
    return [*lines, f"  sha256    {ended.digest}", "", f"GO  {ended.target}"]
