"""Verify a packet against its schema, itself, and git."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import strict_json
from handoff_tasks.formats.words import some_of
from handoff_tasks.git import committed_profile
from handoff_tasks.git import workspace as git_workspace
from handoff_tasks.model import ProfileSource
from handoff_tasks.packet import diff
from handoff_tasks.packet.build import CONTRACT, GO
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.release import gather
from handoff_tasks.rules import form, packet_against_git
from handoff_tasks.rules import git as git_rules
from handoff_tasks.rules import packet as packet_rules
from handoff_tasks.rules import statement as statement_rules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from handoff_tasks.git.workspace import Commit, Workspace

# What the rules for every generator's packets look at; `diff.unreadable` has seen to their form.
_NEEDED = {
    *("handoff_mode", "release_tag", "commit_sha", "expected_service_contract_version", "expected_api_contract_version"),
    *("integration_baseline", "active_runtime_baseline", "non_2xx_envelope_policy", "consumer_impact_statement_template"),
}
# With these, all of DOMAIN section 2 that git, manifest or profile can contradict.
_COMPARED = {
    *("producer", "error_code_enum", "manifest_path", "changelog_path", "verification_commands"),
    *("rehearsal_candidate", "compatibility_expectations", "required_consumer_validation_commands"),
}
_GET = "ask the producer for a packet that the handoff session published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A packet's bytes, judged by themselves.

    ``document`` is the packet; of one that does not follow our schema only the keys that can be judged all the same, and None when
    it lacks what every consumer knows (DOMAIN section 2). ``is_own`` says whether this library made it.
    """

    document: Mapping[str, Any] | None
    problems: tuple[Problem, ...]
    is_own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a verifier names: the producer's root, the noxfile's profile, and with ``--profile`` the one to judge by instead."""

    root: Path
    profile_path: Path
    option: str | None
    work: Path
    cache: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """What the producer says against a packet. ``profile`` names the profile that judged it; None if none could."""

    problems: tuple[Problem, ...]
    advisories: tuple[Problem, ...] = ()
    workspace: Workspace | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A profile that may judge a packet: its bytes, what a packet says of its place, and how messages name it."""

    data: bytes
    source: ProfileSource
    said: str


def judge(data: bytes, where: str) -> Judged:
    """Return what is wrong with a packet's bytes: HP002, HP070, HP071, HP073; of another generator's HP062, HP071, HP076."""
    try:
        document: Any = strict_json.read(data, where)
    except HandoffError as error:
        return Judged(document=None, problems=error.problems)
    if isinstance(document, dict) and not diff.is_own(document):
        return _foreign(document, where)
    found = form.check_document(document, data, where)
    # What only contradicts itself is of its form.
    if any(problem.code != "HP071" for problem in found):
        if diff.unreadable(document, where):
            return Judged(document=None, problems=tuple(found))
        told = {problem.where.removeprefix(f"{where}#/").split("/")[0] for problem in found}
        judged = {key: value for key, value in document.items() if key in _NEEDED | (_COMPARED - told)}
        return Judged(document=judged, problems=(*found, *packet_rules.foreign_problems(judged, where)))
    if document["verdict"] != GO:
        message = f"the packet itself says {document['verdict']}"
        hint = "this is a draft; run the handoff session again once what it lists is mended"
        found.append(Problem(code="HP073", where=f"{where}#/verdict", message=message, hint=hint))
    return Judged(document=document, problems=tuple(found))


def _foreign(document: Mapping[str, Any], where: str) -> Judged:
    """Judge a packet of another generator: that it is one comes first."""
    stated = document.get("packet_contract_version")
    what = "no packet_contract_version" if stated is None else f"packet_contract_version is not {CONTRACT}"
    message = f"it is not a packet of handoff-tasks ({what}): it records no outcome"
    lacking = [problem.where.removeprefix(f"{where}#/") for problem in diff.unreadable(document, where)]
    if lacking:
        message += f"; of what every packet says it lacks {some_of(lacking)}"
    first = Problem(code="HP076", where=where, message=message, hint=_GET)
    if lacking:
        return Judged(document=None, problems=(first,), is_own=False)
    judged = {key: value for key, value in document.items() if key in _NEEDED | (_COMPARED - {"producer"})}
    return Judged(document=judged, problems=(first, *packet_rules.foreign_problems(judged, where)), is_own=False)


def stated_commit(document: Mapping[str, Any]) -> str | None:
    """Return the commit that a packet says it was verified at; None where it does not say it in our form."""
    return str(document["git_state"]["verified_commit"]) if "git_state" in document else None


def tagged_commit(workspace: Workspace, document: Mapping[str, Any], where: str) -> str:
    """Return the commit at which the producer has tagged a packet's release. Raises `HandoffError` (HP101) when it has not."""
    tag = workspace.profile.tag_name(document["release_tag"])
    ref = workspace.producer.tags.get(tag)
    if ref is not None and ref.commit is not None:
        return ref.commit
    known = ", ".join(sorted(workspace.producer.tags)) or "none"
    message = f"no such release tag in {workspace.producer.root}; known: {known}"
    hint = "name the producer that made it, with all its tags (git fetch --tags)"
    raise refusal("HP101", f"{where}#/release_tag", message, hint)


def against_producer(asked: Asked, document: Mapping[str, Any], where: str) -> Against:
    """Return what the producer's repository says against a packet, at the commit that it speaks of.

    One finding if the clone lacks that commit (HP075), or if the packet's own profile cannot judge it (HP074). Raises
    `HandoffError` if the producer cannot be opened.
    """
    stated = stated_commit(document)
    if stated is None:
        # The release's tag is what there is; its name is the profile's to say.
        opened = open_at(asked, "HEAD")
        commit = git_workspace.open_commit(
            root=asked.root, commit=tagged_commit(opened, document, where), path=".", cache=asked.cache
        )
        return _against(asked, commit, document, where)
    try:
        path = document["git_state"]["producer_path"]
        commit = git_workspace.open_commit(root=asked.root, commit=stated, path=path, cache=asked.cache)
    except HandoffError as error:
        if [problem.code for problem in error.problems] != ["HP012"]:
            raise
        message = f"this clone ({asked.root}) does not have the commit {stated}"
        hint = "fetch it, then verify again: git fetch --all --tags; or name the producer that made the packet"
        return Against(problems=(Problem(code="HP075", where=f"{where}#/git_state/verified_commit", message=message, hint=hint),))
    return _against(asked, commit, document, where)


def open_at(asked: Asked, ref: str) -> Workspace:
    """Open the producer at ``ref`` to read, with the profile of ``--profile`` or of the noxfile. Raises `HandoffError`."""
    commit = git_workspace.open_commit(root=asked.root, commit=ref, path=".", cache=asked.cache)
    return _with(asked, commit, _named(asked, commit) if asked.option else own_profile(asked, commit))


def _with(asked: Asked, commit: Commit, judge_: _Candidate) -> Workspace:
    return git_workspace.open_with(
        commit,
        data=judge_.data,
        where=judge_.said,
        source=judge_.source,
        profile_path=asked.profile_path,
        work=asked.work,
    )


def _against(asked: Asked, commit: Commit, document: Mapping[str, Any], where: str) -> Against:
    stated = document.get("producer")
    usual = _named(asked, commit) if asked.option else own_profile(asked, commit)
    if not isinstance(stated, dict):
        opened = _with(asked, commit, usual)
        problems, advisories = against_git(opened, document, where)
        return Against(problems=tuple(problems), advisories=tuple(advisories), workspace=opened, profile=usual.said)
    chosen = choose_profile(asked, commit, usual, stated, where)
    if isinstance(chosen, Problem):
        return Against(problems=(chosen,))
    same = usual.source.sha256 == stated["profile_sha256"]
    opened = _with(asked, commit, chosen)
    try:
        problems, advisories = against_git(opened, document, where)
    except HandoffError as error:
        if chosen is not usual or same:
            raise
        # Another profile looks for the producer's files elsewhere.
        problems, advisories = list(error.problems), []
    pointer = f"{where}#/producer/profile"
    named = _stated_in_words(stated)
    if chosen is usual and not same:
        if problems:
            pointers = some_of(list(dict.fromkeys(one.where.removeprefix(f"{where}#") for one in problems)))
            message = f"judged by {usual.said}, as --profile says; the packet names {named}, and the two differ at {pointers}"
            hint = "judge it by the profile that it names: leave --profile out; or ask the producer which of the two counts"
            problems, advisories = [Problem(code="HP074", where=pointer, message=message, hint=hint)], []
        else:
            message = f"judged by {usual.said}, as --profile says; the packet names {named}"
            advisories.append(
                Problem(code="HA019", where=pointer, message=message, hint="nothing, if that profile is the producer's")
            )
    elif chosen is not usual:
        message = f"judged by {chosen.said}, which the packet names; this noxfile registers {usual.said}"
        hint = "look whether that profile is the producer's; --profile NAME judges by another one"
        advisories.append(Problem(code="HA019", where=pointer, message=message, hint=hint))
    return Against(problems=tuple(problems), advisories=tuple(advisories), workspace=opened, profile=chosen.said)


def choose_profile(asked: Asked, commit: Commit, usual: _Candidate, stated: Mapping[str, Any], where: str) -> _Candidate | Problem:
    """Return the profile that judges a packet, or why none can (HP072, HP074).

    The one that the packet names, with the same bytes; with ``--profile`` that one. A profile of the verified commit that this
    noxfile registers is not given up for another one: else a packet could choose its judge.
    """
    found = _stated(commit, stated)
    pointer = f"{where}#/producer/profile"
    named = _stated_in_words(stated)
    if found is not None and found.source.sha256 != stated["profile_sha256"] and found.source.name not in files.built_in_profiles():
        message = f"the packet says {stated['profile_sha256']}; {found.said} has {found.source.sha256}"
        return Problem(code="HP072", where=f"{pointer}_sha256", message=message, hint=packet_rules.ASK_FOR_ANOTHER)
    if asked.option:
        return usual
    by_another = "verify with the profile that the packet names; --profile NAME judges by another one"
    if found is None and stated["profile"] is not None:
        message = f"the packet names {named}, which neither the verified commit nor this version of handoff-tasks has"
        return Problem(code="HP074", where=pointer, message=message, hint=by_another)
    if usual.source.sha256 == stated["profile_sha256"]:
        return usual
    if found is None:
        message = f"the packet names {named}, a file outside of its repository; this noxfile registers {usual.said}"
        return Problem(code="HP074", where=pointer, message=message, hint=by_another)
    if found.source.sha256 != stated["profile_sha256"]:
        message = f"the packet names {named}; in this version of handoff-tasks it has the sha256 {found.source.sha256}"
        hint = "verify with the version of handoff-tasks that made the packet; --profile NAME judges by another profile"
        return Problem(code="HP074", where=pointer, message=message, hint=hint)
    if usual.source.name is not None and usual.source.name not in files.built_in_profiles():
        message = f"the packet names {named}; this noxfile registers {usual.said}, with other bytes"
        return Problem(code="HP074", where=pointer, message=message, hint=by_another)
    return found


def _stated_in_words(stated: Mapping[str, Any]) -> str:
    return f"the profile {stated['profile'] or 'of no place'} with the sha256 {stated['profile_sha256']}"


def _stated(commit: Commit, stated: Mapping[str, Any]) -> _Candidate | None:
    """Return the profile that a packet names, be its bytes the same or not; None if it is not at hand."""
    name = stated["profile"]
    if name is None:
        return None
    built_in = _built_in(name)
    if built_in and built_in.source.sha256 == stated["profile_sha256"]:
        return built_in
    return _committed(commit, name) or built_in


def _named(asked: Asked, commit: Commit) -> _Candidate:
    """Return the profile that ``--profile`` names. Raises `HandoffError` (HP001)."""
    assert asked.option is not None
    found = _built_in(asked.option) or _committed(commit, asked.option)
    if found is None:
        known = ", ".join(files.built_in_profiles())
        message = f"{asked.option} is neither a file of the commit {commit.producer.commit[:12]} nor built in; built in: {known}"
        raise refusal("HP001", "--profile", message, "name the profile's path from the repository's top")
    return found


def own_profile(asked: Asked, commit: Commit) -> _Candidate:
    """Return the profile that the noxfile registers: the commit's own bytes if the commit holds it."""
    data = committed_profile.read_profile(asked.profile_path)
    source = committed_profile.profile_source(commit.producer, commit.repository, asked.profile_path, data)
    if source.name is not None:
        found = _built_in(source.name) or _committed(commit, source.name)
        if found is not None and found.source == source:
            return found
    return _Candidate(data=data, source=source, said=str(asked.profile_path))


def _built_in(name: str) -> _Candidate | None:
    path = files.built_in_profiles().get(name)
    if path is None:
        return None
    data = path.read_bytes()
    return _Candidate(data=data, source=_source(name, data), said=f"the built-in profile {name}")


def _committed(commit: Commit, path: str) -> _Candidate | None:
    data = committed_profile.read_committed_file(commit.producer, commit.repository, path)
    if data is None:
        return None
    return _Candidate(data=data, source=_source(path, data), said=f"{path} of the commit {commit.producer.commit[:12]}")


def _source(name: str, data: bytes) -> ProfileSource:
    return ProfileSource(name=name, sha256=hashlib.sha256(data).hexdigest())


def against_git(opened: Workspace, document: Mapping[str, Any], where: str) -> tuple[list[Problem], list[Problem]]:
    """Return where git and the producer's files at the workspace's commit contradict a packet (HP050 to HP057, HP063 to HP075).

    Second, the advisories: HA012, the release has been tagged since; HA016, the changelog has another statement; HA020, the clone's
    tag is lightweight.
    """
    material = gather.gather_material(opened, None, statement_rules.statement_of(document))
    problems = contradictions(opened, material, document, where)
    advisories = [
        *packet_against_git.tagged_since(document, material.facts),
        *statement_rules.other_statement(document, material.written),
        *packet_against_git.tag_kind(document, material.facts, where),
    ]
    return problems, advisories


def contradictions(opened: Workspace, material: gather.Material, document: Mapping[str, Any], where: str) -> list[Problem]:
    """Return where what was gathered of a packet's release contradicts it."""
    facts, manifest, profile = material.facts, material.manifest, opened.profile
    own = "git_state" in document
    mentioned = _mentioned(opened) if own else frozenset()
    return [
        *packet_against_git.packet_statement(document, facts, manifest, profile, opened.producer.tags, where),
        *packet_against_git.packet_against_git(document, facts, manifest, profile, where),
        *packet_against_git.packet_against_profile(document, facts, manifest, profile, where, mentioned),
        *git_rules.git_problems(facts, manifest, profile, allow_untagged=True),
    ]


def _mentioned(opened: Workspace) -> frozenset[str]:
    """Return the claimed tools that count only if files name them, and that files of the verified commit name."""
    return frozenset(
        tool.name
        for tool in opened.profile.tools.values()
        if tool.claim
        and tool.mentioned_in
        and any(map(tool.is_mentioned, opened.repository.contents(opened.producer, tool.mentioned_in)))
    )
