"""The final step: gather what evidence, git, profile and statement say, decide, and publish or leave a draft.

Gathering and publishing touch files; the decision between them is a function of values (`packet`, `rules`). Runs no check.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from handoff_tasks import canonical, evidence, files, impact, packet, paths, resources, rules, strict_json, validate
from handoff_tasks.errors import HandoffError, Problem, refusal
from handoff_tasks.model import LAST_SECOND, CheckResult, GitFacts, Manifest, Outcome, Statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.profile import Mode
    from handoff_tasks.workspace import Workspace

_NO_MANIFEST = (
    "commit one (schemas/producer-contract-manifest.v1.schema.json describes it), or give the producer's root with --producer-root "
    "and a commit that has its manifest with --ref"
)
RESULT_CONTRACT = "handoff-result.v1"
_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What was read of a release. ``statement`` is None when there is none that counts; ``problems`` then say why.

    ``written`` is the one in the changelog, whichever counts.
    """

    manifest: Manifest
    facts: GitFacts
    statement: Statement | None
    written: Statement | None
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A packet, and why it is no GO. ``advisories`` are in the packet, ``block`` is the statement to fill in, if it lacks one."""

    document: Mapping[str, Any]
    problems: tuple[Problem, ...]
    advisories: tuple[Problem, ...]
    block: str | None


def gather(workspace: Workspace, statement_file: Path | None, said: Statement | None = None) -> Material:
    """Read manifest, changelog, git and the impact statement of the workspace's commit; ``said`` is one that is known already.

    Raises `HandoffError`: HP020 (no manifest), HP021 (a bad one), HP022 (no changelog).
    """
    profile, producer = workspace.profile, workspace.producer
    commit = producer.commit[:12]
    committed = workspace.repository.files(producer, [profile.manifest_path, profile.changelog_path])
    data, changelog = committed[profile.manifest_path], committed[profile.changelog_path]
    if data is None or changelog is None:
        raise HandoffError(
            Problem(code=code, where=f"{commit}:{producer.prefix}{path}", message=f"the commit holds no {what} there", hint=hint)
            for code, path, what, hint, found in (
                ("HP020", profile.manifest_path, "producer manifest", _NO_MANIFEST, data),
                ("HP022", profile.changelog_path, "changelog", "commit a changelog with a section for the release", changelog),
            )
            if found is None
        )
    manifest = read_manifest(data, f"{commit}:{producer.prefix}{profile.manifest_path}")
    statement, problems = (said, []) if said else _statement(workspace, manifest, changelog, statement_file)
    written = _statement(workspace, manifest, changelog, None)[0] if said or statement_file else statement
    pair = impact.rollback_pair(statement) if statement else None
    facts = workspace.repository.facts(producer, profile, manifest, data, _manifest_or_none, pair[1] if pair else None)
    kinds = {name: kind for name, (kind, _, _) in producer.tags.items()}
    if statement:
        problems = rules.statement_problems(statement, manifest, facts)
    return Material(
        manifest=manifest,
        facts=facts,
        statement=statement,
        written=written,
        problems=tuple(problems),
        notes=(*workspace.notes, *_uncommitted(workspace), *rules.lightweight_tag(facts, profile, kinds)),
    )


def read_manifest(data: bytes, where: str) -> Manifest:
    """Return the manifest in ``data``. Raises `HandoffError` (HP021) with every mistake and its place."""
    document = strict_json.read(data, where, code="HP021")
    hint = "correct the manifest (schemas/producer-contract-manifest.v1.schema.json describes it) and commit it"
    found = validate.violations(document, resources.schema(resources.MANIFEST), where=where, code="HP021", hint=hint)
    if found:
        raise HandoffError(found)
    assert isinstance(document, dict)
    return Manifest.from_dict(document)


def _manifest_or_none(data: bytes) -> Manifest | None:
    try:
        return read_manifest(data, "manifest")
    except HandoffError:
        return None


def _statement(
    workspace: Workspace, manifest: Manifest, changelog: bytes, file: Path | None
) -> tuple[Statement | None, list[Problem]]:
    """Return the statement from the file, else from the changelog's section of the release; and what is wrong with it."""
    first_line = 1
    if file is not None:
        where = "--impact"
        try:
            data = files.plain_bytes(file)
        except OSError as error:
            message = f"the impact statement cannot be read: {error.strerror}"
            return None, [Problem(code="HP060", where=where, message=message, hint="name a readable file with --impact")]
    else:
        where, data = workspace.profile.changelog_path, changelog
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8"
        return None, [Problem(code="HP060", where=where, message=message, hint="write it in UTF-8")]
    if file is None:
        try:
            section = impact.section(text, manifest.release_tag, where)
        except HandoffError as error:
            return None, list(error.problems)
        if section is None:
            message = f"no section '## {manifest.release_tag}', so no impact statement"
            hint = f"add the section with {impact.SHOWN_BLOCK}, filled in, and commit; or give the block with --impact FILE"
            return None, [Problem(code="HP060", where=where, message=message, hint=hint)]
        first_line, text = section[0] + 1, section[1]
    try:
        return impact.parse(text, where, first_line), []
    except HandoffError as error:
        return None, list(error.problems)


def _uncommitted(workspace: Workspace) -> list[Problem]:
    """Return an advisory that names uncommitted files, where the packet speaks of them."""
    profile, producer = workspace.profile, workspace.producer
    changed = workspace.repository.uncommitted(producer, workspace.base / "worktree.index")
    if not changed:
        return []
    scripts = [check.argv[0].removeprefix("./") for check in profile.checks if "/" in check.argv[0]]
    named = [profile.manifest_path, profile.changelog_path, *scripts, *profile.runtime_paths]
    covers = workspace.repository.runtime(producer, profile).covers
    touched = sorted({*paths.select(named, changed), *filter(covers, changed)})
    if not touched:
        return []
    message = f"uncommitted, so no part of this run: {rules.some_of(touched)}"
    return [Problem(code="HA001", where=str(producer.root), message=message, hint="commit them if the release needs them")]


def take_in(workspace: Workspace, given: Sequence[Path]) -> list[Problem]:
    """Lay the evidence of other machines beside what there is; return conflicts and what cannot be read (HP104, HP106).

    Raises `HandoffError`: HP105 (a folder without evidence of the commit), HP080.
    """
    commit = workspace.producer.commit
    sources = [folder for place in given for folder in evidence.folders_of(place, commit)]
    checks = [check.id for check in workspace.profile.checks]
    return evidence.lay(evidence.folder(workspace.work, commit), sources, checks)


def results(workspace: Workspace, kept: frozenset[str] = frozenset()) -> list[CheckResult]:
    """Return what the evidence says of each check of the profile, in its order; ``kept`` are those that an earlier run ran."""
    place = evidence.folder_path(workspace.work, workspace.producer.commit)
    return [
        replace(rules.judge_evidence(check, evidence.read_record(place, check.id), workspace.binding(check)), kept=check.id in kept)
        for check in workspace.profile.checks
    ]


def not_run(workspace: Workspace) -> list[CheckResult]:
    """Return the checks of a run that stops before any of them has run, whatever evidence an earlier run has left."""
    reason = "the run stopped before it (--stop-early)"
    return [
        CheckResult(id=check.id, command=check.command, outcome=Outcome.NOT_RUN, reason=reason, record=None)
        for check in workspace.profile.checks
    ]


def known_problems(workspace: Workspace, material: Material, *, allow_untagged: bool) -> list[Problem]:
    """Return the problems that no check can change.

    Raises `HandoffError` with all of them when not even a draft could be written: nobody knows the release's envelope (HP057).
    """
    found = [
        *material.problems,
        *rules.git_problems(material.facts, material.manifest, workspace.profile, allow_untagged=allow_untagged),
    ]
    if any(problem.code == "HP057" for problem in found):
        raise HandoffError(found)
    return found


def decide(
    workspace: Workspace,
    material: Material,
    checks: Sequence[CheckResult],
    mode: Mode,
    *,
    allow_untagged: bool,
    more: Sequence[Problem] = (),
    ran: bool = True,
) -> Decision:
    """Return the packet of one mode, or its NO-GO draft; ``more`` are problems that the caller has found.

    With ``ran`` False the run stopped before any check, and that none has run is not a problem of its own.

    What would be published is validated as its bytes are read again: schema first, then the rules of a packet. A violation there
    is a mistake of ours and raises `RuntimeError`.
    """
    known = known_problems(workspace, material, allow_untagged=allow_untagged)
    judged = rules.check_problems(checks, workspace.profile, str(workspace.wanted("").tree)) if ran or not known else []
    problems = [*known, *judged, *more]
    advisories = rules.release_advisories(mode, material.manifest, material.facts, allow_untagged=allow_untagged)
    release = packet.Release(
        profile=workspace.profile,
        source=workspace.source,
        mode=mode,
        manifest=material.manifest,
        facts=material.facts,
        checks=checks,
        statement=material.statement,
        source_date_epoch=_source_date_epoch(),
    )
    document = packet.in_order(packet.assemble(release, problems, advisories), resources.schema(resources.PACKET))
    found = check_packet(canonical.published_bytes(document), "packet")
    if found:
        raise RuntimeError("the assembled packet is not valid: " + "; ".join(problem.text() for problem in found))
    return Decision(
        document=document,
        problems=tuple(sorted(problems)),
        advisories=tuple(sorted(advisories)),
        block=None if material.statement else impact.draft(material.manifest, material.facts),
    )


def _source_date_epoch() -> int | None:
    """Return SOURCE_DATE_EPOCH (reproducible-builds.org's specification), None when unset. Raises `HandoffError` (HP001)."""
    value = os.environ.get("SOURCE_DATE_EPOCH")
    if not value:
        return None
    # Python reads no number of thousands of digits.
    digits = value.lstrip("0") or "0"
    if not value.isascii() or not value.isdigit() or len(digits) > len(str(LAST_SECOND)) or int(digits) > LAST_SECOND:
        found = (
            repr(value) if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]!r} and {len(value) - _MOST_SHOWN} characters more"
        )
        message = f"found {found}; expected whole seconds since 1970, up to the year 9999"
        raise refusal("HP001", "SOURCE_DATE_EPOCH", message, "correct the variable, or unset it to use the commit's time")
    return int(digits)


def check_packet(data: bytes, where: str) -> list[Problem]:
    """Return what is wrong with a packet's bytes: reading (HP002), schema (HP070), contradictions (HP071)."""
    try:
        document = strict_json.read(data, where)
    except HandoffError as error:
        return list(error.problems)
    return check_document(document, data, where)


def check_document(document: object, data: bytes, where: str) -> list[Problem]:
    """Return what is wrong with a packet that was read from ``data``: schema and form (HP070), contradictions (HP071)."""
    hint = rules.ASK_FOR_ANOTHER
    found = validate.violations(document, resources.schema(resources.PACKET), where=where, code="HP070", hint=hint)
    if found:
        return found
    assert isinstance(document, dict)
    if data != canonical.published_bytes(packet.in_order(document, resources.schema(resources.PACKET))):
        message = (
            "the bytes are not in the published form (keys in the order of the contract, two-space indent, plain UTF-8, one "
            "newline at the end)"
        )
        return [Problem(code="HP070", where=where, message=message, hint=hint)]
    return rules.packet_problems(document, where)


def publish(decision: Decision, target: Path, git_dir: Path, top: Path | None = None) -> str:
    """Replace the file at ``target`` by the packet; return the sha256 of its bytes. Raises `HandoffError` (HP080, HP081)."""
    assert not decision.problems
    if found := evidence.check_target(target, git_dir, top):
        raise HandoffError(found)
    data = canonical.published_bytes(decision.document)
    files.write(target, data)
    return hashlib.sha256(data).hexdigest()


def write_draft(workspace: Workspace, decision: Decision) -> Path:
    """Write a NO-GO packet beside the evidence; return its path."""
    path = draft_path(workspace, str(decision.document["handoff_mode"]))
    files.write(path, canonical.published_bytes(decision.document))
    return path


def draft_path(workspace: Workspace, mode: str) -> Path:
    """Return where the NO-GO draft of a mode lies: no check's record can have this name."""
    return evidence.folder(workspace.work, workspace.producer.commit) / f"no-go.{mode}.json"


def result_document(
    *,
    mode: str | None,
    commit: str | None,
    packet_path: Path | None,
    draft: Path | None,
    place: Path | None,
    problems: Sequence[Problem],
    advisories: Sequence[Problem],
    checks: Sequence[CheckResult],
) -> dict[str, Any]:
    """Return the result of a run for machines (schema handoff-result.v1)."""
    return {
        "result_contract_version": RESULT_CONTRACT,
        "verdict": packet.NO_GO if problems else packet.GO,
        "mode": mode,
        "commit": commit,
        "packet": str(packet_path) if packet_path else None,
        "draft": str(draft) if draft else None,
        "evidence": str(place) if place else None,
        "problems": [problem.to_dict() for problem in sorted(problems)],
        "advisories": [advisory.to_dict() for advisory in sorted(advisories)],
        "checks": [
            {
                "id": check.id,
                "outcome": str(check.outcome),
                "exit_code": check.exit_code,
                "seconds": check.record.duration_ms / 1000 if check.record else None,
                "kept": check.kept,
            }
            for check in checks
        ],
    }
