"""Decide one mode of a release: a GO packet, or a NO-GO draft with its problems."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.limits import LAST_SECOND
from handoff_tasks.packet import build
from handoff_tasks.packet.form import published_bytes
from handoff_tasks.problems import HandoffError, refusal
from handoff_tasks.producer import statement_draft
from handoff_tasks.rules import checks as check_rules
from handoff_tasks.rules import form
from handoff_tasks.rules import git as git_rules
from handoff_tasks.rules.advisories import release_advisories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.packet.document import PacketDocument
    from handoff_tasks.problems import Problem
    from handoff_tasks.producer.profile import Mode
    from handoff_tasks.record import CheckResult
    from handoff_tasks.release.gather import Material

_MOST_CHARACTERS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A packet, its problems and its advisories.

    ``problems`` is empty if the verdict is GO. ``block`` is the statement to fill in, if there is
    none.
    """

    document: PacketDocument
    problems: tuple[Problem, ...]
    advisories: tuple[Problem, ...]
    block: str | None


def known_problems(
    workspace: Workspace, material: Material, *, allow_untagged: bool
) -> list[Problem]:
    """Return the problems that do not depend on the checks.

    Raises `HandoffError` with all of them if a draft cannot be built, because the profile has no
    envelope policy for the release's version (HP057).
    """
    problems = [
        *material.problems,
        *git_rules.git_problems(
            material.facts, material.manifest, workspace.profile, allow_untagged=allow_untagged
        ),
    ]
    if any(problem.code == "HP057" for problem in problems):
        raise HandoffError(problems)
    return problems


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
    """Return the packet of one mode, or its NO-GO draft.

    ``more`` are problems that the caller has found. With ``ran`` False the run stopped before any
    check: if there are other problems, checks that have not run are not reported.

    The published bytes are read again and validated by the schema and the rules of a packet. A
    violation there is a bug and raises `RuntimeError`.
    """
    problems = known_problems(workspace, material, allow_untagged=allow_untagged)
    if ran or not problems:
        checkout = str(workspace.checkout_spec("").tree)
        problems += check_rules.check_problems(checks, workspace.profile, checkout)
    problems += more
    advisories = release_advisories(
        mode, material.manifest, material.facts, allow_untagged=allow_untagged
    )
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
    document = build.assemble(release, problems, advisories)
    if invalid := form.check_packet(published_bytes(document), "packet"):
        texts = "; ".join(problem.text() for problem in invalid)
        raise RuntimeError(f"the assembled packet is invalid: {texts}")
    return Decision(
        document=document,
        problems=tuple(sorted(problems)),
        advisories=tuple(sorted(advisories)),
        block=None
        if material.statement
        else statement_draft.draft(material.manifest, material.facts),
    )


def _source_date_epoch() -> int | None:
    """Return SOURCE_DATE_EPOCH in seconds, None if it is not set.

    The specification is that of reproducible-builds.org. Raises `HandoffError` (HP001).
    """
    value = os.environ.get("SOURCE_DATE_EPOCH")
    if not value:
        return None
    digits = value.lstrip("0") or "0"
    is_number = value.isascii() and value.isdigit()
    # int() refuses numbers of thousands of digits.
    if is_number and len(digits) <= len(str(LAST_SECOND)) and int(digits) <= LAST_SECOND:
        return int(digits)
    found = repr(value[:_MOST_CHARACTERS])
    if len(value) > _MOST_CHARACTERS:
        found += f" and {len(value) - _MOST_CHARACTERS} more characters"
    message = f"found {found}; expected whole seconds since 1970, up to the year 9999"
    hint = "correct the variable, or unset it to use the commit's time"
    raise refusal("HP001", "SOURCE_DATE_EPOCH", message, hint)
