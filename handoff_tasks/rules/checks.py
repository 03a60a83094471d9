"""Check the outcomes of the checks (HP043 to HP047)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.problems import Problem
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handoff_tasks.producer.profile import Profile
    from handoff_tasks.record import CheckResult


_CODES = {
    Outcome.FAILED: ("HP043", "fix what its log reports, commit, and run again"),
    Outcome.TIMED_OUT: (
        "HP044",
        "see in its log what it waited for; --timeout SECONDS gives it more time",
    ),
    Outcome.TOOL_MISSING: ("HP045", "do what the message says, then run again"),
    Outcome.INTERRUPTED: ("HP046", "run again"),
    Outcome.NOT_RUN: ("HP047", "run all checks again with the handoff session"),
}


def check_problems(
    checks: Sequence[CheckResult], profile: Profile, checkout: str = "/"
) -> list[Problem]:
    """Return a problem for each check that did not pass (HP043 to HP047).

    ``checkout`` is the path in which the checks ran.
    """
    problems = []
    for check in checks:
        if check.outcome is Outcome.PASSED:
            continue
        code, hint = _CODES[check.outcome]
        message = f"{check.outcome}: {check.reason or 'no reason is recorded'}"
        if check.outcome is Outcome.FAILED:
            message += _tools(check)
            hint += _failure_hints(check, profile, checkout)
        where = f"check {check.id}"
        problems.append(Problem(code=code, where=where, message=message, hint=hint))
    return problems


def _tools(check: CheckResult) -> str:
    tools = ", ".join(f"{name} {version}" for name, version in check.claimed_tools().items())
    return f" (with {tools})" if tools else ""


def _failure_hints(check: CheckResult, profile: Profile, checkout: str) -> str:
    """Return hints for failures whose cause may not be the commit.

    A toolchain newer than the release may report what older ones do not. Programs that serve files
    may refuse those below a folder whose name begins with a dot.
    """
    hints = ""
    is_of_toolchain = check.command.split(" ", 1)[0] in check.claimed_tools()
    is_pinned = check.record is None or check.record.toolchain is not None
    if is_of_toolchain and profile.toolchain_variable and not is_pinned:
        hints += (
            "; if only a newer toolchain reports it, pin the release's: --toolchain NAME, "
            "or execution.toolchain in the profile"
        )
    hidden = next((part for part in checkout.split("/") if part.startswith(".")), None)
    if hidden:
        hints += (
            f"; if it serves files, it may refuse those below the folder {hidden}: "
            "--cache-dir PATH without such a folder"
        )
    return hints
