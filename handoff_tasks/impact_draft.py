"""The session that drafts the consumer impact statement: what git knows, as evidence, then the block to paste and to finish.

Opens the workspace and prints; what is known and what is not is `impact`'s to say. Writes nothing, runs no check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks import running

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.producers import Place


def draft(session: Session, place: Place) -> None:
    """Print the evidence and the block for the release that the chosen commit's manifest names."""
    with running.framed(session) as run:
        from handoff_tasks import assemble, harmless, impact, rules, screen

        workspace = running.open_(session, place, run)
        material = assemble.gather(workspace, None)
        manifest, facts = material.manifest, material.facts
        where = f"{workspace.profile.changelog_path}, section '## {manifest.release_tag}'"
        block, what = impact.draft(manifest, facts), "what is left in < > is for a person to say"
        if material.statement:
            filled = material.statement.to_dict()
            block, what = impact.block(None, None, filled), "there is a filled statement already"
        run.advisories = material.notes
        for line in [
            *impact.evidence(manifest, facts),
            "",
            f"For {where}; {what}:",
            "",
            *block.splitlines(),
        ]:
            screen.say(harmless.printable(line))
        # What is edited and not committed is not what the draft was made from.
        run.advisories = [*material.notes, *rules.other_runtime(facts, manifest)]
        for line in screen.findings("Advisories:", run.advisories):
            screen.say(line)
