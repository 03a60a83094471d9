"""Gather what git says about one release.

These are facts. ``rules`` decides what they mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.formats import safe_regex
from handoff_tasks.git import command, trees
from handoff_tasks.git import producer as git_producer
from handoff_tasks.git.producer import VERSION
from handoff_tasks.model import Relation, Release, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from handoff_tasks.git.comparison import Comparison, Side
    from handoff_tasks.git.producer import Producer
    from handoff_tasks.model import Manifest
    from handoff_tasks.producer.profile import Profile

_OUTSIDE = {
    trees.Kind.SUBMODULE: "a submodule, whose content is not in the checkout",
    trees.Kind.LEAVES: "a link that leaves the producer's root",
    trees.Kind.LOOP: "a link that leads in a loop",
    trees.Kind.GIT_FOLDER: "a link into .git",
    trees.Kind.NO_FOLDER: "a link through a folder that is not in the commit",
}
_POINTER = "a Git LFS pointer, whose content is not in the checkout"


def tag(objects: command.Objects, producer: Producer, name: str, entry: tuple[str, str, str]) -> Tag:
    """Return a tag of the producer; ``entry`` is its type, object id and commit."""
    kind, sha, target = entry
    found = objects.read(sha) if kind == "tag" else None
    bears = command.read_header(found[2], b"tag").decode("utf-8", "replace") if found else name
    return Tag(
        name=name,
        kind="annotated" if kind == "tag" else "lightweight",
        target=target,
        other_name=None if bears == name else bears,
        namesakes=namesakes(producer, name, target),
    )


def namesakes(producer: Producer, name: str, target: str) -> tuple[tuple[str, str], ...]:
    """Return what bears a tag's name for another commit than ``target``; a larger repository's tag of that name does not count."""
    found = git_producer.meanings_of(producer.root, name)
    return tuple((what, commit) for what, commit in found.items() if commit != target and (what != "tag" or target))


def texts(paths: Iterable[str]) -> tuple[str, ...]:
    """Return paths sorted, with bytes that are not UTF-8 written out: a packet has to say them."""
    return tuple(sorted(path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for path in paths))


def differing_paths(compared: Comparison, old: Side | None, new: Side | None) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the places in which the runtimes of two sides differ, None if one is not there; and those that are tests."""
    if old is None or new is None:
        return None, ()
    parts, tests = trees.differences(compared.runtime(old), compared.runtime(new))
    return texts(parts), texts(tests)


def absent_paths(profile: Profile, sides: Sequence[trees.Tree]) -> tuple[str, ...]:
    """Return the runtime paths without ``*`` that lead to nothing in all of these trees."""
    plain = [path for path in profile.runtime_paths if "*" not in path]
    return tuple(sorted(path for path in plain if not any(trees.names_something(tree, path) for tree in sides)))


def outside_paths(runtime: trees.Runtime, pointers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what belongs to the runtime and is not in the commit: path, and what it is."""
    found = {path: _OUTSIDE[kind] for path, kind in runtime.outside.items()}
    found |= {path: _POINTER for path in pointers if path in runtime.parts or path in runtime.tests}
    return tuple((texts([path])[0], what) for path, what in sorted(found.items()))


def rollback_relation(
    relation: Callable[[str, str], Relation], rollback: str | None, runtime: str, *, known: bool, stated: bool
) -> Relation | None:
    """Return what the rollback line's commit is to the runtime commit; where a manifest states it, only whether it is there."""
    if rollback is None:
        return None
    if not known:
        return Relation.MISSING
    return None if stated else relation(rollback, runtime)


def stated_version(compared: Comparison, side: Side, profile: Profile) -> str | None:
    """Return the service version that a side states itself, None if unknown."""
    if profile.service_version_path is None or profile.service_version_pattern is None:
        return None
    data = compared.file(side, profile.service_version_path)
    return safe_regex.search_lines(profile.service_version_pattern, data.decode("utf-8", "replace")) if data else None


def earlier_releases(
    objects: command.Objects,
    compared: Comparison,
    producer: Producer,
    profile: Profile,
    manifest: Manifest,
    read: Callable[[bytes], Manifest | None],
) -> tuple[tuple[Release, ...], Manifest | None, tuple[Release, ...]]:
    """Return the earlier releases whose manifest, at their own tag, states that tag, the latest first; the latest one's manifest.

    Third, the earlier tags of which that is not so, each with the commit that it points to.
    """
    version = _order(manifest.release_tag)
    names = [name.removeprefix(profile.tag_prefix) for name in producer.tags]
    found: list[Release] = []
    unstated: list[Release] = []
    previous = None
    for name in sorted((name for name in names if _order(name) < version), key=_order, reverse=True):
        target = producer.tags[profile.tag_name(name)][2]
        data = command.read_blob(objects, target, producer.prefix + profile.manifest_path) if target else None
        if target and data is None and (prefix := compared.marked(target)) is not None:
            # A tag of the time before the producer was imported into a larger repository, or moved in it.
            data = command.read_blob(objects, target, prefix + profile.manifest_path)
        stated = read(data) if data is not None else None
        if stated and stated.release_tag == name:
            found.append(Release(tag=name, commit_sha=stated.commit_sha))
            previous = previous or stated
        elif target:
            unstated.append(Release(tag=name, commit_sha=target))
    return tuple(found), previous, tuple(unstated)


def _order(tag: str) -> tuple[int, ...]:
    match = VERSION.match(tag)
    return tuple(int(part) for part in match.groups()) if match else ()
