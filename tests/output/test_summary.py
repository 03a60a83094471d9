"""The line that an interrupted run ends with."""

from __future__ import annotations

import pytest
from builders import check, result, run_end

from handoff_tasks.output import summary
from handoff_tasks.record import Outcome

P, F, T, CUT, N = (
    Outcome.PASSED,
    Outcome.FAILED,
    Outcome.TIMED_OUT,
    Outcome.INTERRUPTED,
    Outcome.NOT_RUN,
)


@pytest.mark.parametrize(
    ("outcomes", "again", "line"),
    [
        (
            [P, P, F, CUT, N, N],
            None,
            "2 passed and are kept, 1 failed, 3 to run. Run the same command to continue.",
        ),
        ([P, CUT], None, "1 passed and is kept, 1 to run. Run the same command to continue."),
        ([CUT, N], None, "none passed, 2 to run. Run the same command to continue."),
        (
            [F, T, Outcome.TOOL_MISSING, N],
            None,
            "none passed, 3 failed, 1 to run. Run the same command to continue.",
        ),
        (
            [P, P],
            None,
            "2 passed and are kept, none left to run. Run the same command to continue.",
        ),
        (
            [P, CUT],
            "--fresh",
            "1 passed and is kept, 1 to run. Run the same command without --fresh to continue.",
        ),
        ([CUT, N], "--rerun", "none passed, 2 to run. Run the same command to continue."),
    ],
)
def test_an_interrupted_run_counts_its_checks(
    outcomes: list[Outcome], again: str | None, line: str
) -> None:
    """Passed, failed and to run, each only if there are any."""
    checks = [result(check(number), outcome) for number, outcome in enumerate(outcomes)]
    assert summary.interruption_line(run_end(checks), again) == f"Interrupted: {line}"


def test_an_interrupt_before_the_checks_says_so() -> None:
    """Nothing is known of any check yet."""
    assert (
        summary.interruption_line(run_end([]), None)
        == "Interrupted before any check has run. Run the same command to continue."
    )
