"""Describe what a check would run, and why."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.checks import tools
from handoff_tasks.checks.context import find_contexts
from handoff_tasks.checks.reuse import find_evidence, list_changes
from handoff_tasks.checks.run import CheckStopped, command_line
from handoff_tasks.problems import Problem
from handoff_tasks.record import Outcome, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from handoff_tasks.checks.context import CheckContext
    from handoff_tasks.checks.settings import Settings
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check, PythonSpec
    from handoff_tasks.record import CheckResult, Record

_CODE = "HP095"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a check would run with now.

    Attributes:
        command: The command, None if its program is missing.
        problem: Why the check cannot run, None if it can or its session installs what is missing.
        passed: The names of the caller's variables that the check sees.
        set: The variables that are set for it.
        path: Its PATH.
        tools: Its tools.
        missing: Why a tool cannot be used and what to do, by name.
        later: The tools that its session installs when it runs.
    """

    command: tuple[str, ...] | None
    problem: str | None
    passed: frozenset[str]
    set: Mapping[str, str]
    path: str
    tools: tuple[Tool, ...]
    missing: Mapping[str, tuple[str, str]]
    later: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """A check as it would run now: its inputs, the result of its evidence, and what has changed."""

    check: Check
    inputs: Inputs
    result: CheckResult
    changes: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether a handoff would keep its pass."""
        return self.result.outcome is Outcome.PASSED and not self.changes


def look_ahead(workspace: Workspace, checks: Sequence[tuple[Check, Settings]]) -> list[Prospect]:
    """Return how checks would run. The private checkout must hold the commit."""
    return [_prospect(workspace, context) for context in find_contexts(workspace, checks)]


def _prospect(workspace: Workspace, context: CheckContext) -> Prospect:
    check = context.place.check
    result = find_evidence(workspace, check).result(check, workspace.binding(check))
    changes: list[str] = []
    if result.record:
        changes = list_changes(workspace, context, result.record)
    return Prospect(
        check=check,
        inputs=_find_inputs(workspace, context),
        result=result,
        changes=tuple(changes),
    )


def _find_inputs(workspace: Workspace, context: CheckContext) -> Inputs:
    profile, caller = workspace.profile, context.settings.caller
    check, environment = context.place.check, context.place.environment
    unusable = context.found.unusable
    later = tuple(name for name in unusable if profile.tools[name].install or check.python)
    reasons = {name: why for name, why in unusable.items() if name not in later}
    command, problem = None, None
    try:
        command = tuple(command_line(check, context.place.root, environment["PATH"]))
    except CheckStopped as stop:
        names = [name for one in later for name in profile.tools[one].executables]
        comes_later = check.argv[0] in names
        if check.python and stop.outcome is Outcome.TOOL_MISSING:
            # Its packages may bring the program.
            comes_later = True
        problem = None if comes_later and not reasons else stop.reason
    if command is not None and reasons:
        problem = tools.describe_unusable(profile, reasons)
    variables = {name: value for name, value in environment.items() if name != "PATH"}
    passed = frozenset(name for name, value in variables.items() if caller.get(name) == value)
    return Inputs(
        command=command,
        problem=problem,
        passed=passed,
        set={name: value for name, value in variables.items() if name not in passed},
        path=environment["PATH"],
        tools=context.found.tools,
        missing={name: (why, tools.remedy(profile, name, why)) for name, why in reasons.items()},
        later=later,
    )


def problems(prospects: Sequence[Prospect]) -> list[Problem]:
    """Return why checks could not run now (HP095): a missing tool or script."""
    hint = "fix it, then run; nothing was run now"
    return [
        Problem(code=_CODE, where=f"check {one.check.id}", message=one.inputs.problem, hint=hint)
        for one in prospects
        if one.inputs.problem
    ]


def table(prospects: Sequence[Prospect]) -> list[str]:
    """Return a line for each check: its id, what its evidence says now, its command."""
    width = max((len(one.check.id) for one in prospects), default=0)
    return [
        f"  {one.check.id:<{width}}  {_evidence_word(one):<16}  {one.check.command}"
        for one in prospects
    ]


def _evidence_word(one: Prospect) -> str:
    if one.is_kept:
        return "passed, kept"
    outcome = one.result.outcome.replace("_", " ")
    return f"{outcome}, runs again" if one.result.outcome is Outcome.PASSED else outcome


def lines(one: Prospect, workspace: Workspace, settings: Settings) -> list[str]:
    """Return the description of one check."""
    check, inputs = one.check, one.inputs
    wanted = workspace.checkout_spec("", check.ignores)
    unseen = settings.caller.keys() - inputs.passed - inputs.set.keys() - {"PATH"}
    variables = [f"{name}={value}" for name, value in sorted(inputs.set.items())]
    kept = ", ".join(wanted.keep) or "nothing: what git does not know is swept before a run"
    rows: list[tuple[str, list[str]]] = [
        ("command", [_command(inputs)]),
        ("packet", [check.command]),
        ("in", [str(wanted.tree / workspace.producer.prefix)]),
        ("passes", _conditions(check, settings, workspace)),
        ("tools", _tools(inputs)),
        ("sees", [_names(sorted(inputs.passed), "of the caller's: ")]),
        ("set", [_names(variables, "")]),
        ("does not see", [_names(sorted(unseen), "of the caller's: ")]),
        ("PATH", [inputs.path]),
        ("commit", _commit(check, workspace)),
        ("kept there", [kept]),
        ("evidence", _evidence(one, workspace)),
    ]
    result = [f"{check.id}: {check.title}"]
    if check.python:
        rows.insert(5, ("packages", _packages(check.python, one.result.record)))
    for name, values in rows:
        result += [
            f"  {'' if number else name:<12}  {value}" for number, value in enumerate(values)
        ]
    return result


def _commit(check: Check, workspace: Workspace) -> list[str]:
    """Return the commit, and what the check does not see of it."""
    lines = [f"{workspace.producer.commit}, tree {workspace.tree}"]
    if check.ignores:
        tree = workspace.views[check.ignores].tree
        lines.append(f"without {', '.join(check.ignores)}, history and tags: tree {tree}")
    return lines


def _packages(spec: PythonSpec, record: Record | None) -> list[str]:
    """Return what a check asks to be installed, and what was installed when it last ran."""
    parts = [f"group {name}" for name in spec.groups]
    parts += [f"file {name}" for name in spec.requirements]
    if spec.install_project:
        extras = f" with {', '.join(spec.extras)}" if spec.extras else ""
        parts.append(f"the project{extras}")
    lines = [", ".join(parts)]
    installation = record.installation if record else None
    if installation and installation.source:
        lock = f", versions of {installation.source.lock}" if installation.source.lock else ""
        names = ", ".join(f"{one.name} {one.version}" for one in installation.packages)
        lines.append(f"installed by {installation.installer}{lock}: {names or 'none'}")
    return lines


def _command(inputs: Inputs) -> str:
    if inputs.command:
        return shlex.join(inputs.command)
    return f"cannot run: {inputs.problem or 'its tool comes later'}"


def _names(names: Sequence[str], before: str) -> str:
    return before + ", ".join(names) if names else "nothing"


def _conditions(check: Check, settings: Settings, workspace: Workspace) -> list[str]:
    """Return when the check passes."""
    last = f" and the last line '{check.success_line}'" if check.success_line else ""
    company = "alone" if check.alone else "beside others"
    conditions = [
        f"with exit code 0{last}, no process left, nothing in the checkout changed",
        f"within {settings.time_limit(check)} s; {company}, expected to take "
        f"{check.expected_seconds} s; its log keeps {workspace.profile.log_limit_bytes} bytes",
    ]
    toolchain = settings.toolchain_of(workspace.profile)
    if toolchain:
        conditions.append(f"with the toolchain {toolchain}")
    return conditions


def _tools(inputs: Inputs) -> list[str]:
    result = []
    for tool in inputs.tools:
        if tool.path:
            claim = "  (named in the packet)" if tool.claim else ""
            result.append(f"{tool.name} {tool.version or ''}".rstrip() + f"  {tool.path}{claim}")
    later = "installed into the session's environment when it runs"
    result += [f"{name}: {later}" for name in inputs.later]
    result += [f"{name}: {why}; {hint}" for name, (why, hint) in inputs.missing.items()]
    return result or ["none"]


def _evidence(one: Prospect, workspace: Workspace) -> list[str]:
    """Return what the evidence says, and whether a handoff would run the check again."""
    record = one.result.record
    if record is None:
        return [f"{one.result.outcome.replace('_', ' ')}: {one.result.reason}"]
    code = f", exit code {record.exit_code}" if record.exit_code is not None else ""
    reason = f": {record.reason}" if record.reason else ""
    outcome = record.outcome.replace("_", " ")
    result = [f"{outcome} at {record.started_at_utc}{code}{reason}"]
    if record.log:
        log = find_evidence(workspace, one.check).log(record.id)
        result.append(f"log {log} ({record.log.size} bytes)")
    if record.outcome is not Outcome.PASSED:
        result.append("a handoff would run it again: only a pass is kept")
    elif one.changes:
        differences = "; ".join(one.changes)
        result.append(f"a handoff would run it again, since this differs: {differences}")
    else:
        result.append("a handoff would keep it, and not run it again")
    return result


def plan(lanes: Sequence[Sequence[str]], prospects: Sequence[Prospect]) -> Iterator[str]:
    """Yield what a run would do: what is kept, and what runs in which lane and order."""
    kept = [one.check.id for one in prospects if one.is_kept]
    if kept:
        yield f"  kept      {', '.join(kept)}"
    for number, lane in enumerate(lanes, 1):
        ids = [session.removeprefix("verify-") for session in lane]
        yield f"  lane {number}    {' -> '.join(ids)}"
