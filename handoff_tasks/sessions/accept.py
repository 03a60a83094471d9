"""Run ``handoff-accept``."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from handoff_tasks.sessions import consumer as consumer_session
from handoff_tasks.sessions import repin, sign
from handoff_tasks.sessions.folders import resolve_path
from handoff_tasks.trust.names import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    from nox import Session

    from handoff_tasks.consumer.plan import Plan
    from handoff_tasks.consumer.rules import TagNow
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.packet.change import Change
    from handoff_tasks.packet.document import PacketDocument
    from handoff_tasks.sessions.consumer import ConsumerPlace, Opened
    from handoff_tasks.sessions.run import Run
    from handoff_tasks.trust.public_key import SigningKey

_STATEMENT = {
    "runtime_behavior_changes": "Runtime behavior changes",
    "required_consumer_mapping_changes": "Required consumer mapping changes",
    "required_test_updates": "Required test updates",
    "repin_required": "Repin required",
    "rollback_instruction": "Rollback instruction",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A packet that was verification against the producer's git.

    ``tag`` is the release's tag as it is now; ``signatures`` are the lines on who signed.
    """

    data: bytes
    where: str
    document: PacketDocument
    workspace: Workspace
    tag: TagNow
    signatures: Sequence[str]


def accept(session: Session, place: ConsumerPlace, run: Run) -> None:
    """Verify a packet, try its release in a private copy, and pin it: all files, or none."""
    from handoff_tasks.output import terminal

    repin.require_format(run)
    key = _open_key(session, run)
    opened = consumer_session.open_place(session, place, run)
    with consumer_session.writing(opened, needed=repin.writes_work_tree(run)):
        head = repin.read_head(opened, run)
        verification = _verify(session, place, run, opened)
        plan = _plan(opened, verification, head)
        if plan.nothing_to_change:
            terminal.say(
                f"GO  {plan.new.release_tag} is pinned already: nothing to change, nothing written"
            )
            return
        changes = _judge_changes(run, opened, verification, plan, head)
        step = repin.Step(
            opened=opened,
            plan=plan,
            head=head,
            changes=changes,
            statement=_statement(verification),
            signatures=verification.signatures,
        )
        if not repin.try_step(run, step):
            return
        receipt = _receipt(run, step, verification)
        repin.finish(run, step, receipt, _signed_receipt(run, step, verification, key))


def _open_key(session: Session, run: Run) -> SigningKey | None:
    """Return the key that signs the receipt, so that a wrong one is refused before anything runs.

    No validator can see it: they get an environment of their own.
    """
    from handoff_tasks.trust.keys import open_key

    if run.options.consumer is not None:
        sign.check_consumer(run.options.consumer)
    if run.options.key is None:
        return None
    return open_key(resolve_path(session, run.options.key))


def _verify(session: Session, place: ConsumerPlace, run: Run, opened: Opened) -> Verification:
    """Verify the packet against the producer's git. Raises `HandoffError` with every problem."""
    from handoff_tasks.consumer import rules
    from handoff_tasks.packet.document import is_own
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.release import verify_packet

    request = opened.producer()
    data, where = _read_packet(session, run, opened)
    judged = verify_packet.judge_bytes(data, where)
    document = judged.document
    if document is None or (judged.is_own and not is_own(document)):
        # Not JSON, or not a packet: without its keys nothing else can be judged.
        raise HandoffError(judged.problems)
    if problems := rules.check_packet(document, opened.profile, where):
        # What else contradicts a draft or a foreign packet does not matter.
        raise HandoffError(problems)
    if judged.problems:
        raise HandoffError(judged.problems)
    assert is_own(document)
    result = verify_packet.judge_by_producer(request, document, where)
    run.advisories = [*run.advisories, *result.advisories]
    run.mode = document["handoff_mode"]
    if result.workspace is None:
        raise HandoffError(result.problems)
    run.workspace = result.workspace
    tag = consumer_session.read_tag(result.workspace, document["release_tag"])
    tag_problems = rules.check_tag(document, tag, where)
    if moved := [problem for problem in tag_problems if problem.code == "HP123"]:
        # Whatever else contradicts the packet follows from that.
        raise HandoffError(moved)
    run.problems = list(result.problems or tag_problems)
    signatures = _judge_signatures(session, place, run, data, where, document)
    # The result is the consumer's: no commit of the producer belongs in it.
    run.workspace = None
    if problems := list(run.problems):
        run.problems = ()
        raise HandoffError(problems)
    return Verification(
        data=data,
        where=where,
        document=document,
        workspace=result.workspace,
        tag=tag,
        signatures=signatures,
    )


def _read_packet(session: Session, run: Run, opened: Opened) -> tuple[bytes, str]:
    """Return the bytes of the packet, a file or ``TAG:``, and its name in messages."""
    from handoff_tasks.release import find_packet, verify_packet

    word = run.options.arguments[0]
    if word.endswith(":"):
        workspace = verify_packet.open_at(opened.producer(), "HEAD")
        run.workspace = workspace
        data, where, _ = find_packet.read_bytes_at_tag(workspace, word.removesuffix(":"))
        return data, where
    path = resolve_path(session, Path(word))
    return find_packet.read_file_bytes(path), str(path)


def _judge_signatures(
    session: Session,
    place: ConsumerPlace,
    run: Run,
    data: bytes,
    where: str,
    document: PacketDocument,
) -> list[str]:
    """Add what is wrong with the signatures to the run; return the lines on who signed."""
    from handoff_tasks.sessions import signatures, target

    # The names of sessions and files are not needed to check signatures.
    outline = target.Outline(modes={}, checks={}, manifest="")
    producer_place = target.Place(
        noxfile=place.noxfile,
        profile_path=place.noxfile,
        built_in=None,
        outline=outline,
        signers=place.signers,
        threshold=place.threshold,
    )
    lines = []
    for judgement in signatures.judge_signatures(
        session, producer_place, run, data, where, document
    ):
        run.problems = [*run.problems, *judgement.problems]
        run.advisories = [*run.advisories, *judgement.advisories]
        lines += judgement.lines()
    return lines


def _plan(opened: Opened, verification: Verification, head: repin.HeadFiles) -> Plan:
    """Return the plan of the repin. Raises `HandoffError` with every problem.

    The pinned release is compared with its own tag first: a pin that is not what its tag says
    would make every comparison wrong.
    """
    from handoff_tasks.consumer import pin, plan, rules
    from handoff_tasks.consumer.values import PinValues
    from handoff_tasks.problems import HandoffError

    profile, document = opened.profile, verification.document
    old = pin.read_pin(profile, head.files)
    assert verification.tag.manifest is None or verification.tag.pin is not None
    new = verification.tag.pin or PinValues(
        release_tag=document["release_tag"], commit_sha=document["commit_sha"]
    )
    problems = rules.check_step(old, new, profile.pin_path)
    if not problems:
        old_tag = consumer_session.read_tag(verification.workspace, old.release_tag)
        problems = rules.check_old_tag(old, old_tag, profile.pin_path)
    if problems:
        raise HandoffError(problems)
    release = plan.Release(
        values=new,
        date=document["handoff_generated_at_utc"][:10],
        manifest=verification.tag.manifest,
        packet=verification.data,
    )
    made = plan.make(profile, head.files, release, opened.consumer.commit)
    if made.problems:
        raise HandoffError(made.problems)
    return made


def _judge_changes(
    run: Run, opened: Opened, verification: Verification, plan: Plan, head: repin.HeadFiles
) -> Sequence[Change]:
    """Return what the release changes. Raises `HandoffError` (HP125) if a decision is missing."""
    from handoff_tasks.consumer import classify, rules
    from handoff_tasks.problems import HandoffError

    profile, accepted = opened.profile, run.options.accept_change
    last = repin.last_receipt(opened, head)
    validators = rules.check_validator_changes(
        last, profile, repin.validator_changes(opened, last), accepted
    )
    manifest = _old_manifest(opened, verification, plan, head)
    envelope = verification.workspace.profile.envelope_policies.get(str(plan.old.service))
    changes = classify.compare(manifest, verification.document, envelope)
    own = {item.where.removeprefix("change ") for item in validators.advisories}
    decision = rules.Decision(accepted=set(accepted) - own, now=_now(run))
    start = classify.read_time(verification.document["handoff_generated_at_utc"])
    notice = classify.notice_of(manifest)
    findings = rules.check_changes(changes, profile, notice, start, decision)
    embedded = rules.check_embedded(profile, plan.new, plan.old)
    more = [*findings.advisories, *validators.advisories, *embedded]
    run.advisories = sorted({*run.advisories, *more})
    if problems := [*findings.problems, *validators.problems]:
        raise HandoffError(problems)
    return changes


def _old_manifest(
    opened: Opened, verification: Verification, plan: Plan, head: repin.HeadFiles
) -> dict[str, Any]:
    """Return the manifest of the pinned release: the mirror, or the one at its tag.

    Without a manifest, return what the pin and the commit of the tag state.
    """
    from handoff_tasks.consumer import classify
    from handoff_tasks.formats import strict_json

    mirror, old = opened.profile.mirror, plan.old
    tag = consumer_session.read_tag(verification.workspace, old.release_tag)
    data = tag.manifest if mirror is None else head.files[mirror.path]
    if data is not None:
        return cast("dict[str, Any]", strict_json.read(data, "manifest"))
    assert tag.target is not None
    contracts = consumer_session.read_contracts(verification.workspace, tag.target)
    return classify.manifest_of_pin(old, contracts)


def _now(run: Run) -> datetime:
    from handoff_tasks.sessions import signatures
    from handoff_tasks.trust.signers import read_moment

    return signatures.now() if run.options.at is None else read_moment(run.options.at, "--at")


def _statement(verification: Verification) -> list[tuple[str, str]]:
    statement = verification.document["consumer_impact_statement"]
    if statement is None:
        return []
    lines = cast("dict[str, str]", statement)
    return [(title, lines[key]) for key, title in _STATEMENT.items()]


def _receipt(run: Run, step: repin.Step, verification: Verification) -> bytes:
    from handoff_tasks.consumer import receipt

    profile, new = step.opened.profile, step.plan.new
    made = receipt.Receipt(
        kind=receipt.ACCEPT,
        consumer=repin.consumer_entry(step.opened),
        producer=receipt.Producer(
            name=profile.producer.name,
            tag=verification.tag.name,
            tag_target=verification.tag.target,
            runtime_commit=new.commit_sha,
        ),
        packet_sha256=hashlib.sha256(verification.data).hexdigest(),
        manifest_sha256=new.manifest_sha256,
        undoes=None,
        old=step.plan.old,
        new=new,
        changes=tuple(
            receipt.ReceiptChange(
                fingerprint=change.fingerprint,
                change_class=str(change.change_class),
                message=change.message,
                accepted=change.fingerprint in run.options.accept_change,
            )
            for change in step.changes
        ),
        files=repin.file_entries(step),
        validators=repin.validator_entries(step, run),
        profile_digest=profile.digest,
    )
    return made.to_bytes()


def _signed_receipt(
    run: Run, step: repin.Step, verification: Verification, key: SigningKey | None
) -> dict[str, bytes]:
    """Return the signed acceptance of the packet, by its path beside the receipt."""
    from handoff_tasks.sessions import signatures
    from handoff_tasks.trust.sign import sign_receipt
    from handoff_tasks.trust.statement import Receipt, written_time

    if key is None:
        return {}
    profile = step.opened.profile
    name = re.sub(r"[^a-z0-9]+", "-", profile.name.lower()).strip("-") or "consumer"
    decision = Receipt(
        consumer=run.options.consumer or f"pkg:generic/{name}",
        commit=step.opened.consumer.commit,
        time=written_time(signatures.now()),
    )
    argument = run.options.arguments[0]
    envelope = signatures.find_envelope(argument, verification.workspace, verification.where)
    signed = sign_receipt(verification.data, envelope, decision, key)
    return {f"{profile.receipt_path}{SUFFIX}": signed.data}
