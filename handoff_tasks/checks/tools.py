"""Find the tools of a check, and ask them for their versions."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from handoff_tasks.checks import process as checks_process
from handoff_tasks.checks.process import KILL_SECONDS
from handoff_tasks.checks.watcher import Watcher
from handoff_tasks.model import UMASK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import IO

_ANSWER = 65536


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
    with contextlib.ExitStack() as stack:
        stack.enter_context(checks_process.subreaper())
        watcher = stack.enter_context(Watcher()) if questions else None
        before = checks_process.list_children()
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
                if watcher:
                    watcher.watch(process.pid)
        deadline = time.monotonic() + timeout
        try:
            while time.monotonic() < deadline and any(process.poll() is None for process, _ in running.values()):
                time.sleep(0.002)
        finally:
            ended = {key: process.poll() is not None for key, (process, _) in running.items()}
            for process, _ in running.values():
                checks_process.signal_group(process.pid, signal.SIGKILL)
            deadline = time.monotonic() + KILL_SECONDS
            for process, _ in running.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
            # Whoever left a server behind has left it to us: it does not live on beside the command.
            checks_process.end_orphans(before)
        for key, (process, said) in running.items():
            said.seek(0)
            text = said.read(_ANSWER).decode("utf-8", "replace")
            found[key] = (process.returncode, text) if ended[key] else (None, f"no answer within {timeout:.0f} s")
    return found
