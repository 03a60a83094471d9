"""Which evidence counts for a check, and why other evidence does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    DIGEST,
    OTHER,
    VERIFIED,
    binding,
    check,
    problem,
    record,
)

from handoff_tasks.checks import evidence
from handoff_tasks.record import CheckResult, Outcome

if TYPE_CHECKING:
    from handoff_tasks.record import Binding, Record


@pytest.mark.parametrize(
    "outcome", [outcome for outcome in Outcome if outcome is not Outcome.PASSED]
)
def test_evidence_that_is_bound_to_the_run_counts_as_it_is(outcome: Outcome) -> None:
    """A record of the same commit, profile and command line gives its own outcome and reason."""
    found = record(check(), outcome=outcome, reason="why", exit_code=1)
    judged = evidence.judge_evidence(check(), found, binding(check()))
    assert judged == CheckResult(
        id="fmt", command="cargo fmt --all -- --check", outcome=outcome, reason="why", record=found
    )


def test_evidence_of_a_pass_counts() -> None:
    """A record of a pass with exit code 0 and a log is a pass."""
    judged = evidence.judge_evidence(check(), record(check()), binding(check()))
    assert (judged.outcome, judged.reason, judged.exit_code) == (Outcome.PASSED, None, 0)


CONTRADICTION = "its evidence contradicts itself: passed, but without exit code 0 and a log"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "there is no evidence of it"),
        (problem("HP041", "a.log", "changed"), "its evidence is invalid: a.log: changed"),
        (record(check(), exit_code=1), CONTRADICTION),
        (record(check(), exit_code=None), CONTRADICTION),
        (record(check(), signal="SIGKILL"), CONTRADICTION),
        (record(check(), log=None), CONTRADICTION),
    ],
)
def test_evidence_that_is_missing_or_contradicts_itself_counts_as_not_run(
    found: Any, reason: str
) -> None:
    """Without evidence that can be believed a check was not run, and the reason is reported."""
    judged = evidence.judge_evidence(check(), found, binding(check()))
    assert judged == CheckResult(
        id="fmt",
        command="cargo fmt --all -- --check",
        outcome=Outcome.NOT_RUN,
        reason=reason,
        record=None,
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("commit", OTHER, f"its evidence is of another commit: {OTHER}; expected {VERIFIED}"),
        ("tree", OTHER, f"its evidence is of another tree: {OTHER}; expected {'4' * 40}"),
        (
            "producer_path",
            "producer",
            "its evidence is of another producer path: producer; expected .",
        ),
        (
            "profile_digest",
            "sha256:00",
            f"its evidence is of another profile: sha256:00; expected {DIGEST}",
        ),
        (
            "argv",
            ("true", "x"),
            "its evidence is of another command line: true x; expected cargo fmt --all -- --check",
        ),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
def test_evidence_of_something_else_counts_as_not_run(
    field: str, value: Any, reason: str, outcome: Outcome
) -> None:
    """A record that was made for another commit, tree, place, profile or command line is evidence for nothing."""
    made: Binding = replace(binding(check()), **{field: value})
    found: Record = record(check(), binding=made, outcome=outcome)
    judged = evidence.judge_evidence(check(), found, binding(check()))
    assert (judged.outcome, judged.reason, judged.record) == (Outcome.NOT_RUN, reason, None)


def test_evidence_of_other_words_counts_as_not_run() -> None:
    """A command line with the same letters but other words is another command line."""
    made = replace(binding(check()), argv=("cargo fmt", *check().argv[2:]))
    judged = evidence.judge_evidence(check(), record(check(), binding=made), binding(check()))
    assert judged.outcome is Outcome.NOT_RUN
