"""Parse a profile: the TOML file that describes a producer.

Every mistake in it is reported at once, each with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from handoff_tasks.formats import canonical, schemas, toml_document
from handoff_tasks.problems import refusal
from handoff_tasks.producer.places import ValuePlace
from handoff_tasks.producer.profile_rules import (
    RELEASE,
    SERVICE,
    STABLE,
    default_id,
    profile_faults,
)
from handoff_tasks.producer.rehearsal import BLOCK_NAMES, RehearsalBlocks
from handoff_tasks.producer.tags import TagForm, release_tags, service_tags
from handoff_tasks.producer.versions import SEMVER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

# What a profile of a release can leave out. Proxies and certificates do not change a verdict.
_RELEASE_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "modes": [{"name": STABLE, "session": "handoff-stable"}],
        "execution": {"timeout_seconds": 2700, "log_limit_bytes": 67108864, "keep": []},
        "environment": {
            "pass": [
                *("USER", "LOGNAME", "TMPDIR"),
                *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
                *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
                *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
            ],
            "set": {"LC_ALL": "C", "TZ": "UTC"},
        },
    }
)
_HINT = "correct the profile; every key is described in schemas/producer-profile.v1.schema.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One kind of packet; ``rehearsed`` is its service version, None in the mode ``stable``.

    ``blocks`` are the packet's blocks that describe a rehearsal.
    """

    name: str
    session: str
    rehearsed: str | None
    blocks: RehearsalBlocks


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool that checks need.

    ``executables`` are its names in PATH, ``version`` the arguments that print its version,
    ``install`` a requirement for pip or uv, ``hint`` what to do if the tool is missing. If
    ``claim`` is set, the packet names the tool and its version, unless ``mentioned_in`` has
    patterns of paths and none of these files names the tool.
    """

    name: str
    executables: tuple[str, ...]
    version: tuple[str, ...] | None
    install: str | None
    claim: bool
    hint: str
    mentioned_in: tuple[str, ...]

    def is_mentioned(self, data: bytes) -> bool:
        """Return whether a file's bytes name one of the tool's executables."""
        names = b"|".join(re.escape(name.encode()) for name in self.executables)
        return re.search(rb"(?<![\w-])(?:" + names + rb")(?![\w-])", data) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonSpec:
    """What a check wants in its Python environment.

    These are dependency groups, extras of the project, requirements files, and the project itself.
    """

    groups: tuple[str, ...]
    extras: tuple[str, ...]
    requirements: tuple[str, ...]
    install_project: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One verification command.

    ``argv`` and the values of ``set`` may contain ``{root}``. Times are in seconds. ``ignores`` are
    patterns of the files that the check does not see, sorted. ``python`` is None if the check wants
    no packages of its own.
    """

    id: str
    title: str
    argv: tuple[str, ...]
    success_line: str | None
    tools: tuple[str, ...]
    timeout_seconds: int
    expected_seconds: int
    alone: bool
    set: Mapping[str, str]
    ignores: tuple[str, ...] = ()
    python: PythonSpec | None = None

    @property
    def session(self) -> str:
        """The nox session that runs it."""
        return f"verify-{self.id}"

    @property
    def command(self) -> str:
        """The command line of the packet, to be run in the producer's root."""
        return " ".join(_quoted(word.replace("{root}", ".")) for word in self.argv)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserConfig:
    """Files with a tool's settings for the user, as ``{VARIABLE}/path``.

    ``harmless`` are the tables in them that cannot change an outcome.
    """

    files: tuple[str, ...]
    harmless: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFailure:
    """Output that shows a fault of the machine instead of the commit.

    ``says`` are parts of lines, ``means`` is what they mean and ``hint`` what to do. ``checks``
    are the ids of the checks that it is looked for in; empty for all.
    """

    says: tuple[str, ...]
    means: str
    hint: str
    checks: tuple[str, ...] = ()

    def concerns(self, check: str | None) -> bool:
        """Return whether to look for it in the output of a check, or of a tool (None)."""
        return not self.checks or check in self.checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A producer; ``digest`` is that of the document's canonical form.

    ``kind`` is that of its contract, `SERVICE` or `RELEASE`. Only a release can be without a
    manifest; then ``version`` and ``contracts`` say where the commit states its versions.
    ``statement_path`` is the file with the impact statements, the changelog if the profile names
    no other; None if they are in neither.
    """

    id: str
    name: str
    digest: str
    kind: str
    version: ValuePlace | None
    contracts: Mapping[str, ValuePlace]
    manifest_path: str | None
    changelog_path: str | None
    statement_path: str | None
    packet_path: str
    runtime_paths: tuple[str, ...]
    test_paths: tuple[str, ...]
    tags: TagForm
    annotated_tag: bool
    service_version_path: str | None
    service_version_pattern: str | None
    modes: tuple[Mode, ...]
    envelope_policies: Mapping[str, Mapping[str, Any]]
    log_limit_bytes: int
    keep: tuple[str, ...]
    toolchain: str | None
    toolchain_variable: str | None
    pass_names: tuple[str, ...]
    refuse_above: tuple[str, ...]
    user_config: tuple[UserConfig, ...]
    failures: tuple[EnvironmentFailure, ...]
    set: Mapping[str, str]
    tools: Mapping[str, ToolSpec]
    checks: tuple[Check, ...]

    def mode(self, name: str) -> Mode:
        """Return the mode of that name. Raises `HandoffError` (HP001)."""
        for mode in self.modes:
            if mode.name == name:
                return mode
        known = ", ".join(mode.name for mode in self.modes)
        raise refusal(
            "HP001",
            "--mode",
            f"unknown mode {name!r}; known: {known}",
            "give one of the known modes",
        )

    def check(self, name: str) -> Check:
        """Return the check of that id. Raises `HandoffError` (HP001)."""
        for check in self.checks:
            if check.id == name:
                return check
        known = [check.id for check in self.checks]
        near = schemas.nearest(name, known)
        message = f"{self.name} has no check {name}{near}; known: {', '.join(known)}"
        raise refusal("HP001", f"verify-{name}", message, "run one of the known checks")

    def views(self) -> tuple[tuple[str, ...], ...]:
        """Return the different ``ignores`` of the checks, in the order of their first checks."""
        return tuple(dict.fromkeys(check.ignores for check in self.checks))

    def tag_name(self, release_tag: str) -> str:
        """Return the release's tag below refs/tags."""
        return self.tags.name(release_tag)


def parse(data: bytes, where: str, schema: Mapping[str, Any] | None) -> Profile:
    """Return the profile in ``data``, a TOML document.

    ``schema`` is None if the document was validated before. Raises `HandoffError` (HP030) with
    every mistake: syntax errors with line and column, violations of the schema and of the rules in
    `profile_rules` with line and JSON pointer.
    """
    document = toml_document.read(data, where, schema, profile_faults, code="HP030", hint=_HINT)
    return _profile(document)


def _profile(document: Mapping[str, Any]) -> Profile:
    digest = canonical.digest(document)
    contract, paths, git = document.get("contract", {}), document["paths"], document["git"]
    kind = contract.get("kind", SERVICE)
    defaults: Mapping[str, Any] = _RELEASE_DEFAULTS if kind == RELEASE else {}
    document = {**defaults, **document}
    execution, environment = document["execution"], document["environment"]
    stated = git.get("service_version", {})
    return Profile(
        id=document.get("id", default_id(document["name"])),
        name=document["name"],
        digest=digest,
        kind=kind,
        version=ValuePlace.from_dict(contract["version"]) if "version" in contract else None,
        contracts={
            name: ValuePlace.from_dict(place)
            for name, place in sorted(contract.get("contracts", {}).items())
        },
        manifest_path=paths.get("manifest"),
        changelog_path=paths.get("changelog"),
        statement_path=paths.get("statement", paths.get("changelog")),
        packet_path=paths["packet"],
        runtime_paths=tuple(git["runtime_paths"]),
        test_paths=tuple(git.get("test_paths", ())),
        tags=_tags(kind, git),
        annotated_tag=git.get("annotated_tag", False),
        service_version_path=stated.get("path"),
        service_version_pattern=stated.get("pattern"),
        modes=tuple(_mode(mode) for mode in document["modes"]),
        envelope_policies=document.get("envelope_policies", {}),
        log_limit_bytes=execution["log_limit_bytes"],
        keep=tuple(execution["keep"]),
        toolchain=execution.get("toolchain"),
        toolchain_variable=environment.get("toolchain_variable"),
        pass_names=tuple(environment["pass"]),
        refuse_above=tuple(environment.get("refuse_above", ())),
        user_config=tuple(
            UserConfig(files=tuple(config["files"]), harmless=tuple(config["harmless"]))
            for config in environment.get("user_config", ())
        ),
        failures=tuple(
            EnvironmentFailure(
                says=tuple(failure["says"]),
                means=failure["means"],
                hint=failure["hint"],
                checks=tuple(failure.get("checks", ())),
            )
            for failure in environment.get("failures", ())
        ),
        set=environment.get("set", {}),
        tools={name: _tool(name, tool) for name, tool in document.get("tools", {}).items()},
        checks=tuple(_check(check, execution) for check in document["checks"]),
    )


def _tags(kind: str, git: Mapping[str, Any]) -> TagForm:
    if kind == RELEASE:
        return release_tags(git.get("tag"), git.get("version_scheme", SEMVER))
    return service_tags(git.get("tag_prefix", ""))


def _mode(mode: Mapping[str, Any]) -> Mode:
    blocks = {name: mode[name] for name in BLOCK_NAMES if name in mode}
    return Mode(
        name=mode["name"],
        session=mode["session"],
        rehearsed=mode.get("rehearsed_service_contract_version"),
        blocks=cast("RehearsalBlocks", blocks),
    )


def _tool(name: str, tool: Mapping[str, Any]) -> ToolSpec:
    return ToolSpec(
        name=name,
        executables=tuple(tool["executables"]),
        version=tuple(tool["version"]) if "version" in tool else None,
        install=tool.get("install"),
        claim=tool.get("claim", False),
        hint=tool["hint"],
        mentioned_in=tuple(tool.get("mentioned_in", ())),
    )


def _check(check: Mapping[str, Any], execution: Mapping[str, Any]) -> Check:
    return Check(
        id=check["id"],
        title=check["title"],
        argv=tuple(check["argv"]),
        success_line=check.get("success_line"),
        tools=tuple(check["tools"]),
        timeout_seconds=check.get("timeout_seconds", execution["timeout_seconds"]),
        expected_seconds=check.get("expected_seconds", 1),
        alone=check.get("alone", False),
        set=check.get("set", {}),
        ignores=tuple(sorted(check.get("ignores", execution.get("ignores", ())))),
        python=_python(check),
    )


def _python(check: Mapping[str, Any]) -> PythonSpec | None:
    spec = PythonSpec(
        groups=tuple(check.get("groups", ())),
        extras=tuple(check.get("extras", ())),
        requirements=tuple(check.get("requirements", ())),
        install_project=check.get("install_project", False),
    )
    is_empty = not (spec.groups or spec.requirements or spec.install_project)
    return None if is_empty else spec


def _quoted(word: str) -> str:
    """Return the word, quoted for a shell if it needs quotes."""
    if re.fullmatch(r"[A-Za-z0-9_./:=@%+,-]+", word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
