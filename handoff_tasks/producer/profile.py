"""Parse a profile: the TOML file that describes a producer.

Every mistake in it is reported at once, each with its line.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks.formats import canonical, safe_regex, schemas, strict_json, toml_positions
from handoff_tasks.problems import HandoffError, Problem, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

_HINT = "correct the profile; every key is described in schemas/producer-profile.v1.schema.json"
STABLE = "stable"
_LONGEST_ID = 64
_REHEARSED = "expected_service_contract_version"
# DOMAIN section 2: what stays the active runtime's in a rehearsal.
_KEPT = ("release_tag", "commit_sha", "expected_api_contract_version", "integration_baseline", "error_code_enum")
_BLOCKS = ("rehearsal_candidate", "compatibility_expectations", "required_consumer_validation_commands")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """One kind of packet. ``rehearsed`` is the service version that is tried out, None for a plain release.

    ``blocks`` are the packet's extra blocks, in order.
    """

    name: str
    session: str
    rehearsed: str | None
    blocks: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool that checks need: where to look, how to ask for its version, how to install it, what to say when it is missing."""

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
class Check:
    """One verification command. ``argv`` and the values of ``set`` may hold ``{root}``; times are in seconds."""

    id: str
    title: str
    argv: tuple[str, ...]
    success_line: str | None
    tools: tuple[str, ...]
    timeout_seconds: int
    expected_seconds: int
    alone: bool
    set: Mapping[str, str]

    @property
    def session(self) -> str:
        """The nox session that runs it."""
        return f"verify-{self.id}"

    @property
    def command(self) -> str:
        """The command line as the packet gives it: to be run from the producer's root."""
        return " ".join(_quoted(word.replace("{root}", ".")) for word in self.argv)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserConfig:
    """Where a tool's settings for the user can lie (``{VARIABLE}/path``), and which tables in them change no verdict."""

    files: tuple[str, ...]
    harmless: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentFailure:
    """What a command says (a part of a line) when the machine is at fault and not the commit, what it means and what to do.

    It counts for the ``checks`` of these ids, or for all if there are none.
    """

    says: tuple[str, ...]
    means: str
    hint: str
    checks: tuple[str, ...] = ()

    def concerns(self, check: str | None) -> bool:
        """Return whether it counts for what a check says, or, with None, for what a tool says."""
        return not self.checks or check in self.checks


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A producer. ``digest`` is the digest of the whole document's canonical form."""

    id: str
    name: str
    digest: str
    manifest_path: str
    changelog_path: str
    packet_path: str
    runtime_paths: tuple[str, ...]
    test_paths: tuple[str, ...]
    tag_prefix: str
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
        """Return the mode of that name. Raises `HandoffError` (HP001) that tells the known ones."""
        for mode in self.modes:
            if mode.name == name:
                return mode
        known = ", ".join(mode.name for mode in self.modes)
        raise refusal("HP001", "--mode", f"unknown mode {name!r}; known: {known}", "give one of the known modes")

    def check(self, name: str) -> Check:
        """Return the check of that id. Raises `HandoffError` (HP001) that tells the known ones."""
        for check in self.checks:
            if check.id == name:
                return check
        known = [check.id for check in self.checks]
        message = f"{self.name} has no check {name}{schemas.nearest(name, known)}; known: {', '.join(known)}"
        raise refusal("HP001", f"verify-{name}", message, "run one of the known checks")

    def tag_name(self, release_tag: str) -> str:
        """Return the release's tag below refs/tags."""
        return self.tag_prefix + release_tag


# Who sets one of these decides what a command says, or what runs in its place (DOMAIN section 3: how an exit status was faked).
# A profile may set them, for everybody; from the caller they never reach a check.
_DECIDING = (
    *("BASHOPTS", "BASH_*", "CDPATH", "ENV", "GLOBIGNORE", "IFS", "POSIXLY_CORRECT", "PS4", "SHELLOPTS"),
    *("DYLD_*", "GCONV_PATH", "GIT_*", "GLIBC_TUNABLES", "GREP_OPTIONS", "JQ_*", "LD_*", "RIPGREP_CONFIG_PATH"),
    *("CARGO_ALIAS_*", "CARGO_BUILD_*", "CARGO_ENCODED_*", "CARGO_INCREMENTAL", "CARGO_PROFILE_*", "CARGO_TARGET_*"),
    *("CARGO_UNSTABLE_*", "CLIPPY_*", "RUSTC*", "RUSTDOC*", "RUSTFLAGS", "RUSTFMT", "RUSTUP_TOOLCHAIN", "RUST_*"),
    *("JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "NODE_PATH", "PERL5*", "PYTEST_*", "PYTHON*", "RUBYLIB", "RUBYOPT"),
    *("CURL_HOME", "GOENV", "GOFLAGS", "MAKEFILES", "MAKEFLAGS", "MYPYPATH", "TAR_OPTIONS", "WGETRC", "XDG_CONFIG_*", "ZDOTDIR"),
    *("PIP_CONFIG_FILE", "PIP_CONSTRAINT", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
    *("UV_CONFIG_FILE", "UV_CONSTRAINT", "UV_FIND_LINKS", "UV_NO_INDEX", "UV_OVERRIDE"),
)


def parse(data: bytes, where: str, schema: Mapping[str, Any] | None) -> Profile:
    """Return the profile in ``data``, a TOML document that follows ``schema``; None for one that was held to it before.

    Raises `HandoffError` (HP030) with every mistake: syntax with line and column, schema violations with line and pointer, and
    what no schema can say (a name twice, a tool that is not described, a pattern without its one group).
    """
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise refusal("HP030", where, f"byte {error.start} is not UTF-8", _HINT) from None
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(data.decode("utf-8"), where, str(error)) from None
    except RecursionError:
        raise refusal("HP030", where, "the document nests too deeply", _HINT) from None
    problems = schemas.violations(document, schema, where=where, code="HP030", hint=_HINT) if schema is not None else []
    if not problems:
        problems = [
            Problem(code="HP030", where=f"{where}#{pointer}", message=message, hint=_HINT)
            for pointer, message in _contradictions(document)
        ]
    if problems:
        text = data.decode("utf-8")
        raise HandoffError([replace(problem, where=_placed(text, where, problem)) for problem in problems])
    return _profile(document)


def _no_toml(text: str, where: str, said: str) -> HandoffError:
    """Return the refusal of a text that is no TOML, with the place that tomllib has put into its message."""
    at = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", said, re.DOTALL)
    if not at:
        return refusal("HP030", where, f"not TOML: {said}", _HINT)
    lines = text.split("\n")
    line, column = (at[2], at[3]) if at[2] else (len(lines), len(lines[-1]) + 1)
    return refusal("HP030", f"{where}:{line}:{column}", f"not TOML: {at[1]}{'' if at[2] else ' at the end'}", _HINT)


def _placed(text: str, where: str, problem: Problem) -> str:
    """Return a problem's place with the line in the profile's text, where it is known: ``handoff.toml:41#/checks/0/tools``."""
    pointer = problem.where.removeprefix(f"{where}#")
    # Of a key that should not be there the pointer names what holds it; the line is the key's own.
    unknown = re.match(r"unknown key (\S+?)(?: \(|;)", problem.message)
    line = toml_positions.line_of(text, f"{pointer}{schemas.pointer([unknown[1]])}" if unknown else pointer)
    return f"{where}:{line}#{pointer}" if line else problem.where


def _contradictions(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = list(_numbers(document))
    if "id" not in document and not default_id(document["name"]):
        found.append(("/name", f"no id can be made of {document['name']!r}; expected the key id beside it"))
    for table, key in (("checks", "id"), ("modes", "name"), ("modes", "session")):
        seen: set[str] = set()
        for number, entry in enumerate(document[table]):
            if entry[key] in seen:
                found.append((f"/{table}/{number}/{key}", f"{entry[key]} stands twice; expected each {key} once"))
            seen.add(entry[key])
    tools = document.get("tools", {})
    for number, check in enumerate(document["checks"]):
        for place, name in enumerate(check["tools"]):
            if name not in tools:
                known = ", ".join(tools) or "none"
                near = schemas.nearest(name, tools)
                found.append((f"/checks/{number}/tools/{place}", f"{name} is no tool of this profile{near}; known: {known}"))
    found += _unknown_checks(document)
    policies = document["envelope_policies"]
    for number, mode in enumerate(document["modes"]):
        version = mode.get("rehearsed_service_contract_version")
        if version and version not in policies:
            found.append(
                (
                    f"/modes/{number}/rehearsed_service_contract_version",
                    f"{version} has no envelope policy; known: {', '.join(policies)}",
                )
            )
        if terms := mode.get("compatibility_expectations"):
            found += [(f"/modes/{number}/compatibility_expectations/{key}", message) for key, message in rehearsal_faults(terms)]
        if (mode["name"] == STABLE) == bool(version):
            found.append((f"/modes/{number}/name", f"{mode['name']}: only a mode other than {STABLE} rehearses, and must"))
        if not version:
            blocks = [key for key in _BLOCKS if key in mode]
            found += [(f"/modes/{number}/{key}", f"{mode['name']} rehearses nothing; only a rehearsal has {key}") for key in blocks]
    found += _test_paths(document["git"])
    found += _mistyped(document)
    found += _passed(document["environment"]["pass"])
    stated = document["git"].get("service_version")
    if stated:
        try:
            safe_regex.compile_pattern(stated["pattern"])
        except ValueError as error:
            found.append(("/git/service_version/pattern", str(error)))
    return found


def default_id(name: str) -> str:
    """Return the id of a producer whose profile has none; empty if the name gives none.

    The name in lower case, each run of characters other than a to z and 0 to 9 as one hyphen, hyphens at both ends removed, cut to
    64 characters.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_ID].rstrip("-")


def rehearsal_faults(terms: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the key and the message of each term of a rehearsal that promises too much: only the service version may differ."""
    overriding = terms["candidate_values_override_release_baseline_fields"]
    if overriding != [_REHEARSED]:
        yield (
            "candidate_values_override_release_baseline_fields",
            f"found {', '.join(overriding) or 'none'}; expected {_REHEARSED} alone",
        )
    kept = terms["fields_that_must_match_active_runtime_baseline"]
    if sorted(kept) != sorted(_KEPT):
        message = f"found {', '.join(kept) or 'none'}; expected {', '.join(_KEPT)}"
        yield "fields_that_must_match_active_runtime_baseline", message


def _test_paths(git: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the test paths that lie in no runtime folder: a mistake, or one that would take a whole runtime folder for tests."""
    folders = [path for path in git["runtime_paths"] if path.endswith("/")]
    for number, path in enumerate(git.get("test_paths", ())):
        if not any(path.startswith(folder) and path != folder for folder in folders):
            known = ", ".join(folders) or "none"
            yield f"/git/test_paths/{number}", f"{path} lies in no folder of runtime_paths; these are: {known}"


def _unknown_checks(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the failures of the environment that count for a check which the profile does not have."""
    known = [check["id"] for check in document["checks"]]
    for number, failure in enumerate(document["environment"].get("failures", ())):
        for place, name in enumerate(failure.get("checks", ())):
            if name not in known:
                message = f"{name} is not a check of this profile{schemas.nearest(name, known)}; known: {', '.join(known)}"
                yield f"/environment/failures/{number}/checks/{place}", message


def _mistyped(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what looks like a mistyped ``{root}``: it would reach the command as it stands there."""
    texts = {f"/environment/set/{name}": value for name, value in document["environment"].get("set", {}).items()}
    for number, check in enumerate(document["checks"]):
        texts |= {f"/checks/{number}/argv/{place}": word for place, word in enumerate(check["argv"])}
        texts |= {f"/checks/{number}/set/{name}": value for name, value in check.get("set", {}).items()}
    for pointer, text in texts.items():
        for name in re.findall(r"(?<!\$)\{(\w+)\}", text):
            if name != "root" and schemas.nearest(name, ["root"]):
                yield pointer, f"found {{{name}}}; expected {{root}}, which alone is filled in"


def _passed(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the names to pass on with which a caller could decide an outcome, be it by ``*`` alone."""
    for number, name in enumerate(names):
        for deciding in _DECIDING:
            one, all_of = name.removesuffix("*"), deciding.removesuffix("*")
            if name == deciding or (name != one and all_of.startswith(one)) or (deciding != all_of and one.startswith(all_of)):
                message = (
                    f"{name} passes on {deciding}, with which a caller decides an outcome; expected its value in environment.set"
                )
                yield f"/environment/pass/{number}", message
                break


def _numbers(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield the numbers that no digest can be made of: JSON Schema takes 60.0 for an integer."""
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > strict_json.MAX_INTEGER):
        yield schemas.pointer(path), f"found {value}; expected a whole number up to 2^53 - 1, without a point"
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers(inner, (*path, key))


def _profile(document: Mapping[str, Any]) -> Profile:
    execution, environment, git = document["execution"], document["environment"], document["git"]
    stated = git.get("service_version", {})
    return Profile(
        id=document.get("id", default_id(document["name"])),
        name=document["name"],
        digest=canonical.digest(document),
        manifest_path=document["paths"]["manifest"],
        changelog_path=document["paths"]["changelog"],
        packet_path=document["paths"]["packet"],
        runtime_paths=tuple(git["runtime_paths"]),
        test_paths=tuple(git.get("test_paths", ())),
        tag_prefix=git.get("tag_prefix", ""),
        annotated_tag=git.get("annotated_tag", False),
        service_version_path=stated.get("path"),
        service_version_pattern=stated.get("pattern"),
        modes=tuple(_mode(mode) for mode in document["modes"]),
        envelope_policies=document["envelope_policies"],
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
        checks=tuple(_check(check, execution["timeout_seconds"]) for check in document["checks"]),
    )


def _mode(mode: Mapping[str, Any]) -> Mode:
    return Mode(
        name=mode["name"],
        session=mode["session"],
        rehearsed=mode.get("rehearsed_service_contract_version"),
        blocks={name: mode[name] for name in _BLOCKS if name in mode},
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


def _check(check: Mapping[str, Any], timeout_seconds: int) -> Check:
    return Check(
        id=check["id"],
        title=check["title"],
        argv=tuple(check["argv"]),
        success_line=check.get("success_line"),
        tools=tuple(check["tools"]),
        timeout_seconds=check.get("timeout_seconds", timeout_seconds),
        expected_seconds=check.get("expected_seconds", 1),
        alone=check.get("alone", False),
        set=check.get("set", {}),
    )


def _quoted(word: str) -> str:
    """Return the word as a shell would need it; plain words stay plain."""
    return word if re.fullmatch(r"[A-Za-z0-9_./:=@%+,-]+", word) else "'" + word.replace("'", "'\"'\"'") + "'"
