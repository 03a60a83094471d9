"""Read plain files, and replace files atomically.

This is the only module that opens files for writing, except for `consumer.tree`, which writes a
consumer's files below open folders. No symbolic link is followed when it writes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.limits import MAX_BYTES
from handoff_tasks.problems import refusal, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from handoff_tasks.problems import HandoffError

_HERE = Path(__file__).resolve().parent


def built_in_profiles() -> dict[str, Path]:
    """Return the built-in profiles, name to path."""
    return {path.stem: path for path in sorted((_HERE / "profiles").glob("*.toml"))}


def is_inside_git_folder(path: Path) -> bool:
    """Return whether a path is inside a folder of git's own.

    That is ``.git``, a bare repository, or a work tree's folder in one. As in git, the files in it
    decide.
    """
    place = resolve_parent(path)
    if ".git" in place.parts:
        return True
    return any(_is_git_folder(str(folder)) for folder in place.parents)


def _is_git_folder(folder: str) -> bool:
    # Not Path's methods: they raise for a name that is too long.
    def there(name: str) -> bool:
        return os.path.exists(os.path.join(folder, name))  # noqa: PTH110, PTH118

    return there("HEAD") and (there("commondir") or (there("objects") and there("refs")))


def resolve_parent(path: Path) -> Path:
    """Return a path with the links in its folders resolved; the file itself stays."""
    # Not Path.resolve: it raises for links that lead in a circle.
    return Path(os.path.realpath(path.parent)) / path.name


def clear_place(path: Path, what: str, is_ours: Callable[[bytes], bool]) -> str | None:
    """Remove an earlier run's file; return why ``path`` cannot be written, if so.

    Args:
        path: The file.
        what: What the file is, for the message.
        is_ours: Returns whether the bytes of a file are those of an earlier run's file.

    Raises:
        HandoffError: HP080 if it cannot be removed.
    """
    if is_inside_git_folder(path):
        return f"{path} is inside a repository's .git"
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode) or not is_ours(read_plain(path)):
            return f"{path} is there already and is no {what} of a run; expected a file of its own"
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritable(path, error) from None
    return None


_MOST_OF_A_LOCK = 65536
# What `locks.hold` writes into a lock: a line for each process that holds it.
_LOCK = re.compile(rb"(?:process [1-9][0-9]{0,9}, since [ -~]{1,40}(?:\n|\Z)|\n)*")
_MOVE_IT = "move it away, or choose another folder, then run again"
_HIDING = ".gitignore"


def open_plain(path: Path, flags: int = 0) -> IO[bytes]:
    """Open a plain file to read.

    Raises `OSError` for anything else: a pipe waits for a writer, and a device may never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is not a plain file", str(path))


def read_plain(path: Path, most: int = MAX_BYTES, flags: int = 0) -> bytes:
    """Return the bytes of a plain file; links are followed unless ``flags`` has O_NOFOLLOW.

    Raises `OSError`, also for a file of more than ``most`` bytes.
    """
    with open_plain(path, flags) as handle:
        size = os.fstat(handle.fileno()).st_size
        # It may grow while it is read.
        data = handle.read(most + 1) if size <= most else b""
        if max(size, len(data)) > most:
            raise OSError(
                errno.EFBIG,
                f"it has {max(size, len(data))} bytes; at most {most} are read",
                str(path),
            )
        return data


def read_own(path: Path) -> bytes | None:
    """Return the bytes of a plain file, None if there is none.

    Raises `OSError`, also for a link.
    """
    try:
        with open_plain(path, os.O_NOFOLLOW) as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def make_folder(place: Path, base: Path) -> None:
    """Make the folders from ``base`` down to ``place``; below ``base`` no link is followed.

    Raises `HandoffError`: HP083 for a link, HP080 if a folder cannot be made.
    """
    try:
        base.mkdir(parents=True, exist_ok=True)
        step = base
        for part in place.relative_to(base).parts:
            step /= part
            try:
                step.mkdir()
            except FileExistsError:
                if step.is_symlink():
                    raise foreign(
                        step, "is a symbolic link; expected a folder, or nothing"
                    ) from None
                if not step.is_dir():
                    raise
    except OSError as error:
        raise unwritable(place, error) from None


def make_own_folder(place: Path) -> None:
    """Make a folder for files of ours, and hide it from git if it is empty.

    A folder that holds other files is left as it is. Raises `HandoffError` (HP080).
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            return
    except FileExistsError:
        raise unwritable(
            place, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        ) from None
    except OSError as error:
        raise unwritable(place, error) from None
    write(place / _HIDING, b"*\n")


def foreign(path: Path, message: str, hint: str = _MOVE_IT) -> HandoffError:
    """Return the refusal (HP083) of what is in the place of a file or folder of ours."""
    return refusal("HP083", str(path), message, hint)


def write(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace the file at ``path`` by ``data``, whole or not at all, with mode 0644.

    A temporary file beside it is written and renamed; a link is replaced, not followed. With
    ``sync`` file and folder are on the disk afterwards. Temporary files of killed writers are
    removed. Raises `HandoffError` (HP080) if that fails; the old file is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary, descriptor = _temporary(path)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                os.fchmod(handle.fileno(), 0o644)
                handle.write(data)
                handle.flush()
                if sync:
                    os.fsync(handle.fileno())
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if sync:
            _sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from None


def create(path: Path, data: bytes) -> None:
    """Write a new file, with the mode that the umask leaves.

    Raises `HandoffError`: HP083 if something exists there, HP080 if it cannot be written.
    """
    try:
        with _new(path) as handle:
            try:
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except FileExistsError:
        raise foreign(path, "already exists; it was not overwritten") from None
    except OSError as error:
        raise unwritable(path, error) from None


def stream(path: Path) -> IO[bytes]:
    """Open an empty file at ``path`` to write to; what is there is removed.

    A link is not followed. Raises `OSError`.
    """
    path.unlink(missing_ok=True)
    return _new(path)


def append(path: Path, data: bytes) -> None:
    """Add ``data`` to the end of a plain file, or of a new one.

    Raises `HandoffError` (HP080), also for a link.
    """
    try:
        descriptor = os.open(
            path,
            os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK,
            0o666,
        )
        with os.fdopen(descriptor, "ab") as handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is not a plain file", str(path))
            handle.write(data)
    except OSError as error:
        raise unwritable(path, error) from None


def copy(source: Path, target: Path) -> None:
    """Replace ``target`` by a copy of a plain file, with its times.

    Raises `OSError` or `HandoffError` (HP080).
    """
    with open_plain(source) as handle:
        status, data = os.fstat(handle.fileno()), handle.read()
    write(target, data, sync=False)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def _new(path: Path) -> IO[bytes]:
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666),
        "wb",
    )


def _temporary(path: Path) -> tuple[Path, int]:
    """Make and lock a file beside ``path``; return its path and descriptor."""
    while True:
        temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644
        )
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another writer may have swept it before it was locked.
        if temporary.exists():
            return temporary, descriptor
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove the temporary files of killed writers; a living one holds a lock."""
    ours = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{8}\.tmp")
    for other in path.parent.iterdir():
        if not ours.fullmatch(other.name):
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(other, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                other.unlink()
            finally:
                os.close(descriptor)


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[int]:
    """Open a file to lock, and make it if it does not exist.

    The descriptor is inheritable: git and the watchers of processes, and only those, are started
    with it. If this process is killed, the lock is free when the last of them has ended.

    Raises `HandoffError`: HP083 for a link and for a file that is not a lock of ours, HP080 if it
    cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644
        )
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise foreign(
                path, "is a symbolic link; expected a lock file of handoff-tasks, or nothing"
            ) from None
        raise unwritable(path, error) from None
    try:
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - positional only
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise foreign(
                path, "is not a plain file; expected a lock file of handoff-tasks, or nothing"
            )
        if not _LOCK.fullmatch(lock_text(descriptor)):
            raise foreign(path, "is not a lock file of handoff-tasks; refusing to overwrite it")
        yield descriptor
    finally:
        os.close(descriptor)


def lock_text(descriptor: int) -> bytes:
    """Return what holders have written into a lock file."""
    return os.pread(descriptor, _MOST_OF_A_LOCK, 0)
