"""Claims about the comparison of two packets: what is found, in which class, under which fingerprint."""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from builders import CANDIDATE, OTHER, facts, go_packet, manifest, statement, untagged
from packets import foreign

from handoff_tasks.packet import change as packet_change
from handoff_tasks.packet import diff, form
from handoff_tasks.packet.change import DEFAULT_NOTICE, ChangeClass, Notice

if TYPE_CHECKING:
    from collections.abc import Callable

BREAKING, ADDITIVE, EDITORIAL = ChangeClass.BREAKING, ChangeClass.ADDITIVE, ChangeClass.EDITORIAL
STABLE_POLICY = "/non_2xx_envelope_policy/service_v2_stable"


def found(old: Any, new: Any) -> list[tuple[str, str, ChangeClass]]:
    """Return kind, pointer and class of each change."""
    return [
        (one.kind, one.pointer, one.change_class) for one in diff.compare(old, new, DEFAULT_NOTICE)
    ]


def changed(
    edit: Callable[[dict[str, Any]], object], mode: str = "stable"
) -> list[tuple[str, str, ChangeClass]]:
    """Return what is found when the good packet is edited."""
    new = go_packet(mode)
    edit(new)
    return found(go_packet(mode), new)


@pytest.mark.parametrize("mode", ["stable", CANDIDATE])
def test_a_packet_does_not_differ_from_itself(mode: str) -> None:
    """No change, of ours and of another generator's."""
    assert found(go_packet(mode), go_packet(mode)) == []
    assert found(foreign(go_packet(mode)), foreign(go_packet(mode))) == []


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("expected_service_contract_version", "service_version"),
        ("expected_api_contract_version", "api_version"),
        ("integration_baseline", "integration_baseline"),
    ],
)
def test_another_version_of_the_runtime_is_breaking(key: str, kind: str) -> None:
    """A contract of another version may mean anything."""

    def edit(new: Any) -> None:
        new[key] = new["active_runtime_baseline"][key] = "other.v9"

    assert changed(edit) == [(kind, f"/active_runtime_baseline/{key}", BREAKING)]


def test_another_manifest_contract_is_breaking() -> None:
    """The consumer mirrors and reads the manifest."""
    edit = {"manifest_contract_version": "producer-contract-manifest.v2"}
    assert changed(lambda new: new.update(edit)) == [
        ("manifest_version", "/manifest_contract_version", BREAKING)
    ]


def test_error_codes() -> None:
    """Removed is breaking, added is additive with the notice that is asked for, another order is editorial; a rename is two."""
    old = go_packet()
    new = go_packet(
        manifest=manifest(error_code_enum=["internal_error", "invalid_json", "not_valid"])
    )
    changes = diff.compare(
        old, new, Notice(business_days=3, emergency_hours=5, same_day=False, source="x")
    )
    assert [(one.kind, one.old, one.new, one.change_class, one.notice) for one in changes] == [
        ("error_code_removed", "validation_error", None, BREAKING, None),
        (
            "error_code_added",
            None,
            "not_valid",
            ADDITIVE,
            "3 business days, or in an emergency 5 hours",
        ),
        (
            "error_codes_reordered",
            ["invalid_json", "internal_error"],
            ["internal_error", "invalid_json"],
            EDITORIAL,
            None,
        ),
    ]


def test_the_default_notice_is_that_of_the_manifest_contract() -> None:
    """10 business days, or 24 hours with same-day docs, spec and tests (DOMAIN section 2)."""
    assert (
        DEFAULT_NOTICE.text()
        == "10 business days, or in an emergency 24 hours with same-day docs, spec and tests"
    )
    policy = {
        "standard_business_days": 10,
        "emergency_notice_hours": 24,
        "emergency_requires_same_day_docs_spec_tests": True,
    }
    assert Notice.from_policy(policy, DEFAULT_NOTICE.source) == DEFAULT_NOTICE
    assert DEFAULT_NOTICE.to_dict() == {**policy, "source": DEFAULT_NOTICE.source}


@pytest.mark.parametrize("before", [None, "requires", "optional", "forbids"])
@pytest.mark.parametrize("after", [None, "requires", "optional", "forbids"])
def test_what_an_envelope_says_of_a_field(before: str | None, after: str | None) -> None:
    """An open question or a possibility that becomes a promise is additive; every other change takes something back."""
    packets = []
    for rule in (before, after):
        packet = go_packet()
        policy = packet["non_2xx_envelope_policy"]["service_v2_stable"]
        if rule:
            policy.setdefault(rule, []).append("error.trace")
        packets.append(packet)
    more = {(None, "optional"), (None, "requires"), ("optional", "requires")}
    expected = [
        ("envelope_policy", STABLE_POLICY, ADDITIVE if (before, after) in more else BREAKING)
    ]
    assert found(packets[0], packets[1]) == ([] if before == after else expected)


def test_a_rehearsed_envelope_is_additive_at_most() -> None:
    """It is in force nowhere."""
    edit = changed(
        lambda new: new["non_2xx_envelope_policy"]["service_v3_candidate"]["requires"].remove(
            "error.message"
        )
    )
    assert edit == [
        ("rehearsed_envelope_policy", "/non_2xx_envelope_policy/service_v3_candidate", ADDITIVE)
    ]


def test_a_new_service_version_compares_the_envelopes_in_force() -> None:
    """service.v2 to service.v3: the version, legacy_error that is forbidden now, error.details that may come now."""
    new = go_packet(manifest=manifest(expected_service_contract_version="service.v3"))
    pointer = "/non_2xx_envelope_policy/service_v3_stable"
    assert found(go_packet(), new) == [
        ("service_version", "/active_runtime_baseline/expected_service_contract_version", BREAKING),
        ("envelope_policy", pointer, BREAKING),
        ("envelope_policy", pointer, ADDITIVE),
    ]


def test_identity_and_words_are_editorial() -> None:
    """Another release with the same contract: what a repin writes down, and the statement's lines."""
    other = manifest(release_tag="v1.2.4", commit_sha=OTHER)
    new = go_packet(
        manifest=other,
        facts=untagged(
            runtime_commit=OTHER,
            tag_name="v1.2.4",
            manifest_sha256="a" * 64,
            verified_commit="b" * 40,
        ),
        statement=statement(required_test_updates="new fixtures"),
    )
    assert found(go_packet(), new) == [
        ("release_tag", "/release_tag", EDITORIAL),
        ("runtime_commit", "/commit_sha", EDITORIAL),
        ("tag_name", "/git_state/tag/name", EDITORIAL),
        ("tag_kind", "/git_state/tag/kind", EDITORIAL),
        ("tag_state", "/git_state/tag/state", EDITORIAL),
        ("tag_target", "/git_state/tag/target", EDITORIAL),
        ("verified_commit", "/git_state/verified_commit", EDITORIAL),
        ("manifest_sha256", "/git_state/manifest_sha256", EDITORIAL),
        ("statement", "/consumer_impact_statement_template/required_test_updates", EDITORIAL),
    ]


def test_checks_outcomes_and_tools_are_editorial() -> None:
    """They tell how sure a release is; a tool that all checks share is reported once."""

    def edit(new: Any) -> None:
        new["verification_outcomes"][0]["outcome"] = "timed_out"
        for outcome in new["verification_outcomes"]:
            outcome["tools"]["rustc"] = "1.96.0"
        new["verification_commands"][7] = new["verification_outcomes"][7]["command"] = "make check"

    dropped = go_packet()["verification_commands"][7]
    new = go_packet()
    edit(new)
    changes = diff.compare(go_packet(), new, DEFAULT_NOTICE)
    assert [(one.kind, one.old, one.new) for one in changes] == [
        ("check_removed", dropped, None),
        ("check_added", None, "make check"),
        ("outcome", "passed", "timed_out"),
        ("tool", "rustc 1.95.0", "rustc 1.96.0"),
    ]
    assert {one.change_class for one in changes} == {EDITORIAL}
    assert changes[2].message == "fmt timed out, was passed"


def test_a_verdict_that_is_lost_is_breaking() -> None:
    """From GO to NO-GO there is nothing to pin; the way back takes nothing from anybody."""
    draft = go_packet() | {"verdict": "NO-GO"}
    assert found(go_packet(), draft) == [("verdict", "/verdict", BREAKING)]
    assert found(draft, go_packet()) == [("verdict", "/verdict", EDITORIAL)]


def test_a_rehearsal() -> None:
    """Its terms and its version are additive between two candidates; between two modes, the mode is what differs."""

    def edit(new: Any) -> None:
        new["expected_service_contract_version"] = "service.v4"
        new["rehearsal_candidate"]["migration_overlap_days"] = 7
        new["required_consumer_validation_commands"].append("make check")

    assert changed(edit, CANDIDATE) == [
        ("rehearsed_version", "/expected_service_contract_version", ADDITIVE),
        ("rehearsal", "/rehearsal_candidate/migration_overlap_days", ADDITIVE),
        ("rehearsal", "/required_consumer_validation_commands", ADDITIVE),
    ]
    assert found(go_packet(), go_packet(CANDIDATE)) == [("mode", "/handoff_mode", EDITORIAL)]


def test_a_packet_of_another_generator_is_compared_by_the_common_keys() -> None:
    """Of one release, only the placeholders differ: paths and commands of one machine are read below its root."""
    kinds = {kind for kind, _, _ in found(foreign(go_packet()), go_packet())}
    assert kinds == {"statement"}
    assert form.foreign_faults(foreign(go_packet())) == []
    new = go_packet(manifest=manifest(error_code_enum=["invalid_json", "internal_error"]))
    assert ("error_code_removed", "/error_code_enum", BREAKING) in found(foreign(go_packet()), new)


def test_a_path_that_moves_is_told() -> None:
    """Another place of the manifest below the root is a change."""
    assert changed(lambda new: new.update(changelog_path="docs/NEWS.md")) == [
        ("path", "/changelog_path", EDITORIAL)
    ]


def test_what_is_no_packet_is_refused_with_every_mistake() -> None:
    """Each key of DOMAIN section 2 that is missing or of another form, with its pointer."""
    assert form.foreign_faults(["x"]) == [("", "found list; expected an object, the packet")]
    bad = foreign(go_packet())
    bad["error_code_enum"] = ["a", 1]
    del bad["release_tag"]
    bad["active_runtime_baseline"]["commit_sha"] = 7
    bad["non_2xx_envelope_policy"]["service_v2_stable"]["requires"] = "all"
    bad["consumer_impact_statement_template"] = None
    assert form.foreign_faults(bad) == [
        ("/release_tag", "missing; expected a text"),
        ("/active_runtime_baseline/commit_sha", "found int; expected a text"),
        ("/error_code_enum", "found list; expected a list of texts"),
        (
            "/non_2xx_envelope_policy/service_v2_stable",
            "found dict; expected an object of lists of texts",
        ),
        ("/consumer_impact_statement_template", "missing; expected an object of texts"),
    ]
    assert len(form.foreign_faults({})) == 9 + 5 + 2 + 1 + 1


def test_a_fingerprint_is_of_the_change_alone() -> None:
    """The same kind, place and values have the same one whatever else differs; any other value has another. The form is kept."""
    new = go_packet(manifest=manifest(error_code_enum=["invalid_json", "internal_error"]))
    first = diff.compare(go_packet(), new, DEFAULT_NOTICE)[0]
    second = diff.compare(go_packet(facts=facts(manifest_sha256="c" * 64)), new, DEFAULT_NOTICE)[0]
    said = b'{"kind":"error_code_removed","new":null,"old":"validation_error","pointer":"/error_code_enum"}'
    assert first.fingerprint == second.fingerprint == hashlib.sha256(said).hexdigest()[:16]
    other = go_packet(manifest=manifest(error_code_enum=["validation_error", "internal_error"]))
    assert diff.compare(go_packet(), other, DEFAULT_NOTICE)[0].fingerprint != first.fingerprint


def test_the_limit_holds_for_what_is_graver_too() -> None:
    """--fail-on additive finds breaking changes as well, breaking finds those alone."""
    new = go_packet(manifest=manifest(error_code_enum=["invalid_json", "internal_error", "fresh"]))
    changes = diff.compare(go_packet(), new, DEFAULT_NOTICE)
    assert [one.kind for one in packet_change.at_least(changes, BREAKING)] == ["error_code_removed"]
    assert [one.kind for one in packet_change.at_least(changes, ADDITIVE)] == [
        "error_code_removed",
        "error_code_added",
    ]


@pytest.mark.parametrize(
    "key",
    ["expected_service_contract_version", "expected_api_contract_version", "integration_baseline"],
)
def test_a_version_that_changed_in_one_place_alone_is_a_change(key: str) -> None:
    """A packet that contradicts itself is read in both places: a consumer may look at either."""
    old = foreign(go_packet())
    new: Any = {**foreign(go_packet()), key: "service.v9"}
    assert [
        (change.pointer, change.change_class)
        for change in diff.compare(old, new, packet_change.DEFAULT_NOTICE)
    ] == [(f"/{key}", packet_change.ChangeClass.BREAKING)]
    new = foreign(go_packet())
    new["active_runtime_baseline"] = {**new["active_runtime_baseline"], "commit_sha": "a" * 40}
    assert [change.pointer for change in diff.compare(old, new, packet_change.DEFAULT_NOTICE)] == [
        "/active_runtime_baseline/commit_sha"
    ]


def test_the_envelope_in_force_is_that_of_the_runtimes_version() -> None:
    """Wherever its policy stands among others."""
    old, new = foreign(go_packet()), foreign(go_packet())
    other = {"service_v1_stable": {"requires": ["x"], "forbids": []}}
    old["non_2xx_envelope_policy"] = other | old["non_2xx_envelope_policy"]
    new["non_2xx_envelope_policy"] = other | copy.deepcopy(new["non_2xx_envelope_policy"])
    name = (
        old["active_runtime_baseline"]["expected_service_contract_version"].replace(".", "_")
        + "_stable"
    )
    new["non_2xx_envelope_policy"][name]["requires"].remove("error.message")
    [change] = diff.compare(old, new, packet_change.DEFAULT_NOTICE)
    assert (change.kind, change.change_class, change.old) == (
        "envelope_policy",
        packet_change.ChangeClass.BREAKING,
        "requires error.message",
    )


def test_the_order_of_checks_and_their_exit_codes_are_told() -> None:
    """No response depends on them, but a reader may wonder."""
    old = go_packet()
    new = copy.deepcopy(old)
    for key in ("verification_commands", "verification_outcomes"):
        new[key][0], new[key][1] = new[key][1], new[key][0]
    new["verification_outcomes"][2]["exit_code"] = 1
    assert [change.kind for change in diff.compare(old, new, packet_change.DEFAULT_NOTICE)] == [
        "checks_reordered",
        "exit_code",
    ]


def test_what_a_check_no_longer_sees_is_a_change() -> None:
    """The reader learns which files a check ignores since, and which before."""
    old, new = go_packet(), go_packet()
    new["verification_outcomes"][0] |= {"ignores": ["CHANGELOG.md"], "seen_tree": "7" * 40}
    (change,) = diff.compare(old, new, packet_change.DEFAULT_NOTICE)
    assert (change.kind, change.pointer, change.old, change.new) == (
        "ignores",
        "/verification_outcomes/0/ignores",
        [],
        ["CHANGELOG.md"],
    )
    assert change.message == "fmt ignores CHANGELOG.md, was nothing"


def test_an_error_code_that_stands_twice_is_one() -> None:
    """Another generator may list one twice: that is no other order."""
    old, new = foreign(go_packet()), foreign(go_packet())
    new["error_code_enum"] = [*new["error_code_enum"], new["error_code_enum"][0]]
    assert diff.compare(old, new, packet_change.DEFAULT_NOTICE) == []


def test_a_packet_of_another_producer() -> None:
    """Another id is breaking: nothing of the one packet holds for the other. Name and profile are editorial."""
    old, new = go_packet(), go_packet()
    new["producer"] = {"id": "other", "name": "Other", "profile": None, "profile_sha256": "0" * 64}
    assert [
        (one.kind, one.change_class, one.message)
        for one in diff.compare(old, new, packet_change.DEFAULT_NOTICE)
    ] == [
        (
            "producer_id",
            "breaking",
            "the producer is other, was memorykernel: a packet of another producer",
        ),
        ("producer_name", "editorial", "the producer's name is Other, was MemoryKernel"),
        ("profile", "editorial", "the profile is outside the commit, was memorykernel"),
        (
            "profile_sha256",
            "editorial",
            f"the sha256 of the profile is {'0' * 64}, was {old['producer']['profile_sha256']}",
        ),
    ]
