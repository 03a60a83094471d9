"""Judge the consumer impact statement (HP06x, HP082; DOMAIN section 5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.formats.words import some_of
from handoff_tasks.model import Relation, Statement
from handoff_tasks.problems import Problem
from handoff_tasks.producer import statement as producer_statement
from handoff_tasks.rules import git as git_rules
from handoff_tasks.rules.packet import STATEMENT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from handoff_tasks.model import GitFacts, Manifest


def statement_problems(statement: Statement, manifest: Manifest, facts: GitFacts) -> list[Problem]:
    """Return what contradicts the statement (DOMAIN section 5).

    HP063 and HP082 the repin line, HP064 the rollback line, HP068 and HP069 a "none" that git or the manifests refute.
    """
    return [
        *_refuted(statement, manifest, facts),
        *_repin_problems(statement.repin_required, manifest, facts),
        *_rollback_problems(statement, manifest, facts),
    ]


def _refuted(statement: Statement, manifest: Manifest, facts: GitFacts) -> Iterator[Problem]:
    """Yield each "none" that is not true. That what is described is true as well, no rule can tell."""
    since = f"since {facts.history.earlier[0].tag}" if facts.history.earlier else ""
    if facts.history.changed_since_previous and producer_statement.says_none(statement.runtime_behavior_changes):
        message = f"found '{statement.runtime_behavior_changes}', but runtime paths changed {since}: "
        hint = "say what changed; where no caller can see it, for instance: 'internal refactoring only: <what>'"
        yield Problem(
            code="HP068",
            where="Runtime behavior changes",
            message=message + some_of(git_rules.repository_paths(facts, facts.history.changed_since_previous)),
            hint=hint,
        )
    if (
        facts.history.previous
        and facts.history.changed_since_previous is None
        and producer_statement.says_none(statement.runtime_behavior_changes)
    ):
        message = (
            f"found '{statement.runtime_behavior_changes}', but nobody can tell: the repository does not have the runtime commit"
        )
        hint = f"say what changed, or fetch {facts.history.previous.commit_sha}"
        yield Problem(
            code="HP068", where="Runtime behavior changes", message=f"{message} of {facts.history.previous.release_tag}", hint=hint
        )
    changes = producer_statement.contract_changes(facts.history.previous, manifest)
    if changes and producer_statement.says_none(statement.required_consumer_mapping_changes):
        message = f"found '{statement.required_consumer_mapping_changes}', but {since} {'; '.join(changes)}"
        hint = "say what a consumer has to map, or why each of these needs nothing"
        yield Problem(code="HP069", where="Required consumer mapping changes", message=message, hint=hint)


def _repin_problems(line: str, manifest: Manifest, facts: GitFacts) -> list[Problem]:
    where = "Repin required"
    own = f"{manifest.release_tag}/{manifest.commit_sha}"
    repin = re.match(r"(yes|no)\b[\s,:]*(?:\(?(\S+?)\)?\s*)?\Z", line)
    if repin is None or (repin[1] == "yes" and repin[2] != own) or (repin[1] == "no" and repin[2] not in (None, own)):
        message = f"found '{line}'; expected 'yes ({own})' or 'no'"
        return [Problem(code="HP063", where=where, message=message, hint="correct the line")]
    changes = producer_statement.pinned_changes(facts.history.previous, manifest)
    if repin[1] == "no" and changes:
        message = f"found '{line}', but since {facts.history.earlier[0].tag} what a consumer pins has changed: {'; '.join(changes)}"
        return [Problem(code="HP082", where=where, message=message, hint=f"write 'yes ({own})'")]
    return []


def _rollback_problems(statement: Statement, manifest: Manifest, facts: GitFacts) -> list[Problem]:
    line, pair = statement.rollback_instruction, producer_statement.rollback_pair(statement)

    def wrong(message: str) -> list[Problem]:
        return [Problem(code="HP064", where="Rollback instruction", message=message, hint="correct the line")]

    pairs = [(release.tag, release.commit_sha) for release in facts.history.earlier or facts.history.unstated]
    if pair is None and not facts.history.earlier and re.match(r"none\b", line):
        return []  # the first release has nothing to go back to
    latest = "/".join(pairs[0]) if pairs else "vX.Y.Z/<40 hexadecimal digits>"
    if pair is None:
        first = "" if facts.history.earlier else ", or, for a first release, 'none'"
        return wrong(f"found '{line}'; expected 'repin to {latest}'{first}")
    found = "/".join(pair)
    if pair[0] == manifest.release_tag or (pairs and pair not in pairs):
        return wrong(f"{found} is no earlier release's pair; the latest is {latest}")
    if facts.history.rollback is Relation.MISSING and facts.history.earlier:
        return wrong(f"{found} is stated by its own manifest, but the repository does not have its commit")
    if facts.history.rollback in (Relation.MISSING, Relation.UNRELATED):
        return wrong(
            f"{found} is no earlier release: its commit does not come before the runtime commit {facts.runtime.commit[:12]}"
        )
    return []


def other_statement(document: Mapping[str, Any], changelog: Statement | None) -> list[Problem]:
    """Return an advisory (HA016) when a packet's statement is not the one in the verified commit's changelog."""
    said = statement_of(document)
    if said is None or changelog is None or said == changelog or any(map(producer_statement.unfilled, said.to_dict().values())):
        return []
    message = "it is not the statement of the verified commit's changelog"
    hint = "a packet made with --impact FILE may say something else; ask the producer which of the two counts"
    return [Problem(code="HA016", where="consumer_impact_statement", message=message, hint=hint)]


def statement_of(document: Mapping[str, Any]) -> Statement | None:
    """Return a packet's statement; None when it has none, or another generator wrote one of other lines."""
    said = document.get("consumer_impact_statement", document.get(STATEMENT_KEY))
    return Statement(**said) if said and said.keys() == set(producer_statement.LABELS.values()) else None
