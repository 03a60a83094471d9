"""Read releases from a private copy of the producer's history.

Commit and tags are fetched into a bare repository of ours. Git checks each object on its way in.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from handoff_tasks.formats import path_patterns
from handoff_tasks.git import command, worktree
from handoff_tasks.git import objects as git_objects
from handoff_tasks.git import producer as git_producer
from handoff_tasks.git.command import FSCK_HINT
from handoff_tasks.git.comparison import Comparison, Trees
from handoff_tasks.git.producer import TAGS
from handoff_tasks.model import Relation
from handoff_tasks.problems import HandoffError, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from handoff_tasks.git import trees
    from handoff_tasks.git.producer import Producer
    from handoff_tasks.producer.profile import Profile
    from handoff_tasks.producer.tags import TagForm

_NOTHING = "0" * 40

P = ParamSpec("P")
T = TypeVar("T")


def explain_damage(
    function: Callable[Concatenate[Repository, P], T],
) -> Callable[Concatenate[Repository, P], T]:
    """Make a function raise `HandoffError` (HP019) if git fails because our copy is damaged."""

    @functools.wraps(function)
    def explained(repository: Repository, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(repository, *args, **kwargs)
        except (command.GitError, HandoffError):
            repository.refuse_damage()
            raise

    return explained


class Repository:
    """Our private copy of a producer's history: a bare repository at ``folder``.

    Each method raises `HandoffError` (HP019) if git fails because the copy is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._trees = Trees(self._git)

    def _git(self, *words: str, stdin: bytes = b"", index: Path | None = None) -> bytes:
        return command.run(*words, cwd=self.folder, git_dir=self.folder, stdin=stdin, index=index)

    def refuse_damage(self) -> None:
        """Check every object and reference of our copy.

        Raises `HandoffError` (HP019) if one is damaged.
        """
        try:
            self._git("fsck", "--no-dangling", "--no-progress")
        except command.GitError as error:
            message = (
                f"our copy of the producer's history is damaged: {command.reason(error.stderr)}"
            )
            hint = (
                f"delete the folder {self.folder.parent}, then run again: "
                "it is made again from the producer's repository"
            )
            raise refusal("HP019", str(self.folder), message, hint) from None

    @explain_damage
    def update(self, producer: Producer, tags: TagForm) -> None:
        """Fetch the producer's commit and tags if they are not here already.

        Raises `HandoffError` (HP013) if they cannot be fetched completely.
        """
        command.make_bare(self.folder)
        held = git_producer.list_tags(self.folder, self.folder, tags)
        if self._holds(producer.commit) and held == producer.tags:
            return
        specs = [f"+{producer.commit}:{_reference(producer.commit)}"]
        # Each by its name: another tag of a like name may be one that cannot be stored.
        specs += [
            f"+{TAGS}{name}:{TAGS}{name}"
            for name, tag in sorted(producer.tags.items())
            if held.get(name) != tag
        ]
        for name in held.keys() - producer.tags.keys():
            self._git("update-ref", "-d", TAGS + name)
        self._fetch(producer, specs)

    @explain_damage
    def fetch_commit(self, producer: Producer) -> None:
        """Fetch the producer's commit alone if it is not here already.

        Raises `HandoffError` as `update` does.
        """
        command.make_bare(self.folder)
        if not self._holds(producer.commit):
            self._fetch(producer, [f"+{producer.commit}:{_reference(producer.commit)}"])

    def _holds(self, commit: str) -> bool:
        found = self._git("for-each-ref", "--format=%(objectname)", _reference(commit))
        return found.decode().strip() == commit

    def _fetch(self, producer: Producer, specs: Sequence[str]) -> None:
        try:
            self._git(
                *_fetching(producer),
                stdin="".join(f"{spec}\n" for spec in specs).encode("utf-8", "surrogateescape"),
            )
        except command.GitError as error:
            raise refusal(
                "HP013",
                str(producer.git_dir),
                f"commit {producer.commit} and the tags cannot be fetched completely: "
                f"{command.reason(error.stderr)}",
                FSCK_HINT,
            ) from None

    @explain_damage
    def files(self, producer: Producer, names: Sequence[str]) -> dict[str, bytes | None]:
        """Return the bytes of files below the producer's root in its commit.

        The bytes are None for anything that is not a regular file there.
        """
        places = {producer.prefix + name: name for name in names}
        found: dict[str, bytes | None] = dict.fromkeys(names)
        try:
            listed = self._git(
                "ls-tree", "-z", "--full-tree", producer.commit, "--", *places
            ).decode("utf-8", "surrogateescape")
        except command.GitError:
            if self._holds(producer.commit):
                raise
            # A commit that is not here has no files.
            return found
        with git_objects.Objects(self.folder) as objects:
            for line in filter(None, listed.split("\0")):
                entry, path = line.split("\t", 1)
                mode, _, sha = entry.split(" ")
                # A link is a file for git, whose content is where it points to.
                if mode.startswith("100") and path in places:
                    blob = objects.read(sha)
                    if blob is None:
                        raise command.GitError(("cat-file", sha), 1, f"{path} cannot be read")
                    found[places[path]] = blob[2]
        return found

    @explain_damage
    def contents(self, producer: Producer, names: Sequence[str]) -> list[bytes]:
        """Return the bytes of each plain file of the commit below ``names``.

        A name is a file or a folder, below the producer's root.
        """
        entries, _ = self._trees.listing(self.tree(producer))
        places = [producer.prefix + name.rstrip("/") for name in names]
        below = tuple(f"{place}/" for place in places)
        plain = [(path, sha) for path, (mode, sha) in entries.items() if mode.startswith("100")]
        return list(
            git_objects.contents(
                self._git, [sha for path, sha in plain if path in places or path.startswith(below)]
            ).values()
        )

    @explain_damage
    def tree(self, producer: Producer) -> str:
        """Return the id of the producer's commit's tree."""
        return self._git("rev-parse", f"{producer.commit}^{{tree}}").decode().strip()

    @explain_damage
    def paths(self, tree: str) -> list[str]:
        """Return the paths of a tree, from the repository's top."""
        return list(self._trees.listing(tree)[0])

    @explain_damage
    def tree_without(self, tree: str, paths: Sequence[str]) -> str:
        """Return the id of a tree without some of its paths; it is written into our copy."""
        if not paths:
            return tree
        # An index for this process alone: others may do the same now.
        index = self.folder / f"view-{os.getpid()}.index"
        removals = "".join(f"0 {_NOTHING}\t{path}\0" for path in paths)
        try:
            self._git("read-tree", tree, index=index)
            self._git(
                "update-index",
                "-z",
                "--index-info",
                stdin=removals.encode("utf-8", "surrogateescape"),
                index=index,
            )
            return self._git("write-tree", index=index).decode().strip()
        finally:
            index.unlink(missing_ok=True)

    @explain_damage
    def write_commit(self, content: bytes) -> str:
        """Write a commit into our copy, and return its id."""
        words = ("hash-object", "-t", "commit", "-w", "--stdin")
        return self._git(*words, stdin=content).decode().strip()

    @explain_damage
    def read_tree(self, tree: str) -> trees.Tree:
        """Return the tree that has an id, from the repository's top."""
        return self._trees.tree(self._trees.listing(tree)[0])

    @explain_damage
    def read(self, sha: str) -> bytes:
        """Return the content of an object."""
        return git_objects.contents(self._git, [sha])[sha]

    @explain_damage
    def runtime(self, producer: Producer, profile: Profile) -> trees.Runtime:
        """Return what the profile's runtime paths lead to in the producer's commit."""
        with git_objects.Objects(self.folder) as objects:
            compared = self.compare(producer, profile, objects)
            return compared.runtime(compared.verified)

    @explain_damage
    def find_runtime_commit(self, producer: Producer, profile: Profile, commit: str) -> str:
        """Return the last commit up to ``commit`` that changed a runtime path.

        Targets of links below the runtime paths count too. It is ``commit`` itself if the runtime
        paths do not exist.
        """
        with git_objects.Objects(self.folder) as objects:
            compared = self.compare(producer, profile, objects)
            side = compared.side(commit)
            parts = compared.runtime(side).parts
        targets = parts.keys() - set(path_patterns.select(profile.runtime_paths, parts))
        places = [_pathspec(side.prefix, path) for path in profile.runtime_paths]
        places += [
            f":(top,literal){side.prefix}{path}" for path in sorted(targets) if "\n" not in path
        ]
        words = "\n".join([commit, "--", *places, ""]).encode("utf-8", "surrogateescape")
        return self._git("rev-list", "-1", "--stdin", stdin=words).decode().strip() or commit

    def compare(
        self, producer: Producer, profile: Profile, objects: git_objects.Objects
    ) -> Comparison:
        """Return the comparison of the producer's commit with others."""
        return Comparison(
            git=self._git,
            read=self._trees,
            objects=objects,
            profile=profile,
            verified=producer.commit,
            prefix=producer.prefix,
        )

    def fetch_related(self, producer: Producer, objects: git_objects.Objects, sha: str) -> bool:
        """Return whether ``sha`` is a commit of the producer.

        One outside the fetched history is fetched too.
        """
        found = objects.read(sha)
        if found is None:
            try:
                self._git(*_fetching(producer), stdin=f"+{sha}:{_reference(sha)}\n".encode())
            except command.GitError:
                return False
        return git_objects.is_commit(objects, sha)

    def relation(self, runtime: str, other: str) -> Relation:
        """Return what one commit is to another; both must be in our copy."""
        if runtime == other:
            return Relation.SAME
        words = ("merge-base", "--is-ancestor", runtime, other)
        try:
            self._git(*words)
        except command.GitError as error:
            if error.status != 1:
                raise
            return Relation.UNRELATED
        return Relation.ANCESTOR

    def commits_between(self, runtime: str, commit: str, *, moved: bool) -> tuple[str, ...]:
        """Return the commits that come after the runtime commit, the oldest first."""
        # If the history was imported, that of the larger repository does not come after the
        # runtime commit.
        way = ("--ancestry-path",) if moved else ()
        words = ("rev-list", "--reverse", "--topo-order", *way, f"{runtime}..{commit}")
        return tuple(self._git(*words).decode().split())

    def find_squash(self, producer: Producer) -> str | None:
        """Return the commit by which `git subtree` imported the producer without its history.

        None if there is no such commit.
        """
        if not producer.prefix:
            return None
        folder = re.sub(r"([][\\.*^$])", r"\\\1", producer.path)
        words = (
            "log",
            "-1",
            "--format=%H",
            "--basic-regexp",
            f"--grep=^git-subtree-dir: {folder}/*$",
            "--no-merges",
        )
        return self._git(*words, producer.commit).decode().strip() or None

    @explain_damage
    def list_uncommitted(self, producer: Producer, index: Path) -> tuple[str, ...]:
        """Return the paths below the root that differ from the commit, sorted.

        There are none if another commit is checked out. The comparison is the user's git's, with
        the same conversions, through an index of our own (``index``, kept for the next time).
        Nothing that the producer configures is run, and its own index is not used.
        """
        if producer.head != producer.commit:
            return ()
        found = self._work_tree(producer).differences(
            producer.commit, index, _below(producer.prefix)
        )
        return tuple(sorted(path.removeprefix(producer.prefix) for path in found))

    @explain_damage
    def is_stored_as(self, producer: Producer, name: str, data: bytes, committed: bytes) -> bool:
        """Return whether git would store ``data`` as the bytes ``committed``.

        ``name`` is the path in the work tree, below the top.
        """
        content = b"blob %d\0%b" % (len(committed), committed)
        stored = self._work_tree(producer).stored(name, data)
        return stored == hashlib.sha1(content, usedforsecurity=False).hexdigest()

    def _work_tree(self, producer: Producer) -> worktree.WorkTree:
        return worktree.WorkTree(producer.top, self.folder.with_name("worktree.git"), self.folder)


def _reference(commit: str) -> str:
    return f"refs/handoff/{commit}"


def _pathspec(prefix: str, path: str) -> str:
    """Return the words by which git knows a path of a profile, in which ``*`` stands for a name."""
    names = [name for name in path.split("/") if name not in ("", ".")]
    if path.endswith("/"):
        names.append("**")
    escaped = re.sub(r"([][?\\])", r"\\\1", prefix + "/".join(names))
    return f":(top,glob){escaped}"


def _below(prefix: str) -> tuple[str, ...]:
    """Return the words that limit a git command to a producer's root."""
    return ("--", f":(top,literal){prefix}") if prefix else ()


def _fetching(producer: Producer) -> tuple[str, ...]:
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    return (
        *words,
        "--upload-pack",
        command.upload_pack(),
        "--stdin",
        "file://" + quote(os.fsencode(producer.git_dir)),
    )
