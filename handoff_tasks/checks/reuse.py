"""Decide which passes of an earlier run are kept.

Only a pass is kept, and only if every input is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.checks import run
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check


def kept(workspace: Workspace, settings: Callable[[Check], run.Settings], say: Callable[[str], None]) -> frozenset[str]:
    """Return the ids of the checks whose pass is kept; ``settings`` are those that a check would run with now.

    ``say`` is told of each pass that is not kept, and why. The private checkout must hold the commit.
    """
    folder = EvidenceFolder.of(workspace)
    found = []
    for check in workspace.profile.checks:
        result = folder.result(check, workspace.binding(check))
        if result.outcome is not Outcome.PASSED or result.record is None:
            continue
        changed = run.differences(workspace, check, settings(check), result.record)
        if changed:
            say(f"{check.id} passed before and runs again, since this differs: {'; '.join(changed)}")
        else:
            found.append(check.id)
    return frozenset(found)
