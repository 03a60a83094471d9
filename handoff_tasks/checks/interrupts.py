"""Turn signals that end a run into exceptions, or note them."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal asked us to stop; ``number`` and ``name`` are the signal's.

    It is a `KeyboardInterrupt`, so nox ends an installer that it runs for us, as after Ctrl-C.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = signal.Signals(number).name
        super().__init__(self.name)


class SignalNotes:
    """The signals that have arrived; true if there is one. Its file is readable then."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def __bool__(self) -> bool:
        return bool(self.numbers)

    @property
    def name(self) -> str:
        """The name of the first signal."""
        return signal.Signals(self.numbers[0]).name

    def fileno(self) -> int:
        """Return the descriptor that becomes readable with the first signal."""
        return self._read

    def add(self, number: int) -> None:
        """Note a signal."""
        self.numbers.append(number)
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"\0")

    def close(self) -> None:
        """Close the file."""
        os.close(self._read)
        os.close(self._write)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` for SIGINT, SIGTERM and SIGHUP inside the block."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(number)

    with _handlers(stop):
        yield


@contextlib.contextmanager
def note_signals() -> Iterator[SignalNotes]:
    """Note SIGINT, SIGTERM and SIGHUP inside the block without raising: no output is lost."""
    notes = SignalNotes()
    try:
        with _handlers(lambda number, _frame: notes.add(number)):
            yield notes
    finally:
        notes.close()


@contextlib.contextmanager
def _handlers(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Set the handler of SIGINT, SIGTERM and SIGHUP, and the default one of SIGCHLD.

    With an inherited "ignore" of SIGCHLD every command would seem to end with 0. An inherited
    "ignore" of SIGHUP is kept, since that is how nohup works.
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
