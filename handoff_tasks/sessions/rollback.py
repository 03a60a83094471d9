"""Run ``handoff-rollback``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from handoff_tasks.sessions import consumer as consumer_session
from handoff_tasks.sessions import repin
from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.consumer.plan import Plan
    from handoff_tasks.consumer.receipt import Receipt
    from handoff_tasks.consumer.rules import TagNow
    from handoff_tasks.sessions.consumer import ConsumerPlace, Opened
    from handoff_tasks.sessions.run import Run


def rollback(session: Session, place: ConsumerPlace, run: Run) -> None:
    """Undo the accept of a receipt: try it in a private copy, then restore all files, or none."""
    repin.require_format(run)
    opened = consumer_session.open_place(session, place, run)
    with consumer_session.writing(opened, needed=repin.writes_work_tree(run)):
        head = repin.read_head(opened, run)
        data, where = _read_receipt(session, run, opened, head)
        accepted = repin.parse_receipt(data, where)
        plan = _plan(opened, accepted, head, where)
        tag = _check_tag(opened, accepted)
        step = repin.Step(
            opened=opened, plan=plan, head=head, kind="rollback", rollback_of=accepted
        )
        if not repin.try_step(run, step):
            return
        undoes = hashlib.sha256(data).hexdigest()
        repin.finish(run, step, _receipt(run, step, tag, undoes), {})


def _read_receipt(
    session: Session, run: Run, opened: Opened, head: repin.HeadFiles
) -> tuple[bytes, str]:
    """Return the bytes of the receipt to undo, and its name. Raises `HandoffError` (HP128)."""
    from handoff_tasks.problems import refusal
    from handoff_tasks.sessions import signatures

    if run.options.receipt is not None:
        path = resolve_path(session, run.options.receipt)
        return signatures.read_file(path, "HP128", "name a readable receipt"), str(path)
    where = opened.profile.receipt_path
    data = head.files.get(where)
    if data is None:
        message = "there is no committed receipt, so it is not known what to undo"
        hint = "name the receipt of an accept with --receipt"
        raise refusal("HP128", where, message, hint)
    return data, where


def _plan(opened: Opened, accepted: Receipt, head: repin.HeadFiles, where: str) -> Plan:
    """Return the plan of the rollback. Raises `HandoffError` (HP128)."""
    from handoff_tasks.consumer import receipt
    from handoff_tasks.problems import HandoffError

    before = {}
    for file in accepted.files:
        data = opened.consumer.read_blob(file.before_blob)
        if data is not None:
            before[file.path] = data
    plan = receipt.plan_rollback(opened.profile, accepted, before, head.files, where)
    if plan.problems:
        raise HandoffError(plan.problems)
    return plan


def _check_tag(opened: Opened, accepted: Receipt) -> TagNow | None:
    """Return the older release's tag if the producer's repository is known.

    A rollback needs no packet, but it must not pin what was published again under the same tag.
    Raises `HandoffError` (HP123, HP124).
    """
    from handoff_tasks.consumer import rules
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.release import verify_packet

    if opened.request is None:
        return None
    workspace = verify_packet.open_at(opened.request, "HEAD")
    tag = consumer_session.read_tag(workspace, accepted.old.release_tag)
    if problems := rules.check_old_tag(accepted.old, tag, opened.profile.pin_path):
        raise HandoffError(problems)
    return tag


def _receipt(run: Run, step: repin.Step, tag: TagNow | None, undoes: str) -> bytes:
    from handoff_tasks.consumer import receipt

    profile, new = step.opened.profile, step.plan.new
    made = receipt.Receipt(
        kind=receipt.ROLLBACK,
        consumer=repin.consumer_entry(step.opened),
        producer=receipt.Producer(
            name=profile.producer.name,
            tag=new.release_tag if tag is None else tag.name,
            tag_target=None if tag is None else tag.target,
            runtime_commit=new.commit_sha,
        ),
        packet_sha256=None,
        manifest_sha256=new.manifest_sha256,
        undoes=undoes,
        old=step.plan.old,
        new=new,
        changes=(),
        files=repin.file_entries(step),
        validators=repin.validator_entries(step, run),
        profile_digest=profile.digest,
    )
    return made.to_bytes()
