"""Choose the line of a log that explains a failure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

# The characters of a line that are looked at.
_LONGEST = 1000
_COLOUR = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z]|\(B)")
# Progress, successes and remarks, which may mention errors that did not happen.
_HARMLESS = re.compile(
    r"(?i)^\W*(?:ok|pass(?:ed)?|success|skip(?:ped)?|warn(?:ing)?|note|help|hint|info|debug"
    r"|trace)\b"
    r"|^\W*\[(?:check|step|start|run|done)\]|^\s*[✓✔√]|\.\.\. (?:ok|ignored)$"
    r"|^\s*(?:compiling|checking|downloading|downloaded|running|finished|fresh|doc-tests)\s"
)
# Summaries that say that something failed, but not what.
_SUMMARY = re.compile(
    r"^\W*error: (?:could not compile|aborting due to|test failed, to rerun"
    r"|doctest failed, to rerun|\d+ targets? failed"
    r"|process didn't exit successfully|build failed)"
    r"|^\s*FAIL(?:ED)?(?:$|\t| \()|^\s*✖ \d+ problems?\b|\bProcess completed with exit code\b"
)
# How a tool names the failure itself: at the start of a line, anywhere in it, or at its end.
_STARTS = re.compile(
    r"\W*(?:FAIL|FAILED|ERROR|FATAL)\b:?\s+\S"  # pytest, unittest, jest, vitest
    r"|\s*--- FAIL: "  # go test
    r"|\s*(?:E\s+)?[\w.]*(?:Error|Exception)(?: \[\w+\])?(?::|$)"  # Python, Node
    r"|E {3,}\S"  # pytest
    r"|Diff in "  # rustfmt
    r"|(?i:would reformat\b)"  # ruff format, black
    r"|not ok \d|\s*[●✕✖\xd7✗✘] "  # TAP, jest, node, vitest
    r"|\s*\d+:\d+\s+error\s"  # eslint
    r"|[^\s:]*\.[A-Za-z]\w*:\d+(?::\d+)?: (?!\s*(?i:warning|note|info)\b)"  # linters
)
_ANYWHERE = re.compile(
    r"(?i)\[\s*(?:fail(?:ed|ure)?|err(?:or)?|fatal)\s*\]"  # scripts
    r"|\b(?:error(?:\[[^\]]*\]| [A-Z]+\d+)?|fatal|panic): \S"  # cargo, mypy, git
    r"|\bpanicked at "  # Rust
)
_ENDS = (
    "command not found",
    "No such file or directory",
    "Permission denied",
    "No space left on device",
)
# The place of a diagnostic, below the line that says what is wrong: rustc, clippy, ruff.
_PLACE = re.compile(r"^\s*--> \S")
# A line that announces the line after it.
_ANNOUNCES = re.compile(r"\bpanicked at .*:$|^\s*(?:--- FAIL: |● )")
_GENERAL = re.compile(
    r"(?i)\b(?:errors?|fail(?:s|ed|ing|ures?)?|fatal|panic(?:s|ked)?|assert(?:ion)?s?"
    r"|violat(?:ed|ions?))\b"
)
# One of these is in each line that the expressions with words match; looking for it is faster.
_WORDS = ("err", "fail", "fatal", "panic", "assert", "violat")
_NO_FAILURE = re.compile(
    r"(?i)\b(?:0|no|without) (?:errors?|fail\w*|panics?|violations?)\b"
    r"|\b(?:errors?|fail\w*)[\s:=]+0\b"
)


def explain(outcome: Outcome, lines: Sequence[str]) -> str:
    """Return the line of a log that explains why a check did not pass.

    For a check that failed it is the line that says why; for one that was ended from outside it is
    the last line.
    """
    if outcome is Outcome.FAILED:
        return choose_line(lines)
    return _last([_plain(line) for line in lines])


def choose_line(lines: Sequence[str]) -> str:
    """Return the last line that names a failure, else the last line that is not blank.

    A failure named by a tool comes before a summary that only counts failures. A line that
    announces the next one is returned with it. Colours are left out.
    """
    plain = [_plain(line) for line in lines]
    general = ""
    for at in reversed(range(len(plain))):
        line = plain[at]
        worded = any(word in line.lower() for word in _WORDS)
        if _names_failure(plain, at, worded=worded):
            return _with_next(plain, at)
        if worded and not general and _mentions_failure(line):
            general = line.strip()
    return general or _last(plain)


def _plain(line: str) -> str:
    return _COLOUR.sub("", line[:_LONGEST]).rstrip()


def _last(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _mentions_failure(line: str) -> bool:
    mentioned = _GENERAL.search(_NO_FAILURE.sub("", line))
    return bool(mentioned) and not _HARMLESS.search(line)


def _names_failure(lines: Sequence[str], at: int, *, worded: bool) -> bool:
    line = lines[at]
    if _HARMLESS.search(line) or _SUMMARY.search(line):
        return False
    if line.strip() and at + 1 < len(lines) and _PLACE.match(lines[at + 1]):
        return True
    if _STARTS.match(line) or line.endswith(_ENDS):
        return True
    return worded and bool(_ANYWHERE.search(line))


def _with_next(lines: Sequence[str], at: int) -> str:
    line = lines[at]
    following = next((other for other in lines[at + 1 : at + 3] if other.strip()), "")
    indented = _indent(following) > _indent(line)
    if not _ANNOUNCES.search(line) or not (line.endswith(":") or indented):
        return line.strip()
    return f"{line.strip()} {following.strip()}".strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
