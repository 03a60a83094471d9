"""Contradictions between a packet and git, manifest and profile."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    OTHER,
    VERIFIED,
    facts,
    go_packet,
    manifest,
    profile,
    shown,
    untagged,
)
from packets import put

from handoff_tasks.model import Relation
from handoff_tasks.packet import build
from handoff_tasks.rules import packet_against_git

if TYPE_CHECKING:
    from handoff_tasks.model import GitFacts, Manifest
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Profile

AGAIN = "do not use this packet: verify the release again with the handoff session"


def contradictions(
    document: Any, facts: GitFacts, manifest: Manifest, profile: Profile
) -> list[Problem]:
    """Return where git, manifest and profile contradict a packet."""
    compared = packet_against_git.Comparison(
        document=document, facts=facts, manifest=manifest, profile=profile, where="p.json"
    )
    return packet_against_git.git_contradictions(compared)


def test_git_has_nothing_against_a_true_packet() -> None:
    """What git says today is what the packet says."""
    assert contradictions(go_packet(), facts(), manifest(), profile()) == []
    assert contradictions(go_packet(facts=untagged()), untagged(), manifest(), profile()) == []


def test_a_tag_that_has_come_since_is_no_contradiction() -> None:
    """A packet that was made before the tag stays true once the release is tagged."""
    assert contradictions(go_packet(facts=untagged()), facts(), manifest(), profile()) == []


def test_a_tag_that_has_come_since_is_an_advisory() -> None:
    """A reader of a packet that was made before the tag learns of the tag, and other readers get no advisory."""
    assert packet_against_git.tagged_since(go_packet(), facts()) == []
    assert packet_against_git.tagged_since(go_packet(facts=untagged()), untagged()) == []
    message = f"the release has been tagged since: v1.2.3 points to {VERIFIED}"
    assert shown(packet_against_git.tagged_since(go_packet(facts=untagged()), facts())) == [
        (
            "HA012",
            "git_state/tag",
            message,
            "run the handoff session at the tag for a packet that says so",
        )
    ]


def test_a_tag_that_is_gone_is_a_contradiction() -> None:
    """A packet of a tagged release is refused when the tag is not there: one finding, with what to do."""
    message = f"this clone has no tag v1.2.3; the packet says that it points to {VERIFIED}"
    hint = "fetch the tags, then verify again: git fetch --tags; if the producer has no such tag, do not use this packet"
    assert shown(contradictions(go_packet(), untagged(), manifest(), profile())) == [
        ("HP075", "p.json#/git_state/tag", message, hint)
    ]


def test_every_outcome_has_its_own_id() -> None:
    """Another id, and two that are swapped, are refused at their places."""
    for ids in (["fmt", "security-audit"], ["clippy", "fmt"]):
        document = go_packet()
        for outcome, other in zip(document["verification_outcomes"], ids, strict=False):
            outcome["id"] = other
        assert shown(contradictions(document, facts(), manifest(), profile())) == [
            (
                "HP072",
                f"p.json#/verification_outcomes/{number}/id",
                f"the packet says {other}; today it is {one}",
                AGAIN,
            )
            for number, (one, other) in enumerate(zip(["fmt", "clippy"], ids, strict=True))
            if one != other
        ]


def test_envelopes_are_in_the_order_of_the_modes() -> None:
    """With two rehearsals no byte alone says which of them comes first; the profile does."""
    modes = [
        *profile().modes,
        dataclasses.replace(profile().modes[1], name="next", rehearsed="service.v4"),
    ]
    policies = {
        **profile().envelope_policies,
        "service.v4": profile().envelope_policies["service.v3"],
    }
    known = dataclasses.replace(profile(), modes=tuple(modes), envelope_policies=policies)
    document = go_packet(profile=known)
    assert contradictions(document, facts(), manifest(), known) == []
    envelopes = document["non_2xx_envelope_policy"]
    envelopes["service_v3_candidate"] = envelopes.pop("service_v3_candidate")
    message = (
        "the packet has the order service_v2_stable, service_v4_candidate, service_v3_candidate; today it is service_v2_stable, "
        "service_v3_candidate, service_v4_candidate"
    )
    assert shown(contradictions(document, facts(), manifest(), known)) == [
        ("HP072", "p.json#/non_2xx_envelope_policy", message, AGAIN)
    ]


@pytest.mark.parametrize(
    ("known", "pointer", "message"),
    [
        (
            facts(verified_tree=OTHER),
            "/git_state/verified_tree",
            f"the packet says {'4' * 40}; today it is {OTHER}",
        ),
        (
            facts(producer_path="producer"),
            "/git_state/producer_path",
            "the packet says .; today it is producer",
        ),
        (
            facts(runtime_to_tag=Relation.SAME),
            "/git_state/runtime_to_tag",
            "the packet says ancestor; today it is same",
        ),
        (
            facts(runtime_to_verified=Relation.MISSING),
            "/git_state/runtime_to_verified",
            "the packet says ancestor; today it is missing",
        ),
        (
            facts(manifest_sha256="a" * 64),
            "/git_state/manifest_sha256",
            f"the packet says {'7' * 64}; today it is {'a' * 64}",
        ),
    ],
)
def test_what_git_says_against_a_packet(known: GitFacts, pointer: str, message: str) -> None:
    """Each statement about git that is not what git says is reported with both."""
    assert shown(contradictions(go_packet(), known, manifest(), profile())) == [
        ("HP072", f"p.json#{pointer}", message, AGAIN)
    ]


@pytest.mark.parametrize("key", list(build.git_state(facts())))
def test_every_statement_about_git_is_compared(key: str) -> None:
    """A packet that differs from git in any one statement is refused for it."""
    path = ("git_state", "tag", "kind") if key == "tag" else ("git_state", key)
    document = put(go_packet(), path, "something else")
    found = contradictions(document, facts(), manifest(), profile())
    assert [(one.code, one.where) for one in found] == [("HP072", f"p.json#/{'/'.join(path)}")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"integration_baseline": "integration/v2"},
            {
                "/active_runtime_baseline/integration_baseline": "the packet says integration/v1; today it is integration/v2"
            },
        ),
        (
            {"error_code_enum": ["validation_error", "invalid_json", "internal_error"]},
            {
                "/error_code_enum/0": "the packet says invalid_json; today it is validation_error",
                "/error_code_enum/1": "the packet says validation_error; today it is invalid_json",
            },
        ),
        (
            {"error_code_enum": ["invalid_json"]},
            {
                "/error_code_enum": 'the packet says ["invalid_json", "validation_error", "internal_error"]; '
                'today it is ["invalid_json"]'
            },
        ),
    ],
)
def test_what_the_manifest_says_against_a_packet(
    change: dict[str, Any], expected: dict[str, str]
) -> None:
    """A packet that does not say what the verified commit's manifest says is refused, the order of error codes included."""
    assert shown(contradictions(go_packet(), facts(), manifest(**change), profile())) == [
        ("HP072", f"p.json#{pointer}", message, AGAIN) for pointer, message in expected.items()
    ]
