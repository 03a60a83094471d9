"""Claims about decisions: each refusal of an accept with its exact message, and what is let through."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from builders import OTHER, RUNTIME, VERIFIED, manifest_document
from consuming import (
    PIN,
    a_receipt,
    old_manifest,
    packet,
    pinned,
    profile_text,
    read_profile,
    release,
    shown,
)

from handoff_tasks.consumer import classify, rules
from handoff_tasks.consumer.rules import Decision, TagNow, Target, ValidatorChange, ValidatorResult
from handoff_tasks.consumer.values import PinValues
from handoff_tasks.formats import canonical, strict_json
from handoff_tasks.packet import change as diff
from handoff_tasks.packet import diff as packet_diff

WHERE = "packet.json"
FRIDAY = datetime(2026, 2, 13, 16, 26, 40, tzinfo=UTC)
MANIFEST = canonical.published_bytes(manifest_document())
SHA256 = hashlib.sha256(MANIFEST).hexdigest()
VALUES = PinValues.from_manifest(manifest_document(), SHA256)
TAG = TagNow(name="v1.2.3", target=VERIFIED, manifest=MANIFEST, pin=VALUES)


def good_packet(**changes: Any) -> Any:
    """Return a GO packet whose manifest is the one at the tag."""
    document = packet()
    document["git_state"] = document["git_state"] | {"manifest_sha256": SHA256}
    return document | changes


# --- The packet and its tag ------------------------------------------------------------------------


def test_a_good_packet_is_let_through() -> None:
    """GO, stable, of the producer, tagged, and in agreement with the manifest at the tag."""
    assert rules.check_packet(good_packet(), read_profile(), WHERE) == []
    assert rules.check_tag(good_packet(), TAG, WHERE) == []


def test_a_packet_that_was_made_before_its_tag_is_let_through() -> None:
    """It says untagged for ever; the tag is there now."""
    document = good_packet()
    document["git_state"]["tag"] = document["git_state"]["tag"] | {
        "state": "untagged",
        "target": None,
    }
    assert rules.check_tag(document, TAG, WHERE) == []


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        (
            {"packet_contract_version": None},
            "",
            "the packet is of another generator, so no outcome in it is proven",
        ),
        (
            {"verdict": "NO-GO"},
            "/verdict",
            "the packet is a draft: its verdict is NO-GO; a draft is never accepted",
        ),
        (
            {"handoff_mode": "service-v3-candidate"},
            "/handoff_mode",
            "the packet is of mode service-v3-candidate; the consumer accepts stable",
        ),
        (
            {"producer": {"id": "other", "name": "Other", "profile": "p", "profile_sha256": "0"}},
            "/producer/name",
            "the packet is of Other; the consumer pins Sample service",
        ),
    ],
)
def test_a_packet_that_is_not_accepted(changes: dict[str, Any], where: str, message: str) -> None:
    """A draft, another generator's, a rehearsal, and another producer's."""
    assert shown(rules.check_packet(good_packet(**changes), read_profile(), WHERE)) == [
        ("HP122", f"{WHERE}#{where}", message)
    ]


def test_a_rehearsal_is_let_through_if_the_policy_says_so() -> None:
    """The modes are the consumer's."""
    text = profile_text('modes = ["stable"]', 'modes = ["stable", "service-v3-candidate"]')
    assert (
        rules.check_packet(
            good_packet(handoff_mode="service-v3-candidate"), read_profile(text), WHERE
        )
        == []
    )


def test_a_packet_that_lies_of_an_outcome() -> None:
    """A GO over a check that did not pass is refused."""
    document = good_packet()
    document["verification_outcomes"][1] |= {"outcome": "timed_out"}
    assert shown(rules.check_packet(document, read_profile(), WHERE)) == [
        (
            "HP122",
            f"{WHERE}#/verification_outcomes/1/outcome",
            "clippy timed out; the verdict says GO",
        )
    ]


def test_a_release_that_is_not_tagged_now() -> None:
    """Without its tag nothing is pinned."""
    found = rules.check_tag(good_packet(), replace(TAG, target=None), WHERE)
    assert shown(found) == [
        ("HP123", "tag v1.2.3", "the release is not tagged in the producer's repository")
    ]


def test_a_tag_that_was_moved() -> None:
    """The packet has seen it at another commit."""
    found = rules.check_tag(good_packet(), replace(TAG, target=OTHER), WHERE)
    message = f"the tag was moved: it points to {OTHER}, the packet says {VERIFIED}"
    assert shown(found) == [("HP123", "tag v1.2.3", message)]


def test_a_tag_without_a_manifest() -> None:
    """There is nothing to mirror."""
    found = rules.check_tag(good_packet(), replace(TAG, manifest=None, pin=None), WHERE)
    assert shown(found) == [
        (
            "HP123",
            "tag v1.2.3",
            f"the tag's commit {VERIFIED[:12]} has no manifest that can be read",
        )
    ]


def test_a_producer_without_a_manifest() -> None:
    """Its packet states none, and none is asked for at the tag."""
    document = good_packet()
    document["git_state"]["manifest_sha256"] = None
    assert rules.check_tag(document, replace(TAG, manifest=None, pin=None), WHERE) == []
    assert (
        len(rules.check_tag(document, replace(TAG, target=OTHER, manifest=None, pin=None), WHERE))
        == 1
    )


def test_a_packet_that_lies_of_manifest_and_commit() -> None:
    """Its values must be those of the manifest at the tag, and so must the bytes."""
    other = replace(VALUES, commit_sha=OTHER)
    found = rules.check_tag(good_packet(), replace(TAG, manifest=b"{}", pin=other), WHERE)
    sha256 = hashlib.sha256(b"{}").hexdigest()
    assert shown(found) == [
        (
            "HP122",
            f"{WHERE}#/git_state/manifest_sha256",
            f"the packet says {SHA256}; the manifest at the tag has {sha256}",
        ),
        (
            "HP122",
            f"{WHERE}#/active_runtime_baseline/commit_sha",
            f"the packet says {RUNTIME}; the manifest at the tag says {OTHER}",
        ),
    ]


# --- The step from the pinned release ---------------------------------------------------------------


def test_a_newer_release_is_a_step_forward() -> None:
    """So is the same one again, and one whose tag is not a version."""
    old = pinned()
    assert rules.check_step(old, release().values, PIN) == []
    assert rules.check_step(old, old, PIN) == []
    assert (
        rules.check_step(old, replace(old, release_tag="2026-spring", commit_sha=OTHER), PIN) == []
    )
    assert (
        rules.check_step(
            replace(old, release_tag="v0.9.0"), replace(old, release_tag="v0.10.0"), PIN
        )
        == []
    )


def test_an_older_release_is_for_the_rollback() -> None:
    """An accept never goes back."""
    found = rules.check_step(release("v0.10.0").values, pinned(), PIN)
    assert shown(found) == [("HP124", PIN, "v0.3.2 is older than v0.10.0, which is pinned")]
    assert found[0].hint == "go back with handoff-rollback"


def test_a_release_that_was_published_again() -> None:
    """The same tag with another commit or manifest is refused, and both are named."""
    old = pinned()
    new = replace(old, commit_sha=OTHER, manifest_sha256="9" * 64)
    assert shown(rules.check_step(old, new, PIN)) == [
        (
            "HP124",
            PIN,
            f"v0.3.2 was published again: commit_sha is {OTHER}, pinned is {old.commit_sha}; "
            f"manifest_sha256 is {'9' * 64}, pinned is {old.manifest_sha256}",
        ),
    ]


# --- Changes ---------------------------------------------------------------------------------------


def decide(
    changes: list[diff.Change], *accepted: str, now: datetime = FRIDAY, text: str | None = None
) -> rules.Findings:
    """Return what the rules say of changes whose notice began on a Friday."""
    notice = classify.notice_of(old_manifest())
    return rules.check_changes(
        changes, read_profile(text), notice, FRIDAY, Decision(accepted=accepted, now=now)
    )


def test_a_breaking_change_needs_its_fingerprint() -> None:
    """Refused without it, an advisory with it, and nothing if the policy accepts."""
    changes = classify.compare(
        old_manifest(expected_service_contract_version="service.v1"), packet()
    )
    [change] = [one for one in changes if one.change_class == diff.ChangeClass.BREAKING]
    where = f"change {change.fingerprint}"
    found = decide(changes)
    assert shown(found.problems) == [
        ("HP125", where, "breaking: the runtime's service contract is service.v2, was service.v1")
    ]
    assert (
        found.problems[0].hint
        == f"change the consumer, then give --accept-change {change.fingerprint}"
    )
    found = decide(changes, change.fingerprint)
    assert found.problems == ()
    assert shown(found.advisories) == [
        (
            "HA122",
            where,
            "a breaking change was accepted: the runtime's service contract is service.v2, was service.v1",
        )
    ]
    assert (
        decide(changes, text=profile_text('breaking = "refuse"', 'breaking = "accept"'))
        == rules.Findings()
    )


def test_a_fingerprint_of_no_change_is_refused() -> None:
    """A decision of another release does not count for this one."""
    assert shown(decide([], "0123456789abcdef").problems) == [
        ("HP125", "--accept-change", "the release has no change 0123456789abcdef")
    ]


def new_code() -> list[diff.Change]:
    """Return the changes of a release with one more error code."""
    return classify.compare(
        old_manifest(error_code_enum=["invalid_json", "validation_error"]), packet()
    )


def test_a_notice_that_is_not_over() -> None:
    """Ten business days from a Friday end on a Friday, two weeks later."""
    [change] = [one for one in new_code() if one.notice]
    where = f"change {change.fingerprint}"
    before = datetime(2026, 2, 26, 23, 59, tzinfo=UTC)
    found = decide(new_code(), now=before)
    assert shown(found.problems) == [
        (
            "HP125",
            where,
            "error code internal_error is new: consumers have to map it; "
            "the notice of 10 business days began 2026-02-13T16:26:40Z and ends 2026-02-27",
        )
    ]
    assert (
        found.problems[0].hint
        == f"accept it from 2026-02-27 on; in an emergency give --accept-change {change.fingerprint}"
    )
    assert decide(new_code(), now=before + timedelta(minutes=1)) == rules.Findings()
    assert (
        decide(new_code(), text=profile_text("notice = true", "notice = false")) == rules.Findings()
    )


def test_an_emergency_is_accepted_by_name_after_its_hours() -> None:
    """24 hours, and the fingerprint: the emergency path of the pinned release's manifest."""
    [change] = [one for one in new_code() if one.notice]
    found = decide(new_code(), change.fingerprint, now=FRIDAY + timedelta(hours=23))
    assert shown(found.problems) == [
        (
            "HP125",
            f"change {change.fingerprint}",
            "error code internal_error is new: consumers have to map it; "
            "the emergency notice of 24 hours began 2026-02-13T16:26:40Z and ends "
            "2026-02-14T16:26:40Z",
        )
    ]
    found = decide(new_code(), change.fingerprint, now=FRIDAY + timedelta(hours=24))
    assert found.problems == ()
    message = "accepted before its notice is over, as an emergency: error code internal_error is new: consumers have to map it"
    assert shown(found.advisories) == [("HA122", f"change {change.fingerprint}", message)]


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 2, 13), 10, date(2026, 2, 27)),
        (date(2026, 2, 14), 1, date(2026, 2, 16)),
        (date(2026, 2, 15), 5, date(2026, 2, 20)),
        (date(2026, 2, 13), 0, date(2026, 2, 13)),
    ],
)
def test_business_days_are_monday_to_friday(day: date, count: int, expected: date) -> None:
    """A weekend does not count."""
    assert classify.add_business_days(day, count) == expected


def test_a_shorter_notice_of_the_new_release_does_not_count() -> None:
    """The pinned release's manifest says how long the notice is."""
    policy = {
        "standard_business_days": 3,
        "emergency_notice_hours": 1,
        "emergency_requires_same_day_docs_spec_tests": False,
    }
    assert (
        classify.notice_of(old_manifest(additive_error_code_notice_policy=policy)).business_days
        == 3
    )
    manifest = old_manifest()
    del manifest["additive_error_code_notice_policy"]
    assert classify.notice_of(manifest) == diff.DEFAULT_NOTICE


def test_changes_have_the_fingerprints_of_a_comparison_of_packets() -> None:
    """What handoff-diff prints for the two packets can be given to handoff-accept."""
    old = packet(release_tag="v1.2.2", error_code_enum=["invalid_json", "validation_error", "gone"])
    manifest = old_manifest(commit_sha=RUNTIME, error_code_enum=old["error_code_enum"])
    old["active_runtime_baseline"] = old["active_runtime_baseline"] | {"release_tag": "v1.2.2"}
    by_packets = {
        one.fingerprint for one in packet_diff.compare(old, packet(), diff.DEFAULT_NOTICE)
    }
    assert {one.fingerprint for one in classify.compare(manifest, packet())} == by_packets


def test_envelopes_are_compared_if_the_old_one_is_known() -> None:
    """A field that is no longer required is breaking; without the old policy nothing is said."""
    kinds = [one.kind for one in classify.compare(old_manifest(), packet())]
    assert "envelope_policy" not in kinds
    policy = {
        "requires": [
            "service_contract_version",
            "error.code",
            "error.message",
            "legacy_error",
            "error.id",
        ],
        "forbids": ["api_contract_version"],
    }
    changes = classify.compare(old_manifest(), packet(), policy)
    [change] = [one for one in changes if one.kind == "envelope_policy"]
    assert (change.change_class, change.message) == (
        "breaking",
        "error.id in error responses: required, now not mentioned",
    )


def test_a_rehearsal_is_compared_with_the_runtime_that_stays() -> None:
    """The rehearsed service contract is not a change of what is pinned."""
    document = packet(
        handoff_mode="service-v3-candidate", expected_service_contract_version="service.v3"
    )
    assert {one.kind for one in classify.compare(old_manifest(), document)} == {
        "release_tag",
        "runtime_commit",
    }


# --- Targets and validators -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"through_link": True, "kind": "link"}, "is behind a symbolic link"),
        ({"kind": "missing"}, "is not there; expected a committed file"),
        ({"kind": "link"}, "is a symbolic link; expected a plain file"),
        ({"kind": "folder"}, "is a folder; expected a plain file"),
        ({"kind": "other"}, "is not a plain file; expected a plain file"),
        ({"state": "untracked"}, "is not committed; expected a committed file"),
        ({"state": "modified"}, "has changes that are not committed"),
    ],
)
def test_a_target_that_cannot_be_written(changes: dict[str, Any], message: str) -> None:
    """Uncommitted, linked, outside of the consumer, or below .git."""
    assert shown(rules.check_targets([Target(path="a"), Target(path=PIN, **changes)])) == [
        ("HP126", PIN, message)
    ]


def test_a_receipt_may_be_missing_before_the_first_accept() -> None:
    """Everything else that is wrong with its place counts."""
    assert rules.check_targets([Target(path="receipt", kind="missing", optional=True)]) == []
    assert len(rules.check_targets([Target(path="receipt", kind="link", optional=True)])) == 1


def test_validators_that_do_not_pass() -> None:
    """A failure, and a missing tool."""
    results = [
        ValidatorResult(id="a", outcome="passed"),
        ValidatorResult(id="b", outcome="failed", exit_code=1),
        ValidatorResult(
            id="c", outcome="tool_missing", exit_code=None, reason="node is not on PATH"
        ),
    ]
    assert shown(rules.check_validators(results)) == [
        ("HP127", "validator b", "failed: exit code 1"),
        ("HP127", "validator c", "tool missing: node is not on PATH"),
    ]


SCRIPT = ValidatorChange(path="scripts/validate_pin.py", before="1" * 40, now="2" * 40)


def test_validators_that_changed_together_with_the_profile() -> None:
    """A weakened check could hide in that: refused until its own fingerprint is given."""
    last = a_receipt(profile_digest="sha256:" + "0" * 64)
    found = rules.check_validator_changes(last, read_profile(), [SCRIPT], [])
    message = (
        "scripts/validate_pin.py changed together with the consumer profile since the last receipt"
    )
    fingerprint = found.problems[0].hint.split()[-1]
    where = f"change {fingerprint}"
    assert shown(found.problems) == [("HP125", where, message)]
    assert (
        found.problems[0].hint
        == f"have the changes reviewed, then give --accept-change {fingerprint}"
    )
    found = rules.check_validator_changes(last, read_profile(), [SCRIPT], [fingerprint])
    assert found.problems == ()
    assert shown(found.advisories) == [("HA122", where, f"accepted: {message}")]


def test_validators_or_profile_that_changed_alone() -> None:
    """One of them is an advisory; without a receipt, or a change, nothing is said."""
    same = replace(SCRIPT, now=SCRIPT.before)
    found = rules.check_validator_changes(a_receipt(), read_profile(), [SCRIPT, same], [])
    assert shown(found.advisories) == [
        ("HA121", "validators", "scripts/validate_pin.py changed since the last receipt")
    ]
    moved = a_receipt(profile_digest="sha256:" + "0" * 64)
    found = rules.check_validator_changes(moved, read_profile(), [same], [])
    assert shown(found.advisories) == [
        ("HA121", "validators", "the consumer profile changed since the last receipt")
    ]
    assert (
        rules.check_validator_changes(a_receipt(), read_profile(), [same], []) == rules.Findings()
    )
    assert rules.check_validator_changes(None, read_profile(), [SCRIPT], []) == rules.Findings()


def test_a_packet_that_comes_into_an_embedded_producer() -> None:
    """The producer's own verifier fails there, and the advisory says so."""
    text = profile_text(
        'profile = "sample-python"', 'profile = "sample-python"\npath = "services/p"'
    )
    assert rules.check_embedded(read_profile(text), release().values, pinned()) == []
    text = text.replace(
        "[environment]",
        '[[files]]\npath = "services/p/packet.json"\ncopy = "packet"\n\n[environment]',
        1,
    )
    message = (
        "the packet of v0.3.3 comes into services/p, whose other files stay those of v0.3.2: "
        "the producer's own verifier fails there"
    )
    assert shown(rules.check_embedded(read_profile(text), release().values, pinned())) == [
        ("HA120", "services/p/packet.json", message)
    ]


# --- What is pinned ----------------------------------------------------------------------------------


def test_a_pin_that_is_still_true() -> None:
    """Tag, manifest and receipt agree."""
    receipt = a_receipt()
    tag = TagNow(
        name="v0.3.3",
        target=receipt.producer.tag_target,
        manifest=release().manifest,
        pin=receipt.new,
    )
    assert rules.check_pinned(receipt.new, tag, receipt, read_profile()) == []


def test_a_pin_that_is_no_longer_true() -> None:
    """A moved tag, a republished manifest, a missing or another receipt: each is named."""
    receipt = a_receipt()
    path = "config/producer-receipt.json"
    tag = TagNow(
        name="v0.3.3",
        target=OTHER,
        manifest=b"",
        pin=replace(receipt.new, manifest_sha256="9" * 64),
    )
    assert shown(rules.check_pinned(receipt.new, tag, receipt, read_profile())) == [
        (
            "HP124",
            PIN,
            "v0.3.3 was published again: "
            f"manifest_sha256 is {'9' * 64}, pinned is {receipt.new.manifest_sha256}",
        ),
        (
            "HP123",
            "tag v0.3.3",
            f"the tag was moved: it points to {OTHER}, the receipt says {'7' * 40}",
        ),
    ]
    gone = TagNow(name="v0.3.3", target=None)
    assert shown(rules.check_pinned(receipt.new, gone, None, read_profile())) == [
        ("HP123", "tag v0.3.3", "the pinned release is not tagged in the producer's repository"),
        ("HP128", path, "there is no receipt of what is pinned"),
    ]
    bare = TagNow(name="v0.3.2", target="7" * 40)
    assert shown(rules.check_pinned(pinned(), bare, receipt, read_profile())) == [
        ("HP123", "tag v0.3.2", f"the tag's commit {'7' * 12} has no manifest that can be read"),
        ("HP128", path, f"the receipt is of {receipt.new.pair}; the pin says {pinned().pair}"),
    ]


def test_a_pin_of_a_producer_without_a_manifest() -> None:
    """The tag and the receipt are all that there is to compare."""
    bare = PinValues(release_tag="2026.1", commit_sha=OTHER)
    receipt = a_receipt(new=bare, manifest_sha256=None)
    tag = TagNow(name="2026.1", target="7" * 40)
    assert rules.check_pinned(bare, tag, receipt, read_profile()) == []
    assert len(rules.check_pinned(bare, replace(tag, target=OTHER), receipt, read_profile())) == 1


def test_a_rollback_across_a_service_version() -> None:
    """If validators refuse the older one, the refusal names the two versions."""
    receipt = a_receipt()
    failed = [ValidatorResult(id="contract", outcome="failed", exit_code=1)]
    assert len(rules.check_rollback(receipt, failed)) == 1
    crossing = replace(receipt, new=replace(receipt.new, service="service.v3"))
    assert rules.check_rollback(crossing, []) == []
    message = "the rollback crosses from service.v3 to service.v2, and the validators do not accept the older one"
    assert shown(rules.check_rollback(crossing, failed))[1:] == [
        ("HP128", "service contract", message)
    ]


def test_the_manifest_is_read_strictly() -> None:
    """The values of these tests are those of the manifest's bytes."""
    assert strict_json.read(MANIFEST, "m") == manifest_document()
