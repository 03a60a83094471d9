"""What people see: output of checks line by line under the check's name, problems, and the end of a run.

Writes to standard output and decides nothing. What comes from outside is written so that no terminal and no CI service obeys it.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TYPE_CHECKING

from handoff_tasks import masks
from handoff_tasks.harmless import escape, printable
from handoff_tasks.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from handoff_tasks.errors import Problem
    from handoff_tasks.model import CheckResult

_LONGEST_LINE = 16384
# What the runner obeys at the start of a line, blanks or not.
_COMMAND = re.compile(r"\A(\s*)::")
_LONGEST_END = 300
_LONGEST_REASON = 80
_MOST_SHOWN = 4 * 1024 * 1024
# What a line of ours says, and how that is coloured: bold green, bold red, green, red, red, yellow, cyan (ECMA-48, SGR).
_COLOURS = (
    (re.compile(r"(GO)  "), "1;32"),
    (re.compile(r"(NO-GO)  "), "1;31"),
    (re.compile(r"  [a-z][a-z0-9-]* +(passed) "), "32"),
    (re.compile(r"  [a-z][a-z0-9-]* +(failed|timed out|tool missing|interrupted|not run)\b"), "31"),
    (re.compile(r"  (HP[0-9]{3}) "), "31"),
    (re.compile(r"  (HA[0-9]{3}) "), "33"),
    (re.compile(r" {8}(next:) "), "36"),
)


def say(line: str) -> None:
    """Print one line of ours; on a terminal its verdict, outcome or code is coloured, unless ``NO_COLOR`` is set (no-color.org).

    Should a word from outside stand first in it, GitHub's runner takes it for no command.
    """
    line = _COMMAND.sub(r"\1\\x3a:", line)
    if is_terminal() and not os.environ.get("NO_COLOR"):
        line = _coloured(line)
    _out((line + "\n").encode("utf-8", "surrogateescape"))


def command(line: str) -> None:
    """Print one line that a CI service shall obey."""
    _out((line + "\n").encode("utf-8", "surrogateescape"))


def is_terminal() -> bool:
    """Tell whether standard output is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


def _coloured(line: str) -> str:
    for pattern, colour in _COLOURS:
        if found := pattern.match(line):
            start, end = found.span(1)
            return f"{line[:start]}\x1b[{colour}m{line[start:end]}\x1b[0m{line[end:]}"
    return line


_lost: list[str] = []


def lost() -> str | None:
    """Return why what was to be seen could not be written, as on a full disk; None when it could, or nobody wanted to see it."""
    return _lost[0] if _lost else None


def _out(data: bytes) -> None:
    """Write bytes to standard output, whatever its encoding. When nobody reads it any more, the run goes on unseen.

    That it cannot be written is said once on standard error; `lost` tells it to whoever ends the session.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        # What waits in Python's buffer goes there too, and no later flush fails again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            why = f"standard output cannot be written: {error.strerror}; the run goes on unseen"
            _lost.append(f"{why} (next: read the report beside the evidence, or call again with the output sent elsewhere)")
            with contextlib.suppress(OSError):
                sys.stderr.write(f"{_lost[0]}\n")
                sys.stderr.flush()


class Lines:
    """Shows a command's output as it comes, each line under the check's name, whole lines at a time.

    So the output of checks that run side by side mixes by lines only, and no line of it starts with a word of its own choice. What
    comes after the first 4 MiB nobody reads as it passes: it is in the log alone, and one line says so. ``secrets`` are masked.
    """

    def __init__(self, check: str, secrets: Sequence[str] = ()) -> None:
        self._secrets = secrets
        self._prefix = f"{check} | ".encode()
        self._rest = b""
        self._room = _MOST_SHOWN

    def show(self, block: bytes) -> None:
        """Show the whole lines in what has come so far."""
        if self._room <= 0:
            return
        self._room -= len(block)
        data = self._rest + block
        end = data.rfind(b"\n") + 1
        if not end and len(data) > _LONGEST_LINE:
            end = len(data)
        self._rest = data[end:]
        if end:
            self._write(data[:end])
        if self._room <= 0:
            self._rest = b""
            self.line("more output follows; from here on it is in the log only")

    def line(self, text: str) -> None:
        """Show a line of our own."""
        self._write(text.encode("utf-8", "surrogateescape"))

    def close(self) -> None:
        """Show what is left of an unfinished line."""
        if self._rest:
            self._write(self._rest)
        self._rest = b""

    def _write(self, data: bytes) -> None:
        body = masks.mask_bytes(data, self._secrets).replace(b"\r\n", b"\n").removesuffix(b"\n")
        body = escape(body).replace(b"\n", b"\n" + self._prefix)
        _out(self._prefix + body + b"\n")


def seconds(milliseconds: int) -> str:
    """Return a duration as people say it: ``0.3 s``, ``2 min 5 s``."""
    if milliseconds < 60_000:
        return f"{milliseconds // 100 / 10:.1f} s"
    return f"{milliseconds // 60_000} min {milliseconds % 60_000 // 1000} s"


def checks(results: Sequence[CheckResult]) -> list[str]:
    """Return the table of checks: name, outcome, time, log in the evidence folder, and what else there is to say."""
    width = max([len(result.id) for result in results], default=0)
    lines = []
    for result in results:
        took = seconds(result.record.duration_ms) if result.record else ""
        log = result.record.log.file if result.record and result.record.log else ""
        # Of several reasons the first; all of them stand with the problems.
        more = (result.reason or "").split("; ")[0][:_LONGEST_REASON] if result.outcome is Outcome.FAILED else ""
        if result.kept and result.record:
            more = f"kept, ran at {result.record.started_at_utc}"
        outcome = result.outcome.replace("_", " ") if result.outcome is not Outcome.PASSED else "passed"
        lines.append(f"  {result.id:<{width}}  {outcome:<12}  {took:>12}  {log:<{width + 4}}  {more}".rstrip())
    return lines


def findings(title: str, found: Iterable[Problem]) -> list[str]:
    """Return problems or advisories as lines; a hint that several share is said once, under the last of them."""
    ordered = sorted(found)
    if not ordered:
        return []
    lines = ["", title]
    for number, one in enumerate(ordered):
        lines.append(f"  {one.code} {printable(one.where)}: {printable(one.message)}")
        following = ordered[number + 1] if number + 1 < len(ordered) else None
        if following is None or following.hint != one.hint:
            lines.append(f"        next: {printable(one.hint)}")
    return lines


def log_end(check: str, lines: Sequence[str], path: Path) -> list[str]:
    """Return the last lines of a failed check's log, none longer than anybody reads."""
    shown = [f"  {check} | {line[:_LONGEST_END]}{'…' * (len(line) > _LONGEST_END)}" for line in map(printable, lines)]
    return ["", f"{check}: the end of its log ({path})", *shown]
