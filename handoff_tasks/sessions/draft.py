"""Run ``impact-draft``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.sessions import target

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place


def draft(session: Session, place: Place, run: Run) -> None:
    """Print what git knows of the release, and the statement's draft made from it."""
    from handoff_tasks.formats import escape
    from handoff_tasks.output import terminal
    from handoff_tasks.producer import statement_draft
    from handoff_tasks.release import gather
    from handoff_tasks.rules import git as git_rules

    workspace = target.open_workspace(session, place, run)
    material = gather.gather_material(workspace, None, release=run.options.release)
    manifest, facts = material.manifest, material.facts
    where = "--impact FILE"
    if path := workspace.profile.statement_path:
        where = f"{path}, section '## {manifest.release_tag}'"
    if material.statement:
        block = statement_draft.block(None, None, material.statement.to_dict())
        note = "there is a completed statement already"
    else:
        block, note = statement_draft.draft(manifest, facts), "replace what is in < >"
    evidence = statement_draft.evidence(manifest, facts)
    for line in [*evidence, "", f"For {where}; {note}:", "", *block.splitlines()]:
        terminal.say(escape.printable(line))
    # Edits that are not committed are not in the draft.
    run.advisories = [*material.notes, *git_rules.other_runtime(facts, manifest)]
    for line in terminal.findings("Advisories:", run.advisories):
        terminal.say(line)
