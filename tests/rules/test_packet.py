"""Contradictions within a packet."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    CANDIDATE,
    OTHER,
    RUNTIME,
    STABLE,
    facts,
    go_packet,
    manifest,
    problem,
    profile,
    quick,
    release,
    result,
    shown,
    untagged,
)
from hypothesis import given
from hypothesis import strategies as st
from packets import put

from handoff_tasks.formats import schemas
from handoff_tasks.model import Relation
from handoff_tasks.packet import build
from handoff_tasks.record import Outcome
from handoff_tasks.rules import packet as packet_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handoff_tasks.model import GitFacts

ASK = "do not use this packet; ask the producer for one that the handoff session published"
UNTRUE = "do not use this packet: its verdict is wrong"


def contradictions(document: Any) -> list[tuple[str, str, str]]:
    """Return pointer, message and hint of each contradiction within a packet."""
    found = shown(packet_rules.packet_problems(document, "p.json"))
    assert all(code == "HP071" and where.startswith("p.json#") for code, where, _, _ in found)
    return [(where.removeprefix("p.json#"), message, hint) for _, where, message, hint in found]


def refusals(document: Any) -> list[str]:
    """Return what schema and rules say against a packet by itself."""
    schema = schemas.schema(schemas.PACKET)
    found = schemas.violations(document, schema, where="p.json", code="HP070", hint=ASK)
    return [one.text() for one in found or packet_rules.packet_problems(document, "p.json")]


def swapped_commands() -> Any:
    """Return a packet whose commands stand in another order than their outcomes."""
    document = go_packet()
    document["verification_commands"].reverse()
    return document


def two_outcomes_of_one_check() -> Any:
    """Return a packet in which one check stands for two commands."""
    return put(go_packet(), ("verification_outcomes", 1, "id"), "fmt")


@pytest.mark.parametrize(
    ("document", "pointer", "message", "hint"),
    [
        (
            put(go_packet(), ("active_runtime_baseline", "release_tag"), "v1.2.2"),
            "/active_runtime_baseline/release_tag",
            "found v1.2.2; the packet itself says v1.2.3",
            ASK,
        ),
        (
            put(go_packet(CANDIDATE), ("expected_api_contract_version",), "api.v2"),
            "/active_runtime_baseline/expected_api_contract_version",
            "found api.v1; the packet itself says api.v2",
            ASK,
        ),
        (
            swapped_commands(),
            "/verification_commands",
            "the commands differ from those of verification_outcomes, or in their order",
            ASK,
        ),
        (
            two_outcomes_of_one_check(),
            "/verification_outcomes",
            "two outcomes have the same id",
            ASK,
        ),
        (
            put(go_packet(), ("consumer_impact_statement", "required_test_updates"), "some"),
            "/consumer_impact_statement_template",
            "it differs from consumer_impact_statement",
            ASK,
        ),
        (
            put(go_packet(), ("non_2xx_envelope_policy",), {"service_v3_candidate": {}}),
            "/non_2xx_envelope_policy",
            "the key service_v2_stable is missing",
            ASK,
        ),
        (
            put(go_packet(CANDIDATE), ("expected_service_contract_version",), "service.v4"),
            "/non_2xx_envelope_policy",
            "the key service_v4_candidate is missing",
            ASK,
        ),
        (
            put(go_packet(), ("git_state", "runtime_commit"), OTHER),
            "/git_state/runtime_commit",
            f"found {OTHER}; commit_sha is {RUNTIME}",
            ASK,
        ),
        (
            put(go_packet(), ("git_state", "tag", "name"), "v1.2.2"),
            "/git_state/tag/name",
            "found v1.2.2; release_tag is v1.2.3",
            ASK,
        ),
        (
            put(go_packet(), ("git_state", "tag", "kind"), None),
            "/git_state/tag/kind",
            "found null for a tag that is tagged",
            ASK,
        ),
        (
            put(go_packet(facts=untagged()), ("git_state", "tag", "target"), OTHER),
            "/git_state/tag/target",
            f"found {OTHER} for a tag that is untagged",
            ASK,
        ),
        (
            put(go_packet(facts=untagged()), ("git_state", "runtime_to_tag"), "same"),
            "/git_state/runtime_to_tag",
            "found same for a tag that is untagged",
            ASK,
        ),
        (
            put(go_packet(), ("verification_outcomes", 2, "outcome"), "failed"),
            "/verification_outcomes/2",
            "test failed with exit code 0, but the verdict is GO",
            UNTRUE,
        ),
        (
            put(
                go_packet(CANDIDATE),
                ("compatibility_expectations", "candidate_values_override_release_baseline_fields"),
                ["expected_service_contract_version", "commit_sha"],
            ),
            "/compatibility_expectations/candidate_values_override_release_baseline_fields",
            "found expected_service_contract_version, commit_sha; expected expected_service_contract_version alone",
            ASK,
        ),
        (
            put(
                go_packet(CANDIDATE),
                ("compatibility_expectations", "fields_that_must_match_active_runtime_baseline"),
                ["release_tag", "commit_sha"],
            ),
            "/compatibility_expectations/fields_that_must_match_active_runtime_baseline",
            "found release_tag, commit_sha; expected release_tag, commit_sha, expected_api_contract_version, integration_baseline, "
            "error_code_enum",
            ASK,
        ),
        (
            go_packet(CANDIDATE, manifest=manifest(expected_service_contract_version="service.v3")),
            "/advisories",
            "without HA010, but the packet rehearses service.v3 and the runtime is at service.v3",
            ASK,
        ),
        (
            put(
                go_packet(CANDIDATE), ("advisories",), [problem("HA010", "handoff_mode").to_dict()]
            ),
            "/advisories",
            "with HA010, but the packet rehearses service.v3 and the runtime is at service.v2",
            ASK,
        ),
        (
            put(go_packet(), ("verification_outcomes", 0, "exit_code"), None),
            "/verification_outcomes/0",
            "fmt passed with exit code null, but the verdict is GO",
            UNTRUE,
        ),
        (
            put(go_packet(), ("git_state", "runtime_paths_identical"), value=False),
            "/git_state/runtime_paths_identical",
            "found false, but the verdict is GO",
            UNTRUE,
        ),
        (
            put(go_packet(), ("git_state", "runtime_to_verified"), "unrelated"),
            "/git_state/runtime_to_verified",
            "found unrelated, but the verdict is GO",
            UNTRUE,
        ),
        (
            put(go_packet(), ("git_state", "runtime_to_tag"), "missing"),
            "/git_state/runtime_to_tag",
            "found missing, but the verdict is GO",
            UNTRUE,
        ),
    ],
)
def test_a_packet_that_contradicts_itself(
    document: Any, pointer: str, message: str, hint: str
) -> None:
    """Each contradiction within a packet is reported with its place and with what it contradicts."""
    assert contradictions(document) == [(pointer, message, hint)]


def test_a_draft_may_say_what_a_go_cannot() -> None:
    """A NO-GO draft with failed checks and an unrelated runtime commit does not contradict itself."""
    checks = [result(one, Outcome.FAILED, "exit code 1", exit_code=1) for one in profile().checks]
    known = facts(runtime_to_verified=Relation.UNRELATED, changed_to_verified=("Cargo.toml",))
    draft = build.assemble(release(checks=checks, facts=known), [problem()], [])
    assert contradictions(draft) == []


def leaves(
    value: object, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the place and value of everything in a document that is no object and no list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path, value


# The values that a packet states once, so that nothing within it can contradict another one. Those of git_state and the error
# codes are compared with git; the rest is the profile's or reported by the one run that made it.
STATED_ONCE = (
    "handoff_generated_at_utc",
    "handoff_mode",
    "error_code_enum",
    "non_2xx_envelope_policy",
    "manifest_path",
    "changelog_path",
    "rehearsal_candidate",
    "compatibility_expectations",
    "required_consumer_validation_commands",
    "producer",
    "verification_outcomes/*/id",
    "verification_outcomes/*/tools",
    "git_state/verified_commit",
    "git_state/verified_tree",
    "git_state/producer_path",
    "git_state/tag/name",
    "git_state/tag/kind",
    "git_state/tag/target",
    "git_state/runtime_to_tag",
    "git_state/runtime_to_verified",
    "git_state/commits_after_runtime",
    "git_state/paths_after_runtime",
    "git_state/manifest_sha256",
    "handoff_generated_at_source",
)


def place(path: tuple[str | int, ...]) -> str:
    """Return a place with ``*`` for the numbers of lists."""
    return "/".join("*" if isinstance(part, int) else part for part in path)


def stated_once(path: tuple[str | int, ...]) -> bool:
    """Tell whether nothing within a packet can contradict the value."""
    return any(place(path) == known or place(path).startswith(f"{known}/") for known in STATED_ONCE)


def flips(value: object) -> list[object]:
    """Return values of the same type that are as near to this one as can be."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1]
        case str():
            last = value[-1]
            return [
                value[:-1] + ("0" if last != "0" else "1"),
                value[:-1] + ("v" if last != "v" else "w"),
                value[1:],
            ]
        case _:
            return ["v1.2.3", 0]


@pytest.mark.parametrize(
    ("mode", "known"),
    [(STABLE, facts()), (CANDIDATE, untagged())],
    ids=["stable-tagged", "candidate-untagged"],
)
def test_no_value_that_bears_a_meaning_can_be_changed_by_one_character(
    mode: str, known: GitFacts
) -> None:
    """A GO packet with the slightest change to any value is refused, but for the values that it states only once."""
    document = go_packet(mode, facts=known)
    unnoticed = {
        place(path)
        for path, value in leaves(document)
        for flip in flips(value)
        if not stated_once(path) and not refusals(put(document, path, flip))
    }
    assert unnoticed == set()


BOUND = [path for path, _ in leaves(go_packet(CANDIDATE)) if not stated_once(path)]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 300)
    | st.text("v1.23/abGO-N", max_size=6)
    | st.sampled_from([[], {}, *Outcome, *Relation])
)


@quick
@given(st.sampled_from(BOUND), VALUES)
def test_no_value_that_bears_a_meaning_can_be_replaced(
    path: tuple[str | int, ...], value: object
) -> None:
    """A GO packet with any other value in a place that bears a meaning is refused."""
    document = go_packet(CANDIDATE)
    original = dict(leaves(document))[path]
    if (type(value), value) != (type(original), original) and value != str(original):
        assert refusals(put(document, path, value))


@pytest.mark.parametrize(
    ("mode", "other"), [(STABLE, CANDIDATE), (STABLE, "next"), (CANDIDATE, STABLE)]
)
def test_a_packet_of_one_mode_is_none_of_another(mode: str, other: str) -> None:
    """A release packet is no rehearsal under another name, nor the other way round."""
    assert refusals(put(go_packet(mode), ("handoff_mode",), other))


@quick
@given(st.data())
def test_no_key_can_be_left_out(data: st.DataObject) -> None:
    """A GO packet without any one of its keys is refused, tools and envelopes of other versions apart."""
    document = go_packet(CANDIDATE)
    parts = (path[:depth] for path, _ in leaves(document) for depth in range(1, len(path) + 1))
    keys = sorted({path for path in parts if isinstance(path[-1], str)}, key=str)
    path = data.draw(st.sampled_from(keys))
    if place(path).startswith("verification_outcomes/*/tools/") or place(path).endswith(
        "/optional"
    ):
        return
    changed = copy.deepcopy(document)
    holder: Any = changed
    for part in path[:-1]:
        holder = holder[part]
    del holder[path[-1]]
    assert refusals(changed)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("git_state", "runtime_to_verified"), "same"),
        (("git_state", "runtime_to_tag"), "same"),
        (("git_state", "verified_commit"), RUNTIME),
        (("git_state", "tag", "target"), RUNTIME),
        (("git_state", "commits_after_runtime"), []),
    ],
)
def test_relations_agree_with_the_commits_that_they_relate(
    path: tuple[str, ...], value: object
) -> None:
    """A runtime commit is the same as another only when the two have one sha, and only then nothing lies between."""
    assert refusals(put(go_packet(), path, value))
