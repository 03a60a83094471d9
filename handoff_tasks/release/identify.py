"""Identify the release in a commit: its tag, its runtime commit and its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.model import Manifest
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.producer import manifest as producer_manifest
from handoff_tasks.producer import stated as producer_stated
from handoff_tasks.producer.profile_rules import RELEASE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Profile
    from handoff_tasks.producer.stated import Stated

OPTION = "--release"
_NAME_IT = "give the release's tag with --release TAG"


def paths(profile: Profile) -> tuple[str, ...]:
    """Return the files of a commit that `identify` needs, the manifest first if there is one."""
    if profile.manifest_path is not None:
        return (profile.manifest_path,)
    return producer_stated.paths(profile)


def identify(
    workspace: Workspace, committed: Mapping[str, bytes | None], release: str | None
) -> Manifest:
    """Return what the commit states about its release.

    Args:
        workspace: The producer at the commit.
        committed: The files of `paths`; the manifest must be there.
        release: The tag that the caller names; None if the commit alone decides.

    Raises:
        HandoffError: HP021 (an invalid manifest), HP023 (no release, several, or another one than
            the commit states), HP024 (a version that cannot be read).
    """
    profile = workspace.profile
    if profile.manifest_path is None:
        return _identify_by_tag(workspace, committed, release)
    producer = workspace.producer
    where = f"{producer.commit[:12]}:{producer.prefix}{profile.manifest_path}"
    data = committed[profile.manifest_path]
    assert data is not None
    manifest = producer_manifest.read_manifest(data, where, profile.kind)
    tag = manifest.release_tag
    if profile.kind == RELEASE and not profile.tags.is_tag(tag):
        message = f"found {tag}; expected {_form(profile)}"
        hint = "correct the manifest, or git.tag and git.version_scheme in the profile"
        raise refusal("HP021", f"{where}#/release_tag", message, hint)
    if release not in (None, tag):
        message = f"found {release}; the manifest of the commit says {tag}"
        raise refusal("HP023", OPTION, message, f"omit {OPTION}, or choose another commit: --ref")
    return manifest


def _form(profile: Profile) -> str:
    return f"a tag of the form {profile.tags.pattern} with a {profile.tags.scheme} version"


def _identify_by_tag(
    workspace: Workspace, committed: Mapping[str, bytes | None], release: str | None
) -> Manifest:
    """Return the release of a commit without a manifest."""
    profile, producer = workspace.profile, workspace.producer
    stated = producer_stated.read_stated(profile, committed)
    at = f"{producer.commit[:12]}:{producer.prefix}"
    if stated.faults:
        hint = "correct the file, or the place in the profile's table contract"
        raise HandoffError(
            Problem(code="HP024", where=f"{at}{place.text}", message=message, hint=hint)
            for place, message in stated.faults
        )
    if release is not None:
        tag = _named(profile, release, stated)
    elif stated.version is not None:
        tag = _stated(workspace, stated.version, at)
    else:
        tag = _tag_at_commit(workspace)
    ref = producer.tags.get(tag)
    base = ref.commit if ref and ref.commit else producer.commit
    return Manifest(
        contract_version=None,
        release_tag=tag,
        commit_sha=workspace.repository.find_runtime_commit(producer, profile, base),
        contracts=stated.contracts,
    )


def _named(profile: Profile, release: str, stated: Stated) -> str:
    """Return the tag that the caller names, held against what the commit states."""
    read = profile.tags.read(release)
    if read is None:
        message = f"found {release!r}; expected {_form(profile)}"
        hint = "correct the option, or git.tag and git.version_scheme in the profile"
        if profile.tags.is_tag(profile.tags.tag_of(release)):
            hint = f"give the whole tag: {OPTION} {profile.tags.tag_of(release)}"
        raise refusal("HP023", OPTION, message, hint)
    if (
        stated.version is not None
        and profile.tags.read(profile.tags.tag_of(stated.version)) != read
    ):
        assert profile.version is not None
        message = f"found {release}; the commit states {stated.version} ({profile.version.text})"
        hint = f"omit {OPTION}, or commit the release's version first"
        raise refusal("HP023", OPTION, message, hint)
    return release


def _stated(workspace: Workspace, version: str, at: str) -> str:
    """Return the tag of the version that the commit states.

    A tag of the same version in another spelling is it, if there is one.
    """
    profile = workspace.profile
    tag = profile.tags.tag_of(version)
    read = profile.tags.read(tag)
    if read is None:
        assert profile.version is not None
        message = f"found {version}; expected a version of the scheme {profile.tags.scheme}"
        hint = "correct the file, or git.version_scheme in the profile"
        raise refusal("HP024", f"{at}{profile.version.text}", message, hint)
    tags = workspace.producer.tags
    same = sorted(name for name in tags if profile.tags.read(name) == read)
    return tag if tag in tags or not same else same[0]


def _tag_at_commit(workspace: Workspace) -> str:
    """Return the one release tag of the verified commit."""
    producer, profile = workspace.producer, workspace.profile
    tags = sorted(name for name, ref in producer.tags.items() if ref.commit == producer.commit)
    if len(tags) == 1:
        return tags[0]
    where = f"commit {producer.commit[:12]}"
    if tags:
        message = f"it has several release tags: {', '.join(tags)}"
        raise refusal("HP023", where, message, _NAME_IT)
    message = f"it has no {_form(profile).removeprefix('a ')}"
    hint = (
        f"{_NAME_IT}; or say in the profile's contract.version which file states the version, "
        "so that the tag can be made later"
    )
    if producer.prefix and not profile.tags.is_own:
        # The larger repository's tags are not the producer's.
        hint = f"say in the profile's git.tag what the producer's own tags look like; or {_NAME_IT}"
    raise refusal("HP023", where, message, hint)
