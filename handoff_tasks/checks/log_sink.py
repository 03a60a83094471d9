"""Take the output of a command: write its log, hash it, show it."""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LAST_LINE = 4096


class _Digests:
    """The sha256 of all output and of the part in the log.

    They are made in a thread of their own, since hashing slows down a loud command. It starts with
    the first block: a process is forked before that, and should be forked from one thread.
    """

    def __init__(self) -> None:
        self.output = hashlib.sha256()
        self.log = self.output
        # Bounded: a few blocks wait, never the whole output.
        self._blocks: queue.Queue[tuple[bytes, int] | None] = queue.Queue(maxsize=32)
        self._thread = threading.Thread(target=self._work, daemon=True)

    def take(self, block: bytes, size: int) -> None:
        """Add a block of output whose first ``size`` bytes are in the log."""
        if self._thread.ident is None:
            self._thread.start()
        self._blocks.put((block, size))

    def end(self) -> None:
        """Wait until all blocks are hashed."""
        if self._thread.ident is not None:
            self._blocks.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (item := self._blocks.get()) is not None:
            block, size = item
            if size < len(block) and self.log is self.output:
                # The log ends here, so the two digests differ from now on.
                self.log = self.output.copy()
                self.log.update(block[:size])
            self.output.update(block)


class LogSink:
    """Writes blocks of output to a log up to a limit in bytes, hashes and shows them.

    ``error`` is the `OSError` of the log or of ``show``; the caller ends the command then.
    """

    def __init__(self, file: IO[bytes], limit: int, show: Callable[[bytes], None]) -> None:
        self.output_size = self.log_size = 0
        self.error: OSError | None = None
        self._digests = _Digests()
        self._file, self._limit, self._show = file, limit, show
        self._tail = b""
        self._is_shown = True

    def take(self, block: bytes) -> None:
        """Take the next block of output."""
        self.output_size += len(block)
        part = block[: self._limit - self.log_size]
        self._digests.take(block, len(part))
        if part and self.error is None:
            try:
                self._file.write(part)
                # The log can be read while the command runs.
                self._file.flush()
            except OSError as error:
                self.error = error
        self.log_size += len(part)
        self._tail = (self._tail + block[-_LAST_LINE:])[-_LAST_LINE:]
        if self._is_shown:
            try:
                self._show(block)
            except OSError as error:
                self.error, self._is_shown = error, False

    def close(self) -> None:
        """Write the log to disk and finish the digests. Raises the `OSError` of a failed write."""
        self._digests.end()
        if self.error is not None:
            raise self.error
        self._file.flush()
        os.fsync(self._file.fileno())

    @property
    def output_sha256(self) -> str:
        """The digest of all output, after `close`."""
        return self._digests.output.hexdigest()

    @property
    def log_sha256(self) -> str:
        """The digest of the log, after `close`."""
        return self._digests.log.hexdigest()

    def last_line(self) -> str:
        """Return the last line of output that is not empty.

        Only a line feed ends a line. Of a line longer than 4 KiB the end is returned, after an
        ellipsis.
        """
        lines = self._tail.split(b"\n")
        for number in reversed(range(len(lines))):
            if lines[number].strip():
                line = lines[number].removesuffix(b"\r").decode("utf-8", "replace")
                is_cut = number == 0 and self.output_size > len(self._tail)
                return f"\u2026{line}" if is_cut else line
        return ""
