"""Write the report, JUnit XML, job summary and annotations of a run."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import evidence
from handoff_tasks.git import command
from handoff_tasks.git import objects as git_objects
from handoff_tasks.model import Outcome
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.report import junit
from handoff_tasks.report import markdown as report_markdown
from handoff_tasks.report import page as report_page
from handoff_tasks.report import view as report_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import CheckResult
    from handoff_tasks.release.decide import Decision
    from handoff_tasks.release.gather import Material

# GitHub shows no more than a mebibyte of summary for a step, and ten annotations of a kind.
_LONGEST_SUMMARY = 1_000_000
_MANY_SUBJECTS = 200
# The line that explains a failure may stand above what is shown of the log.
_EXPLAINED_LINES = 400
# How a JUnit XML of ours begins, and nobody else's.
_OUR_JUNIT = b"<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"handoff "
_RUNNING = re.compile(r"(?m)^(?:\x1b\[[0-9;]*m)*nox >(?:\x1b\[[0-9;]*m|\s)*Running session ([a-z0-9-]+)")


def junit_place(path: Path, result: Path | None) -> Path:
    """Return where the JUnit XML belongs, that of an earlier run removed: it shall not be taken for this one's.

    ``result`` is the place of the run's result. Raises `HandoffError`: HP110 (no place for it), HP080 (it cannot be
    removed).
    """
    if result and files.resolve_parent(path) == files.resolve_parent(result):
        raise refusal("HP110", "--junit", f"{path} is the place of the result too", "name another file; nothing was run")
    if why := files.clear_place(path, "JUnit XML", lambda data: data.startswith(_OUR_JUNIT)):
        raise refusal("HP110", "--junit", why, "name another file; nothing was run")
    return path


def view_of(
    workspace: Workspace,
    material: Material,
    checks: Sequence[CheckResult],
    decisions: Sequence[Decision],
    *,
    session: str | None = None,
    problems: Sequence[Problem] = (),
    advisories: Sequence[Problem] = (),
    published: Path | None = None,
    digest: str = "",
    draft: Path | None = None,
    verify: str | None = None,
) -> report_view.View:
    """Return the view of a run that came to decisions; the first of them is shown as the packet.

    ``verify`` is the command that verifies the packet, if one was published.
    """
    place = evidence.folder(workspace.work, workspace.producer.commit)
    state = decisions[0].document["git_state"]
    shas = [state["runtime_commit"], *state["commits_after_runtime"], *filter(None, [state["tag"]["target"]])]
    previous = material.facts.history.previous
    source = report_view.Source(
        session=session,
        producer=workspace.profile.name,
        records={check.id: check.record for check in checks if check.record},
        reasons={check.id: check.reason for check in checks if check.reason},
        kept=frozenset(check.id for check in checks if check.kept),
        tails=_tails(place, checks),
        ended=_ended(place, checks),
        lanes=_lanes(place, workspace),
        alone=frozenset(check.id for check in workspace.profile.checks if check.alone),
        subjects=_subjects(workspace, [*shas[:_MANY_SUBJECTS], *shas[-_MANY_SUBJECTS:]]),
        previous=previous,
        previous_envelope=workspace.profile.envelope_policies.get(previous.service_version) if previous else None,
        modes=[(str(one.document["handoff_mode"]), str(one.document["verdict"])) for one in decisions],
        published=_below(published, workspace.producer.root) if published else None,
        digest=digest or None,
        draft=_below(draft, place) if draft else None,
        block=decisions[0].block,
        verify=verify if published else None,
    )
    return report_view.view(decisions[0].document, source, problems, advisories)


def _below(path: Path, folder: Path) -> str:
    """Return a path as seen from a folder above it: a report is passed on, and whose home it was made in matters to nobody."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _tails(place: Path, checks: Sequence[CheckResult]) -> Mapping[str, Sequence[str]]:
    """Return the ends of the logs that a report shows, and of no others: reading two thousand takes a while."""
    wanted = [check.id for check in checks if len(checks) <= report_view.MANY_CHECKS or check.outcome is not Outcome.PASSED]
    return {check: evidence.tail(evidence.log_path(place, check), _EXPLAINED_LINES) for check in wanted[: report_view.MANY_CHECKS]}


def _ended(place: Path, checks: Sequence[CheckResult]) -> dict[str, int]:
    """Return when the records were written, in milliseconds since 1970: finer than the seconds that they tell."""
    found = {}
    for check in checks:
        with contextlib.suppress(OSError):
            found[check.id] = (place / f"{check.id}.json").stat().st_mtime_ns // 1_000_000
    return found


def _lanes(place: Path, workspace: Workspace) -> list[list[str]]:
    """Return the checks that each nox process of the last run has run, in their order: what nox said of its sessions has them.

    A check whose record is younger than its lane's last word was run, or laid there, by somebody else: it is in no lane.
    """
    checks = {check.session: check.id for check in workspace.profile.checks}
    found = []
    for chatter in sorted(place.glob("lane-*.nox.log")):
        lane = []
        with contextlib.suppress(OSError):
            ended = chatter.stat().st_mtime_ns
            said = _RUNNING.findall(chatter.read_text("utf-8", "replace"))
            for check in [checks[session] for session in said if session in checks]:
                record = place / f"{check}.json"
                lane += [check] if record.exists() and record.stat().st_mtime_ns <= ended else []
        found.append(lane)
    return found


def _subjects(workspace: Workspace, shas: Sequence[str]) -> dict[str, str]:
    """Return the first lines of the messages of commits; none for those that the repository does not have, or no longer gives.

    The verdict stands, and the packet may be published: a report without them is better than none.
    """
    found = {}
    folder = workspace.repository.folder
    with contextlib.suppress(command.GitError, OSError), git_objects.Objects(folder) as objects:
        for sha in dict.fromkeys(shas):
            read = objects.read(sha)
            if read and read[1] == "commit":
                body = read[2].partition(b"\n\n")[2]
                found[sha] = body.split(b"\n", 1)[0].decode("utf-8", "replace")[:200]
    return found


def write_report(view: report_view.View, workspace: Workspace, mode: str | None = None) -> tuple[Path | None, list[Problem]]:
    """Write ``report.<mode>.html`` and ``.md`` beside the evidence, and the second to a GitHub job's summary.

    Each mode has files of its own, and so has a run of all modes that publishes nothing (``mode`` None): what a published packet
    rests on is not overwritten by looking at something else. Return the page's path, None when it could not be written, and
    advisories (HA110) about that.
    """
    place = evidence.folder(workspace.work, workspace.producer.commit)
    name = f"report.{mode or 'pre-release'}"
    page, markdown = place / f"{name}.html", report_markdown.render(view)
    found: list[Problem] = []
    try:
        files.write(page, report_page.render(view).encode("utf-8", "backslashreplace"))
        files.write(place / f"{name}.md", markdown.encode("utf-8", "backslashreplace"))
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            _append(Path(summary), markdown, page.name)
    except HandoffError as error:
        found = [
            Problem(code="HA110", where=one.where, message=f"the report {one.message}", hint=one.hint) for one in error.problems
        ]
    return None if any(one.where == str(page) for one in found) else page, found


def _append(summary: Path, markdown: str, page: str) -> None:
    data = markdown.encode("utf-8", "backslashreplace")
    if len(data) > _LONGEST_SUMMARY:
        data = data[:_LONGEST_SUMMARY].rpartition(b"\n")[0] + f"\n\nThe rest is in {page}.\n".encode()
    files.append(summary, data)


def write_junit(view: report_view.View, path: Path) -> None:
    """Write the JUnit XML. Raises `HandoffError` (HP080)."""
    files.write(path, junit.render(view))


def marks(problems: Sequence[Problem], advisories: Sequence[Problem], workspace: Workspace) -> list[str]:
    """Return the lines that make GitHub mark problems and advisories at their file and line; none outside of its workflows.

    Files lie below the producer's root; GitHub wants them from its workspace's top. The form is that of its workflow commands.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return []
    lines = []
    root = workspace.producer.root
    top = Path(os.environ.get("GITHUB_WORKSPACE", root)).resolve()
    for kind, found in (("error", problems), ("warning", advisories)):
        for one in sorted(found):
            at = re.fullmatch(r"(?:[0-9a-f]{12,}:)?([^:#\x00]+):([1-9][0-9]*)(?::([1-9][0-9]*))?(?:#.*)?", one.where)
            if at is None:
                continue
            path = root / at[1]
            file = path.relative_to(top).as_posix() if path.is_relative_to(top) else at[1]
            message = _value(f"{one.message}\nnext: {one.hint}")
            column = f",col={at[3]}" if at[3] else ""
            lines.append(f"::{kind} file={_property(file)},line={at[2]}{column},title={_property(one.code)}::{message}")
    return lines


def _value(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _value(text).replace(":", "%3A").replace(",", "%2C")
