"""Draft the consumer impact statement from git and the manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.producer.statement import HEADING, LABELS, contract_changes, pinned_changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handoff_tasks.model import GitFacts, Manifest, Release

_MOST_PATHS = 20
_MOST_RELEASES = 5


def draft(manifest: Manifest, facts: GitFacts) -> str:
    """Return the block with all lines that git and the manifests determine.

    The other lines are placeholders, for a person to fill in.
    """
    target = manifest.pair
    releases = facts.history.earlier or facts.history.unstated
    lines = {}
    if facts.history.changed_since_previous is not None:
        lines["runtime_behavior_changes"] = (
            "<describe>" if facts.history.changed_since_previous else "none"
        )
    if contract_changes(facts.history.previous, manifest):
        lines["required_consumer_mapping_changes"] = "<describe>"
    if pinned_changes(facts.history.previous, manifest):
        lines["repin_required"] = f"yes ({target})"
    if not releases:
        lines["rollback_instruction"] = "none, this is the first release"
    return block(target, _pair(releases[0]) if releases else None, lines)


def block(target: str | None, rollback: str | None, lines: Mapping[str, str] | None = None) -> str:
    """Return the block to fill in.

    ``target`` and ``rollback`` are pairs ``tag/sha``, None if unknown; ``lines`` are values by
    name.
    """
    values = {
        "repin_required": f"<yes/no> ({target or '<target tag/sha>'})",
        "rollback_instruction": f"repin to {rollback or '<previous tag/sha>'}",
        **(lines or {}),
    }
    items = [f"- {label}: {values.get(name, '<none|describe>')}" for label, name in LABELS.items()]
    return "\n".join([HEADING, *items])


def evidence(manifest: Manifest, facts: GitFacts) -> list[str]:
    """Return the facts on which the draft is based, as lines."""
    release = f"Release {manifest.release_tag}/{manifest.commit_sha}"
    if facts.history.previous is None:
        states = "" if manifest.contract_version is None else " whose own manifest states it"
        lines = [
            f"{release}; no earlier release is known{states}.",
            "There is nothing to compare with: a person has to judge each line.",
        ]
    else:
        previous = f"{facts.history.previous.release_tag}/{facts.history.previous.commit_sha}"
        lines = [f"{release}; the previous one is {previous}."]
        lines += _comparison(manifest, facts.history.previous, facts.history.changed_since_previous)
    releases = facts.history.earlier or facts.history.unstated
    if not releases:
        first = "for a first release write 'none, this is the first release'"
        return [*lines, f"Rollback: there is no earlier release; {first}."]
    lines.append("Rollback, the earlier releases:")
    lines += [f"  {_pair(earlier)}" for earlier in releases[:_MOST_RELEASES]]
    if len(releases) > 1:
        lines.append("  (the first is filled in; if it was withdrawn, take another)")
    return lines


def _comparison(
    manifest: Manifest, previous: Manifest, changed: tuple[str, ...] | None
) -> list[str]:
    since = f"since {previous.release_tag}"
    if changed is None:
        lines = [f"Runtime paths {since}: cannot be compared"]
    elif changed:
        lines = [f"Runtime paths {since}: {len(changed)} changed"]
        lines += [f"  {path}" for path in changed[:_MOST_PATHS]]
    else:
        lines = [f"Runtime paths {since}: none changed"]
    if changed and len(changed) > _MOST_PATHS:
        lines.append(f"  and {len(changed) - _MOST_PATHS} more")
    lines += _contract(manifest, previous, since)
    pinned = pinned_changes(previous, manifest)
    lines.append(f"Pinned values {since}:" + ("" if pinned else " unchanged, except for the tag"))
    lines += [f"  {change}" for change in pinned]
    return lines


def _contract(manifest: Manifest, previous: Manifest, since: str) -> list[str]:
    changes = [f"  {change}" for change in contract_changes(previous, manifest)]
    if manifest.service:
        same = f" the same codes, the same envelope ({manifest.service.service_version})"
        return [f"Error contract {since}:" + ("" if changes else same), *changes]
    if not manifest.contracts and not previous.contracts:
        return []
    same = " the same versions: " + ", ".join(
        f"{name} {version}" for name, version in manifest.contracts.items()
    )
    return [f"Contracts {since}:" + ("" if changes else same), *changes]


def _pair(release: Release) -> str:
    return f"{release.tag}/{release.commit_sha}"
