"""Decide which passes of an earlier run are kept.

Only a pass is kept, and only if every input is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.checks import environment as environments
from handoff_tasks.checks import tools
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from handoff_tasks.checks.settings import Settings
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import Record, Tool
    from handoff_tasks.producer.profile import Check


def find_kept(
    workspace: Workspace, settings: Callable[[Check], Settings], say: Callable[[str], None]
) -> frozenset[str]:
    """Return the ids of the checks whose pass is kept. The private checkout must hold the commit.

    Args:
        workspace: The producer at its commit.
        settings: Returns the settings that a check would run with now.
        say: Gets a line for each pass that is not kept, with the reason.
    """
    folder = EvidenceFolder.of(workspace)
    ids = []
    for check in workspace.profile.checks:
        result = folder.result(check, workspace.binding(check))
        if result.outcome is not Outcome.PASSED or result.record is None:
            continue
        changes = list_changes(workspace, check, settings(check), result.record)
        if changes:
            differences = "; ".join(changes)
            say(f"{check.id} passed before and runs again, since this differs: {differences}")
        else:
            ids.append(check.id)
    return frozenset(ids)


def list_changes(
    workspace: Workspace, check: Check, settings: Settings, record: Record
) -> list[str]:
    """Return, in words, the inputs of a check that have changed since its record was made.

    Commit, tree, profile and command line are compared by `evidence.judge_evidence`. The private
    checkout must hold the commit, since a tool may choose its version by the files there.
    """
    environment = environments.check_environment(workspace, check, settings)
    root = environments.check_root(workspace, settings)
    found, unusable = tools.find_tools(workspace.profile, check, root, environment)
    changes = []
    if record.timeout_seconds != settings.time_limit(check):
        changes.append("time limit")
    toolchain = settings.toolchain_of(workspace.profile)
    if record.toolchain != toolchain:
        changes.append(f"toolchain (was {record.toolchain}, is {toolchain})")
    if found != record.tools:
        changes.append(f"tools ({_describe_tools(record, found, unusable) or 'fewer'})")
    variables = environments.describe_changes(record, environment)
    if variables:
        changes.append(variables)
    if dict(record.platform) != environments.describe_platform():
        changes.append("machine, system or Python")
    return changes


def _describe_tools(record: Record, found: Sequence[Tool], unusable: Mapping[str, str]) -> str:
    """Return the tools that the record does not have in this form."""
    before = {tool.name: tool for tool in record.tools}
    parts = []
    for tool in found:
        if tool in record.tools:
            continue
        old = before.get(tool.name)
        if old is None:
            parts.append(f"{tool.name}, which was not looked up")
            continue
        version = tool.version or unusable.get(tool.name, "?")
        then = f"{tool.name} {old.version or '?'} in {old.path}"
        parts.append(f"{then}, now {version} in {tool.path}")
    return "; ".join(parts)
