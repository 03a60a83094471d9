"""Run the checks of a handoff in parallel nox processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import process as checks_process
from handoff_tasks.checks.watcher import Watcher
from handoff_tasks.problems import unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from handoff_tasks.checks.evidence import EvidenceFolder
    from handoff_tasks.producer.profile import Check

# An interrupt that takes no longer needs no word that it was heard.
_SILENT_SECONDS = 1.0
# What the user set for the outer nox and must not choose sessions, interpreters or parallelism for ours.
_OUTER = ("NOXSESSION", "NOXPYTHON", "NOXEXTRAPYTHON", "NOXFORCEPYTHON", "NOX_PARALLEL")


def plan(checks: Sequence[Check], jobs: int) -> list[list[str]]:
    """Return lanes, side by side, of sessions, one after the other: at most ``jobs``, and one for the checks that must be alone.

    Checks are dealt out by how long they are expected to take: the longest first, each to the lane with least to do. A lane runs
    the short ones first, so that what they find is known while the long ones go on, and else keeps the profile's order. The lane
    of those that must be alone waits for its turn in the checkout. A lane is one nox process, since to start one takes longer
    than many a check.
    """
    if jobs == 1:
        return [[check.session for check in checks]]
    shared = [check for check in checks if not check.alone]
    lanes: list[list[Check]] = [[] for _ in range(min(jobs, len(shared)))]
    for check in sorted(shared, key=lambda check: -check.expected_seconds):
        min(lanes, key=lambda lane: sum(other.expected_seconds for other in lane)).append(check)
    in_turn = sorted(checks, key=lambda check: check.expected_seconds)
    lanes = [*(sorted(lane, key=in_turn.index) for lane in lanes), [check for check in checks if check.alone]]
    return [[check.session for check in lane] for lane in lanes if lane]


def run(
    lanes: Sequence[Sequence[str]],
    *,
    noxfile: Path,
    envdir: Path,
    words: Sequence[str],
    folder: EvidenceFolder,
    say: Callable[[str], None],
    look: Callable[[], None] | None,
) -> str | None:
    """Run what `plan` says; return the name of the signal that interrupted us, None when none did.

    ``words`` go after ``--``. What nox itself says goes to ``lane-<n>.nox.log`` in ``folder``. An interrupt is passed
    on to the lanes, which end their commands and leave their records. If we are killed, the lanes are killed too, with all that
    they have started; if a lane is killed, so is what it had started. A lane has a process group of its own, so Ctrl-Z stops us
    and not the lanes: the checks go on, and their time limits stay true.

    ``look`` is called many times a second while they run; with None instead, the lanes write the output of their checks to our
    standard output. Raises `HandoffError` (HP080) when that folder cannot be written; what was started is ended then, as it is
    when ``look`` or ``say`` raises.

    After an interrupt the logs are called ``lane-<n>.nox.interrupted``: what a Python that is still starting says to a signal is a
    traceback, and explains no check.
    """
    for old in folder.path.glob("lane-*.nox.interrupted"):
        old.unlink(missing_ok=True)
    running: list[subprocess.Popen[bytes]] = []
    with checks_process.noted() as signals, Watcher() as watcher:
        try:
            for number, lane in enumerate(lanes, 1):
                if signals:
                    break
                log = folder.lane_log(number)
                running.append(_start(lane, noxfile, envdir, words, log, quiet=look is not None))
                watcher.watch(running[-1].pid)
            while not signals and _reap(running, watcher):
                if look is not None:
                    look()
                time.sleep(0.005)
        except BaseException:
            # Whatever it is, nothing that was started goes on without us.
            _stop(running, signal.SIGTERM, watcher, say)
            raise
        if signals:
            _stop(running, signals[0], watcher, say)
            for log in folder.lane_logs():
                with contextlib.suppress(OSError):
                    log.replace(log.with_suffix(".interrupted"))
    return signal.Signals(signals[0]).name if signals else None


def _start(
    sessions: Sequence[str], noxfile: Path, envdir: Path, words: Sequence[str], chatter: Path, *, quiet: bool
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--envdir", str(envdir), "--no-stop-on-first-error"]
    environment = {name: value for name, value in os.environ.items() if name not in _OUTER}
    if not _is_looked_in(noxfile.parent):
        # Else Python looks among the files beside the noxfile first: a queue.py there is none of its modules. Not by -P, since nox
        # starts a Python there itself, which makes the environments.
        environment["PYTHONSAFEPATH"] = "1"
    try:
        log = files.stream(chatter)
    except OSError as error:
        raise unwritable(chatter, error) from None
    with log:
        # A group of its own: Ctrl-C reaches us alone, and each of them once, from us.
        return subprocess.Popen(
            [*command, "--sessions", *sessions, "--", *words],
            cwd=noxfile.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if quiet else None,
            stderr=log,
            process_group=0,
        )


def _is_looked_in(folder: Path) -> bool:
    """Tell whether our own Python finds modules in a folder: a noxfile that imports one from there is read in the lanes too."""
    return any(os.path.realpath(entry) == os.path.realpath(folder) for entry in sys.path)


def _reap(running: list[subprocess.Popen[bytes]], watcher: Watcher) -> bool:
    """Drop the lanes that have ended, after killing what one has left in its group; return whether any still runs."""
    for process in list(running):
        if process.poll() is not None:
            checks_process.signal_group(process.pid, signal.SIGKILL)
            watcher.release(process.pid)
            running.remove(process)
    return bool(running)


def _stop(running: list[subprocess.Popen[bytes]], number: int, watcher: Watcher, say: Callable[[str], None]) -> None:
    """Pass a signal on to the lanes and wait until they have ended; kill those that do not end in time."""
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
    start = time.monotonic()
    told = False
    while _reap(running, watcher):
        waited = time.monotonic() - start
        # A command takes so long at most, if its own limit had just begun to end it.
        if waited > checks_process.GRACE_SECONDS + checks_process.KILL_SECONDS + 2:
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        elif waited > _SILENT_SECONDS and not told:
            told = True
            say("ending the checks that run")
        time.sleep(0.005)
