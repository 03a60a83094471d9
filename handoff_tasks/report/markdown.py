"""Render a view as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.codes import CATALOGUE
from handoff_tasks.formats.escape import printable
from handoff_tasks.formats.words import and_more, chain, duration, quantity, unseen
from handoff_tasks.model import Verdict
from handoff_tasks.report.view import group_by_hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from handoff_tasks.model import RunEnd
    from handoff_tasks.problems import Problem
    from handoff_tasks.report.contract import Contract, EnvelopeField
    from handoff_tasks.report.picture import Picture, Point
    from handoff_tasks.report.steps import Step
    from handoff_tasks.report.timeline import Timeline
    from handoff_tasks.report.view import View

_MANY_CHECKS = 100
_MANY_FINDINGS = 100
_MANY_TAILS = 20
_CRITICAL_NAMES = 12
# Everything that starts markup within a line of GitHub's Markdown. A backslash before it makes it
# plain text (CommonMark 2.4).
_MARKS = re.compile(r"[\\`*_{}\[\]!|~$]")
# GitHub links these in rendered text, where no backslash is left. A space without width after them
# prevents that.
_LINKED = re.compile(r"(?i)@(?=\w)|#(?=\d)|:(?=//)|\bwww(?=\.)|\bGH(?=-\d)")


def render(view: View) -> str:
    """Return the Markdown, with a line feed at its end."""
    sign = "✅" if view.go else "❌"
    lines = [f"# {sign} {view.verdict}: {text(view.title)}", "", " ".join(view.sentences), ""]
    lines += [f"- **{text(name)}**: {code(value)}" for name, value in view.facts]
    if len(view.modes) > 1:
        lines += ["", *(f"- {text(name)}: **{verdict}**" for name, verdict in view.modes)]
    lines += _findings("Problems", view.end.problems, view.causes)
    lines += _findings("Advisories", view.end.advisories, {})
    if view.verify:
        hint = "To verify the packet yourself, in the folder where the run was started:"
        lines += ["", hint, "", *fence_code([view.verify], "shell")]
    if view.block:
        lines += ["", "The statement to fill in:", "", *fence_code(view.block.split("\n"))]
    if view.steps:
        lines += _checks(view)
    if view.picture:
        lines += _picture(view.picture)
    if view.contract:
        lines += _contract(view.contract)
    if view.statement:
        lines += ["", "## Consumer impact", ""]
        lines += [f"- **{text(label)}**: {text(value)}" for label, value in view.statement]
    return "\n".join(lines) + "\n"


def render_verdict(verdict: str, title: str, end: RunEnd, facts: Sequence[tuple[str, str]]) -> str:
    """Return the verdict on a packet with its findings, for the summary of a job."""
    sign = "✅" if verdict == Verdict.GO else "❌"
    lines = [f"# {sign} {verdict}: {text(title)}", ""]
    lines += [f"- **{text(name.capitalize())}**: {text(value)}" for name, value in facts]
    lines += _findings("Problems", sorted(end.problems), {})
    lines += _findings("Advisories", sorted(end.advisories), {})
    return "\n".join(lines) + "\n"


def text(value: str) -> str:
    """Return one line of Markdown that shows a text from outside as it is.

    It starts no markup, link, mention, HTML or table cell, and has no control characters.
    """
    plain = printable(" ".join(value.split()))
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINKED.sub(r"\g<0>&#8203;", _MARKS.sub(r"\\\g<0>", plain))


def code(value: str) -> str:
    """Return a text as code, also with backticks in it and in a table's cell."""
    plain = " ".join(value.split()).replace("|", "\\|")
    fence = "`" * (_longest_run([plain]) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def fence_code(lines: Sequence[str], language: str = "text") -> list[str]:
    """Return lines as a block of code whose fence is longer than any in them."""
    fence = "`" * max(3, _longest_run(lines) + 1)
    return [f"{fence}{language}", *lines, fence]


def _longest_run(lines: Sequence[str]) -> int:
    """Return the length of the longest run of backticks."""
    return max([len(run) for line in lines for run in re.findall("`+", line)], default=0)


def _findings(title: str, problems: Sequence[Problem], causes: Mapping[str, str]) -> list[str]:
    """Return problems, those with the same next step together, each code with its rule."""
    if not problems:
        return []
    lines = ["", f"## {title}", ""]
    for group in group_by_hint(problems[:_MANY_FINDINGS]):
        first = group[0]
        rule = CATALOGUE.get(first.code)
        heading = text(rule.title) if rule else "A rule that this version does not know"
        lines.append(f"- **{first.code}** {heading}")
        for one in group:
            cause = ""
            if one.where in causes:
                cause = f". Its log says: {code(causes[one.where])}"
            lines.append(f"  - {code(one.where)}: {text(one.message)}{cause}")
        lines.append(f"  - Next: {text(first.hint)}")
    if len(problems) > _MANY_FINDINGS:
        lines.append(f"- {and_more(len(problems) - _MANY_FINDINGS)}: see the report's page")
    return lines


def _checks(view: View) -> list[str]:
    steps: Sequence[Step] = view.steps
    lines = ["", "## Checks", ""]
    if len(steps) > _MANY_CHECKS:
        steps = [step for step in steps if not step.passed][:_MANY_CHECKS]
        others = f"below {quantity(len(steps), 'check')} that did not"
        lines += [f"{view.passed} of {len(view.steps)} passed; {others}.", ""]
    if steps:
        lines += ["| check | outcome | exit code | time | tools |", "|---|---|---:|---:|---|"]
    lines += [_row(step) for step in steps]
    for files, names in unseen((step.id, step.ignores) for step in view.steps):
        lines += ["", f"Without {text(files)}: {text(names)}."]
    if view.timeline:
        lines += ["", _time(view.timeline)]
    for step in [step for step in steps if not step.passed and step.tail][:_MANY_TAILS]:
        summary = f"<details><summary>End of the log of {text(step.id)}</summary>"
        lines += ["", summary, "", *fence_code(step.tail), "", "</details>"]
    return lines


def _row(step: Step) -> str:
    sign = "✅" if step.passed else "❌"
    exit_code = "" if step.exit_code is None else str(step.exit_code)
    took = f"{step.took} (kept)" if step.kept else step.took
    tools = text(", ".join(f"{name} {version}" for name, version in step.tools))
    return f"| {code(step.id)} | {sign} {step.outcome.words} | {exit_code} | {took} | {tools} |"


def _time(time: Timeline) -> str:
    """Return how long the checks took together, and what decided that."""
    if not time.together:
        return "The checks ran apart in time."
    if time.bound:
        why = "bound by the processors"
    elif time.sequence:
        why = "one check after the other"
    elif time.known:
        why = f"critical path: {chain([code(bar.id) for bar in time.critical], _CRITICAL_NAMES)}"
    else:
        why = "which check waited for which is not known"
    return f"{duration(time.total)} in all; {why}."


def _picture(picture: Picture) -> list[str]:
    lines = ["", "## Commits and tag", ""]
    lines += [
        f"- {'✅' if good else '❌'} {text(sentence)}" for good, sentence in picture.sentences
    ]
    lines += ["", "| commit | what it is | message |", "|---|---|---|"]
    for point in picture.points:
        if point.skipped:
            lines.append(f"| … | {point.skipped} more | |")
        lines.append(_point(point, ""))
    if picture.aside:
        lines.append(_point(picture.aside, " (off this line)"))
    return lines


def _point(point: Point, note: str) -> str:
    roles = ", ".join(text(role) for role in point.roles) or "in between"
    return f"| {code(point.sha[:12])} | {roles}{note} | {text(point.subject or '')} |"


def _contract(contract: Contract) -> list[str]:
    lines = ["", "## Contract", "", *_versions(contract)]
    if not contract.is_service:
        return lines
    lines += ["", f"Error codes: {_codes(contract.codes)}."]
    since = text(contract.previous or "")
    added = [one for one in contract.codes if one in contract.added]
    if added:
        lines.append(f"New since {since}: {_codes(added)}.")
    if contract.removed:
        lines.append(f"Removed since {since}: {_codes(contract.removed)}.")
    if contract.reordered:
        lines.append("Their order has changed.")
    lines += ["", "| envelope of errors | requires | allows | forbids |", "|---|---|---|---|"]
    for envelope in contract.envelopes:
        cells = " | ".join(_fields(fields) for _, fields in envelope.rules)
        lines.append(f"| {text(envelope.name)} | {cells} |")
    return lines


def _versions(contract: Contract) -> list[str]:
    """Return the table of versions, with a column of the previous release if that is known."""
    if contract.previous is None:
        rows = [f"| {text(field.name)} | {code(field.value)} |" for field in contract.fields]
        return ["| | this release |", "|---|---|", *rows]
    lines = [f"| | this release | {text(contract.previous)} |", "|---|---|---|"]
    for field in contract.fields:
        before = "same" if field.before is None else code(field.before)
        lines.append(f"| {text(field.name)} | {code(field.value)} | {before} |")
    return lines


def _fields(fields: Iterable[EnvelopeField]) -> str:
    cells = []
    for field in fields:
        change = f" ({field.change})" if field.change else ""
        cells.append(f"{code(field.name)}{change}")
    return ", ".join(cells)


def _codes(codes: Iterable[str]) -> str:
    return ", ".join(code(one) for one in codes)
