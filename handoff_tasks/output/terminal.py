"""Print lines, tables and problems to the terminal."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

from handoff_tasks.formats import redact
from handoff_tasks.formats.escape import escape, printable
from handoff_tasks.formats.words import seconds
from handoff_tasks.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from handoff_tasks.model import CheckResult
    from handoff_tasks.problems import Problem

_LONGEST_LINE = 16384
# What the runner obeys at the start of a line, blanks or not.
_COMMAND = re.compile(r"\A(\s*)::")
_LONGEST_END = 300
# A row of the table of checks fits into this many columns where names allow it.
_ROW = 80
_SHORTEST_REASON = 20
_SHOWN_OF_A_KIND = 10
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
# How far the lines below a line that is too long are indented: to where its text starts.
_TEXT_STARTS = (
    (re.compile(r" {8}next: "), 14),
    (re.compile(r"  H[PA][0-9]{3} "), 8),
    (re.compile(r"  (?:commit|checkout|evidence|report|draft|packet|sha256) +"), 12),
    (re.compile(r"  [A-Za-z ]{12}  (?=\S)"), 16),
    (re.compile(r"- |NO-GO  |GO  "), 2),
)
_DEEP = 8


def say(line: str, *, wrap: bool = True) -> None:
    """Print one line of ours.

    On a terminal its verdict, outcome or code is coloured, unless ``NO_COLOR`` is set (no-color.org), and it is broken between
    words where the window ends, unless it is text that a program or a file may take (``wrap`` False). A word from outside that
    stands first in it is not a command to GitHub's runner.
    """
    lines = [_COMMAND.sub(r"\1\\x3a:", line)]
    if is_terminal():
        lines = wrapped(lines[0], shutil.get_terminal_size().columns) if wrap else lines
        if not os.environ.get("NO_COLOR"):
            lines[0] = _coloured(lines[0])
    _out(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))


def wrapped(line: str, width: int) -> list[str]:
    """Return a line in pieces of at most ``width`` characters, broken between words; a longer word, such as a path, stays whole."""
    if len(line) <= width:
        return [line]
    line = line.rstrip()
    blanks = len(line) - len(line.lstrip(" "))
    indent = next((size for pattern, size in _TEXT_STARTS if pattern.match(line)), blanks if blanks >= _DEEP else blanks + 2)
    pieces = []
    while len(line) > width:
        start = max(indent, len(line) - len(line.lstrip(" "))) + 1
        at = line.rfind(" ", start, width + 1)
        # A word that does not fit on a line of its own either stays where it is, and may be selected with a double click.
        if at < 0 or indent + len(line[at:].split(None, 1)[0]) > width:
            at = line.find(" ", max(at + 1, start))
        if at < 0:
            break
        pieces.append(line[:at].rstrip())
        line = " " * indent + line[at:].lstrip()
    return [*pieces, line]


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
        body = redact.mask_bytes(data, self._secrets).replace(b"\r\n", b"\n").removesuffix(b"\n")
        body = escape(body).replace(b"\n", b"\n" + self._prefix)
        _out(self._prefix + body + b"\n")


def near(path: Path, here: Path) -> str:
    """Return a path as it is typed in the folder ``here``: relative to it, unless the whole path is shorter."""
    relative = os.path.relpath(path, here)
    return relative if len(relative) < len(str(path)) else str(path)


def checks(results: Sequence[CheckResult]) -> list[str]:
    """Return the table of checks: name, outcome, time, and what else there is to say."""
    rows = [(result.id, outcome(result), seconds(result.record.duration_ms) if result.record else "") for result in results]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = []
    for result, (name, told, took) in zip(results, rows, strict=True):
        line = f"  {name:<{widths[0]}}  {told:<{widths[1]}}  {took:>{widths[2]}}"
        more = ""
        if result.outcome is Outcome.FAILED:
            more = _cut(_first_reason(result), max(_ROW - len(line) - 2, _SHORTEST_REASON))
        elif result.is_reused and result.record:
            more = f"kept, ran {result.record.started_at_utc}"
        lines.append(f"{line}  {more}".rstrip())
    return lines


def outcome(result: CheckResult) -> str:
    """Return a check's outcome in words."""
    return str(result.outcome).replace("_", " ")


def told(result: CheckResult) -> str:
    """Return in a few words what became of a check that did not pass: ``contract-parity failed (exit code 1)``."""
    reason = _cut(_first_reason(result), _ROW // 2)
    return f"{result.id} {outcome(result)}" + (f" ({reason})" if reason else "")


def _first_reason(result: CheckResult) -> str:
    """Return the first of a check's reasons; all of them stand with the problems."""
    return printable((result.reason or "").split("; ")[0])


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}\u2026"


def findings(title: str, found: Iterable[Problem]) -> list[str]:
    """Return problems or advisories as lines.

    Those of one code that share a hint stand together, at most ten of them, and the hint is said once, under the last of them.
    """
    groups: dict[tuple[str, str], list[Problem]] = {}
    for one in sorted(found):
        groups.setdefault((one.code, one.hint), []).append(one)
    lines = ["", title] if groups else []
    for (code, hint), group in groups.items():
        # One more line that says that there is one more saves nothing.
        shown = group if len(group) <= _SHOWN_OF_A_KIND + 1 else group[:_SHOWN_OF_A_KIND]
        lines += [f"  {one.code} {printable(one.where)}: {printable(one.message)}" for one in shown]
        lines += [f"  {code} and {len(group) - len(shown)} more with the same next step"] if len(shown) < len(group) else []
        lines.append(f"        next: {printable(hint)}")
    return lines


def log_end(check: str, lines: Sequence[str], path: Path) -> list[str]:
    """Return the last lines of a failed check's log, none longer than anybody reads; the log lies in the evidence folder."""
    shown = [f"  {check} | {line[:_LONGEST_END]}{'…' * (len(line) > _LONGEST_END)}" for line in map(printable, lines)]
    return ["", f"{check}: the end of its log ({path.name})", *shown]
