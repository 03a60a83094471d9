"""Render a view as JUnit XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from handoff_tasks.formats.words import quantity
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handoff_tasks.problems import Problem
    from handoff_tasks.report.steps import Step
    from handoff_tasks.report.view import View

# Characters that XML 1.0 does not allow (production 2), beside those that a view has escaped.
_NOT_XML = re.compile("[\ufffe\uffff\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def render(view: View) -> bytes:
    """Return the XML as UTF-8.

    A check that failed is a failure; one that timed out, lacked a tool, was interrupted or did not
    run is an error. Problems that are not about a check are the cases of the suite "release rules",
    which has one passing case if there are none.
    """
    failures = sum(step.outcome is Outcome.FAILED for step in view.steps)
    errors = len(view.steps) - view.passed - failures
    took = _seconds(sum(step.milliseconds or 0 for step in view.steps))
    rules = _rule_suite(view.end.rule_problems)
    top = _element(
        "testsuites",
        name=f"handoff {view.title}",
        tests=str(len(view.steps) + len(rules)),
        failures=str(failures + len(view.end.rule_problems)),
        errors=str(errors),
        time=took,
    )
    if view.steps:
        checks = _element(
            "testsuite",
            name="checks",
            tests=str(len(view.steps)),
            failures=str(failures),
            errors=str(errors),
            time=took,
        )
        checks.extend(_check_case(step) for step in view.steps)
        top.append(checks)
    top.append(rules)
    ET.indent(top)
    data: bytes = ET.tostring(top, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _rule_suite(problems: Sequence[Problem]) -> ET.Element:
    suite = _element(
        "testsuite",
        name="release rules",
        tests=str(max(1, len(problems))),
        failures=str(len(problems)),
        errors="0",
        time="0",
    )
    if not problems:
        suite.append(
            _element("testcase", classname="handoff.rules", name="release rules", time="0")
        )
    for problem in problems:
        name = f"{problem.code} {problem.where}"
        case = _element("testcase", classname="handoff.rules", name=name, time="0")
        failure = _element("failure", type=problem.code, message=problem.message)
        failure.text = _clean(f"{problem.where}: {problem.message}\nnext: {problem.hint}")
        case.append(failure)
        suite.append(case)
    return suite


def _check_case(step: Step) -> ET.Element:
    time = _seconds(step.milliseconds or 0)
    case = _element("testcase", classname="handoff.checks", name=step.id, time=time)
    if not step.passed:
        tag = "failure" if step.outcome is Outcome.FAILED else "error"
        failure = _element(tag, type=str(step.outcome), message=_message(step))
        lines = [f"$ {step.command}"]
        if step.tail:
            lines += [f"the last {quantity(len(step.tail), 'line')} of its log:", *step.tail]
        failure.text = _clean("\n".join(lines))
        case.append(failure)
    return case


def _message(step: Step) -> str:
    """Return what a CI service shows of a check in one line."""
    cause = f"; its log says: {step.cause}" if step.cause else ""
    return f"{step.outcome.words}: {step.reason or 'no reason is recorded'}{cause}"


def _element(tag: str, **attributes: str) -> ET.Element:
    return ET.Element(tag, {name: _clean(value) for name, value in attributes.items()})


def _clean(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
