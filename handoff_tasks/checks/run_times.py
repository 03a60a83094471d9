"""Write and read ``run.json``: the lanes of a run, and when its checks ran.

The processes of a run append the times of their checks to a file in the cache folder. The end of
the run makes ``run.json`` of it, beside the records.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.problems import HandoffError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.checks.evidence import EvidenceFolder
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.record import Record

_NAME = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """The lanes of a run, as ids of checks, and the start and end of each check.

    Times are milliseconds since 1970.
    """

    run: str
    lanes: tuple[tuple[str, ...], ...]
    times: Mapping[str, tuple[int, int]]

    def end_times(self, records: Mapping[str, Record]) -> dict[str, int]:
        """Return the end of each check whose record was made in this run."""
        ends = {}
        for check, (start, end) in self.times.items():
            record = records.get(check)
            if record and (record.started_at_utc, record.finished_at_utc) == (
                _utc(start),
                _utc(end),
            ):
                ends[check] = end
        return ends


def add_times(workspace: Workspace, run: str, check: str, times: tuple[int, int]) -> None:
    """Add the start and end of a check to its run; without them only the timeline is coarser."""
    line = json.dumps([check, *times]) + "\n"
    with contextlib.suppress(HandoffError):
        files.append(_times_path(workspace, run), line.encode())


def write_run_times(
    workspace: Workspace, folder: EvidenceFolder, run: str, lanes: Sequence[Sequence[str]]
) -> None:
    """Write ``run.json`` from what the checks of a run have added; the run's lock must be held.

    ``lanes`` are names of sessions.

    Raises:
        HandoffError: HP080 if it cannot be written.
    """
    times = {}
    with contextlib.suppress(OSError):
        for line in _times_path(workspace, run).read_text().splitlines():
            check, start, end = json.loads(line)
            times[check] = [start, end]
    ids = {check.session: check.id for check in workspace.profile.checks}
    document = {
        "run": run,
        "lanes": [[ids[session] for session in lane] for lane in lanes],
        "times": times,
    }
    files.write(folder.path / _NAME, json.dumps(document, indent=1).encode(), sync=False)
    # Those of runs that were killed, too.
    for path in workspace.base.glob("run-*.times"):
        path.unlink(missing_ok=True)


def read_run_times(folder: EvidenceFolder) -> RunTimes | None:
    """Return what ``run.json`` holds, None if there is none that is valid."""
    try:
        document = json.loads(files.read_plain(folder.path / _NAME))
        return RunTimes(
            run=str(document["run"]),
            lanes=tuple(tuple(str(check) for check in lane) for lane in document["lanes"]),
            times={
                str(check): (int(start), int(end))
                for check, (start, end) in document["times"].items()
            },
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _times_path(workspace: Workspace, run: str) -> Path:
    return workspace.base / f"run-{run}.times"


def _utc(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds // 1000))
