"""Find the tools of a check, and ask them for their versions."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
from typing import IO, TYPE_CHECKING

from handoff_tasks.checks import children, installers
from handoff_tasks.checks.interrupts import Interrupted, note_signals
from handoff_tasks.checks.process import KILL_SECONDS, start_command
from handoff_tasks.checks.waiter import Waiter
from handoff_tasks.checks.watcher import Watcher
from handoff_tasks.record import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.checks.interrupts import SignalNotes
    from handoff_tasks.producer.profile import Check, EnvironmentFailure, Profile, ToolSpec

_ANSWER_BYTES = 65536
_ANSWER_SECONDS = 30.0
_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-+.][0-9A-Za-z.+-]*)?|\d+")


def find_tools(
    profile: Profile, check: Check, root: Path, environment: Mapping[str, str]
) -> tuple[tuple[Tool, ...], dict[str, str]]:
    """Find the check's tools on its own PATH and ask them for their versions, side by side.

    Returns:
        The tools, and why a tool cannot be used, by name.
    """
    specs = [profile.tools[name] for name in check.tools]
    specs = [spec for spec in specs if not spec.mentioned_in or _is_mentioned(spec, root)]
    paths = {spec.name: which(spec.executables, environment["PATH"]) for spec in specs}
    questions = {spec.name: spec.version for spec in specs if spec.version and paths[spec.name]}
    answers = ask(questions, cwd=root, environment=environment, timeout=_ANSWER_SECONDS)
    tools, unusable = [], {}
    for spec in specs:
        version, why = _read_version(spec, answers.get(spec.name, (0, "")))
        if paths[spec.name] is None:
            version, why = None, "not on PATH"
        if why:
            unusable[spec.name] = why
        path = None if why else paths[spec.name]
        tools.append(Tool(name=spec.name, version=version, path=path, claim=spec.claim))
    return tuple(tools), unusable


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


def which(names: Sequence[str], path: str) -> str | None:
    """Return the absolute path of the first of ``names`` on ``path``, None if there is none."""
    for name in names:
        program = shutil.which(name, path=path)
        if program:
            return program
    return None


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


def ask(
    questions: Mapping[str, Sequence[str]],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    timeout: float,
) -> dict[str, tuple[int | None, str]]:
    """Run short commands side by side, for at most ``timeout`` seconds.

    Returns:
        The exit status and the output of each, cut at 64 KiB. Without a status the text says why.

    Raises:
        Interrupted: A signal came; all that was started has ended.
    """
    answers: dict[str, tuple[int | None, str]] = {}
    if not questions:
        return answers
    running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
    output: IO[bytes]
    with contextlib.ExitStack() as stack:
        stack.enter_context(children.adopt_orphans())
        watcher = stack.enter_context(Watcher())
        # An exception while a process is started would lose it.
        signals = stack.enter_context(note_signals())
        before = children.list_children()
        for key, argv in questions.items():
            if signals:
                break
            program = shutil.which(argv[0], path=environment["PATH"])
            if program is None:
                answers[key] = (None, f"{argv[0]} is not on PATH")
                continue
            # Into a file: a server that a tool leaves behind could hold a pipe open.
            output = stack.enter_context(tempfile.TemporaryFile())
            try:
                process = start_command(
                    [program, *argv[1:]], cwd, environment, output.fileno(), watcher
                )
            except OSError as error:
                answers[key] = (None, error.strerror or str(error))
                continue
            running[key] = (process, output)
        processes = [process for process, _ in running.values()]
        try:
            _wait_for(processes, timeout, signals)
        finally:
            slow = {process.pid for process in processes if process.poll() is None}
            _kill(processes)
            children.end_orphans(before, KILL_SECONDS)
        if signals:
            raise Interrupted(signals.numbers[0])
        for key, (process, output) in running.items():
            if process.pid in slow:
                answers[key] = (None, f"no answer within {timeout:.0f} s")
                continue
            output.seek(0)
            text = output.read(_ANSWER_BYTES).decode("utf-8", "replace")
            answers[key] = (process.returncode, text)
    return answers


def _wait_for(
    processes: Sequence[subprocess.Popen[bytes]], timeout: float, signals: SignalNotes
) -> None:
    """Wait until the processes have ended or a signal came, at most ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    running = list(processes)
    with Waiter() as waiter:
        for process in running:
            waiter.add_process(process.pid)
        waiter.add_file(signals)
        while running and not signals and time.monotonic() < deadline:
            waiter.wait(deadline - time.monotonic())
            for process in list(running):
                if process.poll() is not None:
                    waiter.remove_process(process.pid)
                    running.remove(process)


def _kill(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Kill the groups of processes and wait until they have ended, for a limited time."""
    for process in processes:
        children.signal_group(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + KILL_SECONDS
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
