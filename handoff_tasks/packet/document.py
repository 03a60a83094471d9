"""Types of the packet document: this library's form and that of other generators.

``producer-handoff-packet.v1.schema.json`` describes each key. A test compares these types with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict, TypeGuard

# Not below TYPE_CHECKING: the test reads the types of all keys.
from handoff_tasks.producer.rehearsal import (
    CompatibilityExpectations,
    RehearsalBlocks,
    RehearsalCandidate,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTRACT: Literal["producer-handoff-packet.v1"] = "producer-handoff-packet.v1"
GO: Literal["GO"] = "GO"
NO_GO: Literal["NO-GO"] = "NO-GO"
STATEMENT_KEY: Literal["consumer_impact_statement_template"] = "consumer_impact_statement_template"
# The places of an envelope policy in which a field can be.
ENVELOPE_RULES = ("requires", "optional", "forbids")


class Baseline(TypedDict):
    """What the manifest says of the active runtime."""

    release_tag: str
    commit_sha: str
    expected_service_contract_version: str
    expected_api_contract_version: str
    integration_baseline: str


class EnvelopePolicy(TypedDict):
    """Which fields an error response must have, may have and must not have."""

    requires: list[str]
    optional: NotRequired[list[str]]
    forbids: list[str]


class ProducerEntry(TypedDict):
    """The producer, and the profile that verified the release.

    ``profile`` is None if the verified commit does not hold the profile.
    """

    id: str
    name: str
    profile: str | None
    profile_sha256: str


class OutcomeEntry(TypedDict):
    """The outcome of one check, and the tools on which it depends, name to version.

    A check that did not see all files has ``ignores`` and ``seen_tree``.
    """

    id: str
    command: str
    outcome: str
    exit_code: int | None
    tools: dict[str, str]
    ignores: NotRequired[list[str]]
    seen_tree: NotRequired[str]


class TagEntry(TypedDict):
    """The release's tag; ``kind`` and ``target`` are None if there is none."""

    name: str
    state: str
    kind: str | None
    target: str | None


class GitState(TypedDict):
    """The commits, the tree, the tag and the manifest's bytes, and how they relate."""

    verified_commit: str
    verified_tree: str
    producer_path: str
    tag: TagEntry
    runtime_commit: str
    runtime_to_tag: str | None
    runtime_to_verified: str
    runtime_paths_identical: bool | None
    commits_after_runtime: list[str]
    paths_after_runtime: list[str]
    manifest_sha256: str | None


class StatementEntry(TypedDict):
    """The five lines of the consumer impact statement."""

    runtime_behavior_changes: str
    required_consumer_mapping_changes: str
    required_test_updates: str
    repin_required: str
    rollback_instruction: str


class ProblemEntry(TypedDict):
    """A problem or an advisory, as ``Problem.to_dict`` returns it."""

    code: str
    where: str
    message: str
    hint: str


class PacketDocument(RehearsalBlocks):
    """A packet that this library made and its schema accepts.

    ``problems`` is there if the verdict is NO-GO; the blocks of a rehearsal if the mode is one. A
    packet of the kind ``release`` has ``contracts``, one of a service the six keys after it.
    """

    handoff_generated_at_utc: str
    handoff_mode: str
    release_tag: str
    commit_sha: str
    contracts: NotRequired[dict[str, str]]
    expected_service_contract_version: NotRequired[str]
    expected_api_contract_version: NotRequired[str]
    integration_baseline: NotRequired[str]
    active_runtime_baseline: NotRequired[Baseline]
    error_code_enum: NotRequired[list[str]]
    non_2xx_envelope_policy: NotRequired[dict[str, EnvelopePolicy]]
    manifest_contract_version: str | None
    manifest_path: str | None
    changelog_path: str | None
    verification_commands: list[str]
    consumer_impact_statement_template: StatementEntry | None
    packet_contract_version: Literal["producer-handoff-packet.v1"]
    producer: ProducerEntry
    verdict: Literal["GO", "NO-GO"]
    verification_outcomes: list[OutcomeEntry]
    git_state: GitState
    consumer_impact_statement: StatementEntry | None
    advisories: list[ProblemEntry]
    problems: NotRequired[list[ProblemEntry]]
    handoff_generated_at_source: Literal["verified-commit", "source-date-epoch"]


class ForeignPacket(TypedDict):
    """The keys that are read of a packet of another generator.

    Also of a packet that says it is of this library but does not follow the schema. Other keys may
    be present; they are not read. The keys that are required here are those that every rule reads.
    ``packet.form.foreign_faults`` checks that a packet has them.
    """

    handoff_generated_at_utc: NotRequired[str]
    handoff_mode: str
    release_tag: str
    commit_sha: str
    expected_service_contract_version: str
    expected_api_contract_version: str
    integration_baseline: str
    active_runtime_baseline: Baseline
    error_code_enum: NotRequired[list[str]]
    non_2xx_envelope_policy: dict[str, EnvelopePolicy]
    manifest_contract_version: NotRequired[str | None]
    manifest_path: NotRequired[str | None]
    changelog_path: NotRequired[str | None]
    verification_commands: NotRequired[list[str]]
    consumer_impact_statement_template: dict[str, str] | None
    rehearsal_candidate: NotRequired[RehearsalCandidate]
    compatibility_expectations: NotRequired[CompatibilityExpectations]
    required_consumer_validation_commands: NotRequired[list[str]]
    producer: NotRequired[ProducerEntry]
    verdict: NotRequired[str]


AnyPacket = PacketDocument | ForeignPacket


def is_release(document: AnyPacket | Mapping[str, Any]) -> bool:
    """Return whether a packet's contract is of the kind ``release``."""
    return "contracts" in document


def is_own(document: AnyPacket | Mapping[str, Any]) -> TypeGuard[PacketDocument]:
    """Return whether a packet says that it follows this library's contract."""
    return document.get("packet_contract_version") == CONTRACT
