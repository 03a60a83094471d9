"""Find out where checks would run now, and which tools they would find there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.checks import environment as environments
from handoff_tasks.checks.tools import Place, find_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from handoff_tasks.checks.settings import Settings
    from handoff_tasks.checks.tools import FoundTools
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """A check as it would run now: its settings, where it would run, and the tools found there."""

    settings: Settings
    place: Place
    found: FoundTools


def find_contexts(
    workspace: Workspace,
    checks: Sequence[tuple[Check, Settings]],
    meanwhile: Callable[[], None] | None = None,
) -> list[CheckContext]:
    """Return the contexts of checks.

    The private checkout must hold the commit, since a tool may choose its version by the files
    there. ``meanwhile`` is called while tools are asked for their versions; it must not start
    processes.
    """
    places = [
        Place(
            check=check,
            root=environments.check_root(workspace, check, settings),
            environment=environments.check_environment(workspace, check, settings),
        )
        for check, settings in checks
    ]
    tools = find_tools(workspace.profile, places, meanwhile)
    return [
        CheckContext(settings=settings, place=place, found=found)
        for (_, settings), place, found in zip(checks, places, tools, strict=True)
    ]
