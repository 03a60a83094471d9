"""Print a packet, or the changes between two packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.formats import words
from handoff_tasks.formats.escape import printable
from handoff_tasks.output import terminal
from handoff_tasks.packet.change import ChangeClass
from handoff_tasks.packet.document import NO_GO, is_own, is_release
from handoff_tasks.producer import statement
from handoff_tasks.release.find_packet import Call
from handoff_tasks.report import view
from handoff_tasks.report.markdown import text as markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.packet.change import Change
    from handoff_tasks.packet.document import AnyPacket
    from handoff_tasks.problems import Problem
    from handoff_tasks.release.find_packet import Packet

NOT_CHECKED = "this is what the packet says; nothing was checked now"
_SIGNATURES_CHECKED = "this is what the packet says; only its signatures were checked now"


def changes_text(
    old: Packet, new: Packet, changes: Sequence[Change], notes: Sequence[Problem]
) -> list[str]:
    """Return a comparison as text, breaking changes first and the number of changes last."""
    lines = []
    for name, packet in (("old", old), ("new", new)):
        lines.append(f"  {name}  {printable(_identity(packet))}  {printable(packet.source)}")
    for change_class in ChangeClass:
        members = [change for change in changes if change.change_class is change_class]
        if members:
            lines += ["", f"{change_class.capitalize()}:"]
        for change in members:
            lines.append(f"  {change.fingerprint}  {printable(change.message)}")
            lines.append(f"                    at {printable(change.pointer)}")
            if change.notice:
                lines.append(f"                    notice: {change.notice}")
    return [*lines, *terminal.findings("Advisories:", notes), "", _count(changes)]


def changes_markdown(
    old: Packet, new: Packet, changes: Sequence[Change], notes: Sequence[Problem]
) -> list[str]:
    """Return a comparison as Markdown, for a pull request."""
    tags = [markdown(packet.document["release_tag"]) for packet in (old, new)]
    lines = [f"## {' to '.join(tags)}", ""]
    for name, packet in (("old", old), ("new", new)):
        lines.append(f"- {name}: {markdown(_identity(packet))}, {markdown(packet.source)}")
    if changes:
        lines += ["", "| class | change | at | notice | fingerprint |", "|---|---|---|---|---|"]
    for change in changes:
        text = f"{markdown(change.message)} | {markdown(change.pointer)} | {change.notice or ''}"
        lines.append(f"| {change.change_class} | {text} | {change.fingerprint} |")
    return [*lines, *_note_items(notes), "", f"{_count(changes)}."]


def _note_items(notes: Sequence[Problem]) -> list[str]:
    items = [f"- {note.code} {markdown(note.where)}: {markdown(note.message)}" for note in notes]
    return ["", *items] if items else []


def _identity(packet: Packet) -> str:
    document = packet.document
    commit = document["commit_sha"][:12]
    return f"{document['release_tag']}/{commit}, {document['handoff_mode']}"


def _count(changes: Sequence[Change]) -> str:
    if not changes:
        return "No changes"
    classes = [change.change_class for change in changes]
    numbers = [(classes.count(one), one) for one in ChangeClass]
    return ", ".join(f"{number} {one}" for number, one in numbers if number)


def packet_text(packet: Packet, call: Call | None = None) -> list[str]:
    """Return a packet like the end of the run that made it, and that nothing was checked."""
    document = packet.document
    outcomes = _outcomes(document)
    width = max([len(name) for name, _, _ in outcomes], default=0)
    title = f"{document['release_tag']}, {document['handoff_mode']}"
    lines = [printable(f"{title}: {words.quantity(len(outcomes), 'check')}")]
    for name, outcome, tools in outcomes:
        row = printable(f"{name:<{width}}  {outcome:<12}  {tools}").rstrip()
        lines.append(f"  {row}")
    lines += unseen_lines(document)
    lines += ["", statement.HEADING]
    lines += [f"- {label}: {printable(value)}" for label, value in _statement(document)]
    advisories, problems = _findings(document)
    lines += terminal.findings("Advisories in the packet:", advisories)
    lines += terminal.findings("Problems in the packet:", problems)
    lines += terminal.findings("Advisories:", packet.notes)
    lines += ["", *(f"  {name:<9} {printable(value)}" for name, value in _facts(packet))]
    verdict = f"{_verdict(document)}: {not_checked(packet)}"
    return [*lines, "", printable(verdict), printable(next_step(packet, call))]


def packet_markdown(packet: Packet, call: Call | None = None) -> list[str]:
    """Return a packet as Markdown, and that nothing was checked."""
    document = packet.document
    verdict = f"**{markdown(_verdict(document))}**: {not_checked(packet)}."
    lines = [
        f"## {markdown(document['release_tag'])}, {markdown(document['handoff_mode'])}",
        "",
        f"{verdict} {markdown(next_step(packet, call))}",
        "",
        "| check | outcome | tools |",
        "|---|---|---|",
    ]
    rows = [[markdown(cell) for cell in row] for row in _outcomes(document)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    for files, names in words.unseen(_ignores(document)):
        lines += ["", f"Without {markdown(files)}: {markdown(names)}."]
    lines += ["", statement.HEADING, ""]
    lines += [f"- {label}: {markdown(value)}" for label, value in _statement(document)]
    advisories, problems = _findings(document)
    lines += _finding_items("Advisories in the packet:", advisories)
    lines += _finding_items("Problems in the packet:", problems)
    lines += _note_items(packet.notes)
    return [*lines, "", *(f"- {name}: {markdown(value)}" for name, value in _facts(packet))]


def not_checked(packet: Packet) -> str:
    """Return what was checked of a packet that is only shown."""
    checked = any(name == "Signers" for name, _ in packet.signatures)
    return _SIGNATURES_CHECKED if checked else NOT_CHECKED


def _finding_items(title: str, problems: Sequence[Problem]) -> list[str]:
    lines = ["", title, ""] if problems else []
    for group in view.group_by_hint(problems):
        lines += [f"- {one.code} {markdown(one.where)}: {markdown(one.message)}" for one in group]
        lines.append(f"  - next: {markdown(group[0].hint)}")
    return lines


def _outcomes(document: AnyPacket) -> list[tuple[str, str, str]]:
    """Return name, outcome and tools of each check.

    A packet of another generator has commands only.
    """
    if not is_own(document):
        return [(command, "no outcome", "") for command in document["verification_commands"]]
    rows = []
    for entry in document["verification_outcomes"]:
        tools = ", ".join(f"{name} {version}" for name, version in entry["tools"].items())
        rows.append((entry["id"], entry["outcome"].replace("_", " "), tools))
    return rows


def unseen_lines(document: AnyPacket) -> list[str]:
    """Return the lines that say what checks did not see of the verified commit."""
    return terminal.unseen_lines(_ignores(document))


def _ignores(document: AnyPacket) -> list[tuple[str, list[str]]]:
    if not is_own(document):
        return []
    return [(one["id"], one.get("ignores", [])) for one in document["verification_outcomes"]]


def _findings(document: AnyPacket) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """Return the advisories and problems of a packet; another generator's has none."""
    if not is_own(document):
        return (), ()
    end = view.spell_outcomes(view.packet_end(document))
    return end.advisories, end.problems


def _statement(document: AnyPacket) -> list[tuple[str, str]]:
    values: Mapping[str, object] = document["consumer_impact_statement_template"] or {}
    return [
        (label, str(values.get(key, "(not stated)"))) for label, key in statement.LABELS.items()
    ]


def _facts(packet: Packet) -> list[tuple[str, str]]:
    document = packet.document
    facts = _contract(document)
    if is_own(document):
        state, producer = document["git_state"], document["producer"]
        tag = state["tag"]
        place = "not tagged yet"
        if tag["target"]:
            place = f"{tag['kind']}, at {tag['target'][:12]}"
        profile = producer["profile"] or "a profile outside of the commit"
        name = f"{producer['name']} ({producer['id']})"
        facts += [
            ("producer", f"{name}, by {profile}, sha256 {producer['profile_sha256']}"),
            ("commit", state["verified_commit"]),
            ("tag", f"{tag['name']}  ({place})"),
        ]
    facts += [("sha256", packet.sha256), ("packet", packet.source)]
    return [*facts, *((name.lower(), value) for name, value in packet.signatures)]


def _contract(document: AnyPacket) -> list[tuple[str, str]]:
    runtime = document["commit_sha"]
    if is_own(document) and is_release(document):
        contracts = [f"{name} {version}" for name, version in document["contracts"].items()]
        facts = [("runtime", runtime)]
        return [*facts, ("contracts", ", ".join(contracts))] if contracts else facts
    baseline = document["active_runtime_baseline"]
    versions = [
        baseline["expected_service_contract_version"],
        baseline["expected_api_contract_version"],
    ]
    contract = f"{', '.join(versions)}, {document['integration_baseline']}"
    return [
        ("runtime", f"{runtime}  ({contract})"),
        ("errors", ", ".join(document["error_code_enum"])),
    ]


def _verdict(document: AnyPacket) -> str:
    if not is_own(document):
        return "The packet has no verdict"
    return f"The packet says {document['verdict']}"


def next_step(packet: Packet, call: Call | None = None) -> str:
    """Return what a reader of a packet can do with it; a command in it can be pasted."""
    call = call or Call()
    if not is_own(packet.document):
        command = call.line("handoff-diff", packet.word, "OTHER")
        return f"It cannot be verified; to compare it with another packet: {command}"
    if packet.document["verdict"] == NO_GO:
        return (
            "It is a draft and must not be pinned:"
            " fix its problems, commit, and run the handoff session again"
        )
    return f"To check it: {call.line('handoff-verify', packet.word)}"
