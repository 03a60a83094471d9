"""Make the trees that checks with ``ignores`` see.

Such a check sees one commit without history, made of the verified commit's tree without the ignored
files. Nothing that it sees depends on these files, so its pass holds for every commit with the same
tree.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats import path_patterns
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from handoff_tasks.git.producer import Producer
    from handoff_tasks.git.repository import Repository
    from handoff_tasks.producer.profile import Profile

# Everything in the commit but its tree is the same for all commits. The time is one that archives
# of every form can state.
_COMMIT = (
    "tree {tree}\n"
    "author handoff-tasks <handoff-tasks@localhost> 315619200 +0000\n"
    "committer handoff-tasks <handoff-tasks@localhost> 315619200 +0000\n"
    "\n"
    "The files that a check with 'ignores' sees\n"
)
_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What checks with the same ``ignores`` see of the verified commit.

    Attributes:
        ignores: The patterns of the files that they do not see, as in the profile.
        name: The name of their checkout; empty if they see all files.
        tree: The id of the tree that they see.
        commit: The commit that they see: the verified one, or one without history for ``tree``.
    """

    ignores: tuple[str, ...]
    name: str
    tree: str
    commit: str


def make_views(
    repository: Repository, producer: Producer, profile: Profile, tree: str
) -> dict[tuple[str, ...], View]:
    """Return the view of each ``ignores`` of a profile's checks.

    Their trees and commits are written into our repository. ``tree`` is that of the verified
    commit. Raises `HandoffError` (HP019) if our repository is damaged.
    """
    return {ignores: _make_view(repository, producer, ignores, tree) for ignores in profile.views()}


def _make_view(
    repository: Repository, producer: Producer, ignores: tuple[str, ...], tree: str
) -> View:
    if not ignores:
        return View(ignores=(), name="", tree=tree, commit=producer.commit)
    words = json.dumps([producer.prefix, *ignores])
    name = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    seen = repository.tree_without(tree, ignored_files(repository, producer, ignores, tree))
    commit = repository.write_commit(_COMMIT.format(tree=seen).encode())
    return View(ignores=ignores, name=name, tree=seen, commit=commit)


def ignored_files(
    repository: Repository, producer: Producer, ignores: Iterable[str], tree: str
) -> tuple[str, ...]:
    """Return the paths of a tree that match ``ignores``, from the repository's top, sorted."""
    patterns = [producer.prefix + pattern for pattern in ignores]
    return path_patterns.select(patterns, repository.paths(tree))


def unmatched_notes(
    repository: Repository, producer: Producer, profile: Profile, tree: str
) -> list[Problem]:
    """Return an advisory (HA008) for each pattern of ``ignores`` that no file matches.

    The packet may be there after the first release only.
    """
    patterns = sorted({pattern for ignores in profile.views() for pattern in ignores})
    notes = []
    for pattern in patterns:
        is_packet = path_patterns.overlap(pattern, profile.packet_path)
        if is_packet or ignored_files(repository, producer, [pattern], tree):
            continue
        checks = ", ".join(check.id for check in profile.checks if pattern in check.ignores)
        notes.append(
            Problem(
                code="HA008",
                where=f"ignores {pattern}",
                message=f"commit {producer.commit[:12]} has no such file; it is ignored by "
                f"{checks}",
                hint="correct it in the profile, or leave it out; a folder ends with '/'",
            )
        )
    return notes
