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

# Longer than all checks of a run may take together: whoever runs there is ended by its own limit, and a dead one holds no lock.
_PATIENCE_SECONDS = 24 * 3600.0
# What a killed run has left is killed too (`watcher`), which takes a moment.
_LEFTOVER_SECONDS = 10.0
_SILENT_SECONDS = 0.2


@contextlib.contextmanager
def hold(
    path: Path, what: str, *, shared: bool = False, say: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock file at ``path`` for one run, or ``shared`` with others that want no more.

    Where its holder was killed, the lock is free when all that it had started has ended; ``say`` is told of waiting for that.

    Raises `HandoffError`: HP006, which names the holder, when it is taken; HP080 when there can be no such file.
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
    """Lock a file; return False if a living process holds it, or what a dead one has left does not end in time."""
    start = time.monotonic()
    while not try_lock(lock, operation):
        waited = time.monotonic() - start
        if _living(_lines(lock)) or waited > _LEFTOVER_SECONDS:
            return False
        if say is not None and waited > _SILENT_SECONDS:
            say("waiting for the end of what a killed run has left")
            say = None
        time.sleep(0.02)
    return True


def _holder(lock: int) -> str:
    """Return who holds a lock, by what holders have written: the first that lives here, since one that was killed leaves its line.

    Where none does, the last: it may live on another machine, or in a container.
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
    """Return whether a process runs: one that has ended and waits to be reaped does not."""
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
    """Hold the lock file at ``path`` for a short piece of work, waiting for whoever holds it."""
    with files.lock_file(path) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait_for_lock(descriptor: int, operation: int, say: Callable[[str], None]) -> None:
    """Lock a file, waiting up to a day; ``say`` gets one line if it waits."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    told = False
    while not try_lock(descriptor, operation):
        if time.monotonic() > deadline:
            message = "another run has used the private checkout for a day"
            raise refusal("HP006", "checkout", message, "end it, then run again")
        if not told:
            say("waiting until no other check runs in the private checkout")
            told = True
        time.sleep(0.02)


def try_lock(descriptor: int, operation: int) -> bool:
    """Lock a file without waiting; return whether that worked."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
