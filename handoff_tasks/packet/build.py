"""Build the packet document of one release.

The same values give the same document. ``packet.form`` makes its bytes; ``rules`` decides whether
the release is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from handoff_tasks.packet.document import (
    CONTRACT,
    ENVELOPE_RULES,
    GO,
    NO_GO,
)
from handoff_tasks.packet.form import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handoff_tasks.model import GitFacts, Manifest, ProfileSource, ServiceContract, Statement
    from handoff_tasks.packet.document import (
        EnvelopePolicy,
        GitState,
        OutcomeEntry,
        PacketDocument,
        ProblemEntry,
        ProducerEntry,
        StatementEntry,
    )
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Mode, Profile
    from handoff_tasks.record import CheckResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The values that a packet is made of.

    ``source_date_epoch`` is the caller's SOURCE_DATE_EPOCH in seconds, None if it is not set.
    """

    profile: Profile
    source: ProfileSource
    mode: Mode
    manifest: Manifest
    facts: GitFacts
    checks: Sequence[CheckResult]
    statement: Statement | None
    source_date_epoch: int | None


def assemble(
    release: Release, problems: Sequence[Problem], advisories: Sequence[Problem]
) -> PacketDocument:
    """Return the packet; with ``problems`` it is a NO-GO draft that lists them."""
    manifest, facts, profile = release.manifest, release.facts, release.profile
    statement: StatementEntry | None = None
    if release.statement:
        statement = cast("StatementEntry", release.statement.to_dict())
    epoch = release.source_date_epoch
    document: PacketDocument = {
        "handoff_generated_at_utc": generated_at(
            facts.verified.committed_at if epoch is None else epoch
        ),
        "handoff_mode": release.mode.name,
        "release_tag": manifest.release_tag,
        "commit_sha": manifest.commit_sha,
        "manifest_contract_version": manifest.contract_version,
        "manifest_path": profile.manifest_path,
        "changelog_path": profile.changelog_path,
        "verification_commands": [check.command for check in release.checks],
        "consumer_impact_statement_template": statement,
        "packet_contract_version": CONTRACT,
        "producer": producer(profile, release.source),
        "verdict": NO_GO if problems else GO,
        "verification_outcomes": [_outcome(check) for check in release.checks],
        "git_state": git_state(facts),
        "consumer_impact_statement": statement,
        "advisories": _entries(advisories),
        "handoff_generated_at_source": "verified-commit" if epoch is None else "source-date-epoch",
    }
    document.update(cast("PacketDocument", contract(profile, manifest, release.mode)))
    document.update(cast("PacketDocument", release.mode.blocks))
    if problems:
        document["problems"] = _entries(problems)
    return in_order(document)


def _outcome(check: CheckResult) -> OutcomeEntry:
    entry: OutcomeEntry = {
        "id": check.id,
        "command": check.command,
        "outcome": str(check.outcome),
        "exit_code": check.exit_code,
        "tools": check.claimed_tools(),
    }
    if check.seen_tree is not None:
        entry["ignores"] = list(check.ignores)
        entry["seen_tree"] = check.seen_tree
    return entry


def _entries(problems: Sequence[Problem]) -> list[ProblemEntry]:
    return [cast("ProblemEntry", problem.to_dict()) for problem in sorted(problems)]


def contract(profile: Profile, manifest: Manifest, mode: Mode) -> dict[str, object]:
    """Return the keys of a packet that only its kind of contract has."""
    service = manifest.service
    if service is None:
        return {"contracts": dict(manifest.contracts)}
    return {
        "expected_service_contract_version": mode.rehearsed or service.service_version,
        "expected_api_contract_version": service.api_version,
        "integration_baseline": service.integration_baseline,
        "active_runtime_baseline": manifest.baseline(),
        "error_code_enum": list(service.error_codes),
        "non_2xx_envelope_policy": envelope_policy(profile, service),
    }


def producer(profile: Profile, source: ProfileSource) -> ProducerEntry:
    """Return the packet's ``producer``: its id and name, and the profile."""
    return {
        "id": profile.id,
        "name": profile.name,
        "profile": source.name,
        "profile_sha256": source.sha256,
    }


def generated_at(seconds: int) -> str:
    """Return a time in seconds since 1970 in the packet's form."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def envelope_policy(profile: Profile, service: ServiceContract) -> dict[str, EnvelopePolicy]:
    """Return the error envelopes of the service's version and of each rehearsed version.

    A version without a policy in the profile is left out; HP057 refuses the release then.
    """
    versions = {f"{_key(service.service_version)}_stable": service.service_version}
    for mode in profile.modes:
        if mode.rehearsed:
            versions[f"{_key(mode.rehearsed)}_candidate"] = mode.rehearsed
    policies = {}
    for name, version in versions.items():
        stated = profile.envelope_policies.get(version)
        if stated is not None:
            policy = {rule: stated[rule] for rule in ENVELOPE_RULES if rule in stated}
            policies[name] = cast("EnvelopePolicy", policy)
    return policies


def git_state(facts: GitFacts) -> GitState:
    """Return the packet's ``git_state``: commits, tree, tag and manifest, and their relations."""
    tag = facts.tag.existing
    identical = None
    if facts.runtime.changed_to_verified is not None:
        identical = not (facts.runtime.changed_to_verified or facts.runtime.changed_to_tag)
    return {
        "verified_commit": facts.verified.commit,
        "verified_tree": facts.verified.tree,
        "producer_path": facts.verified.producer_path,
        "tag": {
            "name": facts.tag.name,
            "state": "tagged" if tag else "untagged",
            "kind": tag.kind if tag else None,
            "target": tag.target if tag else None,
        },
        "runtime_commit": facts.runtime.commit,
        "runtime_to_tag": str(facts.runtime.to_tag) if facts.runtime.to_tag else None,
        "runtime_to_verified": str(facts.runtime.to_verified),
        "runtime_paths_identical": identical,
        "commits_after_runtime": list(facts.runtime.commits_after),
        "paths_after_runtime": list(facts.runtime.paths_after),
        "manifest_sha256": facts.verified.manifest_sha256,
    }


def _key(version: str) -> str:
    return version.replace(".", "_")
