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


class Flavour(StrEnum):
    """The language of the embedded sample producer."""

    RUST = "rust"
    PYTHON = "python"


class Relation(StrEnum):
    """What one commit is to another that should be it or come after it."""

    SAME = "same"
    ANCESTOR = "ancestor"
    UNRELATED = "unrelated"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The values of the producer's contract manifest that a packet has."""

    contract_version: str
    release_tag: str
    commit_sha: str
    service_version: str
    api_version: str
    integration_baseline: str
    error_codes: tuple[str, ...]

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Manifest:
        """Return the manifest of a document that its schema accepted."""
        return cls(
            contract_version=document["manifest_contract_version"],
            release_tag=document["release_tag"],
            commit_sha=document["commit_sha"],
            service_version=document["expected_service_contract_version"],
            api_version=document["expected_api_contract_version"],
            integration_baseline=document["integration_baseline"],
            error_codes=tuple(document["error_code_enum"]),
        )

    def baseline(self) -> dict[str, str]:
        """Return the five fields of ``active_runtime_baseline``, in the packet's order."""
        return {
            "release_tag": self.release_tag,
            "commit_sha": self.commit_sha,
            "expected_service_contract_version": self.service_version,
            "expected_api_contract_version": self.api_version,
            "integration_baseline": self.integration_baseline,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileSource:
    """The place of a profile, as a packet names it, and the sha256 of its bytes.

    ``name`` is the path from the repository's top if the verified commit has the profile, or the
    name of a built-in profile; None for any other file.
    """

    name: str | None
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag in the producer's repository: its name below refs/tags, kind and the commit that it points to.

    ``other_name`` is the name that an annotated tag's own object bears, where it is another one. ``namesakes`` are what else in the
    repository bears the tag's name and stands for another commit: what it is, and the commit.
    """

    name: str
    kind: str
    target: str
    other_name: str | None = None
    namesakes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release as its own manifest states it: the pair that a consumer pins, and the tag that it was read at."""

    tag: str
    commit_sha: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFacts:
    """What git says of one release; identities only, no verdict (DOMAIN section 4).

    ``tag`` is None when the release is not tagged. ``changed_to_tag`` and ``changed_to_verified`` are the runtime paths in which
    the runtime commit differs from the tag and from the verified commit; None when there is nothing to compare with.
    What the profile calls test paths is not among them; ``tests_changed`` has it, for both.
    ``manifest_at_tag`` is None when there is no tag or no readable manifest there; ``paths_after_tag`` are those in which the tag's
    target and the verified commit differ. ``stated_service_version`` is what the tree
    at the runtime commit itself says, None when the profile does not tell where to look or nothing was found there.
    ``earlier`` are the earlier releases, the latest first. ``previous`` is the manifest of the latest, ``changed_since_previous``
    are the runtime paths (test paths aside) in which its runtime commit and this release's differ, None where nothing is known.
    ``absent`` are the profile's runtime paths, those with ``*`` aside, that neither runtime nor verified commit has.
    ``outside`` is what lies below the runtime paths and is not in the commit: path, and what it is. ``namesakes`` are what else
    bears the tag's name while there is no tag: what it is, and the commit.
    ``unstated`` are earlier tags whose own manifest does not state them, each with the commit that it points to, where there is no
    earlier release; ``rollback`` is what the commit of the statement's rollback line is to the runtime commit, where no manifest
    states it; where one does, only whether it is missing.
    ``pointers`` are the Git LFS pointers below the producer's root that are not a part of the runtime. ``runtime_path`` is the
    producer's folder in the runtime commit, None if that is missing. ``squashed`` is the commit by which `git subtree` imported the
    producer without its history, if the runtime commit is not an ancestor of the verified commit.
    """

    verified_commit: str
    verified_tree: str
    committed_at: int
    producer_path: str
    tag_name: str
    tag: Tag | None
    runtime_commit: str
    runtime_to_tag: Relation | None
    runtime_to_verified: Relation
    changed_to_tag: tuple[str, ...] | None
    changed_to_verified: tuple[str, ...] | None
    tests_changed: tuple[str, ...]
    commits_after_runtime: tuple[str, ...]
    paths_after_runtime: tuple[str, ...]
    manifest_sha256: str
    manifest_at_tag: Manifest | None
    manifest_sha256_at_tag: str | None
    paths_after_tag: tuple[str, ...]
    stated_service_version: str | None
    earlier: tuple[Release, ...]
    previous: Manifest | None
    changed_since_previous: tuple[str, ...] | None
    absent: tuple[str, ...]
    outside: tuple[tuple[str, str], ...]
    namesakes: tuple[tuple[str, str], ...]
    unstated: tuple[Release, ...]
    rollback: Relation | None
    pointers: tuple[str, ...]
    runtime_path: str | None
    squashed: str | None


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
class Installation:
    """The packages that an installer put into an environment, and its settings."""

    installer: str
    requirements: tuple[str, ...]
    settings: tuple[Setting, ...]
    packages: tuple[Package, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the record's form."""
        return {
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

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Installation:
        """Return the installation of a document that its schema accepted."""
        return cls(
            installer=document["installer"],
            requirements=tuple(document["requirements"]),
            settings=tuple(Setting(**one) for one in document["settings"]),
            packages=tuple(Package(**one) for one in document["packages"]),
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
    """The values that a record must share with a run to count in it."""

    commit: str
    tree: str
    producer_path: str
    profile_digest: str
    argv: tuple[str, ...]


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
    earlier run.
    """

    id: str
    command: str
    outcome: Outcome
    reason: str | None
    record: Record | None
    is_reused: bool = False

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
