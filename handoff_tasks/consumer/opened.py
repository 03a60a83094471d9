"""Open a consumer at the commit that is checked out, and compare its files with it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks.consumer import tree
from handoff_tasks.consumer.rules import Target
from handoff_tasks.git import candidate
from handoff_tasks.git import workspace as git_workspace
from handoff_tasks.problems import HandoffError, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.git.candidate import Entry
    from handoff_tasks.git.workspace import Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A consumer at the commit that is checked out. ``tree`` is the id of the commit's tree."""

    opened: Commit
    tree: str

    @property
    def root(self) -> Path:
        """The consumer's root in its work tree."""
        return self.opened.producer.root

    @property
    def commit(self) -> str:
        """The commit that is checked out."""
        return self.opened.producer.commit

    @property
    def prefix(self) -> str:
        """The root below the repository's top, with a ``/`` at its end; empty for the top."""
        return self.opened.producer.prefix

    @property
    def state(self) -> Path:
        """The folder of lock and journal.

        It is in the work tree's git folder, so that every run finds it, and the consumer's own, if
        a repository has several.
        """
        folder = self.opened.producer.git_dir / "handoff-tasks"
        if not self.prefix:
            return folder
        return folder / hashlib.sha256(os.fsencode(self.prefix)).hexdigest()[:12]

    def read(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Return the bytes of the commit's plain files among paths below the root."""
        listed = self.opened.repository.files(self.opened.producer, list(paths))
        return {path: data for path, data in listed.items() if data is not None}

    def entries(self, paths: Sequence[str], commit: str | None = None) -> dict[str, Entry]:
        """Return mode and blob of the plain files among paths, at the commit or another one."""
        places = [self.prefix + path for path in paths]
        folder = self.opened.repository.folder
        listed = candidate.list_entries(folder, commit or self.commit, places)
        return {path.removeprefix(self.prefix): entry for path, entry in listed.items()}

    def read_blob(self, blob: str) -> bytes | None:
        """Return the bytes of a blob of the consumer's history, None if it is not there."""
        try:
            return self.opened.repository.read(blob)
        except (HandoffError, LookupError):
            return None


def open_consumer(root: Path, cache: Path) -> Consumer:
    """Open the consumer whose root is ``root``.

    Raises:
        HandoffError: HP010 (no folder), HP011 (not a work tree of a repository), HP012 (no commit),
            HP013, HP016 (the cache is inside the consumer), HP019, HP080.
    """
    if not root.is_dir():
        hint = "give the consumer's root with --consumer-root"
        raise refusal("HP010", str(root), "no such folder", hint)
    try:
        opened = git_workspace.open_commit(root=root, commit="HEAD", path=".", cache=cache)
    except HandoffError as error:
        # The same mistakes as with a producer, in other words.
        raise HandoffError(
            replace(
                problem,
                message=problem.message.replace("producer", "consumer"),
                hint=problem.hint.replace("producer", "consumer"),
            )
            for problem in error.problems
        ) from None
    if opened.producer.head is None:
        message = "a bare repository; expected a work tree"
        raise refusal("HP011", str(root), message, "name a checkout of the consumer")
    return Consumer(opened=opened, tree=opened.repository.tree(opened.producer))


def inspect_targets(
    consumer: Consumer, paths: Sequence[str], optional: Sequence[str]
) -> tuple[list[Target], Mapping[str, bytes]]:
    """Return how the files to write are in the work tree, and their committed bytes.

    Args:
        consumer: The consumer.
        paths: The files, below the consumer's root.
        optional: Those among them that need not exist.
    """
    committed = consumer.read(paths)
    targets = []
    with tree.Tree(consumer.root) as folder:
        for path in paths:
            kind, through_link = tree.find_kind(consumer.root, path)
            state = "committed"
            if path not in committed:
                state = "untracked"
            elif kind == "missing" or (kind == "file" and folder.read(path) != committed[path]):
                state = "modified"
            targets.append(
                Target(
                    path=path,
                    kind=kind,
                    through_link=through_link,
                    state=state,
                    optional=path in optional,
                )
            )
    return targets, committed
