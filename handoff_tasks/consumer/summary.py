"""Say what an accept or a rollback changes: as text, and as the body of a pull request.

Functions of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.consumer.profile import MANIFEST
from handoff_tasks.formats.words import quantity, some_of
from handoff_tasks.packet.change import ChangeClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handoff_tasks.consumer.edits import PlannedFile
    from handoff_tasks.consumer.plan import Plan
    from handoff_tasks.consumer.profile import Profile
    from handoff_tasks.consumer.receipt import ReceiptValidator
    from handoff_tasks.packet.change import Change

_PIPES = str.maketrans({"|": "\\|", "\n": " ", "\r": " "})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is shown of an accept or a rollback.

    ``kind`` is that of the receipt. ``statement`` are the lines of the producer's impact statement,
    name and text. ``signatures`` are the lines on who signed; without any, the packet is unsigned.
    """

    kind: str
    profile: Profile
    plan: Plan
    changes: Sequence[Change]
    accepted: Sequence[str]
    statement: Sequence[tuple[str, str]]
    signatures: Sequence[str]
    validators: Sequence[ReceiptValidator]


def title(step: Step) -> str:
    """Return the step in one line."""
    name = step.profile.producer.name
    old, new = step.plan.old.release_tag, step.plan.new.release_tag
    return f"{step.profile.name}: {name} {old} -> {new}"


def text(step: Step) -> list[str]:
    """Return the lines for a terminal, without the validators, which were shown when they ran."""
    return [title(step), *_change_lines(step), *_file_lines(step)]


def _change_lines(step: Step) -> Iterator[str]:
    counts = [
        quantity(number, str(kind), str(kind))
        for kind in ChangeClass
        if (number := sum(change.change_class == kind for change in step.changes))
    ]
    if step.kind == "accept":
        yield f"  changes    {', '.join(counts) or 'none that a consumer sees'}"
    for change in step.changes:
        if change.change_class != ChangeClass.EDITORIAL:
            yield f"    {change.change_class}  {change.fingerprint}  {change.message}"


def _file_lines(step: Step) -> Iterator[str]:
    width = max((len(file.path) for file in step.plan.files), default=0)
    for file in step.plan.files:
        yield f"  file       {file.path.ljust(width)}  {_places(step, file)}"


def _places(step: Step, file: PlannedFile) -> str:
    copies = {one.path: one.copy for one in step.profile.files if one.copy}
    if not file.changes and step.kind != "accept":
        return "its bytes before the accept"
    if file.path in copies:
        noun = "manifest at the tag" if copies[file.path] == MANIFEST else "packet"
        return f"a copy of the {noun}"
    numbers = sorted({change.line for change in file.changes})
    noun = "line" if len(numbers) == 1 else "lines"
    return f"{noun} {some_of([str(number) for number in numbers])}"


def markdown(step: Step) -> list[str]:
    """Return the body of a pull request: what changes, the producer's statement, the proofs."""
    return [
        f"# {title(step)}",
        "",
        f"Release `{step.plan.new.release_tag}`, commit `{step.plan.new.commit_sha}`.",
        *_markdown_changes(step),
        *_markdown_statement(step),
        *_markdown_files(step),
        *_markdown_validators(step),
        *_markdown_signatures(step),
    ]


def _markdown_changes(step: Step) -> Iterator[str]:
    if step.kind != "accept":
        return
    yield from ("", "## What changes for us", "")
    if not step.changes:
        yield "Nothing that a consumer sees."
        return
    yield from ("| class | change | fingerprint |", "|---|---|---|")
    for change in step.changes:
        decision = ", accepted by name" if change.fingerprint in step.accepted else ""
        message = change.message.translate(_PIPES)
        yield f"| {change.change_class}{decision} | {message} | `{change.fingerprint}` |"


def _markdown_statement(step: Step) -> Iterator[str]:
    if step.statement:
        yield from ("", "## What the producer says", "")
        yield from (f"- {name}: {value.translate(_PIPES)}" for name, value in step.statement)


def _markdown_files(step: Step) -> Iterator[str]:
    yield from ("", "## Files", "")
    for file in step.plan.files:
        yield f"- `{file.path}`: {_places(step, file)}"


def _markdown_validators(step: Step) -> Iterator[str]:
    yield from ("", "## Validators", "", "| validator | command | outcome | tools |")
    yield "|---|---|---|---|"
    for one in step.validators:
        tools = ", ".join(f"{name} {version}" for name, version in sorted(one.tools.items()))
        yield f"| {one.id} | `{one.command.translate(_PIPES)}` | passed | {tools} |"


def _markdown_signatures(step: Step) -> Iterator[str]:
    if step.kind == "accept":
        yield from ("", "## Who signed", "")
        yield from (f"- {line}" for line in step.signatures)
        if not step.signatures:
            yield "No signatures were checked."
