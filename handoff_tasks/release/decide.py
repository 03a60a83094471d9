"""Decide one mode of a release: a packet, or a draft with its problems."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats import canonical, schemas
from handoff_tasks.model import LAST_SECOND
from handoff_tasks.packet import build
from handoff_tasks.problems import HandoffError, refusal
from handoff_tasks.producer import statement
from handoff_tasks.rules import advisories as rules_advisories
from handoff_tasks.rules import checks as check_rules
from handoff_tasks.rules import form
from handoff_tasks.rules import git as git_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import CheckResult
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Mode
    from handoff_tasks.release.gather import Material

_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A packet, and why it is no GO. ``advisories`` are in the packet, ``block`` is the statement to fill in, if it lacks one."""

    document: Mapping[str, Any]
    problems: tuple[Problem, ...]
    advisories: tuple[Problem, ...]
    block: str | None


def known_problems(workspace: Workspace, material: Material, *, allow_untagged: bool) -> list[Problem]:
    """Return the problems that no check can change.

    Raises `HandoffError` with all of them when not even a draft could be written: nobody knows the release's envelope (HP057).
    """
    found = [
        *material.problems,
        *git_rules.git_problems(material.facts, material.manifest, workspace.profile, allow_untagged=allow_untagged),
    ]
    if any(problem.code == "HP057" for problem in found):
        raise HandoffError(found)
    return found


def decide(
    workspace: Workspace,
    material: Material,
    checks: Sequence[CheckResult],
    mode: Mode,
    *,
    allow_untagged: bool,
    more: Sequence[Problem] = (),
    ran: bool = True,
) -> Decision:
    """Return the packet of one mode, or its NO-GO draft; ``more`` are problems that the caller has found.

    With ``ran`` False the run stopped before any check, and that none has run is not a problem of its own.

    What would be published is validated as its bytes are read again: schema first, then the rules of a packet. A violation there
    is a mistake of ours and raises `RuntimeError`.
    """
    known = known_problems(workspace, material, allow_untagged=allow_untagged)
    judged = (
        check_rules.check_problems(checks, workspace.profile, str(workspace.checkout_spec("").tree)) if ran or not known else []
    )
    problems = [*known, *judged, *more]
    advisories = rules_advisories.release_advisories(mode, material.manifest, material.facts, allow_untagged=allow_untagged)
    release = build.Release(
        profile=workspace.profile,
        source=workspace.source,
        mode=mode,
        manifest=material.manifest,
        facts=material.facts,
        checks=checks,
        statement=material.statement,
        source_date_epoch=_source_date_epoch(),
    )
    document = build.in_order(build.assemble(release, problems, advisories), schemas.schema(schemas.PACKET))
    found = form.check_packet(canonical.published_bytes(document), "packet")
    if found:
        raise RuntimeError("the assembled packet is not valid: " + "; ".join(problem.text() for problem in found))
    return Decision(
        document=document,
        problems=tuple(sorted(problems)),
        advisories=tuple(sorted(advisories)),
        block=None if material.statement else statement.draft(material.manifest, material.facts),
    )


def _source_date_epoch() -> int | None:
    """Return SOURCE_DATE_EPOCH (reproducible-builds.org's specification), None when unset. Raises `HandoffError` (HP001)."""
    value = os.environ.get("SOURCE_DATE_EPOCH")
    if not value:
        return None
    # Python reads no number of thousands of digits.
    digits = value.lstrip("0") or "0"
    if not value.isascii() or not value.isdigit() or len(digits) > len(str(LAST_SECOND)) or int(digits) > LAST_SECOND:
        found = (
            repr(value) if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]!r} and {len(value) - _MOST_SHOWN} characters more"
        )
        message = f"found {found}; expected whole seconds since 1970, up to the year 9999"
        raise refusal("HP001", "SOURCE_DATE_EPOCH", message, "correct the variable, or unset it to use the commit's time")
    return int(digits)
