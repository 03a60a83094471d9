"""Judge a packet by itself: contradictions between its own parts (HP071)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from handoff_tasks.model import Outcome, Relation
from handoff_tasks.packet.build import GO
from handoff_tasks.problems import Problem
from handoff_tasks.producer import statement
from handoff_tasks.producer.profile import rehearsal_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

STATEMENT_KEY = "consumer_impact_statement_template"
_LONGEST_TOLD = 1000
ASK_FOR_ANOTHER = "do not use this packet; ask the producer for one that the handoff session published"


def packet_problems(document: Mapping[str, Any], where: str) -> list[Problem]:
    """Return where a packet that its schema accepts contradicts itself (HP071). Its ``where`` names the packet."""
    found: list[Problem] = []

    def wrong(pointer: str, message: str) -> None:
        found.append(Problem(code="HP071", where=f"{where}#{pointer}", message=message, hint=ASK_FOR_ANOTHER))

    for pointer, message in _shared_contradictions(document):
        wrong(pointer, message)
    commands = [outcome["command"] for outcome in document["verification_outcomes"]]
    if commands != document["verification_commands"]:
        wrong("/verification_commands", "the commands are not those of verification_outcomes, in their order")
    if len({outcome["id"] for outcome in document["verification_outcomes"]}) != len(commands):
        wrong("/verification_outcomes", "two outcomes have the same id")
    if document["consumer_impact_statement_template"] != document["consumer_impact_statement"]:
        wrong("/consumer_impact_statement_template", "it differs from consumer_impact_statement")
    for pointer, message in _candidate(document) if document["handoff_mode"] != "stable" else ():
        wrong(pointer, message)
    state = document["git_state"]
    if state["runtime_commit"] != document["commit_sha"]:
        wrong("/git_state/runtime_commit", f"found {state['runtime_commit']}; commit_sha is {document['commit_sha']}")
    if not state["tag"]["name"].endswith(document["release_tag"]):
        wrong("/git_state/tag/name", f"found {state['tag']['name']}; release_tag is {document['release_tag']}")
    tagged = state["tag"]["state"] == "tagged"
    for key, value in (("kind", state["tag"]["kind"]), ("target", state["tag"]["target"])):
        if tagged != (value is not None):
            wrong(f"/git_state/tag/{key}", f"found {quoted(value)} for a tag that is {state['tag']['state']}")
    if tagged != (state["runtime_to_tag"] is not None):
        wrong("/git_state/runtime_to_tag", f"found {quoted(state['runtime_to_tag'])} for a tag that is {state['tag']['state']}")
    for key, message in _relations(state):
        wrong(f"/git_state/{key}", message)
    if document["verdict"] == GO:
        found += _go_problems(document, where)
    return found


def foreign_problems(document: Mapping[str, Any], where: str) -> list[Problem]:
    """Return what is wrong with a packet of another generator that has the keys every consumer knows (DOMAIN section 2).

    Contradictions between these keys (HP071), and in one finding the lines of its statement that say nothing (HP062).
    """
    found = [
        Problem(code="HP071", where=f"{where}#{pointer}", message=message, hint=ASK_FOR_ANOTHER)
        for pointer, message in _shared_contradictions(document)
    ]
    lines = {name: statement.unfilled(line) for name, line in (document.get(STATEMENT_KEY) or {}).items()}
    if told := [f"{name}: {reason}" for name, reason in lines.items() if reason]:
        found.append(Problem(code="HP062", where=f"{where}#/{STATEMENT_KEY}", message="; ".join(told), hint=ASK_FOR_ANOTHER))
    return found


def _shared_contradictions(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where the keys that every packet has contradict each other: only the rehearsed version may differ from the baseline."""
    version, baseline = "expected_service_contract_version", document["active_runtime_baseline"]
    candidate = document["handoff_mode"] != "stable"
    for key in baseline:
        if not (candidate and key == version) and key in document and baseline[key] != document[key]:
            yield f"/active_runtime_baseline/{key}", f"found {baseline[key]}; the packet itself says {document[key]}"
    needed = [baseline[version].replace(".", "_") + "_stable"]
    needed += [document[version].replace(".", "_") + "_candidate"] if candidate else []
    for name in needed:
        if name not in document["non_2xx_envelope_policy"]:
            yield "/non_2xx_envelope_policy", f"the key {name} is missing"


def _candidate(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a rehearsal promises more than it may."""
    version, baseline = "expected_service_contract_version", document["active_runtime_baseline"]
    for key, message in rehearsal_faults(document["compatibility_expectations"]):
        yield f"/compatibility_expectations/{key}", message
    nothing_left = any(advisory["code"] == "HA010" for advisory in document["advisories"])
    if nothing_left != (document[version] == baseline[version]):
        found = "with" if nothing_left else "without"
        message = f"{found} HA010, but the packet rehearses {document[version]} and the runtime is at {baseline[version]}"
        yield "/advisories", message


def _relations(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where the relations of the runtime commit are not those of the commits that stand beside them."""
    runtime, commits = state["runtime_commit"], state["commits_after_runtime"]
    for key, other in (("runtime_to_verified", state["verified_commit"]), ("runtime_to_tag", state["tag"]["target"])):
        if other is not None and (state[key] == Relation.SAME) != (other == runtime):
            yield key, f"found {state[key]}; runtime_commit is {runtime}, the other commit {other}"
    last = {Relation.SAME: [], Relation.ANCESTOR: [state["verified_commit"]]}.get(state["runtime_to_verified"])
    if last is not None and commits[-1:] != last:
        yield "commits_after_runtime", f"{len(commits)} commits that do not end at the verified commit"


def _go_problems(document: Mapping[str, Any], where: str) -> list[Problem]:
    """Return what a packet says that no GO can say."""
    hint = "do not use this packet: its verdict is not true"
    found = []
    for number, outcome in enumerate(document["verification_outcomes"]):
        if outcome["outcome"] != Outcome.PASSED or outcome["exit_code"] != 0:
            pointer = f"{where}#/verification_outcomes/{number}"
            message = f"{outcome['id']} {outcome['outcome']} with exit code {quoted(outcome['exit_code'])}, but the verdict is GO"
            found.append(Problem(code="HP071", where=pointer, message=message, hint=hint))
    for key, value in document["consumer_impact_statement"].items():
        if reason := statement.unfilled(value):
            pointer = f"{where}#/consumer_impact_statement/{key}"
            found.append(Problem(code="HP071", where=pointer, message=f"{reason}, but the verdict is GO", hint=hint))
    state = document["git_state"]
    good = (Relation.SAME, Relation.ANCESTOR)
    for key, value, fine in (
        ("runtime_paths_identical", state["runtime_paths_identical"], state["runtime_paths_identical"] is True),
        ("runtime_to_verified", state["runtime_to_verified"], state["runtime_to_verified"] in good),
        ("runtime_to_tag", state["runtime_to_tag"], state["runtime_to_tag"] in (*good, None)),
    ):
        if not fine:
            pointer = f"{where}#/git_state/{key}"
            found.append(Problem(code="HP071", where=pointer, message=f"found {quoted(value)}, but the verdict is GO", hint=hint))
    return found


def quoted(value: object) -> str:
    """Return a value of a packet as JSON, shortened if it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_TOLD else text[:_LONGEST_TOLD] + "..."
