"""Holds a packet that is there to its schema, to itself, and to what git says today; also one of another generator.

Every violation that can be told is told. Publishes nothing, and runs no check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handoff_tasks import assemble, diff, rules, strict_json
from handoff_tasks.errors import HandoffError, Problem, refusal
from handoff_tasks.packet import GO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handoff_tasks.workspace import Workspace


# What the rules for every generator's packets look at; `diff.unreadable` has seen to their form.
_NEEDED = {
    *("handoff_mode", "release_tag", "commit_sha", "expected_service_contract_version", "expected_api_contract_version"),
    *("integration_baseline", "active_runtime_baseline", "non_2xx_envelope_policy", "consumer_impact_statement_template"),
}
# With these, all of DOMAIN section 2 that git, manifest or profile can contradict.
_COMPARED = {
    *("error_code_enum", "manifest_path", "changelog_path", "verification_commands"),
    *("rehearsal_candidate", "compatibility_expectations", "required_consumer_validation_commands"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A packet's bytes, judged by themselves.

    ``document`` is the packet; of one that does not follow our schema only the keys that can be judged all the same, and None when
    it lacks what every consumer knows (DOMAIN section 2).
    """

    document: Mapping[str, Any] | None
    problems: tuple[Problem, ...]


def judge(data: bytes, where: str) -> Judged:
    """Return what is wrong with a packet's bytes: HP002, HP070, HP071, HP073; of another generator's also HP062."""
    try:
        document: Any = strict_json.read(data, where)
    except HandoffError as error:
        return Judged(document=None, problems=error.problems)
    found = assemble.check_document(document, data, where)
    # What only contradicts itself is of its form.
    if any(problem.code != "HP071" for problem in found):
        if diff.unreadable(document, where):
            return Judged(document=None, problems=tuple(found))
        told = {problem.where.removeprefix(f"{where}#/").split("/")[0] for problem in found}
        judged = {key: value for key, value in document.items() if key in _NEEDED | (_COMPARED - told)}
        return Judged(document=judged, problems=(*found, *rules.foreign_problems(judged, where)))
    if document["verdict"] != GO:
        message = f"the packet itself says {document['verdict']}"
        hint = "this is a draft; run the handoff session again once what it lists is mended"
        found.append(Problem(code="HP073", where=f"{where}#/verdict", message=message, hint=hint))
    return Judged(document=document, problems=tuple(found))


def stated_commit(document: Mapping[str, Any]) -> str | None:
    """Return the commit that a packet says it was verified at; None where it does not say it in our form."""
    return str(document["git_state"]["verified_commit"]) if "git_state" in document else None


def tagged_commit(workspace: Workspace, document: Mapping[str, Any], where: str) -> str:
    """Return the commit at which the producer has tagged a packet's release. Raises `HandoffError` (HP101) when it has not."""
    tag = workspace.profile.tag_name(document["release_tag"])
    if tag in workspace.producer.tags:
        return workspace.producer.tags[tag][2]
    known = ", ".join(sorted(workspace.producer.tags)) or "none"
    message = f"no such release tag in {workspace.producer.root}; known: {known}"
    raise refusal("HP101", f"{where}#/release_tag", message, "name the producer that made it, with all its tags")


def against_git(workspace: Workspace, document: Mapping[str, Any], where: str) -> tuple[list[Problem], list[Problem]]:
    """Return where git and the producer's files at the workspace's commit contradict a packet (HP050 to HP057, HP063 to HP072).

    Second, the advisories: HA012, the release has been tagged since; HA016, the changelog has another statement.
    """
    material = assemble.gather(workspace, None, rules.statement_of(document))
    problems = [
        *rules.packet_against_git(document, material.facts, material.manifest, workspace.profile, where),
        *rules.packet_against_profile(document, material.facts, material.manifest, workspace.profile, where),
        *rules.git_problems(material.facts, material.manifest, workspace.profile, allow_untagged=True),
    ]
    return problems, [*rules.tagged_since(document, material.facts), *rules.other_statement(document, material.written)]
