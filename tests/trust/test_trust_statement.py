"""Claims about what is signed: the statements of packets and receipts, byte for byte."""

from __future__ import annotations

import hashlib
import json

import pytest
import signing

from handoff_tasks.problems import HandoffError
from handoff_tasks.trust import statement
from handoff_tasks.trust.statement import Receipt

COMMIT = json.loads(signing.packet())["git_state"]["verified_commit"]
TREE = json.loads(signing.packet())["git_state"]["verified_tree"]
RECEIPT = Receipt(
    consumer="https://example.com/assistsupport", commit="a" * 40, time="2026-07-01T12:00:00Z"
)


def facts() -> statement.SignedFacts:
    """Return what the statement over the packet says."""
    return statement.read_packet(signing.packet(), "p.json")


def test_the_statement_of_a_packet_is_these_bytes() -> None:
    """Canonical JSON, the packet's subject first, no time, no line feed at the end."""
    digest = hashlib.sha256(signing.packet()).hexdigest()
    expected = (
        '{"_type":"https://in-toto.io/Statement/v1","predicate":{"policy":{"digest":{"sha256":"'
        + signing.PROFILE
        + '"},"uri":"urn:handoff-tasks:policy:producer-handoff-packet.v1"},'
        '"resourceUri":"pkg:generic/memorykernel@v0.4.0","verificationResult":"PASSED",'
        '"verifiedLevels":["HANDOFF_STABLE"],"verifier":{"id":"urn:handoff-tasks:verifier:v1"}},'
        '"predicateType":"https://slsa.dev/verification_summary/v1","subject":['
        '{"digest":{"sha256":"' + digest + '"},"name":"PRODUCER_RELEASE_HANDOFF_LATEST.json"},'
        '{"digest":{"gitCommit":"' + COMMIT + '"},"name":"verified commit"},'
        '{"digest":{"gitTree":"' + TREE + '"},"name":"verified tree"}]}'
    )
    assert statement.packet_statement(facts()) == expected.encode()


def test_a_digest_with_its_algorithm_before_it_is_the_same_digest() -> None:
    """``sha256:`` before the profile's digest does not reach the statement."""
    producer = {"id": "memorykernel", "profile_sha256": "sha256:" + signing.PROFILE}
    assert (
        statement.read_packet(signing.packet(producer=producer), "p").profile_sha256
        == signing.PROFILE
    )


def test_the_resource_escapes_what_a_package_url_gives_a_meaning() -> None:
    """A producer's id with a slash or an at sign cannot look like another package."""
    producer = {"id": "a/b@c", "profile_sha256": signing.PROFILE}
    made = statement.read_packet(signing.packet(producer=producer, release_tag="v1.0.0+x"), "p")
    assert made.resource_uri == "pkg:generic/a%2Fb%40c@v1.0.0%2Bx"


def test_a_receipt_is_a_summary_by_the_consumer() -> None:
    """The consumer's id, its commit, the envelope's digest and a time; the subjects are the packet's."""
    made = json.loads(statement.receipt_statement(facts(), b"envelope", RECEIPT))
    assert made["subject"] == json.loads(statement.packet_statement(facts()))["subject"]
    assert made["predicate"] == {
        "verifier": {"id": RECEIPT.consumer},
        "timeVerified": "2026-07-01T12:00:00Z",
        "resourceUri": "pkg:generic/memorykernel@v0.4.0",
        "policy": {"uri": RECEIPT.consumer, "digest": {"gitCommit": "a" * 40}},
        "inputAttestations": [
            {
                "uri": "PRODUCER_RELEASE_HANDOFF_LATEST.json.intoto.json",
                "digest": {"sha256": hashlib.sha256(b"envelope").hexdigest()},
            }
        ],
        "verificationResult": "PASSED",
        "verifiedLevels": ["HANDOFF_ACCEPTED"],
    }


def test_a_refusal_gives_its_reason() -> None:
    """A refusal is FAILED, has its reason in the predicate, and is read back as it was."""
    refused = Receipt(
        consumer="c", commit="a" * 40, time="2026-07-01T12:00:00Z", reason="fails our tests"
    )
    payload = statement.receipt_statement(facts(), None, refused)
    predicate = json.loads(payload)["predicate"]
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("FAILED", ["FAILED"])
    assert predicate["handoffTasks_reason"] == "fails our tests"
    assert predicate["inputAttestations"] == []
    assert statement.read_receipt(payload, "r") == refused
    assert (
        statement.read_receipt(statement.receipt_statement(facts(), None, RECEIPT), "r") == RECEIPT
    )


@pytest.mark.parametrize(
    "values", [{"consumer": ""}, {"commit": "HEAD"}, {"time": "today"}, {"reason": ""}]
)
def test_a_receipt_of_another_form_is_not_made(values: dict[str, str]) -> None:
    """Values that could not be read back are the caller's mistake."""
    good = {"consumer": "c", "commit": "a" * 40, "time": "2026-07-01T12:00:00Z"}
    with pytest.raises(ValueError, match="not the values of a receipt"):
        statement.receipt_statement(facts(), None, Receipt(**{**good, **values}))


def test_a_draft_is_never_signed() -> None:
    """A packet whose verdict is NO-GO has no statement."""
    with pytest.raises(HandoffError) as error:
        statement.read_packet(signing.packet(verdict="NO-GO"), "p.json")
    [problem] = error.value.problems
    assert (problem.code, problem.where) == ("HP137", "p.json#/verdict")
    assert (
        problem.message == "the packet is a draft: its verdict is not GO; a draft is never signed"
    )


def test_a_packet_without_what_is_signed_is_refused_with_each_place() -> None:
    """Every missing or damaged value is reported at once, with its pointer."""
    with pytest.raises(HandoffError) as error:
        statement.read_packet(
            b'{"release_tag": 1, "verdict": "GO", "producer": {"id": "a b"}}', "p.json"
        )
    assert [(problem.where, problem.message) for problem in error.value.problems] == [
        (
            "p.json#/git_state/verified_commit",
            "found nothing; expected a commit of 40 hex digits, which a signature is about",
        ),
        (
            "p.json#/git_state/verified_tree",
            "found nothing; expected a tree of 40 hex digits, which a signature is about",
        ),
        (
            "p.json#/producer/id",
            'found "a b"; expected the producer\'s id, a plain name, which a signature is about',
        ),
        (
            "p.json#/producer/profile_sha256",
            "found nothing; expected a digest of 64 hex digits, which a signature is about",
        ),
        ("p.json#/release_tag", "found 1; expected a release tag, which a signature is about"),
    ]


@pytest.mark.parametrize("data", [b"[]", b"1", b'"x"', b"{", b"", b"null"])
def test_what_is_not_a_packet_is_refused(data: bytes) -> None:
    """No traceback for a document of another type."""
    with pytest.raises(HandoffError):
        statement.read_packet(data, "p.json")


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b"[]",
        b'{"predicate": []}',
        b'{"predicate": {"verifier": {"id": 1}}}',
        b"not json",
        b'{"predicate": null}',
    ],
)
def test_what_is_not_a_receipt_is_refused(payload: bytes) -> None:
    """The statement in a receipt's envelope may be any bytes."""
    with pytest.raises(HandoffError) as error:
        statement.read_receipt(payload, "r.json")
    assert {problem.code for problem in error.value.problems} == {"HP134"}
