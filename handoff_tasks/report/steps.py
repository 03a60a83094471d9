"""Show each check of a run: outcome, time, tools and the end of its log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats.escape import printable
from handoff_tasks.formats.words import duration, unseen
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from handoff_tasks.model import RunEnd
    from handoff_tasks.record import CheckResult, Record

TAIL_LINES = 20
MANY_CHECKS = 50
_LONGEST_LINE = 300
_LONGEST_TAIL = 6000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One check of a report.

    ``log`` is the name of its log beside the report and ``milliseconds`` how long it took; both are
    None without a record. ``kept`` is set if the outcome is an earlier run's with the same inputs.
    ``ignores`` are the files that it did not see. ``tail`` is the end of the log, and ``cause`` the
    line of the log that explains why the check did not pass; it may come before ``tail``.
    """

    id: str
    command: str
    outcome: Outcome
    reason: str | None
    exit_code: int | None
    milliseconds: int | None
    tools: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    ignores: tuple[str, ...]
    log: str | None
    log_size: int
    kept: bool
    tail: tuple[str, ...]
    cause: str

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.outcome is Outcome.PASSED

    @property
    def took(self) -> str:
        """How long it took, in words; empty if that is not known."""
        return "" if self.milliseconds is None else duration(self.milliseconds)


def build_steps(
    document: Mapping[str, Any], end: RunEnd, tails: Mapping[str, Sequence[str]]
) -> list[Step]:
    """Return the checks of a packet with what their records and logs say.

    Of more than 50 checks only those that did not pass have the end of their log, and of those the
    first 50. ``tails`` are the last lines of logs, by check.
    """
    outcomes = document.get("verification_outcomes", ())
    results = {check.id: check for check in end.checks}
    room = MANY_CHECKS
    steps = []
    for entry in outcomes:
        lines: Sequence[str] = ()
        if room and (len(outcomes) <= MANY_CHECKS or entry["outcome"] != Outcome.PASSED):
            lines = tails.get(entry["id"], ())
        step = _build_step(entry, results.get(entry["id"]), lines)
        room -= bool(step.tail)
        steps.append(step)
    return steps


def _build_step(entry: Mapping[str, Any], result: CheckResult | None, lines: Sequence[str]) -> Step:
    outcome = Outcome(entry["outcome"])
    record = result.record if result else None
    reason = result.reason if result else None
    log = record.log if record else None
    return Step(
        id=printable(entry["id"]),
        command=printable(entry["command"]),
        outcome=outcome,
        reason=printable(reason) if reason else None,
        exit_code=entry["exit_code"],
        milliseconds=record.duration_ms if record else None,
        tools=tuple((printable(name), printable(text)) for name, text in entry["tools"].items()),
        facts=tuple(_facts(entry, record)),
        ignores=tuple(printable(pattern) for pattern in entry.get("ignores", ())),
        log=log.file if log else None,
        log_size=log.size if log else 0,
        kept=result.is_reused if result else False,
        tail=_shorten_tail(lines),
        cause=_explain(outcome, lines),
    )


def _explain(outcome: Outcome, lines: Sequence[str]) -> str:
    """Return the line of a log that explains an outcome; empty for a check that passed."""
    if outcome is Outcome.PASSED:
        return ""
    # Late: its expressions take longer to compile than the rest of a report that is GO.
    from handoff_tasks.report import failure_line

    return _shorten(failure_line.explain(outcome, lines))


def _facts(entry: Mapping[str, Any], record: Record | None) -> list[tuple[str, str]]:
    facts = [] if record is None else _record_facts(record)
    for files, _ in unseen([("", entry.get("ignores", ()))]):
        facts.append(("Did not see", files))
        facts.append(("Saw the tree", entry["seen_tree"]))
    if record and record.binding.ignores:
        facts.append(("Ran on commit", record.binding.commit))
    return [(name, printable(value)) for name, value in facts]


def _record_facts(record: Record) -> list[tuple[str, str]]:
    machine = record.platform
    names = [str(machine[key]) for key in ("system", "release", "machine") if key in machine]
    facts = [
        ("Started", record.started_at_utc),
        ("Limit", duration(record.timeout_seconds * 1000)),
        ("Machine", " ".join(names)),
    ]
    if record.toolchain:
        facts.append(("Toolchain", record.toolchain))
    if record.signal:
        facts.append(("Signal", record.signal))
    return facts


def _shorten_tail(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the last lines, at most 20 and 6000 characters, since a report has to stay small."""
    tail: list[str] = []
    size = 0
    for line in reversed(lines[-TAIL_LINES:]):
        text = _shorten(line)
        size += len(text)
        if size > _LONGEST_TAIL:
            break
        tail.append(text)
    return tuple(reversed(tail))


def _shorten(line: str) -> str:
    text = printable(line[: 2 * _LONGEST_LINE])
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + " …"
