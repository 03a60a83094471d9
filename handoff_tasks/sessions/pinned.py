"""Run ``handoff-pinned``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.sessions import consumer as consumer_session
from handoff_tasks.sessions import repin
from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nox import Session

    from handoff_tasks.consumer.receipt import Receipt
    from handoff_tasks.consumer.values import PinValues
    from handoff_tasks.problems import Problem
    from handoff_tasks.sessions.consumer import ConsumerPlace, Opened
    from handoff_tasks.sessions.run import Run


def check_pinned(session: Session, place: ConsumerPlace, run: Run) -> None:
    """Check what is pinned against the files that say so and the producer's git; write nothing."""
    from handoff_tasks.consumer import pin, plan
    from handoff_tasks.output import terminal

    opened = consumer_session.open_place(session, place, run)
    with consumer_session.writing(opened, needed=False):
        present = _read_work_tree(opened)
        problems = plan.check(opened.profile, present)
        accepted, more = _read_receipt(session, run, opened, present)
        problems += more
        pinned = pin.read_pin(opened.profile, present)
        problems += _against_git(opened, pinned, accepted, known=bool(more))
    run.problems = sorted(set(problems))
    for line in terminal.findings("Problems:", run.problems):
        terminal.say(line)
    name = opened.profile.producer.name
    if run.problems:
        terminal.say(f"NO-GO  {pinned.release_tag} of {name}")
    else:
        terminal.say(f"GO  {pinned.release_tag} of {name} is pinned, and everything says so")


def _read_work_tree(opened: Opened) -> Mapping[str, bytes]:
    """Return the files of the work tree that say what is pinned, and the receipt."""
    from handoff_tasks.consumer.tree import Tree

    found = {}
    with Tree(opened.consumer.root) as folder:
        for path in (*opened.profile.reads, opened.profile.receipt_path):
            data = folder.read(path)
            if data is not None:
                found[path] = data
    return found


def _read_receipt(
    session: Session, run: Run, opened: Opened, present: Mapping[str, bytes]
) -> tuple[Receipt | None, list[Problem]]:
    """Return the receipt of what is pinned, None without one, and what is wrong with it."""
    from handoff_tasks.problems import HandoffError

    where = opened.profile.receipt_path
    data = present.get(where)
    try:
        if run.options.receipt is not None:
            from handoff_tasks.sessions import signatures

            path = resolve_path(session, run.options.receipt)
            where = str(path)
            data = signatures.read_file(path, "HP128", "name a readable receipt")
        return (None if data is None else repin.parse_receipt(data, where)), []
    except HandoffError as error:
        return None, list(error.problems)


def _against_git(
    opened: Opened, pinned: PinValues, accepted: Receipt | None, *, known: bool
) -> list[Problem]:
    """Return what of the pin the producer's git and the receipt contradict.

    With ``known`` problems of the receipt, its absence is not one more.
    """
    from handoff_tasks.consumer import rules
    from handoff_tasks.release import verify_packet

    workspace = verify_packet.open_at(opened.producer(), "HEAD")
    tag = consumer_session.read_tag(workspace, pinned.release_tag)
    problems = rules.check_pinned(pinned, tag, accepted, opened.profile)
    if known:
        problems = [problem for problem in problems if problem.code != "HP128"]
    return problems
