"""Claims about which signatures count: the table of messages word for word, and what cannot be changed unseen."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import signing
from builders import quick
from hypothesis import given
from hypothesis import strategies as st
from signing import (
    LAPTOP,
    LINUX,
    MAC,
    NOW,
    STRANGER,
    TAMPERINGS,
    changed,
    key,
    line,
    packet,
    signed,
    trust_file,
)

from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.trust import sign, signers, verify
from handoff_tasks.trust.names import Names
from handoff_tasks.trust.statement import Receipt

NAMES = Names(
    packet="PACKET",
    envelope="PACKET.intoto.json",
    signers="handoff/allowed_signers",
    revoked="handoff/revoked_keys",
)


def judge(
    envelope: bytes | None, data: bytes | None = None, file: bytes | None = None, **more: Any
) -> verify.Judgement:
    """Return the judgement on an envelope, by the trust file of three machines unless another is given."""
    settings: dict[str, Any] = {"threshold": 2, "now": NOW, "names": NAMES, "revoked": None} | more
    return verify.judge(
        data or packet(), envelope, trust_file() if file is None else file, **settings
    )


def one(findings: tuple[Problem, ...], code: str) -> tuple[str, str]:
    """Return message and next step of the one finding of a code."""
    [problem] = [finding for finding in findings if finding.code == code]
    return problem.message, problem.hint


def names(judgement: verify.Judgement) -> list[str]:
    """Return the names of the keys that count."""
    return [signature.name for signature in judgement.signatures]


def test_two_machines_two_keys_one_envelope() -> None:
    """Two of three is met, and what people see says who signed and that no network was used."""
    options = 'namespaces="handoff",valid-before="20270101Z"'
    file = trust_file(
        line(LAPTOP, "laptop-2026", options), line(LINUX, "ci-linux"), line(MAC, "ci-mac")
    )
    judgement = judge(signed(LAPTOP, LINUX), file=file)
    assert judgement.findings == ()
    assert judgement.lines() == [
        "signature  laptop-2026  SHA256:BRgh…j7s6U  valid until 2027-01-01",
        f"signature  ci-linux     {LINUX.public.short_fingerprint}",
        "signers    2 of 2 needed, of 3 that handoff/allowed_signers allows for memorykernel; no network was used",
    ]
    assert judgement.facts() == [
        ("Signature", "laptop-2026 SHA256:BRgh…j7s6U valid until 2027-01-01"),
        ("Signature", f"ci-linux {LINUX.public.short_fingerprint}"),
        (
            "Signers",
            "2 of 2 needed, of 3 that handoff/allowed_signers allows for memorykernel; no network was used",
        ),
    ]
    assert judgement.to_dict() == {
        "checked": True,
        "principal": "memorykernel",
        "signers": "handoff/allowed_signers",
        "threshold": 2,
        "allowed": 3,
        "signatures": [
            {
                "name": "laptop-2026",
                "fingerprint": LAPTOP.public.fingerprint,
                "valid_until": "2027-01-01",
            },
            {"name": "ci-linux", "fingerprint": LINUX.public.fingerprint, "valid_until": None},
        ],
    }


# The table of messages.


def test_signers_without_an_envelope() -> None:
    """The first row."""
    judgement = judge(None)
    assert one(judgement.problems, "HP132") == (
        "not signed: there is no PACKET.intoto.json",
        "ask the producer for it, or verify without --signers",
    )


def test_an_envelope_without_signers() -> None:
    """The second row is an advisory; without an envelope there is nothing to say."""
    judgement = verify.judge(packet(), signed(LAPTOP), None, now=NOW)
    assert judgement.problems == ()
    assert one(judgement.advisories, "HA130") == (
        "a signature lies beside the packet and was not checked",
        "give --signers",
    )
    assert judgement.lines() == []
    assert judgement.facts() == [
        ("Signature", "a signature lies beside the packet and was not checked")
    ]
    assert verify.judge(packet(), None, None, now=NOW).findings == ()


def test_too_few() -> None:
    """The third row."""
    judgement = judge(signed(LAPTOP))
    assert one(judgement.problems, "HP133") == (
        "signed by 1 of the 2 distinct keys that memorykernel needs (laptop-2026; 3 are allowed)",
        "have ci-linux or ci-mac sign",
    )
    assert judgement.findings == judgement.problems
    assert one(judge(signed(STRANGER), threshold=1).problems, "HP133")[0] == (
        "signed by 0 of the 1 distinct key that memorykernel needs (none; 3 are allowed)"
    )
    few = judge(signed(LAPTOP), file=trust_file(line(LAPTOP, "laptop")))
    assert one(few.problems, "HP133") == (
        "signed by 1 of the 2 distinct keys that memorykernel needs (laptop; 1 is allowed)",
        "add the line of one more key to handoff/allowed_signers",
    )


def test_a_stranger() -> None:
    """The fourth row; beside enough good signatures it is an advisory."""
    envelope = signed(LAPTOP, STRANGER)
    number = [entry["keyid"] for entry in json.loads(envelope)["signatures"]].index(
        STRANGER.public.fingerprint
    ) + 1
    judgement = judge(envelope, threshold=1)
    assert judgement.problems == ()
    assert one(judgement.advisories, "HA131") == (
        f"signature {number} is by no key of memorykernel, or over other bytes",
        "compare the fingerprint; add the line if it is right",
    )
    assert STRANGER.public.fingerprint not in str(judgement.findings)


def test_expired_not_yet_valid_and_revoked() -> None:
    """The fifth row, each way, with the verifier's clock and with ``--at``."""
    options = 'namespaces="handoff",valid-after="20260101Z",valid-before="20270101Z"'
    file = trust_file(line(LAPTOP, "laptop-2026", options), line(LINUX, "ci-linux"))
    audit = "sign with a current key; for an audit --at the receipt's time"

    def said(now: datetime, **more: Any) -> tuple[str, str]:
        judgement = judge(signed(LAPTOP), file=file, now=now, threshold=1, **more)
        assert [problem.code for problem in judgement.problems] == ["HP133"]
        return one(judgement.advisories, "HA132")

    late = datetime(2027, 3, 1, 14, 22, 5, tzinfo=UTC)
    assert said(late) == (
        "laptop-2026's key is valid until 2027-01-01, and it is 2027-03-01 here",
        audit,
    )
    assert (
        said(late, asked=True)[0]
        == "laptop-2026's key is valid until 2027-01-01, and --at is 2027-03-01"
    )
    assert said(datetime(2025, 12, 1, tzinfo=UTC)) == (
        "laptop-2026's key is valid from 2026-01-01, and it is 2025-12-01 here",
        audit,
    )
    assert said(datetime(2027, 1, 1, tzinfo=UTC))[0] == (
        "laptop-2026's key is valid until 2027-01-01T00:00:00Z, and it is 2027-01-01T00:00:00Z here"
    )
    assert (
        judge(
            signed(LAPTOP),
            file=file,
            now=datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
            threshold=1,
        ).findings
        == ()
    )
    assert (
        judge(signed(LAPTOP), file=file, now=datetime(2026, 1, 1, tzinfo=UTC), threshold=1).findings
        == ()
    )
    revoked = f"# stolen\n{LAPTOP.public.line()}\n".encode()
    assert said(NOW, revoked=revoked) == (
        "laptop-2026's key is revoked by handoff/revoked_keys:2",
        "sign with a current key",
    )


def test_another_packet() -> None:
    """The sixth row names both digests, and nothing else is said of the signatures."""
    judgement = judge(signed(LAPTOP, LINUX), signing.OTHER_PACKET)
    good, other = (signing.statement_digest(data) for data in (packet(), signing.OTHER_PACKET))
    assert one(judgement.findings, "HP134") == (
        f"signed is {good[:8]}…, this packet is {other[:8]}…",
        "fetch both again from one release",
    )
    assert len(judgement.findings) == 1


def test_two_packets_of_one_release_differ() -> None:
    """The seventh row: laying signatures together names the difference by pointer, and nothing is to be written."""
    document = json.loads(packet())
    tools = document["verification_outcomes"][3]["tools"]
    tools["rg"] = "15.2.0"
    ours = packet(verification_outcomes=json.loads(json.dumps(document["verification_outcomes"])))
    tools["rg"] = "14.1.1"
    theirs = packet(verification_outcomes=document["verification_outcomes"])
    with pytest.raises(HandoffError) as error:
        sign.add_signatures(
            ours, signed(LAPTOP, data=ours), signed(LINUX, data=theirs), other_packet=theirs
        )
    [problem] = error.value.problems
    assert (problem.code, problem.message, problem.hint) == (
        "HP138",
        '/verification_outcomes/3/tools/rg: "15.2.0" / "14.1.1", nothing written',
        "verify with the same tools",
    )
    with pytest.raises(HandoffError) as error:
        sign.add_signatures(ours, None, signed(LINUX, data=theirs))
    [problem] = error.value.problems
    assert problem.code == "HP134"
    assert problem.message.startswith("signed is ")


# Laying together.


def test_signatures_of_two_machines_are_laid_together() -> None:
    """In either order, and again, it is the same file; no key is needed."""
    laptop, linux = signed(LAPTOP), signed(LINUX)
    both = sign.add_signatures(packet(), laptop, linux)
    assert both.changed
    assert both.data == signed(LAPTOP, LINUX) == sign.add_signatures(packet(), linux, laptop).data
    again = sign.add_signatures(packet(), both.data, linux)
    assert (again.data, again.changed) == (both.data, False)
    assert sign.add_signatures(packet(), None, linux).data == linux
    old = sign.add_signatures(packet(), signed(MAC, data=signing.OTHER_PACKET), linux)
    assert old.data == linux
    assert [note.code for note in old.notes] == ["HA133"]


# What is refused.


@pytest.mark.parametrize("name", TAMPERINGS)
def test_each_tampering_is_refused_at_threshold_two(name: str) -> None:
    """All eight; two good signatures stand in each envelope before the change."""
    envelope, data = TAMPERINGS[name](signed(LAPTOP, LINUX))
    judgement = judge(envelope, data)
    assert judgement.problems
    assert len(judgement.signatures) < 2
    if name != "duplicated":
        envelope, data = TAMPERINGS[name](signed(LAPTOP))
        assert judge(envelope, data, threshold=1).problems


def test_a_duplicate_counts_once() -> None:
    """Legal at threshold 1; at threshold 2 it is one key."""
    envelope, data = TAMPERINGS["duplicated"](signed(LAPTOP, LINUX))
    assert judge(envelope, data, threshold=1).findings == ()
    assert len(judge(envelope, data).signatures) == 1


def _two_keyids(document: dict[str, Any]) -> None:
    [entry] = document["signatures"]
    document["signatures"] = [entry, {**entry, "keyid": LINUX.public.fingerprint}]


def test_the_other_cases_that_are_refused() -> None:
    """One signature under two keyids, two payload keys, junk after base64, a packet with one line feed more."""
    assert one(judge(changed(signed(LAPTOP), _two_keyids)).problems, "HP133")[0].startswith(
        "signed by 1 of the 2"
    )
    good = signed(LAPTOP, LINUX)
    text = json.loads(good)["payload"].encode()
    assert one(
        judge(good.replace(b'{"payload":', b'{"payload":"","payload":', 1)).problems, "HP131"
    )
    assert one(judge(good.replace(text, text + b"!")).problems, "HP131")
    assert one(judge(good, packet() + b"\n").problems, "HP134")


def _urlsafe(document: dict[str, Any]) -> None:
    document["payload"] = base64.urlsafe_b64encode(base64.b64decode(document["payload"])).decode()
    for entry in document["signatures"]:
        entry["sig"] = base64.urlsafe_b64encode(base64.b64decode(entry["sig"])).decode()


def _foreign_fields(document: dict[str, Any]) -> None:
    document["comment"] = {"a": [1]}
    document["signatures"][0]["extension"] = {"kind": "x"}


def _keyids(value: str | None) -> Any:
    def change(document: dict[str, Any]) -> None:
        for entry in document["signatures"]:
            entry.pop("keyid")
            if value is not None:
                entry["keyid"] = value

    return change


@pytest.mark.parametrize(
    "change", [_urlsafe, _foreign_fields, _keyids(None), _keyids("0" * 64), _keyids("")]
)
def test_what_the_standard_allows_is_accepted(change: Any) -> None:
    """URL-safe base64, unknown fields, no keyid, a foreign keyid: the same two keys."""
    assert names(judge(changed(signed(LAPTOP, LINUX), change))) == ["laptop-2026", "ci-linux"]


@pytest.mark.parametrize(
    "sig", ["", "AAAA", base64.b64encode(bytes(64)).decode(), base64.b64encode(bytes(256)).decode()]
)
def test_a_signature_that_is_of_no_use_does_no_harm(sig: str) -> None:
    """Empty, short, zeros, or of an RSA key: an advisory beside two good ones."""
    envelope = changed(signed(LAPTOP, LINUX), lambda d: d["signatures"].insert(0, {"sig": sig}))
    judgement = judge(envelope)
    assert judgement.problems == ()
    assert (
        one(judgement.advisories, "HA131")[0]
        == "signature 1 is by no key of memorykernel, or over other bytes"
    )


def test_a_keyid_lends_no_name() -> None:
    """A stranger's signature under a known key's keyid is a stranger's."""
    envelope = changed(
        signed(STRANGER), lambda d: d["signatures"][0].update(keyid=LAPTOP.public.fingerprint)
    )
    judgement = judge(envelope, threshold=1)
    assert judgement.signatures == ()
    assert one(judgement.advisories, "HA131")


def test_keys_of_other_producers_and_roles_do_not_count() -> None:
    """Principal and namespace are compared for equality."""
    file = trust_file(
        line(LAPTOP, "laptop", principal="memorykernel2"), line(LINUX, "ci", 'namespaces="git"')
    )
    judgement = judge(signed(LAPTOP, LINUX), file=file, threshold=1)
    assert judgement.signatures == ()
    assert one(judgement.advisories, "HA132") == (
        "ci's key is allowed for git, not for handoff",
        "sign with a key for handoff, or add it to line 2 of handoff/allowed_signers",
    )
    unknown = judge(signed(LAPTOP), file=trust_file(line(LAPTOP, "laptop", principal="other")))
    assert one(unknown.problems, "HP133") == (
        "allows no key of memorykernel; it has lines for other",
        'add a line for each key that may sign: memorykernel namespaces="handoff" ssh-ed25519 KEY COMMENT',
    )
    assert one(judge(signed(LAPTOP), file=b"").problems, "HP133")[0] == (
        "allows no key of memorykernel; it has lines for no producer"
    )


def test_the_packet_names_its_producer_and_no_other_can_be_shown() -> None:
    """The producer comes from the packet, so that signatures of another producer's release do not fit."""
    other = packet(producer={"id": "other", "profile_sha256": signing.PROFILE})
    assert one(judge(signed(LAPTOP, LINUX, data=other), other).problems, "HP133")


def test_settings_that_cannot_be_are_findings() -> None:
    """A threshold below one, a damaged trust file and damaged revoked keys are reported together."""
    judgement = judge(signed(LAPTOP), file=b"x", threshold=0, revoked=b"y")
    assert [(problem.code, problem.where) for problem in judgement.problems] == [
        ("HP001", "--threshold"),
        ("HP130", "handoff/allowed_signers:1"),
        ("HP130", "handoff/revoked_keys:1"),
    ]
    assert judge(signed(LAPTOP), b"not json").problems[0].code == "HP002"
    with pytest.raises(ValueError, match="does not know its zone"):
        judge(signed(LAPTOP), now=datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake


def test_ten_thousand_signatures_take_no_time() -> None:
    """An envelope of 10,000 signatures is refused, and one at the limit is judged; both at once."""
    huge = changed(signed(LAPTOP), lambda d: d.update(signatures=d["signatures"] * 10_000))
    started = time.monotonic()
    assert (
        one(judge(huge).problems, "HP131")[0] == "there are 10000 signatures; at most 100 are read"
    )
    junk = [{"sig": base64.b64encode(bytes([n]) * 64).decode()} for n in range(98)]
    full = judge(changed(signed(LAPTOP, LINUX), lambda d: d["signatures"].extend(junk)))
    assert (full.problems, len(full.signatures), len(full.advisories)) == ((), 2, 98)
    assert time.monotonic() - started < 5


# Receipts.

CONSUMER = "https://example.com/assistsupport"
RECEIPT = Receipt(consumer=CONSUMER, commit="a" * 40, time="2026-07-01T12:00:00Z")
RECEIPT_FILE = trust_file(
    line(MAC, "desk", 'namespaces="handoff-receipt"', "assistsupport"), line(LAPTOP, "laptop")
)


def receipt(values: Receipt = RECEIPT, who: Any = MAC) -> bytes:
    """Return a signed receipt."""
    return sign.sign_receipt(packet(), signed(LAPTOP), values, who).data


def judge_receipt(data: bytes, **more: Any) -> verify.Judgement:
    """Return the judgement on a receipt."""
    settings: dict[str, Any] = {
        "consumer": CONSUMER,
        "principal": "assistsupport",
        "now": NOW,
        "names": Names(envelope="r.json"),
    }
    return verify.judge_receipt(packet(), signed(LAPTOP), data, RECEIPT_FILE, **(settings | more))


def test_a_receipt_is_built_again_and_compared() -> None:
    """Acceptance and refusal, with the values that only the consumer knows."""
    judgement = judge_receipt(receipt())
    assert (judgement.findings, judgement.receipt, names(judgement)) == ((), RECEIPT, ["desk"])
    refused = Receipt(
        consumer=CONSUMER, commit="b" * 40, time="2026-07-01T12:00:00Z", reason="breaks our client"
    )
    judgement = judge_receipt(receipt(refused))
    assert judgement.receipt == refused
    assert not refused.accepted
    assert one(judgement.findings, "HP140") == (
        f"{CONSUMER} refused this packet at 2026-07-01T12:00:00Z: breaks our client",
        "agree on the reason with the consumer, and hand over a packet that it accepts",
    )
    assert judgement.lines()[0] == (
        f"receipt    refused at 2026-07-01T12:00:00Z by {CONSUMER}, at its commit {'b' * 40}"
    )


def test_a_receipt_says_who_gave_it_if_no_consumer_is_named() -> None:
    """Its key must then be in the trust file under that URI, so no other name can be taken."""
    own = trust_file(line(MAC, "desk", 'namespaces="handoff-receipt"', CONSUMER))
    judgement = verify.judge_receipt(packet(), signed(LAPTOP), receipt(), own, now=NOW)
    assert judgement.findings == ()
    assert judgement.lines() == [
        f"receipt    accepted at 2026-07-01T12:00:00Z by {CONSUMER}, at its commit {'a' * 40}",
        f"signature  desk  {MAC.public.short_fingerprint}",
        f"signers    1 of 1 needed, of 1 that allowed_signers allows for {CONSUMER}; "
        "no network was used",
    ]
    other = verify.judge_receipt(packet(), signed(LAPTOP), receipt(), RECEIPT_FILE, now=NOW)
    assert one(other.problems, "HP133") == (
        f"allows no key of {CONSUMER}; it has lines for assistsupport, memorykernel",
        "add a line for each key that may sign: "
        f'{CONSUMER} namespaces="handoff-receipt" ssh-ed25519 KEY COMMENT',
    )
    assert other.receipt is None


def test_a_trust_file_for_receipts_alone_asks_for_no_signature() -> None:
    """Unless it has a line for the producer; the envelope that was not checked is mentioned."""
    own = trust_file(line(MAC, "desk", 'namespaces="handoff-receipt"', CONSUMER))
    judgement = verify.judge(packet(), signed(LAPTOP), own, now=NOW, demand=False)
    assert one(judgement.findings, "HA130") == (
        "a signature lies beside the packet and was not checked",
        "add the lines of memorykernel to allowed_signers",
    )
    assert verify.judge(packet(), None, own, now=NOW, demand=False).findings == ()
    assert one(verify.judge(packet(), None, own, now=NOW).problems, "HP132")
    both = verify.judge(packet(), None, RECEIPT_FILE, now=NOW, demand=False)
    assert one(both.problems, "HP132")


def test_a_receipt_is_not_an_envelope_and_an_envelope_is_not_a_receipt() -> None:
    """Each is refused in the other's place, also when the key has both roles."""
    both = trust_file(
        line(LAPTOP, "laptop", 'namespaces="handoff,handoff-receipt"', "memorykernel,assistsupport")
    )
    offered = verify.judge(packet(), receipt(who=LAPTOP), both, now=NOW)
    assert one(offered.problems, "HP134")[0].startswith("/predicate/inputAttestations: signed is ")
    reverse = verify.judge_receipt(
        packet(),
        signed(LAPTOP),
        signed(LAPTOP),
        both,
        consumer=CONSUMER,
        principal="assistsupport",
        now=NOW,
    )
    assert (
        one(reverse.problems, "HP134")[0] == "the signed statement is not a receipt of a consumer"
    )


def test_a_receipt_of_another_consumer_envelope_or_key_is_refused() -> None:
    """The consumer's id, the envelope that was accepted, and the role of the key."""
    other = Receipt(consumer="urn:x", commit="a" * 40, time="2026-07-01T12:00:00Z")
    assert (
        one(judge_receipt(receipt(other)).problems, "HP134")[0]
        == f"the receipt is of 'urn:x'; expected '{CONSUMER}'"
    )
    moved = verify.judge_receipt(
        packet(),
        signed(LAPTOP, LINUX),
        receipt(),
        RECEIPT_FILE,
        consumer=CONSUMER,
        principal="assistsupport",
        now=NOW,
    )
    assert one(moved.problems, "HP134")[0].startswith(
        "/predicate/inputAttestations/0/digest/sha256: signed is "
    )
    assert one(judge_receipt(receipt(who=LAPTOP)).advisories, "HA131")
    assert judge_receipt(receipt(), principal=None).problems
    assert judge_receipt(receipt(), revoked=MAC.public.line().encode()).receipt is None


# Any single byte.

ENVELOPE = signed(LAPTOP, LINUX)
FILE = trust_file(
    line(
        LAPTOP,
        "laptop-2026",
        'namespaces="handoff,git",valid-after="20260101Z",valid-before="20270101Z"',
    ),
    line(LINUX, "ci-linux"),
)
RECEIPT_BYTES = receipt()
KEYS = {LAPTOP.public, LINUX.public}


def one_byte(data: bytes) -> st.SearchStrategy[bytes]:
    """Return a strategy of the same bytes with exactly one changed, removed or added."""
    at = st.integers(0, len(data) - 1)
    return st.one_of(
        st.builds(lambda i, b: data[:i] + bytes([b]) + data[i + 1 :], at, st.integers(0, 255)),
        st.builds(lambda i: data[:i] + data[i + 1 :], at),
        st.builds(lambda i, b: data[:i] + bytes([b]) + data[i:], at, st.integers(0, 255)),
    )


@quick
@given(one_byte(ENVELOPE))
def test_any_byte_of_an_envelope(data: bytes) -> None:
    """NO-GO, or the same two keys count."""
    judgement = judge(data, file=FILE)
    assert judgement.problems or {signature.key for signature in judgement.signatures} == KEYS


@quick
@given(one_byte(FILE))
def test_any_byte_of_a_trust_file(data: bytes) -> None:
    """NO-GO, or the same two keys count."""
    judgement = judge(ENVELOPE, file=data)
    assert judgement.problems or {signature.key for signature in judgement.signatures} == KEYS


@quick
@given(one_byte(packet()))
def test_any_byte_of_a_packet(data: bytes) -> None:
    """NO-GO, unless nothing changed."""
    assert data == packet() or judge(ENVELOPE, data, file=FILE).problems


@quick
@given(one_byte(RECEIPT_BYTES))
def test_any_byte_of_a_receipt(data: bytes) -> None:
    """Refused, or the same receipt by the same key."""
    judgement = judge_receipt(data)
    assert judgement.problems or (judgement.receipt, names(judgement)) == (RECEIPT, ["desk"])


OWN_FILE = trust_file(line(MAC, "desk", 'namespaces="handoff-receipt"', CONSUMER))


@quick
@given(one_byte(RECEIPT_BYTES))
def test_any_byte_of_a_receipt_that_names_its_consumer(data: bytes) -> None:
    """Refused, or the same receipt: a changed name is no principal of the trust file."""
    judgement = verify.judge_receipt(packet(), signed(LAPTOP), data, OWN_FILE, now=NOW)
    assert judgement.problems or (judgement.receipt, names(judgement)) == (RECEIPT, ["desk"])


@pytest.mark.slow
def test_bits_of_an_envelope_and_of_a_trust_file() -> None:
    """The lowest bit of every third byte of the envelope and of each of the trust file."""
    for at in range(0, len(ENVELOPE), 3):
        judgement = judge(ENVELOPE[:at] + bytes([ENVELOPE[at] ^ 1]) + ENVELOPE[at + 1 :], file=FILE)
        assert judgement.problems or {signature.key for signature in judgement.signatures} == KEYS
    for at in range(len(FILE)):
        judgement = judge(ENVELOPE, file=FILE[:at] + bytes([FILE[at] ^ 1]) + FILE[at + 1 :])
        assert judgement.problems or {signature.key for signature in judgement.signatures} == KEYS


def test_a_key_is_valid_in_its_time_and_at_no_other() -> None:
    """Rotation: the old key until its end, the new one from its beginning, both while they overlap."""
    file = trust_file(
        line(LAPTOP, "old", 'namespaces="handoff",valid-before="20270201Z"'),
        line(LINUX, "new", 'namespaces="handoff",valid-after="20270101Z"'),
    )
    start = datetime(2026, 12, 31, tzinfo=UTC)
    seen = [
        names(judge(ENVELOPE, file=file, now=start + timedelta(days=days), threshold=1))
        for days in (0, 1, 31, 32)
    ]
    assert seen == [["old"], ["old", "new"], ["old", "new"], ["new"]]


def test_the_limit_of_keys() -> None:
    """A trust file of more keys than are read is refused."""
    many = "".join(
        line(key(number), f"k{number}") for number in range(1, signers.MAX_KEYS + 2)
    ).encode()
    with pytest.raises(HandoffError) as error:
        signers.read(many, "f")
    assert error.value.problems[0].message == "there are 1001 keys; at most 1000 are read"
    assert len(signers.read(many[: many.rindex(b"memorykernel")], "f").keys) == signers.MAX_KEYS
