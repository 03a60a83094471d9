"""Run short commands side by side, and read their answers."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar

from handoff_tasks.checks import children
from handoff_tasks.checks.interrupts import Interrupted, note_signals
from handoff_tasks.checks.process import KILL_SECONDS, start_command
from handoff_tasks.checks.waiter import Waiter
from handoff_tasks.checks.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.checks.interrupts import SignalNotes

_ANSWER_BYTES = 65536
Key = TypeVar("Key", bound="Hashable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A short command, the folder in which it runs, and all of its environment."""

    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]


def ask(
    questions: Mapping[Key, Question],
    *,
    timeout: float,
    meanwhile: Callable[[], None] | None = None,
) -> dict[Key, tuple[int | None, str]]:
    """Run short commands side by side, for at most ``timeout`` seconds.

    Args:
        questions: The commands, by any key.
        timeout: How long to wait for them.
        meanwhile: Is called while they run. It must not start processes.

    Returns:
        The exit status and the output of each, cut at 64 KiB. Without a status the text says why.

    Raises:
        Interrupted: A signal came; all that was started has ended.
    """
    if not questions:
        return {}
    with contextlib.ExitStack() as stack:
        stack.enter_context(children.adopt_orphans())
        watcher = stack.enter_context(Watcher())
        # An exception while a process is started would lose it.
        signals = stack.enter_context(note_signals())
        before = children.list_children()
        running: dict[Key, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        answers: dict[Key, tuple[int | None, str]] = {}
        for key, question in questions.items():
            if signals:
                break
            # Into a file: a server that a tool leaves behind could hold a pipe open.
            output = stack.enter_context(tempfile.TemporaryFile())
            started = _start(question, output, watcher)
            if isinstance(started, str):
                answers[key] = (None, started)
            else:
                running[key] = (started, output)
        processes = [process for process, _ in running.values()]
        try:
            if meanwhile is not None:
                meanwhile()
            _wait_for(processes, timeout, signals)
        finally:
            slow = {process.pid for process in processes if process.poll() is None}
            _kill(processes)
            children.end_orphans(before, KILL_SECONDS)
        if signals:
            raise Interrupted(signals.numbers[0])
        for key, (process, text_file) in running.items():
            if process.pid in slow:
                answers[key] = (None, f"no answer within {timeout:.0f} s")
                continue
            text_file.seek(0)
            text = text_file.read(_ANSWER_BYTES).decode("utf-8", "replace")
            answers[key] = (process.returncode, text)
    return answers


def _start(
    question: Question, output: IO[bytes], watcher: Watcher
) -> subprocess.Popen[bytes] | str:
    """Start a command, or return why it cannot be started."""
    program, *words = question.argv
    path = shutil.which(program, path=question.environment["PATH"])
    if path is None:
        return f"{program} is not on PATH"
    try:
        return start_command(
            [path, *words], question.cwd, question.environment, output.fileno(), watcher
        )
    except OSError as error:
        return error.strerror or str(error)


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
