"""Show the progress of the running checks."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from handoff_tasks.formats import escape
from handoff_tasks.formats.words import seconds
from handoff_tasks.model import Outcome, Record
from handoff_tasks.output import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from rich.console import RenderableType
    from rich.live import Live

    from handoff_tasks.checks.evidence import EvidenceFolder

WAITING, RUNNING, KEPT = "waiting", "running", "kept"
_STYLES = {WAITING: "dim", RUNNING: "cyan", KEPT: "green", Outcome.PASSED: "green"}
_LINES_ELSEWHERE = 3


class Board(Protocol):
    """Shows how the checks of a run get on."""

    def look(self) -> None:
        """Look at the evidence and show what has changed."""

    def close(self) -> None:
        """Look a last time; nothing of it stays on a terminal, since the last screen says it all."""


@dataclass(slots=True, kw_only=True)
class Line:
    """One check as it is seen: ``state`` is waiting, running, kept or an outcome; times in seconds, monotonic."""

    check: str
    state: str = WAITING
    since: float = 0.0
    took: str = ""
    said: str = ""


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What the evidence folder says of each check of a run."""

    folder: EvidenceFolder
    lines: list[Line]
    begun: float = field(default_factory=time.monotonic)

    def changed(self) -> list[Line]:
        """Look at what is not done yet; return the checks that have started or ended since the last look, started ones first."""
        started, ended = [], []
        for line in self.lines:
            if line.state == WAITING and self.folder.log(line.check).exists():
                line.state, line.since = RUNNING, time.monotonic()
                started.append(line)
            if line.state in (WAITING, RUNNING) and self.folder.record(line.check).exists():
                found = self.folder.read_record(line.check)
                if isinstance(found, Record):
                    line.state, line.took, line.said = found.outcome, seconds(found.duration_ms), found.reason or ""
                    ended.append(line)
        return [*(line for line in started if line not in ended), *ended]

    @property
    def done(self) -> int:
        """How many checks are done, or kept."""
        return sum(line.state not in (WAITING, RUNNING) for line in self.lines)


def board(folder: EvidenceFolder, checks: Sequence[str], kept: frozenset[str]) -> Board:
    """Return the board of a run whose evidence appears in ``folder``: a live one where standard output is a terminal."""
    lines = [Line(check=check, state=KEPT if check in kept else WAITING) for check in checks]
    seen = _Seen(folder=folder, lines=lines)
    return _LiveBoard(seen) if terminal.is_terminal() else _PlainBoard(seen)


class _PlainBoard:
    """Prints a line when a check ends."""

    def __init__(self, seen: _Seen) -> None:
        self._seen = seen
        to_run = len(seen.lines) - seen.done
        terminal.say(f"{to_run} of {len(seen.lines)} checks to run; their output goes to their logs (--show-output shows it)")

    def look(self) -> None:
        done = self._seen.done
        for line in self._seen.changed():
            if line.state == RUNNING:
                continue
            done += 1
            reason = f": {escape.printable(line.said)}" if line.said else ""
            between = "in" if line.state == Outcome.PASSED else "after"
            state = line.state.replace("_", " ")
            terminal.say(f"{line.check}: {state} {between} {line.took}{reason} ({done} of {len(self._seen.lines)})")

    def close(self) -> None:
        self.look()


class _LiveBoard:
    """Redraws a line for each check, with what its command said last, and one for all.

    On Ctrl-Z it takes its lines away, and after ``fg`` it starts anew below what the shell has written meanwhile. While the run is
    in the background it draws nothing. The checks go on all the time: their processes are not the terminal's.
    """

    def __init__(self, seen: _Seen) -> None:
        self._seen = seen
        self._live: Live | None = None
        self._drawn = 0.0
        self._to_stop = self._continued = False
        self._handlers = {
            number: signal.signal(number, self._note)
            for number in (signal.SIGTSTP, signal.SIGCONT)
            if signal.getsignal(number) is signal.SIG_DFL
        }

    def _note(self, number: int, _frame: FrameType | None) -> None:
        """Note that we shall stop, or were stopped; no drawing is cut in the middle."""
        if number == signal.SIGTSTP:
            self._to_stop = True
        else:
            self._continued = True

    def look(self) -> None:
        if self._to_stop:
            self._stop()
        if self._continued:
            # After SIGSTOP, or in the background, our lines are no longer where we left them: they stay as they are.
            self._live, self._drawn, self._continued = None, 0.0, False
        if time.monotonic() - self._drawn < 0.1:
            return
        self._seen.changed()
        if not _in_foreground():
            self._live = None
            self._drawn = time.monotonic()
            return
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            # Not redirected: one that is left behind shall hold nothing.
            self._live = Live(
                console=Console(highlight=False),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(self._drawing(self._live.console.height), refresh=True)
        self._drawn = time.monotonic()

    def close(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._live is not None and not self._continued and _in_foreground():
            self._live.stop()

    def _stop(self) -> None:
        """Take our lines away and stop as the terminal asked; return when we are continued."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._to_stop = False
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, ours)

    def _drawing(self, height: int) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        lines, more = _shown(self._seen.lines, max(height - _LINES_ELSEWHERE, 1))
        table = Table.grid(padding=(0, 2), expand=True)
        for width in (max((len(line.check) for line in lines), default=0) + 2, len(Outcome.TOOL_MISSING), len("59 min 59 s")):
            table.add_column(no_wrap=True, min_width=width)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for line in lines:
            took, said = line.took, line.said
            if line.state == RUNNING:
                took = seconds(int((time.monotonic() - line.since) * 1000))
                said = "".join(self._seen.folder.tail(line.check, 1))
            state = Text(line.state.replace("_", " "), style=_STYLES.get(line.state, "red"))
            table.add_row(Text(f"  {line.check}"), state, Text(took, justify="right"), Text(escape.printable(said), style="dim"))
        elapsed = seconds(int((time.monotonic() - self._seen.begun) * 1000))
        rest = Text(f"  and {more} more" if more else "")
        return Group(
            table, *([rest] if more else []), Text(f"\n  {self._seen.done} of {len(self._seen.lines)} checks done, {elapsed}")
        )


def _in_foreground() -> bool:
    """Return whether what we draw does not go between the lines of a shell that runs us in the background."""
    try:
        return os.tcgetpgrp(sys.stdout.fileno()) == os.getpgrp()
    except OSError:
        # It is not the terminal that controls us, so no shell is there.
        return True


def _shown(lines: Sequence[Line], room: int) -> tuple[list[Line], int]:
    """Return the checks that there is room for, and how many more of them are left out.

    All of them, or those that somebody waits for, and then those that somebody will have to look at.
    """
    if len(lines) <= room:
        return list(lines), 0
    running = [line for line in lines if line.state == RUNNING]
    failed = [line for line in lines if line.state not in (WAITING, RUNNING, KEPT, Outcome.PASSED)]
    found = [*running, *failed]
    if len(found) <= room:
        return found, 0
    shown = found[: max(room - 1, 1)]
    return shown, len(found) - len(shown)
