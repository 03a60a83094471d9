"""Judge a release by what git says of it (HP05x, HP06x; DOMAIN section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.formats.words import some_of
from handoff_tasks.model import Relation
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handoff_tasks.model import GitFacts, Manifest, Tag
    from handoff_tasks.producer.profile import Profile

_RENAME = "rename or delete the other one, so that nobody takes it for the release"
_WITH_HISTORY = "import it with its history (git subtree without --squash), or make the packet in the producer's own repository"


def git_problems(facts: GitFacts, manifest: Manifest, profile: Profile, *, allow_untagged: bool) -> list[Problem]:
    """Return what git says against the release (HP032, HP033, HP050 to HP057, HP065 to HP067; DOMAIN section 4).

    A release is good when its runtime commit is an ancestor of (or is) tag and verified commit, with the same runtime paths in all
    three. No tag yet is good only with ``allow_untagged``.
    """
    found: list[Problem] = []

    def wrong(code: str, where: str, message: str, hint: str) -> None:
        found.append(Problem(code=code, where=where, message=message, hint=hint))

    at = f"{repository_path(facts, profile.manifest_path)}#/commit_sha"
    short = facts.runtime.commit[:12]
    squashed = (
        f"; {facts.runtime.squash_commit[:12]} imported the producer without its history" if facts.runtime.squash_commit else ""
    )
    if facts.runtime.to_verified is Relation.MISSING:
        message = f"{facts.runtime.commit} is no commit of the repository{squashed}"
        hint = "put the runtime commit's sha into the manifest, or fetch the commit"
        wrong("HP050", at, message, _WITH_HISTORY if squashed else hint)
    elif facts.runtime.to_verified is Relation.UNRELATED:
        message = f"the runtime commit {short} is no ancestor of the verified commit {facts.verified.commit[:12]}{squashed}"
        wrong("HP051", at, message, _WITH_HISTORY if squashed else _other_runtime(facts))
    elif facts.runtime.changed_to_verified:
        paths = some_of(repository_paths(facts, facts.runtime.changed_to_verified))
        message = f"runtime paths differ between the runtime commit {short} and the verified commit: {paths}"
        wrong("HP054", f"commit {facts.verified.commit}", message, _other_runtime(facts))
    where = f"tag {facts.tag.name}"
    for what, commit in facts.tag.namesakes:
        message = f"a {what} of that name is at {commit}, and the release is not tagged yet"
        wrong("HP067", where, message, _RENAME)
    if facts.tag.existing is None:
        if not allow_untagged:
            hint = (
                "tag the release and run again, or say --allow-untagged for a packet that says so; if it is tagged elsewhere, "
                "fetch the tags: git fetch --tags"
            )
            if facts.verified.producer_path != "." and not profile.tag_prefix:
                # The larger repository's tags are not the producer's.
                hint = "name the prefix of the producer's own tags in the profile (git.tag_prefix), or say --allow-untagged"
            wrong("HP052", where, "the release is not tagged", hint)
    else:
        target = facts.tag.existing.target[:12]
        if facts.runtime.to_tag is Relation.UNRELATED:
            message = f"the runtime commit {short} is no ancestor of the tag's target {target}"
            wrong("HP051", where, message, "tag a commit that follows the runtime commit, or correct the manifest's commit_sha")
        elif facts.runtime.changed_to_tag:
            changed = some_of(repository_paths(facts, facts.runtime.changed_to_tag))
            message = f"runtime paths differ between the runtime commit {short} and the tag's target {target}: {changed}"
            wrong("HP053", where, message, "correct the manifest's commit_sha, or tag a commit with the same runtime paths")
        found += _tag_problems(facts.tag.existing, profile)
        if facts.tag.existing.target != facts.verified.commit:
            found += _manifest_at_tag(facts, manifest, profile)
    found += _runtime_problems(facts, manifest, profile)
    if manifest.service_version not in profile.envelope_policies:
        message = f"{manifest.service_version} has no envelope policy; known: {', '.join(profile.envelope_policies)}"
        where = f"{repository_path(facts, profile.manifest_path)}#/expected_service_contract_version"
        wrong("HP057", where, message, "describe its error envelope in the profile's envelope_policies")
    return found


def _runtime_problems(facts: GitFacts, manifest: Manifest, profile: Profile) -> Iterator[Problem]:
    """Yield what the runtime commit says against profile and manifest (HP032, HP033, HP056)."""
    short = facts.runtime.commit[:12]
    if facts.runtime.absent and len(facts.runtime.absent) == len(profile.runtime_paths):
        message = f"neither the runtime commit {short} nor the verified commit has {', '.join(facts.runtime.absent)}"
        hint = "correct git.runtime_paths: with no runtime to compare, two releases would always look the same"
        yield Problem(code="HP032", where="git.runtime_paths", message=message, hint=hint)
    for path, what in facts.runtime.outside:
        hint = "put its files into the commit: a check sees what the commit holds and nothing else"
        yield Problem(
            code="HP033", where=repository_path(facts, path), message=f"lies below the runtime paths and is {what}", hint=hint
        )
    stated = facts.runtime.service_version
    if stated is None and profile.service_version_path and facts.runtime.to_verified is not Relation.MISSING:
        message = f"no line there says the service version; expected one that matches {profile.service_version_pattern}"
        hint = "correct git.service_version in the profile, or state the version in that file"
        where = f"{short}:{_below(facts.runtime.path, profile.service_version_path)}"
        yield Problem(code="HP056", where=where, message=message, hint=hint)
    if stated is not None and stated != manifest.service_version:
        message = (
            f"the manifest says {manifest.service_version}, but its own runtime commit {short} says {stated} in "
            f"{_below(facts.runtime.path, profile.service_version_path or '')}"
        )
        hint = "put the commit that really speaks the version into the manifest's commit_sha, or correct the version"
        where = f"{repository_path(facts, profile.manifest_path)}#/expected_service_contract_version"
        yield Problem(code="HP056", where=where, message=message, hint=hint)


def _tag_problems(tag: Tag, profile: Profile) -> list[Problem]:
    """Return what is wrong with the tag itself (HP065 to HP067), wherever it points."""
    found = []
    where = f"tag {tag.name}"
    if profile.annotated_tag and tag.kind != "annotated":
        message = f"found a {tag.kind} tag; the profile expects an annotated one"
        anew = f"git tag --annotate --force {tag.name} {tag.target}"
        hint = f"fetch the annotated one, if there is one: {_fetch_again(tag.name)}; or make it anew: {anew}"
        found.append(Problem(code="HP065", where=where, message=message, hint=hint))
    if tag.other_name is not None:
        message = f"its tag object bears the name {tag.other_name}; expected {tag.name}"
        hint = "make the tag anew on the release's commit, under its own name"
        found.append(Problem(code="HP066", where=where, message=message, hint=hint))
    for what, commit in tag.namesakes:
        message = f"a {what} of that name is at {commit}; the tag points to {tag.target}"
        found.append(Problem(code="HP067", where=where, message=message, hint=_RENAME))
    return found


def _fetch_again(tag: str) -> str:
    return f"git fetch --force origin refs/tags/{tag}:refs/tags/{tag}"


def clobbered_tag_hint(tag: str) -> str:
    """Return what to do about a tag that a checkout in CI may have replaced."""
    return (
        f"a checkout in CI may have replaced an annotated tag by a lightweight one; to see the release's own: {_fetch_again(tag)}"
    )


def _manifest_at_tag(facts: GitFacts, manifest: Manifest, profile: Profile) -> list[Problem]:
    where = f"{profile.tag_name(manifest.release_tag)}:{repository_path(facts, profile.manifest_path)}"
    coming = "for the next release, put its tag into the manifest's release_tag"
    if facts.tag.manifest is None:
        message, hint = "the tag's target holds no readable manifest", f"tag a commit that holds the manifest; {coming}"
        return [Problem(code="HP055", where=where, message=message, hint=hint)]
    hint = f"{coming}; to verify {facts.tag.name}: --ref {facts.tag.name}"
    here, there = manifest.baseline(), facts.tag.manifest.baseline()
    if here == there and facts.tag.manifest_sha256 != facts.verified.manifest_sha256:
        message = "the manifest at the tag has other bytes than the verified commit's, and consumers mirror them"
        return [Problem(code="HP055", where=where, message=message, hint=hint)]
    return [
        Problem(
            code="HP055",
            where=f"{where}#/{key}",
            message=f"found {there[key]} at the tag; the verified commit's manifest says {here[key]}",
            hint=hint,
        )
        for key in here
        if here[key] != there[key]
    ]


def _other_runtime(facts: GitFacts) -> str:
    """Return what to do if the verified commit does not have the runtime of its manifest's ``commit_sha``.

    The verified commit itself is right as the new ``commit_sha``: the commit that names it changes the manifest only.
    """
    if facts.tag.existing is None:
        return f"put {facts.verified.commit} into the manifest's commit_sha and into the statement's repin line, then commit both"
    coming = (
        f"for the next release, put its tag and {facts.verified.commit} into the manifest (release_tag, commit_sha) and into the "
        "repin line of its own statement"
    )
    if not facts.runtime.changed_to_tag and facts.runtime.to_tag in (Relation.SAME, Relation.ANCESTOR):
        return f"{coming}; to verify {facts.tag.name}: --ref {facts.tag.name}"
    return coming


def other_runtime(facts: GitFacts, manifest: Manifest) -> list[Problem]:
    """Return an advisory (HA009) if the verified commit has another runtime than the release that its manifest names."""
    if facts.runtime.changed_to_verified:
        which = some_of(facts.runtime.changed_to_verified)
        message = f"it has another runtime than the manifest's {manifest.release_tag}/{manifest.commit_sha[:12]}: {which}"
    elif facts.runtime.to_verified is Relation.UNRELATED:
        message = f"the runtime commit of the manifest's {manifest.release_tag}, {manifest.commit_sha[:12]}, does not lie before it"
    else:
        return []
    return [Problem(code="HA009", where=f"commit {facts.verified.commit[:12]}", message=message, hint=_other_runtime(facts))]


def repository_path(facts: GitFacts, path: str) -> str:
    """Return a path of the producer as a path of its repository, in the verified commit."""
    return _below(facts.verified.producer_path, path)


def repository_paths(facts: GitFacts, paths: Sequence[str]) -> list[str]:
    """Return paths of the producer as paths of its repository."""
    return [repository_path(facts, path) for path in paths]


def _below(folder: str | None, path: str) -> str:
    return path if folder in (None, ".") else f"{folder}/{path}"
