"""Run ``impact-draft``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.sessions import frame

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.sessions.target import Place


def draft(session: Session, place: Place) -> None:
    """Print the evidence and the block for the release that the chosen commit's manifest names."""
    with frame.framed(session) as run:
        from handoff_tasks.formats import escape
        from handoff_tasks.output import terminal
        from handoff_tasks.producer import statement_draft
        from handoff_tasks.release import gather
        from handoff_tasks.rules import git as git_rules

        workspace = frame.open_(session, place, run)
        material = gather.gather_material(workspace, None)
        manifest, facts = material.manifest, material.facts
        where = f"{workspace.profile.changelog_path}, section '## {manifest.release_tag}'"
        block, what = statement_draft.draft(manifest, facts), "what is left in < > is for a person to say"
        if material.statement:
            filled = material.statement.to_dict()
            block, what = statement_draft.block(None, None, filled), "there is a filled statement already"
        run.advisories = material.notes
        for line in [
            *statement_draft.evidence(manifest, facts),
            "",
            f"For {where}; {what}:",
            "",
            *block.splitlines(),
        ]:
            terminal.say(escape.printable(line))
        # What is edited and not committed is not what the draft was made from.
        run.advisories = [*material.notes, *git_rules.other_runtime(facts, manifest)]
        for line in terminal.findings("Advisories:", run.advisories):
            terminal.say(line)
