"""Read and write DSSE envelopes, and the Sigstore bundle of one signature.

Functions of values. Read strictly, but what DSSE allows is accepted: URL-safe base64, a missing or
foreign keyid, unknown fields, signatures that are of no use. The keyid is a hint and proves
nothing.
"""

from __future__ import annotations

import base64
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats import canonical, strict_json
from handoff_tasks.problems import HandoffError, refusal
from handoff_tasks.trust import wire

if TYPE_CHECKING:
    from collections.abc import Iterable

PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
# Each one is tried with each key of the producer: without a limit a file could cost hours.
MAX_SIGNATURES = 100

_AGAIN = "get the file again from its publisher"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSignature:
    """A signature as an envelope holds it, believed in no part."""

    keyid: str | None
    sig: bytes

    def to_dict(self) -> dict[str, str]:
        """Return the form that an envelope has."""
        sig = base64.b64encode(self.sig).decode()
        return {"sig": sig} if self.keyid is None else {"keyid": self.keyid, "sig": sig}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A DSSE envelope over ``payload``."""

    payload: bytes
    signatures: tuple[RawSignature, ...]
    payload_type: str = PAYLOAD_TYPE

    @property
    def message(self) -> bytes:
        """Return the bytes that are signed."""
        return pae(self.payload_type, self.payload)

    def to_dict(self) -> dict[str, object]:
        """Return the form of the file, signatures sorted by keyid and each only once."""
        unique = set(self.signatures)
        ordered = sorted(unique, key=lambda one: (one.keyid or "", one.keyid is None, one.sig))
        return {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [one.to_dict() for one in ordered],
        }

    def to_bytes(self) -> bytes:
        """Return the file: one line of canonical JSON.

        It is so also a line of a ``.jsonl`` file.
        """
        return canonical.canonical_bytes(self.to_dict()) + b"\n"


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding.

    It holds the type and the payload, each after its length in bytes.
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read(data: bytes, where: str) -> Envelope:
    """Return the envelope in ``data``.

    Raises:
        HandoffError: HP131, with the JSON pointer of what is not as DSSE has it.
    """
    try:
        document = strict_json.read(data, where, code="HP131")
    except HandoffError as error:
        [problem] = error.problems
        raise refusal("HP131", problem.where, problem.message, _AGAIN) from None
    if not isinstance(document, dict):
        message = "not a DSSE envelope; expected an object with payload and signatures"
        raise _refused(where, "", message)
    kind = document.get("payloadType")
    if kind != PAYLOAD_TYPE:
        shown = repr(kind)[:80] if isinstance(kind, str) else "none"
        message = f"the payload's type is {shown}; expected '{PAYLOAD_TYPE}'"
        raise _refused(where, "/payloadType", message)
    payload = _decoded(document.get("payload"))
    if payload is None:
        raise _refused(where, "/payload", "the payload is not base64")
    entries = document.get("signatures")
    if not isinstance(entries, list):
        message = "not a DSSE envelope; expected a list of signatures"
        raise _refused(where, "/signatures", message)
    if len(entries) > MAX_SIGNATURES:
        message = f"there are {len(entries)} signatures; at most {MAX_SIGNATURES} are read"
        raise _refused(where, "/signatures", message)
    signatures = [
        _signature(entry, where, f"/signatures/{number}") for number, entry in enumerate(entries)
    ]
    return Envelope(payload=payload, signatures=tuple(signatures))


def _signature(entry: object, where: str, pointer: str) -> RawSignature:
    """Return one signature of an envelope. Raises `HandoffError` (HP131)."""
    if not isinstance(entry, dict):
        raise _refused(where, pointer, "not a signature; expected an object with sig")
    sig = _decoded(entry.get("sig"))
    if sig is None:
        raise _refused(where, f"{pointer}/sig", "the signature is not base64")
    keyid = entry.get("keyid")
    if keyid is not None and not isinstance(keyid, str):
        raise _refused(where, f"{pointer}/keyid", "the keyid is not a text")
    return RawSignature(keyid=keyid, sig=sig)


def _refused(where: str, pointer: str, message: str) -> HandoffError:
    return refusal("HP131", f"{where}#{pointer}", message, _AGAIN)


def merge(first: Envelope, others: Iterable[RawSignature]) -> Envelope:
    """Return the envelope with more signatures, each of which stands in it once."""
    both = dict.fromkeys([*first.signatures, *others])
    return Envelope(payload=first.payload, signatures=tuple(both), payload_type=first.payload_type)


def bundle(envelope: Envelope, keyid: str, where: str) -> bytes:
    """Return the Sigstore bundle v0.3 of one signature, which verifiers such as cosign read.

    Raises:
        HandoffError: HP131, when not exactly one signature has that keyid.
    """
    chosen = {one for one in envelope.signatures if one.keyid == keyid}
    if len(chosen) != 1:
        known = ", ".join(sorted({one.keyid for one in envelope.signatures if one.keyid})) or "none"
        count = f"{len(chosen)} signatures have" if chosen else "no signature has"
        message = f"{count} the keyid {keyid}; there are: {known}"
        raise refusal("HP131", where, message, "name one of these keyids")
    one = Envelope(
        payload=envelope.payload, signatures=tuple(chosen), payload_type=envelope.payload_type
    )
    document = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": keyid}, "tlogEntries": []},
        "dsseEnvelope": one.to_dict(),
    }
    return canonical.canonical_bytes(document) + b"\n"


def _decoded(text: object) -> bytes | None:
    """Return the bytes of base64 of either alphabet, padded, in its one exact form; else None."""
    if not isinstance(text, str):
        return None
    for altchars in (b"+/", b"-_"):
        with contextlib.suppress(wire.Malformed):
            return wire.read_base64(text, altchars)
    return None
