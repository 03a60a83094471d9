"""Check the consumer impact statement by git and the manifests (HP063 to HP069, HP082)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats.words import some_of
from handoff_tasks.model import Relation, Statement
from handoff_tasks.packet.document import STATEMENT_KEY, is_own
from handoff_tasks.problems import Problem
from handoff_tasks.producer import statement as producer_statement
from handoff_tasks.rules import git as git_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handoff_tasks.model import GitFacts, Manifest
    from handoff_tasks.packet.document import AnyPacket

_LABELS = {name: label for label, name in producer_statement.LABELS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A problem with a line of the statement; ``line`` is the line's key in a packet."""

    line: str
    problem: Problem


def statement_problems(statement: Statement, manifest: Manifest, facts: GitFacts) -> list[Problem]:
    """Return what contradicts the statement.

    HP063 and HP082 the repin line, HP064 the rollback line, HP068 and HP069 a line that says
    "none" although git or the manifests show a change.
    """
    return [finding.problem for finding in statement_findings(statement, manifest, facts)]


def statement_findings(statement: Statement, manifest: Manifest, facts: GitFacts) -> list[Finding]:
    """Return what contradicts the statement, each with its line."""
    return [
        *_runtime_findings(statement.runtime_behavior_changes, facts),
        *_mapping_findings(statement.required_consumer_mapping_changes, manifest, facts),
        *_repin_findings(statement.repin_required, manifest, facts),
        *_rollback_findings(statement, manifest, facts),
    ]


def _finding(line: str, code: str, message: str, hint: str = "correct the line") -> Finding:
    problem = Problem(code=code, where=_LABELS[line], message=message, hint=hint)
    return Finding(line=line, problem=problem)


def _since(facts: GitFacts) -> str:
    previous = facts.history.previous
    return f"since {previous.release_tag}" if previous else ""


def _runtime_findings(line: str, facts: GitFacts) -> Iterator[Finding]:
    """Yield a "none" that is wrong or cannot be checked; other text cannot be checked."""
    if not producer_statement.says_none(line):
        return
    if facts.history.changed_since_previous:
        paths = some_of(git_rules.repository_paths(facts, facts.history.changed_since_previous))
        message = f"found '{line}', but runtime paths changed {_since(facts)}: {paths}"
        hint = (
            "say what changed; if callers cannot see it, for instance: "
            "'internal refactoring only: <what>'"
        )
        yield _finding("runtime_behavior_changes", "HP068", message, hint)
    if facts.history.previous and facts.history.changed_since_previous is None:
        message = (
            f"found '{line}', but this cannot be checked: the repository does not have the runtime "
            f"commit of {facts.history.previous.release_tag}"
        )
        hint = f"say what changed, or fetch {facts.history.previous.commit_sha}"
        yield _finding("runtime_behavior_changes", "HP068", message, hint)


def _mapping_findings(line: str, manifest: Manifest, facts: GitFacts) -> Iterator[Finding]:
    changes = producer_statement.contract_changes(facts.history.previous, manifest)
    if changes and producer_statement.says_none(line):
        message = f"found '{line}', but {_since(facts)} {'; '.join(changes)}"
        hint = "say what a consumer has to map, or why these changes need no mapping"
        yield _finding("required_consumer_mapping_changes", "HP069", message, hint)


def _repin_findings(line: str, manifest: Manifest, facts: GitFacts) -> Iterator[Finding]:
    own = manifest.pair
    match = re.match(r"(yes|no)\b[\s,:]*(?:\(?(\S+?)\)?\s*)?\Z", line)
    answer, pair = (match[1], match[2]) if match else (None, None)
    if (answer, pair) not in {("yes", own), ("no", None), ("no", own)}:
        message = f"found '{line}'; expected 'yes ({own})' or 'no'"
        yield _finding("repin_required", "HP063", message)
        return
    changes = producer_statement.pinned_changes(facts.history.previous, manifest)
    if answer == "no" and changes:
        message = (
            f"found '{line}', but {_since(facts)} values that a consumer pins have changed: "
            f"{'; '.join(changes)}"
        )
        yield _finding("repin_required", "HP082", message, f"write 'yes ({own})'")


def _rollback_findings(
    statement: Statement, manifest: Manifest, facts: GitFacts
) -> Iterator[Finding]:
    message = _rollback_fault(statement, manifest, facts)
    if message is not None:
        yield _finding("rollback_instruction", "HP064", message)


def _rollback_fault(statement: Statement, manifest: Manifest, facts: GitFacts) -> str | None:
    line = statement.rollback_instruction
    pair = producer_statement.rollback_pair(statement)
    if pair is None and git_rules.has_no_manifest(facts):
        tag = producer_statement.rollback_tag(statement)
        if any(tag == release.tag for release in facts.history.earlier):
            return None
    pairs = [
        (release.tag, release.commit_sha)
        for release in facts.history.earlier or facts.history.unstated
    ]
    latest = "/".join(pairs[0]) if pairs else "vX.Y.Z/<40 hexadecimal digits>"
    if not pairs and git_rules.has_no_manifest(facts):
        latest = "TAG/<40 hexadecimal digits>"
    if pair is None:
        if facts.history.earlier:
            return f"found '{line}'; expected 'repin to {latest}'"
        if re.match(r"none\b", line):
            return None
        return f"found '{line}'; expected 'repin to {latest}', or, for a first release, 'none'"
    found = "/".join(pair)
    if pair[0] == manifest.release_tag or (pairs and pair not in pairs):
        return f"{found} is not the pair of an earlier release; the latest is {latest}"
    if facts.history.rollback is Relation.MISSING and facts.history.earlier:
        return f"{found} is stated by its own manifest, but the repository does not have its commit"
    if facts.history.rollback in (Relation.MISSING, Relation.UNRELATED):
        return (
            f"{found} is not an earlier release: its commit is not an ancestor of the runtime "
            f"commit {facts.runtime.commit[:12]}"
        )
    return None


def other_statement(document: AnyPacket, changelog: Statement | None) -> list[Problem]:
    """Return an advisory (HA016) if a packet's statement differs from the commit's."""
    stated = statement_of(document)
    if stated is None or changelog is None or stated == changelog:
        return []
    if any(producer_statement.unfilled(line) for line in stated.to_dict().values()):
        return []
    message = "it is not the statement that the verified commit has"
    hint = (
        "a packet made with --impact FILE may have another one; "
        "ask the producer which of the two is right"
    )
    return [Problem(code="HA016", where="consumer_impact_statement", message=message, hint=hint)]


def statement_of(document: AnyPacket) -> Statement | None:
    """Return a packet's statement; None if it has none, or one with other lines."""
    lines: Mapping[str, object] | None = document[STATEMENT_KEY]
    if is_own(document):
        lines = document["consumer_impact_statement"]
    if not lines or lines.keys() != _LABELS.keys():
        return None
    return Statement(**{name: str(line) for name, line in lines.items()})
