"""Build the packet document of one release.

The same values give the same document. ``formats.canonical`` makes its bytes, ``rules`` decides whether the release is good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handoff_tasks.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from handoff_tasks.model import CheckResult, GitFacts, Manifest, ProfileSource, Statement
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Mode, Profile

CONTRACT = "producer-handoff-packet.v1"
GO = str(Verdict.GO)
NO_GO = str(Verdict.NO_GO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """All that a packet is made of. ``source_date_epoch`` is the caller's SOURCE_DATE_EPOCH in seconds, if there is one."""

    profile: Profile
    source: ProfileSource
    mode: Mode
    manifest: Manifest
    facts: GitFacts
    checks: Sequence[CheckResult]
    statement: Statement | None
    source_date_epoch: int | None


def assemble(release: Release, problems: Sequence[Problem], advisories: Sequence[Problem]) -> dict[str, Any]:
    """Return the packet, keys in the order of the contract. With ``problems`` it is a NO-GO draft that lists them."""
    manifest, facts, profile = release.manifest, release.facts, release.profile
    statement = release.statement.to_dict() if release.statement else None
    seconds = facts.verified.committed_at if release.source_date_epoch is None else release.source_date_epoch
    document: dict[str, Any] = {
        "handoff_generated_at_utc": generated_at(seconds),
        "handoff_mode": release.mode.name,
        "release_tag": manifest.release_tag,
        "commit_sha": manifest.commit_sha,
        "expected_service_contract_version": release.mode.rehearsed or manifest.service_version,
        "expected_api_contract_version": manifest.api_version,
        "integration_baseline": manifest.integration_baseline,
        "active_runtime_baseline": manifest.baseline(),
        "error_code_enum": list(manifest.error_codes),
        "non_2xx_envelope_policy": envelope_policy(profile, manifest),
        "manifest_contract_version": manifest.contract_version,
        "manifest_path": profile.manifest_path,
        "changelog_path": profile.changelog_path,
        "verification_commands": [check.command for check in release.checks],
        "consumer_impact_statement_template": statement,
        **release.mode.blocks,
        "packet_contract_version": CONTRACT,
        "producer": producer(profile, release.source),
        "verdict": NO_GO if problems else GO,
        "verification_outcomes": [
            {
                "id": check.id,
                "command": check.command,
                "outcome": str(check.outcome),
                "exit_code": check.exit_code,
                "tools": check.claimed_tools(),
            }
            for check in release.checks
        ],
        "git_state": git_state(facts),
        "consumer_impact_statement": statement,
        "advisories": [advisory.to_dict() for advisory in sorted(advisories)],
    }
    if problems:
        document["problems"] = [problem.to_dict() for problem in sorted(problems)]
    document["handoff_generated_at_source"] = "verified-commit" if release.source_date_epoch is None else "source-date-epoch"
    return document


def producer(profile: Profile, source: ProfileSource) -> dict[str, str | None]:
    """Return the packet's ``producer``: whose release it is, and the profile that it was verified by."""
    return {"id": profile.id, "name": profile.name, "profile": source.name, "profile_sha256": source.sha256}


def in_order(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value with the keys of each object in the order of the contract, so that a packet has one byte string.

    Keys that the schema names are in its order. Of the others, the envelope in force comes before those that are rehearsed, which
    keep their order, and tools are sorted by name.
    """
    if isinstance(value, list):
        return [in_order(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    schema = next((one for one in schema.get("anyOf", ()) if "properties" in one), schema)
    known: Mapping[str, Any] = schema.get("properties", {})
    patterns: Mapping[str, Any] = schema.get("patternProperties", {})
    others = [key for key in value if key not in known]
    others = sorted(others, key=lambda key: not key.endswith("_stable")) if patterns else sorted(others)
    inner: Mapping[str, Any] = next(iter(patterns.values()), {})
    return {key: in_order(value[key], known.get(key, inner)) for key in [*(key for key in known if key in value), *others]}


def generated_at(seconds: int) -> str:
    """Return the packet's form of a time that is given in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def envelope_policy(profile: Profile, manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    """Return the error envelopes: that of the manifest's service version, and that of each version a mode rehearses.

    A version without a policy in the profile is left out; `rules` refuses that.
    """
    names = {f"{_key(manifest.service_version)}_stable": manifest.service_version}
    names |= {f"{_key(mode.rehearsed)}_candidate": mode.rehearsed for mode in profile.modes if mode.rehearsed}
    order = ("requires", "optional", "forbids")
    return {
        name: {key: profile.envelope_policies[version][key] for key in order if key in profile.envelope_policies[version]}
        for name, version in names.items()
        if version in profile.envelope_policies
    }


def git_state(facts: GitFacts) -> dict[str, Any]:
    """Return the packet's ``git_state``: the four identities and how they relate (DOMAIN section 4)."""
    tag = facts.tag.existing
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
        "runtime_paths_identical": None
        if facts.runtime.changed_to_verified is None
        else not (facts.runtime.changed_to_verified or facts.runtime.changed_to_tag),
        "commits_after_runtime": list(facts.runtime.commits_after),
        "paths_after_runtime": list(facts.runtime.paths_after),
        "manifest_sha256": facts.verified.manifest_sha256,
    }


def _key(version: str) -> str:
    return version.replace(".", "_")
