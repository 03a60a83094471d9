"""Problems that git finds in a release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import (
    MANIFEST_PATH,
    OTHER,
    PREVIOUS,
    RUNTIME,
    VERIFIED,
    facts,
    manifest,
    profile,
    shown,
    untagged,
)

from handoff_tasks.model import Relation, Tag
from handoff_tasks.rules import git as git_rules

if TYPE_CHECKING:
    from handoff_tasks.model import GitFacts

AT_SHA = f"{MANIFEST_PATH}#/commit_sha"
AT_VERSION = f"{MANIFEST_PATH}#/expected_service_contract_version"
AT_TAG = f"v1.2.3:{MANIFEST_PATH}"
SHORT = RUNTIME[:12]
NEXT_RELEASE = (
    f"for the next release, put its tag and {VERIFIED} into the manifest (release_tag, commit_sha) and into the repin line of its "
    "own statement"
)
NEXT_OR_AT_TAG = f"{NEXT_RELEASE}; to verify v1.2.3: --ref v1.2.3"
THIS_RELEASE = f"put {VERIFIED} into the manifest's commit_sha and into the statement's repin line, then commit both"
NEXT_TAG = "for the next release, put its tag into the manifest's release_tag"
TAG_OR_AT_TAG = f"{NEXT_TAG}; to verify v1.2.3: --ref v1.2.3"
ELSEWHERE = Tag(name="v1.2.3", kind="lightweight", target=OTHER)
SEVEN = tuple(f"crates/{number}.rs" for number in range(7))


@pytest.mark.parametrize(
    "known",
    [
        facts(),
        facts(runtime_to_tag=Relation.SAME, runtime_to_verified=Relation.SAME),
        facts(tag=ELSEWHERE, commits_after_runtime=(VERIFIED, OTHER)),
        facts(absent=("Cargo.lock",)),
    ],
)
@pytest.mark.parametrize("allow_untagged", [True, False])
def test_a_good_release_has_no_problem(known: GitFacts, allow_untagged: bool) -> None:
    """A release whose runtime is the same at runtime commit, tag and verified commit is good, wherever it was verified."""
    assert git_rules.git_problems(known, manifest(), profile(), allow_untagged=allow_untagged) == []


def test_no_tag_yet_is_good_only_when_it_is_allowed() -> None:
    """A release that is not tagged is refused unless the caller says that this is known."""
    assert git_rules.git_problems(untagged(), manifest(), profile(), allow_untagged=True) == []
    assert shown(
        git_rules.git_problems(untagged(), manifest(), profile(), allow_untagged=False)
    ) == [
        (
            "HP052",
            "tag v1.2.3",
            "the release is not tagged",
            "tag the release and run again, or use --allow-untagged for a packet that says so; if it is tagged elsewhere, "
            "fetch the tags: git fetch --tags",
        )
    ]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (
            facts(
                runtime_to_verified=Relation.MISSING,
                runtime_to_tag=Relation.MISSING,
                changed_to_verified=None,
                changed_to_tag=None,
                stated_service_version=None,
            ),
            (
                "HP050",
                AT_SHA,
                f"{RUNTIME} is not a commit of the repository",
                "put the runtime commit's sha into the manifest, or fetch the commit",
            ),
        ),
        (
            facts(runtime_to_verified=Relation.UNRELATED),
            (
                "HP051",
                AT_SHA,
                f"the runtime commit {SHORT} is not an ancestor of the verified commit {VERIFIED[:12]}",
                NEXT_OR_AT_TAG,
            ),
        ),
        (
            untagged(runtime_to_verified=Relation.UNRELATED),
            (
                "HP051",
                AT_SHA,
                f"the runtime commit {SHORT} is not an ancestor of the verified commit {VERIFIED[:12]}",
                THIS_RELEASE,
            ),
        ),
        (
            facts(tag=ELSEWHERE, runtime_to_tag=Relation.UNRELATED),
            (
                "HP051",
                "tag v1.2.3",
                f"the runtime commit {SHORT} is not an ancestor of the tag's target {OTHER[:12]}",
                "tag a commit that follows the runtime commit, or correct the manifest's commit_sha",
            ),
        ),
        (
            facts(tag=ELSEWHERE, changed_to_tag=("openapi/a.yaml",)),
            (
                "HP053",
                "tag v1.2.3",
                f"runtime paths differ between the runtime commit {SHORT} and the tag's target {OTHER[:12]}: openapi/a.yaml",
                "correct the manifest's commit_sha, or tag a commit with the same runtime paths",
            ),
        ),
        (
            facts(tag=ELSEWHERE, changed_to_verified=SEVEN),
            (
                "HP054",
                f"commit {VERIFIED}",
                f"runtime paths differ between the runtime commit {SHORT} and the verified commit: "
                "crates/0.rs, crates/1.rs, crates/2.rs, crates/3.rs, crates/4.rs and 2 more",
                NEXT_OR_AT_TAG,
            ),
        ),
        (
            untagged(changed_to_verified=("Cargo.lock",)),
            (
                "HP054",
                f"commit {VERIFIED}",
                f"runtime paths differ between the runtime commit {SHORT} and the verified commit: Cargo.lock",
                THIS_RELEASE,
            ),
        ),
        (
            facts(
                tag=ELSEWHERE,
                runtime_to_verified=Relation.UNRELATED,
                runtime_to_tag=Relation.MISSING,
            ),
            (
                "HP051",
                AT_SHA,
                f"the runtime commit {SHORT} is not an ancestor of the verified commit {VERIFIED[:12]}",
                NEXT_RELEASE,
            ),
        ),
        (
            facts(tag=ELSEWHERE, manifest_at_tag=None),
            (
                "HP055",
                AT_TAG,
                "the tag's target has no readable manifest",
                f"tag a commit that has the manifest; {NEXT_TAG}",
            ),
        ),
        (
            facts(tag=ELSEWHERE, manifest_at_tag=manifest(release_tag="v1.2.2")),
            (
                "HP055",
                f"{AT_TAG}#/release_tag",
                "found v1.2.2 at the tag; the verified commit's manifest says v1.2.3",
                TAG_OR_AT_TAG,
            ),
        ),
        (
            facts(tag=ELSEWHERE, manifest_at_tag=manifest(expected_api_contract_version="api.v2")),
            (
                "HP055",
                f"{AT_TAG}#/expected_api_contract_version",
                "found api.v2 at the tag; the verified commit's manifest says api.v1",
                TAG_OR_AT_TAG,
            ),
        ),
        (
            facts(stated_service_version="service.v3"),
            (
                "HP056",
                AT_VERSION,
                f"the manifest says service.v2, but its own runtime commit {SHORT} says service.v3 in openapi/openapi.yaml",
                "put the commit that has this version into the manifest's commit_sha, or correct the version",
            ),
        ),
    ],
)
def test_what_git_says_against_a_release(
    known: GitFacts, expected: tuple[str, str, str, str]
) -> None:
    """Each contradiction between manifest, tag and commits is a problem of its own, allowed to be untagged or not."""
    assert shown(git_rules.git_problems(known, manifest(), profile(), allow_untagged=True)) == [
        expected
    ]


def test_a_service_version_without_an_envelope_is_refused() -> None:
    """A manifest whose service version the profile does not describe makes no packet."""
    found = git_rules.git_problems(
        facts(stated_service_version="service.v9"),
        manifest(expected_service_contract_version="service.v9"),
        profile(),
        allow_untagged=False,
    )
    message = "service.v9 has no envelope policy; known: service.v2, service.v3"
    assert shown(found) == [
        (
            "HP057",
            AT_VERSION,
            message,
            "describe its error envelope in the profile's envelope_policies",
        )
    ]


def test_a_profile_that_names_nothing_is_no_guard() -> None:
    """No runtime path is there, or nothing states the service version where the profile says: no difference could be seen."""
    absent = tuple(path for path in profile().runtime_paths)
    assert shown(
        git_rules.git_problems(facts(absent=absent), manifest(), profile(), allow_untagged=False)
    ) == [
        (
            "HP032",
            "git.runtime_paths",
            f"neither the runtime commit {RUNTIME[:12]} nor the verified commit has {', '.join(absent)}",
            "correct git.runtime_paths: without a runtime to compare, any two releases would look the same",
        )
    ]
    assert shown(
        git_rules.git_problems(
            facts(stated_service_version=None), manifest(), profile(), allow_untagged=False
        )
    ) == [
        (
            "HP056",
            f"{RUNTIME[:12]}:openapi/openapi.yaml",
            r"no line states the service version; expected one that matches ^  version: (service\.v[0-9]+)$",
            "correct git.service_version in the profile, or state the version in that file",
        )
    ]


def test_in_a_part_of_a_repository_the_prefix_is_what_is_missing() -> None:
    """The larger repository's tags are not the producer's: to tag again would not help."""
    [found] = git_rules.git_problems(
        untagged(producer_path="svc"), manifest(), profile(), allow_untagged=False
    )
    assert (found.code, found.hint) == (
        "HP052",
        "name the prefix of the producer's own tags in the profile (git.tag_prefix), or use --allow-untagged",
    )


def test_the_advice_to_verify_at_the_tag_is_given_only_when_it_helps() -> None:
    """If the tag does not hold the runtime either, only the next release is left."""
    found = git_rules.git_problems(
        facts(tag=ELSEWHERE, changed_to_verified=("Cargo.toml",), changed_to_tag=("Cargo.toml",)),
        manifest(),
        profile(),
        allow_untagged=False,
    )
    assert [(one.code, one.hint) for one in found if one.code == "HP054"] == [
        ("HP054", NEXT_RELEASE)
    ]


def test_every_field_that_differs_at_the_tag_is_told() -> None:
    """A manifest at the tag that differs in all five fields gives five problems."""
    there = manifest(
        release_tag="v9.9.9",
        commit_sha=PREVIOUS,
        expected_service_contract_version="service.v3",
        expected_api_contract_version="api.v2",
        integration_baseline="integration/v2",
    )
    found = git_rules.git_problems(
        facts(tag=ELSEWHERE, manifest_at_tag=there), manifest(), profile(), allow_untagged=False
    )
    assert [(one.code, one.where) for one in found] == [
        ("HP055", f"{AT_TAG}#/{key}") for key in manifest().baseline()
    ]


def test_a_part_of_the_runtime_that_a_check_ignores_is_refused() -> None:
    """Each such file is named from the repository's top, with the checks that would not see it."""
    first, *others = profile().checks
    ignoring = replace(profile(), checks=(replace(first, ignores=("docs/",)), *others))
    found = facts(ignored=("docs/schema.json",), producer_path="sub")
    assert shown(git_rules.git_problems(found, manifest(), ignoring, allow_untagged=False)) == [
        (
            "HP037",
            "sub/docs/schema.json",
            "it is a part of the runtime, and fmt would not see it",
            "take the pattern out of the profile's ignores, so that the check sees the file",
        )
    ]
