"""Compare two packets, with the notice policy of their producer."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from handoff_tasks.formats import strict_json
from handoff_tasks.packet import diff
from handoff_tasks.packet.change import DEFAULT_NOTICE, Notice
from handoff_tasks.packet.document import is_own
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import manifest as producer_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.packet.change import Change
    from handoff_tasks.release.find_packet import Packet


def compare_packets(
    old: Packet, new: Packet, workspace: Workspace | None
) -> tuple[list[Change], Notice, list[Problem]]:
    """Return the changes between two packets, the notice policy, and advisories on both."""
    notice = read_notice(workspace, [old, new])
    changes = diff.compare(old.document, new.document, notice)
    notes = {*old.notes, *new.notes}
    if notice == DEFAULT_NOTICE and any(change.notice for change in changes):
        message = f"the notice is {notice.source}"
        hint = "name the producer with --producer-root to use the policy of its manifest"
        notes.add(Problem(code="HA101", where="notice policy", message=message, hint=hint))
    return changes, notice, sorted(notes)


def read_notice(workspace: Workspace | None, packets: Sequence[Packet]) -> Notice:
    """Return the notice policy of the first packet whose manifest can be read.

    The older packet comes first: consumers know its policy, and a release cannot shorten its own
    notice. Without a manifest it is the default of producer-contract-manifest.v1.
    """
    if workspace is not None:
        for packet in packets:
            if notice := _manifest_notice(workspace, packet):
                return notice
    return DEFAULT_NOTICE


def _manifest_notice(workspace: Workspace, packet: Packet) -> Notice | None:
    """Return the policy in the manifest that a packet was made from, None if unavailable."""
    producer, profile, document = workspace.producer, workspace.profile, packet.document
    tag = profile.tag_name(document["release_tag"])
    ref = producer.tags.get(tag)
    commits = [packet.commit, ref.commit if ref else None]
    sha256 = None
    if is_own(document):
        commits.insert(0, document["git_state"]["verified_commit"])
        sha256 = document["git_state"]["manifest_sha256"]
    for commit in dict.fromkeys(commits):
        if not commit:
            continue
        if profile.manifest_path is None:
            break
        at = replace(producer, commit=commit)
        data = workspace.repository.files(at, [profile.manifest_path])[profile.manifest_path]
        if data is None or sha256 not in (None, hashlib.sha256(data).hexdigest()):
            continue
        where = f"{commit[:12]}:{profile.manifest_path}"
        try:
            manifest = producer_manifest.read_manifest(data, where, profile.kind)
        except HandoffError:
            continue
        stated: Any = strict_json.read(data, where)
        policy = stated.get("additive_error_code_notice_policy")
        if manifest.release_tag == document["release_tag"] and policy:
            return Notice.from_policy(policy, where)
    return None


def diff_document(
    old: Packet, new: Packet, changes: Sequence[Change], notice: Notice, notes: Sequence[Problem]
) -> dict[str, Any]:
    """Return the comparison for machines (schema handoff-diff.v1)."""
    return {
        "diff_contract_version": diff.DIFF_CONTRACT,
        "old": old.to_dict(),
        "new": new.to_dict(),
        "notice_policy": notice.to_dict(),
        "changes": [change.to_dict() for change in changes],
        "advisories": [note.to_dict() for note in notes],
    }
