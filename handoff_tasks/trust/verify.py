"""Judge signatures: which ones of an envelope, a receipt or a tag count, and why others do not.

Functions of values; the time is the caller's. A finding says what was compared, and
guesses no intent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, Any

from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.trust import envelope as envelope_module
from handoff_tasks.trust import signers, sshsig, statement
from handoff_tasks.trust.names import DEFAULT, SUFFIX
from handoff_tasks.trust.signers import GIT, HANDOFF, RECEIPT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from handoff_tasks.trust.envelope import Envelope, RawSignature
    from handoff_tasks.trust.names import Names
    from handoff_tasks.trust.signers import AllowedKey, RevokedKeys, TrustFile
    from handoff_tasks.trust.statement import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The moment at which keys must be valid, and whether a person asked for it with ``--at``."""

    now: datetime
    asked: bool = False

    def said(self, bound: datetime) -> str:
        """Return what a message says of the moment, beside a bound of a key's validity."""
        exact = self.now.date() == bound.date()
        text = self.now.strftime("%Y-%m-%dT%H:%M:%SZ" if exact else "%Y-%m-%d")
        return f"--at is {text}" if self.asked else f"it is {text} here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the signatures are worth.

    ``signatures`` are the distinct keys that count; ``allowed`` is how many of the principal could
    sign now. Without findings of the codes HP… the demand of ``threshold`` keys is met.
    """

    checked: bool = True
    principal: str = ""
    signers: str = ""
    threshold: int = 0
    allowed: int = 0
    signatures: tuple[AllowedKey, ...] = ()
    findings: tuple[Problem, ...] = ()
    receipt: Receipt | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return the findings that make a NO-GO."""
        return tuple(finding for finding in self.findings if finding.code.startswith("HP"))

    @property
    def advisories(self) -> tuple[Problem, ...]:
        """Return the findings that do not stop anything."""
        return tuple(finding for finding in self.findings if not finding.code.startswith("HP"))

    def rows(self) -> list[tuple[str, str]]:
        """Return what people see of signatures that were checked, each with its name.

        There are none when no signature was checked.
        """
        if not self.checked or not self.principal:
            return []
        width = max((len(key.name) for key in self.signatures), default=0)
        rows = [("receipt", self.receipt.text())] if self.receipt else []
        for key in self.signatures:
            short = key.key.short_fingerprint
            until = f"  valid until {signers.shown(key.valid_before)}" if key.valid_before else ""
            rows.append(("signature", f"{key.name.ljust(width)}  {short}{until}"))
        needed = f"{len(self.signatures)} of {self.threshold} needed"
        allowed = f"of {self.allowed} that {self.signers} allows for {self.principal}"
        return [*rows, ("signers", f"{needed}, {allowed}; no network was used")]

    def lines(self) -> list[str]:
        """Return the rows as lines of text."""
        return [f"{name:<9}  {value}" for name, value in self.rows()]

    def facts(self) -> list[tuple[str, str]]:
        """Return the rows and the findings for a report, which shows no other part of these."""
        rows = [*self.rows(), *(("signature", finding.message) for finding in self.findings)]
        return [(name.capitalize(), " ".join(value.split())) for name, value in rows]

    def to_dict(self) -> dict[str, Any]:
        """Return the form for machines, without the findings."""
        return {
            "checked": self.checked,
            "principal": self.principal,
            "signers": self.signers,
            "threshold": self.threshold,
            "allowed": self.allowed,
            "signatures": [
                {
                    "name": key.name,
                    "fingerprint": key.key.fingerprint,
                    "valid_until": signers.shown(key.valid_before) if key.valid_before else None,
                }
                for key in self.signatures
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who may sign: the trust file, the revoked keys, how many must sign, and the moment."""

    file: TrustFile
    revoked: RevokedKeys
    threshold: int
    clock: Clock

    def reason(self, key: AllowedKey, namespace: str) -> tuple[str, str] | None:
        """Return why a key does not count now, and what to do next; None when it counts."""
        current = "sign with a current key"
        audit = f"{current}; for an audit --at the receipt's time"
        now = self.clock.now
        line = self.revoked.lines.get(key.key.raw)
        if line is not None:
            return f"{key.name}'s key is revoked by {self.revoked.where}:{line}", current
        if namespace not in key.namespaces:
            message = (
                f"{key.name}'s key is allowed for {', '.join(key.namespaces)}, not for {namespace}"
            )
            return (
                message,
                f"sign with a key for {namespace}, "
                f"or add it to line {key.line} of {self.file.where}",
            )
        if key.valid_before is not None and now >= key.valid_before:
            bound = key.valid_before
            text = signers.shown(bound, now)
            return f"{key.name}'s key is valid until {text}, and {self.clock.said(bound)}", audit
        if key.valid_after is not None and now < key.valid_after:
            bound = key.valid_after
            text = signers.shown(bound, now)
            return f"{key.name}'s key is valid from {text}, and {self.clock.said(bound)}", audit
        return None

    def current(self, principal: str, namespace: str) -> list[AllowedKey]:
        """Return the keys of a principal that count now."""
        return [key for key in self.file.of(principal) if self.reason(key, namespace) is None]


def judge(
    packet: bytes,
    envelope: bytes | None,
    trust_file: bytes | None,
    revoked: bytes | None = None,
    *,
    threshold: int = 1,
    now: datetime,
    asked: bool = False,
    demand: bool = True,
    names: Names = DEFAULT,
) -> Judgement:
    """Return what the signatures beside a packet are worth. Never raises for what the bytes hold.

    ``envelope`` is None when there is no such file; ``trust_file`` is None without ``--signers``.
    ``now`` is the verifier's clock, or the time of ``--at`` if ``asked``; it must know its time
    zone. Without ``demand``, a trust file in which no line is for this producer asks for nothing.
    """
    if trust_file is None:
        return _unchecked(envelope, names, "give --signers")
    try:
        trust = _read_trust(trust_file, revoked, threshold, _clock(now, asked=asked), names)
        facts = statement.read_packet(packet, names.packet)
    except HandoffError as error:
        return Judgement(findings=error.problems)
    if not demand and not trust.file.demands(facts.producer, HANDOFF):
        hint = f"add the lines of {facts.producer} to {trust.file.where}"
        return _unchecked(envelope, names, hint)
    if envelope is None:
        message = f"not signed: there is no {names.packet}{SUFFIX}"
        hint = "ask the producer for it, or verify without --signers"
        missing = Problem(code="HP132", where=names.packet, message=message, hint=hint)
        return _result(trust, facts.producer, HANDOFF, (), [missing])
    return _judged(
        envelope, statement.packet_statement(facts), trust, facts.producer, HANDOFF, names
    )


def judge_receipt(
    packet: bytes,
    envelope: bytes | None,
    receipt: bytes,
    trust_file: bytes,
    revoked: bytes | None = None,
    *,
    consumer: str | None = None,
    principal: str | None = None,
    threshold: int = 1,
    now: datetime,
    asked: bool = False,
    names: Names = DEFAULT,
) -> Judgement:
    """Return what a consumer's receipt over a packet is worth.

    The receipt is also over the packet's envelope; its values are in ``receipt``. ``consumer`` is
    the URI that must have given it, None for the one that it names; ``principal`` is the name in
    the trust file, if that is another one. ``names.envelope`` is the receipt's file. A refusal that
    counts is a finding (HP140).
    """
    try:
        trust = _read_trust(trust_file, revoked, threshold, _clock(now, asked=asked), names)
        facts = statement.read_packet(packet, names.packet)
        given = envelope_module.read(receipt, names.envelope)
        values = statement.read_receipt(given.payload, names.envelope)
    except HandoffError as error:
        return Judgement(findings=error.problems)
    consumer = values.consumer if consumer is None else consumer
    if values.consumer != consumer:
        message = f"the receipt is of {values.consumer!r}; expected {consumer!r}"
        wrong = Problem(
            code="HP134",
            where=names.envelope,
            message=message,
            hint="name the consumer that gave it",
        )
        return Judgement(findings=(wrong,))
    expected = statement.receipt_statement(facts, envelope, values)
    judged = _judged(receipt, expected, trust, principal or consumer, RECEIPT, names)
    if judged.problems:
        return judged
    findings = judged.findings if values.accepted else (*judged.findings, _refusal(values, names))
    return replace(judged, receipt=values, findings=tuple(sorted(findings)))


def _refusal(receipt: Receipt, names: Names) -> Problem:
    message = f"{receipt.consumer} refused this packet at {receipt.time}: {receipt.reason}"
    hint = "agree on the reason with the consumer, and hand over a packet that it accepts"
    return Problem(code="HP140", where=names.envelope, message=message, hint=hint)


def judge_tag(
    tag: bytes | None,
    trust_file: bytes,
    revoked: bytes | None = None,
    *,
    name: str,
    target: str,
    principal: str,
    now: datetime,
    asked: bool = False,
    names: Names = DEFAULT,
) -> Judgement:
    """Return what the SSH signature of a release tag is worth.

    ``tag`` are the bytes of the tag object, None when the tag is a lightweight one; ``name`` is the
    tag without ``refs/tags/``, ``target`` the commit that git found it to point to. A trust file
    without the namespace ``git`` for the principal asks for nothing.
    """
    where = f"tag {name}"
    try:
        trust = _read_trust(trust_file, revoked, 1, _clock(now, asked=asked), names)
    except HandoffError as error:
        return Judgement(findings=error.problems)
    if not trust.file.demands(principal, GIT):
        return Judgement(checked=False)
    message, hint, signatures = _tag_fault(tag, trust, name, target, principal)
    findings = [Problem(code="HP139", where=where, message=message, hint=hint)] if message else []
    return _result(trust, principal, GIT, signatures, findings)


def _tag_fault(
    data: bytes | None, trust: Trust, name: str, target: str, principal: str
) -> tuple[str, str, tuple[AllowedKey, ...]]:
    """Return what is wrong with a tag's signature, a hint, its key.

    Both texts are empty when the signature counts.
    """
    again = "sign the tag with an ssh key of the trust file: git tag -s, with gpg.format=ssh"
    if data is None:
        return "the tag is a lightweight one, which holds no signature", again, ()
    try:
        tag = sshsig.read_tag(data)
        if tag.armor is None:
            return "the tag is not signed", again, ()
        signature = sshsig.read(tag.armor)
    except sshsig.SignatureFault as fault:
        return str(fault), again, ()
    fetch = "fetch the tag again, and ask the producer which one is meant"
    other = _other_tag(tag, name, target)
    if other:
        return other, fetch, ()
    if signature.namespace != GIT:
        return f"the signature's namespace is {signature.namespace!r}; expected 'git'", again, ()
    key = next((one for one in trust.file.of(principal) if one.key == signature.key), None)
    if key is None:
        message = f"the tag's signature is by no key of {principal}: {signature.key.fingerprint}"
        return (
            message,
            f"compare the fingerprint; add the line to {trust.file.where} if it is right",
            (),
        )
    if not signature.verifies(tag.payload):
        return f"the tag's signature of {key.name} is over other bytes", fetch, ()
    reason = trust.reason(key, GIT)
    return (*reason, ()) if reason else ("", "", (key,))


def _other_tag(tag: sshsig.Tag, name: str, target: str) -> str:
    """Return how a tag object is another tag; empty if not."""
    if tag.name != name:
        return f"the tag object is of the tag {tag.name!r}; expected {name!r}"
    if tag.kind != "commit" or tag.target != target:
        return f"signed is the {tag.kind} {tag.target[:12]}; the tag's commit is {target[:12]}"
    return ""


def _clock(now: datetime, *, asked: bool) -> Clock:
    if now.tzinfo is None:
        raise ValueError("the time does not know its zone")
    return Clock(now=now.astimezone(UTC), asked=asked)


def _unchecked(envelope: bytes | None, names: Names, hint: str) -> Judgement:
    if envelope is None:
        return Judgement(checked=False)
    message = "a signature lies beside the packet and was not checked"
    note = Problem(code="HA130", where=names.envelope, message=message, hint=hint)
    return Judgement(checked=False, findings=(note,))


def _read_trust(
    data: bytes, revoked: bytes | None, threshold: int, clock: Clock, names: Names
) -> Trust:
    """Return who may sign. Raises `HandoffError`: HP001 (the threshold), HP130."""
    problems: list[Problem] = []
    if threshold < 1:
        message = f"found {threshold}; expected a number of keys, 1 or more"
        problems.append(
            Problem(
                code="HP001",
                where="--threshold",
                message=message,
                hint="give how many keys must sign",
            )
        )
    file = None
    without = signers.NOTHING_REVOKED
    try:
        file = signers.read(data, names.signers)
    except HandoffError as error:
        problems += error.problems
    try:
        without = without if revoked is None else signers.read_revoked(revoked, names.revoked)
    except HandoffError as error:
        problems += error.problems
    if problems or file is None:
        raise HandoffError(problems)
    return Trust(file=file, revoked=without, threshold=threshold, clock=clock)


def _judged(
    data: bytes, expected: bytes, trust: Trust, principal: str, namespace: str, names: Names
) -> Judgement:
    """Return the judgement on an envelope that must be over the ``expected`` statement."""
    try:
        found = envelope_module.read(data, names.envelope)
    except HandoffError as error:
        return _result(trust, principal, namespace, (), error.problems)
    mismatch = statement.mismatch(found.payload, expected, names.envelope)
    if mismatch is not None:
        return _result(trust, principal, namespace, (), [mismatch])
    if not trust.file.of(principal):
        known = sorted({name for key in trust.file.keys for name in key.principals})
        message = (
            f"allows no key of {principal}; it has lines for {', '.join(known) or 'no producer'}"
        )
        hint = (
            "add a line for each key that may sign: "
            f'{principal} namespaces="{namespace}" ssh-ed25519 KEY COMMENT'
        )
        unknown = Problem(code="HP133", where=trust.file.where, message=message, hint=hint)
        return _result(trust, principal, namespace, (), [unknown])
    counted, findings = _counted(found, trust, principal, namespace, names)
    if len(counted) < trust.threshold:
        findings.append(_too_few(counted, trust, principal, namespace, names))
    return _result(trust, principal, namespace, tuple(counted), findings)


def _counted(
    found: Envelope, trust: Trust, principal: str, namespace: str, names: Names
) -> tuple[list[AllowedKey], list[Problem]]:
    """Return the distinct keys whose signatures count, and advisories.

    There is one advisory for each signature that does not count.
    """
    keys = trust.file.of(principal)
    message = found.message
    made: dict[bytes, AllowedKey | None] = {}
    counted: dict[bytes, AllowedKey] = {}
    findings = []
    for number, signature in enumerate(found.signatures, 1):
        if signature.sig not in made:
            made[signature.sig] = _maker(signature, keys, message)
        key = made[signature.sig]
        where = f"{names.envelope}#/signatures/{number - 1}"
        if key is None:
            said = f"signature {number} is by no key of {principal}, or over other bytes"
            hint = "compare the fingerprint; add the line if it is right"
            findings.append(Problem(code="HA131", where=where, message=said, hint=hint))
            continue
        reason = trust.reason(key, namespace)
        if reason is None:
            counted[key.key.raw] = key
        else:
            findings.append(Problem(code="HA132", where=where, message=reason[0], hint=reason[1]))
    return sorted(counted.values(), key=lambda key: key.line), findings


def _maker(
    signature: RawSignature, keys: Sequence[AllowedKey], message: bytes
) -> AllowedKey | None:
    """Return the key that made a signature.

    The keyid proves nothing; it only says which one to try first.
    """
    likely = [key for key in keys if key.key.fingerprint == signature.keyid]
    for key in [*likely, *keys]:
        if key.key.verifies(signature.sig, message):
            return key
    return None


def _too_few(
    counted: Sequence[AllowedKey], trust: Trust, principal: str, namespace: str, names: Names
) -> Problem:
    current = trust.current(principal, namespace)
    others = [key.name for key in current if key not in counted]
    who = ", ".join(key.name for key in counted) or "none"
    noun = "key" if trust.threshold == 1 else "keys"
    verb = "is" if len(current) == 1 else "are"
    message = (
        f"signed by {len(counted)} of the {trust.threshold} distinct {noun} that {principal} needs "
        f"({who}; {len(current)} {verb} allowed)"
    )
    hint = (
        f"have {' or '.join(others)} sign"
        if others
        else f"add the line of one more key to {trust.file.where}"
    )
    return Problem(code="HP133", where=names.envelope, message=message, hint=hint)


def _result(
    trust: Trust,
    principal: str,
    namespace: str,
    signatures: tuple[AllowedKey, ...],
    findings: Sequence[Problem],
) -> Judgement:
    return Judgement(
        principal=principal,
        signers=trust.file.where,
        threshold=trust.threshold,
        allowed=len(trust.current(principal, namespace)),
        signatures=signatures,
        findings=tuple(sorted(findings)),
    )
