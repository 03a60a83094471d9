"""Print a packet, or the changes between two packets."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from handoff_tasks.formats import escape
from handoff_tasks.formats.words import counted
from handoff_tasks.output import terminal
from handoff_tasks.packet import change as packet_change
from handoff_tasks.packet.document import NO_GO, is_own
from handoff_tasks.problems import Problem
from handoff_tasks.producer import statement
from handoff_tasks.release.find_packet import Call
from handoff_tasks.report import view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.packet.change import Change
    from handoff_tasks.packet.document import AnyPacket, ProblemEntry
    from handoff_tasks.release.find_packet import Packet

NOT_CHECKED = "these are the packet's own words; nothing was checked now"


def changes_text(old: Packet, new: Packet, changes: Sequence[Change], notes: Sequence[Problem]) -> list[str]:
    """Return a comparison as text, the gravest changes first, the count last."""
    lines = [f"  old  {_pair(old)}  {escape.printable(old.source)}", f"  new  {_pair(new)}  {escape.printable(new.source)}"]
    for change_class in packet_change.ChangeClass:
        found = [change for change in changes if change.change_class is change_class]
        lines += ["", f"{change_class.capitalize()}:"] if found else []
        for change in found:
            lines.append(f"  {change.fingerprint}  {escape.printable(change.message)}")
            lines.append(f"                    at {escape.printable(change.pointer)}")
            lines += [f"                    notice: {change.notice}"] if change.notice else []
    return [*lines, *terminal.findings("Advisories:", notes), "", _count(changes)]


def changes_markdown(old: Packet, new: Packet, changes: Sequence[Change], notes: Sequence[Problem]) -> list[str]:
    """Return a comparison as Markdown, for a pull request."""
    lines = [f"## {markdown(old.document['release_tag'])} to {markdown(new.document['release_tag'])}", ""]
    lines += [f"- {name}: {markdown(_pair(one))}, {markdown(one.source)}" for name, one in (("old", old), ("new", new))]
    if changes:
        lines += ["", "| class | change | at | notice | fingerprint |", "|---|---|---|---|---|"]
    lines += [
        f"| {change.change_class} | {markdown(change.message)} | {markdown(change.pointer)} | {change.notice or ''} "
        f"| {change.fingerprint} |"
        for change in changes
    ]
    lines += [""] + [f"- {note.code} {markdown(note.where)}: {markdown(note.message)}" for note in notes] if notes else []
    return [*lines, "", f"{_count(changes)}."]


def _pair(one: Packet) -> str:
    document = one.document
    return escape.printable(f"{document['release_tag']}/{document['commit_sha'][:12]}, {document['handoff_mode']}")


def _count(changes: Sequence[Change]) -> str:
    if not changes:
        return "No changes"
    counts = [(sum(change.change_class is one for change in changes), one) for one in packet_change.ChangeClass]
    return ", ".join(f"{number} {one}" for number, one in counts if number)


def packet_text(read: Packet, call: Call | None = None) -> list[str]:
    """Return a packet as the end of the run that made it, with the sentence that nothing was checked."""
    document = read.document
    outcomes = _outcomes(document)
    width = max([len(name) for name, _, _ in outcomes], default=0)
    lines = [escape.printable(f"{document['release_tag']}, {document['handoff_mode']}: {counted(len(outcomes), 'check')}")]
    lines += [f"  {escape.printable(f'{name:<{width}}  {outcome:<12}  {tools}').rstrip()}" for name, outcome, tools in outcomes]
    lines += ["", statement.HEADING]
    lines += [f"- {label}: {escape.printable(text)}" for label, text in _statement(document)]
    if is_own(document):
        lines += terminal.findings("Advisories in the packet:", _problems(document["advisories"]))
        lines += terminal.findings("Problems in the packet:", _problems(document.get("problems", [])))
    lines += terminal.findings("Advisories:", read.notes)
    lines += ["", *(f"  {name:<9} {escape.printable(value)}" for name, value in _facts(read))]
    return [*lines, "", escape.printable(f"{_says(document)}: {NOT_CHECKED}"), escape.printable(next_step(read, call))]


def packet_markdown(read: Packet, call: Call | None = None) -> list[str]:
    """Return a packet as Markdown, with the sentence that nothing was checked."""
    document = read.document
    lines = [f"## {markdown(document['release_tag'])}, {markdown(document['handoff_mode'])}", ""]
    lines += [
        f"**{markdown(_says(document))}**: {NOT_CHECKED}. {markdown(next_step(read, call))}",
        "",
        "| check | outcome | tools |",
        "|---|---|---|",
    ]
    lines += [f"| {markdown(name)} | {markdown(outcome)} | {markdown(tools)} |" for name, outcome, tools in _outcomes(document)]
    lines += ["", statement.HEADING, "", *(f"- {label}: {markdown(text)}" for label, text in _statement(document))]
    stated = [document["advisories"], document.get("problems", [])] if is_own(document) else []
    for title, found in zip(("Advisories", "Problems"), stated, strict=False):
        lines += ["", f"{title} in the packet:", ""] if found else []
        for group in view.by_hint(_problems(found)):
            lines += [f"- {one.code} {markdown(one.where)}: {markdown(one.message)}" for one in group]
            lines.append(f"  - next: {markdown(group[0].hint)}")
    lines += ["", *(f"- {note.code} {markdown(note.where)}: {markdown(note.message)}" for note in read.notes)] if read.notes else []
    return [*lines, "", *(f"- {name}: {markdown(value)}" for name, value in _facts(read))]


def _outcomes(document: AnyPacket) -> list[tuple[str, str, str]]:
    """Return name, outcome and tools of each check; a packet of another generator knows commands only."""
    if not is_own(document):
        return [(command, "no outcome", "") for command in document["verification_commands"]]
    return [
        (
            outcome["id"],
            outcome["outcome"].replace("_", " "),
            ", ".join(f"{name} {version}" for name, version in outcome["tools"].items()),
        )
        for outcome in document["verification_outcomes"]
    ]


def _statement(document: AnyPacket) -> list[tuple[str, str]]:
    said: Mapping[str, object] = document["consumer_impact_statement_template"] or {}
    return [(label, str(said.get(key, "(not said)"))) for label, key in statement.LABELS.items()]


def _facts(read: Packet) -> list[tuple[str, str]]:
    document = read.document
    baseline = document["active_runtime_baseline"]
    versions = [baseline["expected_service_contract_version"], baseline["expected_api_contract_version"]]
    found = [
        ("runtime", f"{document['commit_sha']}  ({', '.join(versions)}, {document['integration_baseline']})"),
        ("errors", ", ".join(document["error_code_enum"])),
    ]
    if is_own(document):
        state, producer = document["git_state"], document["producer"]
        tag = state["tag"]
        standing = f"{tag['kind']}, at {tag['target'][:12]}" if tag["target"] else "not tagged yet"
        profile = producer["profile"] or "a profile outside of the commit"
        found.append(("producer", f"{producer['name']} ({producer['id']}), by {profile}, sha256 {producer['profile_sha256']}"))
        found += [("commit", state["verified_commit"]), ("tag", f"{tag['name']}  ({standing})")]
    return [*found, ("sha256", read.sha256), ("packet", read.source)]


def _says(document: AnyPacket) -> str:
    return f"The packet says {document['verdict']}" if is_own(document) else "The packet has no verdict"


def _problems(found: Sequence[ProblemEntry]) -> list[Problem]:
    """Return a packet's own problems or advisories, outcomes in words."""
    return [replace(one, message=view.in_words(one)) for one in (Problem(**entry) for entry in found)]


def next_step(read: Packet, call: Call | None = None) -> str:
    """Return what a reader of a packet can do with it; a command in it can be pasted."""
    call = call or Call()
    if not is_own(read.document):
        return f"It cannot be verified; what it changes against another: {call.line('handoff-diff', read.word, 'OTHER')}"
    if read.document["verdict"] == NO_GO:
        return "It is a draft and nothing to pin: mend its problems, commit, and run the handoff session again"
    return f"To check it: {call.line('handoff-verify', read.word)}"


def markdown(text: str) -> str:
    """Return one line of text as Markdown that shows just it: no markup, table cell, link, mention or HTML comes of it."""
    text = re.sub(r"[&<>|@#]", lambda found: f"&#{ord(found[0])};", escape.printable(text))
    return re.sub(r"([\\`*_\[\]~!])", r"\\\1", text).replace("://", ":&#47;/")
