"""Render a first profile."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from handoff_tasks.setup.draft import PASS_NAMES, ReleaseContract

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from handoff_tasks.setup.draft import Check, Draft, Place, ServiceContract

_WIDTH = 100
_HEAD = """\
# What to verify before a release is handed over, and what the packet says of it. handoff-init wrote
# this file from what it found: read it once and correct it. Every key is described in
# docs/reference/profile.md of handoff-tasks.
profile_contract_version = "producer-profile.v1"
name = {name}
{id}
"""
_SERVICE_PATHS = """\
[paths]
# The contract that consumers pin, the changelog with the impact statement, and the place of the
# packet.
manifest = {manifest}
changelog = {changelog}
packet = {packet}

"""
_RELEASE_PATHS = """\
[contract]
# A release with nothing but its tag: no manifest. `kind = "service"` is for a producer whose
# manifest names a service contract.
kind = "release"
{version}
[paths]
# The impact statement: a section for each release. It can be in the changelog instead, as
# changelog = "CHANGELOG.md".
statement = {statement}
packet = {packet}

"""
_VERSION = """\
# Where the commit says the version: the release's tag must agree with it.
version = {place}
"""
_NO_VERSION = """\
# The release is the tag at the commit; before it exists: nox -s pre-release -- --release TAG. If a
# file of the commit says the version, name it here:
# version = {{ path = "VERSION", pattern = '^(\\S+)$' }}
"""
_RUNTIME = """\
[git]
{tag}# A difference below one of these means that another runtime was verified; all else is release
# metadata. handoff-init lists everything that it does not know to be metadata. Remove what a
# release commits after its runtime; add what a consumer gets of docs/, .github/ and other dot
# files.
runtime_paths = {runtime_paths}
"""
_TAG = """\
# The form of the tags, and how their versions are ordered: "semver", "pep440" or "calver".
tag = {tag}
version_scheme = {scheme}
"""
_SERVICE_MODES = """\
{service_version}
# tag_prefix = "name-"       # if this is a part of a larger repository with other tags
# annotated_tag = true       # refuse a lightweight tag

[[modes]]
name = "stable"
session = "handoff-stable"

# What a non-2xx response carries, by service contract version. Those of v2 and v3 are
# MemoryKernel's: replace them by what your own responses carry.
{policies}"""
_EXECUTION = """\
[execution]
timeout_seconds = 2700
log_limit_bytes = 67108864
# Build outputs that stay in the private checkout between runs; other files that git does not know
# are removed.
keep = {keep}
{ignores}
[environment]
# The variables of the caller that a check sees, beside PATH: none that changes a verdict.
pass = {pass_names}
{set}
{environment}
# The tools: looked up before a check runs. `claim` puts the version into the packet, because a
# verdict depends on it. `install` is a requirement that is installed into the session's own
# environment.
{tools}# The checks, in the packet's order. `alone = true` is for a check that measures time;
# `expected_seconds` helps to distribute the checks.
{checks}"""
_IGNORES = """\
# Files that no check sees. A pass is kept for a commit that differs in nothing else.
ignores = {ignores}
"""
_STATED_VERSION = """\
# Where the tree itself states its service contract version: the manifest must agree with it.
service_version = {{ path = {path}, pattern = '{pattern}' }}"""
_NO_STATED_VERSION = (
    "# service_version = "
    r"""{ path = "openapi/openapi.yaml", pattern = '^  version: (service\.v[0-9]+)$' }"""
)
_ENVIRONMENT_COMMENTS = {
    "refuse_above": "What the tools look for in the folders above: it changes a verdict.",
    "user_config": "The user's settings of the tools: only what changes no verdict may be there.",
    "failures": "What the tools and the network say if the machine is at fault.",
}


def render(draft: Draft) -> str:
    """Return the profile as TOML, with comments that explain each choice."""
    # A name without letters and digits gives no id.
    named = re.search(r"[a-z0-9]", draft.name.lower())
    text = _HEAD.format(name=_value(draft.name), id="" if named else 'id = "producer"\n')
    if isinstance(draft.contract, ReleaseContract):
        text += _release(draft, draft.contract)
    else:
        text += _service(draft, draft.contract)
    return text + _EXECUTION.format(
        keep=_value(draft.keep),
        ignores=_IGNORES.format(ignores=_value(draft.ignores)) if draft.ignores else "",
        pass_names=_value(_pass_names(draft)),
        set=_entry("set", draft.set),
        environment="".join(_environment(draft.environment)),
        tools="".join(_table(f"[tools.{name}]", table) for name, table in draft.tools.items()),
        checks="\n".join(map(_check, draft.checks)),
    )


def _pass_names(draft: Draft) -> list[str]:
    """Return the variables that reach a check, each once."""
    return list(dict.fromkeys([*PASS_NAMES, *draft.pass_names]))


def _service(draft: Draft, contract: ServiceContract) -> str:
    """Return the tables of a producer with a service contract."""
    service_version = _NO_STATED_VERSION
    if contract.service_version:
        path, pattern = contract.service_version
        service_version = _STATED_VERSION.format(path=_value(path), pattern=pattern)
    paths = _SERVICE_PATHS.format(
        manifest=_value(contract.manifest),
        changelog=_value(contract.changelog),
        packet=_value(draft.packet),
    )
    modes = _SERVICE_MODES.format(
        service_version=service_version,
        policies="".join(
            _table(f'[envelope_policies."{version}"]', policy)
            for version, policy in contract.policies.items()
        ),
    )
    return paths + _RUNTIME.format(tag="", runtime_paths=_value(draft.runtime_paths)) + modes


def _release(draft: Draft, contract: ReleaseContract) -> str:
    """Return the tables of an ordinary release."""
    naming = contract.naming
    version = _NO_VERSION.format()
    if contract.version:
        version = _VERSION.format(place=place_text(contract.version))
    paths = _RELEASE_PATHS.format(
        version=version, statement=_value(contract.statement), packet=_value(draft.packet)
    )
    tag = _TAG.format(tag=_value(naming.tag), scheme=_value(naming.scheme))
    return paths + _RUNTIME.format(tag=tag, runtime_paths=_value(draft.runtime_paths)) + "\n"


def place_text(place: Place) -> str:
    """Return the inline table of the place of a version."""
    key = _value(place.key)
    if place.form == "pattern" and "'" not in place.key:
        key = f"'{place.key}'"
    return f"{{ path = {_value(place.path)}, {place.form} = {key} }}"


def _environment(keys: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of further keys of ``[environment]``, arrays of tables last."""
    tables = {}
    for key, value in keys.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            tables[key] = value
            continue
        if comment := _ENVIRONMENT_COMMENTS.get(key):
            yield f"# {comment}\n"
        yield f"{key} = {_value(value)}\n"
    for key, entries in tables.items():
        yield f"\n# {_ENVIRONMENT_COMMENTS[key]}\n"
        for entry in entries:
            yield _table(f"[[environment.{key}]]", entry)


def _check(check: Check) -> str:
    keys: dict[str, Any] = {"id": check.id, "title": check.title, "argv": check.argv}
    if check.success_line:
        keys["success_line"] = check.success_line
    keys["tools"] = check.tools
    for name in ("groups", "extras", "requirements", "install_project"):
        if value := getattr(check.packages, name):
            keys[name] = value
    text = _table("[[checks]]", keys).rstrip("\n") + "\n"
    if check.set:
        text += f"# {check.comment}\n{_entry('set', check.set)}\n"
    return text


def _table(header: str, keys: Mapping[str, Any]) -> str:
    """Return a TOML table, with an empty line after it."""
    lines = [header, *(f"{key} = {_value(value)}" for key, value in keys.items()), "", ""]
    return "\n".join(lines)


def _entry(key: str, value: Mapping[str, Any]) -> str:
    """Return a key with a table: in one line, or if that is too long, as a line for each entry."""
    line = f"{key} = {_value(value)}"
    if len(line) < _WIDTH:
        return line
    return "\n".join(f"{key}.{name} = {_value(inner)}" for name, inner in value.items())


def _value(value: Any) -> str:
    """Return a TOML value: a text, a boolean, a list of texts, or a mapping of texts."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, list | tuple):
        line = f"[{', '.join(map(_value, value))}]"
        if len(line) < _WIDTH:
            return line
        return f"[\n{_packed(value)}]"
    # JSON's form is TOML's, except for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _packed(values: Sequence[Any]) -> str:
    """Return the lines of a long list, each with as many values as fit."""
    lines = [""]
    for value in values:
        text = f"{_value(value)},"
        if lines[-1] and len(lines[-1]) + len(text) + 1 > _WIDTH:
            lines.append("")
        lines[-1] += f" {text}" if lines[-1] else f"  {text}"
    return "".join(f"{line}\n" for line in lines)
