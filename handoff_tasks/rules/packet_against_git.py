"""Judge a packet by git, the manifest and the profile (HP063 to HP072)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from handoff_tasks.model import Outcome
from handoff_tasks.packet.build import GO, envelope_policy, generated_at, git_state
from handoff_tasks.problems import Problem
from handoff_tasks.producer import statement
from handoff_tasks.rules import advisories
from handoff_tasks.rules import git as git_rules
from handoff_tasks.rules import packet as packet_rules
from handoff_tasks.rules import statement as statement_rules
from handoff_tasks.rules.packet import STATEMENT_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import Any

    from handoff_tasks.model import GitFacts, Manifest
    from handoff_tasks.producer.profile import Profile

_AGAIN = "do not use this packet: verify the release again with the handoff session"


def tag_kind(document: Mapping[str, Any], facts: GitFacts, where: str) -> list[Problem]:
    """Return an advisory (HA020) if a packet's tag is annotated, and the clone has a lightweight one at the same commit."""
    if not _is_clobbered(document, facts):
        return []
    assert facts.tag.existing is not None
    message = "the packet says annotated; in this clone the tag is lightweight, at the same commit"
    return [
        Problem(
            code="HA020",
            where=f"{where}#/git_state/tag/kind",
            message=message,
            hint=git_rules.clobbered_tag_hint(facts.tag.existing.name),
        )
    ]


def _is_clobbered(document: Mapping[str, Any], facts: GitFacts) -> bool:
    said = document["git_state"]["tag"] if "git_state" in document else {}
    tag = facts.tag.existing
    return tag is not None and (said.get("kind"), said.get("target")) == ("annotated", tag.target) and tag.kind == "lightweight"


def tagged_since(document: Mapping[str, Any], facts: GitFacts) -> list[Problem]:
    """Return an advisory (HA012) when the release of an untagged packet has been tagged since."""
    if "git_state" not in document or document["git_state"]["tag"]["state"] == "tagged" or facts.tag.existing is None:
        return []
    message = f"the release has been tagged since: {facts.tag.name} points to {facts.tag.existing.target}"
    hint = "run the handoff session at the tag for a packet that says so"
    return [Problem(code="HA012", where="git_state/tag", message=message, hint=hint)]


def packet_against_git(
    document: Mapping[str, Any], facts: GitFacts, manifest: Manifest, profile: Profile, where: str
) -> list[Problem]:
    """Return where git, the manifest and the profile, asked today, contradict a packet (HP072).

    A tag that has come since does not contradict it, and one that the clone lacks is told in one finding (HP075). Of a packet of
    another generator the keys that it has are looked at. What a packet says of the profile's place is not: `packet_judge` does.
    """
    known = [mode for mode in profile.modes if mode.name == document["handoff_mode"]]
    hint = _AGAIN
    if not known:
        message = f"found {document['handoff_mode']}; the profile knows {', '.join(mode.name for mode in profile.modes)}"
        return [Problem(code="HP072", where=f"{where}#/handoff_mode", message=message, hint=hint)]
    now: dict[str, Any] = {
        "expected_service_contract_version": known[0].rehearsed or manifest.service_version,
        "active_runtime_baseline": manifest.baseline(),
        "error_code_enum": list(manifest.error_codes),
        "non_2xx_envelope_policy": envelope_policy(profile, manifest),
        "manifest_path": profile.manifest_path,
        "changelog_path": profile.changelog_path,
        "verification_commands": [check.command for check in profile.checks],
        **known[0].blocks,
        "producer": {"id": profile.id, "name": profile.name},
        "verification_outcomes": [{"id": check.id, "command": check.command} for check in profile.checks],
        "git_state": git_state(facts),
    }
    found: list[Problem] = []
    if "git_state" not in document:
        now = {key: value for key, value in now.items() if key in document}
    else:
        found += _as_the_clone_can_tell(document, now["git_state"], facts, where)
    then = {key: document.get(key) for key in now}
    if "packet_contract_version" not in document:
        then |= _without_root(then, profile)
    if "producer" in now and isinstance(then["producer"], dict):
        then["producer"] = {key: then["producer"].get(key) for key in now["producer"]}
    if "verification_outcomes" in now and then["verification_outcomes"]:
        then["verification_outcomes"] = [{key: one[key] for key in ("id", "command")} for one in then["verification_outcomes"]]
    if document.get("handoff_generated_at_source") == "verified-commit":
        then["handoff_generated_at_utc"] = document["handoff_generated_at_utc"]
        now["handoff_generated_at_utc"] = generated_at(facts.verified.committed_at)
    for pointer, old, new in _differences(then, now, ""):
        message = f"the packet says {packet_rules.quoted(old)}; today it is {packet_rules.quoted(new)}"
        found.append(Problem(code="HP072", where=f"{where}#{pointer}", message=message, hint=hint))
    envelopes = [list(some.get("non_2xx_envelope_policy") or ()) for some in (then, now)]
    if envelopes[0] != envelopes[1] and sorted(envelopes[0]) == sorted(envelopes[1]):
        message = f"the packet has the order {', '.join(envelopes[0])}; today it is {', '.join(envelopes[1])}"
        found.append(Problem(code="HP072", where=f"{where}#/non_2xx_envelope_policy", message=message, hint=hint))
    return found


def _without_root(then: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """Return the paths and commands of another generator's packet relative to the producer's root, which it wrote into them."""
    path, below = then.get("manifest_path"), f"/{profile.manifest_path}"
    if not isinstance(path, str) or not path.endswith(below):
        return {}
    root = path.removesuffix(below)
    made: dict[str, Any] = {"manifest_path": profile.manifest_path}
    if isinstance(changelog := then.get("changelog_path"), str):
        made["changelog_path"] = changelog.removeprefix(f"{root}/")
    if isinstance(commands := then.get("verification_commands"), list):
        made["verification_commands"] = [
            " ".join("." if word == root else word for word in str(command).split(" ")) for command in commands
        ]
    return made


def _as_the_clone_can_tell(document: Mapping[str, Any], state: dict[str, Any], facts: GitFacts, where: str) -> Iterator[Problem]:
    """Take from a packet into ``state`` what this clone cannot tell of the tag; yield a finding (HP075) if it lacks the tag."""
    said = document["git_state"]
    tagged = said["tag"]["state"] == "tagged"
    if tagged != (facts.tag.existing is not None):
        for key in ("tag", "runtime_to_tag"):
            state[key] = {**said[key], "name": facts.tag.name} if key == "tag" else said[key]
    if tagged and facts.tag.existing is None:
        message = f"this clone has no tag {facts.tag.name}; the packet says that it points to {said['tag']['target']}"
        hint = "fetch the tags, then verify again: git fetch --tags; if the producer has no such tag, do not use this packet"
        yield Problem(code="HP075", where=f"{where}#/git_state/tag", message=message, hint=hint)
    if _is_clobbered(document, facts):
        state["tag"]["kind"] = said["tag"]["kind"]


def packet_statement(
    document: Mapping[str, Any], facts: GitFacts, manifest: Manifest, profile: Profile, tags: Collection[str], where: str
) -> list[Problem]:
    """Return what git and the manifests say against a packet's statement, each at its line in the packet.

    ``tags`` are those of the clone. If it lacks the tag to roll back to, it lacks the release that the lines are held against, and
    one finding (HP075) says so. Lines that are not filled in are left to `foreign_problems`.
    """
    said = statement_rules.statement_of(document)
    if said is None:
        return []
    key = "consumer_impact_statement" if document.get("consumer_impact_statement") else STATEMENT_KEY
    lines = said.to_dict()
    found = [
        replace(one, where=f"{where}#/{key}/{statement.LABELS[one.where]}", hint=_AGAIN)
        for one in statement_rules.statement_problems(said, manifest, facts)
        if not statement.unfilled(lines[statement.LABELS[one.where]])
    ]
    pair = statement.rollback_pair(said)
    if not pair or profile.tag_name(pair[0]) in tags or pair[0] == manifest.release_tag:
        return found
    kept = [one for one in found if one.code == "HP063"]
    if len(kept) < len(found):
        message = f"this clone has no tag {profile.tag_name(pair[0])}, so the statement cannot be held against that release"
        hint = "fetch the tags, then verify again: git fetch --tags; if the producer has no such tag, do not use this packet"
        kept.append(Problem(code="HP075", where=f"{where}#/{key}/rollback_instruction", message=message, hint=hint))
    return kept


def packet_against_profile(
    document: Mapping[str, Any],
    facts: GitFacts,
    manifest: Manifest,
    profile: Profile,
    where: str,
    mentioned: Collection[str] = (),
) -> list[Problem]:
    """Return where a GO packet's advisories and tools are not those of its release and profile (HP072).

    Where the tag has come or moved since, the advisories are not looked at: they were those of that time. ``mentioned`` are the
    tools that the profile claims only if files name them, and that files of the verified commit name.
    """
    modes = [mode for mode in profile.modes if mode.name == document["handoff_mode"]]
    if not modes or document.get("verdict") != GO:
        return []
    found = [*_foreign_tools(document, profile, mentioned)]
    untagged = document["git_state"]["tag"]["state"] == "untagged"
    if untagged and not any(one["code"] == "HA011" for one in document["advisories"]):
        found.append(("/advisories", "without HA011, but the packet says that the tag does not exist yet"))
    if document["git_state"]["tag"]["target"] == (facts.tag.existing.target if facts.tag.existing else None):
        then = document["advisories"]
        now = [one.to_dict() for one in sorted(advisories.release_advisories(modes[0], manifest, facts, allow_untagged=True))]
        if then != now:
            codes = (", ".join(one["code"] for one in some) or "none" for some in (then, now))
            found.append(("/advisories", "the packet has {}, the release {}, each in its own words".format(*codes)))
    return [Problem(code="HP072", where=f"{where}#{pointer}", message=message, hint=_AGAIN) for pointer, message in found]


def _foreign_tools(document: Mapping[str, Any], profile: Profile, mentioned: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield where a passed check names other tools than the profile claims for it."""
    checks = {check.id: check for check in profile.checks}
    for number, outcome in enumerate(document["verification_outcomes"]):
        check = checks.get(outcome["id"])
        if check is None or outcome["outcome"] != Outcome.PASSED:
            continue
        claimed = [profile.tools[name] for name in check.tools if profile.tools[name].claim]
        # A tool that only some releases mention may be missing.
        needed = {tool.name for tool in claimed if not tool.mentioned_in or tool.name in mentioned}
        named = outcome["tools"].keys()
        if not needed <= named <= {tool.name for tool in claimed}:
            message = (
                f"the packet names {', '.join(sorted(named)) or 'none'}; the profile claims {', '.join(sorted(needed)) or 'none'}"
            )
            yield f"/verification_outcomes/{number}/tools", message


def _differences(then: object, now: object, pointer: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from _differences(then.get(key), now.get(key), f"{pointer}/{key}")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _differences(one, other, f"{pointer}/{number}")
    elif then != now:
        yield pointer, then, now
