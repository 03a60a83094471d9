"""Render a view as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.codes import CATALOGUE
from handoff_tasks.formats.words import chain, counted, duration
from handoff_tasks.report.view import by_hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from handoff_tasks.problems import Problem
    from handoff_tasks.report.timeline import Timeline
    from handoff_tasks.report.view import Contract, Picture, Ruled, Step, View

_MANY_CHECKS = 100
_MANY_FINDINGS = 100
_MANY_TAILS = 20
_NAMED = 12
# All that starts something within a line of GitHub's Markdown: a backslash before them makes them plain (CommonMark 2.4).
_MARKS = re.compile(r"[\\`*_{}\[\]!|~$]")
# GitHub links these in what it has rendered, where no backslash is left: only a space without width keeps them apart.
_LINKED = re.compile(r"(?i)@(?=\w)|#(?=\d)|:(?=//)|\bwww(?=\.)|\bGH(?=-\d)")


def render(view: View) -> str:
    """Return the Markdown, with a line feed at its end."""
    sign = "✅" if view.go else "❌"
    lines = [f"# {sign} {view.verdict}: {text(view.title)}", "", " ".join(view.sentences), ""]
    lines += [f"- **{text(name)}**: {code(value)}" for name, value in view.facts]
    if len(view.modes) > 1:
        lines += ["", *(f"- {text(name)}: **{verdict}**" for name, verdict in view.modes)]
    lines += _findings("Problems", view.problems, view.said)
    lines += _findings("Advisories", view.advisories, {})
    if view.verify:
        lines += [
            "",
            "To verify the packet yourself, in the folder where the run was started:",
            "",
            *fenced([view.verify], "shell"),
        ]
    if view.block:
        lines += ["", "The statement to fill in:", "", *fenced(view.block.split("\n"))]
    if view.steps:
        lines += _checks(view)
    if view.picture:
        lines += _picture(view.picture)
    if view.contract:
        lines += _contract(view.contract)
    if view.statement:
        lines += ["", "## Consumer impact", "", *(f"- **{text(label)}**: {text(value)}" for label, value in view.statement)]
    return "\n".join(lines) + "\n"


def text(value: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    plain = " ".join(value.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINKED.sub(r"\g<0>&#8203;", _MARKS.sub(r"\\\g<0>", plain))


def code(value: str) -> str:
    """Return a text as code that no backtick in it ends and no pipe in it leaves its table cell by."""
    plain = " ".join(value.split()).replace("|", "\\|")
    longest = max([len(run) for run in re.findall("`+", plain)], default=0)
    fence = "`" * (longest + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def fenced(lines: Sequence[str], language: str = "text") -> list[str]:
    """Return lines as a block of code whose fence is longer than any in it."""
    longest = max([len(run) for line in lines for run in re.findall("`+", line)], default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *lines, fence]


def _findings(title: str, found: Sequence[Problem], explained: Mapping[str, str]) -> list[str]:
    """Return findings, those with the same next step together; with each code the rule that it stands for."""
    if not found:
        return []
    lines = ["", f"## {title}", ""]
    for group in by_hint(found[:_MANY_FINDINGS]):
        first = group[0]
        rule = CATALOGUE.get(first.code)
        lines.append(f"- **{first.code}** {text(rule.title) if rule else 'A rule that this version does not know'}")
        for one in group:
            said = f". Its log says: {code(explained[one.where])}" if one.where in explained else ""
            lines.append(f"  - {code(one.where)}: {text(one.message)}{said}")
        lines.append(f"  - Next: {text(first.hint)}")
    if len(found) > _MANY_FINDINGS:
        lines.append(f"- and {len(found) - _MANY_FINDINGS} more: see the report's page")
    return lines


def _checks(view: View) -> list[str]:
    steps: Sequence[Step] = view.steps
    lines = ["", "## Checks", ""]
    if len(steps) > _MANY_CHECKS:
        steps = [step for step in steps if not step.passed][:_MANY_CHECKS]
        lines += [f"{view.passed} of {len(view.steps)} passed; below {counted(len(steps), 'check')} that did not.", ""]
    if steps:
        lines += ["| check | outcome | exit code | time | tools |", "|---|---|---:|---:|---|"]
    for step in steps:
        tools = ", ".join(f"{name} {version}" for name, version in step.tools)
        exit_code = "" if step.exit_code is None else str(step.exit_code)
        sign = "✅" if step.passed else "❌"
        lines.append(
            f"| {code(step.id)} | {sign} {step.told} | {exit_code} | {step.took}{' (kept)' if step.kept else ''} | {text(tools)} |"
        )
    if view.timeline:
        lines += ["", _time(view.timeline)]
    for step in [step for step in steps if not step.passed and step.tail][:_MANY_TAILS]:
        lines += ["", f"<details><summary>End of the log of {text(step.id)}</summary>", "", *fenced(step.tail), "", "</details>"]
    return lines


def _time(time: Timeline) -> str:
    """Return how long the checks took together, and what decided that."""
    if not time.together:
        return "The checks ran apart in time."
    if time.bound:
        why = "bound by the processors"
    elif time.sequence:
        why = "one check after the other"
    elif time.known:
        why = f"critical path: {chain([code(bar.id) for bar in time.critical], _NAMED)}"
    else:
        why = "which check waited for which is not known"
    return f"{duration(time.total)} in all; {why}."


def _picture(picture: Picture) -> list[str]:
    lines = ["", "## Where the commits stand", ""]
    lines += [f"- {'✅' if fine else '❌'} {text(told)}" for fine, told in picture.sentences]
    lines += ["", "| commit | what it is | message |", "|---|---|---|"]
    for point in (*picture.points, *([picture.aside] if picture.aside else [])):
        if point.skipped:
            lines.append(f"| … | {point.skipped} more | |")
        roles = ", ".join(text(role) for role in point.roles) or "in between"
        aside = " (off this line)" if point is picture.aside else ""
        lines.append(f"| {code(point.sha[:12])} | {roles}{aside} | {text(point.subject or '')} |")
    return lines


def _contract(contract: Contract) -> list[str]:
    since = f" | {text(contract.previous)}" if contract.previous else ""
    lines = ["", "## Contract", "", f"| | this release{since} |", f"|---|---{'|---' if since else ''}|"]
    for field in contract.fields:
        before = ("same" if field.before is None else code(field.before)) if since else None
        lines.append(f"| {text(field.name)} | {code(field.value)} |" + (f" {before} |" if before else ""))
    lines += ["", f"Error codes: {_coded(contract.codes)}."]
    for title, codes in (("New", [one for one in contract.codes if one in contract.added]), ("Removed", contract.removed)):
        lines += [f"{title} since {text(contract.previous or '')}: {_coded(codes)}."] if codes else []
    lines += ["Their order has changed."] if contract.reordered else []
    lines += ["", "| envelope of errors | requires | allows | forbids |", "|---|---|---|---|"]
    for policy in contract.policies:
        lines.append(f"| {text(policy.name)} | {' | '.join(_ruled(fields) for _, fields in policy.rules)} |")
    return lines


def _ruled(fields: Iterable[Ruled]) -> str:
    return ", ".join(f"{code(field.name)} ({field.change})" if field.change else code(field.name) for field in fields)


def _coded(words: Iterable[str]) -> str:
    return ", ".join(code(word) for word in words)
