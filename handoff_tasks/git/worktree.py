"""Compare a work tree with a commit as the user's git does.

Settings and attributes are read as values. Nothing that is configured runs.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.git import command
from handoff_tasks.git import objects as git_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# The settings under core that decide how git compares a work tree.
_VALUES = (
    "autocrlf",
    "eol",
    "filemode",
    "ignorecase",
    "precomposeunicode",
    "sparsecheckout",
    "symlinks",
)
_PATHS = {"core.attributesfile": "attributes", "core.excludesfile": "ignore"}
_POINTER = re.compile(rb"version [^\n]+\noid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n")
# How git writes a boolean.
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0", "")
_LONGEST_POINTER = 1024
_BLOCK = 1 << 20


class WorkTree:
    """The work tree at ``top``, read through a git folder of our own.

    That is ``folder``, which borrows the objects of the repository ``objects``.
    """

    def __init__(self, top: Path, folder: Path, objects: Path) -> None:
        self._top, self._folder, self._objects = top, folder, objects
        self._settings = _settings(top)
        self._info = {name: _info(top, name) for name in ("attributes", "exclude")}
        command.make_bare(folder)
        for name, data in (
            ("objects/info/alternates", os.fsencode(command.alternates(objects / "objects"))),
            *((f"info/{name}", data) for name, data in self._info.items()),
        ):
            # Most often it is as it was. Another run may read it now.
            if files.read_own(folder / name) != data:
                files.write(folder / name, data, sync=False)

    def _git(self, index: Path | None) -> Callable[..., bytes]:
        return functools.partial(
            command.run,
            cwd=self._top,
            git_dir=self._folder,
            work_tree=self._top,
            index=index,
            settings=self._settings,
        )

    def differences(self, commit: str, index: Path, below: Sequence[str]) -> list[str]:
        """Return the paths that differ from the commit, from the work tree's top.

        ``index`` is the path of an index of ours, kept for the next time; ``below`` limits git to a
        folder.
        """
        # What an index says of a file was true under the settings that it was written with.
        said = repr((sorted(self._settings.items()), sorted(self._info.items())))
        index = index.with_name(f"{index.name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}")
        # A copy for this process alone: others may compare at the same time, and a lock that was
        # left behind must not stop us.
        own = index.with_name(f"{index.name}.{os.getpid()}")
        if index.is_file():
            files.copy(index, own)
        git = self._git(own)
        git("read-tree", "--reset", commit)
        git("update-index", "-q", "--refresh", accept=(0, 1))
        # Inside a submodule git would start another git, with the submodule's configuration.
        found = command.differences(git, *below, submodules="dirty")
        modified = [path for kind, path in found if kind == "modified"]
        deleted = [path for kind, path in found if kind == "deleted"]
        same = {
            *self._unchanged(git, modified),
            *(self._left_out() if deleted and self._is("sparsecheckout", *_TRUE) else ()),
        }
        own.replace(index)
        return [path for kind, path in found if kind == "new" or path not in same]

    def stored(self, path: str, data: bytes) -> str:
        """Return the id of the object that git would store for ``data`` at ``path``."""
        words = ("hash-object", "--stdin", f"--path={path}")
        return self._git(None)(*words, stdin=data).decode().strip()

    def _is(self, name: str, *words: str) -> bool:
        return self._settings.get(f"core.{name}", "").lower() in words

    def _unchanged(self, git: Callable[..., bytes], modified: Sequence[str]) -> set[str]:
        """Return which of the files that git lists as modified are what is committed.

        Those are files that git's own conversion makes equal, which git does not try if the size
        has changed, and files with the content that their committed Git LFS pointer names.
        """
        asked = [
            path
            for path in modified
            if self._is_file(path) and "\n" not in path and not path.startswith('"')
        ]
        if not asked:
            return set()
        entries = {}
        for line in command.names(git("ls-files", "-z", "--stage")):
            facts, path = line.split("\t", 1)
            mode, sha, _ = facts.split(" ")
            entries[path] = (mode, sha)
        asked = [path for path in asked if self._has_mode(path, entries[path][0])]
        stored: list[str] = []
        # A file that git cannot read or convert has changed.
        with contextlib.suppress(command.GitError):
            stored = (
                git(
                    "hash-object",
                    "--stdin-paths",
                    stdin=os.fsencode("".join(f"{path}\n" for path in asked)),
                )
                .decode()
                .split()
            )
        found = {path for path, sha in zip(asked, stored, strict=False) if sha == entries[path][1]}
        filters = command.names(
            git(
                "check-attr",
                "-z",
                "--stdin",
                "filter",
                stdin=os.fsencode("".join(f"{path}\0" for path in asked)),
            )
        )
        large = [
            path
            for path, value in zip(filters[::3], filters[2::3], strict=True)
            if value == "lfs" and path not in found
        ]
        with git_objects.Objects(self._objects) as objects:
            for path in large:
                read = objects.read(entries[path][1])
                if read and self._is_content_of(read[2], path):
                    found.add(path)
        return found

    def _is_file(self, path: str) -> bool:
        try:
            return stat.S_ISREG((self._top / path).lstat().st_mode)
        except OSError:
            return False

    def _has_mode(self, path: str, mode: str) -> bool:
        executable = bool((self._top / path).lstat().st_mode & stat.S_IXUSR)
        return mode in {"100644", "100755"} and (
            self._is("filemode", *_FALSE) or executable == (mode == "100755")
        )

    def _is_content_of(self, pointer: bytes, path: str) -> bool:
        named = _POINTER.fullmatch(pointer) if len(pointer) <= _LONGEST_POINTER else None
        if named is None:
            return False
        digest = hashlib.sha256()
        try:
            with files.open_plain(self._top / path, os.O_NOFOLLOW) as handle:
                if os.fstat(handle.fileno()).st_size != int(named[2]):
                    return False
                while block := handle.read(_BLOCK):
                    digest.update(block)
        except OSError:
            return False
        return digest.hexdigest().encode() == named[1]

    def _left_out(self) -> set[str]:
        """Return the files that a sparse checkout leaves out."""
        with contextlib.suppress(command.GitError):
            listed = command.names(command.run("ls-files", "-t", "-z", cwd=self._top))
            return {line[2:] for line in listed if line.startswith("S ")}
        return set()


def _settings(top: Path) -> dict[str, str]:
    """Return the user's settings that decide how git compares."""
    found = command.user_values(top, rf"^core\.({'|'.join(_VALUES)})$")
    named = command.user_values(top, rf"^({'|'.join(map(re.escape, _PATHS))})$", of_paths=True)
    home = os.environ.get("XDG_CONFIG_HOME") or (
        os.environ.get("HOME") and f"{os.environ['HOME']}/.config"
    )
    for key, name in _PATHS.items():
        if path := named.get(key, f"{home}/git/{name}" if home else None):
            found[key] = path
    return found


def _info(top: Path, name: str) -> bytes:
    """Return the repository's own file of attributes or excludes; links are followed."""
    try:
        place = command.run(
            "rev-parse", "--path-format=absolute", "--git-path", f"info/{name}", cwd=top
        )
        return files.read_plain(top / os.fsdecode(place.removesuffix(b"\n")))
    except (command.GitError, OSError):
        return b""
