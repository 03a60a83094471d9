"""Run one check in the private checkout, and write its record."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from handoff_tasks.checks import installers, process
from handoff_tasks.checks import tools as checks_tools
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import escape, redact
from handoff_tasks.formats.words import seconds
from handoff_tasks.git import checkout, surroundings
from handoff_tasks.git import command as git_command
from handoff_tasks.model import Log, Outcome, Record, Tool
from handoff_tasks.problems import unwritable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import Installation
    from handoff_tasks.producer.profile import Check, EnvironmentFailure, Profile, ToolSpec

_ANSWER_SECONDS = 30.0
_LAST_LINES = 2000
_DIGITS = 4
# Settings of the machine that git and Python would read: with them the user could decide an outcome.
_NEUTRAL = {"GIT_ATTR_NOSYSTEM": "1", "GIT_CONFIG_NOSYSTEM": "1", "PYTHONNOUSERSITE": "1"}
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-+.][0-9A-Za-z.+-]*)?|\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the caller chose for a check: the session's bin folder, the limit in seconds, the toolchain, the run's name.

    ``caller`` is the environment that the allow-list is applied to; ``not_installed`` tells, by requirement, why a tool's
    package could not be installed, ``installation`` what the installer has reported.
    """

    bin_folder: str
    timeout: int | None
    toolchain: str | None
    run: str
    caller: Mapping[str, str]
    not_installed: Mapping[str, str]
    installation: Installation | None = None


class _Stopped(Exception):
    """The check ends here without its command having been run."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        self.outcome = outcome
        self.reason = reason
        super().__init__(reason)


class Display(Protocol):
    """Where the output of a check is shown, and what becomes of the check."""

    def show(self, block: bytes) -> None:
        """Show a block of output."""

    def line(self, text: str) -> None:
        """Show a line about the check."""

    def close(self) -> None:
        """Show an unfinished line of output."""


def run_check(workspace: Workspace, check: Check, settings: Settings, lines: Display) -> Record:
    """Run one check on the workspace's commit and leave its record and log; return the record.

    Raises `HandoffError` when the evidence folder cannot be written (HP080) or the checkout cannot be had (HP006).
    """
    secrets = redact.secrets(settings.caller)
    folder = EvidenceFolder.of(workspace).make()
    folder.forget(check.id)
    profile = workspace.profile
    toolchain = settings.toolchain or profile.toolchain
    started = time.time()
    record = Record(
        id=check.id,
        binding=workspace.binding(check),
        outcome=Outcome.NOT_RUN,
        exit_code=None,
        signal=None,
        reason=None,
        started_at_utc=_utc(started),
        finished_at_utc=_utc(started),
        duration_ms=0,
        timeout_seconds=settings.timeout or check.timeout_seconds,
        log=None,
        tools=(),
        toolchain=toolchain,
        checkout_state="fresh",
        platform=_platform(),
        environment_names=(),
        environment_digest=_digest({}),
        installation=settings.installation,
    )
    wanted = workspace.wanted(settings.run)
    with process.interruptible():
        try:
            with checkout.occupied(wanted, check.id, lines.line, alone=check.alone) as held:
                root = wanted.tree / workspace.producer.prefix
                checkout.make_home(wanted, check.id, empty=True)
                environment = _environment(workspace, check, settings, toolchain)
                record = replace(
                    record,
                    checkout_state=held.state,
                    environment_names=tuple(sorted(environment)),
                    environment_digest=_digest(environment),
                    environment_value_digests=_value_digests(environment),
                )
                tools, unusable = _tools(workspace, check, root, environment)
                record = replace(record, tools=tools)
                # What is there all the same is of another version than the profile asks for.
                wrong = {
                    name: why for name in check.tools if (why := settings.not_installed.get(profile.tools[name].install or ""))
                }
                _require(profile, {**unusable, **wrong})
                record = _run(record, check, folder, held, root, environment, profile.log_limit_bytes, lines)
                checkout.make_home(wanted, check.id, empty=True)
                if record.outcome is Outcome.FAILED and record.exit_code and (why := _machine(workspace, check, root)):
                    record = replace(record, outcome=Outcome.TOOL_MISSING, reason=f"{why} ({record.reason})")
        except _Stopped as stop:
            record = replace(record, outcome=stop.outcome, reason=stop.reason, finished_at_utc=_utc(time.time()))
        except process.Interrupted as stop:
            reason = f"{stop.name} came before its outcome was known"
            record = replace(record, outcome=Outcome.INTERRUPTED, reason=reason, finished_at_utc=_utc(time.time()))
        if record.reason:
            record = replace(record, reason=redact.mask(record.reason, secrets))
        folder.write_record(record)
    lines.close()
    took = seconds(record.duration_ms)
    if record.outcome is Outcome.PASSED:
        lines.line(f"passed in {took}")
    else:
        lines.line(f"{record.outcome.replace('_', ' ')} after {took}: {escape.printable(record.reason or '')}")
        if record.outcome is not Outcome.INTERRUPTED:
            lines.line(f"evidence: {folder.record(check.id)}")
    return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """How a check would run now. ``command`` is None when it cannot, and ``stopped`` says why, unless a tool comes ``later``.

    ``passed`` are the names of the caller's variables that it sees, ``set`` what is set for it, ``missing`` the tools that cannot
    be used, name to why and what to do, ``later`` those that its session installs when it runs.
    """

    command: tuple[str, ...] | None
    stopped: str | None
    passed: frozenset[str]
    set: Mapping[str, str]
    path: str
    tools: tuple[Tool, ...]
    missing: Mapping[str, tuple[str, str]]
    later: tuple[str, ...]


def ahead(workspace: Workspace, check: Check, settings: Settings) -> Ahead:
    """Return how a check would run, without running it; the checkout must be in place."""
    root = workspace.wanted(settings.run).tree / workspace.producer.prefix
    environment = _environment(workspace, check, settings, settings.toolchain or workspace.profile.toolchain)
    tools, unusable = _tools(workspace, check, root, environment)
    specs = workspace.profile.tools
    later = tuple(name for name in unusable if specs[name].install)
    missing = {name: (why, _remedy(workspace.profile, name, why)) for name, why in unusable.items() if name not in later}
    command, stopped = None, None
    try:
        command = tuple(_command(check, root, environment["PATH"]))
        _require(workspace.profile, {name: why for name, (why, _) in missing.items()})
    except _Stopped as stop:
        comes = any(check.argv[0] in specs[name].executables for name in later)
        stopped = None if comes and not missing else stop.reason
    given = {name for name in environment if settings.caller.get(name) == environment[name] and name != "PATH"}
    return Ahead(
        command=command,
        stopped=stopped,
        passed=frozenset(given),
        set={name: value for name, value in environment.items() if name not in given and name != "PATH"},
        path=environment["PATH"],
        tools=tools,
        missing=missing,
        later=later,
    )


def differences(workspace: Workspace, check: Check, settings: Settings, record: Record) -> list[str]:
    """Return the inputs that differ today from those that ``record`` was made with, in words; none when a run would be the same.

    Commit, tree, profile and command line are the binding's, which `rules.judge_evidence` looks at. The checkout must be in place,
    since a tool may choose its version by what lies there.
    """
    root = workspace.wanted(settings.run).tree / workspace.producer.prefix
    toolchain = settings.toolchain or workspace.profile.toolchain
    environment = _environment(workspace, check, settings, toolchain)
    tools, unusable = _tools(workspace, check, root, environment)
    was, now = set(record.environment_names), set(environment)
    names = [f"+{name}" for name in sorted(now - was)] + [f"-{name}" for name in sorted(was - now)]
    versions = [
        f"{tool.name} {old.version or '?'} in {old.path}, now {tool.version or unusable.get(tool.name, '?')} in {tool.path}"
        if (old := next((one for one in record.tools if one.name == tool.name), None))
        else f"{tool.name}, which was not looked up"
        for tool in tools
        if tool not in record.tools
    ]
    found = (
        ("time limit", record.timeout_seconds != (settings.timeout or check.timeout_seconds)),
        (f"toolchain (was {record.toolchain}, is {toolchain})", record.toolchain != toolchain),
        (f"tools ({'; '.join(versions) or 'fewer'})", tools != record.tools),
        (f"variables ({', '.join(names)})", bool(names)),
        (
            f"values of variables ({_changed_values(record, environment)})",
            not names and record.environment_digest != _digest(environment),
        ),
        ("machine, system or Python", dict(record.platform) != _platform()),
    )
    return [name for name, differs in found if differs]


def _platform() -> dict[str, str]:
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def _digest(environment: Mapping[str, str]) -> str:
    """Return the digest of names and values; no value can be read from it."""
    found = hashlib.sha256()
    for name, value in sorted(environment.items()):
        found.update(f"{name}={value}\0".encode("utf-8", "surrogateescape"))
    return f"sha256:{found.hexdigest()}"


def _value_digests(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the beginning of each variable's digest: it shows that a value differs, and does not give the value away."""
    return {
        name: hashlib.sha256(f"{name}={value}".encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]
        for name, value in sorted(environment.items())
    }


def _changed_values(record: Record, environment: Mapping[str, str]) -> str:
    """Return the names of the variables whose values differ from the record's."""
    then, now = record.environment_value_digests, _value_digests(environment)
    return ", ".join(name for name in now if then and then.get(name) != now[name]) or "the record does not say which"


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _environment(workspace: Workspace, check: Check, settings: Settings, toolchain: str | None) -> dict[str, str]:
    """Return the environment of a check; its home folder is there afterwards.

    The home is the check's own, whatever the profile passes on: git, ripgrep and others read a user's settings there.
    """
    profile = workspace.profile
    wanted = workspace.wanted(settings.run)
    root = wanted.tree / workspace.producer.prefix
    home = checkout.make_home(wanted, check.id, empty=False)
    neutral = {
        **_NEUTRAL,
        # A file that may be written: git replaces the file that it writes, even a device.
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
    }
    values = {name: value.replace("{root}", str(root)) for name, value in {**profile.set, **check.set}.items()}
    if toolchain and profile.toolchain_variable:
        values[profile.toolchain_variable] = toolchain
    path = checks_tools.path_of(settings.bin_folder, settings.caller)
    tool_homes = surroundings.tool_homes(settings.caller, profile.pass_names)
    return checks_tools.environment_of(settings.caller, profile.pass_names, {**neutral, **tool_homes, **values}, path)


def _tools(
    workspace: Workspace, check: Check, root: Path, environment: Mapping[str, str]
) -> tuple[tuple[Tool, ...], dict[str, str]]:
    """Look the check's tools up on its own PATH and ask them, side by side, for their versions.

    Second, for each that cannot be used, why.
    """
    specs = [workspace.profile.tools[name] for name in check.tools]
    specs = [spec for spec in specs if not spec.mentioned_in or _mentioned(spec, root)]
    paths = {spec.name: checks_tools.which(spec.executables, environment["PATH"]) for spec in specs}
    questions = {spec.name: spec.version for spec in specs if spec.version and paths[spec.name]}
    answers = checks_tools.answers(questions, cwd=root, environment=environment, timeout=_ANSWER_SECONDS)
    tools, unusable = [], {}
    for spec in specs:
        path = paths[spec.name]
        status, answer = answers.get(spec.name, (0, ""))
        version = _VERSION.search(answer.partition("\n")[0]) if status == 0 else None
        if path is None:
            unusable[spec.name] = "not on PATH"
        elif status != 0 or (spec.version and not version):
            lines = [line.strip() for line in answer.splitlines() if line.strip()]
            said = next((line for line in lines if line.startswith("error")), lines[0] if lines else f"exit code {status}")
            unusable[spec.name] = f"does not tell its version: {said}"
        elif why := installers.contradiction(spec, version[0] if version else None):
            unusable[spec.name] = why
        usable = spec.name not in unusable
        tools.append(Tool(name=spec.name, version=version[0] if version else None, path=path if usable else None, claim=spec.claim))
    return tuple(tools), unusable


def _mentioned(spec: ToolSpec, root: Path) -> bool:
    """Tell whether a file below the tool's ``mentioned_in`` speaks of one of its executables."""
    for start in spec.mentioned_in:
        folder = root / start
        files = folder.rglob("*") if folder.is_dir() else [folder]
        if any(spec.is_mentioned(path.read_bytes()) for path in files if path.is_file() and not path.is_symlink()):
            return True
    return False


def _require(profile: Profile, unusable: Mapping[str, str]) -> None:
    """Stop the check when a tool cannot be used: those with the same reason and the same remedy together."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, why in unusable.items():
        found.setdefault(_remedy(profile, name, why), {}).setdefault(why, []).append(name)
    if found:
        told = (
            ", ".join(f"{', '.join(names)} ({why})" for why, names in reasons.items()) + f": {hint}"
            for hint, reasons in found.items()
        )
        raise _Stopped(Outcome.TOOL_MISSING, "; ".join(told))


def _remedy(profile: Profile, tool: str, why: str) -> str:
    """Return what to do for a tool that cannot be used: what is known of that reason, else what is known of the tool."""
    failure = _failure(profile, why)
    return failure.hint if failure else profile.tools[tool].hint


def _failure(profile: Profile, said: str, check: str | None = None) -> EnvironmentFailure | None:
    """Return the fault of the machine that something a tool, or the command of ``check``, said tells of."""
    return next((one for one in profile.failures if one.concerns(check) and any(text in said for text in one.says)), None)


def _command(check: Check, root: Path, path: str) -> list[str]:
    """Return the command with its program as an absolute path."""
    words = [word.replace("{root}", str(root)) for word in check.argv]
    if "/" in words[0]:
        program = root / words[0]
        name = check.argv[0].removeprefix("./")
        if not program.is_file():
            raise _Stopped(Outcome.FAILED, f"{name} is not in the commit")
        if not os.access(program, os.X_OK):
            raise _Stopped(Outcome.FAILED, f"{name} is not executable in the commit (git update-index --chmod=+x {name})")
        return [str(program), *words[1:]]
    found = shutil.which(words[0], path=path)
    if found is None:
        raise _Stopped(Outcome.TOOL_MISSING, f"{words[0]} is not on PATH: install it, then run again")
    return [found, *words[1:]]


def _run(
    record: Record,
    check: Check,
    folder: EvidenceFolder,
    held: checkout.Place,
    root: Path,
    environment: Mapping[str, str],
    log_limit: int,
    lines: Display,
) -> Record:
    command = _command(check, root, environment["PATH"])
    lines.line(f"$ {check.command}")
    # Comparing the checkout needs GitPython, whose import takes longer than many a check.
    preload = threading.Thread(target=git_command.preload, daemon=True)
    preload.start()
    log = folder.log(check.id)
    try:
        result = process.run(
            command,
            cwd=root,
            environment=environment,
            log=log,
            log_limit=log_limit,
            timeout=record.timeout_seconds,
            show=lines.show,
        )
    except OSError as error:
        raise unwritable(log, error) from None
    preload.join()
    changed = held.compare()
    if result.left:
        # It may write there later.
        held.clean = False
    outcome, reason = _outcome(check, result, changed, record.timeout_seconds)
    return replace(
        record,
        outcome=outcome,
        reason=reason,
        exit_code=result.exit_code,
        signal=result.signal,
        started_at_utc=_utc(result.started_at),
        finished_at_utc=_utc(result.finished_at),
        duration_ms=result.duration_ms,
        log=Log(
            file=log.name,
            size=result.log_size,
            sha256=result.log_sha256,
            output_size=result.output_size,
            output_sha256=result.output_sha256,
        ),
    )


def _machine(workspace: Workspace, check: Check, root: Path) -> str | None:
    """Return why a command that failed was let down by the machine, with what to do, by what it said last; None when it was not."""
    said = "\n".join(EvidenceFolder.of(workspace).tail(check.id, _LAST_LINES))
    if os.strerror(errno.ENOSPC) in said:
        free = shutil.disk_usage(root).free // 1_000_000
        return f"the disk is full: {free} MB are left for {root}; free some space, then run again"
    failure = _failure(workspace.profile, said, check.id)
    return f"{failure.means}; {failure.hint}" if failure else None


def _outcome(check: Check, result: process.Result, changed: Sequence[str], timeout: int) -> tuple[Outcome, str | None]:
    """Return the outcome and why it is not `PASSED`: that needs exit 0, the success line, nobody left, an unchanged checkout."""
    left = f"could not be ended: {', '.join(result.left)}" if result.left else ""
    if result.cause == "timeout":
        ended = left or "ended with all that it had started"
        return Outcome.TIMED_OUT, f"not done within {timeout} second{'s' * (timeout != 1)}; {ended}"
    if result.cause:
        return Outcome.INTERRUPTED, f"{result.cause} came while it ran; {left or 'ended with all that it had started'}"
    reasons = []
    if result.error:
        reasons.append(f"could not be started: {result.error}")
    elif result.signal:
        reasons.append(f"ended by {result.signal}")
    elif result.exit_code != 0:
        reasons.append(f"exit code {result.exit_code}")
    elif check.success_line is not None and result.last_line.strip(" \t") != check.success_line:
        found = f"its last line was '{result.last_line[:200]}'" if result.last_line else "it printed nothing"
        reasons.append(f"exit code 0, but {found}; expected '{check.success_line}'")
    if result.survivors or left:
        reasons.append(f"it left processes running{f', which {left}' if left else ''}")
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        reasons.append(f"the checkout was changed while it ran: {', '.join(changed[:5])}{more}")
    return (Outcome.FAILED, "; ".join(reasons)) if reasons else (Outcome.PASSED, None)
