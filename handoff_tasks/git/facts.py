"""Gather what git says about one release.

These are facts. The rules decide what they mean.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

from handoff_tasks.formats import path_patterns, safe_regex
from handoff_tasks.git import objects as git_objects
from handoff_tasks.git import producer as git_producer
from handoff_tasks.git import trees
from handoff_tasks.git.producer import SYMBOLIC
from handoff_tasks.git.repository import explain_damage
from handoff_tasks.model import (
    GitFacts,
    HistoryFacts,
    Manifest,
    Relation,
    Release,
    RuntimeFacts,
    Tag,
    TagFacts,
    VerifiedFacts,
)
from handoff_tasks.problems import refusal
from handoff_tasks.producer import stated as producer_stated
from handoff_tasks.producer.manifest import read_manifest_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from handoff_tasks.git.comparison import Side
    from handoff_tasks.git.producer import Producer
    from handoff_tasks.git.repository import Repository
    from handoff_tasks.model import TagRef
    from handoff_tasks.producer.profile import Profile

_OUTSIDE = {
    trees.Kind.SUBMODULE: "a submodule, whose content is not in the checkout",
    trees.Kind.LEAVES: "a link that leaves the producer's root",
    trees.Kind.LOOP: "a link that leads in a loop",
    trees.Kind.GIT_FOLDER: "a link into .git",
    trees.Kind.NO_FOLDER: "a link through a folder that is not in the commit",
}
# The earlier releases without a manifest whose runtime commits are looked up.
_LATEST = 5
_POINTER = "a Git LFS pointer, whose content is not in the checkout"


@explain_damage
def gather_facts(
    repository: Repository,
    producer: Producer,
    profile: Profile,
    *,
    manifest: Manifest,
    manifest_bytes: bytes | None,
    rollback: str | None = None,
    rollback_tag: str | None = None,
) -> GitFacts:
    """Return what git says about one release.

    Args:
        repository: Our copy of the producer's history, up to date.
        producer: The producer, at the verified commit.
        profile: The producer's profile.
        manifest: What the verified commit states about its release.
        manifest_bytes: The bytes of its manifest, None if it has none.
        rollback: The commit id in the statement's rollback line.
        rollback_tag: The tag in that line.

    Raises:
        HandoffError: HP013 (no valid commit date), HP019 (our copy is damaged), HP059 (the tag
            does not name a commit).
    """
    name = profile.tag_name(manifest.release_tag)
    ref = producer.tags.get(name)
    if ref is not None and ref.commit is None:
        _refuse_tag(name, ref)
    with git_objects.Objects(repository.folder) as objects:
        gathering = _Gathering(repository, objects, producer, profile, manifest)
        history = gathering.history(rollback, rollback_tag)
        runtime = gathering.runtime()
        sha256 = None
        if manifest_bytes is not None:
            sha256 = hashlib.sha256(manifest_bytes).hexdigest()
        return GitFacts(
            verified=gathering.verified(sha256),
            tag=gathering.tagged(),
            runtime=runtime,
            history=history,
        )


def _refuse_tag(name: str, ref: TagRef) -> None:
    message = "the tag does not name a commit"
    if ref.kind == SYMBOLIC:
        message = "the tag is a symbolic reference, which moves with the reference it names"
    raise refusal("HP059", f"tag {name}", message, "tag the release's commit, or delete the tag")


class _Gathering:
    """Reads the groups of facts, while one process reads the repository's objects."""

    def __init__(
        self,
        repository: Repository,
        objects: git_objects.Objects,
        producer: Producer,
        profile: Profile,
        manifest: Manifest,
    ) -> None:
        self._repository = repository
        self._objects = objects
        self._producer = producer
        self._profile = profile
        self._manifest = manifest
        # Most often the verified commit is the tag's target: git is asked once for both.
        self._relation = functools.cache(repository.relation)
        self._tag_name = profile.tag_name(manifest.release_tag)
        self._tag = self._read_tag()
        is_known = repository.fetch_related(producer, objects, manifest.commit_sha)
        self._compared = repository.compare(producer, profile, objects)
        # The producer in the three commits; the order matters, since each side may be found in a
        # folder that an earlier one was found in.
        self._verified_side = self._compared.verified
        self._runtime_side = self._compared.side(manifest.commit_sha) if is_known else None
        self._tag_side = self._compared.side(self._tag.target) if self._tag else None

    def _read_tag(self) -> Tag | None:
        name = self._tag_name
        ref = self._producer.tags.get(name)
        if ref is None or ref.commit is None:
            return None
        own_name = name
        content = self._objects.read(ref.object_id) if ref.kind == "tag" else None
        if content is not None:
            own_name = git_objects.read_header(content[2], b"tag").decode("utf-8", "replace")
        return Tag(
            name=name,
            kind="annotated" if ref.kind == "tag" else "lightweight",
            target=ref.commit,
            other_name=None if own_name == name else own_name,
            namesakes=_namesakes(self._producer, name, ref.commit),
        )

    def verified(self, manifest_sha256: str | None) -> VerifiedFacts:
        """Return the facts of the verified commit."""
        commit = self._producer.commit
        content = self._objects.read(commit)
        if content is None:
            raise RuntimeError(f"the fetched commit {commit} is not in {self._repository.folder}")
        runtime = self._compared.runtime(self._verified_side)
        pointers = self._compared.pointers() - runtime.parts.keys() - runtime.tests.keys()
        return VerifiedFacts(
            commit=commit,
            tree=git_objects.read_header(content[2], b"tree").decode(),
            committed_at=git_objects.committer_time(commit, content[2]),
            producer_path=self._producer.path,
            manifest_sha256=manifest_sha256,
            pointers=_printable(pointers),
        )

    def tagged(self) -> TagFacts:
        """Return the facts of the release's tag."""
        data, stated, paths = None, None, {}
        if self._tag and self._tag_side:
            if self._profile.manifest_path is None:
                stated = self._stated_at(self._tag_name, self._tag_side, self._manifest.commit_sha)
            else:
                place = self._tag_side.prefix + self._profile.manifest_path
                data = git_objects.read_blob(self._objects, self._tag.target, place)
            paths = self._compared.changed(self._tag_side, self._verified_side)
        if data is not None:
            stated = read_manifest_or_none(data, self._profile.kind)
        return TagFacts(
            name=self._tag_name,
            existing=self._tag,
            namesakes=() if self._tag else _namesakes(self._producer, self._tag_name, ""),
            manifest=stated,
            manifest_sha256=None if data is None else hashlib.sha256(data).hexdigest(),
            paths_after=_printable(path for path in paths if path != self._profile.packet_path),
        )

    def runtime(self) -> RuntimeFacts:
        """Return the facts of the runtime commit."""
        verified, runtime = self._verified_side, self._runtime_side
        changed_to_verified, tests_to_verified = self._differing_paths(runtime, verified)
        changed_to_tag, tests_to_tag = self._differing_paths(runtime, self._tag_side)
        to_verified = self._runtime_to(verified.commit)
        squash = None
        if to_verified in (Relation.MISSING, Relation.UNRELATED):
            squash = self._repository.find_squash(self._producer)
        return RuntimeFacts(
            commit=self._manifest.commit_sha,
            path=(runtime.prefix.rstrip("/") or ".") if runtime else None,
            to_tag=self._runtime_to(self._tag.target) if self._tag else None,
            to_verified=to_verified,
            changed_to_tag=changed_to_tag,
            changed_to_verified=changed_to_verified,
            tests_changed=tuple(sorted({*tests_to_verified, *tests_to_tag})),
            commits_after=self._commits_after(),
            paths_after=_printable(self._compared.changed(runtime, verified)) if runtime else (),
            service_version=self._service_version(),
            absent=self._absent_paths(),
            outside=self._outside_paths(),
            squash_commit=squash,
            ignored=self._ignored_paths(),
        )

    def _runtime_to(self, commit: str) -> Relation:
        if self._runtime_side is None:
            return Relation.MISSING
        return self._relation(self._runtime_side.commit, commit)

    def _commits_after(self) -> tuple[str, ...]:
        runtime, verified = self._runtime_side, self._verified_side
        if runtime is None:
            return ()
        moved = runtime.prefix != verified.prefix
        return self._repository.commits_between(runtime.commit, verified.commit, moved=moved)

    def _differing_paths(
        self, old: Side | None, new: Side | None
    ) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """Return the paths in which two runtimes differ, None without one; and those of tests."""
        if old is None or new is None:
            return None, ()
        parts, tests = trees.differences(self._compared.runtime(old), self._compared.runtime(new))
        return _printable(parts), _printable(tests)

    def _service_version(self) -> str | None:
        """Return the service version that the runtime commit states, None if unknown."""
        path, pattern = self._profile.service_version_path, self._profile.service_version_pattern
        if self._runtime_side is None or path is None or pattern is None:
            return None
        data = self._compared.file(self._runtime_side, path)
        return safe_regex.search_lines(pattern, data.decode("utf-8", "replace")) if data else None

    def _absent_paths(self) -> tuple[str, ...]:
        sides = (self._verified_side, self._runtime_side)
        searched = [self._compared.tree(side) for side in sides if side]
        plain = [path for path in self._profile.runtime_paths if "*" not in path]
        return tuple(sorted(path for path in plain if not _is_in_any(searched, path)))

    def _outside_paths(self) -> tuple[tuple[str, str], ...]:
        """Return what belongs to the runtime and is not in the commit: path, and what it is."""
        runtime = self._compared.runtime(self._verified_side)
        outside = {path: _OUTSIDE[kind] for path, kind in runtime.outside.items()}
        for path in self._compared.pointers():
            if path in runtime.parts or path in runtime.tests:
                outside[path] = _POINTER
        return tuple((_printable([path])[0], what) for path, what in sorted(outside.items()))

    def _ignored_paths(self) -> tuple[str, ...]:
        """Return the parts of the runtime that a check ignores; a link may lead to one."""
        patterns = {pattern for ignores in self._profile.views() for pattern in ignores}
        if not patterns:
            return ()
        runtime = self._compared.runtime(self._verified_side)
        return _printable(path_patterns.select(patterns, [*runtime.parts, *runtime.tests]))

    def history(self, rollback: str | None, rollback_tag: str | None) -> HistoryFacts:
        """Return the facts of the earlier releases."""
        if self._profile.manifest_path is None:
            earlier, previous = self._earlier_tags(rollback_tag)
            unstated: tuple[Release, ...] = ()
        else:
            earlier, unstated, previous = self._earlier_releases()
        before = None
        if previous and git_objects.is_commit(self._objects, previous.commit_sha):
            before = self._compared.side(previous.commit_sha)
        return HistoryFacts(
            earlier=earlier,
            unstated=() if earlier else unstated,
            previous=previous,
            changed_since_previous=self._differing_paths(before, self._runtime_side)[0],
            rollback=self._rollback_relation(rollback, is_stated=bool(earlier)),
        )

    def _earlier_releases(
        self,
    ) -> tuple[tuple[Release, ...], tuple[Release, ...], Manifest | None]:
        """Return `HistoryFacts.earlier`, `HistoryFacts.unstated` and `HistoryFacts.previous`."""
        earlier: list[Release] = []
        unstated: list[Release] = []
        previous = None
        for tag, target in self._tags_before():
            name = self._profile.tags.release_tag(tag)
            manifest = self._manifest_at(target)
            if manifest and manifest.release_tag == name:
                earlier.append(Release(tag=name, commit_sha=manifest.commit_sha))
                previous = previous or manifest
            else:
                unstated.append(Release(tag=name, commit_sha=target))
        return tuple(earlier), tuple(unstated), previous

    def _tags_before(self) -> list[tuple[str, str]]:
        """Return the tags of earlier versions and their commits, the latest first."""
        form = self._profile.tags
        version = form.read(self._tag_name)
        if version is None:
            return []
        earlier = []
        for name, ref in self._producer.tags.items():
            read = form.read(name)
            if read and read.order < version.order and ref.commit is not None:
                earlier.append((read.order, name, ref.commit))
        return [(name, commit) for _, name, commit in sorted(earlier, reverse=True)]

    def _earlier_tags(
        self, rollback_tag: str | None
    ) -> tuple[tuple[Release, ...], Manifest | None]:
        """Return the earlier releases without a manifest, and the latest of them.

        Their pairs are the tag and its runtime commit: those of the latest ones, and of the one in
        the rollback line. After a pre-release, a final release is compared with the final one
        before it.
        """
        form = self._profile.tags
        tags = self._tags_before()
        named = [
            tag for number, tag in enumerate(tags) if number < _LATEST or tag[0] == rollback_tag
        ]
        runtime_commit = functools.partial(
            self._repository.find_runtime_commit, self._producer, self._profile
        )
        earlier = tuple(Release(tag=tag, commit_sha=runtime_commit(to)) for tag, to in named)
        own = form.read(self._tag_name)
        final = [tag for tag in tags if (read := form.read(tag[0])) and not read.is_prerelease]
        if own is None or own.is_prerelease or not final:
            final = tags
        if not final:
            return earlier, None
        tag, target = final[0]
        stated = self._stated_at(tag, self._compared.side(target), runtime_commit(target))
        if stated is None:
            stated = Manifest(
                contract_version=None, release_tag=tag, commit_sha=runtime_commit(target)
            )
        return earlier, stated

    def _stated_at(self, tag: str, side: Side, runtime: str) -> Manifest | None:
        """Return what a commit without a manifest states; None if a version cannot be read."""
        profile = self._profile
        read = functools.partial(git_objects.read_blob, self._objects, side.commit)
        files = {path: read(side.prefix + path) for path in producer_stated.paths(profile)}
        stated = producer_stated.read_stated(profile, files)
        if stated.faults:
            return None
        if stated.version is not None:
            own = profile.tags.tag_of(stated.version)
            tag = tag if profile.tags.read(own) == profile.tags.read(tag) else own
        return Manifest(
            contract_version=None, release_tag=tag, commit_sha=runtime, contracts=stated.contracts
        )

    def _manifest_at(self, commit: str) -> Manifest | None:
        path = self._profile.manifest_path
        assert path is not None
        data = git_objects.read_blob(self._objects, commit, self._producer.prefix + path)
        if data is None:
            # The producer may have been in another folder, before it was moved or imported.
            prefix = self._compared.marked_folder(commit)
            if prefix is not None:
                data = git_objects.read_blob(self._objects, commit, prefix + path)
        return None if data is None else read_manifest_or_none(data, self._profile.kind)

    def _rollback_relation(self, rollback: str | None, *, is_stated: bool) -> Relation | None:
        if rollback is None:
            return None
        if self._runtime_side is None or not git_objects.is_commit(self._objects, rollback):
            return Relation.MISSING
        return None if is_stated else self._relation(rollback, self._runtime_side.commit)


def _namesakes(producer: Producer, name: str, target: str) -> tuple[tuple[str, str], ...]:
    """Return what has a tag's name but points to another commit than ``target``.

    Without a target the tag of that name is not the producer's, and does not count.
    """
    meanings = git_producer.meanings_of(producer.root, name)
    return tuple(
        (what, commit)
        for what, commit in meanings.items()
        if commit != target and (what != "tag" or target)
    )


def _printable(paths: Iterable[str]) -> tuple[str, ...]:
    """Return paths sorted, with bytes that are not UTF-8 as escapes: a packet is UTF-8."""
    encoded = (path.encode("utf-8", "surrogateescape") for path in paths)
    return tuple(sorted(path.decode("utf-8", "backslashreplace") for path in encoded))


def _is_in_any(searched: Sequence[trees.Tree], path: str) -> bool:
    return any(trees.names_something(tree, path) for tree in searched)
