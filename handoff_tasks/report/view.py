"""Collect everything that a report shows into one value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks.formats.escape import printable
from handoff_tasks.formats.words import quantity
from handoff_tasks.model import RunEnd, Verdict
from handoff_tasks.problems import Problem
from handoff_tasks.producer.statement import LABELS
from handoff_tasks.record import CheckResult, Outcome
from handoff_tasks.report.contract import build_contract
from handoff_tasks.report.picture import build_picture
from handoff_tasks.report.steps import build_steps
from handoff_tasks.report.timeline import draw_timeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from handoff_tasks.model import Manifest
    from handoff_tasks.report.contract import Contract
    from handoff_tasks.report.picture import Picture
    from handoff_tasks.report.steps import Step
    from handoff_tasks.report.timeline import Timeline

# In milliseconds. The timeline of a shorter run says no more than the table of checks.
_SHORTEST_TIMELINE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a view shows beside the packet and the end of the run. Everything is optional.

    Attributes:
        session: The name of the session.
        producer: The producer's name.
        tails: The last lines of logs, by check.
        ended: When a check's record was written, in milliseconds since 1970, by check.
        lanes: The checks that ran one after the other in one process.
        alone: The checks that ran beside no other.
        subjects: The first lines of commit messages, by commit.
        previous: The manifest of the previous release.
        previous_envelope: The error envelope of the previous release's service version.
        modes: The verdict of each mode that was decided.
        published: The path of the published packet.
        digest: The sha256 of the published packet, as hex.
        draft: The path of the NO-GO draft.
        block: The impact statement to fill in.
        verify: The command that verifies the published packet.
        signatures: What is shown of the packet's signatures, each with its name.
    """

    session: str | None = None
    producer: str | None = None
    tails: Mapping[str, Sequence[str]] | None = None
    ended: Mapping[str, int] | None = None
    lanes: Sequence[Sequence[str]] = ()
    alone: frozenset[str] = frozenset()
    subjects: Mapping[str, str] | None = None
    previous: Manifest | None = None
    previous_envelope: Mapping[str, Any] | None = None
    modes: Sequence[tuple[str, str]] = ()
    published: str | None = None
    digest: str | None = None
    draft: str | None = None
    block: str | None = None
    verify: str | None = None
    signatures: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that a report shows, with all text escaped for terminals and CI services.

    ``end`` has its problems in the order of the checks. Without a packet (a refused run) a view has
    problems and little else.
    """

    verdict: Verdict
    title: str
    sentences: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    modes: tuple[tuple[str, str], ...]
    end: RunEnd
    steps: tuple[Step, ...]
    timeline: Timeline | None
    picture: Picture | None
    contract: Contract | None
    statement: tuple[tuple[str, str], ...]
    block: str | None
    verify: str | None

    @property
    def go(self) -> bool:
        """Whether the verdict is GO."""
        return self.verdict is Verdict.GO

    @property
    def passed(self) -> int:
        """The number of checks that passed."""
        return sum(step.passed for step in self.steps)

    @property
    def causes(self) -> dict[str, str]:
        """The line of the log that explains each failed check, by the place its problem names."""
        return {f"check {step.id}": step.cause for step in self.steps if step.cause}


def build_view(document: Mapping[str, Any] | None, end: RunEnd, source: Source) -> View:
    """Return the view of a run; ``document`` is its packet or draft, None if it was refused."""
    document = document or {}
    shown = _escape_end(spell_outcomes(end))
    steps = build_steps(document, end, source.tails or {})
    verdict = end.verdict
    if document and document["verdict"] != Verdict.GO:
        verdict = Verdict.NO_GO
    title = " ".join(filter(None, [source.producer or "Release", document.get("release_tag")]))
    statement = document.get("consumer_impact_statement") or {}
    contract = picture = None
    if document:
        picture = build_picture(document["git_state"], source.subjects or {})
        contract = build_contract(document, source.previous, source.previous_envelope)
    block = None
    if source.block:
        block = "\n".join(printable(line) for line in source.block.split("\n"))
    return View(
        verdict=verdict,
        title=printable(title),
        sentences=tuple(_sentences(verdict, shown, source)),
        facts=tuple((name, printable(value)) for name, value in _facts(document, source)),
        modes=tuple((printable(name), decision) for name, decision in source.modes),
        end=shown,
        steps=tuple(steps),
        timeline=_timeline(end, source),
        picture=picture,
        contract=contract,
        statement=tuple(
            (label, printable(statement[key])) for label, key in LABELS.items() if statement
        ),
        block=block,
        verify=printable(source.verify) if source.verify else None,
    )


def view_packet(document: Mapping[str, Any], source: Source) -> View:
    """Return the view of a packet alone."""
    return build_view(document, packet_end(document), source)


def view_checks(
    end: RunEnd,
    title: str,
    facts: Sequence[tuple[str, str]],
    sentence: str,
    tails: Mapping[str, Sequence[str]],
) -> View:
    """Return the view of checks without a packet, such as a consumer's validators.

    Args:
        end: The end of the run.
        title: What the run was about.
        facts: What is shown of the run, each with its name.
        sentence: What became of it.
        tails: The last lines of logs, by check.
    """
    entries = [
        {
            "id": check.id,
            "command": check.command,
            "outcome": str(check.outcome),
            "exit_code": check.exit_code,
            "tools": check.claimed_tools(),
        }
        for check in end.checks
    ]
    shown = _escape_end(spell_outcomes(end))
    return View(
        verdict=end.verdict,
        title=printable(title),
        sentences=(*_check_sentences(end), printable(sentence)),
        facts=tuple((name, printable(value)) for name, value in facts),
        modes=(),
        end=shown,
        steps=tuple(build_steps({"verification_outcomes": entries}, end, tails)),
        timeline=None,
        picture=None,
        contract=None,
        statement=(),
        block=None,
        verify=None,
    )


def packet_end(document: Mapping[str, Any]) -> RunEnd:
    """Return the end of the run that made a packet, as far as the packet says it."""
    checks = []
    for entry in document["verification_outcomes"]:
        check = CheckResult(
            id=entry["id"],
            command=entry["command"],
            outcome=Outcome(entry["outcome"]),
            reason=None,
            record=None,
            ignores=tuple(entry.get("ignores", ())),
            seen_tree=entry.get("seen_tree"),
        )
        checks.append(check)
    return RunEnd(
        checks=tuple(checks),
        problems=tuple(Problem(**entry) for entry in document.get("problems", ())),
        advisories=tuple(Problem(**entry) for entry in document.get("advisories", ())),
    )


def spell_outcomes(end: RunEnd) -> RunEnd:
    """Return the end of a run with words for outcomes in messages.

    A message then says ``timed out``, not ``timed_out``.
    """
    outcomes = {check.where: check.outcome for check in end.checks}
    problems = []
    for problem in end.problems:
        outcome = outcomes.get(problem.where)
        if outcome and problem.message.startswith(f"{outcome}: "):
            message = f"{outcome.words}{problem.message.removeprefix(outcome)}"
            problems.append(replace(problem, message=message))
        else:
            problems.append(problem)
    return replace(end, problems=tuple(problems))


def group_by_hint(problems: Sequence[Problem]) -> tuple[tuple[Problem, ...], ...]:
    """Return problems in groups that share code and hint, in the order of their first ones."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((problem.code, problem.hint), []).append(problem)
    return tuple(tuple(group) for group in groups.values())


def _escape_end(end: RunEnd) -> RunEnd:
    """Return the end of a run with its texts escaped, problems of a code in the order of checks."""
    places = {check.where: number for number, check in enumerate(end.checks)}

    def order(problem: Problem) -> tuple[str, int, Problem]:
        return problem.code, places.get(problem.where, 0), problem

    return replace(
        end,
        problems=tuple(_escape(problem) for problem in sorted(end.problems, key=order)),
        advisories=tuple(_escape(advisory) for advisory in sorted(end.advisories)),
    )


def _escape(problem: Problem) -> Problem:
    return Problem(
        code=problem.code,
        where=printable(problem.where),
        message=printable(problem.message),
        hint=printable(problem.hint),
    )


def _timeline(end: RunEnd, source: Source) -> Timeline | None:
    """Return the timeline of this run, or of the earlier run that all checks are kept from.

    It is None for a short run.
    """
    records = {check.id: check.record for check in end.checks if check.record}
    of_this_run = [check.id for check in end.checks if check.record and not check.is_reused]
    timeline = draw_timeline(
        records, of_this_run or list(records), source.ended or {}, source.lanes, source.alone
    )
    return timeline if timeline and timeline.total >= _SHORTEST_TIMELINE else None


def _sentences(verdict: Verdict, end: RunEnd, source: Source) -> list[str]:
    """Return the reason and the consequence of the verdict."""
    sentences = _check_sentences(end)
    if verdict is Verdict.NO_GO:
        sentences += _rule_sentences(end)
        sentences.append("Nothing was published; a packet that was published before is unchanged.")
    elif source.published:
        sentences.append("The packet is published.")
    elif source.modes:
        sentences.append("Nothing was published: this was a pre-release run.")
    return sentences


def _check_sentences(end: RunEnd) -> list[str]:
    number, counts = len(end.checks), end.counts
    if not number:
        return ["The run was refused before any check could be judged."]
    if counts[Outcome.NOT_RUN] == number:
        return ["No check was run."]
    if counts[Outcome.PASSED] < number:
        passed = f"{counts[Outcome.PASSED]} of {quantity(number, 'check')} passed"
        return [f"{passed}; {end.tally}."]
    sentences = [f"All {number} checks passed." if number > 1 else "The check passed."]
    kept = sum(check.is_reused for check in end.checks)
    if kept:
        passes = quantity(kept, "pass is", "passes are")
        sentences.append(f"{passes} kept from an earlier run with the same inputs.")
    return sentences


def _rule_sentences(end: RunEnd) -> list[str]:
    sentences = []
    rules = len(end.rule_problems)
    if end.interruption:
        message = end.interruption.message
        sentences.append(f"{message[:1].upper()}{message[1:]}.")
        rules -= 1
    if rules and end.checks:
        subject = quantity(rules, "rule of the release is", "rules of the release are")
        sentences.append(f"{subject} not met.")
    return sentences


def _facts(document: Mapping[str, Any], source: Source) -> list[tuple[str, str]]:
    facts = []
    if document:
        state = document["git_state"]
        tag = state["tag"]
        kind = tag["kind"] if tag["state"] == "tagged" else "not tagged yet"
        clock = document["handoff_generated_at_source"].replace("-", " ")
        modes = ", ".join(name for name, _ in source.modes)
        facts = [
            ("Mode", modes or document["handoff_mode"]),
            ("Verified commit", state["verified_commit"]),
            ("Tag", f"{tag['name']} ({kind})"),
            ("Release time", f"{document['handoff_generated_at_utc']} ({clock})"),
        ]
    optional = (
        ("Session", source.session),
        ("Packet", source.published),
        ("Packet sha256", source.digest),
        ("Draft", source.draft),
    )
    facts += [(name, value) for name, value in optional if value]
    return [*facts, *source.signatures]
