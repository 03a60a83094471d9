"""Problems of checks that did not pass, with their hints."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    check,
    profile,
    result,
    shown,
)

from handoff_tasks.record import Outcome
from handoff_tasks.rules import checks as check_rules

PIN = "if only a newer toolchain reports it, pin the release's: --toolchain NAME, or execution.toolchain in the profile"


@pytest.mark.parametrize(
    ("outcome", "reason", "code", "message", "hint"),
    [
        (
            Outcome.FAILED,
            "exit code 101",
            "HP043",
            "failed: exit code 101 (with cargo 1.95.0, rustc 1.95.0)",
            f"fix what its log reports, commit, and run again; {PIN}",
        ),
        (
            Outcome.TIMED_OUT,
            "not done within 5 seconds",
            "HP044",
            "timed_out: not done within 5 seconds",
            "see in its log what it waited for; --timeout SECONDS gives it more time",
        ),
        (
            Outcome.TOOL_MISSING,
            "jq is not usable",
            "HP045",
            "tool_missing: jq is not usable",
            "do what the message says, then run again",
        ),
        (Outcome.INTERRUPTED, "SIGINT came", "HP046", "interrupted: SIGINT came", "run again"),
        (
            Outcome.NOT_RUN,
            None,
            "HP047",
            "not_run: no reason is recorded",
            "run all checks again with the handoff session",
        ),
    ],
)
def test_a_check_that_did_not_pass_is_a_problem(
    outcome: Outcome, reason: str | None, code: str, message: str, hint: str
) -> None:
    """Each outcome but a pass is a problem with its own code; a failure names the tools that found it."""
    found = check_rules.check_problems(
        [result(check(1)), result(check(2), outcome, reason)], profile()
    )
    assert shown(found) == [(code, "check test", message, hint)]


def test_a_failure_without_claimed_tools_names_none() -> None:
    """Tools that the packet does not name are no part of the message."""
    found = check_rules.check_problems(
        [result(check(), Outcome.FAILED, "exit code 1", tools=())], profile()
    )
    assert [one.message for one in found] == ["failed: exit code 1"]


def test_a_checkout_below_a_hidden_folder_is_named() -> None:
    """Programs that serve files may refuse such a folder, so the remedy of a failure names it, and of nothing else."""
    failed, missing = (
        result(check(4), Outcome.FAILED, "exit code 1"),
        result(check(4), Outcome.TOOL_MISSING, "rg is not on PATH"),
    )
    first, second = check_rules.check_problems(
        [failed, missing], profile(), "/home/ann/.cache/x/checkout"
    )
    assert first.hint == (
        "fix what its log reports, commit, and run again; "
        "if it serves files, it may refuse those below the folder .cache: --cache-dir PATH without such a folder"
    )
    assert second.hint == "do what the message says, then run again"


def test_passes_are_no_problem() -> None:
    """When all checks passed there is nothing to say."""
    assert check_rules.check_problems([result(one) for one in profile().checks], profile()) == []


def test_a_pinned_toolchain_is_not_asked_for_again() -> None:
    """Where the toolchain was pinned, or the command is no tool of it, the remedy does not speak of pinning."""
    pinned = result(check(1), Outcome.FAILED, "exit code 101")
    assert pinned.record is not None
    pinned = replace(pinned, record=replace(pinned.record, toolchain="1.84.0"))
    script = result(check(4), Outcome.FAILED, "exit code 1")
    for one in (pinned, script):
        [found] = check_rules.check_problems([one], profile())
        assert found.hint == "fix what its log reports, commit, and run again"
