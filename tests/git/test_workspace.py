"""One run's place: producer, commit, profile and folders, opened together or refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks import files
from handoff_tasks.formats import schemas
from handoff_tasks.git import handover, workspace
from handoff_tasks.git import producer as git_producer
from handoff_tasks.git.checkout import CheckoutSpec
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import profile as producer_profile
from handoff_tasks.producer.tags import service_tags
from handoff_tasks.record import Binding

if TYPE_CHECKING:
    from collections.abc import Callable


def _open(
    producer: scratch.Producer,
    profile_path: Path | None = None,
    *,
    ref: str = "HEAD",
    text: str = scratch.PROFILE,
) -> workspace.Workspace:
    folder = producer.path.parent
    if profile_path is None:
        profile_path = folder / "profile.toml"
        profile_path.write_text(text)
    return workspace.open_workspace(
        root=producer.root,
        ref=ref,
        profile_path=profile_path,
        work=folder / "work",
        cache=folder / "cache",
    )


def _problems(
    producer: scratch.Producer, profile_path: Path | None = None, *, text: str = scratch.PROFILE
) -> tuple[Problem, ...]:
    with pytest.raises(HandoffError) as caught:
        _open(producer, profile_path, text=text)
    return caught.value.problems


def test_what_is_opened_belongs_together(producer: scratch.Producer) -> None:
    """Producer.

    Profile and tree are those of the commit, which is in our own repository, and there is nothing
    to note.
    """
    opened = _open(producer)
    assert opened.producer == git_producer.find_producer(producer.root, "HEAD", service_tags())
    assert opened.profile == producer_profile.parse(
        scratch.PROFILE.encode(), "profile.toml", schemas.schema(schemas.PROFILE)
    )
    assert opened.tree == producer.git("rev-parse", "HEAD^{tree}")
    assert opened.repository.folder == opened.base / "objects.git"
    assert opened.work == producer.path.parent / "work"
    assert opened.notes == ()
    assert not opened.work.exists(), "opening writes nothing but the cache"


def test_a_binding_says_what_a_record_must_be_evidence_for(producer: scratch.Producer) -> None:
    """Commit, tree, root, the profile's digest and the command line, unresolved."""
    opened = _open(producer, ref="v1.0.0")
    assert opened.binding(opened.profile.checks[0]) == Binding(
        commit=producer.git("rev-parse", "v1.0.0^{commit}"),
        tree=producer.git("rev-parse", "v1.0.0^{tree}"),
        producer_path=".",
        profile_digest=opened.profile.digest,
        argv=("./scripts/ok.sh", "{root}"),
    )


def test_the_checkout_that_is_wanted_has_the_producers_tags_and_outputs(tmp_path: Path) -> None:
    """In a bigger repository the outputs to keep lie below the producer's root.

    And the tags keep their whole name.
    """
    outer = scratch.producer(tmp_path / "outer", below="vendor/producer", tag_prefix="sub/")
    opened = _open(outer, text=scratch.profile(tag_prefix="sub/"))
    assert opened.checkout_spec("run") == CheckoutSpec(
        base=opened.base,
        commit=outer.head(),
        tags=tuple((name, outer.git("rev-parse", name)) for name in ("sub/v1.0.0", "sub/v1.1.0")),
        keep=("vendor/producer/target", "vendor/producer/components/*/target"),
        run="run",
    )
    assert opened.binding(opened.profile.checks[0]).producer_path == "vendor/producer"


def test_ignored_files_are_named_from_the_producers_root(tmp_path: Path) -> None:
    """In a bigger repository too; the checkout has one commit of the other files, and no tags."""
    outer = scratch.producer(tmp_path / "outer", below="vendor/producer", tag_prefix="sub/")
    outer.git("rm", "--cached", "--quiet", "vendor/producer/CHANGELOG.md")
    tree = outer.git("write-tree")
    outer.git("reset", "--quiet")
    check = scratch.check("part", ["true"], tools=(), ignores=["CHANGELOG.md"])
    opened = _open(outer, text=scratch.profile([check], tag_prefix="sub/"))
    part = opened.profile.checks[0]
    assert opened.binding(part).seen_tree == tree
    spec = opened.checkout_spec("run", part.ignores)
    assert spec.tree == opened.base / f"checkout-{spec.view}"
    assert spec.tags == ()
    content = scratch.git(opened.repository.folder, "cat-file", "commit", spec.commit)
    assert content.startswith(f"tree {tree}\nauthor handoff-tasks ")
    assert scratch.git(opened.repository.folder, "fsck", "--no-dangling") == ""


def test_the_same_other_files_are_the_same_commit(producer: scratch.Producer) -> None:
    """Whatever the ignored files hold, and however many there are."""
    check = scratch.check("part", ["true"], tools=(), ignores=["docs/", "CHANGELOG.md"])
    text = scratch.profile([check])
    before = _open(producer, text=text)
    ignores = before.profile.checks[0].ignores
    producer.commit("docs: more", {"docs/a.md": "a\n", "docs/deep/b.md": "b\n"})
    after = _open(producer, text=text)
    assert after.tree != before.tree
    assert after.views == before.views
    assert after.checkout_spec("", ignores) == before.checkout_spec("", ignores)


def test_each_root_has_one_cache_folder_with_a_plain_name(tmp_path: Path) -> None:
    """The same root has the same folder, by a link too.

    Another of the same name has another; the name suits every script.
    """
    names = []
    for place in ("one", "two"):
        producer = scratch.producer(tmp_path / place / "My Producer #1 (ü)")
        names.append(_open(producer).base.name)
        (tmp_path / place / "link").symlink_to(producer.root)
        linked = scratch.Producer(path=producer.path, root=tmp_path / place / "link")
        assert _open(linked).base.name == names[-1]
    assert names[0] != names[1]
    for name in names:
        assert name.startswith("my-producer-1-")
        assert len(name) == len("my-producer-1-") + 12
    assert _open(scratch.producer(tmp_path / "###")).base.name.startswith("producer-")
    assert len(_open(scratch.producer(tmp_path / ("x" * 90))).base.name) == 40 + 1 + 12


def test_opening_again_finds_what_is_new(producer: scratch.Producer) -> None:
    """The cache follows the producer: a new commit and a new tag are there, the old ones stay."""
    first = _open(producer)
    producer.commit("next", {"crates/core/lib.rs": "new\n"})
    producer.tag("v1.2.0")
    second = _open(producer)
    assert second.base == first.base
    assert second.tree == producer.git("rev-parse", "HEAD^{tree}")
    assert "v1.2.0" in second.producer.tags
    assert _open(producer, ref=first.producer.commit).tree == first.tree


def test_a_cache_that_was_removed_is_made_anew(producer: scratch.Producer) -> None:
    """Nothing in the cache is the only copy of anything."""
    first = _open(producer)
    shutil.rmtree(first.base)
    assert _open(producer).tree == first.tree


# The profile


def test_a_profile_that_cannot_be_read_is_refused(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """HP030 with the system's reason, for a missing file and for a folder."""
    for path, reason in {
        tmp_path / "no.toml": "No such file or directory",
        tmp_path: "Is a directory",
    }.items():
        assert _problems(producer, path) == (
            Problem(
                code="HP030",
                where=str(path),
                message=f"the profile cannot be read: {reason}",
                hint="name a built-in profile or a readable file",
            ),
        )


def test_a_profile_with_mistakes_is_refused_before_anything_is_fetched(
    producer: scratch.Producer,
) -> None:
    """HP030 names the file and the place in it; no cache is made."""
    text = scratch.PROFILE.replace('tools = ["bash"]', 'tools = ["bsh"]')
    problems = _problems(producer, text=text)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if "bsh" in line]
    assert [(problem.code, problem.where) for problem in problems] == [
        ("HP030", f"{producer.path.parent / 'profile.toml'}:{line}#/checks/{number}/tools/0")
        for number, line in enumerate(lines)
    ]
    assert (
        problems[0].message
        == "bsh is not a tool of this profile (did you mean bash?); known: bash, git"
    )
    assert not (producer.path.parent / "cache").exists()


def test_a_producer_that_cannot_be_found_is_refused(tmp_path: Path) -> None:
    """The refusals of the repository come through as they are."""
    missing = scratch.Producer(path=tmp_path / "missing", root=tmp_path / "missing")
    assert [problem.code for problem in _problems(missing)] == ["HP010"]
    assert [problem.code for problem in _problems(scratch.repository(tmp_path / "empty"))] == [
        "HP012"
    ]


def test_a_profile_in_the_commit_is_fine(producer: scratch.Producer) -> None:
    """A committed profile is not noted, in any folder below the root."""
    producer.commit("profile", {"ops/handoff.toml": scratch.PROFILE})
    assert _open(producer, producer.root / "ops/handoff.toml").notes == ()


def test_a_profile_that_is_not_committed_is_noted(producer: scratch.Producer) -> None:
    """HA002: others cannot repeat the run."""
    producer.write({"ops/handoff.toml": scratch.PROFILE})
    commit = producer.head()
    assert _open(producer, producer.root / "ops/handoff.toml").notes == (
        Problem(
            code="HA002",
            where="ops/handoff.toml",
            message=(
                f"the profile is not in the verified commit {commit[:12]}; the working file is used"
            ),
            hint="commit the profile, so that others can repeat the run",
        ),
    )


def test_a_profile_that_differs_from_the_commits_is_refused(producer: scratch.Producer) -> None:
    """HP014: which of the two was meant cannot be known."""
    commit = producer.commit("profile", {"ops/handoff.toml": scratch.PROFILE})
    producer.write({"ops/handoff.toml": scratch.PROFILE + "\n# one more line\n"})
    assert _problems(producer, producer.root / "ops/handoff.toml") == (
        Problem(
            code="HP014",
            where="ops/handoff.toml",
            message=f"the profile differs from the one in the verified commit {commit[:12]}",
            hint="commit the profile, or run from a work tree of the commit that is to be verified",
        ),
    )


def test_a_profile_elsewhere_is_its_users_business(tmp_path: Path) -> None:
    """A profile outside of the repository is compared with nothing."""
    outer = scratch.producer(tmp_path / "outer", below="vendor/producer")
    (tmp_path / "handoff.toml").write_text(scratch.PROFILE)
    assert _open(outer, tmp_path / "handoff.toml").notes == ()


def test_a_profile_beside_the_producer_must_be_committed_too(tmp_path: Path) -> None:
    """In a larger repository the profile can be anywhere.

    Not committed it is noted, committed it is fine, edited it is refused.
    """
    outer = scratch.producer(tmp_path / "outer", below="svc/a")
    outer.write({"../../ci/handoff.toml": scratch.PROFILE})
    profile = outer.path / "ci/handoff.toml"
    assert [(note.code, note.where) for note in _open(outer, profile).notes] == [
        ("HA002", "ci/handoff.toml")
    ]
    commit = outer.commit("ci: profile", {})
    assert _open(outer, profile).notes == ()
    profile.write_text(scratch.PROFILE + "\n# edited\n")
    assert _problems(outer, profile) == _differs("ci/handoff.toml", commit)


def _differs(place: str, commit: str) -> tuple[Problem, ...]:
    return (
        Problem(
            code="HP014",
            where=place,
            message=f"the profile differs from the one in the verified commit {commit[:12]}",
            hint="commit the profile, or run from a work tree of the commit that is to be verified",
        ),
    )


def _by_a_link(profile: Path, elsewhere: Path) -> Path:
    (elsewhere / "link.toml").symlink_to(profile)
    return elsewhere / "link.toml"


def _by_an_uncommitted_link_inside(profile: Path, elsewhere: Path) -> Path:
    del elsewhere
    (profile.parent / "other.toml").symlink_to(profile.name)
    return profile.parent / "other.toml"


def _by_a_link_to_its_folder(profile: Path, elsewhere: Path) -> Path:
    (elsewhere / "folder").symlink_to(profile.parent)
    return elsewhere / "folder" / profile.name


def _by_a_hard_link(profile: Path, elsewhere: Path) -> Path:
    (elsewhere / "hard.toml").hardlink_to(profile)
    return elsewhere / "hard.toml"


def _by_a_hard_link_inside(profile: Path, elsewhere: Path) -> Path:
    del elsewhere
    (profile.parents[1] / "hard.toml").hardlink_to(profile)
    return profile.parents[1] / "hard.toml"


def _by_steps_up(profile: Path, elsewhere: Path) -> Path:
    return (
        elsewhere
        / ".."
        / profile.parents[1].name
        / "crates"
        / ".."
        / profile.parent.name
        / profile.name
    )


def _by_a_folder_that_became_a_link(profile: Path, elsewhere: Path) -> Path:
    profile.parent.rename(elsewhere / "moved")
    profile.parent.symlink_to(elsewhere / "moved")
    return profile


def _by_where_its_folder_leads(profile: Path, elsewhere: Path) -> Path:
    return _by_a_folder_that_became_a_link(profile, elsewhere).resolve()


@pytest.mark.parametrize(
    "spelled",
    [
        _by_a_link,
        _by_an_uncommitted_link_inside,
        _by_a_link_to_its_folder,
        _by_a_hard_link,
        _by_a_hard_link_inside,
        _by_steps_up,
        _by_a_folder_that_became_a_link,
        _by_where_its_folder_leads,
    ],
)
def test_a_committed_profile_is_the_same_by_any_path(
    producer: scratch.Producer, tmp_path: Path, spelled: Callable[[Path, Path], Path]
) -> None:
    """HP014 names the committed file, however the edited one is reached.

    As it is committed, nothing is noted.
    """
    commit = producer.commit("ci: profile", {"ops/handoff.toml": scratch.PROFILE})
    (tmp_path / "elsewhere").mkdir()
    path = spelled(producer.root / "ops/handoff.toml", tmp_path / "elsewhere")
    assert _open(producer, path).notes == ()
    with path.open("a") as file:
        file.write("\n# edited\n")
    assert _problems(producer, path) == _differs("ops/handoff.toml", commit)


def test_another_spelling_of_a_name_is_the_same_file(producer: scratch.Producer) -> None:
    """On a file system that does not distinguish case.

    Another spelling of the path is the committed profile all the same.
    """
    commit = producer.commit("ci: profile", {"ops/handoff.toml": scratch.PROFILE + "\n"})
    producer.write({"ops/handoff.toml": scratch.PROFILE})
    path = producer.root / "OPS" / "Handoff.TOML"
    if not path.exists():
        pytest.skip("the file system distinguishes case")
    assert _problems(producer, path) == _differs("ops/handoff.toml", commit)


@pytest.mark.parametrize(
    ("link", "named", "leads"),
    [
        ("{outside}/handoff.toml", "ops/handoff.toml", "leaves the repository"),
        ("../../elsewhere/handoff.toml", "ops/handoff.toml", "leaves the repository"),
        ("{outside}", "ops/folder/handoff.toml", "leaves the repository"),
        ("../ignored.toml", "ops/handoff.toml", "leads to nothing in the commit"),
        ("../.git/handoff.toml", "ops/handoff.toml", "leads into .git"),
    ],
)
def test_a_committed_link_does_not_hold_a_profile(
    producer: scratch.Producer, tmp_path: Path, link: str, named: str, leads: str
) -> None:
    """HP034: the commit has a link there, and what it leads to is not in the commit."""
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    place = producer.root / (named if named.count("/") == 1 else "ops/folder")
    place.parent.mkdir()
    place.symlink_to(link.format(outside=outside))
    commit = producer.commit("ci: a link", {})
    (producer.root / named).write_text(scratch.PROFILE)
    shown = place.relative_to(producer.root)
    assert _problems(producer, producer.root / named) == (
        Problem(
            code="HP034",
            where=named,
            message=(
                f"the verified commit {commit[:12]} does not hold the profile: {shown} "
                f"is a link that {leads}"
            ),
            hint="commit the profile itself, in the place of the link",
        ),
    )


def test_a_committed_link_to_a_committed_profile_holds_it(producer: scratch.Producer) -> None:
    """A link within the repository is followed in the commit.

    Where the work tree's link leads elsewhere, it is refused.
    """
    (producer.root / "handoff.toml").symlink_to("ops/handoff.toml")
    commit = producer.commit(
        "ci: a link",
        {"ops/handoff.toml": scratch.PROFILE, "ops/other.toml": scratch.PROFILE + "\n"},
    )
    assert _open(producer, producer.root / "handoff.toml").notes == ()
    (producer.root / "handoff.toml").unlink()
    (producer.root / "handoff.toml").symlink_to("ops/other.toml")
    assert _problems(producer, producer.root / "handoff.toml") == _differs("handoff.toml", commit)


# What ships with the package


@pytest.mark.parametrize(
    "name", [schemas.MANIFEST, schemas.PACKET, schemas.PROFILE, schemas.RECORD, schemas.RESULT]
)
def test_every_contract_has_a_schema_that_bears_its_name(name: str) -> None:
    """Each schema is there, is of one draft, and is parsed once."""
    schema = schemas.schema(name)
    assert schema["$id"] == f"urn:handoff-tasks:schema:{name}"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schemas.schema(name) is schema


def test_a_schema_that_is_not_there_is_a_broken_installation() -> None:
    """An unreadable schema is an `OSError`: the installation is broken."""
    with pytest.raises(FileNotFoundError):
        schemas.schema("no-such-contract.v1")


def test_built_in_profiles_are_read_like_anyones() -> None:
    """Each built-in profile is a file with a valid profile in it."""
    found = files.built_in_profiles()
    assert "memorykernel" in found
    for path in found.values():
        parsed = producer_profile.parse(
            path.read_bytes(), str(path), schemas.schema(schemas.PROFILE)
        )
        assert parsed.digest.startswith("sha256:")


# What a run hands over to its checks


def test_what_is_handed_over_is_taken_over(
    producer: scratch.Producer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Producer.

    Commit, folders and the run's own profile arrive as they were, even where the profile was named
    from elsewhere.
    """
    (tmp_path / "profile.toml").write_text(scratch.PROFILE)
    monkeypatch.chdir(tmp_path)
    opened = _open(producer, Path("profile.toml"))
    handover.hand_over(opened, "a name", tmp_path / "run.json")
    monkeypatch.undo()
    taken, name = handover.take_over(tmp_path / "run.json")
    assert name == "a name"
    assert taken.profile_path == tmp_path / "profile.toml"
    assert taken.profile == opened.profile
    assert (taken.producer, taken.tree, taken.work, taken.base) == (
        opened.producer,
        opened.tree,
        opened.work,
        opened.base,
    )
    assert taken.checkout_spec("a name") == opened.checkout_spec("a name")


def test_a_run_whose_profile_changed_is_refused(producer: scratch.Producer, tmp_path: Path) -> None:
    """HP015: the checks of one run are checks of one profile.

    And a run that there is not is refused too.
    """
    path = tmp_path / "profile.toml"
    path.write_text(scratch.PROFILE)
    handover.hand_over(_open(producer, path), "a name", tmp_path / "run.json")
    path.write_text(scratch.PROFILE.replace("timeout_seconds = ", "timeout_seconds = 1"))
    for run, where in (
        (tmp_path / "run.json", path),
        (tmp_path / "none.json", tmp_path / "none.json"),
    ):
        with pytest.raises(HandoffError) as caught:
            handover.take_over(run)
        assert [(problem.code, problem.where) for problem in caught.value.problems] == [
            ("HP015", str(where))
        ]
