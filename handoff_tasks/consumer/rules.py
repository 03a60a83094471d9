"""Decide whether a packet may be accepted, or an accept undone.

Functions of values. What git, the file system and the validators say is handed in. What only a plan
can find, such as a line that has drifted, is in `plan`; what only a receipt can, in `receipt`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handoff_tasks.consumer import classify
from handoff_tasks.consumer.classify import NoticePeriod
from handoff_tasks.consumer.pin import same_release
from handoff_tasks.consumer.profile import PACKET
from handoff_tasks.consumer.values import MANIFEST_KEYS, PinValues
from handoff_tasks.formats import canonical
from handoff_tasks.packet.change import ChangeClass
from handoff_tasks.packet.document import GO, is_own
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from handoff_tasks.consumer.profile import Profile
    from handoff_tasks.consumer.receipt import Receipt
    from handoff_tasks.packet.change import Change, Notice
    from handoff_tasks.packet.document import AnyPacket, PacketDocument


_ASK = "ask the producer for a GO packet of a handoff session"
_FETCH = "fetch the producer's tags; if the tag was moved, ask the producer why"
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class TagNow:
    """What the producer's git says of the release's tag at the time of the accept.

    ``target`` is None if there is no such tag. ``manifest`` are the manifest's bytes there, and
    ``pin`` are the values that they state.
    """

    name: str
    target: str | None
    manifest: bytes | None = None
    pin: PinValues | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A file to write as git and the file system have it.

    ``kind`` is ``file``, ``link``, ``folder``, ``other`` or ``missing``. ``through_link`` is
    whether a folder on the way is a link. ``state`` is ``committed``, ``modified`` or
    ``untracked``.
    ``optional`` is for the receipt, which is not there before the first accept.
    """

    path: str
    kind: str = "file"
    through_link: bool = False
    state: str = "committed"
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorResult:
    """The result of a validator; one that changed a file in the private copy has failed."""

    id: str
    outcome: str
    exit_code: int | None = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorChange:
    """A path that validators are made of, with its blob at the last receipt and now.

    None is absent.
    """

    path: str
    before: str | None
    now: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The accepted fingerprints, and the moment of the accept."""

    accepted: Collection[str]
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Problems refuse, advisories inform."""

    problems: tuple[Problem, ...] = field(default=())
    advisories: tuple[Problem, ...] = field(default=())


def check_packet(document: AnyPacket, profile: Profile, where: str) -> list[Problem]:
    """Return why a packet may not be accepted, whatever git says (HP122).

    ``document`` must be readable for `handoff_tasks.diff`.
    """

    def problem(pointer: str, message: str, hint: str) -> Problem:
        return Problem(code="HP122", where=f"{where}#{pointer}", message=message, hint=hint)

    if not is_own(document):
        message = "the packet is of another generator, so no outcome in it is proven"
        return [problem("", message, _ASK)]
    problems = []
    if document["verdict"] != GO:
        message = f"the packet is a draft: its verdict is {document['verdict']}"
        problems.append(problem("/verdict", f"{message}; a draft is never accepted", _ASK))
    mode = document["handoff_mode"]
    if mode not in profile.policy.modes:
        expected = ", ".join(profile.policy.modes)
        message = f"the packet is of mode {mode}; the consumer accepts {expected}"
        hint = "ask for a packet of that mode, or add the mode to policy.modes"
        problems.append(problem("/handoff_mode", message, hint))
    producer = document["producer"]
    if profile.producer.name not in (producer["id"], producer["name"]):
        message = f"the packet is of {producer['name']}; the consumer pins {profile.producer.name}"
        hint = "use the consumer profile of that producer"
        problems.append(problem("/producer/name", message, hint))
    for number, outcome in enumerate(document["verification_outcomes"]):
        if outcome["outcome"] != "passed" and document["verdict"] == GO:
            said = str(outcome["outcome"]).replace("_", " ")
            message = f"{outcome['id']} {said}; the verdict says {GO}"
            problems.append(problem(f"/verification_outcomes/{number}/outcome", message, _ASK))
    return problems


def check_tag(document: PacketDocument, tag: TagNow, where: str) -> list[Problem]:
    """Return where the producer's git contradicts a packet now (HP122, HP123).

    A packet is made before its tag, so it may say ``untagged``: the tag must be there now.
    """
    state = document["git_state"]
    if tag.target is None:
        message = "the release is not tagged in the producer's repository"
        return [Problem(code="HP123", where=f"tag {tag.name}", message=message, hint=_FETCH)]
    stated_target = state["tag"]["target"]
    problems = []
    if stated_target not in (None, tag.target):
        message = f"the tag was moved: it points to {tag.target}, the packet says {stated_target}"
        problems.append(
            Problem(code="HP123", where=f"tag {tag.name}", message=message, hint=_FETCH)
        )
    if state["manifest_sha256"] is None:
        # A producer without a manifest: only its tag can be compared.
        return problems
    if tag.manifest is None or tag.pin is None:
        message = f"the tag's commit {tag.target[:12]} has no manifest that can be read"
        problems.append(Problem(code="HP123", where=f"tag {tag.name}", message=message, hint=_ASK))
        return problems
    sha256 = hashlib.sha256(tag.manifest).hexdigest()
    if state["manifest_sha256"] != sha256:
        message = (
            f"the packet says {state['manifest_sha256']}; the manifest at the tag has {sha256}"
        )
        place = f"{where}#/git_state/manifest_sha256"
        problems.append(Problem(code="HP122", where=place, message=message, hint=_ASK))
    stated = tag.pin.to_dict()
    # A packet of the kind release has tag and commit only.
    baseline: Mapping[str, Any] = document.get("active_runtime_baseline", document)
    for name, key in MANIFEST_KEYS.items():
        said = baseline.get(key)
        if said != stated[name]:
            message = f"the packet says {said}; the manifest at the tag says {stated[name]}"
            place = (
                f"{where}#/{key}"
                if baseline is document
                else f"{where}#/active_runtime_baseline/{key}"
            )
            problems.append(Problem(code="HP122", where=place, message=message, hint=_ASK))
    return problems


def check_step(old: PinValues, new: PinValues, pin_path: str) -> list[Problem]:
    """Return why a release is not a step forward from the pinned one (HP124)."""
    if old.release_tag == new.release_tag:
        return list(_republished(old, new, pin_path))
    was, now = _version(old.release_tag), _version(new.release_tag)
    if was is not None and now is not None and now < was:
        message = f"{new.release_tag} is older than {old.release_tag}, which is pinned"
        hint = "go back with handoff-rollback"
        return [Problem(code="HP124", where=pin_path, message=message, hint=hint)]
    return []


def check_old_tag(old: PinValues, tag: TagNow, pin_path: str) -> list[Problem]:
    """Return where the pinned release is no longer what its tag says (HP123, HP124)."""
    if tag.target is None:
        message = "the pinned release is not tagged in the producer's repository"
        return [Problem(code="HP123", where=f"tag {tag.name}", message=message, hint=_FETCH)]
    if tag.pin is None:
        if old.manifest_sha256 is None:
            return []
        message = f"the tag's commit {tag.target[:12]} has no manifest that can be read"
        return [Problem(code="HP123", where=f"tag {tag.name}", message=message, hint=_FETCH)]
    return list(_republished(old, tag.pin, pin_path))


def check_changes(
    changes: Sequence[Change], profile: Profile, notice: Notice, start: datetime, decision: Decision
) -> Findings:
    """Return which changes need a decision that was not made (HP125), and which one was (HA122).

    Args:
        changes: What the release changes.
        profile: The consumer.
        notice: The notice policy of the pinned release.
        start: When the notice began: the packet's time, unless an earlier notice is known.
        decision: The accepted fingerprints, and the moment of the accept.
    """
    problems, advisories = [], []
    period = NoticePeriod.of(notice, start)
    for change in changes:
        accepted = change.fingerprint in decision.accepted
        where = f"change {change.fingerprint}"
        if change.change_class == ChangeClass.BREAKING and profile.policy.refuse_breaking:
            if classify.needs_acceptance(change, decision.accepted):
                hint = f"change the consumer, then give --accept-change {change.fingerprint}"
                problems.append(
                    Problem(
                        code="HP125", where=where, message=f"breaking: {change.message}", hint=hint
                    )
                )
            else:
                message = f"a breaking change was accepted: {change.message}"
                advisories.append(_accepted(where, message))
        if change.notice is not None and profile.policy.notice and not period.over(decision.now):
            if accepted and period.emergency_over(decision.now):
                message = f"accepted before its notice is over, as an emergency: {change.message}"
                advisories.append(_accepted(where, message))
            else:
                problems.append(_notice_problem(change, notice, period, accepted=accepted))
    known = {change.fingerprint for change in changes}
    for fingerprint in sorted(set(decision.accepted) - known):
        message = f"the release has no change {fingerprint}"
        hint = "give the fingerprints that this release's refusal names"
        problems.append(Problem(code="HP125", where="--accept-change", message=message, hint=hint))
    return Findings(
        problems=tuple(sorted(set(problems))), advisories=tuple(sorted(set(advisories)))
    )


def check_targets(targets: Sequence[Target]) -> list[Problem]:
    """Return which files cannot be written (HP126)."""
    return sorted(problem for target in targets for problem in _target_problems(target))


def check_validators(results: Sequence[ValidatorResult]) -> list[Problem]:
    """Return which validators did not pass (HP127)."""
    problems = []
    for result in results:
        if result.outcome == "passed":
            continue
        outcome = result.outcome.replace("_", " ")
        reason = result.reason or f"exit code {result.exit_code}"
        problems.append(
            Problem(
                code="HP127",
                where=f"validator {result.id}",
                message=f"{outcome}: {reason}",
                hint="read its log, correct what it names, and run again; nothing was written",
            )
        )
    return problems


def check_validator_changes(
    last: Receipt | None,
    profile: Profile,
    changes: Sequence[ValidatorChange],
    accepted: Collection[str],
) -> Findings:
    """Return whether validators and profile changed together since the last receipt.

    Both at once could hide a weakened check (HP125). One of them alone is an advisory (HA121).
    """
    if last is None:
        return Findings()
    changed = [change for change in changes if change.before != change.now]
    moved = last.profile_digest != profile.digest
    paths = ", ".join(change.path for change in changed)
    if changed and moved:
        fingerprint = validators_fingerprint(last, profile, changed)
        where = f"change {fingerprint}"
        message = f"{paths} changed together with the consumer profile since the last receipt"
        if fingerprint in accepted:
            return Findings(advisories=(_accepted(where, f"accepted: {message}"),))
        hint = f"have the changes reviewed, then give --accept-change {fingerprint}"
        return Findings(problems=(Problem(code="HP125", where=where, message=message, hint=hint),))
    if changed or moved:
        what = paths if changed else "the consumer profile"
        message = f"{what} changed since the last receipt"
        hint = "review the change, because it decides what an accept proves"
        return Findings(
            advisories=(Problem(code="HA121", where="validators", message=message, hint=hint),)
        )
    return Findings()


def validators_fingerprint(
    last: Receipt, profile: Profile, changed: Sequence[ValidatorChange]
) -> str:
    """Return 16 hexadecimal digits that stand for changed validators and a changed profile."""
    document = {
        "kind": "validators_and_profile",
        "old": [last.profile_digest, *[f"{one.path} {one.before}" for one in changed]],
        "new": [profile.digest, *[f"{one.path} {one.now}" for one in changed]],
    }
    return canonical.fingerprint(document)


def check_embedded(profile: Profile, new: PinValues, old: PinValues) -> list[Problem]:
    """Return the trap of a packet inside an embedded producer whose other files stay (HA120)."""
    folder = profile.producer.path
    return [
        Problem(
            code="HA120",
            where=file.path,
            message=f"the packet of {new.release_tag} comes into {folder}, whose other files stay "
            f"those of {old.release_tag}: the producer's own verifier fails there",
            hint="update the embedded producer too, "
            "or have the validators read a packet outside of it",
        )
        for file in profile.files
        if folder is not None and file.copy == PACKET and _below(file.path, folder)
    ]


def check_pinned(
    pinned: PinValues, tag: TagNow, receipt: Receipt | None, profile: Profile
) -> list[Problem]:
    """Return what is no longer true of a pin: its tag, manifest and receipt.

    HP123, HP124 and HP128. Lines that have drifted are found by a plan to the pinned values.
    """
    problems = check_old_tag(pinned, tag, profile.pin_path)
    if receipt is None:
        message = "there is no receipt of what is pinned"
        hint = "accept the pinned release's successor with handoff-accept, which leaves one"
        problems.append(
            Problem(code="HP128", where=profile.receipt_path, message=message, hint=hint)
        )
        return problems
    accepted_target = receipt.producer.tag_target
    if None not in (tag.target, accepted_target) and accepted_target != tag.target:
        message = (
            f"the tag was moved: it points to {tag.target}, the receipt says {accepted_target}"
        )
        problems.append(
            Problem(code="HP123", where=f"tag {tag.name}", message=message, hint=_FETCH)
        )
    if not same_release(pinned, receipt.new):
        message = f"the receipt is of {receipt.new.pair}; the pin says {pinned.pair}"
        hint = "restore the pin, or accept the packet of what is pinned"
        problems.append(
            Problem(code="HP128", where=profile.receipt_path, message=message, hint=hint)
        )
    return problems


def check_rollback(receipt: Receipt, results: Sequence[ValidatorResult]) -> list[Problem]:
    """Return which validators refuse the files of a rollback.

    If it crosses a service version, that is named too.
    """
    problems = check_validators(results)
    if not problems or receipt.old.service == receipt.new.service:
        return problems
    message = (
        f"the rollback crosses from {receipt.new.service} to {receipt.old.service}, "
        "and the validators do not accept the older one"
    )
    hint = f"change the validators to accept {receipt.old.service} first; nothing was written"
    return [*problems, Problem(code="HP128", where="service contract", message=message, hint=hint)]


def _republished(old: PinValues, new: PinValues, pin_path: str) -> Iterator[Problem]:
    """Yield a problem if one tag stands for two releases, with each value that differs."""
    stated = new.to_dict()
    differences = [
        f"{name} is {stated[name]}, pinned is {value}"
        for name, value in old.known().items()
        if value != stated[name]
    ]
    if differences:
        message = f"{old.release_tag} was published again: {'; '.join(differences)}"
        hint = "ask the producer for a release with a new tag"
        yield Problem(code="HP124", where=pin_path, message=message, hint=hint)


def _notice_problem(
    change: Change, notice: Notice, period: NoticePeriod, *, accepted: bool
) -> Problem:
    start = period.start.strftime("%Y-%m-%dT%H:%M:%SZ")
    if accepted:
        end = period.emergency_end.strftime("%Y-%m-%dT%H:%M:%SZ")
        message = (
            f"{change.message}; the emergency notice of {notice.emergency_hours} hours began "
            f"{start} and ends {end}"
        )
        hint = f"accept it from {end} on"
    else:
        message = (
            f"{change.message}; the notice of {notice.business_days} business days began "
            f"{start} and ends {period.standard_end}"
        )
        hint = (
            f"accept it from {period.standard_end} on; "
            f"in an emergency give --accept-change {change.fingerprint}"
        )
    return Problem(code="HP125", where=f"change {change.fingerprint}", message=message, hint=hint)


def _accepted(where: str, message: str) -> Problem:
    hint = "keep the receipt, which names it"
    return Problem(code="HA122", where=where, message=message, hint=hint)


def _target_problems(target: Target) -> Iterator[Problem]:
    def problem(message: str, hint: str) -> Problem:
        return Problem(code="HP126", where=target.path, message=message, hint=hint)

    correct = "correct the path in the consumer profile"
    plain = {"link": "a symbolic link", "folder": "a folder", "other": "not a plain file"}
    if target.through_link:
        yield problem("is behind a symbolic link", "replace the link by a folder")
    elif target.kind == "missing":
        if not target.optional:
            yield problem("is not there; expected a committed file", correct)
    elif target.kind in plain:
        yield problem(f"is {plain[target.kind]}; expected a plain file", correct)
    elif target.state == "untracked":
        yield problem("is not committed; expected a committed file", "commit it, then run again")
    elif target.state == "modified":
        message = "has changes that are not committed"
        yield problem(message, "commit or discard them, then run again")


def _version(tag: str) -> tuple[int, ...] | None:
    """Return the numbers of a release's tag, None if it is of another form."""
    found = _VERSION.fullmatch(tag)
    return tuple(int(part) for part in found.groups()) if found else None


def _below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")
