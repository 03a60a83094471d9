"""Check a release by what git says of it.

HP032, HP033, HP037, HP050 to HP057, HP065 to HP067.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.formats.path_patterns import select
from handoff_tasks.formats.words import some_of
from handoff_tasks.model import Relation
from handoff_tasks.problems import Problem
from handoff_tasks.producer.profile_rules import RELEASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handoff_tasks.model import GitFacts, Manifest, Tag
    from handoff_tasks.producer.profile import Profile

# The next step if the verified commit is not what the tag of a release without a manifest names.
_VERIFY_TAG = (
    "to verify {tag}: --ref {tag}; for the next release, commit its version, or, if no file states "
    "it, name its tag with --release TAG"
)
_RENAME = "rename or delete the other one, so that it is not taken for the release"
_WITH_HISTORY = (
    "import it with its history (git subtree without --squash), "
    "or make the packet in the producer's own repository"
)


def git_problems(
    facts: GitFacts, manifest: Manifest, profile: Profile, *, allow_untagged: bool
) -> list[Problem]:
    """Return what git says against the release.

    HP032, HP033, HP037, HP050 to HP057, HP065 to HP067. A release is good if its runtime commit is
    the tag's target and the verified commit or an ancestor of them, with the same runtime paths in
    all three. A release without a tag is good only with ``allow_untagged``.
    """
    problems = [
        *_verified_commit_problems(facts, profile),
        *_namesake_problems(facts),
        *_runtime_problems(facts, manifest, profile),
        *_service_version_problems(facts, manifest, profile),
        *_ignored_problems(facts, profile),
    ]
    if facts.tag.existing is not None:
        problems += _tag_problems(facts.tag.existing, profile)
        problems += _tag_target_problems(facts, facts.tag.existing)
        if facts.tag.existing.target != facts.verified.commit:
            problems += _manifest_at_tag_problems(facts, manifest, profile)
    elif not allow_untagged:
        problems.append(_untagged_problem(facts, profile))
    return problems


def _verified_commit_problems(facts: GitFacts, profile: Profile) -> Iterator[Problem]:
    """Yield what separates the runtime commit from the verified commit (HP050, HP051, HP054)."""
    at_sha = f"tag {facts.tag.name}"
    if profile.manifest_path is not None:
        at_sha = f"{repository_path(facts, profile.manifest_path)}#/commit_sha"
    short = facts.runtime.commit[:12]
    imported = ""
    if facts.runtime.squash_commit:
        imported = f"; {facts.runtime.squash_commit[:12]} imported the producer without its history"
    if facts.runtime.to_verified is Relation.MISSING:
        message = f"{facts.runtime.commit} is not a commit of the repository{imported}"
        hint = "put the runtime commit's sha into the manifest, or fetch the commit"
        if facts.runtime.squash_commit:
            hint = _WITH_HISTORY
        yield Problem(code="HP050", where=at_sha, message=message, hint=hint)
    elif facts.runtime.to_verified is Relation.UNRELATED:
        message = (
            f"the runtime commit {short} is not an ancestor of the verified commit "
            f"{facts.verified.commit[:12]}{imported}"
        )
        hint = _WITH_HISTORY if facts.runtime.squash_commit else _other_runtime_hint(facts)
        yield Problem(code="HP051", where=at_sha, message=message, hint=hint)
    elif facts.runtime.changed_to_verified:
        paths = some_of(repository_paths(facts, facts.runtime.changed_to_verified))
        message = (
            f"runtime paths differ between the runtime commit {short} and the verified commit: "
            f"{paths}"
        )
        where = f"commit {facts.verified.commit}"
        yield Problem(code="HP054", where=where, message=message, hint=_other_runtime_hint(facts))


def _namesake_problems(facts: GitFacts) -> Iterator[Problem]:
    for kind, commit in facts.tag.namesakes:
        message = f"a {kind} of that name is at {commit}, and the release is not tagged yet"
        where = f"tag {facts.tag.name}"
        yield Problem(code="HP067", where=where, message=message, hint=_RENAME)


def _untagged_problem(facts: GitFacts, profile: Profile) -> Problem:
    hint = (
        "tag the release and run again, or use --allow-untagged for a packet that says so; "
        "if it is tagged elsewhere, fetch the tags: git fetch --tags"
    )
    if facts.verified.producer_path != "." and not profile.tags.is_own:
        # The larger repository's tags are not the producer's.
        key = "the prefix of the producer's own tags in the profile (git.tag_prefix)"
        if profile.kind == RELEASE:
            key = "the form of the producer's own tags in the profile (git.tag)"
        hint = f"name {key}, or use --allow-untagged"
    where = f"tag {facts.tag.name}"
    return Problem(code="HP052", where=where, message="the release is not tagged", hint=hint)


def _tag_target_problems(facts: GitFacts, tag: Tag) -> Iterator[Problem]:
    """Yield what separates the runtime commit from the tag's target (HP051, HP053)."""
    short, target = facts.runtime.commit[:12], tag.target[:12]
    where = f"tag {facts.tag.name}"
    if facts.runtime.to_tag is Relation.UNRELATED:
        message = f"the runtime commit {short} is not an ancestor of the tag's target {target}"
        hint = "tag a commit that follows the runtime commit, or correct the manifest's commit_sha"
        if has_no_manifest(facts):
            hint = _VERIFY_TAG.format(tag=facts.tag.name)
        yield Problem(code="HP051", where=where, message=message, hint=hint)
    elif facts.runtime.changed_to_tag:
        changed = some_of(repository_paths(facts, facts.runtime.changed_to_tag))
        message = (
            f"runtime paths differ between the runtime commit {short} and the tag's target "
            f"{target}: {changed}"
        )
        hint = "correct the manifest's commit_sha, or tag a commit with the same runtime paths"
        yield Problem(code="HP053", where=where, message=message, hint=hint)


def _runtime_problems(facts: GitFacts, manifest: Manifest, profile: Profile) -> Iterator[Problem]:
    """Yield what the runtime says against profile and manifest (HP032, HP033, HP057)."""
    if facts.runtime.absent and len(facts.runtime.absent) == len(profile.runtime_paths):
        message = (
            f"neither the runtime commit {facts.runtime.commit[:12]} nor the verified commit has "
            f"{', '.join(facts.runtime.absent)}"
        )
        hint = (
            "correct git.runtime_paths: without a runtime to compare, any two releases would look "
            "the same"
        )
        yield Problem(code="HP032", where="git.runtime_paths", message=message, hint=hint)
    for path, kind in facts.runtime.outside:
        where = repository_path(facts, path)
        message = f"is below the runtime paths and is {kind}"
        hint = "put its files into the commit: a check sees only what the commit contains"
        yield Problem(code="HP033", where=where, message=message, hint=hint)
    service = manifest.service
    if service and service.service_version not in profile.envelope_policies:
        known = ", ".join(profile.envelope_policies)
        message = f"{service.service_version} has no envelope policy; known: {known}"
        where = _at_service_version(facts, profile)
        hint = "describe its error envelope in the profile's envelope_policies"
        yield Problem(code="HP057", where=where, message=message, hint=hint)


def _service_version_problems(
    facts: GitFacts, manifest: Manifest, profile: Profile
) -> Iterator[Problem]:
    """Yield a service version in the runtime that is not the manifest's (HP056)."""
    service = manifest.service
    if not profile.service_version_path or service is None:
        return
    if facts.runtime.to_verified is Relation.MISSING:
        return
    short = facts.runtime.commit[:12]
    path = _below(facts.runtime.path, profile.service_version_path)
    stated = facts.runtime.service_version
    if stated is None:
        message = (
            "no line states the service version; expected one that matches "
            f"{profile.service_version_pattern}"
        )
        hint = "correct git.service_version in the profile, or state the version in that file"
        yield Problem(code="HP056", where=f"{short}:{path}", message=message, hint=hint)
    elif stated != service.service_version:
        message = (
            f"the manifest says {service.service_version}, but its own runtime commit {short} "
            f"says {stated} in {path}"
        )
        hint = (
            "put the commit that has this version into the manifest's commit_sha, "
            "or correct the version"
        )
        where = _at_service_version(facts, profile)
        yield Problem(code="HP056", where=where, message=message, hint=hint)


def _at_service_version(facts: GitFacts, profile: Profile) -> str:
    assert profile.manifest_path is not None
    path = repository_path(facts, profile.manifest_path)
    return f"{path}#/expected_service_contract_version"


def _tag_problems(tag: Tag, profile: Profile) -> Iterator[Problem]:
    """Yield what is wrong with the tag itself, wherever it points (HP065 to HP067)."""
    where = f"tag {tag.name}"
    if profile.annotated_tag and tag.kind != "annotated":
        message = f"found a {tag.kind} tag; the profile expects an annotated one"
        create = f"git tag --annotate --force {tag.name} {tag.target}"
        hint = (
            f"if there is an annotated one, fetch it: {_fetch_again(tag.name)}; "
            f"otherwise create it: {create}"
        )
        yield Problem(code="HP065", where=where, message=message, hint=hint)
    if tag.other_name is not None:
        message = f"its tag object has the name {tag.other_name}; expected {tag.name}"
        hint = "create the tag again on the release's commit, with its own name"
        yield Problem(code="HP066", where=where, message=message, hint=hint)
    for kind, commit in tag.namesakes:
        message = f"a {kind} of that name is at {commit}; the tag points to {tag.target}"
        yield Problem(code="HP067", where=where, message=message, hint=_RENAME)


def _fetch_again(tag: str) -> str:
    return f"git fetch --force origin refs/tags/{tag}:refs/tags/{tag}"


def replaced_tag_hint(tag: str) -> str:
    """Return what to do about a tag that a checkout in CI may have replaced."""
    return (
        "a checkout in CI may have replaced an annotated tag by a lightweight one; "
        f"to see the release's own: {_fetch_again(tag)}"
    )


def _manifest_at_tag_problems(
    facts: GitFacts, manifest: Manifest, profile: Profile
) -> Iterator[Problem]:
    """Yield where the manifest at the tag is not that of the verified commit (HP055)."""
    if profile.manifest_path is None:
        yield from _statement_of_tag_problems(facts, manifest)
        return
    path = repository_path(facts, profile.manifest_path)
    where = f"{profile.tag_name(manifest.release_tag)}:{path}"
    next_release = "for the next release, put its tag into the manifest's release_tag"
    if facts.tag.manifest is None:
        message = "the tag's target has no readable manifest"
        hint = f"tag a commit that has the manifest; {next_release}"
        yield Problem(code="HP055", where=where, message=message, hint=hint)
        return
    hint = f"{next_release}; to verify {facts.tag.name}: --ref {facts.tag.name}"
    here, there = manifest.baseline(), facts.tag.manifest.baseline()
    if here == there and facts.tag.manifest_sha256 != facts.verified.manifest_sha256:
        message = (
            "the manifest at the tag has other bytes than the verified commit's, "
            "and consumers mirror them"
        )
        yield Problem(code="HP055", where=where, message=message, hint=hint)
    for key in dict.fromkeys([*here, *there]):
        found, value = there.get(key, "none"), here.get(key, "none")
        if found != value:
            message = f"found {found} at the tag; the verified commit's manifest says {value}"
            yield Problem(code="HP055", where=f"{where}#/{key}", message=message, hint=hint)


def _statement_of_tag_problems(facts: GitFacts, manifest: Manifest) -> Iterator[Problem]:
    """Yield where the tagged commit states other versions than the verified commit (HP055)."""
    where, hint = f"tag {facts.tag.name}", _VERIFY_TAG.format(tag=facts.tag.name)
    if facts.tag.manifest is None:
        message = "the tag's target does not state the versions that the profile reads"
        yield Problem(code="HP055", where=where, message=message, hint=hint)
        return
    here, there = manifest.baseline(), facts.tag.manifest.baseline()
    for key in dict.fromkeys([*here, *there]):
        found, value = there.get(key, "none"), here.get(key, "none")
        if found != value:
            name = key.replace("/", " ")
            message = f"the tag's target has {name} {found}; the verified commit has {value}"
            yield Problem(code="HP055", where=where, message=message, hint=hint)


def has_no_manifest(facts: GitFacts) -> bool:
    """Return whether the release is known by its tag alone."""
    return facts.verified.manifest_sha256 is None


def _ignored_problems(facts: GitFacts, profile: Profile) -> Iterator[Problem]:
    """Yield each part of the runtime that a check does not see, such as the target of a link."""
    hint = "take the pattern out of the profile's ignores, so that the check sees the file"
    for path in facts.runtime.ignored:
        checks = [check.id for check in profile.checks if select(check.ignores, [path])]
        message = f"it is a part of the runtime, and {', '.join(checks)} would not see it"
        yield Problem(code="HP037", where=repository_path(facts, path), message=message, hint=hint)


def _other_runtime_hint(facts: GitFacts) -> str:
    """Return what to do if the verified commit has another runtime than ``commit_sha``.

    The verified commit itself can be the new ``commit_sha``: the commit that names it changes only
    the manifest.
    """
    commit = facts.verified.commit
    if has_no_manifest(facts):
        return _VERIFY_TAG.format(tag=facts.tag.name)
    if facts.tag.existing is None:
        return (
            f"put {commit} into the manifest's commit_sha and into the statement's repin line, "
            "then commit both"
        )
    hint = (
        f"for the next release, put its tag and {commit} into the manifest "
        "(release_tag, commit_sha) and into the repin line of its own statement"
    )
    if not facts.runtime.changed_to_tag and facts.runtime.to_tag in (
        Relation.SAME,
        Relation.ANCESTOR,
    ):
        hint += f"; to verify {facts.tag.name}: --ref {facts.tag.name}"
    return hint


def other_runtime(facts: GitFacts, manifest: Manifest) -> list[Problem]:
    """Return an advisory (HA009) if the verified commit has another runtime than its manifest."""
    tag, short = manifest.release_tag, manifest.commit_sha[:12]
    if facts.runtime.changed_to_verified:
        paths = some_of(facts.runtime.changed_to_verified)
        message = f"it has another runtime than the manifest's {tag}/{short}: {paths}"
        if has_no_manifest(facts):
            message = f"it has another runtime than {tag}: {paths}"
    elif facts.runtime.to_verified is Relation.UNRELATED:
        message = f"the runtime commit of the manifest's {tag}, {short}, is not an ancestor"
    else:
        return []
    where = f"commit {facts.verified.commit[:12]}"
    return [Problem(code="HA009", where=where, message=message, hint=_other_runtime_hint(facts))]


def repository_path(facts: GitFacts, path: str) -> str:
    """Return a path of the producer as a path of its repository, in the verified commit."""
    return _below(facts.verified.producer_path, path)


def repository_paths(facts: GitFacts, paths: Sequence[str]) -> list[str]:
    """Return paths of the producer as paths of its repository."""
    return [repository_path(facts, path) for path in paths]


def _below(folder: str | None, path: str) -> str:
    return path if folder in (None, ".") else f"{folder}/{path}"
