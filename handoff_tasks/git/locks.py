"""Lock the work folder and the private checkout between processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.problems import refusal, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Longer than all checks of a run may take together. A process that has ended holds no lock.
_PATIENCE_SECONDS = 24 * 3600.0
# The watchers end what a killed run left behind, which takes a moment.
_LEFTOVER_SECONDS = 10.0
_SILENT_SECONDS = 0.2
# Between two attempts to lock: the first pause, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.25


@contextlib.contextmanager
def hold(
    path: Path, what: str, *, shared: bool = False, say: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock file at ``path`` for one run, or ``shared`` with others.

    If its holder was killed, the lock is free when every process that it started has ended.

    Args:
        path: The lock file.
        what: What it locks, for messages.
        shared: Whether others may hold it too, if they share it.
        say: Gets one line if a killed run's processes are waited for.

    Raises:
        HandoffError: HP006 if another process holds it, HP080 if the file cannot be opened.
    """
    ours = f"process {os.getpid()}, since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
    with contextlib.ExitStack() as stack:
        try:
            lock = stack.enter_context(files.lock_file(path))
            if not _locked_in_time(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, say):
                message = f"{what} is in use by {_holder(lock)}"
                raise refusal(
                    "HP006", str(path), message, "wait until it has ended, then run again"
                )
            if shared:
                # A line more: who else holds it has one too.
                os.pwrite(lock, f"\n{ours}\n".encode(), os.fstat(lock).st_size)
            else:
                os.ftruncate(lock, 0)
                os.pwrite(lock, ours.encode(), 0)
        except OSError as error:
            raise unwritable(path, error) from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                # While others share it, their lines stay, and ours names a process that has ended.
                if not shared or try_lock(lock, fcntl.LOCK_EX):
                    os.ftruncate(lock, 0)


def _locked_in_time(lock: int, operation: int, say: Callable[[str], None] | None) -> bool:
    """Lock a file; return whether that worked in time.

    A living holder is not waited for, what a killed one started is.
    """
    start, pause = time.monotonic(), _FIRST_PAUSE
    while not try_lock(lock, operation):
        waited = time.monotonic() - start
        if _living(_lines(lock)) or waited > _LEFTOVER_SECONDS:
            return False
        if say is not None and waited > _SILENT_SECONDS:
            say("waiting for processes that a killed run left behind")
            say = None
        pause = _sleep_longer(pause)
    return True


def _sleep_longer(pause: float) -> float:
    """Sleep, and return the next pause."""
    time.sleep(pause)
    return min(2 * pause, _LONGEST_PAUSE)


def _holder(lock: int) -> str:
    """Return who holds a lock.

    Each holder wrote a line into it, and one that was killed left its own. The first line of a
    process that runs here counts. If there is none, the last one does: its process may run on
    another machine, or in a container.
    """
    lines = _lines(lock)
    return [*_living(lines), *lines[-1:], "another process"][0]


def _lines(lock: int) -> list[str]:
    return [line for line in files.lock_text(lock).decode("utf-8", "replace").splitlines() if line]


def _living(lines: Sequence[str]) -> list[str]:
    """Return the lines of those holders that run on this machine."""
    return [
        line
        for line in lines
        if (found := re.match(r"process ([1-9][0-9]{0,9}),", line)) and _lives(int(found[1]))
    ]


def _lives(process: int) -> bool:
    """Return whether a process runs; one that waits to be reaped does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    if not sys.platform.startswith("linux"):
        done = subprocess.run(
            ["/bin/ps", "-o", "stat=", "-p", str(process)],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()[:1] not in ("", "Z")
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in (
            "Z",
            "X",
        )
    except FileNotFoundError:
        return False
    except OSError:
        return True


@contextlib.contextmanager
def hold_briefly(path: Path) -> Iterator[None]:
    """Hold the lock file at ``path`` for a short time, waiting until it is free."""
    with files.lock_file(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_for_lock(descriptor: int, operation: int, say: Callable[[str], None]) -> None:
    """Lock a file, waiting up to a day; ``say`` gets one line if it waits.

    Raises `HandoffError` (HP006) after a day.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    said, pause = False, _FIRST_PAUSE
    while not try_lock(descriptor, operation):
        if time.monotonic() > deadline:
            message = "another run has used the private checkout for a day"
            raise refusal("HP006", "checkout", message, "end it, then run again")
        if not said:
            say("waiting until no other check uses the private checkout")
            said = True
        pause = _sleep_longer(pause)


def try_lock(descriptor: int, operation: int) -> bool:
    """Lock a file without waiting; return whether that worked."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
