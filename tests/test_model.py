"""Claims about how a run ended."""

from __future__ import annotations

from builders import problem, profile, result, run_end

from handoff_tasks.model import RunEnd
from handoff_tasks.record import Outcome


def test_a_run_without_problems_is_a_go() -> None:
    """One problem makes it a NO-GO, an advisory does not."""
    assert RunEnd(advisories=(problem("HA010"),)).verdict == "GO"
    assert RunEnd(problems=(problem(),)).verdict == "NO-GO"


def test_checks_are_counted_by_outcome() -> None:
    """The tally has the outcomes that are not a pass, in one order."""
    outcomes = [Outcome.TIMED_OUT, Outcome.PASSED, Outcome.FAILED, Outcome.TIMED_OUT]
    checks = [
        result(one, outcome) for one, outcome in zip(profile().checks, outcomes, strict=False)
    ]
    end = run_end(checks)
    assert end.tally == "1 failed, 2 timed out"
    assert (end.counts[Outcome.PASSED], end.counts[Outcome.NOT_RUN]) == (1, 0)
    assert RunEnd().tally == ""


def test_a_problem_is_about_a_check_of_the_run_or_a_rule() -> None:
    """A check that the run does not have makes a rule problem."""
    check = result(profile().checks[0], Outcome.FAILED)
    about, rule, other = problem(), problem("HP054", "tag v1"), problem("HP104", "check other")
    end = run_end([check], about, rule, other)
    assert end.check_of(about) == check
    assert end.check_of(rule) is None
    assert end.rule_problems == (rule, other)
    assert run_end([], about).rule_problems == (about,)


def test_an_interruption_is_not_that_of_one_check() -> None:
    """Only a problem about the run itself says that it was interrupted."""
    check = result(profile().checks[0], Outcome.INTERRUPTED)
    of_check, of_run = problem("HP046"), problem("HP046", "handoff-stable", "by SIGINT")
    assert run_end([check], of_check).interruption is None
    assert run_end([check], of_check, of_run).interruption == of_run
