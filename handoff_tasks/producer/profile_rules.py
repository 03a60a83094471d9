"""Check what the schema of a profile cannot express."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.formats import path_patterns, safe_regex, schemas, strict_json
from handoff_tasks.producer.places import place_faults
from handoff_tasks.producer.rehearsal import BLOCK_NAMES, rehearsal_faults
from handoff_tasks.producer.tags import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

STABLE = "stable"
# The kinds of contract.
SERVICE, RELEASE = "service", "release"
_LONGEST_ID = 64
# These variables decide what a command does, or which program runs in its place. A profile may set
# them for every run; they are never passed on from the caller.
_DECIDING = (
    # Keys, passphrases and agents are only for the sessions that sign.
    *("HANDOFF_KEY_PASSPHRASE", "SSH_AGENT_PID", "SSH_AUTH_SOCK"),
    *("BASHOPTS", "BASH_*", "CDPATH", "ENV", "GLOBIGNORE", "IFS", "POSIXLY_CORRECT", "PS4"),
    *("SHELLOPTS", "DYLD_*", "GCONV_PATH", "GIT_*", "GLIBC_TUNABLES", "GREP_OPTIONS", "JQ_*"),
    *("LD_*", "RIPGREP_CONFIG_PATH", "CARGO_ALIAS_*", "CARGO_BUILD_*", "CARGO_ENCODED_*"),
    *("CARGO_INCREMENTAL", "CARGO_PROFILE_*", "CARGO_TARGET_*", "CARGO_UNSTABLE_*", "CLIPPY_*"),
    *("RUSTC*", "RUSTDOC*", "RUSTFLAGS", "RUSTFMT", "RUSTUP_TOOLCHAIN", "RUST_*"),
    *("JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "NODE_PATH", "PERL5*", "PYTEST_*", "PYTHON*"),
    *("RUBYLIB", "RUBYOPT", "CURL_HOME", "GOENV", "GOFLAGS", "MAKEFILES", "MAKEFLAGS"),
    *("MYPYPATH", "TAR_OPTIONS", "WGETRC", "XDG_CONFIG_*", "ZDOTDIR", "PIP_CONFIG_FILE"),
    *("PIP_CONSTRAINT", "PIP_FIND_LINKS", "PIP_NO_INDEX", "UV_CONFIG_FILE", "UV_CONSTRAINT"),
    *("UV_FIND_LINKS", "UV_NO_INDEX", "UV_OVERRIDE"),
    # They choose sessions, interpreters and environments of a nox or tox that a check runs.
    *("CONDA_PREFIX", "NOX*", "TOX*", "VIRTUAL_ENV"),
)

# What only one kind of contract has.
_KEYS_OF: Mapping[str, tuple[tuple[str, ...], ...]] = {
    SERVICE: (("envelope_policies",), ("git", "service_version"), ("git", "tag_prefix")),
    RELEASE: (
        *(("contract", "contracts"), ("contract", "version")),
        *(("git", "tag"), ("git", "version_scheme")),
    ),
}

# JSON pointer and message.
Fault = tuple[str, str]


def profile_faults(document: Mapping[str, Any]) -> list[Fault]:
    """Return JSON pointer and message of each fault in a document that its schema accepts."""
    return [
        *_numbers(document),
        *_id(document),
        *_duplicates(document),
        *_unknown_tools(document),
        *_unknown_checks(document),
        *_contract(document),
        *_modes(document),
        *_test_paths(document["git"]),
        *_mistyped_root(document),
        *pass_faults(document.get("environment", {}).get("pass", ())),
        *_version_pattern(document["git"].get("service_version")),
        *_ignores(document),
        *_extras(document),
    ]


def default_id(name: str) -> str:
    """Return the id of a producer whose profile has none; empty if the name gives none.

    The name in lower case, each run of characters other than a to z and 0 to 9 as one hyphen,
    hyphens at both ends removed, cut to 64 characters.
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_ID].rstrip("-")


def _numbers(value: object, path: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """Yield numbers without a canonical form; JSON Schema takes 60.0 for an integer."""
    is_large = isinstance(value, int) and abs(value) > strict_json.MAX_INTEGER
    if isinstance(value, float) or is_large:
        message = f"found {value}; expected a whole number up to 2^53 - 1, without a point"
        yield schemas.pointer(path), message
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _numbers(inner, (*path, number))


def _id(document: Mapping[str, Any]) -> Iterator[Fault]:
    if "id" not in document and not default_id(document["name"]):
        message = f"no id can be made of {document['name']!r}; expected the key id beside it"
        yield "/name", message


def _duplicates(document: Mapping[str, Any]) -> Iterator[Fault]:
    for table, key in (("checks", "id"), ("modes", "name"), ("modes", "session")):
        seen: set[str] = set()
        for number, entry in enumerate(document.get(table, ())):
            if entry[key] in seen:
                yield f"/{table}/{number}/{key}", f"duplicate {key} '{entry[key]}'"
            seen.add(entry[key])


def _unknown_tools(document: Mapping[str, Any]) -> Iterator[Fault]:
    tools = document.get("tools", {})
    for number, check in enumerate(document["checks"]):
        for place, name in enumerate(check["tools"]):
            if name not in tools:
                yield f"/checks/{number}/tools/{place}", _unknown("tool", name, tools)


def _unknown_checks(document: Mapping[str, Any]) -> Iterator[Fault]:
    checks = [check["id"] for check in document["checks"]]
    for number, failure in enumerate(document.get("environment", {}).get("failures", ())):
        for place, name in enumerate(failure.get("checks", ())):
            if name not in checks:
                pointer = f"/environment/failures/{number}/checks/{place}"
                yield pointer, _unknown("check", name, checks)


def _unknown(kind: str, name: str, names: Sequence[str] | Mapping[str, object]) -> str:
    near = schemas.nearest(name, names)
    return f"{name} is not a {kind} of this profile{near}; known: {', '.join(names) or 'none'}"


def _kind(document: Mapping[str, Any]) -> str:
    kind: str = document.get("contract", {}).get("kind", SERVICE)
    return kind


def _contract(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what belongs to the other kind of contract, and faults of places and tags."""
    kind = _kind(document)
    other = SERVICE if kind == RELEASE else RELEASE
    for way in _KEYS_OF[other]:
        table: Any = document
        for key in way[:-1]:
            table = table.get(key, {})
        if way[-1] in table:
            message = f"only a contract of the kind {other} has {'.'.join(way)}; this one is {kind}"
            yield schemas.pointer(way), message
    yield from _release(document) if kind == RELEASE else _policies(document)


def _policies(document: Mapping[str, Any]) -> Iterator[Fault]:
    policies = document["envelope_policies"]
    for number, mode in enumerate(document["modes"]):
        version = mode.get("rehearsed_service_contract_version")
        if version and version not in policies:
            message = f"{version} has no envelope policy; known: {', '.join(policies)}"
            yield f"/modes/{number}/rehearsed_service_contract_version", message


def _release(document: Mapping[str, Any]) -> Iterator[Fault]:
    contract, git = document["contract"], document["git"]
    for number, mode in enumerate(document.get("modes", ())):
        if mode["name"] != STABLE:
            message = (
                f"found {mode['name']}; a contract of the kind release has the mode stable alone"
            )
            yield f"/modes/{number}/name", message
    places = {"/contract/version": contract.get("version")}
    places |= {
        schemas.pointer(["contract", "contracts", name]): place
        for name, place in contract.get("contracts", {}).items()
    }
    for pointer, place in places.items():
        for key, message in place_faults(place) if place else ():
            yield f"{pointer}{key}", message
    for key in ("version", "contracts"):
        if "manifest" in document["paths"] and key in contract:
            yield f"/contract/{key}", f"paths.manifest names a manifest, which states the {key}"
    if "tag" in git and not _is_tag_name(git["tag"].replace(PLACEHOLDER, "1.0")):
        yield "/git/tag", f"found {git['tag']}; git does not allow such a name for a tag"


def _is_tag_name(name: str) -> bool:
    """Return whether git accepts a name of a tag, made of the characters of the schema."""
    parts = name.split("/")
    return not (
        ".." in name
        or any(not part or part.startswith(".") or part.endswith((".", ".lock")) for part in parts)
        or name.startswith("-")
    )


def _modes(document: Mapping[str, Any]) -> Iterator[Fault]:
    for number, mode in enumerate(document.get("modes", ())):
        at = f"/modes/{number}"
        name, version = mode["name"], mode.get("rehearsed_service_contract_version")
        if expectations := mode.get("compatibility_expectations"):
            for key, message in rehearsal_faults(expectations):
                yield f"{at}/compatibility_expectations/{key}", message
        if name == STABLE and version:
            yield f"{at}/name", f"the mode {STABLE} must not rehearse a version"
        if name != STABLE and not version and _kind(document) == SERVICE:
            message = f"the mode {name} must rehearse a version; only {STABLE} does not"
            yield f"{at}/name", message
        if not version:
            for key in BLOCK_NAMES:
                if key in mode:
                    yield (
                        f"{at}/{key}",
                        f"the mode {name} rehearses nothing and must not have {key}",
                    )


def _test_paths(git: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield test paths that are not below a runtime folder, or are a whole one."""
    folders = [path for path in git["runtime_paths"] if path.endswith("/")]
    for number, path in enumerate(git.get("test_paths", ())):
        if not any(path.startswith(folder) and path != folder for folder in folders):
            message = f"{path} is not below a folder of runtime_paths; known: "
            yield f"/git/test_paths/{number}", message + (", ".join(folders) or "none")


def _extras(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield extras of a project that is not installed."""
    for number, check in enumerate(document["checks"]):
        if check.get("extras") and not check.get("install_project"):
            message = "extras are parts of the project; expected install_project = true beside them"
            yield f"/checks/{number}/extras", message


def _ignores(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield files that no check may leave out, or that the check needs itself."""
    for pointer, patterns in _ignore_lists(document):
        for number, pattern in enumerate(patterns):
            if message := _claimed(pattern, document):
                yield f"{pointer}/{number}", message
    general = document.get("execution", {}).get("ignores", ())
    for number, check in enumerate(document["checks"]):
        patterns = check.get("ignores", general)
        for key in ("argv", "requirements"):
            for place, word in enumerate(check.get(key, ())):
                path = word.replace("{root}/", "", 1).removeprefix("./")
                if path_patterns.select(patterns, [path]):
                    message = f"the check needs {path}, which it ignores"
                    yield f"/checks/{number}/{key}/{place}", message
        for place, name in enumerate(check["tools"]):
            starts = document.get("tools", {}).get(name, {}).get("mentioned_in", ())
            if start := _hidden(starts, patterns):
                message = f"{name} is claimed if {start} names it, which the check ignores"
                yield f"/checks/{number}/tools/{place}", message


def _hidden(starts: Sequence[str], patterns: Sequence[str]) -> str | None:
    """Return the first of some files or folders that patterns may leave out, or a part of it."""
    for start in starts:
        ends = (start, f"{start.rstrip('/')}/")
        if any(path_patterns.overlap(one, end) for one in patterns for end in ends):
            return start
    return None


def _ignore_lists(document: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    yield "/execution/ignores", document.get("execution", {}).get("ignores", ())
    for number, check in enumerate(document["checks"]):
        yield f"/checks/{number}/ignores", check.get("ignores", ())


def _claimed(pattern: str, document: Mapping[str, Any]) -> str | None:
    """Return why a pattern must not be ignored: the packet's claim is about these files."""
    manifest = document["paths"].get("manifest")
    if manifest is not None and path_patterns.overlap(pattern, manifest):
        return f"{pattern} leaves out the manifest, {manifest}, which states the release"
    contract = document.get("contract", {})
    for place in (contract.get("version"), *contract.get("contracts", {}).values()):
        if place and path_patterns.overlap(pattern, place["path"]):
            return f"{pattern} leaves out {place['path']}, which states a version of the release"
    for path in document["git"]["runtime_paths"]:
        if path_patterns.overlap(pattern, path):
            return (
                f"{pattern} leaves out files of the runtime, {path}, which the release consists of"
            )
    return None


def _mistyped_root(document: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield placeholders that look like ``{root}``; a command would get them unchanged."""
    environment = document.get("environment", {}).get("set", {})
    texts = {f"/environment/set/{name}": value for name, value in environment.items()}
    for number, check in enumerate(document["checks"]):
        at = f"/checks/{number}"
        texts |= {f"{at}/argv/{place}": word for place, word in enumerate(check["argv"])}
        texts |= {f"{at}/set/{name}": value for name, value in check.get("set", {}).items()}
    for pointer, text in texts.items():
        for name in re.findall(r"(?<!\$)\{(\w+)\}", text):
            if name != "root" and schemas.nearest(name, ["root"]):
                yield pointer, f"found {{{name}}}; expected {{root}}, the only placeholder"


def pass_faults(names: Sequence[str]) -> Iterator[Fault]:
    """Yield names to pass on with which a caller could decide an outcome."""
    for number, name in enumerate(names):
        deciding = next((one for one in _DECIDING if _overlap(name, one)), None)
        if deciding is not None:
            message = (
                f"{name} passes on {deciding}, with which a caller decides an outcome; "
                "expected its value in environment.set"
            )
            yield f"/environment/pass/{number}", message


def _overlap(name: str, other: str) -> bool:
    """Return whether two names, each perhaps with ``*`` at its end, can be of one variable."""
    if name == other:
        return True
    prefix, other_prefix = name.removesuffix("*"), other.removesuffix("*")
    if name != prefix and other_prefix.startswith(prefix):
        return True
    return other != other_prefix and prefix.startswith(other_prefix)


def _version_pattern(place: Mapping[str, Any] | None) -> Iterator[Fault]:
    if place:
        try:
            safe_regex.compile_pattern(place["pattern"])
        except ValueError as error:
            yield "/git/service_version/pattern", str(error)
