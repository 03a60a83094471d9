"""Claims about DSSE envelopes and Sigstore bundles."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import signing
from builders import quick
from hypothesis import given
from hypothesis import strategies as st
from signing import LAPTOP, LINUX, changed, signed

from handoff_tasks.problems import HandoffError
from handoff_tasks.trust import envelope, sign, statement


def refused(data: bytes) -> tuple[str, str]:
    """Return place and message of the refusal of an envelope."""
    with pytest.raises(HandoffError) as error:
        envelope.read(data, "e.json")
    [problem] = error.value.problems
    assert problem.code == "HP131"
    return problem.where, problem.message


def test_the_encoding_that_is_signed_is_the_one_of_the_standard() -> None:
    """The example of the DSSE protocol, and lengths that count bytes and not characters."""
    assert envelope.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert envelope.pae("ä", b"") == b"DSSEv1 2 \xc3\xa4 0 "


def test_the_file_is_one_line_of_canonical_json() -> None:
    """Sorted keys, signatures sorted by keyid, the payload is the packet's statement."""
    data = signed(LAPTOP, LINUX)
    document = json.loads(data)
    assert list(document) == ["payload", "payloadType", "signatures"]
    assert data == json.dumps(document, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    assert base64.b64decode(document["payload"]) == statement.packet_statement(
        statement.read_packet(signing.packet(), "p")
    )
    keyids = [one["keyid"] for one in document["signatures"]]
    assert keyids == sorted([LAPTOP.public.fingerprint, LINUX.public.fingerprint])
    assert data == signed(LINUX, LAPTOP)


def test_signing_twice_changes_nothing() -> None:
    """ed25519 makes the same signature again, so the file stays, byte for byte, also one of another writer."""
    data = signed(LAPTOP, LINUX)
    foreign = json.dumps(json.loads(data), indent=1).encode()
    for old in (data, foreign):
        again = sign.sign_packet(signing.packet(), LAPTOP, old)
        assert (again.data, again.changed, again.notes) == (old, False, ())


def test_signatures_over_an_earlier_packet_are_left_out_and_named() -> None:
    """The envelope of the last release lies where that of the next one goes."""
    old = signed(LAPTOP, LINUX, data=signing.OTHER_PACKET)
    made = sign.sign_packet(signing.packet(), LAPTOP, old)
    assert made.data == signed(LAPTOP)
    [note] = made.notes
    assert note.code == "HA133"
    assert note.message == "the file held 2 signatures over another packet, now left out"


def test_a_file_of_something_else_is_not_overwritten() -> None:
    """What lies in the envelope's place and is not one is refused."""
    with pytest.raises(HandoffError) as error:
        sign.sign_packet(signing.packet(), LAPTOP, b"my notes")
    assert error.value.problems[0].code == "HP131"


def test_a_bundle_is_of_exactly_one_signature() -> None:
    """The form of Sigstore's bundle v0.3, for one keyid."""
    data = signed(LAPTOP, LINUX)
    keyid = LINUX.public.fingerprint
    made = json.loads(sign.bundle(data, keyid, "e.json"))
    one = next(entry for entry in json.loads(data)["signatures"] if entry["keyid"] == keyid)
    assert made == {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": keyid}, "tlogEntries": []},
        "dsseEnvelope": {**json.loads(data), "signatures": [one]},
    }
    with pytest.raises(HandoffError) as error:
        sign.bundle(signed(LAPTOP), keyid, "e.json")
    [problem] = error.value.problems
    assert (
        problem.message
        == f"no signature has the keyid {keyid}; there are: {LAPTOP.public.fingerprint}"
    )


def first(name: str, value: object) -> bytes:
    """Return an envelope whose first signature has another value at that name."""

    def change(document: dict[str, Any]) -> None:
        document["signatures"][0][name] = value

    return changed(signed(LAPTOP), change)


def test_what_is_refused_has_its_place() -> None:
    """Each part that is not as DSSE has it, with its pointer."""
    good = signed(LAPTOP)
    text = json.loads(good)["payload"]
    assert refused(b"[]") == (
        "e.json#",
        "not a DSSE envelope; expected an object with payload and signatures",
    )
    assert refused(changed(good, lambda d: d.update(payloadType="text/plain"))) == (
        "e.json#/payloadType",
        "the payload's type is 'text/plain'; expected 'application/vnd.in-toto+json'",
    )
    assert refused(changed(good, lambda d: d.pop("payloadType")))[1].startswith(
        "the payload's type is none"
    )
    for bad in (
        text + "!",
        text + "\n",
        text + "AAAA=A",
        text.rstrip("=") + "====",
        5,
        None,
        text + "-_+/",
    ):
        assert refused(changed(good, lambda d, bad=bad: d.update(payload=bad))) == (  # type: ignore[misc]
            "e.json#/payload",
            "the payload is not base64",
        )
    assert refused(changed(good, lambda d: d.update(signatures={}))) == (
        "e.json#/signatures",
        "not a DSSE envelope; expected a list of signatures",
    )
    assert refused(changed(good, lambda d: d.update(signatures=[1]))) == (
        "e.json#/signatures/0",
        "not a signature; expected an object with sig",
    )
    assert refused(first("sig", "§")) == ("e.json#/signatures/0/sig", "the signature is not base64")
    assert refused(first("keyid", 7)) == ("e.json#/signatures/0/keyid", "the keyid is not a text")
    assert refused(changed(good, lambda d: d.update(signatures=[{"sig": ""}] * 10_000))) == (
        "e.json#/signatures",
        "there are 10000 signatures; at most 100 are read",
    )
    twice = good.replace(b'{"payload":', b'{"payload":"","payload":', 1)
    assert refused(twice) == (
        "e.json:1:15#/payload",
        'duplicate key "payload"',
    )


def test_an_envelope_that_could_not_be_read_again_is_not_written() -> None:
    """The limit of reading holds for writing too."""
    full = changed(
        signed(LAPTOP), lambda d: d.update(signatures=[{"sig": f"{n:04}"} for n in range(100)])
    )
    with pytest.raises(HandoffError) as error:
        sign.sign_packet(signing.packet(), LAPTOP, full)
    assert error.value.problems[0].message == "there would be 101 signatures; at most 100 are read"


@quick
@given(
    st.binary(max_size=60),
    st.lists(st.tuples(st.none() | st.text("ab:", max_size=3), st.binary(max_size=70)), max_size=5),
)
def test_what_is_written_is_read_back(
    payload: bytes, pairs: list[tuple[str | None, bytes]]
) -> None:
    """An envelope comes back from its file with the same payload and signatures, whatever their order."""
    signatures = tuple(envelope.RawSignature(keyid=keyid, sig=sig) for keyid, sig in pairs)
    made = envelope.Envelope(payload=payload, signatures=signatures)
    back = envelope.read(made.to_bytes(), "e.json")
    assert back.payload == payload
    assert set(back.signatures) == set(signatures)
    assert back.to_bytes() == made.to_bytes()
