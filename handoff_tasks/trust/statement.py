"""Build what is signed: in-toto Statements v1 with the SLSA Verification Summary (VSA v1).

Functions of values. The statement over a packet is a function of the packet's bytes alone, so that
a verifier builds it again and compares; nothing in a signed statement is believed.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from handoff_tasks.formats import canonical, strict_json
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.trust.names import PLAIN_NAME, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/verification_summary/v1"
VERIFIER = "urn:handoff-tasks:verifier:v1"
POLICY = "urn:handoff-tasks:policy:producer-handoff-packet.v1"
PACKET_NAME = "PRODUCER_RELEASE_HANDOFF_LATEST.json"
ENVELOPE_NAME = f"{PACKET_NAME}{SUFFIX}"
STABLE_LEVEL = "HANDOFF_STABLE"
ACCEPTED_LEVEL = "HANDOFF_ACCEPTED"
PASSED = "PASSED"
FAILED = "FAILED"
# The form that SLSA gives to fields of others: <vendor>_<fieldname>.
REASON = "handoffTasks_reason"

_HEX40 = re.compile(r"[0-9a-f]{40}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_LONGEST = 80
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFacts:
    """What a statement says of a packet, read from the packet's bytes."""

    producer: str
    release_tag: str
    commit: str
    tree: str
    profile_sha256: str
    sha256: str

    @property
    def resource_uri(self) -> str:
        """Return the package URL of the release, which binds the producer."""
        return f"pkg:generic/{quote(self.producer, safe='')}@{quote(self.release_tag, safe='')}"

    def subject(self) -> list[dict[str, object]]:
        """Return the subjects.

        The packet comes first: some verifiers compare the first one only.
        """
        return [
            {"name": PACKET_NAME, "digest": {"sha256": self.sha256}},
            {"name": "verified commit", "digest": {"gitCommit": self.commit}},
            {"name": "verified tree", "digest": {"gitTree": self.tree}},
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A consumer's acceptance of a packet, or its refusal when there is a ``reason``.

    ``consumer`` is the consumer's URI; ``commit`` is its commit that holds validators and trust
    file; ``time`` is when it decided, as ``YYYY-MM-DDTHH:MM:SSZ``.
    """

    consumer: str
    commit: str
    time: str
    reason: str | None = None

    @property
    def accepted(self) -> bool:
        """Return whether the consumer accepted the packet."""
        return self.reason is None

    def text(self) -> str:
        """Return what people see of a receipt that counts."""
        verb = "accepted" if self.accepted else "refused"
        return f"{verb} at {self.time} by {self.consumer}, at its commit {self.commit}"


def read_packet(data: bytes, where: str) -> SignedFacts:
    """Return what the statement over a packet says.

    Raises:
        HandoffError: HP002 (not JSON), HP137 (a draft, or a packet that lacks what is signed).
    """
    document = strict_json.read(data, where)
    problems: list[Problem] = []

    def text(pointer: str, form: re.Pattern[str] | None, expected: str) -> str:
        value: Any = document
        for key in pointer.split("/")[1:]:
            value = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
        if isinstance(value, str) and value:
            value = value.removeprefix("sha256:") if form is _HEX64 else value
            if form is None or form.fullmatch(value):
                return str(value)
        message = f"found {_short(value)}; expected {expected}, which a signature is about"
        hint = "sign a packet that a handoff session of this version has made"
        problems.append(
            Problem(code="HP137", where=f"{where}#{pointer}", message=message, hint=hint)
        )
        return ""

    facts = SignedFacts(
        producer=text("/producer/id", PLAIN_NAME, "the producer's id, a plain name"),
        release_tag=text("/release_tag", None, "a release tag"),
        commit=text("/git_state/verified_commit", _HEX40, "a commit of 40 hex digits"),
        tree=text("/git_state/verified_tree", _HEX40, "a tree of 40 hex digits"),
        profile_sha256=text("/producer/profile_sha256", _HEX64, "a digest of 64 hex digits"),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    if text("/verdict", None, "the verdict GO") not in ("GO", ""):
        message = "the packet is a draft: its verdict is not GO; a draft is never signed"
        hint = "fix what the draft lists, and sign the packet of the next run"
        problems.append(
            Problem(code="HP137", where=f"{where}#/verdict", message=message, hint=hint)
        )
    if problems:
        raise HandoffError(problems)
    return facts


def packet_statement(facts: SignedFacts) -> bytes:
    """Return the statement over a packet: canonical JSON without a line feed at its end."""
    predicate = {
        "verifier": {"id": VERIFIER},
        "resourceUri": facts.resource_uri,
        "policy": {"uri": POLICY, "digest": {"sha256": facts.profile_sha256}},
        "verificationResult": PASSED,
        "verifiedLevels": [STABLE_LEVEL],
    }
    return _statement(facts, predicate)


def receipt_statement(facts: SignedFacts, envelope: bytes | None, receipt: Receipt) -> bytes:
    """Return the statement of a consumer's receipt over a packet.

    It is also over the packet's envelope, if the packet is signed.

    Raises `ValueError` when a value of the receipt does not have the form that `Receipt` names.
    """
    if (
        not receipt.consumer
        or not _HEX40.fullmatch(receipt.commit)
        or not _TIME.fullmatch(receipt.time)
        or receipt.reason == ""
    ):
        raise ValueError(f"not the values of a receipt: {receipt}")
    predicate: dict[str, object] = {
        "verifier": {"id": receipt.consumer},
        "timeVerified": receipt.time,
        "resourceUri": facts.resource_uri,
        "policy": {"uri": receipt.consumer, "digest": {"gitCommit": receipt.commit}},
        "inputAttestations": [],
        "verificationResult": PASSED if receipt.accepted else FAILED,
        "verifiedLevels": [ACCEPTED_LEVEL if receipt.accepted else FAILED],
    }
    if envelope is not None:
        digest = hashlib.sha256(envelope).hexdigest()
        predicate["inputAttestations"] = [{"uri": ENVELOPE_NAME, "digest": {"sha256": digest}}]
    if receipt.reason is not None:
        predicate[REASON] = receipt.reason
    return _statement(facts, predicate)


def read_receipt(payload: bytes, where: str) -> Receipt:
    """Return the values of a receipt's statement that only the consumer knows.

    All else is built again.

    Raises:
        HandoffError: HP134, when it is not a receipt.
    """
    document: Any = strict_json.read(payload, where, code="HP134")
    try:
        predicate = document["predicate"]
        consumer = predicate["verifier"]["id"]
        commit = predicate["policy"]["digest"]["gitCommit"]
        time = predicate["timeVerified"]
        result = predicate["verificationResult"]
        reason = predicate.get(REASON)
        texts = [consumer, commit, time, result] + ([] if reason is None else [reason])
        sound = all(isinstance(text, str) and text for text in texts)
    except (AttributeError, KeyError, TypeError, IndexError):
        sound = False
    if not sound or not _HEX40.fullmatch(commit) or not _TIME.fullmatch(time):
        message = "the signed statement is not a receipt of a consumer"
        raise refusal("HP134", where, message, "ask the consumer for the receipt's file")
    if result == FAILED and reason is None:
        reason = ""
    return Receipt(consumer=consumer, commit=commit, time=time, reason=reason)


def written_time(moment: datetime) -> str:
    """Return a time as a receipt has it; it must be in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def mismatch(payload: bytes, expected: bytes, where: str) -> Problem | None:
    """Return why a signed statement is not the ``expected`` one (HP134).

    None when it is, byte for byte. The problem says only what was compared: most often the
    files are of two releases.
    """
    if payload == expected:
        return None
    again = "fetch both again from one release"
    want: Any = strict_json.read(expected, where)
    try:
        have: Any = strict_json.read(payload, where, code="HP134")
    except HandoffError as error:
        message = f"the signed statement cannot be read: {error.problems[0].message}"
        return Problem(code="HP134", where=where, message=message, hint=again)
    signed = _packet_digest(have)
    packet = _packet_digest(want)
    if signed is not None and signed != packet:
        message = f"signed is {signed[:8]}…, this packet is {packet[:8] if packet else ''}…"
        return Problem(code="HP134", where=where, message=message, hint=again)
    for pointer, left, right in differences(have, want):
        message = f"{pointer}: signed is {left}, expected of this packet is {right}"
        return Problem(code="HP134", where=where, message=message, hint=again)
    message = "the signed statement says the same as that of this packet, but in other bytes"
    hint = "have it signed again with handoff-sign, whose statements are canonical JSON"
    return Problem(code="HP134", where=where, message=message, hint=hint)


def differences(left: object, right: object, pointer: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the JSON pointer, and both values as text, of each place where two documents differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            inner = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from differences(left.get(key, _MISSING), right.get(key, _MISSING), inner)
    elif isinstance(left, list) and isinstance(right, list):
        for number in range(max(len(left), len(right))):
            one = left[number] if number < len(left) else _MISSING
            other = right[number] if number < len(right) else _MISSING
            yield from differences(one, other, f"{pointer}/{number}")
    elif left is _MISSING or right is _MISSING or json.dumps(left) != json.dumps(right):
        yield pointer, _short(left), _short(right)


def _statement(facts: SignedFacts, predicate: object) -> bytes:
    return canonical.canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": facts.subject(),
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )


def _packet_digest(document: Any) -> str | None:
    """Return the digest of a statement's first subject.

    None when it has none of a digest's form.
    """
    try:
        digest = document["subject"][0]["digest"]["sha256"]
    except (KeyError, TypeError, IndexError):
        return None
    return digest if isinstance(digest, str) and _HEX64.fullmatch(digest) else None


def _short(value: object) -> str:
    if value is _MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
