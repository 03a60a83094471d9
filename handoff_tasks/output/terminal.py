"""Print lines, tables and problems to the terminal."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING

from handoff_tasks.formats import redact
from handoff_tasks.formats.escape import escape, printable
from handoff_tasks.formats.words import and_more, duration, unseen
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from handoff_tasks.problems import Problem
    from handoff_tasks.record import CheckResult

# In bytes: a longer line of a check's output is shown in pieces.
_LONGEST_LINE = 16384
# GitHub's runner takes it for a command at the start of a line, also after blanks.
_COMMAND = re.compile(r"\A(\s*)::")
_LONGEST_LOG_LINE = 300
# Digits of a commit's name for people.
_SHORT = 12
# The columns that a row of the table of checks takes, if the names allow it.
_ROW = 80
_SHORTEST_REASON = 20
_SHOWN_OF_A_GROUP = 10
# In bytes: of a check's output no more is shown.
_MOST_SHOWN = 4 * 1024 * 1024
# The coloured words: bold green, bold red, green, red, red, yellow, cyan (ECMA-48, SGR).
_COLOURS = (
    (re.compile(r"(GO)  "), "1;32"),
    (re.compile(r"(NO-GO)  "), "1;31"),
    (re.compile(r"  [a-z][a-z0-9-]* +(passed) "), "32"),
    (
        re.compile(r"  [a-z][a-z0-9-]* +(failed|timed out|tool missing|interrupted|not run)\b"),
        "31",
    ),
    (re.compile(r"  (HP[0-9]{3}) "), "31"),
    (re.compile(r"  (HA[0-9]{3}) "), "33"),
    (re.compile(r" {8}(next:) "), "36"),
)
# The column where the text of a line starts: further lines of it are indented to there.
_INDENTS = (
    (re.compile(r" {8}next: "), 14),
    (re.compile(r"  H[PA][0-9]{3} "), 8),
    (re.compile(r"  (?:commit|checkout|evidence|report|draft|packet|sha256) +"), 12),
    (re.compile(r"  (?:signature|signers|receipt) +"), 13),
    (re.compile(r"  [A-Za-z ]{12}  (?=\S)"), 16),
    (re.compile(r"- |NO-GO  |GO  "), 2),
)
_DEEP = 8


class Output:
    """The standard output of a session; ``failure`` is why it could not be written, else None."""

    def __init__(self) -> None:
        self.failure: str | None = None

    def write(self, data: bytes) -> None:
        """Write bytes, whatever the encoding of standard output.

        After an error the run goes on without output. An error other than a closed pipe is
        reported on standard error and kept in ``failure``.
        """
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            # Python's buffer is then written there too, so that no later flush fails again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                self._report(error)

    def _report(self, error: OSError) -> None:
        self.failure = (
            f"standard output cannot be written: {error.strerror}; the run goes on without it"
            " (next: read the report beside the evidence, or run again with other output)"
        )
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{self.failure}\n")
            sys.stderr.flush()


_OUTPUT: ContextVar[Output] = ContextVar("output")


def open_output() -> Output:
    """Return the standard output of a session that starts; all functions here write to it."""
    output = Output()
    _OUTPUT.set(output)
    return output


def _output() -> Output:
    return _OUTPUT.get(None) or Output()


def say(line: str, *, wrap: bool = True) -> None:
    """Print one line.

    On a terminal its verdict, outcome or code is coloured, unless ``NO_COLOR`` is set
    (no-color.org), and with ``wrap`` it is broken between words at the width of the window. Text
    that a program or a file may take is not wrapped. A line from outside cannot be a command for
    GitHub's runner.
    """
    lines = [_COMMAND.sub(r"\1\\x3a:", line)]
    if is_terminal():
        if wrap:
            lines = wrap_line(lines[0], shutil.get_terminal_size().columns)
        if not os.environ.get("NO_COLOR"):
            lines[0] = _colour(lines[0])
    _output().write(("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))


def wrap_line(line: str, width: int) -> list[str]:
    """Return a line in pieces of at most ``width`` characters, broken between words.

    A longer word, such as a path, stays whole.
    """
    if len(line) <= width:
        return [line]
    line = line.rstrip()
    indent = _indent(line)
    pieces = []
    while len(line) > width:
        start = max(indent, len(line) - len(line.lstrip(" "))) + 1
        at = line.rfind(" ", start, width + 1)
        # A word that does not fit on the next line either stays where it is.
        if at < 0 or indent + len(line[at:].split(None, 1)[0]) > width:
            at = line.find(" ", max(at + 1, start))
        if at < 0:
            break
        pieces.append(line[:at].rstrip())
        line = " " * indent + line[at:].lstrip()
    return [*pieces, line]


def _indent(line: str) -> int:
    for pattern, indent in _INDENTS:
        if pattern.match(line):
            return indent
    blanks = len(line) - len(line.lstrip(" "))
    return blanks if blanks >= _DEEP else blanks + 2


def say_command(line: str) -> None:
    """Print one line that is a command for a CI service."""
    _output().write((line + "\n").encode("utf-8", "surrogateescape"))


def is_terminal() -> bool:
    """Return whether standard output is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


def _colour(line: str) -> str:
    for pattern, colour in _COLOURS:
        if match := pattern.match(line):
            start, end = match.span(1)
            return f"{line[:start]}\x1b[{colour}m{line[start:end]}\x1b[0m{line[end:]}"
    return line


class Lines:
    """Shows the output of a command while it runs, each line after the name of its check.

    Only whole lines are shown, so the output of checks that run side by side does not mix within a
    line. After the first 4 MiB one line says that the rest is in the log. ``secrets`` are masked.
    """

    def __init__(self, check: str, secrets: Sequence[str] = ()) -> None:
        self._output = _output()
        self._secrets = secrets
        self._prefix = f"{check} | ".encode()
        self._rest = b""
        self._room = _MOST_SHOWN

    def show(self, block: bytes) -> None:
        """Show the whole lines of the output so far."""
        if self._room <= 0:
            return
        self._room -= len(block)
        data = self._rest + block
        end = data.rfind(b"\n") + 1
        if not end and len(data) > _LONGEST_LINE:
            end = len(data)
        self._rest = data[end:]
        if end:
            self._show(data[:end])
        if self._room <= 0:
            self._rest = b""
            self.line("more output follows; from here on it is in the log only")

    def line(self, text: str) -> None:
        """Show a line that is not the command's."""
        self._show(text.encode("utf-8", "surrogateescape"))

    def close(self) -> None:
        """Show the unfinished line, if there is one."""
        if self._rest:
            self._show(self._rest)
        self._rest = b""

    def _show(self, data: bytes) -> None:
        body = redact.mask_bytes(data, self._secrets).replace(b"\r\n", b"\n").removesuffix(b"\n")
        body = escape(body).replace(b"\n", b"\n" + self._prefix)
        self._output.write(self._prefix + body + b"\n")


class LogLines(Lines):
    """Shows the lines about a command; what the command prints is only in its log."""

    def show(self, block: bytes) -> None:
        """Show nothing."""


class NoLines(LogLines):
    """Shows nothing, because something else is printed."""

    def line(self, text: str) -> None:
        """Show nothing."""


def near(path: Path, here: Path) -> str:
    """Return a path relative to the folder ``here``, or the whole path if that is shorter."""
    relative = os.path.relpath(path, here)
    return relative if len(relative) < len(str(path)) else str(path)


def checks(results: Sequence[CheckResult]) -> list[str]:
    """Return the table of checks: name, outcome, time, and the reason of a failure.

    What checks did not see follows.
    """
    rows = []
    for result in results:
        took = duration(result.record.duration_ms, tenths=True) if result.record else ""
        rows.append((result.id, result.outcome.words, took))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = []
    for result, (name, outcome, took) in zip(results, rows, strict=True):
        line = f"  {name:<{widths[0]}}  {outcome:<{widths[1]}}  {took:>{widths[2]}}"
        note = ""
        if result.outcome is Outcome.FAILED:
            note = _cut(_first_reason(result), max(_ROW - len(line) - 2, _SHORTEST_REASON))
        elif result.is_reused and result.record:
            note = f"kept, ran {result.record.started_at_utc}"
            if result.ignores:
                note += f" on {result.record.binding.commit[:_SHORT]}"
        lines.append(f"{line}  {note}".rstrip())
    return lines + unseen_lines((result.id, result.ignores) for result in results)


def unseen_lines(checks: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Return a line for each list of files that checks did not see, with these checks."""
    return [printable(f"  without {files}: {names}") for files, names in unseen(checks)]


def describe(result: CheckResult) -> str:
    """Return in a few words why a check did not pass: ``contract-parity failed (exit code 1)``."""
    reason = _cut(_first_reason(result), _ROW // 2)
    return f"{result.id} {result.outcome.words}" + (f" ({reason})" if reason else "")


def _first_reason(result: CheckResult) -> str:
    """Return the first of a check's reasons; its problem has all of them."""
    return printable((result.reason or "").split("; ")[0])


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}\u2026"


def findings(title: str, problems: Iterable[Problem]) -> list[str]:
    """Return problems or advisories as lines.

    Of those with the same code and hint at most ten are shown, and the hint once below them.
    """
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in sorted(problems):
        groups.setdefault((problem.code, problem.hint), []).append(problem)
    lines = ["", title] if groups else []
    for (code, hint), group in groups.items():
        # An eleventh takes the line that would count it.
        number = len(group) if len(group) <= _SHOWN_OF_A_GROUP + 1 else _SHOWN_OF_A_GROUP
        for problem in group[:number]:
            place, message = printable(problem.where), printable(problem.message)
            lines.append(f"  {code} {place}: {message}")
        if number < len(group):
            lines.append(f"  {code} {and_more(len(group) - number)} with the same next step")
        lines.append(f"        next: {printable(hint)}")
    return lines


def log_end(check: str, lines: Sequence[str], path: Path) -> list[str]:
    """Return the last lines of a check's log, cut to 300 characters each."""
    shown = []
    for line in map(printable, lines):
        end = "…" if len(line) > _LONGEST_LOG_LINE else ""
        shown.append(f"  {check} | {line[:_LONGEST_LOG_LINE]}{end}")
    return ["", f"{check}: the end of its log ({path.name})", *shown]
