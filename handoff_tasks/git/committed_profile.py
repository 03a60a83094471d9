"""Compare a profile with the one in the verified commit.

A profile is known by what it is, not by the spelling of its path.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.git import trees
from handoff_tasks.model import ProfileSource
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.producer import profile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from handoff_tasks.git.producer import Producer
    from handoff_tasks.git.repository import Repository

_LEADS = {
    trees.Kind.FOLDER: "leads to a folder",
    trees.Kind.GIT_FOLDER: "leads into .git",
    trees.Kind.LEAVES: "leaves the repository",
    trees.Kind.LOOP: "leads in a loop",
    trees.Kind.SUBMODULE: "leads into a submodule",
}
# The paths that a packet can name: its schema's form.
_NAMEABLE = re.compile(r"[^\x00-\x1f\x7f\\\ud800-\udfff]{1,1024}")
_Identity = tuple[int, int]


def read_profile(profile_path: Path) -> bytes:
    """Return a profile's bytes. Raises `HandoffError` (HP030)."""
    try:
        return profile_path.read_bytes()
    except OSError as error:
        message = f"the profile cannot be read: {error.strerror}"
        raise refusal(
            "HP030", str(profile_path), message, "name a built-in profile or a readable file"
        ) from None


def profile_source(
    producer: Producer, repository: Repository, path: Path, data: bytes
) -> ProfileSource:
    """Return what a packet says about the profile at ``path``, whose bytes are ``data``.

    If the commit holds the profile, the commit's bytes count: a work tree may have other line ends.
    """
    place = path.resolve()
    name = next(
        (
            name
            for name, built_in in files.built_in_profiles().items()
            if built_in.resolve() == place
        ),
        None,
    )
    if name is None and place.is_relative_to(producer.top):
        below = place.relative_to(producer.top).as_posix()
        committed = read_committed_file(producer, repository, below)
        if committed is not None and _NAMEABLE.fullmatch(below):
            name, data = below, committed
    return ProfileSource(name=name, sha256=hashlib.sha256(data).hexdigest())


def read_committed_file(producer: Producer, repository: Repository, path: str) -> bytes | None:
    """Return the bytes of a file in the producer's commit, None if it is not a plain file.

    ``path`` is from the repository's top.
    """
    return repository.files(replace(producer, prefix=""), [path])[path]


def notes(
    producer: Producer, repository: Repository, tree: str, path: Path, data: bytes
) -> tuple[Problem, ...]:
    """Return an advisory (HA002) if a profile in the repository is not committed.

    Args:
        producer: The producer, at the verified commit.
        repository: Our copy of its history.
        tree: The id of the commit's tree.
        path: The profile, as the user named it.
        data: The bytes of that file.

    Raises:
        HandoffError: HP014 (it differs from the committed one), HP034 (the commit has a link there,
            not the profile).
    """
    committed = repository.read_tree(tree)
    commit = producer.commit[:12]
    problems, same, absent = [], False, ""
    for place in dict.fromkeys(_places(path, producer.top, committed)):
        found = committed.resolve(place)
        if found.kind is trees.Kind.FILE:
            stored = repository.read(committed.entries[found.place][1])
            if stored == data or _means_the_same(producer, repository, place, data, stored):
                same = True
                continue
            message = f"the profile differs from the one in the verified commit {commit}"
            hint = (
                "commit the profile, or run from a work tree of the commit that is to be verified"
            )
            problems.append(Problem(code="HP014", where=place, message=message, hint=hint))
        elif found.links:
            leads = _LEADS.get(found.kind, "leads to nothing in the commit")
            message = (
                f"the verified commit {commit} does not hold the profile: "
                f"{found.links[-1]} is a link that {leads}"
            )
            hint = "commit the profile itself, in the place of the link"
            problems.append(Problem(code="HP034", where=place, message=message, hint=hint))
        else:
            absent = place
    if problems:
        raise HandoffError(problems)
    if same or not absent:
        return ()
    message = f"the profile is not in the verified commit {commit}; the working file is used"
    return (
        Problem(
            code="HA002",
            where=absent,
            message=message,
            hint="commit the profile, so that others can repeat the run",
        ),
    )


def _means_the_same(
    producer: Producer, repository: Repository, place: str, data: bytes, stored: bytes
) -> bool:
    """Return whether only the line ends differ, as the user's git converts them."""
    if not repository.is_stored_as(producer, place, data, stored):
        return False
    try:
        return profile.parse(stored, place, None).digest == profile.parse(data, place, None).digest
    except HandoffError:
        return False


def _places(path: Path, top: Path, committed: trees.Tree) -> Iterator[str]:
    """Yield each path below the top by which a file is, or may be, in the repository."""
    root = _identity(top)
    folders: dict[_Identity | None, str] = {}
    for entry, rest in _steps(path):
        if below := _below(entry, root):
            yield below + rest
        try:
            status = os.lstat(entry)
        except OSError:
            continue
        if status.st_nlink > 1:
            # A hard link: its other names can be anywhere.
            names = list(committed.entries)
        else:
            folders = folders or {_identity(top / folder): folder for folder in committed.folders}
            # The path must stay as it is spelled.
            folder = folders.get(_identity(os.path.dirname(entry)))  # noqa: PTH120
            names = []
            if folder is not None:
                beside = committed.folders[folder]
                names = [f"{folder}/{name}" if folder else name for name in beside]
        yield from (
            name + rest
            for name in names
            if _identity(top / name, follow=False) == (status.st_dev, status.st_ino)
        )


def _steps(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each link on the way to a file, with the rest of the way, and the file."""
    left = os.path.join(os.getcwd() if not path.is_absolute() else "/", path).split("/")[::-1]  # noqa: PTH109, PTH118
    place = "/"
    while left:
        name = left.pop()
        if name in ("", "."):
            continue
        if name == "..":
            place = os.path.dirname(place)  # noqa: PTH120
            continue
        entry = os.path.join(place, name)  # noqa: PTH118
        try:
            text = os.readlink(entry)  # noqa: PTH115
        except OSError:
            place = entry
            continue
        yield entry, "".join(f"/{one}" for one in left[::-1] if one)
        left += text.split("/")[::-1]
        if text.startswith("/"):
            place = "/"
    yield place, ""


def _below(entry: str, root: _Identity | None) -> str:
    """Return a path from the folder of an identity on, empty if it is not on the way."""
    folder = entry
    while root and folder != "/":
        folder = os.path.dirname(folder)  # noqa: PTH120
        if _identity(folder) == root:
            return os.path.relpath(entry, folder)
    return ""


def _identity(path: str | Path, *, follow: bool = True) -> _Identity | None:
    """Return device and number of what is at a path, None if there is nothing."""
    try:
        status = os.stat(path, follow_symlinks=follow)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino
