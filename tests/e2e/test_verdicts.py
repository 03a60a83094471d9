"""What a real repository's state means for its release (DOMAIN section 4): each state, and the nearest that is judged otherwise."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.git import workspace
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.release import decide, gather
from handoff_tasks.rules import advisories as rules_advisories

if TYPE_CHECKING:
    from pathlib import Path

TEST_PATHS = 'test_paths = ["crates/*/tests/"]\n'
ANNOTATED = "annotated_tag = true\n"


@dataclasses.dataclass
class Bench:
    """A producer, and what is said of it with a profile. ``found`` are the problems as code, where and message."""

    producer: scratch.Producer
    folder: Path

    def judge(
        self,
        ref: str = "HEAD",
        *,
        git: str = "",
        tag_prefix: str = "",
        allow_untagged: bool = False,
    ) -> tuple[list[Problem], list[Problem]]:
        path = self.folder / "handoff.toml"
        path.write_text(scratch.profile(git=git, tag_prefix=tag_prefix))
        opened = workspace.open_workspace(
            root=self.producer.root,
            ref=ref,
            profile_path=path,
            work=self.folder / "work",
            cache=self.folder / "cache",
        )
        material = gather.gather_material(opened, None)
        mode = opened.profile.mode("stable")
        advisories = rules_advisories.release_advisories(
            mode, material.manifest, material.facts, allow_untagged=allow_untagged
        )
        return decide.known_problems(opened, material, allow_untagged=allow_untagged), [
            *advisories,
            *material.notes,
        ]

    def reported(
        self, ref: str = "HEAD", *, git: str = "", tag_prefix: str = ""
    ) -> list[tuple[str, str, str]]:
        problems, _ = self.judge(ref, git=git, tag_prefix=tag_prefix)
        return [(one.code, one.where, one.message) for one in problems]

    def id(self, name: str) -> str:
        return self.producer.git("rev-parse", f"{name}^{{commit}}")


@pytest.fixture
def bench(producer: scratch.Producer, tmp_path: Path) -> Bench:
    """A producer whose release is good."""
    return Bench(producer=producer, folder=tmp_path)


def test_a_tag_after_the_runtime_commit_is_good(bench: Bench) -> None:
    """The tag's target is a descendant with the same runtime paths, and verified itself."""
    assert bench.judge() == ([], [])
    assert bench.judge(git=ANNOTATED + TEST_PATHS) == ([], [])


def test_a_tag_on_the_runtime_commit_itself_is_another_manifest(bench: Bench) -> None:
    """The manifest that names a commit cannot lie in it: at such a tag the older manifest is found, and reported."""
    bench.producer.tag("v1.1.0", "HEAD~1")
    codes = {code for code, _, _ in bench.reported()}
    assert codes == {"HP055"}


def test_a_commit_after_the_tag_with_the_same_runtime_is_good(bench: Bench) -> None:
    """The verified commit may follow the tag; an advisory tells it."""
    bench.producer.commit("docs: later", {"README.md": "later\n"})
    problems, advisories = bench.judge()
    assert problems == []
    assert [one.code for one in advisories] == ["HA013"]


def test_a_missing_tag_is_good_only_where_it_is_allowed(bench: Bench) -> None:
    """HP052, or with --allow-untagged HA011."""
    bench.producer.git("tag", "--delete", "v1.1.0")
    assert bench.reported() == [("HP052", "tag v1.1.0", "the release is not tagged")]
    [problem] = bench.judge()[0]
    assert problem.hint == (
        "tag the release and run again, or use --allow-untagged for a packet that says so; if it is tagged elsewhere, fetch the "
        "tags: git fetch --tags"
    )
    problems, advisories = bench.judge(allow_untagged=True)
    assert problems == []
    assert [one.code for one in advisories] == ["HA011"]


def test_runtime_paths_that_differ_are_refused_with_the_ref_to_verify_at(bench: Bench) -> None:
    """HP054 names the path, and the hint the tag."""
    head = bench.producer.commit(
        "feat: more", {"crates/core/lib.rs": "pub const SERVICE: u32 = 2; // more\n"}
    )
    problems, _ = bench.judge()
    assert problems == [
        Problem(
            code="HP054",
            where=f"commit {head}",
            message=f"runtime paths differ between the runtime commit {bench.id('HEAD~2')[:12]} and the verified commit: "
            "crates/core/lib.rs",
            hint=f"for the next release, put its tag and {head} into the manifest (release_tag, commit_sha) and into the repin "
            "line of its own statement; to verify v1.1.0: --ref v1.1.0",
        )
    ]
    assert bench.reported("v1.1.0") == []
    previous = bench.producer.git("rev-parse", "v1.1.0~1")
    bench.producer.release("v1.2.0", head, rollback=f"v1.1.0/{previous}")
    assert bench.judge(allow_untagged=True)[0] == []


def test_a_fix_before_the_tag_goes_into_the_manifest_of_the_release(bench: Bench) -> None:
    """HP054 before the tag exists names the commit to put into the manifest and the repin line; with it the release is good."""
    previous = bench.producer.git("rev-parse", "v1.1.0~1")
    runtime = bench.producer.commit(
        "feat: more", {"crates/core/lib.rs": "pub const SERVICE: u32 = 2; // more\n"}
    )
    bench.producer.release("v1.2.0", runtime, rollback=f"v1.1.0/{previous}")
    bench.producer.commit(
        "fix: less", {"crates/core/lib.rs": "pub const SERVICE: u32 = 2; // less\n"}
    )
    head = bench.producer.commit("docs: later", {"README.md": "later\n"})
    problems, _ = bench.judge(allow_untagged=True)
    hint = f"put {head} into the manifest's commit_sha and into the statement's repin line, then commit both"
    assert [(one.code, one.hint) for one in problems] == [("HP054", hint)]
    names = (scratch.MANIFEST_PATH, scratch.CHANGELOG_PATH)
    files = {
        name: (bench.producer.root / name).read_text().replace(runtime, head) for name in names
    }
    bench.producer.commit("fix: the manifest", files)
    assert bench.judge(allow_untagged=True)[0] == []


def test_runtime_paths_that_differ_at_the_tag_are_refused(bench: Bench) -> None:
    """HP053: the tag carries another runtime than its manifest names."""
    bench.producer.commit("feat: more", {"openapi/more.yaml": "x: 1\n"})
    bench.producer.tag("v1.1.0")
    assert [code for code, _, _ in bench.reported()] == ["HP054", "HP053"]


def test_tests_below_the_runtime_paths_are_runtime_until_the_profile_says_otherwise(
    bench: Bench,
) -> None:
    """A difference in test files only is NO-GO; with ``git.test_paths`` it is the advisory HA014."""
    head = bench.producer.commit("test: more", {"crates/core/tests/more.rs": "// more\n"})
    bench.producer.tag("v1.1.0")
    differ = f"runtime paths differ between the runtime commit {bench.id('HEAD~2')[:12]} and"
    path = "crates/core/tests/more.rs"
    assert bench.reported() == [
        ("HP054", f"commit {head}", f"{differ} the verified commit: {path}"),
        ("HP053", "tag v1.1.0", f"{differ} the tag's target {head[:12]}: {path}"),
    ]
    problems, advisories = bench.judge(git=TEST_PATHS)
    assert problems == []
    assert advisories == [
        Problem(
            code="HA014",
            where="git_state/runtime_paths_identical",
            message="test files differ between the runtime commit and tag or verified commit: crates/core/tests/more.rs",
            hint="nothing, if these are tests only, as the profile's git.test_paths says",
        )
    ]


def test_a_test_path_excuses_nothing_beside_it(bench: Bench) -> None:
    """What differs outside of the test paths is reported, and it alone."""
    more = {
        "crates/core/tests/more.rs": "// more\n",
        "crates/core/tests.rs": "// no test folder\n",
        "Cargo.toml": "more\n",
    }
    bench.producer.commit("test: more", more)
    ((code, _, message),) = bench.reported(git=TEST_PATHS)
    assert code == "HP054"
    assert message.endswith(": Cargo.toml, crates/core/tests.rs")


def test_a_runtime_commit_of_another_line_is_refused(bench: Bench) -> None:
    """HP051: the manifest's commit is in the repository, but tag and verified commit do not follow it."""
    bench.producer.git("checkout", "--quiet", "-b", "side", "v1.0.0")
    side = bench.producer.commit("feat: speak service.v2 elsewhere", scratch.runtime("2"))
    bench.producer.git("checkout", "--quiet", "main")
    bench.producer.release("v1.2.0", side, rollback=f"v1.1.0/{bench.id('v1.1.0~1')}")
    bench.producer.tag("v1.2.0")
    codes = [code for code, _, _ in bench.reported()]
    assert codes[:2] == ["HP051", "HP051"]


def test_a_manifest_of_another_service_version_than_its_runtime_commit_is_refused(
    bench: Bench,
) -> None:
    """HP056 names both versions and the file that states the second."""
    runtime = bench.id("v1.1.0~1")
    bench.producer.release("v1.2.0", runtime, rollback=f"v1.1.0/{runtime}", service="service.v3")
    bench.producer.tag("v1.2.0")
    assert (
        "HP056",
        "contracts/manifest.json#/expected_service_contract_version",
        f"the manifest says service.v3, but its own runtime commit {runtime[:12]} says service.v2 in openapi/openapi.yaml",
    ) in bench.reported()


def test_a_lightweight_tag_is_refused_where_the_profile_wants_an_annotated_one(
    bench: Bench,
) -> None:
    """HP065 tells how to make it anew; without the key the same tag is good."""
    bench.producer.tag("v1.1.0", annotated=False)
    problems, _ = bench.judge(git=ANNOTATED)
    assert problems == [
        Problem(
            code="HP065",
            where="tag v1.1.0",
            message="found a lightweight tag; the profile expects an annotated one",
            hint="if there is an annotated one, fetch it: git fetch --force origin refs/tags/v1.1.0:refs/tags/v1.1.0; otherwise "
            f"create it: git tag --annotate --force v1.1.0 {bench.producer.head()}",
        )
    ]
    assert bench.reported() == []
    assert bench.reported(git="annotated_tag = false\n") == []


def test_a_tag_object_that_names_another_release_is_refused(bench: Bench) -> None:
    """HP066: the ref says v1.1.0, the object says v1.0.9, though both point to the right commit."""
    bench.producer.tag("v1.0.9")
    bench.producer.git("update-ref", "refs/tags/v1.1.0", bench.producer.git("rev-parse", "v1.0.9"))
    bench.producer.git("tag", "--delete", "v1.0.9")
    problems, _ = bench.judge()
    assert problems == [
        Problem(
            code="HP066",
            where="tag v1.1.0",
            message="its tag object has the name v1.0.9; expected v1.1.0",
            hint="create the tag again on the release's commit, with its own name",
        )
    ]


def test_a_tag_object_bears_its_prefix_too(tmp_path: Path) -> None:
    """With a prefix the whole name below refs/tags is compared."""
    bench = Bench(
        producer=scratch.producer(tmp_path / "producer", tag_prefix="kernel/"), folder=tmp_path
    )
    assert bench.reported(tag_prefix="kernel/") == []
    bench.producer.tag("v1.1.0")
    bench.producer.git(
        "update-ref", "refs/tags/kernel/v1.1.0", bench.producer.git("rev-parse", "refs/tags/v1.1.0")
    )
    assert [code for code, _, _ in bench.reported(tag_prefix="kernel/")] == ["HP066"]


@pytest.mark.parametrize("what", ["branch", "file in .git"])
def test_another_bearer_of_the_tags_name_is_refused(bench: Bench, what: str) -> None:
    """HP067, whichever ref is verified: people and scripts who say the short name get another commit, or may."""
    other = bench.id("HEAD~2")
    _bear(bench, what, other)
    head = bench.producer.head()
    problems, _ = bench.judge()
    assert problems == [
        Problem(
            code="HP067",
            where="tag v1.1.0",
            message=f"a {what} of that name is at {other}; the tag points to {head}",
            hint="rename or delete the other one, so that it is not taken for the release",
        )
    ]


@pytest.mark.parametrize("what", ["branch", "file in .git"])
@pytest.mark.parametrize("ref", ["v1.1.0", "v1.1.0~0", "v1.1.0^{commit}"])
def test_a_ref_that_stands_for_two_commits_is_refused(bench: Bench, what: str, ref: str) -> None:
    """HP067 in one line with both commits; a full name is clear."""
    other = bench.id("HEAD~2")
    _bear(bench, what, other)
    with pytest.raises(HandoffError) as caught:
        bench.judge(ref)
    assert caught.value.problems == (
        Problem(
            code="HP067",
            where=f"--ref {ref}",
            message=f"the name is ambiguous: a tag at {bench.producer.head()}, a {what} at {other}",
            hint="choose one: --ref refs/tags/v1.1.0, or a commit's sha",
        ),
    )
    assert [code for code, _, _ in bench.reported("refs/tags/v1.1.0")] == ["HP067"]


@pytest.mark.parametrize("what", ["branch", "file in .git"])
def test_bearers_of_one_name_at_one_commit_are_good(bench: Bench, what: str) -> None:
    """The packet cannot mislead: all of them are the same commit."""
    _bear(bench, what, bench.producer.head())
    assert bench.reported() == []
    assert bench.reported("v1.1.0") == []


def _bear(bench: Bench, what: str, commit: str) -> None:
    if what == "branch":
        bench.producer.git("branch", "v1.1.0", commit)
    else:
        (bench.producer.path / ".git" / "v1.1.0").write_text(f"{commit}\n")


def test_tags_of_a_larger_repository_do_not_tag_a_producer_in_a_subfolder(tmp_path: Path) -> None:
    """Without a prefix in the profile the release is untagged, whatever tags the outer repository has."""
    bench = Bench(
        producer=scratch.producer(tmp_path / "outer", below="vendor/kernel"), folder=tmp_path
    )
    assert ("HP052", "tag v1.1.0", "the release is not tagged") in bench.reported()
    problems, advisories = bench.judge(allow_untagged=True)
    assert problems == []
    assert [one.code for one in advisories] == ["HA011"]


def test_tags_with_the_profiles_prefix_tag_a_producer_in_a_subfolder(tmp_path: Path) -> None:
    """With the prefix they are the producer's; the outer repository's plain tags still are not."""
    producer = scratch.producer(tmp_path / "outer", below="vendor/kernel", tag_prefix="kernel/")
    bench = Bench(producer=producer, folder=tmp_path)
    producer.tag("v1.1.0", "HEAD~3")
    assert bench.judge(tag_prefix="kernel/") == ([], [])
    producer.git("tag", "--delete", "kernel/v1.1.0")
    assert bench.reported(tag_prefix="kernel/") == [
        ("HP052", "tag kernel/v1.1.0", "the release is not tagged")
    ]


def test_files_that_are_not_committed_are_named_where_the_packet_speaks_of_them(
    bench: Bench,
) -> None:
    """HA001 for a runtime file, changed or new; nothing for a file that the packet does not speak of."""
    bench.producer.write({"notes.txt": "mine\n"})
    assert bench.judge() == ([], [])
    bench.producer.write({"crates/core/lib.rs": "changed\n", "crates/new.rs": "new\n"})
    problems, advisories = bench.judge()
    assert problems == []
    assert [(one.code, one.message) for one in advisories] == [
        ("HA001", "uncommitted, so not part of this run: crates/core/lib.rs, crates/new.rs")
    ]


@pytest.mark.parametrize("kind", ["replaced", "grafted"])
def test_a_history_that_is_told_otherwise_is_read_as_it_is(bench: Bench, kind: str) -> None:
    """Replaced or grafted, a runtime change after the runtime commit stays one, as the real commits have it."""
    head = bench.producer.commit(
        "feat: more", {"crates/core/lib.rs": "pub const SERVICE: u32 = 2; // more\n"}
    )
    if kind == "replaced":
        bench.producer.git("replace", head, bench.id("v1.1.0"))
    else:
        grafts = bench.producer.path / ".git" / "info" / "grafts"
        grafts.parent.mkdir(exist_ok=True)
        grafts.write_text(f"{head}\n")
    assert [code for code, _, _ in bench.reported()] == ["HP054"]


# What people say, against the same repositories


def _next(bench: Bench, old: str, new: str, **fields: object) -> list[tuple[str, str, str]]:
    """Release v1.2.0 on a runtime of its own, with a line of the statement changed; return what is said against it."""
    runtime = bench.producer.commit("refactor: the core", {"crates/core/more.rs": "// more\n"})
    bench.producer.release("v1.2.0", runtime, rollback=f"v1.1.0/{bench.id('v1.1.0~1')}", **fields)
    changelog = bench.producer.root / scratch.CHANGELOG_PATH
    text = changelog.read_text()
    assert old in text
    bench.producer.commit(
        "docs: the statement", {scratch.CHANGELOG_PATH: text.replace(old, new, 1)}
    )
    bench.producer.tag("v1.2.0")
    return bench.reported()


def test_none_for_a_runtime_that_changed_is_refuted(bench: Bench) -> None:
    """HP068 names the path that changed between the two runtime commits."""
    assert _next(bench, "responses follow service.v2", "none") == [
        (
            "HP068",
            "Runtime behavior changes",
            "found 'none', but runtime paths changed since v1.1.0: crates/core/more.rs",
        )
    ]
    assert bench.reported(git='test_paths = ["crates/core/more.rs"]\n') == []


def test_a_runtime_change_that_is_described_is_believed(bench: Bench) -> None:
    """No rule can tell whether it is true."""
    assert (
        _next(bench, "responses follow service.v2", "internal refactoring only: the core is split")
        == []
    )


def test_none_for_codes_that_changed_is_refuted(bench: Bench) -> None:
    """HP069 names the codes, from the two releases' own manifests."""
    assert _next(
        bench,
        "read what service.v2 requires",
        "none",
        error_code_enum=["invalid_json", "rate_limited"],
    ) == [
        (
            "HP069",
            "Required consumer mapping changes",
            "found 'none', but since v1.1.0 error codes were added: rate_limited; error codes were removed: internal_error",
        )
    ]


def test_no_repin_for_another_runtime_commit_is_refuted(bench: Bench) -> None:
    """HP082: the sha is what a consumer pins."""
    ((code, where, message),) = _next(bench, "- Repin required: yes", "- Repin required: no")
    assert (code, where) == ("HP082", "Repin required")
    assert message.endswith(f"commit_sha from {bench.id('v1.1.0~1')} to {bench.id('v1.2.0~2')}")


def test_no_repin_for_a_release_of_metadata_alone_is_good(bench: Bench) -> None:
    """The same runtime commit under a new tag: who stays on the old tag has the same thing, and nothing has to be said."""
    runtime = bench.id("v1.1.0~1")
    bench.producer.release("v1.1.1", runtime, rollback=f"v1.1.0/{runtime}")
    text = (bench.producer.root / scratch.CHANGELOG_PATH).read_text()
    for old, new in (
        ("responses follow service.v2", "none"),
        ("read what service.v2 requires", "none"),
        (": yes", ": no"),
    ):
        text = text.replace(old, new, 1)
    bench.producer.commit("docs: the statement", {scratch.CHANGELOG_PATH: text})
    bench.producer.tag("v1.1.1")
    assert bench.reported() == []


def test_a_rollback_to_the_tags_target_is_none_to_a_releases_pair(bench: Bench) -> None:
    """HP064: where the earlier release's manifest states a pair, the commit that its tag points to is not it."""
    old, target = bench.id("v1.0.0~1"), bench.id("v1.0.0")
    text = (bench.producer.root / scratch.CHANGELOG_PATH).read_text()
    bench.producer.commit(
        "docs: the statement",
        {scratch.CHANGELOG_PATH: text.replace(f"v1.0.0/{old}", f"v1.0.0/{target}")},
    )
    bench.producer.tag("v1.1.0")
    message = f"v1.0.0/{target} is not the pair of an earlier release; the latest is v1.0.0/{old}"
    assert bench.reported() == [("HP064", "Rollback instruction", message)]


@pytest.mark.parametrize("kind", ["the tag's own", "another line's", "none"])
def test_a_rollback_where_no_tag_counts_is_held_against_the_history(
    tmp_path: Path, kind: str
) -> None:
    """In a subfolder without a prefix: a commit that comes before the runtime commit is good, any other is HP064."""
    bench = Bench(
        producer=scratch.producer(tmp_path / "outer", below="vendor/kernel"), folder=tmp_path
    )
    old = bench.id("HEAD~3")
    made = {"the tag's own": old, "another line's": bench.producer.head(), "none": "1" * 40}[kind]
    text = (bench.producer.root / scratch.CHANGELOG_PATH).read_text()
    bench.producer.commit(
        "docs: the statement",
        {scratch.CHANGELOG_PATH: text.replace(f"v1.0.0/{old}", f"v1.0.0/{made}")},
    )
    problems, _ = bench.judge(allow_untagged=True)
    runtime = bench.id("HEAD~2")[:12]
    message = f"v1.0.0/{made} is not an earlier release: its commit is not an ancestor of the runtime commit {runtime}"
    assert [(one.code, one.message) for one in problems] == (
        [] if made == old else [("HP064", message)]
    )
