"""Read and write files below a root, through open folders.

Everything is done by functions of `os` below open folders, so that no link is followed, and so that
a test can stop the process at each of them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_MODE = 0o644


def find_kind(root: Path, path: str) -> tuple[str, bool]:
    """Return what is at a path below the root, and whether a folder on the way is a link.

    The kind is ``file``, ``link``, ``folder``, ``other`` or ``missing``.
    """
    place = os.fspath(root)
    parts = path.split("/")
    for number, part in enumerate(parts):
        place = os.path.join(place, part)  # noqa: PTH118 - as above
        try:
            mode = os.lstat(place).st_mode
        except OSError:
            return "missing", False
        if number < len(parts) - 1 and stat.S_ISLNK(mode):
            return "link", True
    kinds = {stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFDIR: "folder"}
    return kinds.get(stat.S_IFMT(mode), "other"), False


class Tree:
    """Files below a root, reached through open folders without following links."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folders: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._folders[""] = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, *exc: object) -> None:
        for descriptor in self._folders.values():
            os.close(descriptor)
        self._folders.clear()

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a plain file, None if there is no such file."""
        try:
            folder, name = self._at(path)
            descriptor = os.open(name, _READ, dir_fd=folder)
        except OSError as error:
            # ELOOP: a link; ENXIO: a socket.
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
                return None
            raise
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            pieces = []
            while piece := os.read(descriptor, 1 << 20):
                pieces.append(piece)
            return b"".join(pieces)
        finally:
            os.close(descriptor)

    def mode(self, path: str) -> int:
        """Return the permissions of a file, or those of a new one."""
        try:
            folder, name = self._at(path)
            return stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        except FileNotFoundError:
            return _NEW_MODE

    def has_folder(self, path: str) -> bool:
        """Return whether there is a folder."""
        try:
            self._folder(path)
        except FileNotFoundError:
            return False
        return True

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        folder, name = self._at(path)
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o777, dir_fd=folder)

    def remove_folder(self, path: str) -> None:
        """Remove a folder if it is empty."""
        # Not empty, or not there: both are as it should be.
        with contextlib.suppress(OSError):
            folder, name = self._at(path)
            os.rmdir(name, dir_fd=folder)

    def create(self, path: str, data: bytes, mode: int) -> None:
        """Write a new file to the disk."""
        folder, name = self._at(path)
        flags = os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(
            name, flags | os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=folder
        )
        try:
            os.fchmod(descriptor, mode)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, path: str, target: str) -> None:
        """Move a file over another one in the same folder; done already if it is not there."""
        folder, name = self._at(path)
        with contextlib.suppress(FileNotFoundError):
            os.rename(name, target.rpartition("/")[2], src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""
        with contextlib.suppress(FileNotFoundError):
            folder, name = self._at(path)
            os.unlink(name, dir_fd=folder)

    def sweep(self, name: str) -> None:
        """Remove temporary files of a file at the top, which a kill has left."""
        for other in os.listdir(self._folders[""]):  # noqa: PTH208 - of an open folder
            if other.startswith(f".{name}.") and other.endswith(".new"):
                self.remove(other)

    def sync(self) -> None:
        """Write the folders that were used to the disk."""
        for descriptor in self._folders.values():
            # Some file systems cannot do it for folders.
            with contextlib.suppress(OSError):
                os.fsync(descriptor)

    def _at(self, path: str) -> tuple[int, str]:
        folder, _, name = path.rpartition("/")
        return self._folder(folder), name

    def _folder(self, path: str) -> int:
        if path not in self._folders:
            above, _, name = path.rpartition("/")
            self._folders[path] = os.open(name, _FOLDER, dir_fd=self._folder(above))
        return self._folders[path]
