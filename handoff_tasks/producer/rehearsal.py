"""The three blocks in which a profile and a packet describe a rehearsal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION_KEY: Literal["expected_service_contract_version"] = "expected_service_contract_version"
# All else in the baseline stays that of the active runtime.
_UNCHANGED_KEYS = (
    "release_tag",
    "commit_sha",
    "expected_api_contract_version",
    "integration_baseline",
    "error_code_enum",
)


class RehearsalCandidate(TypedDict):
    """What a rehearsal asks of the runtime and of the consumer."""

    requires_runtime_cutover: bool
    service_v2_runtime_stability_required: bool
    migration_overlap_days: int
    consumer_non_blocking_fallback_required: bool


class CompatibilityExpectations(TypedDict):
    """Which keys of the packet may differ from ``active_runtime_baseline``."""

    candidate_values_override_release_baseline_fields: list[str]
    fields_that_must_match_active_runtime_baseline: list[str]


class RehearsalBlocks(TypedDict, total=False):
    """The blocks of a rehearsal, in the packet's order; a stable packet has none."""

    rehearsal_candidate: RehearsalCandidate
    compatibility_expectations: CompatibilityExpectations
    required_consumer_validation_commands: list[str]


BlockName = Literal[
    "rehearsal_candidate",
    "compatibility_expectations",
    "required_consumer_validation_commands",
]
BLOCK_NAMES: tuple[BlockName, ...] = (
    "rehearsal_candidate",
    "compatibility_expectations",
    "required_consumer_validation_commands",
)


def rehearsal_faults(expectations: CompatibilityExpectations) -> Iterator[tuple[str, str]]:
    """Yield key and message of each expectation that allows too much.

    Only the service contract version may differ from the active runtime's.
    """
    key = "candidate_values_override_release_baseline_fields"
    overriding = expectations["candidate_values_override_release_baseline_fields"]
    if overriding != [VERSION_KEY]:
        yield key, f"found {', '.join(overriding) or 'none'}; expected {VERSION_KEY} alone"
    key = "fields_that_must_match_active_runtime_baseline"
    matching = expectations["fields_that_must_match_active_runtime_baseline"]
    if sorted(matching) != sorted(_UNCHANGED_KEYS):
        found = ", ".join(matching) or "none"
        yield key, f"found {found}; expected {', '.join(_UNCHANGED_KEYS)}"
