"""What git says of a producer.

It is found, fetched and read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import scratch

from handoff_tasks.formats import schemas
from handoff_tasks.git import command
from handoff_tasks.git import producer as git_producer
from handoff_tasks.git import repository as git_repository
from handoff_tasks.git.facts import gather_facts
from handoff_tasks.model import (
    GitFacts,
    HistoryFacts,
    Manifest,
    Relation,
    Release,
    RuntimeFacts,
    Tag,
    TagFacts,
    TagRef,
    VerifiedFacts,
)
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import profile
from handoff_tasks.producer.tags import service_tags

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROFILE = profile.parse(scratch.PROFILE.encode(), "profile.toml", schemas.schema(schemas.PROFILE))


def _refused(call: Callable[[], object]) -> Problem:
    with pytest.raises(HandoffError) as caught:
        call()
    (problem,) = caught.value.problems
    return problem


def _opened(
    producer: scratch.Producer, ref: str = "HEAD", prefix: str = ""
) -> tuple[git_producer.Producer, git_repository.Repository]:
    found = git_producer.find_producer(producer.root, ref, service_tags(prefix))
    repository = git_repository.Repository(producer.path.parent / "ours.git")
    repository.update(found, service_tags(prefix))
    return found, repository


def _facts(
    producer: scratch.Producer, ref: str = "HEAD", prefix: str = "", **changed: Any
) -> GitFacts:
    found, repository = _opened(producer, ref, prefix)
    data = repository.files(found, [scratch.MANIFEST_PATH])[scratch.MANIFEST_PATH]
    assert data is not None
    manifest = replace(Manifest.from_dict(json.loads(data)), **changed)
    known = replace(PROFILE, tags=service_tags(prefix))
    return gather_facts(repository, found, known, manifest=manifest, manifest_bytes=data)


# Where the producer is


def test_the_producer_is_found_with_its_commit_and_tags(producer: scratch.Producer) -> None:
    """Root, top, git folder, commit and tags are what git says; root and top are one."""
    found = git_producer.find_producer(producer.root, "HEAD", service_tags())
    head = producer.head()
    assert (found.root, found.top, found.git_dir) == (
        producer.path,
        producer.path,
        producer.path / ".git",
    )
    assert (found.prefix, found.path) == ("", ".")
    assert (found.commit, found.head) == (head, head)
    assert found.tags == {
        "v1.0.0": TagRef(
            kind="tag",
            object_id=producer.git("rev-parse", "v1.0.0"),
            commit=producer.git("rev-parse", "v1.0.0^{commit}"),
        ),
        "v1.1.0": TagRef(kind="tag", object_id=producer.git("rev-parse", "v1.1.0"), commit=head),
    }


def test_a_ref_is_resolved_and_the_head_told_beside_it(producer: scratch.Producer) -> None:
    """A tag, a short id and a relative name are all refs; ``head`` stays what is checked out."""
    first = producer.git("rev-parse", "v1.0.0^{commit}")
    for ref in ("v1.0.0", "refs/tags/v1.0.0", first, first[:10], "HEAD~2"):
        found = git_producer.find_producer(producer.root, ref, service_tags())
        assert (found.commit, found.head) == (first, producer.head())


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """HP010 names the folder."""
    assert _refused(
        lambda: git_producer.find_producer(tmp_path / "nowhere", "HEAD", service_tags())
    ) == Problem(
        code="HP010",
        where=str(tmp_path / "nowhere"),
        message="no such folder",
        hint="give the producer's root with --producer-root",
    )


def test_a_file_is_refused(tmp_path: Path) -> None:
    """HP010: a file is no folder."""
    (tmp_path / "file").write_text("")
    assert (
        _refused(
            lambda: git_producer.find_producer(tmp_path / "file", "HEAD", service_tags())
        ).message
        == "no such folder"
    )


def test_a_folder_without_repository_is_refused(tmp_path: Path) -> None:
    """HP011 says what git says."""
    assert _refused(
        lambda: git_producer.find_producer(tmp_path, "HEAD", service_tags())
    ) == Problem(
        code="HP011",
        where=str(tmp_path),
        message=(
            "not the work tree of a git repository "
            "(not a git repository (or any of the parent directories): .git)"
        ),
        hint="give the root of a checked-out producer with --producer-root",
    )


def test_a_bare_repository_is_refused(tmp_path: Path, producer: scratch.Producer) -> None:
    """HP011: a repository without work tree is no checked-out producer."""
    bare = tmp_path / "bare.git"
    producer.git("clone", "--quiet", "--bare", str(producer.path), str(bare))
    assert _refused(lambda: git_producer.find_producer(bare, "HEAD", service_tags())) == Problem(
        code="HP011",
        where=str(bare),
        message="not the work tree of a git repository (this operation must be run in a work tree)",
        hint="give the root of a checked-out producer with --producer-root",
    )


def test_a_repository_without_commit_is_refused(tmp_path: Path) -> None:
    """HP012 says that there is nothing yet."""
    empty = scratch.repository(tmp_path / "empty")
    assert _refused(
        lambda: git_producer.find_producer(empty.root, "HEAD", service_tags())
    ) == Problem(
        code="HP012",
        where=str(empty.root),
        message="the repository has no commits",
        hint="commit the release, then run again",
    )


@pytest.mark.parametrize(
    "ref", ["v9.9.9", "0" * 40, "--all", "HEAD:CHANGELOG.md", "HEAD^{tree}", ""]
)
def test_a_ref_that_is_no_commit_is_refused(producer: scratch.Producer, ref: str) -> None:
    """HP012 names the ref; what looks like an option is one too."""
    assert _refused(
        lambda: git_producer.find_producer(producer.root, ref, service_tags())
    ) == Problem(
        code="HP012",
        where=f"--ref {ref}",
        message="no such commit in the repository",
        hint=f"see 'git -C {producer.root} log' for what there is",
    )


def test_a_shallow_repository_is_refused(tmp_path: Path, producer: scratch.Producer) -> None:
    """HP011 says how to get the rest, in CI too."""
    shallow = tmp_path / "shallow"
    producer.git("clone", "--quiet", "--depth=1", f"file://{producer.path}", str(shallow))
    assert _refused(lambda: git_producer.find_producer(shallow, "HEAD", service_tags())) == Problem(
        code="HP011",
        where=str(shallow),
        message=(
            "the repository is shallow: the history between runtime commit and tag cannot be read"
        ),
        hint="run 'git fetch --unshallow --tags' there (in CI: fetch-depth 0)",
    )


def test_another_object_format_is_refused(tmp_path: Path) -> None:
    """HP011: a manifest cannot name a commit of a sha256 repository."""
    scratch.git(tmp_path, "init", "--quiet", "--object-format=sha256", "other")
    assert _refused(
        lambda: git_producer.find_producer(tmp_path / "other", "HEAD", service_tags())
    ) == Problem(
        code="HP011",
        where=str(tmp_path / "other"),
        message=(
            "the repository's object format is sha256; a manifest's commit_sha has 40 digits (sha1)"
        ),
        hint="use a repository with the sha1 object format",
    )


def test_a_link_to_the_root_is_followed(tmp_path: Path, producer: scratch.Producer) -> None:
    """The root is the real folder, so that one producer has one cache."""
    (tmp_path / "link").symlink_to(producer.root)
    assert (
        git_producer.find_producer(tmp_path / "link", "HEAD", service_tags()).root == producer.root
    )


def test_a_linked_work_tree_is_a_producer(tmp_path: Path, producer: scratch.Producer) -> None:
    """The work tree that ``git worktree add`` makes can be read and fetched from like any other."""
    other = tmp_path / "worktree"
    producer.git("worktree", "add", "--quiet", "--detach", str(other), "v1.0.0")
    found, repository = _opened(scratch.Producer(path=other, root=other))
    assert found.commit == producer.git("rev-parse", "v1.0.0^{commit}")
    assert list(found.tags) == ["v1.0.0", "v1.1.0"]
    assert repository.files(found, ["Cargo.toml"]) == {
        "Cargo.toml": scratch.runtime("1")["Cargo.toml"].encode()
    }


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "hash#mark",
        "per%20cent",
        "question?mark",
        "ümlaut",
        "semi;colon&$x",
        "new\nline",
        "end\n",
        "\udcff",
    ],
)
@pytest.mark.parametrize("below", [".", "in\nside", "\udcfe "])
def test_any_name_of_a_folder_will_do(tmp_path: Path, name: str, below: str) -> None:
    """Spaces.

    What means something in a URL or a shell, newlines and bytes that are not UTF-8 may stand in the
    root's path.
    """
    try:
        (tmp_path / name / below).mkdir(parents=True)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    producer = scratch.producer(
        tmp_path / name / "producer", below=below, tag_prefix="" if below == "." else "x-"
    )
    found, repository = _opened(producer, prefix="" if below == "." else "x-")
    assert (found.root, found.top, found.path) == (producer.root, producer.path, below)
    assert found.git_dir == producer.path / ".git"
    producer.write({"Cargo.toml": "changed\n"})
    assert repository.list_uncommitted(found, tmp_path / "index") == ("Cargo.toml",)
    assert (
        repository.files(found, ["Cargo.toml"])["Cargo.toml"]
        == scratch.runtime("2")["Cargo.toml"].encode()
    )
    assert (
        _facts(producer, prefix="" if below == "." else "x-").runtime.to_verified
        is Relation.ANCESTOR
    )


# Tags


@pytest.mark.parametrize("digits", [300, 5000])
def test_a_tag_too_long_for_a_file_is_not_a_release(
    producer: scratch.Producer, digits: int
) -> None:
    """Only a packed reference can have such a name. It is neither fetched nor read as a number."""
    with (producer.path / ".git" / "packed-refs").open("a") as file:
        file.write(
            f"{producer.head()} refs/tags/v1.0.{'9' * digits}\n"
            f"{producer.head()} refs/tags/v2{'x' * digits}\n"
        )
    found, _ = _opened(producer)
    assert list(found.tags) == ["v1.0.0", "v1.1.0"]
    assert [release.tag for release in _facts(producer).history.earlier] == ["v1.0.0"]


def test_only_version_tags_count(producer: scratch.Producer) -> None:
    """Annotated and lightweight tags count.

    A tag of a tag is peeled, one of a tree or file has no commit; other names do not.
    """
    head = producer.head()
    producer.tag("v2.0.0", annotated=False)
    for name in (
        "v2.0",
        "v2.0.0-rc1",
        "v2.0.0.0",
        "release",
        "x/v2.0.0",
        "V2.0.0",
        "nightly-v2.0.0",
    ):
        producer.tag(name)
    producer.tag("v3.0.0", "HEAD^{tree}")
    producer.tag("v3.0.1", "HEAD:Cargo.toml", annotated=False)
    producer.git("branch", "v4.0.0")
    producer.tag("v5.0.0", "v1.1.0")
    tags = git_producer.find_producer(producer.root, "HEAD", service_tags()).tags
    assert list(tags) == ["v1.0.0", "v1.1.0", "v2.0.0", "v3.0.0", "v3.0.1", "v5.0.0"]
    assert tags["v2.0.0"] == TagRef(kind="commit", object_id=head, commit=head)
    assert (tags["v5.0.0"].kind, tags["v5.0.0"].commit) == ("tag", head)
    assert (tags["v3.0.0"].commit, tags["v3.0.1"].commit) == (None, None)


def test_a_release_whose_tag_names_no_commit_is_refused(producer: scratch.Producer) -> None:
    """HP059: it is not taken for a release without a tag."""
    producer.git("tag", "--force", "v1.1.0", "HEAD^{tree}")
    assert _refused(lambda: _facts(producer)) == Problem(
        code="HP059",
        where="tag v1.1.0",
        message="the tag does not name a commit",
        hint="tag the release's commit, or delete the tag",
    )


def test_a_branch_of_a_tags_name_does_not_stand_in_for_it(producer: scratch.Producer) -> None:
    """Refs are read by their full names."""
    producer.git("branch", "v1.1.0", "HEAD~3")
    (producer.path / ".git" / "v1.1.0").write_text(producer.git("rev-parse", "HEAD~3") + "\n")
    assert (
        git_producer.find_producer(producer.root, "HEAD", service_tags()).tags["v1.1.0"].commit
        == producer.head()
    )


def test_a_prefix_selects_the_producers_tags(tmp_path: Path) -> None:
    """With a prefix only tags that bear it count, by their whole name."""
    producer = scratch.producer(tmp_path / "producer", tag_prefix="kernel/")
    producer.tag("v9.0.0")
    assert list(
        git_producer.find_producer(producer.root, "HEAD", service_tags("kernel/")).tags
    ) == [
        "kernel/v1.0.0",
        "kernel/v1.1.0",
    ]
    facts = _facts(producer, prefix="kernel/")
    assert facts.tag.existing == Tag(name="kernel/v1.1.0", kind="annotated", target=producer.head())
    assert facts.history.earlier == (
        Release(tag="v1.0.0", commit_sha=producer.git("rev-parse", "kernel/v1.0.0~1")),
    )


def test_tags_of_a_bigger_repository_are_not_the_producers(tmp_path: Path) -> None:
    """In a subfolder only tags with a prefix count; without one there are none."""
    producer = scratch.producer(tmp_path / "outer", below="vendor/producer")
    producer.tag("sub/v1.1.0")
    assert git_producer.find_producer(producer.root, "HEAD", service_tags()).tags == {}
    assert list(git_producer.find_producer(producer.root, "HEAD", service_tags("sub/")).tags) == [
        "sub/v1.1.0"
    ]
    assert _facts(producer).tag.existing is None


def test_tags_that_moved_or_went_are_followed(producer: scratch.Producer) -> None:
    """Our own copy has the producer's tags as they are now, whatever it had before."""
    _, repository = _opened(producer)
    producer.tag("v1.1.0", "HEAD~1")
    producer.git("tag", "--delete", "v1.0.0")
    producer.tag("v1.2.0", annotated=False)
    found = git_producer.find_producer(producer.root, "HEAD", service_tags())
    repository.update(found, service_tags())
    ours = command.run(
        "for-each-ref", "--format=%(refname) %(objectname)", "refs/tags", cwd=repository.folder
    ).decode()
    assert ours.splitlines() == [
        f"refs/tags/{name} {found.tags[name].object_id}" for name in ("v1.1.0", "v1.2.0")
    ]
    producer.git("tag", "--delete", "v1.1.0", "v1.2.0")
    repository.update(
        git_producer.find_producer(producer.root, "HEAD", service_tags()), service_tags()
    )
    assert command.run("for-each-ref", "refs/tags", cwd=repository.folder) == b""


# The copy


def test_a_corrupt_object_is_refused(producer: scratch.Producer) -> None:
    """HP013: an object whose bytes are not what its name says is not fetched."""
    blob = producer.git("rev-parse", "HEAD:Cargo.toml")
    other = producer.git("rev-parse", "HEAD:CHANGELOG.md")
    objects = producer.path / ".git" / "objects"
    bad = objects / blob[:2] / blob[2:]
    bad.chmod(0o644)
    shutil.copyfile(objects / other[:2] / other[2:], bad)
    _assert_not_whole(_refused(lambda: _opened(producer)), producer, blob)


def test_a_missing_object_is_refused(producer: scratch.Producer) -> None:
    """HP013: a history with a hole is not fetched, and nothing of it is taken for whole later."""
    blob = producer.git("rev-parse", "HEAD:Cargo.toml")
    (producer.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    for _ in range(2):
        _assert_not_whole(_refused(lambda: _opened(producer)), producer, blob)


def _assert_not_whole(problem: Problem, producer: scratch.Producer, blob: str) -> None:
    """The refusal names the object; the words about it are git's, its prefixes are gone."""
    assert problem.where == str(producer.path / ".git")
    start, colon, reason = problem.message.rpartition(": ")
    assert (problem.code, start + colon) == (
        "HP013",
        f"commit {producer.head()} and the tags cannot be fetched completely: ",
    )
    assert reason.endswith(blob)
    assert problem.hint == "run 'git fsck' in the producer's repository and fix what it reports"


@pytest.mark.parametrize("name", ["v1.0.0", "v1.0.0^{commit}"])
def test_a_tag_without_its_object_is_refused(producer: scratch.Producer, name: str) -> None:
    """HP013: a tag whose own object, or whose commit, is missing is named."""
    gone = producer.git("rev-parse", name)
    (producer.path / ".git" / "objects" / gone[:2] / gone[2:]).unlink()
    assert _refused(lambda: _opened(producer)) == Problem(
        code="HP013",
        where=str(producer.path / ".git"),
        message=f"the tags cannot be read: missing object {gone} for refs/tags/v1.0.0",
        hint="run 'git fsck' in the producer's repository and fix what it reports",
    )


def test_replaced_commits_do_not_reach_the_copy(producer: scratch.Producer) -> None:
    """The copy holds the real commit, whatever a replace ref says over there."""
    expected = producer.git("rev-parse", "HEAD^{tree}")
    producer.git("replace", producer.head(), producer.git("rev-parse", "HEAD~2"))
    found, repository = _opened(producer)
    assert repository.tree(found) == expected


def test_grafted_history_does_not_reach_the_copy(producer: scratch.Producer) -> None:
    """The copy holds the whole history, whatever a grafts file cuts off over there."""
    (producer.path / ".git" / "info").mkdir(exist_ok=True)
    (producer.path / ".git" / "info" / "grafts").write_text(producer.head() + "\n")
    found, repository = _opened(producer)
    assert command.run("rev-list", "--count", found.commit, cwd=repository.folder) == b"4\n"
    assert _facts(producer).runtime.to_verified is Relation.ANCESTOR


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a repository to another user")
def test_another_users_repository_is_read(producer: scratch.Producer) -> None:
    """A producer that belongs to another user is read: nothing that it configures is run."""
    for path in (producer.path, *producer.path.rglob("*")):
        os.chown(path, 65534, 65534)
    found, repository = _opened(producer)
    assert (
        repository.tree(found)
        == command.run("rev-parse", "HEAD^{tree}", cwd=producer.root).decode().strip()
    )
    assert repository.list_uncommitted(found, producer.path.parent / "index") == ()
    assert _facts(producer).tag.existing == Tag(
        name="v1.1.0", kind="annotated", target=found.commit
    )


def test_the_producers_repository_is_untouched(producer: scratch.Producer) -> None:
    """Finding.

    Fetching, reading and comparing leave every byte and every time in the repository as it was.
    """
    producer.write({"CHANGELOG.md": "changed\n", "new.txt": "new\n"})
    os.utime(producer.root / "Cargo.toml", ns=(1, 1))
    for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc"):
        hook = producer.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{producer.path}/{name}.ran'\n")
        hook.chmod(0o755)
    before = scratch.listing(producer.path)
    found, repository = _opened(producer)
    repository.files(found, [scratch.MANIFEST_PATH])
    assert repository.list_uncommitted(found, producer.path.parent / "index") == (
        "CHANGELOG.md",
        "new.txt",
    )
    _facts(producer)
    assert scratch.listing(producer.path) == before


def test_files_are_read_from_the_commit(producer: scratch.Producer) -> None:
    """What is uncommitted is not read.

    A folder, a link's target and a missing file are None, a link is its own text.
    """
    producer.write({"Cargo.toml": "changed\n"})
    found, repository = _opened(producer)
    assert repository.files(found, ["Cargo.toml", "crates", "no/such/file"]) == {
        "Cargo.toml": scratch.runtime("2")["Cargo.toml"].encode(),
        "crates": None,
        "no/such/file": None,
    }


def test_the_tree_is_the_commits(producer: scratch.Producer) -> None:
    """The tree's id is that of the verified commit."""
    found, repository = _opened(producer, "v1.0.0")
    assert repository.tree(found) == producer.git("rev-parse", "v1.0.0^{tree}")


def test_a_root_below_the_top_is_read_below_it(tmp_path: Path) -> None:
    """In a bigger repository, paths and changes are those below the producer's root."""
    outer = scratch.producer(tmp_path / "outer", below="vendor/producer", tag_prefix="sub/")
    outer.commit("elsewhere", {"../../crates/other.rs": "outside\n"})
    found, repository = _opened(outer, prefix="sub/")
    assert (found.prefix, found.path, found.top) == (
        "vendor/producer/",
        "vendor/producer",
        outer.path,
    )
    assert (
        repository.files(found, ["Cargo.toml"])["Cargo.toml"]
        == scratch.runtime("2")["Cargo.toml"].encode()
    )
    facts = _facts(outer, prefix="sub/")
    assert facts.verified.producer_path == "vendor/producer"
    assert facts.runtime.paths_after == (scratch.CHANGELOG_PATH, scratch.MANIFEST_PATH)
    assert facts.runtime.changed_to_verified == ()
    assert facts.runtime.service_version == "service.v2"


# The facts of a release


def test_the_facts_of_a_release_whose_tag_follows_the_runtime_commit(
    producer: scratch.Producer,
) -> None:
    """Between runtime commit and tag is only metadata, so no runtime path differs."""
    head = producer.head()
    manifest = (producer.root / scratch.MANIFEST_PATH).read_bytes()
    assert _facts(producer) == GitFacts(
        verified=VerifiedFacts(
            commit=head,
            tree=producer.git("rev-parse", "HEAD^{tree}"),
            committed_at=scratch.FIRST_DAY + 4 * 60,
            producer_path=".",
            manifest_sha256=hashlib.sha256(manifest).hexdigest(),
            pointers=(),
        ),
        tag=TagFacts(
            name="v1.1.0",
            existing=Tag(name="v1.1.0", kind="annotated", target=head),
            namesakes=(),
            manifest=Manifest.from_dict(json.loads(manifest)),
            manifest_sha256=hashlib.sha256(manifest).hexdigest(),
            paths_after=(),
        ),
        runtime=RuntimeFacts(
            commit=producer.git("rev-parse", "HEAD~1"),
            path=".",
            to_tag=Relation.ANCESTOR,
            to_verified=Relation.ANCESTOR,
            changed_to_tag=(),
            changed_to_verified=(),
            tests_changed=(),
            commits_after=(head,),
            paths_after=(scratch.CHANGELOG_PATH, scratch.MANIFEST_PATH),
            service_version="service.v2",
            absent=(),
            outside=(),
            squash_commit=None,
        ),
        history=HistoryFacts(
            earlier=(Release(tag="v1.0.0", commit_sha=producer.git("rev-parse", "v1.0.0~1")),),
            unstated=(),
            previous=Manifest.from_dict(
                json.loads(producer.git("show", f"v1.0.0:{scratch.MANIFEST_PATH}"))
            ),
            changed_since_previous=("crates/core/lib.rs", "openapi/openapi.yaml"),
            rollback=None,
        ),
    )


def test_the_facts_when_tag_and_runtime_commit_are_one(producer: scratch.Producer) -> None:
    """The tag is the runtime commit: nothing differs, and a lightweight tag is named so."""
    producer.tag("v1.1.0", annotated=False)
    head = producer.head()
    facts = _facts(producer, commit_sha=head)
    assert facts.tag.existing == Tag(name="v1.1.0", kind="lightweight", target=head)
    assert (facts.runtime.to_tag, facts.runtime.to_verified) == (Relation.SAME, Relation.SAME)
    assert (facts.runtime.commits_after, facts.runtime.paths_after) == ((), ())
    assert (facts.runtime.changed_to_tag, facts.runtime.changed_to_verified) == ((), ())


def test_runtime_paths_that_differ_are_named(producer: scratch.Producer) -> None:
    """Changed runtime paths are listed apart from others, for tag and verified commit."""
    changes: dict[str, str | None] = {
        "crates/core/lib.rs": "changed\n",
        "components/a/crates/x.rs": "new\n",
        "components/a/README.md": "new\n",
        "openapi/openapi.yaml": None,
        "crates.md": "no runtime\n",
    }
    producer.commit("main moves on", changes)
    facts = _facts(producer)
    assert facts.runtime.changed_to_tag == ()
    assert facts.runtime.changed_to_verified == (
        "components/a/crates/x.rs",
        "crates/core/lib.rs",
        "openapi/openapi.yaml",
    )
    assert facts.runtime.paths_after == tuple(
        sorted([*changes, scratch.CHANGELOG_PATH, scratch.MANIFEST_PATH])
    )
    assert len(facts.runtime.commits_after) == 2
    producer.tag("v1.1.0")
    assert _facts(producer).runtime.changed_to_tag == facts.runtime.changed_to_verified


def test_a_mode_alone_is_a_difference(producer: scratch.Producer) -> None:
    """A runtime file that became executable differs."""
    (producer.root / "crates/core/lib.rs").chmod(0o755)
    producer.commit("mode", {})
    assert _facts(producer).runtime.changed_to_verified == ("crates/core/lib.rs",)


def test_a_runtime_commit_of_another_branch_is_unrelated(producer: scratch.Producer) -> None:
    """An unrelated runtime commit is fetched too, and its service version read."""
    producer.git("checkout", "--quiet", "--detach", "HEAD~2")
    aside = producer.commit("aside", scratch.runtime("7"))
    producer.git("checkout", "--quiet", "main")
    facts = _facts(producer, commit_sha=aside)
    assert (facts.runtime.to_tag, facts.runtime.to_verified) == (
        Relation.UNRELATED,
        Relation.UNRELATED,
    )
    assert facts.runtime.changed_to_verified == ("crates/core/lib.rs", "openapi/openapi.yaml")
    assert facts.runtime.service_version == "service.v7"


def test_a_later_runtime_commit_is_unrelated(producer: scratch.Producer) -> None:
    """The runtime commit must come before.

    One that comes after the verified commit is no ancestor of it.
    """
    later = producer.commit("later", {})
    facts = _facts(producer, "HEAD~1", commit_sha=later)
    assert (facts.runtime.to_tag, facts.runtime.to_verified) == (
        Relation.UNRELATED,
        Relation.UNRELATED,
    )


@pytest.mark.parametrize(
    "name", ["nothing", "HEAD^{tree}", "HEAD:Cargo.toml", "v1.0.0", "loose blob"]
)
def test_a_runtime_commit_that_is_none_is_missing(producer: scratch.Producer, name: str) -> None:
    """An id that git does not know, or that is a tree, a file or a tag object, is no commit."""
    if name == "nothing":
        sha = "1" * 40
    elif name == "loose blob":
        sha = producer.git("hash-object", "-w", "--stdin", stdin="no part of any commit\n")
    else:
        sha = producer.git("rev-parse", name)
    facts = _facts(producer, commit_sha=sha)
    assert (facts.runtime.to_tag, facts.runtime.to_verified) == (Relation.MISSING, Relation.MISSING)
    assert (facts.runtime.changed_to_tag, facts.runtime.changed_to_verified) == (None, None)
    assert (facts.runtime.commits_after, facts.runtime.paths_after) == ((), ())
    assert facts.runtime.service_version is None


def test_a_release_without_tag_has_no_facts_about_it(producer: scratch.Producer) -> None:
    """Not tagged yet: no tag, no relation to it, no manifest at it, the rest as ever."""
    producer.git("tag", "--delete", "v1.1.0")
    facts = _facts(producer)
    assert (facts.tag.name, facts.tag.existing, facts.runtime.to_tag) == ("v1.1.0", None, None)
    assert (facts.runtime.changed_to_tag, facts.tag.manifest) == (None, None)
    assert facts.runtime.to_verified is Relation.ANCESTOR


def test_the_manifest_at_the_tag_is_the_tags_own(producer: scratch.Producer) -> None:
    """It is read at the tag, not at the verified commit; None when it is not there or is none."""
    head = producer.head()
    producer.commit("next", {scratch.MANIFEST_PATH: scratch.manifest("v1.1.0", head)})
    found = _facts(producer).tag.manifest
    assert found is not None
    assert found.commit_sha == producer.git("rev-parse", "HEAD~2")
    producer.tag("v1.1.0", "HEAD~3~1")
    assert _facts(producer).tag.manifest is None


def test_earlier_releases_are_those_whose_own_manifest_states_their_tag(
    producer: scratch.Producer,
) -> None:
    """The latest first, by version and not by name or date.

    Tags with no manifest or another's are left out.
    """
    first = producer.git("rev-parse", "v1.0.0~1")
    runtime = producer.git("rev-parse", "HEAD~1")
    for version in ("v1.10.0", "v1.9.0", "v1.2.0"):
        producer.release(version, runtime)
        producer.tag(version, annotated=version != "v1.9.0")
    producer.tag("v1.3.0")
    producer.tag("v0.1.0", first)
    producer.release("v1.11.0", runtime)
    assert _facts(producer).history.earlier == (
        Release(tag="v1.10.0", commit_sha=runtime),
        Release(tag="v1.9.0", commit_sha=runtime),
        Release(tag="v1.2.0", commit_sha=runtime),
        Release(tag="v1.1.0", commit_sha=runtime),
        Release(tag="v1.0.0", commit_sha=first),
    )


def test_the_service_version_is_what_the_runtime_commit_states(producer: scratch.Producer) -> None:
    """Read at the runtime commit.

    None when the file or the line is not there, or the profile does not ask.
    """
    producer.commit("main moves on", {"openapi/openapi.yaml": "info:\n  version: service.v3\n"})
    assert _facts(producer).runtime.service_version == "service.v2"
    without = producer.commit("no line", {"openapi/openapi.yaml": "info:\n  version: 3\n"})
    assert _facts(producer, commit_sha=without).runtime.service_version is None
    gone = producer.commit("no file", {"openapi/openapi.yaml": None})
    assert _facts(producer, commit_sha=gone).runtime.service_version is None
    found, repository = _opened(producer)
    data = repository.files(found, [scratch.MANIFEST_PATH])[scratch.MANIFEST_PATH]
    assert data is not None
    silent = replace(PROFILE, service_version_path=None, service_version_pattern=None)
    manifest = Manifest.from_dict(json.loads(data))
    facts = gather_facts(repository, found, silent, manifest=manifest, manifest_bytes=data)
    assert facts.runtime.service_version is None


# What is uncommitted


def test_uncommitted_is_all_that_differs_from_the_commit(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """Modified, staged, deleted, untracked and made executable.

    Not what the commit's own .gitignore covers.
    """
    producer.write(
        {
            "Cargo.toml": "modified\n",
            "staged.txt": "staged\n",
            "with space.txt": "untracked\n",
            "some/new folder/file": "untracked\n",
            "target/build": "ignored\n",
            "a.tmp": "ignored\n",
            "openapi/openapi.yaml": None,
        }
    )
    producer.git("add", "staged.txt")
    (producer.root / "scripts/ok.sh").chmod(0o644)
    found, repository = _opened(producer)
    assert repository.list_uncommitted(found, tmp_path / "index") == (
        "Cargo.toml",
        "openapi/openapi.yaml",
        "scripts/ok.sh",
        "some/new folder/file",
        "staged.txt",
        "with space.txt",
    )


def test_a_clean_work_tree_has_nothing_uncommitted(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """Nothing differs.

    And nothing does when it is asked a second time with other times on the files.
    """
    found, repository = _opened(producer)
    assert repository.list_uncommitted(found, tmp_path / "index") == ()
    os.utime(producer.root / "Cargo.toml", ns=(10**18, 10**18))
    assert repository.list_uncommitted(found, tmp_path / "index") == ()


def test_only_what_is_checked_out_is_compared(producer: scratch.Producer, tmp_path: Path) -> None:
    """Another commit than the one that is checked out has no uncommitted changes."""
    producer.write({"Cargo.toml": "modified\n"})
    found, repository = _opened(producer, "v1.0.0")
    assert repository.list_uncommitted(found, tmp_path / "index") == ()


def test_only_what_lies_below_the_root_counts(tmp_path: Path) -> None:
    """In a bigger repository the rest of it is not the producer's."""
    outer = scratch.producer(tmp_path / "outer", below="vendor/producer")
    outer.write({"Cargo.toml": "modified\n", "../../elsewhere.txt": "outside\n"})
    found, repository = _opened(outer)
    assert repository.list_uncommitted(found, tmp_path / "index") == ("Cargo.toml",)


def test_bits_of_the_index_hide_nothing(producer: scratch.Producer, tmp_path: Path) -> None:
    """assume-unchanged and skip-worktree, with which git itself is made blind, are not asked."""
    producer.git("update-index", "--assume-unchanged", "Cargo.toml")
    producer.git("update-index", "--skip-worktree", "CHANGELOG.md")
    producer.write({"Cargo.toml": "modified\n", "CHANGELOG.md": "modified\n"})
    assert producer.git("status", "--porcelain") == ""
    found, repository = _opened(producer)
    assert repository.list_uncommitted(found, tmp_path / "index") == ("CHANGELOG.md", "Cargo.toml")


def test_filters_of_the_producers_configuration_are_never_run(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """A clean filter that would make any file look unchanged is not run.

    The file's own bytes are compared.
    """
    producer.commit("attributes", {".gitattributes": "Cargo.toml filter=liar\n"})
    shutil.copyfile(producer.root / "Cargo.toml", tmp_path / "committed")
    producer.git(
        "config", "filter.liar.clean", f"touch '{tmp_path}/ran'; cat '{tmp_path}/committed'"
    )
    producer.git("config", "filter.liar.required", "true")
    producer.write({"Cargo.toml": scratch.runtime("2")["Cargo.toml"].replace("members", "MEMBERS")})
    assert producer.git("status", "--porcelain") == "", "the caller's git sees it"
    (tmp_path / "ran").unlink()
    found, repository = _opened(producer)
    assert repository.list_uncommitted(found, tmp_path / "index") == ("Cargo.toml",)
    assert not (tmp_path / "ran").exists()
