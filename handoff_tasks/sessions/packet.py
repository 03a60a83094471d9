"""Run ``handoff-verify``, ``handoff-diff`` and ``handoff-show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import frame, target

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.release.find_packet import Call, Packet
    from handoff_tasks.sessions.frame import Run
    from handoff_tasks.sessions.target import Place


def verify(session: Session, place: Place) -> None:
    """Hold a packet to its schema and to itself, and to git where a producer is named or at hand; say every violation."""
    with frame.framed(session, plain=("PACKET",)) as run:
        from handoff_tasks.output import terminal
        from handoff_tasks.problems import HandoffError
        from handoff_tasks.release import verify_packet

        data, path = _bytes(session, place, run)
        judged = verify_packet.judge_bytes(data, path)
        problems = [*judged.problems]
        against = "its bytes alone (give --producer-root to hold it against git)"
        if judged.document is not None:
            run.mode = judged.document["handoff_mode"] if verify_packet.read_verified_commit(judged.document) else None
            if _producer_at_hand(place, run):
                try:
                    asked = frame.asked(session, place, run)
                    found = verify_packet.judge_by_producer(asked, judged.document, path)
                    problems += found.problems
                    run.advisories, run.workspace = found.advisories, found.workspace
                    against = f"git in {asked.root}, by {found.profile}"
                except HandoffError as error:
                    if not problems:
                        raise
                    problems += error.problems
        run.problems = problems
        first = [] if judged.is_own else problems[:1]
        title = "Problems:" if judged.is_own else "What contradicts it besides:"
        lines = [*terminal.findings("Advisories:", run.advisories), *terminal.findings("Problems:", first)]
        for line in [*lines, *terminal.findings(title, problems[len(first) :]), ""]:
            terminal.say(line)
        terminal.say(f"NO-GO  {path}" if problems else f"GO  {path}, checked against {against}")
        if not problems and not run.options.plain[0].endswith(":"):
            run.packet = Path(path)


def _bytes(session: Session, place: Place, run: Run) -> tuple[bytes, str]:
    """Return the bytes of the packet that the word names, a file or ``TAG:``, and how messages name it."""
    from handoff_tasks.release import find_packet

    word = run.options.plain[0]
    if word.endswith(":"):
        workspace, call = _opened(session, place, run), _call(session, place, run)
        data, where, _ = find_packet.read_bytes_at_tag(workspace, word.removesuffix(":"), call)
        return data, where
    path = frame.from_(session, Path(word))
    return find_packet.read_file_bytes(path), str(path)


def _opened(session: Session, place: Place, run: Run) -> Workspace:
    """Open the producer to read; a bare repository is enough."""
    from handoff_tasks.release import verify_packet

    run.workspace = verify_packet.open_at(frame.asked(session, place, run), run.options.ref)
    return run.workspace


def _call(session: Session, place: Place, run: Run) -> Call:
    """Return how a next command names the noxfile and the producer."""
    from handoff_tasks.release.find_packet import Call

    options = run.options
    named = {
        "--producer-root": options.producer_root,
        "--sample": options.sample,
        "--profile": options.profile,
        "--work-dir": options.work_dir,
        "--cache-dir": options.cache_dir,
    }
    found_by_itself = place.noxfile == Path(session.invoked_from) / "noxfile.py"
    words = tuple(word for flag, value in named.items() if value is not None for word in (flag, str(value)))
    return Call(noxfile=None if found_by_itself else place.noxfile, options=words)


def _producer_at_hand(place: Place, run: Run) -> bool:
    """Tell whether a producer is named, or the noxfile is one's own."""
    return bool(run.options.producer_root or run.options.sample or target.own_root(place))


def differ(session: Session, place: Place) -> None:
    """Print what one packet changes against another; with ``--fail-on`` a change of that class or a graver one is a problem."""
    with frame.framed(session, plain=("OLD", "NEW")) as run:
        from handoff_tasks.formats import canonical, escape
        from handoff_tasks.output import packet_text, terminal
        from handoff_tasks.packet.change import ChangeClass, at_least
        from handoff_tasks.problems import Problem, refusal
        from handoff_tasks.release import compare

        options = run.options
        if options.formatted == "html":
            raise refusal("HP001", "--format", "html is the page of one packet", "take --format text, md or json")
        (old, new), workspace = _read(session, place, run)
        changes, notice, notes = compare.compare_packets(old, new, workspace)
        run.advisories = notes
        if options.fail_on and (grave := at_least(changes, ChangeClass(options.fail_on))):
            told = ", ".join(f"{change.kind} ({change.change_class})" for change in grave)
            run.problems = [
                Problem(
                    code="HP103",
                    where=f"--fail-on {options.fail_on}",
                    message=f"{len(grave)} of {len(changes)} changes: {told}",
                    hint="give the notice that they ask for and agree on them with the consumers, or take them back",
                )
            ]
        if options.formatted == "json":
            text = canonical.published_bytes(compare.diff_document(old, new, changes, notice, notes)).decode().rstrip("\n")
            terminal.say(escape.escape_json(text), wrap=False)
            return
        if options.formatted == "md":
            lines = packet_text.changes_markdown(old, new, changes, notes)
        else:
            lines = [*packet_text.changes_text(old, new, changes, notes), *terminal.findings("Problems:", run.problems)]
        for line in lines:
            terminal.say(line, wrap=options.formatted == "text")


def show(session: Session, place: Place) -> None:
    """Print a packet's own words; ``--format json`` is the packet itself in the published form."""
    with frame.framed(session, plain=("PACKET",)) as run:
        from handoff_tasks.formats import canonical, escape
        from handoff_tasks.output import packet_text, terminal
        from handoff_tasks.packet.document import is_own
        from handoff_tasks.problems import refusal

        [read], _ = _read(session, place, run)
        run.advisories = read.notes
        if run.options.formatted == "html":
            if not is_own(read.document):
                message = "html shows what packets of this library say of their checks and of git; this one says neither"
                other = _call(session, place, run).line("handoff-diff", read.word, "OTHER")
                hint = f"take --format text, md or json, or compare it: {other}"
                raise refusal("HP001", "--format", message, hint)
            terminal.say(_page(read, _call(session, place, run)), wrap=False)
            return
        if run.options.formatted == "json":
            terminal.say(escape.escape_json(canonical.published_bytes(read.document).decode().rstrip("\n")), wrap=False)
            return
        made = packet_text.packet_markdown if run.options.formatted == "md" else packet_text.packet_text
        for line in made(read, _call(session, place, run)):
            terminal.say(line, wrap=run.options.formatted == "text")


def _page(read: Packet, call: Call) -> str:
    """Return the report's page of a packet alone."""
    from dataclasses import replace

    from handoff_tasks.formats import escape
    from handoff_tasks.output import packet_text
    from handoff_tasks.report import page
    from handoff_tasks.report import view as report_view

    view = report_view.view(read.document, report_view.Source(producer=str(read.document["producer"]["name"])))
    next_step = escape.printable(f"{packet_text.next_step(read, call)}.")
    said = packet_text.NOT_CHECKED[0].upper() + packet_text.NOT_CHECKED[1:] + "."
    return page.render(replace(view, sentences=(said, *view.sentences, next_step)))


def _read(session: Session, place: Place, run: Run) -> tuple[list[Packet], Workspace | None]:
    """Return the packets that the words name, each a file or ``TAG:``, and the workspace of a producer that is named or needed."""
    from handoff_tasks.release import find_packet

    options = run.options
    tags = any(word.endswith(":") for word in options.plain)
    workspace = _opened(session, place, run) if tags or _producer_at_hand(place, run) else None
    found = []
    for word in options.plain:
        if word.endswith(":"):
            assert workspace is not None
            found.append(find_packet.read_at_tag(workspace, word.removesuffix(":"), _call(session, place, run)))
        else:
            found.append(find_packet.read_file(frame.from_(session, Path(word))))
    return found, workspace
