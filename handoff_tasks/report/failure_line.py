"""Choose the line of a log that explains a failure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

# Enough to recognise a line; a longer one is data.
_LONGEST = 1000
_COLOUR = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z]|\(B)")
# Progress, good news and remarks, which may speak of errors that did not happen.
_HARMLESS = re.compile(
    r"(?i)^\W*(?:ok|pass(?:ed)?|success|skip(?:ped)?|warn(?:ing)?|note|help|hint|info|debug|trace)\b"
    r"|^\W*\[(?:check|step|start|run|done)\]|^\s*[✓✔√]|\.\.\. (?:ok|ignored)$"
    r"|^\s*(?:compiling|checking|downloading|downloaded|running|finished|fresh|doc-tests)\s"
)
# Ends of a run that say that something failed and not what.
_SUMMARY = re.compile(
    r"^\W*error: (?:could not compile|aborting due to|test failed, to rerun|doctest failed, to rerun|\d+ targets? failed"
    r"|process didn't exit successfully|build failed)"
    r"|^\s*FAIL(?:ED)?(?:$|\t| \()|^\s*✖ \d+ problems?\b|\bProcess completed with exit code\b"
)
# How a tool names the failure itself: at the start of a line, anywhere in it, or at its end (shells).
_STARTS = re.compile(
    r"\W*(?:FAIL|FAILED|ERROR|FATAL)\b:?\s+\S"  # pytest, unittest, jest, vitest
    r"|\s*--- FAIL: "  # go test
    r"|\s*(?:E\s+)?[\w.]*(?:Error|Exception)(?: \[\w+\])?(?::|$)"  # Python, Node
    r"|E {3,}\S"  # pytest
    r"|Diff in "  # rustfmt
    r"|(?i:would reformat\b)"  # ruff format, black
    r"|not ok \d|\s*[●✕✖\xd7✗✘] "  # TAP, jest, node, vitest
    r"|\s*\d+:\d+\s+error\s"  # eslint
    r"|[^\s:]*\.[A-Za-z]\w*:\d+(?::\d+)?: (?!\s*(?i:warning|note|info)\b)"  # file:line:column of a linter
)
_ANYWHERE = re.compile(
    r"(?i)\[\s*(?:fail(?:ed|ure)?|err(?:or)?|fatal)\s*\]"  # scripts
    r"|\b(?:error(?:\[[^\]]*\]| [A-Z]+\d+)?|fatal|panic): \S"  # cargo, clippy, mypy, tsc, git, jq, go
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
# Lines that only announce the line after them.
_ANNOUNCES = re.compile(r"\bpanicked at .*:$|^\s*(?:--- FAIL: |● )")
_GENERAL = re.compile(
    r"(?i)\b(?:errors?|fail(?:s|ed|ing|ures?)?|fatal|panic(?:s|ked)?|assert(?:ion)?s?|violat(?:ed|ions?))\b"
)
# To look for these first is many times faster than the expressions that hold them.
_WORDS = ("err", "fail", "fatal", "panic", "assert", "violat")
_NONE_OF_THEM = re.compile(
    r"(?i)\b(?:0|no|without) (?:errors?|fail\w*|panics?|violations?)\b|\b(?:errors?|fail\w*)[\s:=]+0\b"
)


def explain(outcome: Outcome, lines: Sequence[str]) -> str:
    """Return the line of a log's end that explains an outcome; empty if nothing needs an explanation.

    A check that failed says why in its own words. One that was ended from outside says with its last line how far it came.
    """
    if outcome is Outcome.PASSED:
        return ""
    return choose(lines) if outcome is Outcome.FAILED else _last([_plain(line) for line in lines])


def choose(lines: Sequence[str]) -> str:
    """Return the line that says what failed: the last that names a failure, else the last line with words.

    A failure named by a tool comes before a summary that only counts failures, wherever they stand. A line that announces the next
    one is returned with it. Terminal colours are left out; empty if no line has words.
    """
    shown = [_plain(line) for line in lines]
    general = ""
    for at in reversed(range(len(shown))):
        line = shown[at]
        worded = any(word in line.lower() for word in _WORDS)
        if _names_a_failure(shown, at, worded=worded):
            return _with_next(shown, at)
        if (
            worded
            and not general
            and _GENERAL.search(_NONE_OF_THEM.sub("", line))
            and not _HARMLESS.search(line)
        ):
            general = line.strip()
    return general or _last(shown)


def _plain(line: str) -> str:
    return _COLOUR.sub("", line[:_LONGEST]).rstrip()


def _last(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _names_a_failure(lines: Sequence[str], at: int, *, worded: bool) -> bool:
    line = lines[at]
    placed = at + 1 < len(lines) and bool(line.strip()) and bool(_PLACE.match(lines[at + 1]))
    named = (
        placed or _STARTS.match(line) or line.endswith(_ENDS) or (worded and _ANYWHERE.search(line))
    )
    return bool(named) and not _HARMLESS.search(line) and not _SUMMARY.search(line)


def _with_next(lines: Sequence[str], at: int) -> str:
    line = lines[at]
    following = next((other for other in lines[at + 1 : at + 3] if other.strip()), "")
    if not _ANNOUNCES.search(line) or not (
        line.endswith(":") or _indent(following) > _indent(line)
    ):
        return line.strip()
    return f"{line.strip()} {following.strip()}".strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
