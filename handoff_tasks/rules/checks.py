"""Judge the outcomes of the checks (HP043 to HP047)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.model import Outcome
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handoff_tasks.model import CheckResult
    from handoff_tasks.producer.profile import Profile


def check_problems(checks: Sequence[CheckResult], profile: Profile, checkout: str = "/") -> list[Problem]:
    """Return a problem for each check that did not pass (HP043 to HP047), with the tools that found it.

    Where a toolchain can be pinned and was not, the remedy says how: one newer than the release finds what its people could not.
    It names a folder in the path of the ``checkout`` that begins with a dot: programs that serve files may refuse to serve those.
    """
    hidden = next((part for part in checkout.split("/") if part.startswith(".")), None)
    codes = {
        Outcome.FAILED: ("HP043", "read its log, mend what it names, commit, and run again"),
        Outcome.TIMED_OUT: ("HP044", "see in its log what it waited for; --timeout SECONDS gives it more time"),
        Outcome.TOOL_MISSING: ("HP045", "do what the message says, then run again"),
        Outcome.INTERRUPTED: ("HP046", "run again"),
        Outcome.NOT_RUN: ("HP047", "run the whole set again with the handoff session"),
    }
    found = []
    for check in checks:
        if check.outcome is Outcome.PASSED:
            continue
        code, hint = codes[check.outcome]
        tools = ", ".join(f"{name} {version}" for name, version in check.claimed_tools().items())
        by = f" (with {tools})" if tools and check.outcome is Outcome.FAILED else ""
        own = check.command.split(" ", 1)[0] in check.claimed_tools()
        if check.outcome is Outcome.FAILED and own and profile.toolchain_variable and check.record and not check.record.toolchain:
            hint += (
                "; if only a newer toolchain finds it, pin the release's: --toolchain NAME, or execution.toolchain in the profile"
            )
        if check.outcome is Outcome.FAILED and hidden:
            hint += f"; if it serves files, it may refuse those below the folder {hidden}: --cache-dir PATH without such a folder"
        message = f"{check.outcome}: {check.reason or 'no reason is recorded'}{by}"
        found.append(Problem(code=code, where=f"check {check.id}", message=message, hint=hint))
    return found
