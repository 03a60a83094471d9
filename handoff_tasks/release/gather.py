"""Gather manifest, statement, git facts and evidence of a release."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import merge
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import path_patterns
from handoff_tasks.formats.words import some_of
from handoff_tasks.git.facts import gather_facts
from handoff_tasks.model import CheckResult, Outcome
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import manifest as producer_manifest
from handoff_tasks.producer import statement as producer_statement
from handoff_tasks.rules import advisories
from handoff_tasks.rules import statement as statement_rules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import GitFacts, Manifest, Statement

_NO_MANIFEST = (
    "commit one (schemas/producer-contract-manifest.v1.schema.json describes it), or give the producer's root with --producer-root "
    "and a commit that has its manifest with --ref"
)


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


def gather_material(workspace: Workspace, statement_file: Path | None, said: Statement | None = None) -> Material:
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
    manifest = producer_manifest.read_manifest(data, f"{commit}:{producer.prefix}{profile.manifest_path}")
    statement, problems = (said, []) if said else _statement(workspace, manifest, changelog, statement_file)
    written = _statement(workspace, manifest, changelog, None)[0] if said or statement_file else statement
    pair = producer_statement.rollback_pair(statement) if statement else None
    rollback = pair[1] if pair else None
    facts = gather_facts(
        workspace.repository, producer, profile, manifest=manifest, manifest_bytes=data, rollback=rollback
    )
    kinds = {name: tag.kind for name, tag in producer.tags.items()}
    if statement:
        problems = statement_rules.statement_problems(statement, manifest, facts)
    return Material(
        manifest=manifest,
        facts=facts,
        statement=statement,
        written=written,
        problems=tuple(problems),
        notes=(*workspace.notes, *_uncommitted(workspace), *advisories.lightweight_tag(facts, profile, kinds)),
    )


def _statement(
    workspace: Workspace, manifest: Manifest, changelog: bytes, file: Path | None
) -> tuple[Statement | None, list[Problem]]:
    """Return the statement from the file, else from the changelog's section of the release; and what is wrong with it."""
    first_line = 1
    if file is not None:
        where = "--impact"
        try:
            data = files.read_plain(file)
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
            section = producer_statement.section(text, manifest.release_tag, where)
        except HandoffError as error:
            return None, list(error.problems)
        if section is None:
            message = f"no section '## {manifest.release_tag}', so no impact statement"
            block = producer_statement.SHOWN_BLOCK
            hint = f"add the section with {block}, filled in, and commit; or give the block with --impact FILE"
            return None, [Problem(code="HP060", where=where, message=message, hint=hint)]
        first_line, text = section[0] + 1, section[1]
    try:
        return producer_statement.parse(text, where, first_line), []
    except HandoffError as error:
        return None, list(error.problems)


def _uncommitted(workspace: Workspace) -> list[Problem]:
    """Return an advisory that names uncommitted files, where the packet speaks of them."""
    profile, producer = workspace.profile, workspace.producer
    changed = workspace.repository.list_uncommitted(producer, workspace.base / "worktree.index")
    if not changed:
        return []
    scripts = [check.argv[0].removeprefix("./") for check in profile.checks if "/" in check.argv[0]]
    named = [profile.manifest_path, profile.changelog_path, *scripts, *profile.runtime_paths]
    covers = workspace.repository.runtime(producer, profile).covers
    touched = sorted({*path_patterns.select(named, changed), *filter(covers, changed)})
    if not touched:
        return []
    message = f"uncommitted, so no part of this run: {some_of(touched)}"
    return [Problem(code="HA001", where=str(producer.root), message=message, hint="commit them if the release needs them")]


def take_in(workspace: Workspace, given: Sequence[Path]) -> list[Problem]:
    """Lay the evidence of other machines beside what there is; return conflicts and what cannot be read (HP104, HP106).

    Raises `HandoffError`: HP105 (a folder without evidence of the commit), HP080.
    """
    commit = workspace.producer.commit
    sources = [folder for place in given for folder in merge.find_evidence_folders(place, commit)]
    checks = [check.id for check in workspace.profile.checks]
    return merge.merge_evidence(EvidenceFolder.of(workspace).make(), sources, checks)


def results(workspace: Workspace, kept: frozenset[str] = frozenset()) -> list[CheckResult]:
    """Return what the evidence says of each check of the profile, in its order; ``kept`` are those that an earlier run ran."""
    folder = EvidenceFolder.of(workspace)
    return [
        replace(folder.result(check, workspace.binding(check)), kept=check.id in kept)
        for check in workspace.profile.checks
    ]


def not_run(workspace: Workspace) -> list[CheckResult]:
    """Return the checks of a run that stops before any of them has run, whatever evidence an earlier run has left."""
    reason = "the run stopped before it (--stop-early)"
    return [
        CheckResult(id=check.id, command=check.command, outcome=Outcome.NOT_RUN, reason=reason, record=None)
        for check in workspace.profile.checks
    ]
