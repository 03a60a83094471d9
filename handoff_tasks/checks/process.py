"""Run one command to its end, and stop every process that it started.

The command gets a process group, a complete environment, no standard input, and a time limit on the
monotonic clock. Its output streams unchanged into the log.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import children
from handoff_tasks.checks.interrupts import note_signals
from handoff_tasks.checks.log_sink import LogSink
from handoff_tasks.checks.waiter import SHORTEST_PAUSE, Waiter, next_pause
from handoff_tasks.checks.watcher import Watcher
from handoff_tasks.limits import UMASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.checks.interrupts import SignalNotes

# Between TERM and KILL.
GRACE_SECONDS = 5.0
# How long to wait after KILL, since a process of another user cannot be ended; less after a signal.
KILL_SECONDS = 5.0
_HURRY_SECONDS = 2.0
# How often a running command's new orphans are looked for.
_LOOK_SECONDS = 0.1
# A longer time between two looks means that we were stopped (Ctrl-Z), perhaps without the command.
_STOPPED_SECONDS = 1.0
# How long the output of a command that has ended may stay open.
_OUTPUT_SECONDS = 0.2
_BLOCK = 262144
_PIPE = 1048576


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What happened to a command.

    Attributes:
        exit_code: Its exit code, None if a signal ended it or it was not started.
        signal: The name of the signal that ended it.
        error: Why it could not be started.
        cause: Why we ended it: ``timeout``, or the name of the signal that interrupted us.
        survivors: Whether it left processes running when it ended by itself.
        left: Descriptions of its processes that could not be ended.
        started_at: Seconds since 1970, as is ``finished_at``.
        log_size: Bytes in the log; ``output_size`` counts all output.
        last_line: The last line of output that is not empty.
    """

    exit_code: int | None
    signal: str | None
    error: str | None
    cause: str | None
    survivors: bool
    left: tuple[str, ...]
    started_at: float
    finished_at: float
    duration_ms: int
    log_size: int
    log_sha256: str
    output_size: int
    output_sha256: str
    last_line: str


@dataclass(slots=True)
class _Ending:
    """How a command ended; ``status`` is the one of `subprocess`."""

    status: int | None = None
    error: str | None = None
    cause: str | None = None
    survivors: bool = False
    left: frozenset[int] = frozenset()


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    log_limit: int,
    timeout: float,
    show: Callable[[bytes], None],
    meanwhile: Callable[[], None] | None = None,
) -> Result:
    """Run ``argv`` and return what happened; an interrupt ends it.

    Args:
        argv: The command, its program as a path.
        cwd: Its working folder.
        environment: Its whole environment.
        log: The file for its output, standard error included.
        log_limit: The most bytes that the log takes.
        timeout: Its time limit in seconds.
        show: Gets each block of output.
        meanwhile: Is called in a thread while the command runs; it may start processes.

    Raises:
        OSError: The log cannot be written, or ``show`` failed.
    """
    with files.stream(log) as file:
        sink = LogSink(file, log_limit, show)
        started_at, start = time.time(), time.monotonic()
        with note_signals() as signals, children.adopt_orphans():
            ending = _run_to_end(
                argv,
                cwd,
                environment,
                timeout=timeout,
                sink=sink,
                signals=signals,
                meanwhile=meanwhile,
            )
        duration = time.monotonic() - start
        sink.close()
    status = ending.status
    return Result(
        exit_code=status if status is not None and status >= 0 else None,
        signal=_signal_name(-status) if status is not None and status < 0 else None,
        error=ending.error,
        cause=ending.cause,
        survivors=ending.survivors and ending.cause is None,
        left=tuple(children.describe(number) for number in sorted(ending.left)),
        started_at=started_at,
        finished_at=time.time(),
        duration_ms=round(duration * 1000),
        log_size=sink.log_size,
        log_sha256=sink.log_sha256,
        output_size=sink.output_size,
        output_sha256=sink.output_sha256,
        last_line=sink.last_line(),
    )


def _run_to_end(
    argv: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    *,
    timeout: float,
    sink: LogSink,
    signals: SignalNotes,
    meanwhile: Callable[[], None] | None,
) -> _Ending:
    ending = _Ending()
    with contextlib.ExitStack() as stack:
        try:
            watcher = stack.enter_context(Watcher())
            before = children.list_children()
            process = start_command(argv, cwd, environment, subprocess.PIPE, watcher)
        except OSError as failure:
            ending.error = failure.strerror or str(failure)
            return ending
        waiter = stack.enter_context(Waiter())
        command = _Command(
            process, before, watcher=watcher, waiter=waiter, sink=sink, signals=signals
        )
        try:
            # After the start of the command: a fork beside other threads can hang.
            with _in_thread(meanwhile):
                ending.cause = command.pump(time.monotonic() + timeout)
        finally:
            ending.survivors, ending.left = command.end()
        ending.status = process.returncode
        if ending.cause is None and signals:
            ending.cause = signals.name
    return ending


@contextlib.contextmanager
def _in_thread(work: Callable[[], None] | None) -> Iterator[None]:
    """Do something in a thread beside the block, and wait for its end."""
    if work is None:
        yield
        return
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Its processes must not be taken for some that the command left.
        thread.join()


def start_command(
    argv: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    output: int,
    watcher: Watcher,
) -> subprocess.Popen[bytes]:
    """Start a watched command in a session of its own, with both of its streams in ``output``.

    Raises:
        OSError: It cannot be started.
    """
    return subprocess.Popen(
        argv,
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=UMASK,
        preexec_fn=watcher.announce,  # noqa: PLW1509 - it takes no lock
    )


class _Command:
    """A running command. ``before`` are the children of this process from before its start."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        before: frozenset[int],
        *,
        watcher: Watcher,
        waiter: Waiter,
        sink: LogSink,
        signals: SignalNotes,
    ) -> None:
        assert process.stdout is not None
        self._process, self._output = process, process.stdout
        self._before, self._watcher, self._waiter = before, watcher, waiter
        self._sink, self._signals = sink, signals
        self._watched = {process.pid}
        self._next_look = 0.0
        os.set_blocking(self._output.fileno(), False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            # A loud command waits less for us. Linux refuses it if the user's pipe memory is full.
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._output.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        waiter.add_process(process.pid)
        waiter.add_file(self._output)
        waiter.add_file(signals)

    def pump(self, deadline: float) -> str | None:
        """Take output until the command has ended; return why it must be ended before that.

        The time in which we were stopped (Ctrl-Z) does not count: the command may have waited for
        us to take its output.
        """
        last = time.monotonic()
        while self._process.poll() is None and self._sink.error is None:
            if self._signals:
                return self._signals.name
            now = time.monotonic()
            if now - last > _STOPPED_SECONDS:
                deadline += now - last
            last = now
            if now > deadline:
                return "timeout"
            self._watch_orphans(now)
            self._waiter.wait(min(_LOOK_SECONDS, deadline - now))
            self._drain()
        return None

    def end(self) -> tuple[bool, frozenset[int]]:
        """End the command and all that it started, and take the last output.

        Returns:
            Whether it had left processes running, and those that could not be ended.
        """
        has_ended = self._process.poll() is not None
        survivors = has_ended and self._is_running()
        left = frozenset[int]()
        # Signals no longer wake us: they stay readable.
        self._waiter.remove_file(self._signals)
        if not has_ended or survivors:
            left = self._terminate()
        self._waiter.remove_process(self._process.pid)
        # A process that still holds the pipe was not found, or cannot be ended.
        deadline = time.monotonic() + _OUTPUT_SECONDS
        while self._drain():
            survivors = True
            if time.monotonic() > deadline:
                break
            self._waiter.wait(deadline - time.monotonic())
        self._waiter.remove_file(self._output)
        self._output.close()
        return survivors, left

    def _terminate(self) -> frozenset[int]:
        """Send TERM, after the grace KILL; return the processes that have not ended in time."""
        start, killed_at, pause = time.monotonic(), None, SHORTEST_PAUSE
        children.signal_group(self._process.pid, signal.SIGTERM)
        asked = set[int]()
        while self._process.poll() is None or self._is_running():
            # A process becomes our child when its parent ends, which may be later.
            for orphan in self._orphans() - asked:
                asked.add(orphan)
                if not children.is_in_group(orphan, self._process.pid):
                    children.signal_process(orphan, signal.SIGTERM)
            now = time.monotonic()
            if killed_at is None and now - start > GRACE_SECONDS:
                killed_at = now
            if killed_at is not None:
                self._kill()
                if now - killed_at > (_HURRY_SECONDS if self._signals else KILL_SECONDS):
                    return self._running_children()
            self._drain()
            if self._process.poll() is not None:
                self._waiter.remove_process(self._process.pid)
            # The end of a process that is not a child of this one sends no signal, so poll.
            self._waiter.wait(pause)
            pause = next_pause(pause)
        return frozenset()

    def _drain(self) -> bool:
        """Take the output that is there, at most 4 MiB; return whether more can come."""
        if self._output.closed:
            return False
        for _ in range(16):
            try:
                block = os.read(self._output.fileno(), _BLOCK)
            except BlockingIOError:
                return True
            if not block:
                self._waiter.remove_file(self._output)
                return False
            self._sink.take(block)
        return True

    def _orphans(self) -> frozenset[int]:
        """Return the processes that left the command and became our children, ended or not."""
        return children.list_children() - self._before - {self._process.pid}

    def _watch_orphans(self, now: float) -> None:
        """Name new orphans to the watcher, unless it was done a moment ago."""
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        for number in self._orphans() - self._watched:
            self._watched.add(number)
            self._watcher.watch(number)

    def _is_running(self) -> bool:
        """Reap the command's processes that have ended; return whether others run."""
        group = self._process.pid
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-group, os.WNOHANG)[0]:
                pass
        for child in self._orphans():
            children.reap(child)
        return children.signal_group(group, 0) or bool(self._orphans())

    def _kill(self) -> None:
        """Send KILL to the command's group and its orphans."""
        children.signal_group(self._process.pid, signal.SIGKILL)
        for child in self._orphans():
            children.signal_process(child, signal.SIGKILL)

    def _running_children(self) -> frozenset[int]:
        running = self._orphans()
        return running if self._process.poll() is not None else running | {self._process.pid}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
