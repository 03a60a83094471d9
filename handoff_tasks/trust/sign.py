"""Sign packets and receipts, and lay signatures of several machines into one envelope.

Functions of values: the key signs, files are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handoff_tasks.formats import strict_json
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.trust import envelope, statement
from handoff_tasks.trust.envelope import Envelope, RawSignature
from handoff_tasks.trust.names import DEFAULT

if TYPE_CHECKING:
    from handoff_tasks.trust.names import Names
    from handoff_tasks.trust.public_key import SigningKey
    from handoff_tasks.trust.statement import Receipt

MAX_DIFFERENCES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An envelope to write.

    It is the old file's bytes when nothing changed; ``notes`` are advisories.
    """

    data: bytes
    changed: bool
    notes: tuple[Problem, ...] = ()


def sign_packet(
    data: bytes, key: SigningKey, old: bytes | None = None, *, names: Names = DEFAULT
) -> Signed:
    """Return the packet's envelope with a signature of ``key``.

    It stands beside those of the ``old`` envelope. Signing twice changes nothing. Signatures over
    another packet are left out, with an advisory (HA133): they belong to an earlier packet at the
    same place.

    Raises:
        HandoffError: HP002, HP137 (the packet cannot be signed), HP131 (``old`` is not an
            envelope), HP136 (the ssh-agent).
    """
    payload = statement.packet_statement(statement.read_packet(data, names.packet))
    present, notes = _present(old, payload, names.envelope)
    return _with_signature(payload, key, present, old, notes)


def sign_receipt(
    data: bytes, packet_envelope: bytes | None, receipt: Receipt, key: SigningKey
) -> Signed:
    """Return the envelope of a consumer's receipt, with one signature.

    Raises:
        HandoffError: HP002, HP137 (the packet), HP136 (the ssh-agent).
    """
    facts = statement.read_packet(data, DEFAULT.packet)
    payload = statement.receipt_statement(facts, packet_envelope, receipt)
    return _with_signature(payload, key, None, None, ())


def add_signatures(
    data: bytes,
    old: bytes | None,
    other: bytes,
    *,
    other_packet: bytes | None = None,
    names: Names = DEFAULT,
) -> Signed:
    """Return the packet's envelope with another machine's signatures beside our own.

    ``other_packet`` is the packet beside the other envelope, if it can be had; it only serves to
    name the differences when the two machines do not hold the same packet.

    Raises:
        HandoffError: HP002, HP137, HP131 (an envelope cannot be read), HP134 (``other`` signs
            something else), HP138 (the packets differ: by pointer). Nothing must be written then.
    """
    payload = statement.packet_statement(statement.read_packet(data, names.packet))
    more = envelope.read(other, names.other)
    if more.payload != payload:
        found = packet_differences(data, other_packet, names) if other_packet is not None else []
        mismatch = statement.mismatch(more.payload, payload, names.other)
        assert mismatch is not None
        raise HandoffError(found or [mismatch])
    present, notes = _present(old, payload, names.envelope)
    if old is not None and present is not None and set(more.signatures) <= set(present.signatures):
        return Signed(data=old, changed=False)
    merged = more if present is None else envelope.merge(present, more.signatures)
    _check_count(merged, names.envelope)
    return Signed(data=merged.to_bytes(), changed=True, notes=notes)


def packet_differences(ours: bytes, other: bytes, names: Names) -> list[Problem]:
    """Return the places where two packets differ (HP138), by JSON pointer.

    There are none when one is not JSON.
    """
    try:
        left: Any = strict_json.read(ours, names.packet)
        right: Any = strict_json.read(other, names.other_packet)
    except HandoffError:
        return []
    found = []
    for pointer, one, another in statement.differences(left, right):
        message = f"{pointer}: {one} / {another}, nothing written"
        hint = "verify with the same tools"
        found.append(
            Problem(
                code="HP138",
                where=f"{names.packet} / {names.other_packet}",
                message=message,
                hint=hint,
            )
        )
        if len(found) == MAX_DIFFERENCES:
            break
    return found


def bundle(data: bytes, keyid: str, where: str) -> bytes:
    """Return the Sigstore bundle of one signature in an envelope's file.

    Raises `HandoffError` (HP131).
    """
    return envelope.bundle(envelope.read(data, where), keyid, where)


def _present(
    old: bytes | None, payload: bytes, where: str
) -> tuple[Envelope | None, tuple[Problem, ...]]:
    """Return the envelope that is there, if it is over this statement.

    Else return an advisory on what is left out.
    """
    if old is None:
        return None, ()
    present = envelope.read(old, where)
    if present.payload == payload:
        return present, ()
    count = len(present.signatures)
    noun = "signature" if count == 1 else "signatures"
    message = f"the file held {count} {noun} over another packet, now left out"
    hint = "nothing to do after a new release; else sign with those keys again"
    return None, (Problem(code="HA133", where=where, message=message, hint=hint),)


def _with_signature(
    payload: bytes,
    key: SigningKey,
    present: Envelope | None,
    old: bytes | None,
    notes: tuple[Problem, ...],
) -> Signed:
    empty = Envelope(payload=payload, signatures=())
    sig = key.sign(empty.message)
    one = RawSignature(keyid=key.public.fingerprint, sig=sig)
    if present is not None and old is not None and sig in {raw.sig for raw in present.signatures}:
        return Signed(data=old, changed=False, notes=notes)
    merged = envelope.merge(present or empty, [one])
    _check_count(merged, "the envelope")
    return Signed(data=merged.to_bytes(), changed=True, notes=notes)


def _check_count(made: Envelope, where: str) -> None:
    """Refuse an envelope (HP131) that we could not read again."""
    if len(made.signatures) > envelope.MAX_SIGNATURES:
        message = (
            f"there would be {len(made.signatures)} signatures; "
            f"at most {envelope.MAX_SIGNATURES} are read"
        )
        problem = Problem(
            code="HP131",
            where=where,
            message=message,
            hint="remove the signatures that are of no use",
        )
        raise HandoffError(problem)
