"""Say what a check would run, and why."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.checks import run
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.model import Outcome
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import CheckResult
    from handoff_tasks.producer.profile import Check

_CODE = "HP095"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """A check as it would run now. ``result`` is what its evidence is worth, ``changed`` why a pass would not be kept."""

    check: Check
    ahead: run.Ahead
    result: CheckResult
    changed: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """Tell whether a handoff would keep its pass."""
        return self.result.outcome is Outcome.PASSED and not self.changed


def prospect(workspace: Workspace, check: Check, settings: run.Settings) -> Prospect:
    """Return how a check would run. The private checkout must hold the commit."""
    result = EvidenceFolder.of(workspace).result(check, workspace.binding(check))
    changed = run.differences(workspace, check, settings, result.record) if result.record else []
    return Prospect(check=check, ahead=run.ahead(workspace, check, settings), result=result, changed=tuple(changed))


def problems(prospects: Sequence[Prospect]) -> list[Problem]:
    """Return why checks could not run now (HP095): a tool that is missing, a script that the commit lacks."""
    return [
        Problem(code=_CODE, where=f"check {one.check.id}", message=one.ahead.stopped, hint="mend it, then run; nothing was run now")
        for one in prospects
        if one.ahead.stopped
    ]


def table(prospects: Sequence[Prospect]) -> list[str]:
    """Return a line for each check: its id, what its evidence says now, its command."""
    width = max((len(one.check.id) for one in prospects), default=0)
    return [f"  {one.check.id:<{width}}  {_worth(one):<16}  {one.check.command}" for one in prospects]


def _worth(one: Prospect) -> str:
    if one.kept:
        return "passed, kept"
    return one.result.outcome.replace("_", " ") + (", runs again" if one.result.outcome is Outcome.PASSED else "")


def lines(one: Prospect, workspace: Workspace, settings: run.Settings) -> list[str]:
    """Return all that is to say of one check."""
    check, ahead, wanted = one.check, one.ahead, workspace.wanted("")
    return [
        f"{check.id}: {check.title}",
        *_said(
            "command", [shlex.join(ahead.command) if ahead.command else f"cannot run: {ahead.stopped or 'its tool comes later'}"]
        ),
        *_said("packet", [check.command]),
        *_said("in", [str(wanted.tree / workspace.producer.prefix)]),
        *_said("passes", _passing(check, settings, workspace)),
        *_said("tools", _tools(one)),
        *_said("sees", [_names(sorted(ahead.passed), "of the caller's: ")]),
        *_said("set", [_names([f"{name}={value}" for name, value in sorted(ahead.set.items())], "")]),
        *_said(
            "does not see",
            [_names(sorted(settings.caller.keys() - ahead.passed - ahead.set.keys() - {"PATH"}), "of the caller's: ")],
        ),
        *_said("PATH", [ahead.path]),
        *_said("commit", [f"{workspace.producer.commit}, tree {workspace.tree}"]),
        *_said("kept there", [", ".join(wanted.keep) or "nothing: what git does not know is swept before a run"]),
        *_said("evidence", _evidence(one, workspace)),
    ]


def _said(name: str, values: Sequence[str]) -> list[str]:
    return [f"  {name if not number else '':<12}  {value}" for number, value in enumerate(values)]


def _names(names: Sequence[str], before: str) -> str:
    return before + ", ".join(names) if names else "nothing"


def _passing(check: Check, settings: run.Settings, workspace: Workspace) -> list[str]:
    last = f" and the last line '{check.success_line}'" if check.success_line else ""
    toolchain = settings.toolchain or workspace.profile.toolchain
    return [
        f"with exit code 0{last}, no process left, nothing in the checkout changed",
        f"within {settings.timeout or check.timeout_seconds} s; {'alone' if check.alone else 'beside others'}, expected to take "
        f"{check.expected_seconds} s; its log keeps {workspace.profile.log_limit_bytes} bytes",
        *([f"with the toolchain {toolchain}"] if toolchain else []),
    ]


def _tools(one: Prospect) -> list[str]:
    found = [
        f"{tool.name} {tool.version or ''}".rstrip() + f"  {tool.path}{'  (named in the packet)' if tool.claim else ''}"
        for tool in one.ahead.tools
        if tool.path
    ]
    later = [f"{name}: installed into the session's environment when it runs" for name in one.ahead.later]
    missing = [f"{name}: {why}; {hint}" for name, (why, hint) in one.ahead.missing.items()]
    return [*found, *later, *missing] or ["none"]


def _evidence(one: Prospect, workspace: Workspace) -> list[str]:
    record = one.result.record
    if record is None:
        return [f"{one.result.outcome.replace('_', ' ')}: {one.result.reason}"]
    folder = EvidenceFolder.of(workspace)
    code = f", exit code {record.exit_code}" if record.exit_code is not None else ""
    told = [f"{record.outcome.replace('_', ' ')} at {record.started_at_utc}{code}{f': {record.reason}' if record.reason else ''}"]
    if record.log:
        told.append(f"log {folder.log(record.id)} ({record.log.size} bytes)")
    if record.outcome is not Outcome.PASSED:
        told.append("a handoff would run it again: only a pass is kept")
    elif one.changed:
        told.append(f"a handoff would run it again, since this differs: {'; '.join(one.changed)}")
    else:
        told.append("a handoff would keep it, and not run it again")
    return told


def plan(lanes: Sequence[Sequence[str]], prospects: Sequence[Prospect]) -> Iterator[str]:
    """Yield what a run would do: what is kept, and what runs side by side and in which order."""
    if kept := [one.check.id for one in prospects if one.kept]:
        yield f"  kept      {', '.join(kept)}"
    for number, lane in enumerate(lanes, 1):
        yield f"  lane {number}    {' -> '.join(session.removeprefix('verify-') for session in lane)}"
