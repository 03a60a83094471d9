"""The record of a check, which is the evidence of its outcome.

The classes are frozen. They only read and write their own form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

RECORD_CONTRACT = "producer-outcome-record.v1"


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
