"""Decide which passes of an earlier run are kept.

Only a pass is kept, and only if every input is the same. A check that does not see some files has
the same input in every commit that differs in these files only, so its pass at another commit is
kept too: record and log are copied from there.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import environment as environments
from handoff_tasks.checks.context import find_contexts
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handoff_tasks.checks.context import CheckContext
    from handoff_tasks.checks.settings import Settings
    from handoff_tasks.checks.tools import FoundTools
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check
    from handoff_tasks.record import Binding, Record

# Of so many commits evidence is looked at.
_MOST_COMMITS = 100


def find_kept(
    workspace: Workspace,
    settings: Callable[[Check], Settings],
    say: Callable[[str], None],
    meanwhile: Callable[[], None],
) -> frozenset[str]:
    """Return the ids of the checks whose pass is kept. The private checkout must hold the commit.

    Args:
        workspace: The producer at its commit.
        settings: Returns the settings that a check would run with now.
        say: Gets a line for each pass that is not kept, with the reason.
        meanwhile: Is called while tools are asked for their versions.
    """
    passes: list[tuple[Check, EvidenceFolder, Record]] = []
    for check in workspace.profile.checks:
        folder = find_evidence(workspace, check)
        result = folder.result(check, workspace.binding(check))
        if result.outcome is Outcome.PASSED and result.record is not None:
            passes.append((check, folder, result.record))
    now = find_contexts(workspace, [(check, settings(check)) for check, _, _ in passes], meanwhile)
    ids = []
    for (check, folder, record), context in zip(passes, now, strict=True):
        changes = list_changes(workspace, context, record)
        if changes:
            differences = "; ".join(changes)
            say(f"{check.id} passed before and runs again, since this differs: {differences}")
        else:
            _copy_evidence(folder, EvidenceFolder.of(workspace), check.id)
            ids.append(check.id)
    return frozenset(ids)


def find_evidence(workspace: Workspace, check: Check) -> EvidenceFolder:
    """Return the folder with the evidence that counts for a check.

    It is that of the workspace's commit, unless the check ignores files and has run later at
    another commit with the same files that it sees. The latest record counts, whatever its outcome:
    a failure there must not be passed over for an older pass.
    """
    own = EvidenceFolder.of(workspace)
    if not check.ignores:
        return own
    binding = workspace.binding(check)
    folders = [own, *_other_folders(own)]
    times = [_read_end(folder.record(check.id), binding) for folder in folders]
    latest = max(times)
    return folders[times.index(latest)] if any(latest) else own


def _other_folders(own: EvidenceFolder) -> list[EvidenceFolder]:
    """Return the evidence folders of other commits, those that changed last, by name."""
    folders: list[tuple[float, str]] = []
    with contextlib.suppress(OSError), os.scandir(own.path.parent) as entries:
        folders += [
            (entry.stat().st_mtime, entry.name)
            for entry in entries
            if entry.name != own.path.name and entry.is_dir(follow_symlinks=False)
        ]
    names = [name for _, name in sorted(folders)[-_MOST_COMMITS:]]
    return [EvidenceFolder(own.path.with_name(name)) for name in sorted(names)]


def _read_end(path: Path, binding: Binding) -> tuple[str, bool]:
    """Return when a record with these inputs ended, and whether it says that nothing passed.

    The first is empty if there is no such record. If two ended within one second, the one that has
    not passed is the greater one. `EvidenceFolder.result` checks the record that is chosen.
    """
    try:
        document = json.loads(files.read_plain(path))
        is_same = (
            document["seen_tree"] == binding.seen_tree
            and document["ignores"] == list(binding.ignores)
            and document["profile_digest"] == binding.profile_digest
        )
        if is_same:
            return str(document["finished_at_utc"]), document["outcome"] != Outcome.PASSED
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return "", False


def _copy_evidence(source: EvidenceFolder, target: EvidenceFolder, check: str) -> None:
    """Copy the record and the log of a check that has passed.

    The log comes first: a reader that finds the record finds its log too. Raises `HandoffError`
    (HP080) if they cannot be written.
    """
    if source == target:
        return
    target.make()
    for path, copy in (
        (source.log(check), target.log(check)),
        (source.record(check), target.record(check)),
    ):
        files.write(copy, files.read_plain(path))


def list_changes(workspace: Workspace, context: CheckContext, record: Record) -> list[str]:
    """Return, in words, the inputs of a check that have changed since its record was made.

    Commit, tree, profile and command line are compared by `judge_evidence`.
    """
    settings, found = context.settings, context.found
    changes = []
    if record.timeout_seconds != settings.time_limit(context.place.check):
        changes.append("time limit")
    toolchain = settings.toolchain_of(workspace.profile)
    if record.toolchain != toolchain:
        changes.append(f"toolchain (was {record.toolchain}, is {toolchain})")
    if found.tools != record.tools:
        changes.append(f"tools ({_describe_tools(record, found) or 'fewer'})")
    variables = environments.describe_changes(record, context.place.environment)
    if variables:
        changes.append(variables)
    if dict(record.platform) != environments.describe_platform():
        changes.append("machine, system or Python")
    return changes


def _describe_tools(record: Record, found: FoundTools) -> str:
    """Return the tools that the record does not have in this form."""
    before = {tool.name: tool for tool in record.tools}
    parts = []
    for tool in found.tools:
        if tool in record.tools:
            continue
        old = before.get(tool.name)
        if old is None:
            parts.append(f"{tool.name}, which was not looked up")
            continue
        version = tool.version or found.unusable.get(tool.name, "?")
        then = f"{tool.name} {old.version or '?'} in {old.path}"
        parts.append(f"{then}, now {version} in {tool.path}")
    return "; ".join(parts)
