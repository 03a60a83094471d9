"""Check a packet by git, the manifest and the profile (HP063 to HP075)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from handoff_tasks.packet.build import contract, envelope_policy, generated_at, git_state
from handoff_tasks.packet.diff import relative_command
from handoff_tasks.packet.document import GO, STATEMENT_KEY, is_own, is_release
from handoff_tasks.problems import Problem
from handoff_tasks.producer import statement
from handoff_tasks.record import Outcome
from handoff_tasks.rules import advisories
from handoff_tasks.rules import git as git_rules
from handoff_tasks.rules import packet as packet_rules
from handoff_tasks.rules import statement as statement_rules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from handoff_tasks.model import GitFacts, Manifest
    from handoff_tasks.packet.document import (
        AnyPacket,
        GitState,
        OutcomeEntry,
        PacketDocument,
    )
    from handoff_tasks.producer.profile import Check, Mode, Profile

_COMPARED_OF_OUTCOMES = ("id", "command", "ignores", "seen_tree")
_AGAIN = "do not use this packet: verify the release again with the handoff session"
_FETCH_TAGS = (
    "fetch the tags, then verify again: git fetch --tags; "
    "if the producer has no such tag, do not use this packet"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A packet, its name in messages, and what git, manifest and profile say today.

    ``seen_trees`` are the trees that checks see that do not see all files, by check.
    """

    document: AnyPacket
    facts: GitFacts
    manifest: Manifest
    profile: Profile
    where: str
    seen_trees: Mapping[str, str] = field(default_factory=dict)

    def problem(self, pointer: str, message: str) -> Problem:
        """Return a problem (HP072) at a place in the packet."""
        place = f"{self.where}#{pointer}"
        return Problem(code="HP072", where=place, message=message, hint=_AGAIN)

    def mode(self) -> Mode | None:
        """Return the packet's mode, None if the profile does not have it."""
        name = self.document["handoff_mode"]
        return next((mode for mode in self.profile.modes if mode.name == name), None)


def tag_kind(document: AnyPacket, facts: GitFacts, where: str) -> list[Problem]:
    """Return an advisory (HA020) if the packet's tag is annotated and the clone's is not."""
    if facts.tag.existing is None or not is_own(document):
        return []
    if not _is_replaced_by_lightweight(document, facts):
        return []
    message = "the packet says annotated; in this clone the tag is lightweight, at the same commit"
    place = f"{where}#/git_state/tag/kind"
    hint = git_rules.replaced_tag_hint(facts.tag.name)
    return [Problem(code="HA020", where=place, message=message, hint=hint)]


def _is_replaced_by_lightweight(document: PacketDocument, facts: GitFacts) -> bool:
    stated, tag = document["git_state"]["tag"], facts.tag.existing
    if tag is None or stated["kind"] != "annotated":
        return False
    return stated["target"] == tag.target and tag.kind == "lightweight"


def tagged_since(document: AnyPacket, facts: GitFacts) -> list[Problem]:
    """Return an advisory (HA012) if an untagged packet's release has been tagged since."""
    if not is_own(document) or facts.tag.existing is None:
        return []
    if document["git_state"]["tag"]["state"] == "tagged":
        return []
    message = (
        f"the release has been tagged since: {facts.tag.name} points to {facts.tag.existing.target}"
    )
    hint = "run the handoff session at the tag for a packet that says so"
    return [Problem(code="HA012", where="git_state/tag", message=message, hint=hint)]


def git_contradictions(compared: Comparison) -> list[Problem]:
    """Return where git, the manifest and the profile contradict a packet today (HP072).

    A tag that was made since does not contradict it; a tag that the clone lacks gives one problem
    (HP075). Of other generators' packets, the keys that they have are compared. The place of the
    profile is not compared: `release.choose_profile` does that.
    """
    document, facts = compared.document, compared.facts
    mode = compared.mode()
    if mode is None:
        modes = ", ".join(mode.name for mode in compared.profile.modes)
        message = f"found {document['handoff_mode']}; the profile has {modes}"
        return [compared.problem("/handoff_mode", message)]
    today = _values_today(compared, mode)
    problems = []
    if is_own(document):
        state = git_state(facts)
        if missing := _missing_tag(document, compared):
            problems.append(missing)
        _use_packets_tag(document, state, facts)
        today["git_state"] = state
        stated = _own_values(document, today)
        if document["handoff_generated_at_source"] == "verified-commit":
            stated["handoff_generated_at_utc"] = document["handoff_generated_at_utc"]
            today["handoff_generated_at_utc"] = generated_at(facts.verified.committed_at)
    else:
        stated = _foreign_values(document, compared.profile, today)
        today = {key: value for key, value in today.items() if key in stated}
    for pointer, old, new in _differences(stated, today, ""):
        quoted = packet_rules.quoted
        message = f"the packet says {quoted(old)}; today it is {quoted(new)}"
        problems.append(compared.problem(pointer, message))
    return [*problems, *_order_of_envelopes(compared)]


def _order_of_envelopes(compared: Comparison) -> Iterator[Problem]:
    service = compared.manifest.service
    if service is None or is_release(compared.document):
        return
    names = list(compared.document["non_2xx_envelope_policy"])
    names_today = list(envelope_policy(compared.profile, service))
    if names != names_today and sorted(names) == sorted(names_today):
        message = (
            f"the packet has the order {', '.join(names)}; today it is {', '.join(names_today)}"
        )
        yield compared.problem("/non_2xx_envelope_policy", message)


def _contract_today(compared: Comparison, mode: Mode) -> dict[str, object]:
    """Return the values of the contract; a rehearsal's API version is not compared."""
    today = contract(compared.profile, compared.manifest, mode)
    if compared.manifest.service is None:
        manifest = compared.manifest
        return {
            "release_tag": manifest.release_tag,
            "manifest_contract_version": manifest.contract_version,
            **today,
        }
    unread = ("expected_api_contract_version", "integration_baseline")
    return {key: value for key, value in today.items() if key not in unread}


def _values_today(compared: Comparison, mode: Mode) -> dict[str, object]:
    profile = compared.profile
    return {
        **_contract_today(compared, mode),
        "manifest_path": profile.manifest_path,
        "changelog_path": profile.changelog_path,
        "verification_commands": [check.command for check in profile.checks],
        **mode.blocks,
        "producer": {"id": profile.id, "name": profile.name},
        "verification_outcomes": [
            _outcome_today(check, compared.seen_trees) for check in profile.checks
        ],
    }


def _outcome_today(check: Check, seen_trees: Mapping[str, str]) -> dict[str, object]:
    entry: dict[str, object] = {"id": check.id, "command": check.command}
    if check.ignores:
        entry |= {"ignores": list(check.ignores), "seen_tree": seen_trees[check.id]}
    return entry


def _own_values(document: PacketDocument, today: Mapping[str, object]) -> dict[str, object]:
    """Return the values of a packet that are compared with those of today."""
    values: Mapping[str, object] = document
    producer = document["producer"]
    return {
        **{key: values.get(key) for key in today},
        "producer": {"id": producer["id"], "name": producer["name"]},
        "verification_outcomes": [
            {key: value for key, value in outcome.items() if key in _COMPARED_OF_OUTCOMES}
            for outcome in document["verification_outcomes"]
        ],
    }


def _foreign_values(
    document: AnyPacket, profile: Profile, today: Mapping[str, object]
) -> dict[str, object]:
    """Return the compared values of a packet, with paths relative to the producer's root.

    Other generators write the path of the root on one machine into paths and commands.
    """
    values: Mapping[str, object] = document
    stated = {key: values[key] for key in today if key in values}
    if producer := document.get("producer"):
        stated["producer"] = {"id": producer["id"], "name": producer["name"]}
    path, below = document.get("manifest_path"), f"/{profile.manifest_path}"
    if not isinstance(path, str) or not path.endswith(below):
        return stated
    root = path.removesuffix(below)
    stated["manifest_path"] = profile.manifest_path
    changelog = document.get("changelog_path")
    if isinstance(changelog, str):
        stated["changelog_path"] = changelog.removeprefix(f"{root}/")
    commands = document.get("verification_commands")
    if isinstance(commands, list):
        stated["verification_commands"] = [
            relative_command(str(command), root) for command in commands
        ]
    return stated


def _missing_tag(document: PacketDocument, compared: Comparison) -> Problem | None:
    """Return a problem (HP075) if the clone lacks the packet's tag."""
    tag, facts = document["git_state"]["tag"], compared.facts
    if tag["state"] != "tagged" or facts.tag.existing is not None:
        return None
    message = (
        f"this clone has no tag {facts.tag.name}; the packet says that it points to {tag['target']}"
    )
    place = f"{compared.where}#/git_state/tag"
    return Problem(code="HP075", where=place, message=message, hint=_FETCH_TAGS)


def _use_packets_tag(document: PacketDocument, state: GitState, facts: GitFacts) -> None:
    """Replace in ``state`` what this clone cannot know of the packet's tag."""
    stated = document["git_state"]
    if (stated["tag"]["state"] == "tagged") != (facts.tag.existing is not None):
        state["tag"] = {**stated["tag"], "name": facts.tag.name}
        state["runtime_to_tag"] = stated["runtime_to_tag"]
    if _is_replaced_by_lightweight(document, facts):
        state["tag"]["kind"] = stated["tag"]["kind"]


def statement_contradictions(compared: Comparison, tags: Collection[str]) -> list[Problem]:
    """Return where git and the manifests contradict a packet's statement, line by line.

    ``tags`` are those of the clone. If it lacks the tag to roll back to, it lacks the release with
    which the lines are compared: one problem (HP075) says so. `packet_rules` reports lines that are
    not filled in.
    """
    document, manifest, where = compared.document, compared.manifest, compared.where
    stated = statement_rules.statement_of(document)
    if stated is None:
        return []
    key: str = STATEMENT_KEY
    if is_own(document) and document["consumer_impact_statement"]:
        key = "consumer_impact_statement"
    lines = stated.to_dict()
    problems = [
        replace(finding.problem, where=f"{where}#/{key}/{finding.line}", hint=_AGAIN)
        for finding in statement_rules.statement_findings(stated, manifest, compared.facts)
        if not statement.unfilled(lines[finding.line])
    ]
    pair = statement.rollback_pair(stated)
    if not pair or pair[0] == manifest.release_tag:
        return problems
    tag = compared.profile.tag_name(pair[0])
    independent = [problem for problem in problems if problem.code == "HP063"]
    if tag in tags or len(independent) == len(problems):
        return problems
    message = f"this clone has no tag {tag}, so the statement cannot be compared with that release"
    place = f"{where}#/{key}/rollback_instruction"
    return [*independent, Problem(code="HP075", where=place, message=message, hint=_FETCH_TAGS)]


def profile_contradictions(compared: Comparison, mentioned: Collection[str] = ()) -> list[Problem]:
    """Return where a GO packet's advisories and tools contradict release and profile (HP072).

    If the tag was made or moved since, advisories are not compared: they are those of that time.
    ``mentioned`` are the tools that are claimed because files of the verified commit name them.
    """
    document, facts = compared.document, compared.facts
    mode = compared.mode()
    if mode is None or not is_own(document) or document["verdict"] != GO:
        return []
    faults = list(_tool_contradictions(document["verification_outcomes"], compared, mentioned))
    tag, stated = document["git_state"]["tag"], document["advisories"]
    if tag["state"] == "untagged" and not any(one["code"] == "HA011" for one in stated):
        message = "without HA011, but the packet says that the tag does not exist yet"
        faults.append(("/advisories", message))
    if tag["target"] == (facts.tag.existing.target if facts.tag.existing else None):
        today = advisories.release_advisories(mode, compared.manifest, facts, allow_untagged=True)
        if stated != [advisory.to_dict() for advisory in sorted(today)]:
            codes = ", ".join(one["code"] for one in stated) or "none"
            codes_today = ", ".join(one.code for one in sorted(today)) or "none"
            message = f"the packet has {codes}, the release {codes_today}, each in its own words"
            faults.append(("/advisories", message))
    return [compared.problem(pointer, message) for pointer, message in faults]


def _tool_contradictions(
    outcomes: Collection[OutcomeEntry], compared: Comparison, mentioned: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield where a passed check names other tools than the profile claims for it."""
    profile = compared.profile
    checks = {check.id: check for check in profile.checks}
    for number, outcome in enumerate(outcomes):
        check = checks.get(outcome["id"])
        if check is None or outcome["outcome"] != Outcome.PASSED:
            continue
        claimed = [profile.tools[name] for name in check.tools if profile.tools[name].claim]
        # A tool that only some releases mention may be missing.
        required = {
            tool.name for tool in claimed if not tool.mentioned_in or tool.name in mentioned
        }
        named = outcome["tools"].keys()
        if not required <= named <= {tool.name for tool in claimed}:
            found = ", ".join(sorted(named)) or "none"
            expected = ", ".join(sorted(required)) or "none"
            message = f"the packet names {found}; the profile claims {expected}"
            yield f"/verification_outcomes/{number}/tools", message


def _differences(old: object, new: object, pointer: str) -> Iterator[tuple[str, object, object]]:
    """Yield pointer and both values of each difference between two JSON values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(old.get(key), new.get(key), f"{pointer}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{pointer}/{number}")
    elif old != new:
        yield pointer, old, new
