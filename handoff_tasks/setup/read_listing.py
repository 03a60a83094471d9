"""Read the listing of a repository from git and from its work tree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.git import command
from handoff_tasks.problems import refusal
from handoff_tasks.setup.listing import Listing

if TYPE_CHECKING:
    from pathlib import Path


def read_listing(root: Path) -> Listing:
    """Return what git knows of the folder ``root`` and of its repository.

    Raises `HandoffError` (HP090) if ``root`` is not a folder of a git repository.
    """
    if not root.is_dir():
        raise refusal("HP090", str(root), "no such folder", "give the folder of a repository")
    try:
        top = root / _line(root, "rev-parse", "--show-cdup")
        prefix = _line(root, "rev-parse", "--show-prefix")
        entries = _entries(top)
    except command.GitError:
        hint = "run 'git init' there and commit what a release is made of, then call init again"
        message = "not in a git repository; a handoff is of one commit"
        raise refusal("HP090", str(root), message, hint) from None
    below = {
        path.removeprefix(prefix): mode for path, mode in entries.items() if path.startswith(prefix)
    }
    tags = _tags(root, "--merged", "HEAD")
    return Listing(
        name=root.resolve().name or "producer",
        prefix=prefix,
        modes=below,
        others=frozenset(path for path in entries if not path.startswith(prefix)),
        read=lambda path: _read(top / path),
        tags=tags,
        other_tags=tuple(tag for tag in _tags(root) if tag not in set(tags)),
        ignored=tuple(
            _paths(root, "ls-files", "-z", "--cached", "--ignored", "--exclude-standard")
        ),
    )


def changed_paths(root: Path, tag: str) -> tuple[str, ...]:
    """Return the paths below the root in which a tag's commit and HEAD differ."""
    words = ("diff", "--name-only", "--no-renames", "-z", "--relative", f"refs/tags/{tag}", "HEAD")
    return tuple(_paths(root, *words, "--", "."))


def _line(root: Path, *words: str) -> str:
    return os.fsdecode(command.run(*words, cwd=root).removesuffix(b"\n"))


def _paths(root: Path, *words: str) -> list[str]:
    listing = command.run(*words, cwd=root).decode("utf-8", "surrogateescape")
    return [path for path in listing.split("\0") if path]


def _entries(top: Path) -> dict[str, str]:
    """Return the files that git knows below a folder, path to mode."""
    modes = {}
    for line in _paths(top, "ls-files", "-z", "--stage"):
        facts, path = line.split("\t", 1)
        modes[path] = facts.split(" ", 1)[0]
    return modes


def _tags(root: Path, *words: str) -> tuple[str, ...]:
    """Return the names of tags, the latest first; none in a repository without commits."""
    try:
        listing = command.run(
            "for-each-ref",
            "--sort=-creatordate",
            "--format=%(refname)",
            *words,
            "refs/tags",
            cwd=root,
        )
    except command.GitError:
        return ()
    names = listing.decode("utf-8", "surrogateescape").splitlines()
    return tuple(name.removeprefix("refs/tags/") for name in names)


def _read(path: Path) -> str:
    """Return a file's text; empty if it cannot be read."""
    try:
        return files.read_plain(path).decode("utf-8", "replace")
    except OSError:
        return ""
