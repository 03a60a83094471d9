"""Render a view as JUnit XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from handoff_tasks.formats.words import counted
from handoff_tasks.model import Outcome

if TYPE_CHECKING:
    from handoff_tasks.report.view import Step, View

# What is left of them once control characters and surrogates are written out (XML 1.0, production 2).
_NO_XML = re.compile("[\ufffe\uffff\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def render(view: View) -> bytes:
    """Return the XML as UTF-8.

    A check that failed is a failure; one that timed out, lacked a tool, was interrupted or did not run is an error. Problems that
    are not a check's are the cases of the suite "release rules", which has one passing case where there is none.
    """
    rules = [one for one in view.problems if not one.where.startswith("check ")]
    failures = sum(step.outcome is Outcome.FAILED for step in view.steps)
    errors = len(view.steps) - view.passed - failures
    took = sum(step.milliseconds or 0 for step in view.steps)
    cases = max(1, len(rules))
    top = _element(
        "testsuites",
        name=f"handoff {view.title}",
        tests=str(len(view.steps) + cases),
        failures=str(failures + len(rules)),
        errors=str(errors),
        time=_seconds(took),
    )
    checks = _element(
        "testsuite", name="checks", tests=str(len(view.steps)), failures=str(failures), errors=str(errors), time=_seconds(took)
    )
    if view.steps:
        top.append(checks)
    for step in view.steps:
        checks.append(_check(step))
    suite = _element("testsuite", name="release rules", tests=str(cases), failures=str(len(rules)), errors="0", time="0")
    top.append(suite)
    if not rules:
        suite.append(_element("testcase", classname="handoff.rules", name="release rules", time="0"))
    for one in rules:
        case = _element("testcase", classname="handoff.rules", name=f"{one.code} {one.where}", time="0")
        failure = _element("failure", type=one.code, message=one.message)
        failure.text = _clean(f"{one.where}: {one.message}\nnext: {one.hint}")
        case.append(failure)
        suite.append(case)
    ET.indent(top)
    data: bytes = ET.tostring(top, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _check(step: Step) -> ET.Element:
    case = _element("testcase", classname="handoff.checks", name=step.id, time=_seconds(step.milliseconds or 0))
    if not step.passed:
        kind = "failure" if step.outcome is Outcome.FAILED else "error"
        found = _element(kind, type=str(step.outcome), message=_message(step))
        tail = [f"the last {counted(len(step.tail), 'line')} of its log:", *step.tail] if step.tail else []
        found.text = _clean("\n".join([f"$ {step.command}", *tail]))
        case.append(found)
    return case


def _message(step: Step) -> str:
    """Return what a CI service shows of a check in one line."""
    said = f"; its log says: {step.said}" if step.said else ""
    return f"{step.told}: {step.reason or 'no reason is recorded'}{said}"


def _element(tag: str, **attributes: str) -> ET.Element:
    return ET.Element(tag, {name: _clean(value) for name, value in attributes.items()})


def _clean(text: str) -> str:
    return _NO_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
