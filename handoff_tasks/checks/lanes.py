"""Run the checks of a handoff in parallel nox processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import children
from handoff_tasks.checks.interrupts import note_signals
from handoff_tasks.checks.process import GRACE_SECONDS, KILL_SECONDS
from handoff_tasks.checks.waiter import Waiter
from handoff_tasks.checks.watcher import Watcher
from handoff_tasks.problems import unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from handoff_tasks.checks.evidence import EvidenceFolder
    from handoff_tasks.producer.profile import Check

# How often the evidence is looked at while the lanes run.
_LOOK_SECONDS = 0.1
# An interrupt that takes no longer needs no message.
_SILENT_SECONDS = 1.0
# A command takes this long at most, if its own time limit had just begun to end it.
_STOP_SECONDS = GRACE_SECONDS + KILL_SECONDS + 2
# What the user set for the outer nox must not choose sessions, interpreters or jobs for ours.
# Keys, passphrases and agents are only for the sessions that sign.
_OUTER = (
    *("NOXSESSION", "NOXPYTHON", "NOXEXTRAPYTHON", "NOXFORCEPYTHON", "NOX_PARALLEL"),
    *("HANDOFF_KEY_PASSPHRASE", "SSH_AGENT_PID", "SSH_AUTH_SOCK"),
)


def plan(checks: Sequence[Check], jobs: int) -> list[list[str]]:
    """Return lanes of sessions: lanes run side by side, the sessions of a lane in sequence.

    There are at most ``jobs`` lanes, and one more for the checks that must be alone, which waits
    for its turn in the checkout. A lane is one nox process, since starting one takes longer than
    many a check.

    Checks are dealt out by the time that they are expected to take: the longest first, each to the
    lane with the least to do. A lane runs the short ones first, so that their outcome is known
    early, and otherwise keeps the profile's order.
    """
    if jobs == 1:
        return [[check.session for check in checks]]
    shared = [check for check in checks if not check.alone]
    lanes: list[list[Check]] = [[] for _ in range(min(jobs, len(shared)))]
    for check in sorted(shared, key=lambda check: -check.expected_seconds):
        min(lanes, key=_expected_seconds).append(check)
    order = sorted(checks, key=lambda check: check.expected_seconds)
    lanes = [sorted(lane, key=order.index) for lane in lanes]
    lanes.append([check for check in checks if check.alone])
    return [[check.session for check in lane] for lane in lanes if lane]


def _expected_seconds(lane: Sequence[Check]) -> int:
    return sum(check.expected_seconds for check in lane)


def run(
    lanes: Sequence[Sequence[str]],
    *,
    noxfile: Path,
    envdir: Path,
    words: Sequence[str],
    folder: EvidenceFolder,
    say: Callable[[str], None],
    look: Callable[[], None] | None,
    meanwhile: Callable[[], None],
) -> str | None:
    """Run lanes; return the name of the signal that interrupted us, None if there was none.

    An interrupt is passed on to the lanes, which end their commands and leave their records. If we
    are killed, the lanes are killed with all that they have started; if a lane is killed, so is
    what it had started. A lane has a process group of its own, so Ctrl-Z stops us and not the
    lanes: the checks go on, and their time limits stay true.

    Args:
        lanes: Names of sessions, as `plan` returns them.
        noxfile: The noxfile that defines the sessions.
        envdir: The folder of nox's environments.
        words: The words after ``--``.
        folder: Gets nox's own output, as ``lane-<n>.nox.log``. After an interrupt these files are
            named ``lane-<n>.nox.interrupted``: a Python that is still starting answers a signal
            with a traceback, which explains no check.
        say: Prints a line.
        look: Is called ten times a second. If it is None, the lanes write the output of their
            checks to our standard output.
        meanwhile: Is called in a thread when the lanes have started; it must not start processes.

    Raises:
        HandoffError: HP080 if ``folder`` cannot be written; the lanes are ended then, as they are
            if ``look`` or ``say`` raises.
    """
    for old in folder.path.glob("lane-*.nox.interrupted"):
        old.unlink(missing_ok=True)
    with note_signals() as signals, Watcher() as watcher, Waiter() as waiter:
        waiter.add_file(signals)
        started = _Lanes(watcher, waiter)
        try:
            for number, lane in enumerate(lanes, 1):
                if signals:
                    break
                log = folder.lane_log(number)
                started.add(
                    _start(lane, noxfile, envdir, words, log, watcher, quiet=look is not None)
                )
            # Not before: a fork beside other threads can hang.
            threading.Thread(target=meanwhile, daemon=True).start()
            while not signals and started.reap():
                if look is not None:
                    look()
                waiter.wait(_LOOK_SECONDS)
        except BaseException:
            # Whatever it is, what was started does not go on without us.
            started.stop(signal.SIGTERM, say)
            raise
        if not signals:
            return None
        waiter.remove_file(signals)
        started.stop(signals.numbers[0], say)
        for log in folder.lane_logs():
            with contextlib.suppress(OSError):
                log.replace(log.with_suffix(".interrupted"))
        return signals.name


def _start(
    sessions: Sequence[str],
    noxfile: Path,
    envdir: Path,
    words: Sequence[str],
    log: Path,
    watcher: Watcher,
    *,
    quiet: bool,
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--envdir", str(envdir)]
    environment = {name: value for name, value in os.environ.items() if name not in _OUTER}
    if not _is_import_folder(noxfile.parent):
        # Otherwise a queue.py beside the noxfile would hide Python's own. Not by -P, since nox
        # starts a Python there itself, which makes the environments.
        environment["PYTHONSAFEPATH"] = "1"
    try:
        file = files.stream(log)
    except OSError as error:
        raise unwritable(log, error) from None
    with file:
        # With a group of its own, Ctrl-C reaches us alone, and each lane once, from us.
        return subprocess.Popen(
            [*command, "--no-stop-on-first-error", "--sessions", *sessions, "--", *words],
            cwd=noxfile.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if quiet else None,
            stderr=file,
            process_group=0,
            preexec_fn=watcher.announce,  # noqa: PLW1509 - it takes no lock
        )


def _is_import_folder(folder: Path) -> bool:
    """Return whether our own Python finds modules in a folder.

    A noxfile that imports one from there must find it in the lanes too.
    """
    place = os.path.realpath(folder)
    return any(os.path.realpath(entry) == place for entry in sys.path)


@dataclass(slots=True)
class _Lanes:
    """The nox processes that run."""

    watcher: Watcher
    waiter: Waiter
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Add a process that was started."""
        self.processes.append(process)
        self.waiter.add_process(process.pid)

    def reap(self) -> bool:
        """Drop those that have ended and kill the rest of their groups; return whether one runs."""
        for process in list(self.processes):
            if process.poll() is not None:
                children.signal_group(process.pid, signal.SIGKILL)
                self.watcher.release(process.pid)
                self.waiter.remove_process(process.pid)
                self.processes.remove(process)
        return bool(self.processes)

    def stop(self, number: int, say: Callable[[str], None]) -> None:
        """Pass a signal on and wait for the end; kill those that do not end in time."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
        start = time.monotonic()
        is_announced = False
        while self.reap():
            duration = time.monotonic() - start
            if duration > _STOP_SECONDS:
                for process in self.processes:
                    children.signal_group(process.pid, signal.SIGKILL)
            elif duration > _SILENT_SECONDS and not is_announced:
                is_announced = True
                say("ending the checks that run")
            self.waiter.wait(_LOOK_SECONDS)
