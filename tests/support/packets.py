"""Packets for tests: made at a tag, written to a file, or of another generator."""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from builders import go_packet, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from handoff_tasks.checks.evidence import EvidenceFolder


import json
from typing import TYPE_CHECKING

import scratch

from handoff_tasks.formats import canonical
from handoff_tasks.git import workspace
from handoff_tasks.problems import HandoffError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from handoff_tasks.checks.evidence import EvidenceFolder


from typing import TYPE_CHECKING

from handoff_tasks.record import Log, Outcome, Record, Tool

if TYPE_CHECKING:
    from pathlib import Path

    from handoff_tasks.checks.evidence import EvidenceFolder
    from handoff_tasks.producer.profile import Check


def foreign(document: dict[str, Any]) -> Any:
    """Return a packet as the producer's own generator writes it: without our keys, with one machine's paths and placeholders."""
    kept = list(document)[: list(document).index("packet_contract_version")]
    made = {key: copy.deepcopy(document[key]) for key in kept}
    root = "/Users/d/Projects/MemoryKernel"
    made |= {key: f"{root}/{document[key]}" for key in ("manifest_path", "changelog_path")}
    made["verification_commands"] = [
        " ".join(root if word == "." else word for word in command.split())
        for command in document["verification_commands"]
    ]
    made["consumer_impact_statement_template"] = dict.fromkeys(
        document["consumer_impact_statement_template"], "<none|describe>"
    )
    return made


def opened(producer: scratch.Producer, tmp_path: Path) -> workspace.Workspace:
    """Open a producer at its HEAD."""
    profile = tmp_path / "handoff.toml"
    profile.write_text(scratch.PROFILE)
    return workspace.open_workspace(
        root=producer.root,
        ref="HEAD",
        profile_path=profile,
        work=tmp_path / "w",
        cache=tmp_path / "c",
    )


def written(path: Path, document: object) -> Path:
    """Write a document in the published form."""
    path.write_bytes(canonical.published_bytes(document))
    return path


def refused(read: Callable[[], object]) -> list[tuple[str, str, str, str]]:
    """Return the problems of what is refused."""
    with pytest.raises(HandoffError) as caught:
        read()
    return shown(caught.value)


def at(producer: scratch.Producer, tag: str, **changes: Any) -> Any:
    """Return a foreign packet for a release of the scratch producer."""
    stated = json.loads(producer.git("show", f"{tag}:{scratch.MANIFEST_PATH}"))
    document = foreign(go_packet())
    identity = {key: stated[key] for key in ("release_tag", "commit_sha")}
    document["active_runtime_baseline"] |= identity
    return document | identity | changes


PINNED = {
    "cargo": "1.95.0",
    "clippy": "0.1.95",
    "pytest": "9.2.0",
    "rg": "15.2.0",
    "ruff": "0.15.22",
    "rustc": "1.95.0",
    "rustfmt": "1.9.0-stable",
}


def record(
    opened: workspace.Workspace, check: Check, folder: EvidenceFolder, outcome: Outcome
) -> None:
    """Leave the evidence of a check with the pinned tools."""
    text = f"{check.success_line or 'done'}\n".encode()
    log = folder.log(check.id)
    log.write_bytes(text)
    digest = hashlib.sha256(text).hexdigest()
    failed = outcome is Outcome.FAILED
    made = Record(
        id=check.id,
        binding=opened.binding(check),
        outcome=outcome,
        exit_code=1 if failed else 0,
        signal=None,
        reason="exit code 1" if failed else None,
        started_at_utc="2026-01-02T03:04:05Z",
        finished_at_utc="2026-01-02T03:04:06Z",
        duration_ms=1000,
        timeout_seconds=check.timeout_seconds,
        log=Log(
            file=log.name,
            size=len(text),
            sha256=digest,
            output_size=len(text),
            output_sha256=digest,
        ),
        tools=tuple(
            Tool(
                name=name,
                version=PINNED.get(name, "1"),
                path=f"/bin/{name}",
                claim=opened.profile.tools[name].claim,
            )
            for name in check.tools
        ),
        toolchain=None,
        checkout_state="fresh",
        platform={"system": "Linux", "release": "1", "machine": "x86_64", "python": "3.11.0"},
        environment_names=("PATH",),
        environment_digest="sha256:" + "e" * 64,
    )
    folder.write_record(made)


def put(document: Any, path: tuple[str | int, ...], value: object) -> Any:
    """Return a copy of the document with another value at one place."""
    changed = copy.deepcopy(document)
    holder: Any = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return changed
