"""The sessions that look at packets and run nothing: handoff-verify, handoff-diff and handoff-show.

Each reads its options, has the packets read, and prints what the screen makes of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from handoff_tasks import producers, running

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nox import Session

    from handoff_tasks.packets import Packet
    from handoff_tasks.producers import Place
    from handoff_tasks.running import Run
    from handoff_tasks.workspace import Workspace


def verify(session: Session, place: Place) -> None:
    """Hold a packet to its schema and to itself, and to git where a producer is named or at hand; say every violation."""
    with running.framed(session, plain=("PACKET",)) as run:
        from handoff_tasks import evidence, packet_judge, screen
        from handoff_tasks.errors import HandoffError, refusal

        path = running.from_(session, Path(run.options.plain[0]))
        try:
            data = evidence.plain_bytes(path)
        except OSError as error:
            raise refusal("HP005", str(path), f"the packet cannot be read: {error.strerror}", "name a packet's file") from None
        judged = packet_judge.judge(data, str(path))
        problems = [*judged.problems]
        against = "its bytes alone (give --producer-root to hold it against git)"
        if judged.document is not None:
            run.mode = judged.document["handoff_mode"] if packet_judge.stated_commit(judged.document) else None
            if _producer_at_hand(place, run):
                try:
                    workspace = _at_its_commit(session, place, run, judged.document, str(path))
                    found, run.advisories = packet_judge.against_git(workspace, judged.document, str(path))
                    against = f"git in {workspace.producer.root}"
                except HandoffError as error:
                    if not problems:
                        raise
                    found = list(error.problems)
                problems += found
        run.problems = problems
        for line in [*screen.findings("Advisories:", run.advisories), *screen.findings("Problems:", problems), ""]:
            screen.say(line)
        screen.say(f"NO-GO  {path}" if problems else f"GO  {path}, checked against {against}")
        if not problems:
            run.packet = path


def _at_its_commit(session: Session, place: Place, run: Run, document: Mapping[str, Any], where: str) -> Workspace:
    """Return the producer's workspace at the commit that a packet speaks of."""
    from handoff_tasks import packet_judge

    stated = packet_judge.stated_commit(document)
    if stated is None:
        stated = packet_judge.tagged_commit(running.open_(session, place, run), document, where)
    return running.open_(session, place, run, ref=stated)


def _producer_at_hand(place: Place, run: Run) -> bool:
    """Tell whether a producer is named, or the noxfile is one's own."""
    return bool(run.options.producer_root or run.options.sample or producers.own_root(place))


def differ(session: Session, place: Place) -> None:
    """Print what one packet changes against another; with ``--fail-on`` a change of that class or a graver one is a problem."""
    with running.framed(session, plain=("OLD", "NEW")) as run:
        from handoff_tasks import canonical, diff, harmless, packet_screen, packets, screen
        from handoff_tasks.errors import Problem, refusal

        options = run.options
        if options.formatted == "html":
            raise refusal("HP001", "--format", "html is the page of one packet", "take --format text, md or json")
        (old, new), workspace = _read(session, place, run)
        changes, notice, notes = packets.compared(old, new, workspace)
        run.advisories = notes
        if options.fail_on and (grave := diff.at_least(changes, diff.ChangeClass(options.fail_on))):
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
            text = canonical.published_bytes(packets.diff_document(old, new, changes, notice, notes)).decode().rstrip("\n")
            screen.say(harmless.escape_json(text), wrap=False)
            return
        if options.formatted == "md":
            lines = packet_screen.changes_markdown(old, new, changes, notes)
        else:
            lines = [*packet_screen.changes_text(old, new, changes, notes), *screen.findings("Problems:", run.problems)]
        for line in lines:
            screen.say(line, wrap=options.formatted == "text")


def show(session: Session, place: Place) -> None:
    """Print a packet's own words; ``--format json`` is the packet itself in the published form."""
    with running.framed(session, plain=("PACKET",)) as run:
        from handoff_tasks import canonical, diff, harmless, packet_screen, screen
        from handoff_tasks.errors import refusal

        [read], _ = _read(session, place, run)
        run.advisories = read.notes
        if run.options.formatted == "html":
            if not diff.is_own(read.document):
                message = "html shows what packets of this library say of their checks and of git; this one says neither"
                hint = f"take --format text, md or json, or compare it: nox -s handoff-diff -- {read.source} OTHER"
                raise refusal("HP001", "--format", message, hint)
            screen.say(_page(read), wrap=False)
            return
        if run.options.formatted == "json":
            screen.say(harmless.escape_json(canonical.published_bytes(read.document).decode().rstrip("\n")), wrap=False)
            return
        made = packet_screen.packet_markdown if run.options.formatted == "md" else packet_screen.packet_text
        for line in made(read):
            screen.say(line, wrap=run.options.formatted == "text")


def _page(read: Packet) -> str:
    """Return the report's page of a packet alone."""
    from dataclasses import replace

    from handoff_tasks import harmless, packet_screen, report, report_html

    view = report.view(read.document, report.Source())
    next_step = harmless.printable(f"{packet_screen.next_step(read)}.")
    said = packet_screen.NOT_CHECKED[0].upper() + packet_screen.NOT_CHECKED[1:] + "."
    return report_html.render(replace(view, sentences=(said, *view.sentences, next_step)))


def _read(session: Session, place: Place, run: Run) -> tuple[list[Packet], Workspace | None]:
    """Return the packets that the words name, each a file or ``TAG:``, and the workspace of a producer that is named or needed."""
    from handoff_tasks import packets

    options = run.options
    tags = any(word.endswith(":") for word in options.plain)
    workspace = running.open_(session, place, run) if tags or _producer_at_hand(place, run) else None
    found = []
    for word in options.plain:
        if word.endswith(":"):
            assert workspace is not None
            found.append(packets.at_tag(workspace, word.removesuffix(":")))
        else:
            found.append(packets.from_file(running.from_(session, Path(word))))
    return found, workspace
