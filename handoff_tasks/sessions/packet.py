"""Run ``handoff-verify``, ``handoff-diff`` and ``handoff-show``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import target
from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.packet.change import Change
    from handoff_tasks.packet.document import AnyPacket
    from handoff_tasks.problems import Problem
    from handoff_tasks.release.find_packet import Call, Packet
    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place
    from handoff_tasks.trust.verify import Judgement


def verify(session: Session, place: Place, run: Run) -> None:
    """Check a packet against its schema and the rules, and against git if a producer is known."""
    from handoff_tasks.output import report_files

    data, path = _read_bytes(session, place, run)
    judgements = verify_bytes(session, place, run, data, path)
    facts = [fact for judgement in judgements for fact in judgement.rows()]
    report_files.summarize(run.end, path, facts)
    if not run.problems and not run.options.arguments[0].endswith(":"):
        run.packet = Path(path)


def verify_bytes(
    session: Session, place: Place, run: Run, data: bytes, path: str, *, unsigned: bool = False
) -> list[Judgement]:
    """Check a packet's bytes and its signatures, print the verdict, and return the judgements.

    ``unsigned`` leaves the signatures out: the packet is about to get its first one.
    """
    from handoff_tasks.output import packet_text, terminal
    from handoff_tasks.release import verify_packet
    from handoff_tasks.sessions import signatures

    judged = verify_packet.judge_bytes(data, path)
    problems = [*judged.problems]
    against = "its bytes alone (give --producer-root to check it against git)"
    if judged.document is not None:
        if verify_packet.read_verified_commit(judged.document):
            run.mode = judged.document["handoff_mode"]
        if target.is_available(place, run.options):
            more, against = _verify_against_git(
                session, place, run, judged.document, path, known=bool(problems)
            )
            problems += more
    judgements: list[Judgement] = []
    if not unsigned:
        judgements = signatures.judge_signatures(session, place, run, data, path, judged.document)
    notes = list(run.advisories)
    for judgement in judgements:
        problems += judgement.problems
        notes += judgement.advisories
    run.problems, run.advisories = problems, notes
    first = [] if judged.is_own else problems[:1]
    title = "Problems:" if judged.is_own else "Further contradictions:"
    lines = terminal.findings("Advisories:", run.advisories)
    lines += terminal.findings("Problems:", first)
    lines += terminal.findings(title, problems[len(first) :])
    if judged.document is not None and (unseen := packet_text.unseen_lines(judged.document)):
        lines += ["", *unseen]
    for judgement in judgements:
        lines += [f"  {line}" for line in judgement.lines()]
    for line in [*lines, ""]:
        terminal.say(line)
    terminal.say(f"NO-GO  {path}" if problems else f"GO  {path}, checked against {against}")
    return judgements


def _verify_against_git(
    session: Session,
    place: Place,
    run: Run,
    document: AnyPacket,
    path: str,
    *,
    known: bool,
) -> tuple[Sequence[Problem], str]:
    """Return what git contradicts in a packet, and what it was checked against.

    With ``known`` problems, a producer that cannot be read is one more; otherwise it is raised.
    """
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.release import verify_packet

    try:
        asked = target.request(session, place, run)
        result = verify_packet.judge_by_producer(asked, document, path)
    except HandoffError as error:
        if not known:
            raise
        return error.problems, ""
    run.advisories, run.workspace = result.advisories, result.workspace
    return result.problems, f"git in {asked.root}, by {result.profile}"


def compare(session: Session, place: Place, run: Run) -> None:
    """Print what one packet changes against another.

    With ``--fail-on`` a change of that class, or of a graver one, is a problem (HP103).
    """
    from handoff_tasks.formats import canonical, escape
    from handoff_tasks.output import packet_text, terminal
    from handoff_tasks.problems import refusal
    from handoff_tasks.release.compare import compare_packets, diff_document

    form = run.options.format
    if form == "html":
        message, hint = "html is the page of one packet", "use --format text, md or json"
        raise refusal("HP001", "--format", message, hint)
    (old, new), workspace = _read_packets(session, place, run)
    changes, notice, notes = compare_packets(old, new, workspace)
    run.advisories = notes
    run.problems = _grave_changes(changes, run.options.fail_on)
    if form == "json":
        document = diff_document(old, new, changes, notice, notes)
        text = canonical.published_bytes(document).decode().rstrip("\n")
        terminal.say(escape.escape_json(text), wrap=False)
        return
    if form == "md":
        lines = packet_text.changes_markdown(old, new, changes, notes)
    else:
        lines = packet_text.changes_text(old, new, changes, notes)
        lines = [*lines, *terminal.findings("Problems:", run.problems)]
    for line in lines:
        terminal.say(line, wrap=form == "text")


def _grave_changes(changes: Sequence[Change], limit: str | None) -> list[Problem]:
    """Return the problem (HP103) of changes of the class ``limit`` or a graver one."""
    from handoff_tasks.packet.change import ChangeClass, at_least
    from handoff_tasks.problems import Problem

    grave = at_least(changes, ChangeClass(limit)) if limit else []
    if not grave:
        return []
    listed = ", ".join(f"{change.kind} ({change.change_class})" for change in grave)
    return [
        Problem(
            code="HP103",
            where=f"--fail-on {limit}",
            message=f"{len(grave)} of {len(changes)} changes: {listed}",
            hint="give the notice that they need and agree on them with the consumers, or revert "
            "them",
        )
    ]


def show(session: Session, place: Place, run: Run) -> None:
    """Print what a packet says; with ``--format json`` the packet itself in the published form."""
    from handoff_tasks.formats import canonical, escape
    from handoff_tasks.output import packet_text, terminal
    from handoff_tasks.problems import refusal
    from handoff_tasks.sessions import show_receipt, signatures

    options = run.options
    if options.public_key is not None:
        terminal.say(signatures.public_key(session, options.public_key), wrap=False)
        return
    if not options.arguments[0]:
        raise refusal("HP001", "PACKET", "is missing; expected a file or TAG:", "name a packet")
    if options.bundle is not None:
        terminal.say(signatures.bundle(session, run), wrap=False)
        return
    if show_receipt.show(session, run):
        return
    [packet], _ = _read_packets(session, place, run)
    run.advisories = packet.notes
    judgements = signatures.judge_signatures(
        session, place, run, packet.data, packet.source, packet.document
    )
    facts = [fact for judgement in judgements for fact in judgement.facts()]
    packet = replace(packet, signatures=tuple(facts))
    call = _call(session, place, run)
    form = run.options.format
    if form == "html":
        terminal.say(_page(packet, call), wrap=False)
        return
    if form == "json":
        text = canonical.published_bytes(packet.document).decode().rstrip("\n")
        terminal.say(escape.escape_json(text), wrap=False)
        return
    render = packet_text.packet_markdown if form == "md" else packet_text.packet_text
    for line in render(packet, call):
        terminal.say(line, wrap=form == "text")


def _page(packet: Packet, call: Call) -> str:
    """Return the report's page of one packet. Raises `HandoffError` for another generator's."""
    from handoff_tasks.formats import escape
    from handoff_tasks.output import packet_text
    from handoff_tasks.packet.document import is_own
    from handoff_tasks.problems import refusal
    from handoff_tasks.report import page
    from handoff_tasks.report import view as report_view

    if not is_own(packet.document):
        message = (
            "html shows what a packet of this library says of its checks and of git; this packet "
            "has neither"
        )
        other = call.line("handoff-diff", packet.word, "OTHER")
        hint = f"use --format text, md or json, or compare it: {other}"
        raise refusal("HP001", "--format", message, hint)
    producer = str(packet.document["producer"]["name"])
    source = report_view.Source(producer=producer, signatures=packet.signatures)
    view = report_view.view_packet(packet.document, source)
    next_step = escape.printable(f"{packet_text.next_step(packet, call)}.")
    note = packet_text.not_checked(packet)
    note = note[0].upper() + note[1:] + "."
    return page.render(replace(view, sentences=(note, *view.sentences, next_step)))


def _read_bytes(session: Session, place: Place, run: Run) -> tuple[bytes, str]:
    """Return the bytes of the packet that the argument names, and its name in messages.

    The argument is a file or ``TAG:``.
    """
    from handoff_tasks.release import find_packet

    word = run.options.arguments[0]
    if word.endswith(":"):
        workspace = _open_to_read(session, place, run)
        call = _call(session, place, run)
        data, where, _ = find_packet.read_bytes_at_tag(workspace, word.removesuffix(":"), call)
        return data, where
    path = resolve_path(session, Path(word))
    return find_packet.read_file_bytes(path), str(path)


def _read_packets(
    session: Session, place: Place, run: Run
) -> tuple[list[Packet], Workspace | None]:
    """Return the packets that the arguments name, and the producer's workspace if it was opened."""
    from handoff_tasks.release import find_packet

    words = run.options.arguments
    workspace = None
    if any(word.endswith(":") for word in words) or target.is_available(place, run.options):
        workspace = _open_to_read(session, place, run)
    packets = []
    for word in words:
        if word.endswith(":"):
            assert workspace is not None
            call = _call(session, place, run)
            packets.append(find_packet.read_at_tag(workspace, word.removesuffix(":"), call))
        else:
            packets.append(find_packet.read_file(resolve_path(session, Path(word))))
    return packets, workspace


def _open_to_read(session: Session, place: Place, run: Run) -> Workspace:
    """Open the producer to read it; a bare repository suffices."""
    from handoff_tasks.release import verify_packet

    run.workspace = verify_packet.open_at(target.request(session, place, run), run.options.ref)
    return run.workspace


def _call(session: Session, place: Place, run: Run) -> Call:
    """Return how a suggested command names the noxfile and the producer."""
    from handoff_tasks.release.find_packet import Call

    options = run.options
    values = {
        "--producer-root": options.producer_root,
        "--sample": options.sample,
        "--profile": options.profile,
        "--work-dir": options.work_dir,
        "--cache-dir": options.cache_dir,
    }
    words: list[str] = []
    for flag, value in values.items():
        if value is not None:
            words += [flag, str(value)]
    default = place.noxfile == Path(session.invoked_from) / "noxfile.py"
    return Call(noxfile=None if default else place.noxfile, options=tuple(words))
