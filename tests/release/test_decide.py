"""Gathering, deciding and publishing, from files and git to bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import canonical, schemas
from handoff_tasks.git import workspace
from handoff_tasks.model import RunEnd
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.release import decide, gather, publish, result

if TYPE_CHECKING:
    from pathlib import Path


def opened(producer: scratch.Producer, tmp_path: Path, ref: str = "HEAD") -> workspace.Workspace:
    """Open the producer with the scratch profile."""
    profile = tmp_path / "handoff.toml"
    profile.write_text(scratch.PROFILE)
    return workspace.open_workspace(
        root=producer.root,
        ref=ref,
        profile_path=profile,
        work=tmp_path / "work",
        cache=tmp_path / "cache",
    )


def refused(producer: scratch.Producer, tmp_path: Path) -> tuple[Problem, ...]:
    """Return why nothing can be gathered."""
    with pytest.raises(HandoffError) as caught:
        gather.gather_material(opened(producer, tmp_path), None)
    return caught.value.problems


def test_a_commit_without_a_manifest_is_refused(producer: scratch.Producer, tmp_path: Path) -> None:
    """HP020 names commit and path; the file in the work tree does not count."""
    text = (producer.root / scratch.MANIFEST_PATH).read_text()
    producer.commit("oops", {scratch.MANIFEST_PATH: None})
    producer.write({scratch.MANIFEST_PATH: text})
    assert refused(producer, tmp_path) == (
        Problem(
            code="HP020",
            where=f"{producer.head()[:12]}:contracts/manifest.json",
            message="there is no producer manifest in the commit",
            hint="commit one (schemas/producer-contract-manifest.v1.schema.json describes it), or give the producer's root with "
            "--producer-root and a commit that has its manifest with --ref",
        ),
    )


def test_a_commit_without_a_changelog_is_refused(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """HP022 names commit and path."""
    producer.commit("oops", {scratch.CHANGELOG_PATH: None})
    assert refused(producer, tmp_path) == (
        Problem(
            code="HP022",
            where=f"{producer.head()[:12]}:CHANGELOG.md",
            message="there is no changelog in the commit",
            hint="commit a changelog with a section for the release",
        ),
    )


def test_a_bad_manifest_is_refused_with_its_commit_and_place(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """HP021: where it stands is a commit, a path and a JSON pointer."""
    text = (producer.root / scratch.MANIFEST_PATH).read_text()
    producer.commit("oops", {scratch.MANIFEST_PATH: text.replace("v1.1.0", "1.1")})
    (problem,) = refused(producer, tmp_path)
    assert (problem.code, problem.where) == (
        "HP021",
        f"{producer.head()[:12]}:contracts/manifest.json#/release_tag",
    )
    assert problem.message == 'found "1.1"; expected vX.Y.Z'


def test_a_sha_that_is_not_in_the_repository(producer: scratch.Producer, tmp_path: Path) -> None:
    """HP050: a commit_sha that no commit has."""
    producer.release("v1.2.0", "1" * 40, rollback=f"v1.0.0/{'0' * 40}")
    producer.tag("v1.2.0")
    space = opened(producer, tmp_path)
    found = decide.known_problems(space, gather.gather_material(space, None), allow_untagged=False)
    assert (
        Problem(
            code="HP050",
            where="contracts/manifest.json#/commit_sha",
            message=f"{'1' * 40} is not a commit of the repository",
            hint="put the runtime commit's sha into the manifest, or fetch the commit",
        )
        in found
    )


@pytest.mark.parametrize("kind", ["missing", "folder", "not utf-8"])
def test_a_statement_file_that_cannot_be_read(
    producer: scratch.Producer, tmp_path: Path, kind: str
) -> None:
    """HP060: --impact names nothing, a folder, or bytes that are no text; the run still tells the rest."""
    file = tmp_path / "impact"
    if kind == "folder":
        file.mkdir()
    elif kind == "not utf-8":
        file.write_bytes(b"\xff")
    messages = {
        "missing": "the impact statement cannot be read: No such file or directory",
        "folder": "the impact statement cannot be read: Is a directory",
        "not utf-8": "byte 0 is not UTF-8",
    }
    material = gather.gather_material(opened(producer, tmp_path), file)
    assert material.statement is None
    assert [(one.code, one.where, one.message) for one in material.problems] == [
        ("HP060", "--impact", messages[kind])
    ]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1" * 5000, f"{'1' * 40!r} and 4960 more characters"),
        ("253402300800", "'253402300800'"),
        ("²", "'²'"),
    ],
)
def test_a_time_that_nobody_can_have_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str, found: str
) -> None:
    """HP001 for thousands of digits, of which Python reads none, a second too many, a digit that is none of ours."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(HandoffError) as caught:
        decide._source_date_epoch()
    assert caught.value.problems == (
        Problem(
            code="HP001",
            where="SOURCE_DATE_EPOCH",
            message=f"found {found}; expected whole seconds since 1970, up to the year 9999",
            hint="correct the variable, or unset it to use the commit's time",
        ),
    )


def test_zeros_before_a_time_are_read_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are."""
    for value, expected in (("0" * 5000, 0), ("0" * 5000 + "7", 7), ("253402300799", 253402300799)):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
        assert decide._source_date_epoch() == expected


def test_a_changelog_without_the_releases_section(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """HP060 says which section is looked for and what to do."""
    producer.commit("oops", {scratch.CHANGELOG_PATH: "# Changelog\n\n## v1.0.0\n"})
    material = gather.gather_material(opened(producer, tmp_path), None)
    assert material.problems == (
        Problem(
            code="HP060",
            where="CHANGELOG.md",
            message="no section '## v1.1.0', so no impact statement",
            hint="add the section with the block that is shown, filled in, and commit; or give the block with --impact FILE",
        ),
    )


def test_a_draft_is_valid_and_complete_without_any_evidence(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """Nothing has run: the draft says so of every check, and follows the packet's schema."""
    space = opened(producer, tmp_path)
    material = gather.gather_material(space, None)
    decision = decide.decide(
        space,
        material,
        gather.read_results(space),
        space.profile.mode("stable"),
        allow_untagged=False,
    )
    path = publish.write_draft(space, decision)
    document = json.loads(path.read_bytes())
    assert (
        schemas.violations(
            document, schemas.schema(schemas.PACKET), where="draft", code="HP070", hint=""
        )
        == []
    )
    assert [outcome["outcome"] for outcome in document["verification_outcomes"]] == ["not_run"] * 3
    assert [problem["where"] for problem in document["problems"]] == [
        "check ok",
        "check plain",
        "check tree",
    ]


def test_a_folder_that_cannot_be_made_is_told(producer: scratch.Producer, tmp_path: Path) -> None:
    """HP080: a file stands where the work folder should be."""
    space = opened(producer, tmp_path)
    (tmp_path / "work").write_text("a file")
    with pytest.raises(HandoffError) as caught:
        EvidenceFolder.of(space).make()
    (problem,) = caught.value.problems
    assert (problem.code, problem.message) == ("HP080", "cannot be written: Not a directory")
    assert problem.hint == "make the folder writable, or choose another one"


def test_the_result_follows_its_schema() -> None:
    """Even of a run that found nothing."""
    document = result.result_document(
        RunEnd(), mode=None, commit=None, packet_path=None, draft=None, place=None
    )
    assert (
        schemas.violations(
            document, schemas.schema(schemas.RESULT), where="result", code="HP000", hint=""
        )
        == []
    )
    assert json.loads(canonical.result_bytes(document)) == document
