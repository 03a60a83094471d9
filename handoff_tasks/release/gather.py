"""Gather manifest, statement, git facts and evidence of a release."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import merge
from handoff_tasks.checks.evidence import EvidenceFolder, judge_evidence
from handoff_tasks.formats import path_patterns, schemas
from handoff_tasks.formats.words import some_of
from handoff_tasks.git.facts import gather_facts
from handoff_tasks.model import Statement
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import changelog
from handoff_tasks.producer import statement as producer_statement
from handoff_tasks.producer.profile_rules import RELEASE
from handoff_tasks.release import identify
from handoff_tasks.rules import advisories
from handoff_tasks.rules import statement as statement_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import GitFacts, Manifest
    from handoff_tasks.record import CheckResult

_NO_MANIFEST = (
    "commit one (schemas/{contract}.schema.json describes it), or give the "
    "producer's root with --producer-root and a commit that has its manifest with --ref"
)
_IMPACT = "--impact"
_NO_CHANGELOG = "commit a changelog with a section for the release"
_NO_STATEMENTS = "commit the file with a section for the release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What was read of a release.

    ``statement`` is the one that the packet has; if it is None, ``problems`` say why.
    ``changelog_statement`` is the one in the commit, also if another one is used.
    """

    manifest: Manifest
    facts: GitFacts
    statement: Statement | None
    changelog_statement: Statement | None
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def gather_material(
    workspace: Workspace,
    statement_file: Path | None,
    given: Statement | None = None,
    release: str | None = None,
) -> Material:
    """Read manifest, changelog, statement and git facts of the workspace's commit.

    The statement is ``given``, or it is read from ``statement_file``, or from the commit.
    ``release`` is the release's tag; None if the commit alone decides.
    Raises `HandoffError`: HP020 (no manifest), HP022 (no changelog), and those of
    `identify.identify`.
    """
    profile, producer = workspace.profile, workspace.producer
    committed = _committed_files(workspace)
    manifest = identify.identify(workspace, committed, release)
    in_changelog, problems = _committed_statement(workspace, manifest, committed)
    statement = in_changelog
    if given:
        statement, problems = given, []
    elif statement_file is not None:
        statement, problems = _file_statement(statement_file)
    pair = producer_statement.rollback_pair(statement) if statement else None
    facts = gather_facts(
        workspace.repository,
        producer,
        profile,
        manifest=manifest,
        manifest_bytes=committed[profile.manifest_path] if profile.manifest_path else None,
        rollback=pair[1] if pair else None,
        rollback_tag=producer_statement.rollback_tag(statement) if statement else None,
    )
    kinds = {name: tag.kind for name, tag in producer.tags.items()}
    if statement:
        problems = statement_rules.statement_problems(statement, manifest, facts)
    notes = [
        *workspace.notes,
        *_uncommitted(workspace),
        *advisories.lightweight_tag(facts, profile, kinds),
    ]
    return Material(
        manifest=manifest,
        facts=facts,
        statement=statement,
        changelog_statement=in_changelog,
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _committed_files(workspace: Workspace) -> dict[str, bytes | None]:
    """Return the files of the commit that are read. Raises `HandoffError` (HP020, HP022).

    Manifest, changelog and the file with the statements must be there.
    """
    profile, producer = workspace.profile, workspace.producer
    contract = schemas.RELEASE_MANIFEST if profile.kind == RELEASE else schemas.MANIFEST
    required = {
        profile.statement_path: ("HP022", "file with the statements", _NO_STATEMENTS),
        profile.changelog_path: ("HP022", "changelog", _NO_CHANGELOG),
        profile.manifest_path: (
            "HP020",
            "producer manifest",
            _NO_MANIFEST.format(contract=contract),
        ),
    }
    paths = dict.fromkeys([*identify.paths(profile), *(path for path in required if path)])
    committed = workspace.repository.files(producer, list(paths))
    at = f"{producer.commit[:12]}:{producer.prefix}"
    problems = []
    for path, (code, name, hint) in required.items():
        if path is not None and committed[path] is None:
            message = f"there is no {name} in the commit"
            problems.append(Problem(code=code, where=f"{at}{path}", message=message, hint=hint))
    if problems:
        raise HandoffError(problems)
    return committed


# A statement, or the problems because of which there is none.
_Reading = tuple[Statement | None, list[Problem]]


def _file_statement(file: Path) -> _Reading:
    """Return the statement in the file of ``--impact``."""
    try:
        text = files.read_plain(file).decode("utf-8")
        return producer_statement.parse(text, _IMPACT), []
    except OSError as error:
        message = f"the impact statement cannot be read: {error.strerror}"
        return _no_statement(_IMPACT, message, "name a readable file with --impact")
    except UnicodeDecodeError as error:
        return _not_utf8(_IMPACT, error)
    except HandoffError as error:
        return None, list(error.problems)


def _committed_statement(
    workspace: Workspace, manifest: Manifest, committed: Mapping[str, bytes | None]
) -> _Reading:
    """Return the statement in the release's section of the changelog, or of its own file."""
    profile = workspace.profile
    where = profile.statement_path
    data = committed[where] if where else None
    if where is None or data is None:
        message = "no file of the commit has an impact statement"
        hint = (
            f"give {producer_statement.SHOWN_BLOCK}, filled in, with --impact FILE; "
            "or name its file in the profile: paths.changelog or paths.statement"
        )
        return _no_statement(_IMPACT, message, hint)
    try:
        text = data.decode("utf-8")
        section = changelog.section(text, manifest.release_tag, where, profile.tags)
        if section is None:
            message = f"no section '## {manifest.release_tag}', so no impact statement"
            hint = (
                f"add the section with {producer_statement.SHOWN_BLOCK}, filled in, and commit; "
                "or give the block with --impact FILE"
            )
            return _no_statement(where, message, hint)
        return producer_statement.parse(section[1], where, section[0] + 1), []
    except UnicodeDecodeError as error:
        return _not_utf8(where, error)
    except HandoffError as error:
        return None, list(error.problems)


def _not_utf8(where: str, error: UnicodeDecodeError) -> _Reading:
    return _no_statement(where, f"byte {error.start} is not UTF-8", "write it in UTF-8")


def _no_statement(where: str, message: str, hint: str) -> _Reading:
    return None, [Problem(code="HP060", where=where, message=message, hint=hint)]


def _uncommitted(workspace: Workspace) -> list[Problem]:
    """Return an advisory (HA001) that names uncommitted files which the packet covers."""
    profile, producer = workspace.profile, workspace.producer
    changed = workspace.repository.list_uncommitted(producer, workspace.base / "worktree.index")
    if not changed:
        return []
    scripts = [check.argv[0].removeprefix("./") for check in profile.checks if "/" in check.argv[0]]
    read = [*identify.paths(profile), profile.statement_path, profile.changelog_path]
    named = [*filter(None, read), *scripts, *profile.runtime_paths]
    covers = workspace.repository.runtime(producer, profile).covers
    touched = sorted({*path_patterns.select(named, changed), *filter(covers, changed)})
    if not touched:
        return []
    message = f"uncommitted, so not part of this run: {some_of(touched)}"
    return [
        Problem(
            code="HA001",
            where=str(producer.root),
            message=message,
            hint="commit them if the release needs them",
        )
    ]


def merge_given_evidence(workspace: Workspace, given: Sequence[Path]) -> list[Problem]:
    """Merge evidence of other machines into that of this one.

    Return conflicts and unreadable records (HP104, HP106). Raises `HandoffError`: HP105 (a folder
    without evidence of the commit), HP080.
    """
    commit = workspace.producer.commit
    sources = [folder for place in given for folder in merge.find_evidence_folders(place, commit)]
    checks = [check.id for check in workspace.profile.checks]
    return merge.merge_evidence(EvidenceFolder.of(workspace).make(), sources, checks)


def read_results(workspace: Workspace, reused: frozenset[str] = frozenset()) -> list[CheckResult]:
    """Return the result of each check of the profile, in its order, from the evidence.

    ``reused`` are the checks whose evidence is an earlier run's.
    """
    folder = EvidenceFolder.of(workspace)
    return [
        replace(folder.result(check, workspace.binding(check)), is_reused=check.id in reused)
        for check in workspace.profile.checks
    ]


def results_before_any_check(workspace: Workspace) -> list[CheckResult]:
    """Return the results of a run that stops before any check; evidence is ignored."""
    reason = "the run stopped before it (--stop-early)"
    return [
        replace(judge_evidence(check, None, workspace.binding(check)), reason=reason)
        for check in workspace.profile.checks
    ]
