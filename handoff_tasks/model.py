"""Values that the parts pass to each other.

The classes are frozen. They only read and write their own form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from handoff_tasks.problems import Problem

# The largest document that is read.
MAX_BYTES = 16 * 1024 * 1024
RECORD_CONTRACT = "producer-outcome-record.v1"
# The end of the year 9999, the last year in a packet's form of a time.
LAST_SECOND = 253402300799
# For the checkout and the checks, whose files must not depend on the caller's umask.
UMASK = 0o022


class Outcome(StrEnum):
    """The outcome of a check; only `PASSED` makes a release GO."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    TOOL_MISSING = "tool_missing"
    INTERRUPTED = "interrupted"
    NOT_RUN = "not_run"

    @property
    def words(self) -> str:
        """The outcome as people read it: ``timed out``."""
        return self.replace("_", " ")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool of a check; ``path`` is None if it was not found.

    ``version`` is None if it was not found or did not print its version.
    """

    name: str
    version: str | None
    path: str | None
    claim: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the record's form."""
        return {"name": self.name, "version": self.version, "path": self.path, "claim": self.claim}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of the user's machine that an installer used.

    ``value`` has no secrets; ``source`` says where it is set.
    """

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package in a session's environment.

    ``sha256`` is that of its file, None if the installer does not report it.
    """

    name: str
    version: str
    sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonSource:
    """What a check asked to be installed from the commit.

    ``lock`` is the path of the lock file whose versions are installed, None if there is none.
    ``digest`` is that of the files that decide what is installed.
    """

    groups: tuple[str, ...]
    extras: tuple[str, ...]
    requirements: tuple[str, ...]
    install_project: bool
    lock: str | None
    digest: str

    def to_dict(self) -> dict[str, Any]:
        """Return the record's form."""
        return {
            "groups": list(self.groups),
            "extras": list(self.extras),
            "requirements": list(self.requirements),
            "install_project": self.install_project,
            "lock": self.lock,
            "digest": self.digest,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> PythonSource:
        """Return the source of a document that its schema accepted."""
        return cls(
            groups=tuple(document["groups"]),
            extras=tuple(document["extras"]),
            requirements=tuple(document["requirements"]),
            install_project=document["install_project"],
            lock=document["lock"],
            digest=document["digest"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The packages that an installer put into an environment, and its settings.

    ``requirements`` are those of the check's tools, ``source`` is what the check itself asked for.
    """

    installer: str
    requirements: tuple[str, ...]
    settings: tuple[Setting, ...]
    packages: tuple[Package, ...]
    source: PythonSource | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the record's form."""
        document: dict[str, Any] = {
            "installer": self.installer,
            "requirements": list(self.requirements),
            "settings": [
                {"name": one.name, "value": one.value, "source": one.source}
                for one in self.settings
            ],
            "packages": [
                {"name": one.name, "version": one.version, "sha256": one.sha256}
                for one in self.packages
            ],
        }
        if self.source:
            document["source"] = self.source.to_dict()
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Installation:
        """Return the installation of a document that its schema accepted."""
        return cls(
            installer=document["installer"],
            requirements=tuple(document["requirements"]),
            settings=tuple(Setting(**one) for one in document["settings"]),
            packages=tuple(Package(**one) for one in document["packages"]),
            source=PythonSource.from_dict(document["source"]) if "source" in document else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A check's log: the file beside the record, and the command's whole output.

    Sizes are in bytes; sha256 digests are in hex.
    """

    file: str
    size: int
    sha256: str
    output_size: int
    output_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Return the record's form."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The values that a record must share with a run to count in it.

    ``ignores`` are the files that the check does not see, as in the profile, and ``seen_tree`` is
    the tree without them. If there are any, commit and tree need not be the same.
    """

    commit: str
    tree: str
    producer_path: str
    profile_digest: str
    argv: tuple[str, ...]
    ignores: tuple[str, ...] = ()
    # None if the check sees all files.
    seen_tree: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The evidence of one check (schema producer-outcome-record.v1).

    Times are UTC texts. ``environment_value_digests`` is empty in records of earlier versions.
    """

    id: str
    binding: Binding
    outcome: Outcome
    exit_code: int | None
    signal: str | None
    reason: str | None
    started_at_utc: str
    finished_at_utc: str
    duration_ms: int
    timeout_seconds: int
    log: Log | None
    tools: tuple[Tool, ...]
    toolchain: str | None
    checkout_state: str
    platform: Mapping[str, str]
    environment_names: tuple[str, ...]
    environment_digest: str
    installation: Installation | None = None
    environment_value_digests: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the record's form."""
        document = {
            "record_contract_version": RECORD_CONTRACT,
            "id": self.id,
            "commit": self.binding.commit,
            "tree": self.binding.tree,
            "producer_path": self.binding.producer_path,
            "profile_digest": self.binding.profile_digest,
            "argv": list(self.binding.argv),
            "outcome": str(self.outcome),
            "exit_code": self.exit_code,
            "signal": self.signal,
            "reason": self.reason,
            "started_at_utc": self.started_at_utc,
            "finished_at_utc": self.finished_at_utc,
            "duration_ms": self.duration_ms,
            "timeout_seconds": self.timeout_seconds,
            "log": self.log.to_dict() if self.log else None,
            "tools": [tool.to_dict() for tool in self.tools],
            "toolchain": self.toolchain,
            "checkout_state": self.checkout_state,
            "platform": dict(self.platform),
            "environment_names": list(self.environment_names),
            "environment_digest": self.environment_digest,
        }
        if self.binding.ignores:
            document["ignores"] = list(self.binding.ignores)
            document["seen_tree"] = self.binding.seen_tree
        if self.installation:
            document["installation"] = self.installation.to_dict()
        if self.environment_value_digests:
            document["environment_value_digests"] = dict(self.environment_value_digests)
        return document

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Record:
        """Return the record of a document that its schema accepted."""
        installation = None
        if "installation" in document:
            installation = Installation.from_dict(document["installation"])
        return cls(
            id=document["id"],
            binding=Binding(
                commit=document["commit"],
                tree=document["tree"],
                producer_path=document["producer_path"],
                profile_digest=document["profile_digest"],
                argv=tuple(document["argv"]),
                ignores=tuple(document.get("ignores", ())),
                seen_tree=document.get("seen_tree"),
            ),
            outcome=Outcome(document["outcome"]),
            exit_code=document["exit_code"],
            signal=document["signal"],
            reason=document["reason"],
            started_at_utc=document["started_at_utc"],
            finished_at_utc=document["finished_at_utc"],
            duration_ms=document["duration_ms"],
            timeout_seconds=document["timeout_seconds"],
            log=Log(**document["log"]) if document["log"] else None,
            tools=tuple(Tool(**tool) for tool in document["tools"]),
            toolchain=document["toolchain"],
            checkout_state=document["checkout_state"],
            platform=document["platform"],
            environment_names=tuple(document["environment_names"]),
            environment_digest=document["environment_digest"],
            installation=installation,
            environment_value_digests=document.get("environment_value_digests", {}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The result of one check, from its evidence.

    ``command`` is the packet's command line, ``reason`` why the check did not pass. ``record`` is
    the evidence, None if there is none that counts. ``is_reused`` is whether it is that of an
    earlier run. ``ignores`` and ``seen_tree`` say what the check does not see, as in `Binding`.
    """

    id: str
    command: str
    outcome: Outcome
    reason: str | None
    record: Record | None
    is_reused: bool = False
    ignores: tuple[str, ...] = ()
    seen_tree: str | None = None

    @property
    def where(self) -> str:
        """The place that problems about this check name: ``check fmt``."""
        return f"check {self.id}"

    @property
    def exit_code(self) -> int | None:
        """The exit status, None if the command did not end with one."""
        return self.record.exit_code if self.record else None

    def claimed_tools(self) -> dict[str, str]:
        """Return the tools that the packet names, name to version, sorted by name."""
        tools = self.record.tools if self.record else ()
        return {
            tool.name: tool.version
            for tool in sorted(tools, key=lambda tool: tool.name)
            if tool.claim and tool.version
        }


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
