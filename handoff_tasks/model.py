"""Values that the parts pass to each other.

The classes are frozen. They only read and write their own form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from handoff_tasks.problems import Problem
    from handoff_tasks.record import CheckResult


class Flavour(StrEnum):
    """The language of the embedded sample producer."""

    RUST = "rust"
    PYTHON = "python"


class Relation(StrEnum):
    """What one commit is to another that must be the same or a descendant."""

    SAME = "same"
    ANCESTOR = "ancestor"
    UNRELATED = "unrelated"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceContract:
    """What a service promises, as its manifest states it."""

    service_version: str
    api_version: str
    integration_baseline: str
    error_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a producer states about one release: in its manifest, or without one by its tag.

    ``contract_version`` is None without a manifest. ``service`` is None if the contract's kind is
    ``release``; ``contracts`` are then the versions of its contracts, name to version.
    """

    contract_version: str | None
    release_tag: str
    commit_sha: str
    service: ServiceContract | None = None
    contracts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Manifest:
        """Return the manifest of a document that its schema accepted."""
        service = None
        if "expected_service_contract_version" in document:
            service = ServiceContract(
                service_version=document["expected_service_contract_version"],
                api_version=document["expected_api_contract_version"],
                integration_baseline=document["integration_baseline"],
                error_codes=tuple(document["error_code_enum"]),
            )
        return cls(
            contract_version=document["manifest_contract_version"],
            release_tag=document["release_tag"],
            commit_sha=document["commit_sha"],
            service=service,
            contracts={} if service else document.get("contracts", {}),
        )

    @property
    def pair(self) -> str:
        """What the statement's repin line names: ``tag/sha``, or the tag without a manifest.

        The commit that has the statement may be the runtime commit, and cannot contain its own sha.
        """
        if self.contract_version is None:
            return self.release_tag
        return f"{self.release_tag}/{self.commit_sha}"

    def baseline(self) -> dict[str, str]:
        """Return what a consumer pins, by JSON pointer without its first slash.

        For a service these are the five fields of ``active_runtime_baseline``, in their order.
        """
        pinned = {"release_tag": self.release_tag, "commit_sha": self.commit_sha}
        if self.service:
            pinned["expected_service_contract_version"] = self.service.service_version
            pinned["expected_api_contract_version"] = self.service.api_version
            pinned["integration_baseline"] = self.service.integration_baseline
        return pinned | {f"contracts/{name}": one for name, one in sorted(self.contracts.items())}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSource:
    """The place of a profile, as a packet names it, and the sha256 of its bytes.

    ``name`` is the path from the repository's top if the verified commit has the profile, or the
    name of a built-in profile; None for any other file.
    """

    name: str | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRef:
    """A tag as ``git for-each-ref`` lists it."""

    # "tag" (annotated), "commit" (lightweight), another type of object, or "symbolic".
    kind: str
    object_id: str
    # None if the tag does not name a commit, or follows another reference.
    commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """The tag of a release."""

    # The name below refs/tags.
    name: str
    # "annotated" or "lightweight".
    kind: str
    # The commit that the tag points to.
    target: str
    # The name in the annotated tag's own object, if it differs from `name`.
    other_name: str | None = None
    # What else has the same name for another commit: what it is ("branch"), and that commit.
    namesakes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release as its own manifest states it: the pair that a consumer pins."""

    tag: str
    commit_sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFacts:
    """The verified commit: the one on which the checks run."""

    commit: str
    # The id of the commit's tree.
    tree: str
    # The committer time, in seconds since 1970.
    committed_at: int
    # The producer's root below the repository's top; "." for the top.
    producer_path: str
    # The manifest's bytes in this commit, as hex; None without a manifest.
    manifest_sha256: str | None
    # Git LFS pointers below the producer's root that are not part of the runtime.
    pointers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagFacts:
    """The release's tag, and what the tagged commit holds."""

    # The name that the manifest's release tag has in the repository.
    name: str
    # None if the release is not tagged.
    existing: Tag | None
    # Without a tag: what else has its name, and the commit that it points to.
    namesakes: tuple[tuple[str, str], ...]
    # The manifest in the tagged commit, or what that commit states without one; None without a tag
    # or a readable manifest.
    manifest: Manifest | None
    # The bytes of that manifest, as hex; None without a tag or a file there.
    manifest_sha256: str | None
    # The paths in which tagged and verified commit differ, the packet aside.
    paths_after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeFacts:
    """The runtime commit that the manifest names, compared with tag and verified commit."""

    commit: str
    # The producer's root in the runtime commit; None if that commit is missing.
    path: str | None
    # What the runtime commit is to the tagged commit; None if the release is not tagged.
    to_tag: Relation | None
    # What the runtime commit is to the verified commit.
    to_verified: Relation
    # Runtime paths, test paths aside, that differ from the runtime commit; None without a commit to
    # compare with.
    changed_to_tag: tuple[str, ...] | None
    changed_to_verified: tuple[str, ...] | None
    # The test paths that differ, in the tagged or in the verified commit.
    tests_changed: tuple[str, ...]
    # The commits from the runtime commit to the verified commit, the oldest first.
    commits_after: tuple[str, ...]
    # All paths in which runtime and verified commit differ.
    paths_after: tuple[str, ...]
    # The service version in the runtime commit's tree; None if the profile does not say where it
    # is, or it is not there.
    service_version: str | None
    # Runtime paths without "*" that neither the runtime nor the verified commit has.
    absent: tuple[str, ...]
    # What is below the runtime paths and not in the verified commit: path, and what it is.
    outside: tuple[tuple[str, str], ...]
    # The commit by which `git subtree` imported the producer without its history, if the runtime
    # commit is not an ancestor of the verified commit.
    squash_commit: str | None
    # Parts of the runtime in the verified commit, tests included, that a check ignores.
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFacts:
    """The earlier releases."""

    # Those whose manifest, at their own tag, states that tag; the latest first.
    earlier: tuple[Release, ...]
    # Without an earlier release: earlier tags, each with the commit that it points to.
    unstated: tuple[Release, ...]
    # The manifest of the latest earlier release.
    previous: Manifest | None
    # Runtime paths, test paths aside, that differ from the previous runtime commit; None if
    # unknown.
    changed_since_previous: tuple[str, ...] | None
    # What the commit of the statement's rollback line is to the runtime commit. With an earlier
    # release it is only MISSING or None, since the manifests state the pairs then.
    rollback: Relation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFacts:
    """What git says about one release. These are facts; the rules decide what they mean."""

    verified: VerifiedFacts
    tag: TagFacts
    runtime: RuntimeFacts
    history: HistoryFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The five lines of the consumer impact statement, filled in."""

    runtime_behavior_changes: str
    required_consumer_mapping_changes: str
    required_test_updates: str
    repin_required: str
    rollback_instruction: str

    def to_dict(self) -> dict[str, str]:
        """Return the packet's form."""
        return {name: getattr(self, name) for name in self.__slots__}


class Verdict(StrEnum):
    """The verdict of a packet and of a run."""

    GO = "GO"
    NO_GO = "NO-GO"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended: its checks in the profile's order, its problems and advisories.

    A run that was refused, or interrupted before its first check, has no checks.
    """

    checks: tuple[CheckResult, ...] = ()
    problems: tuple[Problem, ...] = ()
    advisories: tuple[Problem, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """NO-GO if there is any problem."""
        return Verdict.NO_GO if self.problems else Verdict.GO

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """The number of checks of each outcome, 0 included, in the order of `Outcome`."""
        outcomes = [check.outcome for check in self.checks]
        return {outcome: outcomes.count(outcome) for outcome in Outcome}

    @property
    def tally(self) -> str:
        """The number of checks that did not pass, by outcome: ``1 failed, 2 timed out``."""
        return ", ".join(
            f"{number} {outcome.words}"
            for outcome, number in self.counts.items()
            if number and outcome is not Outcome.PASSED
        )

    @property
    def rule_problems(self) -> tuple[Problem, ...]:
        """The problems that are not about one of the checks."""
        places = {check.where for check in self.checks}
        return tuple(problem for problem in self.problems if problem.where not in places)

    @property
    def interruption(self) -> Problem | None:
        """The problem that says what interrupted the run (HP046); None if nothing did."""
        return next((one for one in self.rule_problems if one.code == "HP046"), None)

    def check_of(self, problem: Problem) -> CheckResult | None:
        """Return the check that a problem is about; None if it is about something else."""
        return next((check for check in self.checks if check.where == problem.where), None)
