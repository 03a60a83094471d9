"""Claims about the packet as a function of what one run knows."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    CANDIDATE,
    MANIFEST_PATH,
    PREVIOUS,
    RUNTIME,
    STABLE,
    TREE,
    VERIFIED,
    facts,
    go_packet,
    manifest,
    problem,
    profile,
    record,
    release,
    result,
    untagged,
)

from handoff_tasks.formats import canonical, schemas
from handoff_tasks.model import Relation, Tag
from handoff_tasks.packet import build
from handoff_tasks.record import CheckResult, Outcome
from handoff_tasks.rules import packet as packet_rules

COMMON = [
    "handoff_generated_at_utc",
    "handoff_mode",
    "release_tag",
    "commit_sha",
    "expected_service_contract_version",
    "expected_api_contract_version",
    "integration_baseline",
    "active_runtime_baseline",
    "error_code_enum",
    "non_2xx_envelope_policy",
    "manifest_contract_version",
    "manifest_path",
    "changelog_path",
    "verification_commands",
    "consumer_impact_statement_template",
]
REHEARSAL = [
    "rehearsal_candidate",
    "compatibility_expectations",
    "required_consumer_validation_commands",
]
OURS = [
    "packet_contract_version",
    "producer",
    "verdict",
    "verification_outcomes",
    "git_state",
    "consumer_impact_statement",
    "advisories",
    "handoff_generated_at_source",
]
BASELINE = {
    "release_tag": "v1.2.3",
    "commit_sha": RUNTIME,
    "expected_service_contract_version": "service.v2",
    "expected_api_contract_version": "api.v1",
    "integration_baseline": "integration/v1",
}


def problems(document: Any) -> list[str]:
    """Return what schema and rules say against a packet."""
    schema = schemas.schema(schemas.PACKET)
    found = schemas.violations(document, schema, where="packet", code="HP070", hint="")
    return [one.text() for one in found or packet_rules.packet_problems(document, "packet")]


@pytest.mark.parametrize(
    ("mode", "keys"), [(STABLE, COMMON + OURS), (CANDIDATE, COMMON + REHEARSAL + OURS)]
)
def test_the_keys_and_their_order(mode: str, keys: list[str]) -> None:
    """The keys that consumers know come first and in their order, then ours; a rehearsal has three more."""
    assert list(go_packet(mode)) == keys


@pytest.mark.parametrize("mode", [STABLE, CANDIDATE])
@pytest.mark.parametrize("known", [facts(), untagged()])
def test_a_good_release_makes_a_good_packet(mode: str, known: Any) -> None:
    """Schema and rules have nothing against the packet of a good release, tagged or not yet."""
    assert problems(go_packet(mode, facts=known)) == []


def test_the_values_of_a_stable_packet() -> None:
    """Each key that consumers know has the manifest's value, the profile's or the statement's."""
    document = go_packet()
    assert document["handoff_mode"] == "stable"
    assert (
        {key: document[key] for key in BASELINE} == document["active_runtime_baseline"] == BASELINE
    )
    assert list(document["active_runtime_baseline"]) == list(BASELINE)
    assert document["error_code_enum"] == ["invalid_json", "validation_error", "internal_error"]
    assert document["manifest_contract_version"] == "producer-contract-manifest.v1"
    assert (document["manifest_path"], document["changelog_path"]) == (
        MANIFEST_PATH,
        "CHANGELOG.md",
    )
    assert document["verification_commands"] == [check.command for check in profile().checks]
    assert document["consumer_impact_statement_template"] == {
        "runtime_behavior_changes": "none",
        "required_consumer_mapping_changes": "map write_conflict to 409",
        "required_test_updates": "none",
        "repin_required": f"yes (v1.2.3/{RUNTIME})",
        "rollback_instruction": f"repin to v1.2.2/{PREVIOUS}",
    }
    assert document["consumer_impact_statement"] == document["consumer_impact_statement_template"]
    assert (document["verdict"], document["advisories"]) == ("GO", [])


def test_the_values_of_a_candidate_packet() -> None:
    """A rehearsal names the rehearsed service version, and the manifest's as the one that stays."""
    document = go_packet(CANDIDATE)
    assert document["handoff_mode"] == "service-v3-candidate"
    assert document["expected_service_contract_version"] == "service.v3"
    assert document["active_runtime_baseline"] == BASELINE
    assert document["rehearsal_candidate"] == {
        "requires_runtime_cutover": False,
        "service_v2_runtime_stability_required": True,
        "migration_overlap_days": 14,
        "consumer_non_blocking_fallback_required": True,
    }
    assert document["compatibility_expectations"] == {
        "candidate_values_override_release_baseline_fields": ["expected_service_contract_version"],
        "fields_that_must_match_active_runtime_baseline": [
            "release_tag",
            "commit_sha",
            "expected_api_contract_version",
            "integration_baseline",
            "error_code_enum",
        ],
    }
    assert document["required_consumer_validation_commands"] == [
        "pnpm run check:memorykernel-handoff:service-v3-candidate",
        "pnpm run check:memorykernel-pin",
        "pnpm run test:memorykernel-contract",
        "pnpm run test:ci",
    ]


SERVICE_V2 = {
    "requires": ["service_contract_version", "error.code", "error.message", "legacy_error"],
    "forbids": ["api_contract_version"],
}
SERVICE_V3 = {
    "requires": ["service_contract_version", "error.code", "error.message"],
    "optional": ["error.details"],
    "forbids": ["legacy_error", "api_contract_version"],
}


@pytest.mark.parametrize("mode", [STABLE, CANDIDATE])
def test_the_error_envelopes(mode: str) -> None:
    """Both modes tell the envelope of the manifest's version and of the rehearsed one, each with its keys in order."""
    policy = go_packet(mode)["non_2xx_envelope_policy"]
    assert canonical.published_bytes(policy) == canonical.published_bytes(
        {"service_v2_stable": SERVICE_V2, "service_v3_candidate": SERVICE_V3}
    )


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("service.v3", ["service_v3_stable", "service_v3_candidate"]),
        ("service.v9", ["service_v3_candidate"]),
    ],
)
def test_the_stable_envelope_is_that_of_the_manifests_version(
    version: str, names: list[str]
) -> None:
    """The stable envelope is named after the manifest's version, and left out when the profile does not describe it."""
    service = manifest(expected_service_contract_version=version).service
    assert service is not None
    assert list(build.envelope_policy(profile(), service)) == names


def test_the_outcomes() -> None:
    """Each outcome tells its check, command, outcome, exit code and the tools that it claims, by name."""
    [first, *_] = profile().checks
    document = go_packet(checks=[result(first, Outcome.FAILED, "exit code 3", exit_code=3)])
    assert document["verification_outcomes"] == [
        {
            "id": "fmt",
            "command": "cargo fmt --all -- --check",
            "outcome": "failed",
            "exit_code": 3,
            "tools": {"cargo": "1.95.0", "rustc": "1.95.0"},
        }
    ]
    assert list(document["verification_outcomes"][0]["tools"]) == ["cargo", "rustc"]


def test_a_check_without_evidence_claims_nothing() -> None:
    """A check that was not run has neither exit code nor tools."""
    nothing = CheckResult(
        id="fmt",
        command="cargo fmt",
        outcome=Outcome.NOT_RUN,
        reason="there is no evidence of it",
        record=None,
    )
    assert go_packet(checks=[nothing])["verification_outcomes"] == [
        {"id": "fmt", "command": "cargo fmt", "outcome": "not_run", "exit_code": None, "tools": {}}
    ]


def test_git_state_of_a_tagged_release() -> None:
    """The four identities of a release, and how they relate."""
    assert list(build.git_state(facts()).items()) == [
        ("verified_commit", VERIFIED),
        ("verified_tree", TREE),
        ("producer_path", "."),
        ("tag", {"name": "v1.2.3", "state": "tagged", "kind": "annotated", "target": VERIFIED}),
        ("runtime_commit", RUNTIME),
        ("runtime_to_tag", "ancestor"),
        ("runtime_to_verified", "ancestor"),
        ("runtime_paths_identical", True),
        ("commits_after_runtime", [VERIFIED]),
        ("paths_after_runtime", ["CHANGELOG.md", MANIFEST_PATH]),
        ("manifest_sha256", "7" * 64),
    ]


def test_git_state_of_a_release_that_is_not_tagged_yet() -> None:
    """No tag is a state of its own, with its name and without kind, target and relation."""
    state = build.git_state(untagged())
    assert state["tag"] == {"name": "v1.2.3", "state": "untagged", "kind": None, "target": None}
    assert (state["runtime_to_tag"], state["runtime_paths_identical"]) == (None, True)


@pytest.mark.parametrize(
    ("verified", "tag", "identical"),
    [
        ((), (), True),
        (("Cargo.toml",), (), False),
        ((), ("Cargo.toml",), False),
        ((), None, True),
        (None, None, None),
    ],
)
def test_runtime_paths_are_identical_in_all_three(
    verified: tuple[str, ...] | None, tag: tuple[str, ...] | None, identical: bool | None
) -> None:
    """A difference at the tag or at the verified commit counts; null says that it cannot be reported."""
    state = build.git_state(facts(changed_to_verified=verified, changed_to_tag=tag))
    assert state["runtime_paths_identical"] is identical


@pytest.mark.parametrize(
    ("epoch", "time", "source"),
    [
        (None, "2023-11-14T22:13:20Z", "verified-commit"),
        (0, "1970-01-01T00:00:00Z", "source-date-epoch"),
        (253402300799, "9999-12-31T23:59:59Z", "source-date-epoch"),
    ],
)
def test_the_time_is_the_commits_or_the_callers(epoch: int | None, time: str, source: str) -> None:
    """The time comes from the verified commit, or from SOURCE_DATE_EPOCH, even when that is 0; the packet says which."""
    document = go_packet(source_date_epoch=epoch)
    assert (document["handoff_generated_at_utc"], document["handoff_generated_at_source"]) == (
        time,
        source,
    )
    assert problems(document) == []


def test_a_draft_lists_its_problems_sorted() -> None:
    """With problems the packet is a NO-GO draft that lists them, before the key that is always last."""
    late, early = problem("HP060"), problem("HP043")
    document = build.assemble(release(statement=None), [late, early], [])
    assert document["verdict"] == "NO-GO"
    assert document["problems"] == [early.to_dict(), late.to_dict()]
    assert list(document)[-2:] == ["problems", "handoff_generated_at_source"]
    assert (
        document["consumer_impact_statement"],
        document["consumer_impact_statement_template"],
    ) == (None, None)
    assert problems(document) == []


def test_advisories_are_sorted() -> None:
    """Advisories are listed in order; they are no reason for a NO-GO."""
    late, early = problem("HA011"), problem("HA010")
    document = build.assemble(release(), [], [late, early])
    assert (document["verdict"], document["advisories"]) == (
        "GO",
        [early.to_dict(), late.to_dict()],
    )
    assert problems(document) == []


def test_two_runs_that_know_the_same_make_the_same_bytes() -> None:
    """What differs between two machines is no part of the packet: times, folders, logs, hosts."""
    other = [
        result(
            check,
            started_at_utc="2030-01-01T00:00:00Z",
            finished_at_utc="2030-01-01T00:00:09Z",
            duration_ms=9000,
            log=None,
            tools=record(check).tools[::-1],
            toolchain="1.95.0",
            checkout_state="kept",
            platform={"system": "Darwin", "release": "25", "machine": "arm64", "python": "3.14.0"},
            environment_names=(),
            environment_digest="sha256:" + "e" * 64,
        )
        for check in profile().checks
    ]
    assert canonical.published_bytes(go_packet(checks=other)) == canonical.published_bytes(
        go_packet()
    )


@pytest.mark.parametrize("relation", list(Relation))
def test_every_relation_can_be_told(relation: Relation) -> None:
    """A draft can state every relation of the runtime commit to tag and verified commit."""
    changes: dict[str, object] = {"runtime_to_verified": relation, "runtime_to_tag": relation}
    if relation is Relation.SAME:
        changes |= {
            "verified_commit": RUNTIME,
            "tag": Tag(name="v1.2.3", kind="annotated", target=RUNTIME),
            "commits_after_runtime": (),
            "paths_after_runtime": (),
        }
    known = facts(**changes)
    document = build.assemble(release(facts=known), [problem()], [])
    assert (
        document["git_state"]["runtime_to_verified"]
        == document["git_state"]["runtime_to_tag"]
        == str(relation)
    )
    assert problems(document) == []
