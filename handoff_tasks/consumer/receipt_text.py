"""Say what a receipt says: as text, and as Markdown.

Functions of values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.consumer.receipt import ACCEPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handoff_tasks.consumer.receipt import Receipt

_PIPES = str.maketrans({"|": "\\|", "\n": " ", "\r": " "})
NOT_CHECKED = "This is what the receipt says; handoff-pinned checks it"


def text(receipt: Receipt) -> list[str]:
    """Return the lines for a terminal."""
    width = max((len(file.path) for file in receipt.files), default=0)
    return [
        title(receipt),
        f"  consumer   {receipt.consumer.name}, commit {receipt.consumer.commit}",
        f"  release    {receipt.new.release_tag}, commit {receipt.new.commit_sha}",
        f"  tag        {receipt.producer.tag}, {_target(receipt)}",
        f"  before     {receipt.old.release_tag}, commit {receipt.old.commit_sha}",
        *_proofs(receipt),
        *(
            f"  change     {change.change_class}  {change.fingerprint}  {change.message}"
            + (" (accepted by name)" if change.accepted else "")
            for change in receipt.changes
        ),
        *(
            f"  file       {file.path.ljust(width)}  sha256 {file.after_sha256}"
            for file in receipt.files
        ),
        *(
            f"  validator  {one.id}  passed  {_tools(one.tools)}".rstrip()
            for one in receipt.validators
        ),
        "",
        f"{NOT_CHECKED}.",
    ]


def markdown(receipt: Receipt) -> list[str]:
    """Return the receipt as Markdown."""
    return [
        f"# {title(receipt)}",
        "",
        f"- Consumer: {receipt.consumer.name}, commit `{receipt.consumer.commit}`",
        f"- Release: `{receipt.new.release_tag}`, commit `{receipt.new.commit_sha}`",
        f"- Tag: `{receipt.producer.tag}`, {_target(receipt)}",
        f"- Before: `{receipt.old.release_tag}`, commit `{receipt.old.commit_sha}`",
        *_markdown_changes(receipt),
        "",
        "## Files",
        "",
        *(f"- `{file.path}`: sha256 `{file.after_sha256}`" for file in receipt.files),
        "",
        "## Validators",
        "",
        *(f"- {one.id}: passed, {_tools(one.tools)}" for one in receipt.validators),
        "",
        f"{NOT_CHECKED}.",
    ]


def title(receipt: Receipt) -> str:
    """Return the receipt in one line."""
    step = f"{receipt.old.release_tag} -> {receipt.new.release_tag}"
    return f"{receipt.kind} of {receipt.producer.name} {step}"


def _target(receipt: Receipt) -> str:
    target = receipt.producer.tag_target
    return "which was not looked at" if target is None else f"which pointed to {target}"


def _proofs(receipt: Receipt) -> Iterator[str]:
    if receipt.packet_sha256 is not None:
        yield f"  packet     sha256 {receipt.packet_sha256}"
    if receipt.undoes is not None:
        yield f"  undoes     the receipt with the sha256 {receipt.undoes}"
    if receipt.manifest_sha256 is not None:
        yield f"  manifest   sha256 {receipt.manifest_sha256}"


def _tools(tools: object) -> str:
    assert isinstance(tools, dict)
    return ", ".join(f"{name} {version}" for name, version in sorted(tools.items())) or "no tools"


def _markdown_changes(receipt: Receipt) -> Iterator[str]:
    if receipt.kind != ACCEPT:
        return
    yield from ("", "## Changes", "")
    for change in receipt.changes:
        accepted = ", accepted by name" if change.accepted else ""
        message = change.message.translate(_PIPES)
        yield f"- {change.change_class}{accepted}: {message} (`{change.fingerprint}`)"
