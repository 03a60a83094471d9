"""A producer that was imported into a larger repository, or moved in it, after its runtime commit."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.git import workspace
from handoff_tasks.model import Relation
from handoff_tasks.problems import Problem
from handoff_tasks.release import decide, gather
from handoff_tasks.rules import advisories

if TYPE_CHECKING:
    from pathlib import Path

    from handoff_tasks.model import GitFacts


@dataclass
class Import:
    """A larger repository with an imported producer, and the producer itself."""

    outer: scratch.Producer
    source: scratch.Producer

    def facts(self, tmp_path: Path) -> GitFacts:
        """Return what git says of the release."""
        return gather.gather_material(self._opened(tmp_path), None).facts

    def judged(self, tmp_path: Path) -> list[Problem]:
        """Return what is wrong with the release, advisories last."""
        space = self._opened(tmp_path)
        material = gather.gather_material(space, None)
        found = sorted(decide.known_problems(space, material, allow_untagged=False))
        return [
            *found,
            *advisories.release_advisories(
                space.profile.modes[0], material.manifest, material.facts, allow_untagged=False
            ),
        ]

    def _opened(self, tmp_path: Path) -> workspace.Workspace:
        profile = tmp_path / "handoff.toml"
        profile.write_text(scratch.profile(tag_prefix="a/"))
        return workspace.open_workspace(
            root=self.outer.root,
            ref="HEAD",
            profile_path=profile,
            work=tmp_path / "work",
            cache=tmp_path / "cache",
        )


def imported(tmp_path: Path, *, below: str = "svc/a", squash: bool = False) -> Import:
    """Import the two releases of a producer, each at its tag, by ``git subtree`` or as it does it."""
    source = scratch.producer(tmp_path / "source")
    outer = scratch.repository(tmp_path / "outer")
    outer.commit(
        "docs: begin",
        {
            "README.md": "a larger repository\n",
            "Cargo.toml": "another one\n",
            "crates/x": "another one\n",
        },
    )
    _subtree(outer, source, below, squash=squash)
    outer.root = outer.path / below
    outer.tag("a/v1.1.0")
    outer.git("tag", "a/v1.0.0", "FETCH_HEAD~2")
    return Import(outer=outer, source=source)


def _subtree(
    outer: scratch.Producer, source: scratch.Producer, below: str, *, squash: bool
) -> None:
    outer.git("fetch", "--quiet", "--no-tags", str(source.path), "refs/tags/v1.1.0")
    commit = outer.git("rev-parse", "FETCH_HEAD^{commit}")
    words = ["--squash"] if squash else []
    found = subprocess.run(
        ["git", "subtree", "-h"], capture_output=True, check=False, env=scratch.environment()
    )
    if b"--prefix" in found.stdout:
        outer.git("subtree", "add", f"--prefix={below}", *words, commit)
        return
    if squash:
        message = f"Squashed '{below}/' content from commit {commit[:7]}\n\ngit-subtree-dir: {below}\ngit-subtree-split: {commit}\n"
        commit = outer.git("commit-tree", f"{commit}^{{tree}}", stdin=message)
    outer.git(
        "merge", "--quiet", "--strategy=ours", "--allow-unrelated-histories", "--no-commit", commit
    )
    outer.git("read-tree", "-u", f"--prefix={below}/", commit)
    outer.git("commit", "--quiet", "--message", f"Add '{below}/' from commit '{commit}'")


def moved(then: str) -> Problem:
    """Return the advisory on a producer that was elsewhere at its runtime commit."""
    message = f"the producer is in svc/a of the verified commit and {then} of the runtime commit: these two are compared"
    hint = "nothing, if the producer was imported or moved since its runtime commit"
    return Problem(code="HA018", where="git_state/runtime_commit", message=message, hint=hint)


def test_an_imported_producer_is_compared_with_the_top_of_its_runtime_commit(
    tmp_path: Path,
) -> None:
    """Stimulus: `git subtree add` below svc/a of a repository that has a Cargo.toml of its own. GO, with an advisory."""
    made = imported(tmp_path)
    assert made.judged(tmp_path) == [moved("at the top")]
    facts = made.facts(tmp_path)
    assert (
        facts.runtime.to_verified,
        facts.runtime.changed_to_verified,
        facts.runtime.changed_to_tag,
    ) == (
        Relation.ANCESTOR,
        (),
        (),
    )
    assert facts.runtime.paths_after == (scratch.CHANGELOG_PATH, scratch.MANIFEST_PATH)
    assert facts.runtime.commits_after == (made.source.head(), made.outer.head())
    assert facts.runtime.service_version == "service.v2"
    assert [release.tag for release in facts.history.earlier] == ["v1.0.0"]
    assert facts.history.changed_since_previous == ("crates/core/lib.rs", "openapi/openapi.yaml")


def test_what_changed_after_the_import_is_named_by_its_place_in_the_repository(
    tmp_path: Path,
) -> None:
    """Stimulus: a runtime file is edited in the larger repository. HP053 and HP054, and the place is one of the verified commit."""
    made = imported(tmp_path)
    head = made.outer.commit("fix: late", {"crates/core/lib.rs": "late\n"})
    made.outer.tag("a/v1.1.0")
    runtime = made.source.git("rev-parse", "HEAD~1")[:12]
    reported = f"runtime paths differ between the runtime commit {runtime} and"
    assert [
        (problem.code, problem.where, problem.message) for problem in made.judged(tmp_path)[:2]
    ] == [
        (
            "HP053",
            "tag a/v1.1.0",
            f"{reported} the tag's target {head[:12]}: svc/a/crates/core/lib.rs",
        ),
        ("HP054", f"commit {head}", f"{reported} the verified commit: svc/a/crates/core/lib.rs"),
    ]


def test_a_tag_of_the_time_before_the_import(tmp_path: Path) -> None:
    """Stimulus: the tag points into the imported history, where the producer is at the top. The manifest is read there."""
    made = imported(tmp_path)
    made.outer.tag("a/v1.1.0", made.source.head())
    made.outer.commit("docs: more", {"notes.md": "more\n"})
    found = made.judged(tmp_path)
    assert [problem.code for problem in found] == ["HA013", "HA018"]
    assert found[0].message.endswith("which differs in svc/a/notes.md")


def test_a_folder_of_the_producers_own_is_not_taken_for_its_place(tmp_path: Path) -> None:
    """Stimulus: the import lies below contracts/, and the producer has a folder of that name itself."""
    made = imported(tmp_path, below="contracts")
    assert [(problem.code, problem.where) for problem in made.judged(tmp_path)] == [
        ("HA018", "git_state/runtime_commit")
    ]


def test_a_producer_that_was_renamed_is_found(tmp_path: Path) -> None:
    """Stimulus: the producer's folder is renamed after the runtime commit, beside another producer of the same form."""
    outer = scratch.producer(tmp_path / "outer", below="old/b", tag_prefix="a/")
    beside = {"../a/crates/core/lib.rs": "other\n", "../a/contracts/manifest.json": "{}\n"}
    runtime = outer.commit("feat: more", {"crates/core/lib.rs": "more\n", **beside})
    (outer.path / "svc").mkdir()
    outer.git("mv", "old/b", "svc/b")
    outer.root = outer.path / "svc/b"
    outer.release("v1.2.0", runtime, rollback=f"v1.1.0/{outer.git('rev-parse', 'a/v1.1.0~1')}")
    outer.tag("a/v1.2.0")
    facts = Import(outer=outer, source=outer).facts(tmp_path)
    assert (
        facts.verified.producer_path,
        facts.runtime.path,
        facts.runtime.changed_to_verified,
    ) == ("svc/b", "old/b", ())
    assert [release.tag for release in facts.history.earlier] == ["v1.1.0", "v1.0.0"]


def test_a_squashed_import_has_no_history_to_go_by(tmp_path: Path) -> None:
    """Stimulus: `git subtree add --squash`. The runtime commit is not an ancestor, or is missing: refused, with the reason."""
    made = imported(tmp_path, squash=True)
    runtime = made.source.git("rev-parse", "HEAD~1")
    squashed = made.outer.git("rev-parse", "HEAD^2")
    hint = "import it with its history (git subtree without --squash), or make the packet in the producer's own repository"
    where = f"svc/a/{scratch.MANIFEST_PATH}#/commit_sha"
    why = f"{squashed[:12]} imported the producer without its history"
    head = made.outer.head()
    assert made.judged(tmp_path)[:2] == [
        Problem(
            code="HP051",
            where=where,
            message=f"the runtime commit {runtime[:12]} is not an ancestor of the verified commit {head[:12]}; {why}",
            hint=hint,
        ),
        Problem(
            code="HP051",
            where="tag a/v1.1.0",
            message=f"the runtime commit {runtime[:12]} is not an ancestor of the tag's target {head[:12]}",
            hint="tag a commit that follows the runtime commit, or correct the manifest's commit_sha",
        ),
    ]
    scratch.git(tmp_path, "clone", "--quiet", "--no-tags", f"file://{made.outer.path}", "clone")
    clone = Import(
        outer=scratch.Producer(path=tmp_path / "clone", root=tmp_path / "clone/svc/a"),
        source=made.source,
    )
    clone.outer.tag("a/v1.1.0")
    assert clone.judged(tmp_path)[0] == Problem(
        code="HP050",
        where=where,
        message=f"{runtime} is not a commit of the repository; {why}",
        hint=hint,
    )


@pytest.mark.parametrize("stated", ["nothing", "service.v3"])
def test_a_service_version_is_read_where_the_producer_was(tmp_path: Path, stated: str) -> None:
    """Stimulus: the imported runtime commit states no version, or another one. HP056 names a place that git can show."""
    source = scratch.repository(tmp_path / "source")
    files = {
        **scratch.SCRIPTS,
        **scratch.runtime("2"),
        "openapi/openapi.yaml": f"info:\n  version: {stated}\n",
    }
    runtime = source.commit("feat: all", files)
    source.release("v1.1.0", runtime)
    source.tag("v1.1.0")
    outer = scratch.repository(tmp_path / "outer")
    outer.commit("docs: begin", {"README.md": "a larger repository\n"})
    _subtree(outer, source, "svc/a", squash=False)
    outer.root = outer.path / "svc/a"
    outer.tag("a/v1.1.0")
    [problem] = [
        one for one in Import(outer=outer, source=source).judged(tmp_path) if one.code == "HP056"
    ]
    if stated == "nothing":
        assert problem.where == f"{runtime[:12]}:openapi/openapi.yaml"
    else:
        assert problem.message == (
            f"the manifest says service.v2, but its own runtime commit {runtime[:12]} says service.v3 in openapi/openapi.yaml"
        )
        assert problem.where == f"svc/a/{scratch.MANIFEST_PATH}#/expected_service_contract_version"
