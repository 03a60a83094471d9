"""Find the tools of a check, and ask them for their versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.checks import installers
from handoff_tasks.checks.programs import which
from handoff_tasks.checks.questions import Question, ask
from handoff_tasks.record import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.producer.profile import Check, EnvironmentFailure, Profile, ToolSpec

_ANSWER_SECONDS = 30.0
# Of a profile with many checks not all tools are asked at once.
_AT_ONCE = 32
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-+.][0-9A-Za-z.+-]*)?|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a check looks for its tools: its root in the private checkout, and its environment."""

    check: Check
    root: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTools:
    """The tools of a check, and why a tool cannot be used, by name."""

    tools: tuple[Tool, ...]
    unusable: Mapping[str, str]


def find_tools(
    profile: Profile, places: Sequence[Place], meanwhile: Callable[[], None] | None = None
) -> list[FoundTools]:
    """Find the tools of checks, each on its own PATH, and ask all of them for their versions.

    ``meanwhile`` is called while they answer; it must not start processes.
    """
    wanted: list[list[tuple[ToolSpec, str | None]]] = []
    questions: dict[tuple[int, str], Question] = {}
    for number, place in enumerate(places):
        specs = [profile.tools[name] for name in place.check.tools]
        specs = [spec for spec in specs if not spec.mentioned_in or _is_mentioned(spec, place.root)]
        path = place.environment["PATH"]
        wanted.append([(spec, which(spec.executables, path)) for spec in specs])
        for spec, program in wanted[-1]:
            if spec.version and program:
                questions[number, spec.name] = Question(
                    argv=spec.version, cwd=place.root, environment=place.environment
                )
    answers: dict[tuple[int, str], tuple[int | None, str]] = {}
    keys = list(questions)
    for start in range(0, len(keys), _AT_ONCE):
        some = {key: questions[key] for key in keys[start : start + _AT_ONCE]}
        answers |= ask(some, timeout=_ANSWER_SECONDS, meanwhile=None if start else meanwhile)
    return [
        _judge_tools(
            [(spec, path, answers.get((number, spec.name), (0, ""))) for spec, path in tools]
        )
        for number, tools in enumerate(wanted)
    ]


def _judge_tools(
    answers: Sequence[tuple[ToolSpec, str | None, tuple[int | None, str]]],
) -> FoundTools:
    """Return the tools of a check from the path and the answer of each."""
    tools, unusable = [], {}
    for spec, path, answer in answers:
        version, why = _read_version(spec, answer)
        if path is None:
            version, why = None, "not on PATH"
        if why:
            unusable[spec.name] = why
        tools.append(
            Tool(name=spec.name, version=version, path=None if why else path, claim=spec.claim)
        )
    return FoundTools(tools=tuple(tools), unusable=unusable)


def _read_version(spec: ToolSpec, answer: tuple[int | None, str]) -> tuple[str | None, str | None]:
    """Return the version in a tool's answer, and why the tool cannot be used."""
    status, text = answer
    match = _VERSION.search(text.partition("\n")[0]) if status == 0 else None
    version = match[0] if match else None
    if status != 0 or (spec.version and not version):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("error")]
        reason = (errors or lines or [f"exit code {status}"])[0]
        return version, f"does not print its version: {reason}"
    return version, installers.find_contradiction(spec, version)


def _is_mentioned(spec: ToolSpec, root: Path) -> bool:
    """Return whether a file below the tool's ``mentioned_in`` names one of its executables."""
    for start in spec.mentioned_in:
        folder = root / start
        files = folder.rglob("*") if folder.is_dir() else [folder]
        for path in files:
            is_plain = path.is_file() and not path.is_symlink()
            if is_plain and spec.is_mentioned(path.read_bytes()):
                return True
    return False


def find_failure(
    profile: Profile, text: str, check: str | None = None
) -> EnvironmentFailure | None:
    """Return the profile's fault of the machine that ``text`` reports, None if there is none.

    ``text`` is what a tool, or the command of ``check``, said.
    """
    for failure in profile.failures:
        if failure.concerns(check) and any(words in text for words in failure.says):
            return failure
    return None


def remedy(profile: Profile, tool: str, why: str) -> str:
    """Return what to do about a tool that cannot be used: by the reason, else by the tool."""
    failure = find_failure(profile, why)
    return failure.hint if failure else profile.tools[tool].hint


def describe_unusable(profile: Profile, unusable: Mapping[str, str]) -> str:
    """Return why tools cannot be used and what to do; tools with the same remedy are grouped."""
    groups: dict[str, dict[str, list[str]]] = {}
    for name, why in unusable.items():
        groups.setdefault(remedy(profile, name, why), {}).setdefault(why, []).append(name)
    parts = []
    for hint, reasons in groups.items():
        tools = [f"{', '.join(names)} ({why})" for why, names in reasons.items()]
        parts.append(f"{', '.join(tools)}: {hint}")
    return "; ".join(parts)
