"""Claims about the JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from builders import hostile_view, problem, profile, result, view

from handoff_tasks.record import Outcome
from handoff_tasks.report import junit


def test_a_go_has_no_failure() -> None:
    """A test case for each check, and one that says that no rule is broken."""
    top = ET.fromstring(junit.render(view()))  # noqa: S314
    assert top.attrib == {
        "name": "handoff MemoryKernel v1.2.3",
        "tests": "9",
        "failures": "0",
        "errors": "0",
        "time": "9.872",
    }
    assert [case.get("name") for case in top.iter("testcase")] == [
        *(one.id for one in profile().checks),
        "release rules",
    ]
    assert not [*top.iter("failure"), *top.iter("error")]


def test_what_went_wrong_is_a_failure_or_an_error() -> None:
    """A failed check is a failure with its log; a check without a result is an error."""
    outcomes = {"fmt": Outcome.FAILED, "clippy": Outcome.TIMED_OUT}
    checks = [
        result(
            one, outcomes.get(one.id, Outcome.PASSED), "exit code 1" if one.id in outcomes else None
        )
        for one in profile().checks
    ]
    problems = [problem(), problem("HP054", "commit x", "differs", "verify")]
    data = junit.render(view(problems=problems, checks=checks))
    top = ET.fromstring(data)  # noqa: S314
    assert (top.get("tests"), top.get("failures"), top.get("errors")) == ("9", "2", "1")
    [failed, rule] = top.iter("failure")
    assert (failed.get("type"), failed.get("message")) == (
        "failed",
        "failed: exit code 1; its log says: line 29 of fmt",
    )
    assert (failed.text or "").splitlines()[:3] == [
        f"$ {profile().checks[0].command}",
        "the last 20 lines of its log:",
        "line 10 of fmt",
    ]
    assert (rule.get("type"), rule.text) == ("HP054", "commit x: differs\nnext: verify")
    [error] = top.iter("error")
    assert error.get("type") == "timed_out"


def test_hostile_text_is_still_xml() -> None:
    """Whatever stands in logs, tags and commits, the XML is valid and holds it as text."""
    data = junit.render(hostile_view())
    top = ET.fromstring(data)  # noqa: S314
    assert {element.tag for element in top.iter()} == {
        "testsuites",
        "testsuite",
        "testcase",
        "failure",
    }
    [failure, _] = top.iter("failure")
    assert "<script>alert(1)</script> ]]>" in (failure.text or "")
    assert not {"\x00", "\x1b", "\u202e", "\ufffe"} & set(data.decode())
