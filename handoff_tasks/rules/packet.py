"""Check a packet by itself: contradictions between its own parts (HP071)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handoff_tasks.model import Relation
from handoff_tasks.packet.document import GO, STATEMENT_KEY, is_release
from handoff_tasks.problems import Problem
from handoff_tasks.producer import statement
from handoff_tasks.producer.rehearsal import VERSION_KEY, rehearsal_faults
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handoff_tasks.packet.document import (
        AnyPacket,
        ForeignPacket,
        GitState,
        PacketDocument,
    )

_MOST_CHARACTERS = 1000
ASK_FOR_ANOTHER = (
    "do not use this packet; ask the producer for one that the handoff session published"
)

# JSON pointer and message.
Fault = tuple[str, str]


def packet_problems(document: PacketDocument, where: str) -> list[Problem]:
    """Return where a packet that its schema accepts contradicts itself (HP071)."""
    faults = [
        *_common_contradictions(document),
        *_outcome_contradictions(document),
        *_rehearsal_contradictions(document),
        *_git_contradictions(document),
    ]
    problems = [_problem(where, pointer, message) for pointer, message in faults]
    if document["verdict"] == GO:
        hint = "do not use this packet: its verdict is wrong"
        problems += [
            _problem(where, pointer, f"{message}, but the verdict is GO", hint)
            for pointer, message in _go_contradictions(document)
        ]
    return problems


def foreign_problems(document: ForeignPacket, where: str) -> list[Problem]:
    """Return the problems of a packet that may lack keys of this library's contract.

    Contradictions between the keys of all packets (HP071), and in one problem the lines of its
    statement that are not filled in (HP062).
    """
    problems = [
        _problem(where, pointer, message) for pointer, message in _common_contradictions(document)
    ]
    reasons = []
    for name, line in (document.get(STATEMENT_KEY) or {}).items():
        if reason := statement.unfilled(line):
            reasons.append(f"{name}: {reason}")
    if reasons:
        message = "; ".join(reasons)
        place = f"{where}#/{STATEMENT_KEY}"
        problem = Problem(code="HP062", where=place, message=message, hint=ASK_FOR_ANOTHER)
        problems.append(problem)
    return problems


def _problem(where: str, pointer: str, message: str, hint: str = ASK_FOR_ANOTHER) -> Problem:
    return Problem(code="HP071", where=f"{where}#{pointer}", message=message, hint=hint)


def _common_contradictions(document: AnyPacket) -> Iterator[Fault]:
    """Yield contradictions between the keys of all packets.

    Only the service version of a rehearsal may differ from the baseline.
    """
    if is_release(document):
        return
    values: Mapping[str, object] = document
    baseline: Mapping[str, object] = document["active_runtime_baseline"]
    is_rehearsal = document["handoff_mode"] != "stable"
    for key, value in baseline.items():
        may_differ = is_rehearsal and key == VERSION_KEY
        if not may_differ and key in values and value != values[key]:
            message = f"found {value}; the packet itself says {values[key]}"
            yield f"/active_runtime_baseline/{key}", message
    runtime_version = document["active_runtime_baseline"][VERSION_KEY]
    names = [runtime_version.replace(".", "_") + "_stable"]
    if is_rehearsal:
        names.append(document[VERSION_KEY].replace(".", "_") + "_candidate")
    for name in names:
        if name not in document["non_2xx_envelope_policy"]:
            yield "/non_2xx_envelope_policy", f"the key {name} is missing"


def _outcome_contradictions(document: PacketDocument) -> Iterator[Fault]:
    outcomes = document["verification_outcomes"]
    if [outcome["command"] for outcome in outcomes] != document["verification_commands"]:
        message = "the commands differ from those of verification_outcomes, or in their order"
        yield "/verification_commands", message
    if len({outcome["id"] for outcome in outcomes}) != len(outcomes):
        yield "/verification_outcomes", "two outcomes have the same id"
    if document["consumer_impact_statement_template"] != document["consumer_impact_statement"]:
        yield "/consumer_impact_statement_template", "it differs from consumer_impact_statement"


def _rehearsal_contradictions(document: PacketDocument) -> Iterator[Fault]:
    """Yield where a rehearsal allows too much, or lacks its advisory (HA010)."""
    if document["handoff_mode"] == "stable":
        return
    for key, message in rehearsal_faults(document["compatibility_expectations"]):
        yield f"/compatibility_expectations/{key}", message
    rehearsed = document[VERSION_KEY]
    runtime = document["active_runtime_baseline"][VERSION_KEY]
    has_advisory = any(advisory["code"] == "HA010" for advisory in document["advisories"])
    if has_advisory != (rehearsed == runtime):
        state = "with" if has_advisory else "without"
        message = (
            f"{state} HA010, but the packet rehearses {rehearsed} and the runtime is at {runtime}"
        )
        yield "/advisories", message


def _git_contradictions(document: PacketDocument) -> Iterator[Fault]:
    state = document["git_state"]
    tag = state["tag"]
    if state["runtime_commit"] != document["commit_sha"]:
        message = f"found {state['runtime_commit']}; commit_sha is {document['commit_sha']}"
        yield "/git_state/runtime_commit", message
    is_other = tag["name"] != document["release_tag"]
    if not is_release(document):
        is_other = not tag["name"].endswith(document["release_tag"])
    if is_other:
        message = f"found {tag['name']}; release_tag is {document['release_tag']}"
        yield "/git_state/tag/name", message
    tag_values = {
        "tag/kind": tag["kind"],
        "tag/target": tag["target"],
        "runtime_to_tag": state["runtime_to_tag"],
    }
    for key, value in tag_values.items():
        if (tag["state"] == "tagged") != (value is not None):
            yield f"/git_state/{key}", f"found {quoted(value)} for a tag that is {tag['state']}"
    manifest_values = {
        "/manifest_path": document["manifest_path"],
        "/git_state/manifest_sha256": state["manifest_sha256"],
    }
    version = document["manifest_contract_version"]
    for pointer, value in manifest_values.items():
        if (value is None) != (version is None):
            message = f"found {quoted(value)}; manifest_contract_version is {quoted(version)}"
            yield pointer, message
    yield from _relation_contradictions(state)


def _relation_contradictions(state: GitState) -> Iterator[Fault]:
    """Yield where relations of the runtime commit contradict the commits."""
    runtime = state["runtime_commit"]
    relations = (
        ("runtime_to_verified", state["runtime_to_verified"], state["verified_commit"]),
        ("runtime_to_tag", state["runtime_to_tag"], state["tag"]["target"]),
    )
    for key, relation, other in relations:
        if other is not None and (relation == Relation.SAME) != (other == runtime):
            message = f"found {relation}; runtime_commit is {runtime}, the other commit {other}"
            yield f"/git_state/{key}", message
    commits = state["commits_after_runtime"]
    last_commits = {Relation.SAME: [], Relation.ANCESTOR: [state["verified_commit"]]}
    last = last_commits.get(Relation(state["runtime_to_verified"]))
    if last is not None and commits[-1:] != last:
        message = f"{len(commits)} commits that do not end at the verified commit"
        yield "/git_state/commits_after_runtime", message


def _go_contradictions(document: PacketDocument) -> Iterator[Fault]:
    """Yield what a packet with the verdict GO cannot say."""
    for number, outcome in enumerate(document["verification_outcomes"]):
        if outcome["outcome"] != Outcome.PASSED or outcome["exit_code"] != 0:
            code = quoted(outcome["exit_code"])
            message = f"{outcome['id']} {outcome['outcome']} with exit code {code}"
            yield f"/verification_outcomes/{number}", message
    for key, line in (document["consumer_impact_statement"] or {}).items():
        if reason := statement.unfilled(str(line)):
            yield f"/consumer_impact_statement/{key}", reason
    state = document["git_state"]
    if state["runtime_paths_identical"] is not True:
        message = f"found {quoted(state['runtime_paths_identical'])}"
        yield "/git_state/runtime_paths_identical", message
    good = (Relation.SAME, Relation.ANCESTOR)
    if state["runtime_to_verified"] not in good:
        yield "/git_state/runtime_to_verified", f"found {quoted(state['runtime_to_verified'])}"
    if state["runtime_to_tag"] not in (*good, None):
        yield "/git_state/runtime_to_tag", f"found {quoted(state['runtime_to_tag'])}"


def quoted(value: object) -> str:
    """Return a value of a packet as JSON, shortened if it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + "..."
