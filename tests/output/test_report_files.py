"""Claims about what is written of a run for people and CI services."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
import scratch
from builders import problem, record, run_end, shown, view

from handoff_tasks.checks import run_times
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.git import workspace
from handoff_tasks.model import RunEnd
from handoff_tasks.output import report_files
from handoff_tasks.problems import HandoffError
from handoff_tasks.release import decide, gather

if TYPE_CHECKING:
    from pathlib import Path

    from handoff_tasks.report import view as report_view


@pytest.fixture
def opened(producer: scratch.Producer, tmp_path: Path) -> workspace.Workspace:
    """The workspace of a producer with two releases, at the second."""
    profile = tmp_path / "handoff.toml"
    profile.write_text(
        scratch.profile([scratch.check("one", ["true"]), scratch.check("two", ["true"])])
    )
    return workspace.open_workspace(
        root=producer.root,
        ref="HEAD",
        profile_path=profile,
        work=tmp_path / "work",
        cache=tmp_path / "cache",
    )


def view_of(opened: workspace.Workspace) -> report_view.View:
    """Return the view of a run on a workspace, from the evidence there is."""
    material = gather.gather_material(opened, None)
    checks = gather.read_results(opened)
    decision = decide.decide(
        opened, material, checks, opened.profile.mode("stable"), allow_untagged=False
    )
    return report_files.build_view(
        opened, material, run_end(checks, *decision.problems), [decision]
    )


def leave(opened: workspace.Workspace, check: str, log: str, **changes: object) -> None:
    """Leave the evidence of a check that passed."""
    folder = EvidenceFolder.of(opened).make()
    path = folder.log(check)
    path.write_text(log)
    one = opened.profile.check(check)
    made = record(one, binding=opened.binding(one), **changes)
    assert made.log is not None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    log_of = dataclasses.replace(
        made.log,
        file=path.name,
        size=len(log),
        sha256=digest,
        output_size=len(log),
        output_sha256=digest,
    )
    folder.record(check).write_text(json.dumps(dataclasses.replace(made, log=log_of).to_dict()))


def test_a_view_of_what_git_evidence_and_the_previous_release_say(
    opened: workspace.Workspace,
) -> None:
    """Logs, commit messages and the previous manifest are read from their places."""
    leave(opened, "one", "first\nlast\n", finished_at_utc="2026-01-02T03:04:11Z", duration_ms=6000)
    found = view_of(opened)
    assert [(step.id, step.outcome.words, step.tail, step.log) for step in found.steps] == [
        ("one", "passed", ("first", "last"), "one.log"),
        ("two", "not run", (), None),
    ]
    assert found.picture is not None
    assert all(point.subject for point in found.picture.points)
    assert found.contract is not None
    assert found.contract.previous == "v1.0.0"
    assert [policy.name for policy in found.contract.envelopes if policy.changes] == [
        "service_v2_stable"
    ]
    assert found.timeline is not None
    assert [bar.id for bar in found.timeline.bars] == ["one"]


def test_the_lanes_are_those_of_the_run(opened: workspace.Workspace) -> None:
    """run.json has the order; a record that was not made in that run is in no lane."""
    folder = EvidenceFolder.of(opened).make()
    for check, second in (("one", 0), ("two", 5)):
        times = {
            "started_at_utc": f"2026-01-02T03:04:0{second}Z",
            "finished_at_utc": f"2026-01-02T03:04:0{second + 4}Z",
        }
        leave(opened, check, "said\n", duration_ms=4000, **times)
        start = 1_767_323_040_000 + second * 1000
        run_times.add_times(opened, "a", check, (start, start + 4000))
    run_times.write_run_times(opened, folder, "a", [["verify-one", "verify-two"]])
    found = view_of(opened).timeline
    assert found is not None
    assert ([(bar.id, bar.lane) for bar in found.bars], found.sequence) == (
        [("one", 0), ("two", 0)],
        True,
    )
    later = {
        "started_at_utc": "2026-01-02T03:04:06Z",
        "finished_at_utc": "2026-01-02T03:04:10Z",
    }
    leave(opened, "two", "said\n", duration_ms=4000, **later)
    found = view_of(opened).timeline
    assert found is not None
    assert not found.known


def test_a_history_that_is_gone_by_then_takes_no_report_away(opened: workspace.Workspace) -> None:
    """If the history or the cache is gone, the view has no commit messages."""
    material = gather.gather_material(opened, None)
    checks = gather.read_results(opened)
    decision = decide.decide(
        opened, material, checks, opened.profile.mode("stable"), allow_untagged=False
    )
    for broken in (opened.repository.folder / "HEAD", opened.repository.folder):
        broken.rename(broken.with_name("gone"))
        found = report_files.build_view(opened, material, run_end(checks), [decision])
        assert found.picture is not None
        assert not any(point.subject for point in found.picture.points)


def test_the_report_lies_beside_the_evidence(
    opened: workspace.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files, and no summary where there is no job."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    page, unwritten = report_files.write_report(view(), opened, "stable")
    place = EvidenceFolder.of(opened).make().path
    assert (page, unwritten) == (place / "report.stable.html", [])
    assert (place / "report.stable.html").read_text().startswith("<!DOCTYPE html>")
    assert (place / "report.stable.md").read_text().startswith("# ✅ GO: MemoryKernel v1.2.3\n")


def test_each_mode_has_a_report_of_its_own(
    opened: workspace.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other runs do not overwrite the report of a published packet."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    published, _ = report_files.write_report(view(), opened, "stable")
    assert published is not None
    before = published.read_bytes()
    pages = [
        report_files.write_report(view(problems=[problem()]), opened, mode)[0]
        for mode in (None, "service-v3-candidate")
    ]
    assert [page.name for page in pages if page] == [
        "report.pre-release.html",
        "report.service-v3-candidate.html",
    ]
    assert published.read_bytes() == before


def test_a_jobs_summary_is_added_to(
    opened: workspace.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Markdown stands after what others have written there."""
    summary = tmp_path / "summary"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert report_files.write_report(view(), opened, "stable")[1] == []
    assert summary.read_text().startswith("before\n# ✅ GO")


def test_a_report_that_cannot_be_written_is_an_advisory(
    opened: workspace.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict does not change."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    page, unwritten = report_files.write_report(view(), opened, "stable")
    assert page is not None
    assert shown(unwritten) == [
        (
            "HA110",
            str(tmp_path),
            "the report cannot be written: Is a directory",
            "make the folder writable, or choose another one",
        )
    ]
    place = EvidenceFolder.of(opened).make().path
    page.unlink()
    page.mkdir()
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    page, unwritten = report_files.write_report(view(), opened, "stable")
    assert page is None
    assert [one.where for one in unwritten] == [str(place / "report.stable.html")]


def test_a_summary_stays_within_what_github_shows(
    opened: workspace.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A summary that is too long ends with where the rest is."""
    summary = tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    long = [problem(where=f"x{number}", message="m" * 20_000) for number in range(90)]
    report_files.write_report(view(problems=long), opened)
    assert summary.stat().st_size < 1024 * 1024
    assert summary.read_text().endswith("\nThe rest is in report.pre-release.html.\n")


def test_problems_with_a_line_are_marked_in_github(
    opened: workspace.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In GitHub's workflows each problem with a file and a line is annotated there."""
    problems = [
        problem(),
        problem("HP061", "CHANGE,LOG.md:12", "100% wrong\r\n::error::x", "fix, it"),
    ]
    problems.append(problem("HP021", "1d925f596cad:a.json:4:3#/release_tag", "twice", "fix"))
    advisory = problem("HA010", "a.md:3", "reported", "read")
    end = RunEnd(problems=tuple(problems), advisories=(advisory,))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert report_files.annotation_lines(end, opened) == []
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(opened.producer.root.parent))
    assert report_files.annotation_lines(end, opened) == [
        "::error file=producer/a.json,line=4,col=3,title=HP021::twice%0Anext: fix",
        "::error file=producer/CHANGE%2CLOG.md,line=12,title=HP061::100%25 "
        "wrong%0D%0A::error::x%0Anext: fix, it",
        "::warning file=producer/a.md,line=3,title=HA010::reported%0Anext: read",
    ]
    monkeypatch.setenv("GITHUB_WORKSPACE", "/nowhere")
    assert report_files.annotation_lines(RunEnd(advisories=(advisory,)), opened) == [
        "::warning file=a.md,line=3,title=HA010::reported%0Anext: read"
    ]


def test_the_junit_of_an_earlier_run_is_removed(tmp_path: Path) -> None:
    """It cannot be taken for this run's; and it is written whole."""
    path = tmp_path / "junit.xml"
    report_files.write_junit(view(), path)
    assert ET.parse(path).getroot().tag == "testsuites"  # noqa: S314
    assert report_files.junit_place(path, None) == path
    assert not path.exists()


def test_a_place_for_junit_that_is_not_free(tmp_path: Path) -> None:
    """The result's place, a folder, a place in .git and a foreign file are refused."""
    path = tmp_path / "x"
    with pytest.raises(HandoffError) as caught:
        report_files.junit_place(path, path)
    hint = "name another file; nothing was run"
    assert shown(caught.value) == [
        ("HP110", "--junit", f"{path} is also the place of the result", hint)
    ]
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(HandoffError, match="is also the place of the result"):
        report_files.junit_place(tmp_path / "link" / "x", path)
    with pytest.raises(HandoffError) as caught:
        report_files.junit_place(tmp_path / ".git" / "x", None)
    assert shown(caught.value) == [
        ("HP110", "--junit", f"{tmp_path}/.git/x is inside a repository's .git", hint)
    ]
    path.write_text('<?xml version="1.0"?><testsuites name="pytest tests"/>')
    for place in (path, tmp_path, tmp_path / "link"):
        with pytest.raises(HandoffError) as caught:
            report_files.junit_place(place, None)
        message = (
            f"{place} is there already and is no JUnit XML of a run; expected a file of its own"
        )
        assert shown(caught.value) == [("HP110", "--junit", message, hint)]
    assert "pytest" in path.read_text()
