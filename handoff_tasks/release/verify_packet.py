"""Verify a packet against its schema, itself, and git."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from handoff_tasks.formats import strict_json
from handoff_tasks.formats.words import some_of
from handoff_tasks.git import workspace as git_workspace
from handoff_tasks.packet.document import CONTRACT, GO, is_own
from handoff_tasks.packet.form import foreign_faults
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.release import choose_profile, gather
from handoff_tasks.rules import form, packet_against_git
from handoff_tasks.rules import git as git_rules
from handoff_tasks.rules import packet as packet_rules
from handoff_tasks.rules import statement as statement_rules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from handoff_tasks.git.workspace import Commit, Workspace
    from handoff_tasks.packet.document import AnyPacket, ForeignPacket, ProducerEntry
    from handoff_tasks.release.choose_profile import Candidate, VerifyRequest

# The keys that the rules for packets of all generators read; `foreign_faults` checks them.
_REQUIRED_KEYS = frozenset(
    {
        "handoff_mode",
        "release_tag",
        "commit_sha",
        "expected_service_contract_version",
        "expected_api_contract_version",
        "integration_baseline",
        "active_runtime_baseline",
        "non_2xx_envelope_policy",
        "consumer_impact_statement_template",
    }
)
# The other keys that are compared with git, the manifest and the profile.
_COMPARED_KEYS = frozenset(
    {
        "producer",
        "error_code_enum",
        "manifest_path",
        "changelog_path",
        "verification_commands",
        "rehearsal_candidate",
        "compatibility_expectations",
        "required_consumer_validation_commands",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketJudgement:
    """What a packet's bytes alone say.

    ``document`` is the packet. If it does not follow the schema, it has only the keys that can be
    compared; it is None if a key that every packet has is missing. ``is_own`` is whether the packet
    says that it follows this library's contract.
    """

    document: AnyPacket | None
    problems: tuple[Problem, ...]
    is_own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerJudgement:
    """What the producer's repository says about a packet.

    ``profile`` is the name of the profile that verified it, in words; None if there is none.
    """

    problems: tuple[Problem, ...]
    advisories: tuple[Problem, ...] = ()
    workspace: Workspace | None = None
    profile: str | None = None


def judge_bytes(data: bytes, where: str) -> PacketJudgement:
    """Return the problems of a packet's bytes.

    HP002, HP070, HP071 and HP073; for packets of other generators HP062, HP071 and HP076.
    """
    try:
        document: Any = strict_json.read(data, where)
    except HandoffError as error:
        return PacketJudgement(document=None, problems=error.problems)
    if isinstance(document, dict) and not is_own(document):
        return _judge_foreign(document, where)
    problems = form.check_document(document, data, where)
    # Contradictions (HP071) are found only in a packet that follows the schema.
    if any(problem.code != "HP071" for problem in problems):
        if foreign_faults(document):
            return PacketJudgement(document=None, problems=tuple(problems))
        bad_keys = form.bad_keys(document)
        part = _comparable(document, _REQUIRED_KEYS | (_COMPARED_KEYS - bad_keys))
        problems += packet_rules.foreign_problems(part, where)
        return PacketJudgement(document=part, problems=tuple(problems))
    if document["verdict"] != GO:
        message = f"the packet itself says {document['verdict']}"
        hint = "this is a draft; fix the problems that it lists, then run the handoff session again"
        place = f"{where}#/verdict"
        problems.append(Problem(code="HP073", where=place, message=message, hint=hint))
    return PacketJudgement(document=document, problems=tuple(problems))


def _judge_foreign(document: Mapping[str, Any], where: str) -> PacketJudgement:
    """Return the problems of another generator's packet; the first says that it is one."""
    if document.get("packet_contract_version") is None:
        reason = "no packet_contract_version"
    else:
        reason = f"packet_contract_version is not {CONTRACT}"
    message = f"it is not a packet of handoff-tasks ({reason}): it records no outcome"
    faults = [pointer.removeprefix("/") for pointer, _ in foreign_faults(document)]
    if faults:
        message += f"; keys that every packet has are missing or invalid: {some_of(faults)}"
    hint = "ask the producer for a packet that the handoff session published"
    problem = Problem(code="HP076", where=where, message=message, hint=hint)
    if faults:
        return PacketJudgement(document=None, problems=(problem,), is_own=False)
    part = _comparable(document, _REQUIRED_KEYS | (_COMPARED_KEYS - {"producer"}))
    problems = (problem, *packet_rules.foreign_problems(part, where))
    return PacketJudgement(document=part, problems=problems, is_own=False)


def _comparable(document: Mapping[str, Any], keys: frozenset[str]) -> ForeignPacket:
    part = {key: value for key, value in document.items() if key in keys}
    return cast("ForeignPacket", part)


def read_verified_commit(document: AnyPacket) -> str | None:
    """Return the commit that a packet was verified at; None in other generators' packets."""
    return document["git_state"]["verified_commit"] if is_own(document) else None


def judge_by_producer(request: VerifyRequest, document: AnyPacket, where: str) -> ProducerJudgement:
    """Return what the producer's repository says about a packet, at the packet's commit.

    There is one problem if the clone does not have that commit (HP075), or if no profile can verify
    the packet (HP074). Raises `HandoffError` if the producer cannot be opened.
    """
    if not is_own(document):
        # Such a packet names no commit: the release's tag does, and its name is the profile's.
        opened = open_at(request, "HEAD")
        commit = _open_commit(request, tagged_commit(opened, document, where))
        return _judge(request, commit, document, where)
    state = document["git_state"]
    try:
        commit = _open_commit(request, state["verified_commit"], state["producer_path"])
    except HandoffError as error:
        if [problem.code for problem in error.problems] != ["HP012"]:
            raise
        message = f"this clone ({request.root}) does not have the commit {state['verified_commit']}"
        hint = (
            "fetch it, then verify again: git fetch --all --tags; "
            "or name the producer that made the packet"
        )
        place = f"{where}#/git_state/verified_commit"
        problem = Problem(code="HP075", where=place, message=message, hint=hint)
        return ProducerJudgement(problems=(problem,))
    return _judge(request, commit, document, where)


def open_at(request: VerifyRequest, ref: str) -> Workspace:
    """Open the producer at ``ref`` to read, with the caller's profile. Raises `HandoffError`."""
    commit = _open_commit(request, ref)
    profile = choose_profile.callers_profile(request, commit)
    return choose_profile.open_with(request, commit, profile)


def _open_commit(request: VerifyRequest, ref: str, path: str = ".") -> Commit:
    return git_workspace.open_commit(root=request.root, commit=ref, path=path, cache=request.cache)


def tagged_commit(workspace: Workspace, document: AnyPacket, where: str) -> str:
    """Return the commit of the tag of a packet's release. Raises `HandoffError` (HP101)."""
    tag = workspace.profile.tag_name(document["release_tag"])
    ref = workspace.producer.tags.get(tag)
    if ref is not None and ref.commit is not None:
        return ref.commit
    known = ", ".join(sorted(workspace.producer.tags)) or "none"
    message = f"no such release tag in {workspace.producer.root}; known: {known}"
    hint = "name the producer that made it, with all its tags (git fetch --tags)"
    raise refusal("HP101", f"{where}#/release_tag", message, hint)


def _judge(
    request: VerifyRequest, commit: Commit, document: AnyPacket, where: str
) -> ProducerJudgement:
    stated = document.get("producer")
    usual = choose_profile.callers_profile(request, commit)
    if stated is None:
        opened = choose_profile.open_with(request, commit, usual)
        problems, advisories = judge_by_git(opened, document, where)
        return ProducerJudgement(
            problems=tuple(problems),
            advisories=tuple(advisories),
            workspace=opened,
            profile=usual.label,
        )
    chosen = choose_profile.choose_profile(request, commit, usual, stated, where)
    if isinstance(chosen, Problem):
        return ProducerJudgement(problems=(chosen,))
    opened = choose_profile.open_with(request, commit, chosen)
    is_other = chosen is usual and usual.source.sha256 != stated["profile_sha256"]
    try:
        problems, advisories = judge_by_git(opened, document, where)
    except HandoffError as error:
        if not is_other:
            raise
        # Another profile looks for the producer's files in other places.
        problems, advisories = list(error.problems), []
    if is_other and problems:
        problems, advisories = [_other_profile_problem(problems, usual, stated, where)], []
    elif is_other:
        advisories.append(_other_profile_advisory(usual, stated, where))
    elif chosen is not usual:
        message = (
            f"verified with {chosen.label}, which the packet names; "
            f"this noxfile registers {usual.label}"
        )
        hint = "check that this is the producer's profile; --profile NAME verifies with another one"
        place = f"{where}#/producer/profile"
        advisories.append(Problem(code="HA019", where=place, message=message, hint=hint))
    return ProducerJudgement(
        problems=tuple(problems),
        advisories=tuple(advisories),
        workspace=opened,
        profile=chosen.label,
    )


def _other_profile_problem(
    problems: list[Problem], usual: Candidate, stated: ProducerEntry, where: str
) -> Problem:
    """Return the one problem (HP074) if the profile of ``--profile`` contradicts a packet."""
    places = dict.fromkeys(problem.where.removeprefix(f"{where}#") for problem in problems)
    message = (
        f"verified with {usual.label}, because of --profile; the packet names "
        f"{choose_profile.stated_label(stated)}, and the two differ at {some_of(list(places))}"
    )
    hint = (
        "verify with the profile that it names: omit --profile; "
        "or ask the producer which of the two is right"
    )
    return Problem(code="HP074", where=f"{where}#/producer/profile", message=message, hint=hint)


def _other_profile_advisory(usual: Candidate, stated: ProducerEntry, where: str) -> Problem:
    message = (
        f"verified with {usual.label}, because of --profile; "
        f"the packet names {choose_profile.stated_label(stated)}"
    )
    hint = "nothing, if that profile is the producer's"
    return Problem(code="HA019", where=f"{where}#/producer/profile", message=message, hint=hint)


def judge_by_git(
    opened: Workspace, document: AnyPacket, where: str
) -> tuple[list[Problem], list[Problem]]:
    """Return the problems and advisories that git and the producer's files have with a packet.

    Problems: HP050 to HP057, HP063 to HP075. Advisories: HA012, HA016, HA020.
    """
    statement = statement_rules.statement_of(document)
    release = document["release_tag"] if opened.profile.manifest_path is None else None
    try:
        material = gather.gather_material(opened, None, statement, release)
    except HandoffError as error:
        if [problem.code for problem in error.problems] != ["HP023"]:
            raise
        return [_other_release(error.problems[0], where)], []
    advisories = [
        *packet_against_git.tagged_since(document, material.facts),
        *statement_rules.other_statement(document, material.changelog_statement),
        *packet_against_git.tag_kind(document, material.facts, where),
    ]
    return contradictions(opened, material, document, where), advisories


def _other_release(found: Problem, where: str) -> Problem:
    """Return the problem (HP072) of a packet whose release is not the one of its commit."""
    hint = packet_rules.ASK_FOR_ANOTHER
    return Problem(code="HP072", where=f"{where}#/release_tag", message=found.message, hint=hint)


def contradictions(
    opened: Workspace, material: gather.Material, document: AnyPacket, where: str
) -> list[Problem]:
    """Return where the material of a packet's release contradicts the packet."""
    facts, manifest, profile = material.facts, material.manifest, opened.profile
    compared = packet_against_git.Comparison(
        document=document,
        facts=facts,
        manifest=manifest,
        profile=profile,
        where=where,
        seen_trees={
            check.id: opened.views[check.ignores].tree for check in profile.checks if check.ignores
        },
    )
    mentioned = _mentioned_tools(opened) if is_own(document) else frozenset()
    return [
        *packet_against_git.statement_contradictions(compared, opened.producer.tags),
        *packet_against_git.git_contradictions(compared),
        *packet_against_git.profile_contradictions(compared, mentioned),
        *git_rules.git_problems(facts, manifest, profile, allow_untagged=True),
    ]


def _mentioned_tools(opened: Workspace) -> frozenset[str]:
    """Return the tools that are claimed because files of the verified commit name them."""
    names = set()
    for tool in opened.profile.tools.values():
        if tool.claim and tool.mentioned_in:
            contents = opened.repository.contents(opened.producer, tool.mentioned_in)
            if any(tool.is_mentioned(data) for data in contents):
                names.add(tool.name)
    return frozenset(names)
