"""Find, adopt, signal and describe the processes that a command started."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.checks.waiter import SHORTEST_PAUSE, next_pause

if TYPE_CHECKING:
    from collections.abc import Iterator

_PR_SET_CHILD_SUBREAPER = 36
_PS_SECONDS = 5.0


@contextlib.contextmanager
def adopt_orphans() -> Iterator[None]:
    """Make orphans of our children our own children inside the block, on Linux only."""
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


def list_children() -> frozenset[int]:
    """Return the ids of our children, ended or not; empty if the system does not list them."""
    try:
        listing = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return frozenset()
    return frozenset(int(child) for child in listing.split())


def end_orphans(before: frozenset[int], seconds: float) -> None:
    """Kill and reap our children that are not in ``before``, for at most ``seconds``.

    A process of another user cannot be ended.
    """
    deadline = time.monotonic() + seconds
    pause = SHORTEST_PAUSE
    while (orphans := list_children() - before) and time.monotonic() < deadline:
        for child in orphans:
            signal_process(child, signal.SIGKILL)
            reap(child)
        time.sleep(pause)
        pause = next_pause(pause)


def reap(child: int) -> None:
    """Reap a child if it has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, os.WNOHANG)


def signal_process(process: int, number: int) -> None:
    """Send a signal to a process, if there is one and it is ours."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether it has a process that could get it."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS answers so for a group of zombies only.
        return False
    return True


def is_in_group(process: int, group: int) -> bool:
    """Return whether a process is in a process group; one that has ended is in none."""
    try:
        return os.getpgid(process) == group
    except ProcessLookupError:
        return False


def describe(process: int) -> str:
    """Return the id, the user and the command line of a process, as far as they are known."""
    try:
        place = Path(f"/proc/{process}")
        user = _user_name(place.stat().st_uid)
        words = place.joinpath("cmdline").read_bytes().decode("utf-8", "replace")
        words = words.replace("\0", " ").strip()
    except OSError:
        user, words = _ask_ps(process)
    description = f"process {process}"
    if user:
        description += f" of user {user}"
    if words:
        description += f" ({words[:100]})"
    return description


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _ask_ps(process: int) -> tuple[str, str]:
    command = ["ps", "-o", "user=,args=", "-p", str(process)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PS_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return "", ""
    user, _, words = done.stdout.strip().partition(" ")
    return user, words.strip()
