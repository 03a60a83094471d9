"""Runs one command to its end and says what happened; finds tools and asks for their versions.

The command gets a process group of its own, an environment that is handed in whole, no standard input, and a limit on the
monotonic clock. Whatever ends it, the group ends with it. Output streams raw to the log and is never held. Decides no outcome
and writes no record.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import queue
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.model import UMASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType

GRACE_SECONDS = 5.0
_BLOCK = 262144
_PIPE = 1048576
_ANSWER = 65536
_LAST_LINE = 4096
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What happened to a command.

    ``exit_code`` or ``signal`` is set when it ended by itself or was ended, neither when it could not be started (then
    ``error`` says why). ``cause`` is ``timeout`` or the name of the signal that interrupted us. ``survivors`` tells that it left
    processes running. Sizes in bytes, digests as hex, duration in ms; ``log_*`` of what the log kept, ``output_*`` of all.
    """

    exit_code: int | None
    signal: str | None
    error: str | None
    cause: str | None
    survivors: bool
    started_at: float
    finished_at: float
    duration_ms: int
    log_size: int
    log_sha256: str
    output_size: int
    output_sha256: str
    last_line: str


class Interrupted(Exception):
    """A signal asked us to stop. ``name`` is the signal's."""

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
def _noted() -> Iterator[list[int]]:
    """Note the numbers of SIGINT, SIGTERM and SIGHUP for the time of the block, and raise nothing: no output may be lost."""
    noted: list[int] = []
    with _handlers(lambda number, _frame: noted.append(number)):
        yield noted


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
        survivors = False
        status: int | None = None
        before = _children()
        with _noted() as noted, _subreaper():
            try:
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
                try:
                    cause = _pump(process, sink, start + timeout, noted)
                finally:
                    survivors = _end(process, sink, before)
                status = process.returncode
                if cause is None and noted:
                    cause = _signal_name(noted[0])
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
        started_at=started_at,
        finished_at=time.time(),
        duration_ms=round(duration * 1000),
        log_size=sink.kept,
        log_sha256=sink.digests.kept.hexdigest(),
        output_size=sink.total,
        output_sha256=sink.digests.all.hexdigest(),
        last_line=sink.last_line(),
    )


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


def _pump(process: subprocess.Popen[bytes], sink: _Sink, deadline: float, noted: Sequence[int]) -> str | None:
    """Feed the sink until the command has ended; return ``timeout`` or a signal's name when that came first."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        # A loud command waits less for us (Linux; refused where the user's share of pipe memory is used up).
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        pause = 0.001
        while process.poll() is None and sink.error is None:
            if noted:
                return _signal_name(noted[0])
            if time.monotonic() > deadline:
                return "timeout"
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


def _end(process: subprocess.Popen[bytes], sink: _Sink, before: frozenset[int]) -> bool:
    """End the command and all that came of it, take its last output; return whether it had left others running.

    ``before`` are the children that we had already when it was started.
    """
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    ended = process.poll() is not None
    survivors = ended and bool(_left(process.pid, before))
    if not ended or survivors:
        deadline = time.monotonic() + GRACE_SECONDS
        number = signal.SIGTERM
        _signal_all(process, number, before)
        while process.poll() is None or _left(process.pid, before):
            if time.monotonic() > deadline:
                number, deadline = signal.SIGKILL, time.monotonic() + GRACE_SECONDS
                _signal_all(process, number, before)
            elif number == signal.SIGKILL:
                _signal_all(process, number, before)
            _drain(descriptor, sink, 16)
            time.sleep(0.005)
    process.wait()
    # What still holds the pipe has escaped even the subreaper; it shall not hold us.
    deadline = time.monotonic() + 0.2
    while _drain(descriptor, sink, 16):
        survivors = True
        if time.monotonic() > deadline:
            break
        time.sleep(0.005)
    process.stdout.close()
    return survivors


def _left(group: int, before: frozenset[int]) -> bool:
    """Reap what has ended of a command's group and of its orphans; return whether any of them still runs."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    for child in _children() - before - {group}:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, os.WNOHANG)
    return _signal_group(group, 0) or bool(_children() - before - {group})


def _end_orphans(before: frozenset[int]) -> None:
    """Kill and reap the children that were not ours before, until there are none."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (orphans := _children() - before) and time.monotonic() < deadline:
        for child in orphans:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _signal_all(process: subprocess.Popen[bytes], number: int, before: frozenset[int]) -> None:
    _signal_group(process.pid, number)
    for child in _children() - before - {process.pid}:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(child, number)


def _children() -> frozenset[int]:
    """Return our children; where the system does not list them (macOS), none: there only the group is watched."""
    try:
        listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return frozenset()
    return frozenset(int(child) for child in listed.split())


@contextlib.contextmanager
def _subreaper() -> Iterator[None]:
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


def _signal_group(group: int, number: int) -> bool:
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


def path_of(bin_folder: str | None, caller: Mapping[str, str]) -> str:
    """Return a PATH: the session's own folder first, then the caller's absolute entries, each once."""
    entries = [entry for entry in caller.get("PATH", os.defpath).split(os.pathsep) if entry.startswith("/")]
    return os.pathsep.join(dict.fromkeys([*([bin_folder] if bin_folder else []), *entries]))


def environment_of(caller: Mapping[str, str], passed: Sequence[str], settings: Mapping[str, str], path: str) -> dict[str, str]:
    """Return a command's environment: the passed names of the caller's (``X_*`` for all that start so), settings, PATH."""
    exact = {name for name in passed if not name.endswith("*")}
    starts = tuple(name.removesuffix("*") for name in passed if name.endswith("*"))
    taken = {name: value for name, value in caller.items() if name in exact or (starts and name.startswith(starts))}
    return dict(sorted({**taken, **settings, "PATH": path}.items()))


def which(names: Sequence[str], path: str) -> str | None:
    """Return the absolute path of the first of ``names`` that is on ``path``, None when none is."""
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def answers(
    questions: Mapping[str, Sequence[str]], *, cwd: Path, environment: Mapping[str, str], timeout: float
) -> dict[str, tuple[int | None, str]]:
    """Run short commands side by side; return (exit status or None, output) for each key. Output is cut at 64 KiB."""
    found: dict[str, tuple[int | None, str]] = {}
    running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
    said: IO[bytes]
    before = _children()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_subreaper())
        for key, argv in questions.items():
            program = shutil.which(argv[0], path=environment["PATH"])
            if program is None:
                found[key] = (None, f"{argv[0]} is not on PATH")
                continue
            # Into a file: whoever leaves a server behind must not hold us through a pipe.
            said = stack.enter_context(tempfile.TemporaryFile())
            try:
                process = subprocess.Popen(
                    [program, *argv[1:]],
                    cwd=cwd,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=UMASK,
                )
            except OSError as error:
                found[key] = (None, error.strerror or str(error))
            else:
                running[key] = (process, said)
        deadline = time.monotonic() + timeout
        try:
            while time.monotonic() < deadline and any(process.poll() is None for process, _ in running.values()):
                time.sleep(0.002)
        finally:
            ended = {key: process.poll() is not None for key, (process, _) in running.items()}
            for process, _ in running.values():
                _signal_group(process.pid, signal.SIGKILL)
                process.wait()
            # Whoever left a server behind has left it to us: it does not live on beside the command.
            _end_orphans(before)
        for key, (process, said) in running.items():
            said.seek(0)
            text = said.read(_ANSWER).decode("utf-8", "replace")
            found[key] = (process.returncode, text) if ended[key] else (None, f"no answer within {timeout:.0f} s")
    return found
