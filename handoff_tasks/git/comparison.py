"""Compare a producer in several commits, wherever it is in each."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.git import command, trees
from handoff_tasks.git import objects as git_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from handoff_tasks.producer.profile import Profile

# The tree without entries, which git knows without having it.
_EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_NOTHING = "0" * 40
_LISTED = re.compile(r"([0-7]{6}) [a-z]+ ([0-9a-f]{40}) +([0-9]+|-)\t([^\0]+)\0")
# A pointer of Git LFS (https://git-lfs.com): how it begins, and its greatest size.
_POINTER = b"version https://git-lfs.github.com/spec/v1"
_POINTER_SIZE = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A producer in one commit: its folder there and the id of that tree.

    ``prefix`` ends with ``/``; it is empty for the top.
    """

    commit: str
    prefix: str
    tree: str


class Trees:
    """The trees of one repository, each read once.

    Args:
        git: `command.run` with the repository given.
    """

    def __init__(self, git: Callable[..., bytes]) -> None:
        self._git = git
        self._listings: dict[str, tuple[dict[str, trees.Entry], dict[str, int]]] = {}
        self._texts: dict[str, str] = {}

    def listing(self, tree: str) -> tuple[dict[str, trees.Entry], dict[str, int]]:
        """Return the entries of a tree, and the size of each blob."""
        if tree not in self._listings:
            listed = self._git("ls-tree", "-r", "-z", "-l", "--full-tree", tree).decode(
                "utf-8", "surrogateescape"
            )
            found = _LISTED.findall(listed)
            entries = {path: (mode, sha) for mode, sha, _, path in found}
            self._listings[tree] = (
                entries,
                {sha: int(size) for _, sha, size, _ in found if size != "-"},
            )
        return self._listings[tree]

    def tree(self, entries: Mapping[str, trees.Entry]) -> trees.Tree:
        """Return a tree of these entries, the texts of its links read."""
        links = {sha for mode, sha in entries.values() if mode == trees.LINK}
        read = git_objects.contents(self._git, sorted(links - self._texts.keys()))
        # What follows a NUL never reaches the file system.
        self._texts |= {
            sha: data.decode("utf-8", "surrogateescape").partition("\0")[0]
            for sha, data in read.items()
        }
        return trees.Tree(entries, self._texts.__getitem__)

    def pointers(self, tree: str) -> frozenset[str]:
        """Return the paths of a tree that are pointers of Git LFS."""
        entries, sizes = self.listing(tree)
        files = {
            path: sha
            for path, (mode, sha) in entries.items()
            if mode not in (trees.LINK, trees.SUBMODULE)
        }
        small = {sha for sha in files.values() if len(_POINTER) <= sizes[sha] < _POINTER_SIZE}
        found = {
            sha
            for sha, data in git_objects.contents(self._git, sorted(small)).items()
            if data.split(b"\n", 1)[0].rstrip(b"\r") == _POINTER
        }
        return frozenset(path for path, sha in files.items() if sha in found)


class Comparison:
    """A producer's verified commit, and what other commits have of it.

    Args:
        git: `command.run` with the repository given.
        read: The trees of that repository.
        objects: Reads its objects.
        profile: The producer's profile.
        verified: The verified commit.
        prefix: The producer's folder there.
    """

    def __init__(
        self,
        *,
        git: Callable[..., bytes],
        read: Trees,
        objects: git_objects.Objects,
        profile: Profile,
        verified: str,
        prefix: str,
    ) -> None:
        self._git = git
        self._read = read
        self._objects = objects
        self._profile = profile
        self.verified = Side(commit=verified, prefix=prefix, tree=self._tree_id(verified, prefix))
        self._prefixes = list(dict.fromkeys([prefix, ""]))
        self.changed = functools.cache(self._changed)
        self.tree = functools.cache(self._tree)
        self.runtime = functools.cache(self._runtime)
        self.side = functools.cache(self._side)

    def _tree_id(self, commit: str, prefix: str) -> str:
        found = self._objects.read(f"{commit}:{prefix.rstrip('/')}")
        return found[0] if found and found[1] == "tree" else _EMPTY

    def _side(self, commit: str) -> Side:
        """Return the producer in a commit.

        It is where it is in the verified commit, else where the marks of its profile are.
        """
        here = self.verified.prefix
        if commit == self.verified.commit:
            return self.verified
        if (prefix := self.marked_folder(commit)) is not None:
            return Side(commit=commit, prefix=prefix, tree=self._tree_id(commit, prefix))
        places = [
            Side(commit=commit, prefix=prefix, tree=self._tree_id(commit, prefix))
            for prefix in self._marked_folders(commit)
        ]
        nowhere = Side(commit=commit, prefix=here, tree=self._tree_id(commit, here))
        # If there are several, the one that differs least is the one that was moved.
        found = min(
            places,
            key=lambda side: (len(self.changed(side, self.verified)), side.prefix),
            default=nowhere,
        )
        if places:
            self._prefixes.append(found.prefix)
        return found

    def marked_folder(self, commit: str) -> str | None:
        """Return the first known folder in which a commit has marks of the producer."""
        for prefix in self._prefixes:
            if any(
                self._objects.read(f"{commit}:{prefix}{mark.rstrip('/')}") for mark in self._marks()
            ):
                return prefix
        return None

    def _marks(self) -> Iterable[str]:
        """Yield the paths by which a producer is known, the most specific first."""
        if self._profile.manifest_path:
            yield self._profile.manifest_path
        if self._profile.service_version_path:
            yield self._profile.service_version_path
        for path in self._profile.runtime_paths:
            # git takes a path with "." as one of a work tree.
            plain = "/".join(name for name in path.split("/") if name not in ("", "."))
            if plain and "*" not in plain:
                yield f"{plain}/" if path.endswith("/") else plain

    def _marked_folders(self, commit: str) -> list[str]:
        """Return the folders of a commit that have a mark of the producer."""
        paths = command.names(
            self._git("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
        )
        for mark in self._marks():
            end = "/" + mark
            if found := [path.removesuffix(mark) for path in paths if path.endswith(end)]:
                return found
        return []

    def _changed(
        self, old: Side, new: Side
    ) -> dict[str, tuple[trees.Entry | None, trees.Entry | None]]:
        """Return what differs between two sides: path to the old entry and the new one."""
        if old.tree == new.tree:
            return {}
        fields = command.names(
            self._git(
                "diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", old.tree, new.tree
            )
        )
        found = {}
        for entry, path in zip(fields[::2], fields[1::2], strict=True):
            old_mode, new_mode, old_sha, new_sha, _ = entry.removeprefix(":").split(" ")
            found[path] = (
                None if old_sha == _NOTHING else (old_mode, old_sha),
                None if new_sha == _NOTHING else (new_mode, new_sha),
            )
        return found

    def _tree(self, side: Side) -> trees.Tree:
        """Return a side's tree: the verified one, with what differs undone."""
        entries = dict(self._read.listing(self.verified.tree)[0])
        for path, (old, _) in self.changed(side, self.verified).items():
            if old:
                entries[path] = old
            else:
                del entries[path]
        return self._read.tree(entries)

    def _runtime(self, side: Side) -> trees.Runtime:
        return trees.runtime(self.tree(side), self._profile.runtime_paths, self._profile.test_paths)

    def pointers(self) -> frozenset[str]:
        """Return the paths of Git LFS pointers in the verified commit."""
        return self._read.pointers(self.verified.tree)

    def file(self, side: Side, path: str) -> bytes | None:
        """Return the content of a file of a side, None if there is none; links are followed."""
        tree = self.tree(side)
        found = tree.resolve(path)
        if found.kind is not trees.Kind.FILE:
            return None
        blob = self._objects.read(tree.entries[found.place][1])
        return blob[2] if blob else None
