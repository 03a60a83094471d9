"""A child process that writes files, and is stopped at one of its system calls.

`apply` uses functions of `os` only. Each call of one that can change or read a file counts; at the
given count the process is killed, or the call fails, or Ctrl-C arrives.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import warnings
from typing import TYPE_CHECKING, Any

from handoff_tasks.consumer import apply, tree
from handoff_tasks.problems import HandoffError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

COUNTED = (
    *(
        "open",
        "close",
        "read",
        "write",
        "pwrite",
        "ftruncate",
        "fsync",
        "fchmod",
        "fstat",
        "stat",
        "lstat",
    ),
    *("mkdir", "makedirs", "rmdir", "rename", "unlink", "listdir"),
)
KILL, INTERRUPT = "kill", "interrupt"


class Stopper:
    """Stands in for `os` in the modules that write: counts calls, and stops at one of them.

    ``how`` is `KILL`, `INTERRUPT` or an error number. ``late`` stops after the call was done.
    """

    def __init__(
        self, at: int, how: str | int = KILL, *, late: bool = False, only: Sequence[str] = COUNTED
    ) -> None:
        self.at, self.how, self.late, self.only = at, how, late, only
        self.count = 0
        self.stopped = False

    def __getattr__(self, name: str) -> Any:
        # A kill loses nothing that the system has; waiting for the disk would take minutes.
        real = os.fstat if name == "fsync" else getattr(os, name)
        if name not in self.only:
            return real
        return self._counted(real, name)

    def _counted(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*words: Any, **options: Any) -> Any:
            self.count += 1
            stops = self.count == self.at
            if stops and not self.late:
                self._stop(name)
            try:
                return real(*words, **options)
            finally:
                if stops and self.late:
                    self._stop(name)

        return call

    def _stop(self, name: str) -> None:
        # An interrupt comes after a call, so a descriptor is closed by then.
        self.stopped = True
        if self.how == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == INTERRUPT:
            raise KeyboardInterrupt
        assert isinstance(self.how, int)
        raise OSError(self.how, os.strerror(self.how), name)


def in_a_child(body: Callable[[], None]) -> int:
    """Run a body in a child process; return its exit status, negative for a signal."""
    with warnings.catch_warnings():
        # Test runners have threads, which the child does not use.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 99
        try:
            body()
            status = 0
        except HandoffError:
            status = 1
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _use(system: Any) -> None:
    """Let the modules that write use this in place of `os`."""
    vars(apply)["os"] = vars(tree)["os"] = system


def accept(
    root: Path, state: Path, writes: Sequence[apply.Write], stopper: Stopper | None = None
) -> None:
    """Write as a run does: take the lock, end what is left, write."""
    _use(stopper or Stopper(0))
    try:
        with apply.exclusively(state):
            apply.finish_or_undo(root, state)
            apply.write_all(root, state, writes)
    finally:
        _use(os)


def settle(root: Path, state: Path, stopper: Stopper | None = None) -> apply.Settled:
    """End what is left, as the next run does."""
    _use(stopper or Stopper(0))
    try:
        with apply.exclusively(state):
            return apply.finish_or_undo(root, state)
    finally:
        _use(os)


def contents(root: Path) -> dict[str, bytes]:
    """Return every file below a folder, by path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def lay(root: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder hold exactly these files."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


FULL = errno.ENOSPC
