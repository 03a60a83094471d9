"""Hold what recognition finds, until it is a profile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What reaches a check by default, beside PATH: `environment.pass` of a profile replaces it.
PASS_NAMES = (
    *("USER", "LOGNAME", "TMPDIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """Python packages of a check: names of groups and extras, paths of requirements files."""

    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    install_project: bool = False

    def __bool__(self) -> bool:
        """Return whether there is any."""
        return bool(self.groups or self.extras or self.requirements or self.install_project)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of the profile; ``comment`` explains ``set``."""

    id: str
    title: str
    argv: Sequence[str]
    tools: Sequence[str]
    packages: Packages = field(default_factory=Packages)
    success_line: str | None = None
    comment: str = ""
    set: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a file says a version: ``form`` is ``toml``, ``json`` or ``pattern``.

    ``key`` is the key or the pattern, ``version`` what it says now. ``lock`` is a file that repeats
    the version, and the command that writes it there.
    """

    path: str
    form: str
    key: str
    version: str
    lock: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecosystem:
    """What an ecosystem adds to a profile.

    ``title`` names it, ``package`` is the name under which it is published. ``keep`` are build
    outputs, ``pass_names`` and ``set`` the environment of all checks, ``environment`` further keys
    of the table ``[environment]``, ``tools`` tables by name. ``version`` is where the tree says the
    version, ``scheme`` how versions are ordered, ``needs_tags`` whether the build makes the version
    of git's tags. ``assumptions`` and ``gaps`` are lines for the screen: what was assumed, and what
    has to be done.
    """

    title: str
    package: str | None = None
    checks: Sequence[Check] = ()
    keep: Sequence[str] = ()
    pass_names: Sequence[str] = ()
    set: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    version: Place | None = None
    scheme: str = "semver"
    needs_tags: bool = False
    assumptions: Sequence[str] = ()
    gaps: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How releases are named: the form of their tags, how they are ordered, and the next one.

    ``count`` is the number of tags of that form, ``latest`` the latest that HEAD contains.
    ``release`` is the tag of the release that is prepared.
    """

    tag: str
    scheme: str
    count: int
    latest: str | None
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The values of a first profile.

    ``contract`` is what the kind of contract needs: `ServiceContract` or `ReleaseContract`.
    ``ignores`` are files that no check sees, so that a change of one keeps its pass.
    ``tools`` are tables by name, ``environment`` further keys of the table ``[environment]``.
    """

    name: str
    packet: str
    runtime_paths: Sequence[str]
    contract: ServiceContract | ReleaseContract
    keep: Sequence[str]
    ignores: Sequence[str]
    pass_names: Sequence[str]
    set: Mapping[str, str]
    environment: Mapping[str, Any]
    tools: Mapping[str, Mapping[str, Any]]
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceContract:
    """A producer whose manifest names a service contract.

    ``service_version`` is where the tree says its version (path, line pattern), if it does;
    ``policies`` are tables by service version.
    """

    manifest: str
    changelog: str
    service_version: tuple[str, str] | None
    policies: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseContract:
    """An ordinary release: its tag, where the tree says its version, and the statement's file."""

    naming: Naming
    version: Place | None
    statement: str

    @property
    def is_stated(self) -> bool:
        """Whether a file of the tree says the version of the release that is prepared."""
        if self.version is None:
            return False
        return self.naming.tag.replace("{version}", self.version.version) == self.naming.release


def tool(name: str, hint: str, *words: str, install: str | None = None) -> dict[str, Any]:
    """Return the table of a tool whose version a packet names; ``words`` print the version."""
    table: dict[str, Any] = {"executables": [name], "version": [name, *(words or ("--version",))]}
    if install:
        table["install"] = install
    return {**table, "claim": True, "hint": hint}
