"""Advisories on a release."""

from __future__ import annotations

from builders import (
    CANDIDATE,
    STABLE,
    facts,
    manifest,
    profile,
    shown,
    untagged,
)

from handoff_tasks.rules import advisories


def test_a_runtime_path_that_names_nothing_is_told() -> None:
    """It may be a slip, or a place that this release does not have: an advisory."""
    [found] = advisories.release_advisories(
        profile().mode("stable"), manifest(), facts(absent=("a/", "b")), allow_untagged=False
    )
    assert (found.code, found.where) == ("HA015", "git.runtime_paths")
    assert found.message == "neither the runtime commit nor the verified commit has a/, b"


def test_a_rehearsal_of_what_is_there_already_is_an_advisory() -> None:
    """A reader learns when the runtime speaks the rehearsed version already, and in no other case."""
    stable, candidate = profile().mode(STABLE), profile().mode(CANDIDATE)
    assert advisories.release_advisories(stable, manifest(), facts(), allow_untagged=True) == []
    assert advisories.release_advisories(candidate, manifest(), facts(), allow_untagged=True) == []
    new = manifest(expected_service_contract_version="service.v3")
    assert advisories.release_advisories(stable, new, facts(), allow_untagged=True) == []
    message = "the runtime is already at service.v3: nothing is left to rehearse"
    assert shown(advisories.release_advisories(candidate, new, facts(), allow_untagged=True)) == [
        ("HA010", "handoff_mode", message, "hand over the stable packet instead")
    ]


def test_a_tag_that_is_still_to_come_is_an_advisory_where_it_is_no_problem() -> None:
    """A reader learns that the release is not tagged yet; without leave for that it is a problem, and reported as such."""
    stable = profile().mode(STABLE)
    assert advisories.release_advisories(stable, manifest(), untagged(), allow_untagged=False) == []
    assert shown(
        advisories.release_advisories(stable, manifest(), untagged(), allow_untagged=True)
    ) == [
        (
            "HA011",
            "git_state/tag",
            "the tag v1.2.3 does not exist yet",
            "verify the packet again once the release is tagged",
        )
    ]
