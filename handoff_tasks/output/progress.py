"""Show the progress of the running checks."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from handoff_tasks.formats.escape import printable
from handoff_tasks.formats.words import and_more, duration
from handoff_tasks.output import terminal
from handoff_tasks.record import Outcome, Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from rich.console import RenderableType
    from rich.live import Live
    from rich.table import Table

    from handoff_tasks.checks.evidence import EvidenceFolder

WAITING, RUNNING, KEPT = "waiting", "running", "kept"
_STYLES = {WAITING: "dim", RUNNING: "cyan", KEPT: "green", Outcome.PASSED: "green"}
_OTHER_LINES = 3


class Board(Protocol):
    """Shows the progress of the checks of a run."""

    def look(self) -> None:
        """Read the evidence and show what has changed."""

    def close(self) -> None:
        """Show the last changes; a live board is then removed from the terminal."""


@dataclass(slots=True, kw_only=True)
class Line:
    """One check on a board.

    ``state`` is waiting, running, kept or an outcome, ``since`` its start in seconds (monotonic),
    and ``took`` its duration in words.
    """

    check: str
    state: str = WAITING
    since: float = 0.0
    took: str = ""
    reason: str = ""

    @property
    def done(self) -> bool:
        """Whether the check is kept or has ended."""
        return self.state not in (WAITING, RUNNING)


@dataclass(slots=True, kw_only=True)
class _Progress:
    """The progress of a run's checks, as their evidence folder shows it."""

    folder: EvidenceFolder
    lines: list[Line]
    start: float = field(default_factory=time.monotonic)

    def update(self) -> list[Line]:
        """Read the evidence; return the checks that have started, then those that have ended."""
        started, ended = [], []
        for line in self.lines:
            if line.state == WAITING and self.folder.log(line.check).exists():
                line.state, line.since = RUNNING, time.monotonic()
                started.append(line)
            if not line.done and (self.folder.record(line.check)).exists():
                record = self.folder.read_record(line.check)
                if isinstance(record, Record):
                    line.state, line.reason = record.outcome, record.reason or ""
                    line.took = duration(record.duration_ms, tenths=True)
                    ended.append(line)
        return [*(line for line in started if line not in ended), *ended]

    @property
    def done(self) -> int:
        """The number of checks that are kept or have ended."""
        return sum(line.done for line in self.lines)


def open_board(folder: EvidenceFolder, checks: Sequence[str], kept: frozenset[str]) -> Board:
    """Return the board of a run with evidence in ``folder``: a live one on a terminal."""
    lines = [Line(check=check, state=KEPT if check in kept else WAITING) for check in checks]
    progress = _Progress(folder=folder, lines=lines)
    return _LiveBoard(progress) if terminal.is_terminal() else _PlainBoard(progress)


class _PlainBoard:
    """Prints a line when a check ends."""

    def __init__(self, progress: _Progress) -> None:
        self._progress = progress
        to_run = len(progress.lines) - progress.done
        terminal.say(
            f"{to_run} of {len(progress.lines)} checks to run;"
            " their output goes to their logs (--show-output shows it)"
        )

    def look(self) -> None:
        done = self._progress.done
        for line in self._progress.update():
            if not line.done:
                continue
            done += 1
            reason = f": {printable(line.reason)}" if line.reason else ""
            preposition = "in" if line.state == Outcome.PASSED else "after"
            outcome = f"{line.state.replace('_', ' ')} {preposition} {line.took}{reason}"
            terminal.say(f"{line.check}: {outcome} ({done} of {len(self._progress.lines)})")

    def close(self) -> None:
        self.look()


class _LiveBoard:
    """Redraws a line for each check, with the last line of its output, and one for all.

    On Ctrl-Z it removes its lines, and after ``fg`` it starts again below the output of the shell.
    While the run is in the background it draws nothing. The checks go on: their processes do not
    belong to the terminal.
    """

    def __init__(self, progress: _Progress) -> None:
        self._progress = progress
        self._live: Live | None = None
        self._last_drawing = 0.0
        self._to_stop = self._continued = False
        self._handlers = {
            number: signal.signal(number, self._note)
            for number in (signal.SIGTSTP, signal.SIGCONT)
            if signal.getsignal(number) is signal.SIG_DFL
        }

    def _note(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal, which `look` handles between two drawings."""
        if number == signal.SIGTSTP:
            self._to_stop = True
        else:
            self._continued = True

    def look(self) -> None:
        if self._to_stop:
            self._stop()
        if self._continued:
            # The cursor has moved since the last drawing, so its lines stay as they are.
            self._live, self._last_drawing, self._continued = None, 0.0, False
        if time.monotonic() - self._last_drawing < 0.1:
            return
        self._progress.update()
        if _in_foreground():
            self._draw()
        else:
            self._live = None
        self._last_drawing = time.monotonic()

    def close(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._live is not None and not self._continued and _in_foreground():
            self._live.stop()

    def _stop(self) -> None:
        """Remove the lines and stop as the terminal asked; return when continued."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._to_stop = False
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, handler)

    def _draw(self) -> None:
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            # Standard streams are not redirected, so a display can be dropped at any time.
            self._live = Live(
                console=Console(highlight=False),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        self._live.update(self._render(self._live.console.height), refresh=True)

    def _render(self, height: int) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        lines, more = choose_lines(self._progress.lines, max(height - _OTHER_LINES, 1))
        parts: list[RenderableType] = [self._table(lines)]
        if more:
            parts.append(Text(f"  {and_more(more)}"))
        elapsed = _since(self._progress.start)
        total = len(self._progress.lines)
        parts.append(Text(f"\n  {self._progress.done} of {total} checks done, {elapsed}"))
        return Group(*parts)

    def _table(self, lines: Sequence[Line]) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2), expand=True)
        names = max((len(line.check) for line in lines), default=0) + 2
        for width in (names, len(Outcome.TOOL_MISSING), len("59 min 59 s")):
            table.add_column(no_wrap=True, min_width=width)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        for line in lines:
            took, note = line.took, line.reason
            if line.state == RUNNING:
                took = _since(line.since)
                note = "".join(self._progress.folder.tail(line.check, 1))
            table.add_row(
                Text(f"  {line.check}"),
                Text(line.state.replace("_", " "), style=_STYLES.get(line.state, "red")),
                Text(took, justify="right"),
                Text(printable(note), style="dim"),
            )
        return table


def _since(start: float) -> str:
    return duration(int((time.monotonic() - start) * 1000), tenths=True)


def _in_foreground() -> bool:
    """Return whether the board may draw: not while a shell runs it in the background."""
    try:
        return os.tcgetpgrp(sys.stdout.fileno()) == os.getpgrp()
    except OSError:
        # It is not the controlling terminal, so no shell uses it.
        return True


def choose_lines(lines: Sequence[Line], room: int) -> tuple[list[Line], int]:
    """Return the checks to show in ``room`` lines, and how many more are left out.

    If there is no room for all, these are the running checks and then those that did not pass.
    """
    if len(lines) <= room:
        return list(lines), 0
    running = [line for line in lines if line.state == RUNNING]
    failed = [line for line in lines if line.done and line.state not in (KEPT, Outcome.PASSED)]
    chosen = [*running, *failed]
    if len(chosen) <= room:
        return chosen, 0
    shown = chosen[: max(room - 1, 1)]
    return shown, len(chosen) - len(shown)
