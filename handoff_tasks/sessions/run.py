"""Hold the state of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import RunEnd
    from handoff_tasks.problems import Problem
    from handoff_tasks.record import CheckResult
    from handoff_tasks.report.view import View
    from handoff_tasks.sessions.options import Options


@dataclass(slots=True, kw_only=True)
class Run:
    """The state of a session; it is written to the result file however the session ends.

    Fields that are set while the session runs:

    - ``subject``: the mode's name or the check's id of a session that the profile defines.
    - ``producer``: the producer's root and the path of its profile.
    - ``view``: what the report shows.
    - ``all_checks``: whether the session runs all checks.
    - ``read_results``: returns the results so far, once checks may have started.
    """

    options: Options
    subject: str = ""
    mode: str | None = None
    producer: tuple[Path, Path] | None = None
    workspace: Workspace | None = None
    packet: Path | None = None
    draft: Path | None = None
    problems: Sequence[Problem] = ()
    advisories: Sequence[Problem] = ()
    checks: Sequence[CheckResult] = ()
    result: Path | None = None
    junit: Path | None = None
    view: View | None = None
    interrupted: bool = False
    all_checks: bool = False
    read_results: Callable[[], Sequence[CheckResult]] | None = None

    @property
    def end(self) -> RunEnd:
        """How the run ended, as far as it has."""
        from handoff_tasks.model import RunEnd

        return RunEnd(
            checks=tuple(self.checks),
            problems=tuple(self.problems),
            advisories=tuple(self.advisories),
        )

    @property
    def again(self) -> str | None:
        """The option of this run that runs passed checks again."""
        if self.options.fresh:
            return "--fresh"
        return "--rerun" if self.options.rerun else None
