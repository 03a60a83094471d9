"""Render the text of a first profile."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

REGISTER = 'handoff_tasks.register(nox, __file__, profile="handoff.toml")\n'
NOXFILE = f"import handoff_tasks\nimport nox\n\n{REGISTER}"
_RUNS = re.compile(r"(?:verify|run|check)[_-](.+?)(?:\.(?:sh|bash|py))?\Z")
_SAYS = re.compile(r"""\A\s*(?:echo|printf|print)\s*\(?\s*(["'])([^"'$`{}\\%]{4,160})(?:\\n)?\1\s*\)?\s*\Z""")
_ROOT = re.compile(r"(?<![\w-])(--(?:[a-z]+-)*root)(?![\w-])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script that verifies something: its path, the option that takes the root, what it prints last, the tools that it names."""

    path: str
    root_option: str | None
    success_line: str | None
    tools: tuple[str, ...]

    @property
    def id(self) -> str:
        """The check's id."""
        found = _RUNS.match(self.path.rpartition("/")[2])
        name = re.sub(r"[^a-z0-9]+", "-", (found[1] if found else self.path).lower()).strip("-")
        return (name if name[:1].isalpha() else f"check-{name}")[:64].rstrip("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a repository has. ``service_version`` is where its tree states the version (path, line pattern), if it does.

    ``checks`` are those of its language: id, title, argv, tools. ``tools`` are the tables that describe tools, name to TOML.
    ``check_settings`` are the lines of a check that follow its tools, by its id; ``set`` is what every check sees.
    ``policies`` are the envelope policies' tables, in TOML, ``settings`` more lines of ``[environment]`` and what belongs to it.
    """

    name: str
    manifest: str
    changelog: str
    packet: str
    runtime_paths: Sequence[str]
    service_version: tuple[str, str] | None
    keep: Sequence[str]
    passed: Sequence[str]
    set: Mapping[str, str]
    settings: str
    policies: str
    checks: Sequence[tuple[str, str, Sequence[str], Sequence[str]]]
    check_settings: Mapping[str, str]
    scripts: Sequence[Script]
    tools: Mapping[str, str]


def is_script(path: str) -> bool:
    """Tell whether a file's name says that it verifies something: ``verify_*`` or ``run_*`` (a dash does too)."""
    name = path.rpartition("/")[2]
    return bool(re.match(r"(?:verify|run)[_-]", name)) and not re.search(r"\.(?!sh\Z|bash\Z|py\Z)[^.]*\Z", name)


def script(path: str, text: str, known: Iterable[str]) -> Script:
    """Return what can be read off a script's text; ``known`` are the names of the tools that can be described."""
    root = _ROOT.search(text)
    last = next(
        (line for line in reversed(text.splitlines()) if line.strip() and line.strip() not in {"}", "main", 'main "$@"'}), ""
    )
    said = _SAYS.match(last)
    first = text.partition("\n")[0]
    shell = "python3" if "python" in first else "bash"
    words = set(re.findall(r"(?<![\w./-])([a-z][a-z0-9]*)(?![\w.-])", re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)))
    aliases = {"sha256sum": "sha256", "shasum": "sha256", "python": "python3"}
    named = {aliases.get(word, word) for word in words if word not in {"test", "true", "false"}}
    tools = [shell, *(name for name in known if name in named and name != shell)]
    return Script(path=path, root_option=root[1] if root else None, success_line=said[2] if said else None, tools=tuple(tools))


def text(found: Found) -> str:
    """Return the profile: every choice with a word on what it means, so that it can be corrected without another page."""
    parts = [
        "# What to verify before a release is handed over, and what the packet says of it. handoff-init wrote it from what it",
        "# found: read it once, correct what you know better. Every key is described in docs/reference/profile.md of handoff-tasks.",
        'profile_contract_version = "producer-profile.v1"',
        f"name = {_quoted(found.name)}",
        *([] if re.search(r"[a-z0-9]", found.name.lower()) else ['id = "producer"']),
        "",
        "[paths]",
        "# The contract that consumers pin, the changelog with the impact statement, and where the packet is published.",
        f"manifest = {_quoted(found.manifest)}",
        f"changelog = {_quoted(found.changelog)}",
        f"packet = {_quoted(found.packet)}",
        "",
        "[git]",
        "# A difference below one of these means that another runtime was verified; all else is release metadata.",
        "# handoff-init puts all here that it does not know to be metadata, since too much is refused and too little would",
        "# be believed. Take out what a release commits after its runtime; put in what of docs/, .github/ and other dot files a",
        "# consumer gets.",
        f"runtime_paths = {_list(found.runtime_paths)}",
    ]
    if found.service_version:
        path, pattern = found.service_version
        parts += [
            "# Where the tree itself states its service contract version: the manifest must agree with it.",
            f"service_version = {{ path = {_quoted(path)}, pattern = '{pattern}' }}",
        ]
    else:
        parts.append("# service_version = { path = \"openapi/openapi.yaml\", pattern = '^  version: (service\\.v[0-9]+)$' }")
    parts += [
        '# tag_prefix = "name-"       # where this is a part of a larger repository, whose tags are not all its own',
        "# annotated_tag = true       # refuse a lightweight tag",
        "",
        "[[modes]]",
        'name = "stable"',
        'session = "handoff-stable"',
        "",
        "# What a non-2xx response carries, by service contract version.",
        found.policies.rstrip(),
        "",
        "[execution]",
        "timeout_seconds = 2700",
        "log_limit_bytes = 67108864",
        "# Build outputs that stay in the private checkout between runs; everything else that git does not know is swept.",
        f"keep = {_list(found.keep)}",
        "",
        "[environment]",
        "# What reaches a check of the caller's environment, beside PATH: nothing that changes a verdict.",
        f"pass = {_list(found.passed)}",
        f"set = {{ {', '.join(f'{name} = {_quoted(value)}' for name, value in found.set.items())} }}",
        found.settings.strip(),
        "",
        "# The tools: looked up before a check runs. `claim` puts the version into the packet, because a verdict depends on it.",
        "# `install` is a requirement that goes into the session's own environment, and the place for what tests import: describe",
        '# each as a tool, such as [tools.httpx] with executables = ["python3"], install = "httpx==0.28.1" and a hint, and name it',
        "# in the check.",
    ]
    parts += [table.rstrip() + "\n" for table in found.tools.values()]
    parts.append(
        "# The checks, in the packet's order. `alone = true` is for one that measures time, `expected_seconds` deals them out."
    )
    parts += [_check(*one, None, found.check_settings.get(one[0], "")) for one in found.checks]
    for one in found.scripts:
        argv = [f"./{one.path}", *([one.root_option, "{root}"] if one.root_option else [])]
        parts.append(_check(one.id, f"what {one.path} verifies", argv, one.tools, one.success_line))
    return "\n".join(parts).rstrip("\n") + "\n"


def _check(name: str, title: str, argv: Sequence[str], tools: Sequence[str], success_line: str | None, more: str = "") -> str:
    lines = ["[[checks]]", f"id = {_quoted(name)}", f"title = {_quoted(title)}", f"argv = {_list(argv)}"]
    lines += [f"success_line = {_quoted(success_line)}"] if success_line else []
    return "\n".join([*lines, f"tools = {_list(tools)}", *([more] if more else []), ""])


def _quoted(value: str) -> str:
    """Return a TOML basic string: JSON's form is one, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: Sequence[str]) -> str:
    line = f"[{', '.join(map(_quoted, values))}]"
    return line if len(line) < 110 else "[\n" + "".join(f"  {_quoted(value)},\n" for value in values) + "]"
