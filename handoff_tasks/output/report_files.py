"""Write the report, JUnit XML, job summary and annotations of a run."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.checks.run_times import read_run_times
from handoff_tasks.git import command
from handoff_tasks.git import objects as git_objects
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.record import Outcome
from handoff_tasks.report import markdown as report_markdown
from handoff_tasks.report import page as report_page
from handoff_tasks.report import view as report_view
from handoff_tasks.report.steps import MANY_CHECKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import RunEnd
    from handoff_tasks.record import CheckResult
    from handoff_tasks.release.decide import Decision
    from handoff_tasks.release.gather import Material

# GitHub shows at most one mebibyte of summary for a step.
_LONGEST_SUMMARY = 1_000_000
_MANY_SUBJECTS = 200
# The line that explains a failure may be above the end of the log that is shown.
_EXPLAINED_LINES = 400
# The start of a JUnit XML that this module has written.
_OUR_JUNIT = b"<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"handoff "
# A path, a line and a column, after a commit and before a JSON pointer if there are any.
_FILE_AND_LINE = re.compile(
    r"(?:[0-9a-f]{12,}:)?([^:#\x00]+):([1-9][0-9]*)(?::([1-9][0-9]*))?(?:#.*)?"
)


def junit_place(path: Path, result: Path | None) -> Path:
    """Return where to write the JUnit XML, after removing that of an earlier run.

    ``result`` is the place of the run's result. Raises `HandoffError`: HP110 if the place cannot be
    used, HP080 if the earlier file cannot be removed.
    """
    if result and files.resolve_parent(path) == files.resolve_parent(result):
        raise refusal(
            "HP110",
            "--junit",
            f"{path} is also the place of the result",
            "name another file; nothing was run",
        )
    if why := files.clear_place(path, "JUnit XML", lambda data: data.startswith(_OUR_JUNIT)):
        raise refusal("HP110", "--junit", why, "name another file; nothing was run")
    return path


def build_view(
    workspace: Workspace,
    material: Material,
    end: RunEnd,
    decisions: Sequence[Decision],
    *,
    published: Path | None = None,
    digest: str = "",
    draft: Path | None = None,
    verify: str | None = None,
    signatures: Sequence[tuple[str, str]] = (),
) -> report_view.View:
    """Return the view of a run; the first decision is shown as the packet.

    ``digest`` is the sha256 of the ``published`` packet, ``verify`` the command that verifies it
    and ``signatures`` what is shown of its signatures.
    """
    folder = EvidenceFolder.of(workspace).make()
    times = read_run_times(folder)
    records = {check.id: check.record for check in end.checks if check.record}
    ended = times.end_times(records) if times else {}
    lanes = [[check for check in lane if check in ended] for lane in times.lanes] if times else []
    previous = material.facts.history.previous
    previous_envelope = None
    if previous and previous.service:
        policies = workspace.profile.envelope_policies
        previous_envelope = policies.get(previous.service.service_version)
    documents = [decision.document for decision in decisions]
    source = report_view.Source(
        producer=workspace.profile.name,
        tails=_tails(folder, end.checks),
        ended=ended,
        lanes=lanes,
        alone=frozenset(check.id for check in workspace.profile.checks if check.alone),
        subjects=_subjects(workspace, documents[0]["git_state"]),
        previous=previous,
        previous_envelope=previous_envelope,
        modes=[(str(one["handoff_mode"]), str(one["verdict"])) for one in documents],
        published=_below(published, workspace.producer.root) if published else None,
        digest=digest or None,
        draft=_below(draft, folder.path) if draft else None,
        block=decisions[0].block,
        verify=verify if published else None,
        signatures=signatures,
    )
    return report_view.build_view(documents[0], end, source)


def _below(path: Path, folder: Path) -> str:
    """Return a path relative to a folder above it, since a report may be read elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _tails(folder: EvidenceFolder, checks: Sequence[CheckResult]) -> Mapping[str, Sequence[str]]:
    """Return the ends of the logs that a report shows, at most 50 of them."""
    if len(checks) > MANY_CHECKS:
        checks = [check for check in checks if check.outcome is not Outcome.PASSED]
    tails = {}
    for check in checks[:MANY_CHECKS]:
        tails[check.id] = folder.tail(check.id, _EXPLAINED_LINES)
    return tails


def _subjects(workspace: Workspace, state: Mapping[str, Any]) -> dict[str, str]:
    """Return the first lines of commit messages, of the commits that can be read.

    A report without them is still written, since the packet may be published already.
    """
    shas = [state["runtime_commit"], *state["commits_after_runtime"]]
    if state["tag"]["target"]:
        shas.append(state["tag"]["target"])
    shas = [*shas[:_MANY_SUBJECTS], *shas[-_MANY_SUBJECTS:]]
    subjects = {}
    folder = workspace.repository.folder
    with contextlib.suppress(command.GitError, OSError), git_objects.Objects(folder) as objects:
        for sha in dict.fromkeys(shas):
            read = objects.read(sha)
            if read and read[1] == "commit":
                body = read[2].partition(b"\n\n")[2]
                subjects[sha] = body.split(b"\n", 1)[0].decode("utf-8", "replace")[:200]
    return subjects


def write_report(
    view: report_view.View, workspace: Workspace, mode: str | None = None
) -> tuple[Path | None, list[Problem]]:
    """Write ``report.<mode>.html`` and ``.md`` beside the evidence.

    The Markdown is also appended to the summary of a GitHub job. Each mode has its own files, and
    so has a run of all modes (``mode`` None), so that no other run overwrites the report of a
    published packet.

    Returns:
        The path of the page, None if it could not be written, and advisories (HA110) about files
        that could not be written.
    """
    place = EvidenceFolder.of(workspace).make().path
    name = f"report.{mode or 'pre-release'}"
    page, markdown = place / f"{name}.html", report_markdown.render(view)
    advisories: list[Problem] = []
    try:
        files.write(page, report_page.render(view).encode("utf-8", "backslashreplace"))
        files.write(place / f"{name}.md", markdown.encode("utf-8", "backslashreplace"))
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            _append(Path(summary), markdown, page.name)
    except HandoffError as error:
        for problem in error.problems:
            message = f"the report {problem.message}"
            advisories.append(replace(problem, code="HA110", message=message))
    written = all(advisory.where != str(page) for advisory in advisories)
    return page if written else None, advisories


def summarize(end: RunEnd, title: str, facts: Sequence[tuple[str, str]], verdict: str = "") -> None:
    """Append the verdict on a packet to the summary of a GitHub job, if this is one.

    A summary that cannot be written changes nothing: the terminal says the same.
    """
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        text = report_markdown.render_verdict(verdict or end.verdict, title, end, facts)
        with contextlib.suppress(HandoffError):
            _append(Path(summary), text, "the log")


def _append(summary: Path, markdown: str, page: str) -> None:
    data = markdown.encode("utf-8", "backslashreplace")
    if len(data) > _LONGEST_SUMMARY:
        data = (
            data[:_LONGEST_SUMMARY].rpartition(b"\n")[0] + f"\n\nThe rest is in {page}.\n".encode()
        )
    files.append(summary, data)


def write_junit(view: report_view.View, path: Path) -> None:
    """Write the JUnit XML. Raises `HandoffError` (HP080)."""
    from handoff_tasks.report import junit

    files.write(path, junit.render(view))


def annotation_lines(end: RunEnd, workspace: Workspace) -> list[str]:
    """Return the workflow commands that annotate files in GitHub with problems and advisories.

    There are none outside of its workflows. Places are relative to the producer's root; GitHub
    expects paths relative to its workspace.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return []
    lines = []
    root = workspace.producer.root
    top = Path(os.environ.get("GITHUB_WORKSPACE", root)).resolve()
    for kind, problems in (("error", end.problems), ("warning", end.advisories)):
        for problem in sorted(problems):
            place = _FILE_AND_LINE.fullmatch(problem.where)
            if place is None:
                continue
            path = root / place[1]
            file = path.relative_to(top).as_posix() if path.is_relative_to(top) else place[1]
            message = _escape_value(f"{problem.message}\nnext: {problem.hint}")
            column = f",col={place[3]}" if place[3] else ""
            where = f"file={_escape_property(file)},line={place[2]}{column}"
            title = _escape_property(problem.code)
            lines.append(f"::{kind} {where},title={title}::{message}")
    return lines


def _escape_value(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_value(text).replace(":", "%3A").replace(",", "%2C")
