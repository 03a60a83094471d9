"""Run one command to its end, and stop every process that it started.

The command gets a process group, a complete environment, no standard input, and a time limit on the
monotonic clock. Its output streams unchanged into the log.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import queue
import selectors
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks.watcher import Watcher
from handoff_tasks.model import UMASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType
    from typing import IO

GRACE_SECONDS = 5.0
# How long we wait after KILL: a process of another user cannot be ended. Less if a signal asks us to stop meanwhile.
KILL_SECONDS = 5.0
_HURRY_SECONDS = 2.0
# A look at a command that comes so much later than it should: we were stopped in between, and the command perhaps not.
_STOPPED_SECONDS = 1.0
_BLOCK = 262144
_PIPE = 1048576
_LAST_LINE = 4096
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What happened to a command.

    ``exit_code`` or ``signal`` is set when it ended by itself or was ended, neither when it could not be started (then
    ``error`` says why). ``cause`` is ``timeout`` or the name of the signal that interrupted us. ``survivors`` tells that it left
    processes running; ``left`` names those that could not be ended. Sizes in bytes, digests as hex, duration in ms; ``log_*`` of
    what the log kept, ``output_*`` of all.
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


class Interrupted(KeyboardInterrupt):
    """A signal asked us to stop. ``name`` is the signal's.

    It is a `KeyboardInterrupt`, so that nox ends an installer that it runs for us, as it does after Ctrl-C.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = signal.Signals(number).name
        super().__init__(self.name)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into `Interrupted` for the time of the block."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    with _handlers(stop):
        yield


@contextlib.contextmanager
def noted() -> Iterator[list[int]]:
    """Note the numbers of SIGINT, SIGTERM and SIGHUP for the time of the block, and raise nothing: no output may be lost."""
    numbers: list[int] = []
    with _handlers(lambda number, _frame: numbers.append(number)):
        yield numbers


@contextlib.contextmanager
def _handlers(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle SIGINT, SIGTERM and SIGHUP so; SIGCHLD is as the system has it.

    An inherited "ignore" of SIGCHLD would make every command look as if it had ended with 0. One of SIGHUP is left: that is nohup.
    """
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old if old is not None else signal.SIG_DFL)


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: Path,
    log_limit: int,
    timeout: float,
    show: Callable[[bytes], None],
) -> Result:
    """Run ``argv`` and return what happened; the log file holds its output up to ``log_limit`` bytes.

    ``show`` gets each block of output as it comes. Standard error joins standard output. Raises `OSError` when the log cannot
    be written. An interrupt ends the command and is told in the result, not raised.
    """
    with files.stream(log) as file:
        sink = _Sink(file, log_limit, show)
        started_at, start = time.time(), time.monotonic()
        cause = error = None
        survivors, left = False, frozenset[int]()
        status: int | None = None
        with noted() as signals, subreaper(), contextlib.ExitStack() as stack:
            try:
                watcher = stack.enter_context(Watcher())
                before = list_children()
                started_at, start = time.time(), time.monotonic()
                process = subprocess.Popen(
                    argv,
                    cwd=cwd,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=UMASK,
                )
            except OSError as failure:
                error = failure.strerror or str(failure)
            else:
                command = _Command(process, before, watcher)
                try:
                    cause = _pump(command, sink, start + timeout, signals)
                finally:
                    survivors, left = _end(command, sink, signals)
                status = process.returncode
                if cause is None and signals:
                    cause = _signal_name(signals[0])
        duration = time.monotonic() - start
        if sink.error is not None:
            raise sink.error
        file.flush()
        os.fsync(file.fileno())
        sink.digests.end()
    return Result(
        exit_code=status if status is not None and status >= 0 else None,
        signal=_signal_name(-status) if status is not None and status < 0 else None,
        error=error,
        cause=cause,
        survivors=survivors and cause is None,
        left=tuple(_describe(number) for number in sorted(left)),
        started_at=started_at,
        finished_at=time.time(),
        duration_ms=round(duration * 1000),
        log_size=sink.kept,
        log_sha256=sink.digests.kept.hexdigest(),
        output_size=sink.total,
        output_sha256=sink.digests.all.hexdigest(),
        last_line=sink.last_line(),
    )


class _Command:
    """A command that was started, with what came of it. ``before`` are the children that we had already at that time."""

    def __init__(self, process: subprocess.Popen[bytes], before: frozenset[int], watcher: Watcher) -> None:
        assert process.stdout is not None
        self.process = process
        self.descriptor = process.stdout.fileno()
        self._before = before
        self._watcher = watcher
        self._watched = {process.pid}
        self._looked = 0.0
        watcher.watch(process.pid)

    def orphans(self) -> frozenset[int]:
        """Return the processes that left the command and became our children, ended or not."""
        return list_children() - self._before - {self.process.pid}

    def watch_orphans(self) -> None:
        """Name those to the watcher that have left the command's group since the last time; looks a few times a second only."""
        now = time.monotonic()
        if now - self._looked < 0.05:
            return
        self._looked = now
        for number in self.orphans() - self._watched:
            self._watched.add(number)
            self._watcher.watch(number)

    def running(self) -> bool:
        """Reap what has ended of the command's group and of its orphans; return whether any of them still runs."""
        group = self.process.pid
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-group, os.WNOHANG)[0]:
                pass
        for child in self.orphans():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        return signal_group(group, 0) or bool(self.orphans())

    def signal(self, number: int) -> None:
        """Send a signal to the command's group and its orphans."""
        signal_group(self.process.pid, number)
        for child in self.orphans():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, number)

    def left(self) -> frozenset[int]:
        """Return the processes of the command that are our children and have not ended."""
        return self.orphans() | ({self.process.pid} if self.process.poll() is None else frozenset())


class _Digests:
    """The sha256 of all output and of what the log kept of it, made in a thread of its own: hashing slows a loud command."""

    def __init__(self) -> None:
        self.all = hashlib.sha256()
        self.kept = self.all
        # Bounded: a few blocks wait, never the output.
        self._blocks: queue.Queue[tuple[bytes, int] | None] = queue.Queue(maxsize=32)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def take(self, block: bytes, kept: int) -> None:
        """Take a block of output, the first ``kept`` bytes of which are in the log."""
        self._blocks.put((block, kept))

    def end(self) -> None:
        """Wait until all is hashed."""
        self._blocks.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._blocks.get()) is not None:
            block, kept = item
            if kept < len(block) and self.kept is self.all:
                # From here on the log holds less than all: its digest goes its own way.
                self.kept = self.all.copy()
                self.kept.update(block[:kept])
            self.all.update(block)


class _Sink:
    """Takes output in blocks: to the log up to its limit, to the digests, to whoever watches."""

    def __init__(self, file: IO[bytes], limit: int, show: Callable[[bytes], None]) -> None:
        self.total = self.kept = 0
        self.digests = _Digests()
        self.error: OSError | None = None
        self._file, self._limit, self._show = file, limit, show
        self._tail = b""
        self._watched = True

    def take(self, block: bytes) -> None:
        self.total += len(block)
        room = self._limit - self.kept
        part = block if room >= len(block) else block[:room]
        self.digests.take(block, len(part))
        if part and self.error is None:
            try:
                self._file.write(part)
                # Whoever looks at the log while the command runs shall see what it has said.
                self._file.flush()
            except OSError as error:
                # The command is ended first; then whoever called us hears of it.
                self.error = error
        self.kept += len(part)
        self._tail = (self._tail + block)[-_LAST_LINE:] if len(block) < _LAST_LINE else block[-_LAST_LINE:]
        if self._watched:
            try:
                self._show(block)
            except OSError as error:
                self.error, self._watched = error, False

    def last_line(self) -> str:
        """Return the last line that is not empty; of one whose beginning the last 4 KiB do not hold, the end after an ellipsis.

        A line ends with a line feed and with nothing else: what a terminal shows on one line is one.
        """
        lines = self._tail.split(b"\n")
        cut = self.total > len(self._tail)
        number = next((number for number in reversed(range(len(lines))) if lines[number].strip()), None)
        if number is None:
            return ""
        return ("\u2026" if cut and number == 0 else "") + lines[number].removesuffix(b"\r").decode("utf-8", "replace")


def _pump(command: _Command, sink: _Sink, deadline: float, signals: Sequence[int]) -> str | None:
    """Feed the sink until the command has ended; return ``timeout`` or a signal's name when that came first.

    The time in which we were stopped (Ctrl-Z) does not count: the command may have waited for us to take its output.
    """
    descriptor = command.descriptor
    os.set_blocking(descriptor, False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        # A loud command waits less for us (Linux; refused where the user's share of pipe memory is used up).
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        pause = 0.001
        last = time.monotonic()
        while command.process.poll() is None and sink.error is None:
            if signals:
                return _signal_name(signals[0])
            now = time.monotonic()
            if now - last > _STOPPED_SECONDS:
                deadline += now - last
            last = now
            if now > deadline:
                return "timeout"
            command.watch_orphans()
            if selector.get_map() and selector.select(min(pause, 0.05)):
                pause = 0.001
                if not _drain(descriptor, sink, 16):
                    selector.unregister(descriptor)
            elif not selector.get_map():
                time.sleep(pause)
            # A silent command is looked at less and less often, down to twenty times a second.
            pause = min(pause * 1.5, 0.05)
    return None


def _drain(descriptor: int, sink: _Sink, blocks: int) -> bool:
    """Take what is there, at most ``blocks`` blocks; return False at the end of the stream."""
    for _ in range(blocks):
        try:
            block = os.read(descriptor, _BLOCK)
        except BlockingIOError:
            return True
        if not block:
            return False
        sink.take(block)
    return True


def _end(command: _Command, sink: _Sink, signals: Sequence[int]) -> tuple[bool, frozenset[int]]:
    """End the command and all that came of it and take its last output.

    Returns:
        Whether it had left others running, and the processes that could not be ended, such as those of another user.
    """
    process, descriptor = command.process, command.descriptor
    ended = process.poll() is not None
    survivors = ended and command.running()
    left = frozenset[int]()
    if not ended or survivors:
        killed: float | None = None
        start = time.monotonic()
        command.signal(signal.SIGTERM)
        while process.poll() is None or command.running():
            now = time.monotonic()
            if killed is None and now - start > GRACE_SECONDS:
                killed = now
            if killed is not None:
                command.signal(signal.SIGKILL)
                if now - killed > (_HURRY_SECONDS if signals else KILL_SECONDS):
                    left = command.left()
                    break
            _drain(descriptor, sink, 16)
            time.sleep(0.005)
    # What still holds the pipe has escaped even the subreaper, or cannot be ended; it shall not hold us.
    deadline = time.monotonic() + 0.2
    while _drain(descriptor, sink, 16):
        survivors = True
        if time.monotonic() > deadline:
            break
        time.sleep(0.005)
    assert process.stdout is not None
    process.stdout.close()
    return survivors, left


def _describe(number: int) -> str:
    """Return a process as people know it: its id, its user, and its command line if the system shows it."""
    try:
        place = Path(f"/proc/{number}")
        user = _user(place.stat().st_uid)
        words = place.joinpath("cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ").strip()
    except OSError:
        asked = ["ps", "-o", "user=,args=", "-p", str(number)]
        try:
            said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=GRACE_SECONDS).stdout
        except (OSError, subprocess.TimeoutExpired):
            said = ""
        user, _, words = said.strip().partition(" ")
    return f"process {number}" + (f" of user {user}" if user else "") + (f" ({words.strip()[:100]})" if words.strip() else "")


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def end_orphans(before: frozenset[int]) -> None:
    """Kill and reap the children that were not ours before, until there are none; one of another user's cannot be ended."""
    deadline = time.monotonic() + KILL_SECONDS
    while (orphans := list_children() - before) and time.monotonic() < deadline:
        for child in orphans:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, os.WNOHANG)
        time.sleep(0.002)


def list_children() -> frozenset[int]:
    """Return our children; where the system does not list them (macOS), none: there only the group is watched."""
    try:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return frozenset()
    return frozenset(int(child) for child in listed.split())


@contextlib.contextmanager
def subreaper() -> Iterator[None]:
    """Let orphans of a command become our children, where the system can (Linux), so that none escapes in a session of its own."""
    if not sys.platform.startswith("linux"):
        yield
        return
    import ctypes

    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether anybody was there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS answers so for a group of zombies only.
        return False
    return True


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
