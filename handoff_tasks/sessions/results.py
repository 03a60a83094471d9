"""Write the result file and the JUnit XML of a session, and keep them apart from the packet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from pathlib import Path

    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.sessions.run import Run


def result_place(session: Session, path: Path | None) -> Path | None:
    """Return the path of the result file, with the one of an earlier run removed.

    So an old result cannot be taken for this run's, however this run ends. Raises `HandoffError`
    (HP001) if another file is there.
    """
    from handoff_tasks import files
    from handoff_tasks.problems import refusal

    if path is None:
        return None
    place = resolve_path(session, path)
    if why := files.clear_place(place, "result", _is_result):
        raise refusal("HP001", "--result-json", why, "name another file; nothing was run")
    return place


def _is_result(data: bytes) -> bool:
    """Return whether a file is the result of a run."""
    from handoff_tasks.release.result import RESULT_CONTRACT

    try:
        # A result has floats, which the strict reader refuses.
        document = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("result_contract_version") == RESULT_CONTRACT


def junit_place(session: Session, run: Run) -> Path | None:
    """Return the path of the JUnit XML, with the one of an earlier run removed."""
    if run.options.junit is None:
        return None
    from handoff_tasks.output import report_files

    return report_files.junit_place(resolve_path(session, run.options.junit), run.result)


def write_result(run: Run) -> None:
    """Write the result file, if one was asked for. Raises `HandoffError` (HP080)."""
    if run.result is None:
        return
    from handoff_tasks.checks.evidence import EvidenceFolder
    from handoff_tasks.release import result

    workspace = run.workspace
    commit = place = None
    if workspace:
        commit = workspace.producer.commit
        place = EvidenceFolder.of(workspace).path
    document = result.result_document(
        run.end,
        mode=run.mode,
        commit=commit,
        packet_path=run.packet,
        draft=run.draft,
        place=place,
    )
    result.write_result(run.result, document)


def write_junit(session: Session, run: Run) -> None:
    """Write the JUnit XML, if one was asked for; also of a run that was refused.

    Raises `HandoffError` (HP080).
    """
    if run.junit is None:
        return
    from handoff_tasks.output import report_files
    from handoff_tasks.report import view as report_view

    view = run.view
    if view is None:
        source = report_view.Source(session=session.name)
        view = report_view.build_view(None, run.end, source)
    report_files.write_junit(view, run.junit)


def packet_place(session: Session, run: Run, workspace: Workspace) -> Path:
    """Return where the packet is published: ``--out-json``, else the profile's path.

    Raises `HandoffError` if the result file (HP001) or the JUnit XML (HP110) has the same place,
    under whatever spelling.
    """
    from handoff_tasks import files
    from handoff_tasks.problems import refusal

    if run.options.out_json:
        target = resolve_path(session, run.options.out_json)
    else:
        target = workspace.producer.root / workspace.profile.packet_path
    place = files.resolve_parent(target)
    message, hint = f"{target} is the packet's place", "name another file; nothing was run"
    if run.result and files.resolve_parent(run.result) == place:
        run.result = None
        raise refusal("HP001", "--result-json", message, hint)
    if run.junit and files.resolve_parent(run.junit) == place:
        run.junit = None
        raise refusal("HP110", "--junit", message, hint)
    return target
