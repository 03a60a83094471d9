"""Render a first profile and noxfile."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REGISTER = 'handoff_tasks.register(nox, __file__, profile="handoff.toml")\n'
NOXFILE = f"import handoff_tasks\nimport nox\n\n{REGISTER}"

_HEAD = """\
# What to verify before a release is handed over, and what the packet says of it. handoff-init wrote
# this file from what it found: read it once and correct it. Every key is described in
# docs/reference/profile.md of handoff-tasks.
profile_contract_version = "producer-profile.v1"
name = {name}
{id}
[paths]
# The contract that consumers pin, the changelog with the impact statement, and the place of the
# packet.
manifest = {manifest}
changelog = {changelog}
packet = {packet}

[git]
# A difference below one of these means that another runtime was verified; all else is release
# metadata. handoff-init lists everything that it does not know to be metadata. Remove what a
# release commits after its runtime; add what a consumer gets of docs/, .github/ and other dot
# files.
runtime_paths = {runtime_paths}
{service_version}
# tag_prefix = "name-"       # if this is a part of a larger repository with other tags
# annotated_tag = true       # refuse a lightweight tag

[[modes]]
name = "stable"
session = "handoff-stable"

# What a non-2xx response carries, by service contract version. Those of v2 and v3 are
# MemoryKernel's: replace them by what your own responses carry.
{policies}
[execution]
timeout_seconds = 2700
log_limit_bytes = 67108864
# Build outputs that stay in the private checkout between runs; other files that git does not know
# are removed.
keep = {keep}

[environment]
# The variables of the caller that a check sees, beside PATH: none that changes a verdict.
pass = {pass_names}
set = {set}
{environment}
# The tools: looked up before a check runs. `claim` puts the version into the packet, because a
# verdict depends on it. `install` is a requirement that is installed into the session's own
# environment. Describe what tests import as a tool too, such as [tools.httpx] with
# executables = ["python3"], install = "httpx==0.28.1" and a hint, and name it in the check.
{tools}
# The checks, in the packet's order. `alone = true` is for a check that measures time;
# `expected_seconds` helps to distribute the checks.
{checks}"""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of the profile; ``comment`` explains ``set``."""

    id: str
    title: str
    argv: Sequence[str]
    tools: Sequence[str]
    success_line: str | None = None
    comment: str = ""
    set: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The values of a first profile.

    ``service_version`` is where the tree states the version (path, line pattern), if it does.
    ``policies`` and ``tools`` are tables by name, ``environment`` further keys of the table
    ``[environment]``.
    """

    name: str
    manifest: str
    changelog: str
    packet: str
    runtime_paths: Sequence[str]
    service_version: tuple[str, str] | None
    policies: Mapping[str, Mapping[str, Any]]
    keep: Sequence[str]
    pass_names: Sequence[str]
    set: Mapping[str, str]
    environment: Mapping[str, Any]
    tools: Mapping[str, Mapping[str, Any]]
    checks: Sequence[Check]


def render(draft: Draft) -> str:
    """Return the profile as TOML, with comments that explain each choice."""
    service_version = _NO_STATED_VERSION
    if draft.service_version:
        path, pattern = draft.service_version
        service_version = _STATED_VERSION.format(path=_value(path), pattern=pattern)
    # A name without letters and digits gives no id.
    named = re.search(r"[a-z0-9]", draft.name.lower())
    return _HEAD.format(
        name=_value(draft.name),
        id="" if named else 'id = "producer"\n',
        manifest=_value(draft.manifest),
        changelog=_value(draft.changelog),
        packet=_value(draft.packet),
        runtime_paths=_value(draft.runtime_paths),
        service_version=service_version,
        policies="".join(
            _table(f'[envelope_policies."{version}"]', policy)
            for version, policy in draft.policies.items()
        ),
        keep=_value(draft.keep),
        pass_names=_value(draft.pass_names),
        set=_value(draft.set),
        environment="".join(_environment(draft.environment)),
        tools="".join(_table(f"[tools.{name}]", table) for name, table in draft.tools.items()),
        checks="\n".join(map(_check, draft.checks)),
    )


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
    text = _table("[[checks]]", keys).rstrip("\n") + "\n"
    if check.set:
        text += f"# {check.comment}\nset = {_value(check.set)}\n"
    return text


def _table(header: str, keys: Mapping[str, Any]) -> str:
    """Return a TOML table, with an empty line after it."""
    lines = [header, *(f"{key} = {_value(value)}" for key, value in keys.items()), "", ""]
    return "\n".join(lines)


def _value(value: Any) -> str:
    """Return a TOML value: a text, a boolean, a list of texts, or a mapping of texts."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_value(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, list | tuple):
        line = f"[{', '.join(map(_value, value))}]"
        if len(line) < 100:
            return line
        return "[\n" + "".join(f"  {_value(inner)},\n" for inner in value) + "]"
    # JSON's form is TOML's, except for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
