"""Wait for output, signals and the end of processes at once."""

from __future__ import annotations

import contextlib
import os
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from _typeshed import FileDescriptorLike

SHORTEST_PAUSE = 0.001
LONGEST_PAUSE = 0.05


def next_pause(pause: float) -> float:
    """Return the pause, in seconds, that follows ``pause`` when polling."""
    return min(pause * 1.5, LONGEST_PAUSE)


class Waiter:
    """Waits until a file is readable or a process has ended.

    Without pidfds (macOS, Linux before 5.3) it returns after pauses of 1 to 50 ms instead, and
    the caller polls.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._descriptors: dict[int, int] = {}
        self._unseen = set[int]()
        self._pause = SHORTEST_PAUSE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._selector.close()
        for descriptor in self._descriptors.values():
            os.close(descriptor)

    def add_file(self, file: FileDescriptorLike) -> None:
        """Wait for this file too."""
        self._selector.register(file, selectors.EVENT_READ)

    def remove_file(self, file: FileDescriptorLike) -> None:
        """Wait for this file no longer."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(file)

    def add_process(self, process: int) -> None:
        """Wait for this child process too."""
        try:
            descriptor = os.pidfd_open(process)
        except (AttributeError, OSError):
            self._unseen.add(process)
            return
        self._descriptors[process] = descriptor
        self._selector.register(descriptor, selectors.EVENT_READ)

    def remove_process(self, process: int) -> None:
        """Wait for this process no longer; it must be called when it has ended."""
        self._unseen.discard(process)
        descriptor = self._descriptors.pop(process, None)
        if descriptor is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)

    def wait(self, seconds: float) -> None:
        """Wait until something happens, at most this long."""
        if self._unseen:
            seconds = min(seconds, self._pause)
        if self._selector.select(max(0.0, seconds)):
            self._pause = SHORTEST_PAUSE
        else:
            self._pause = next_pause(self._pause)
