"""Choose the work folder, the cache folder and the place of the packet."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.sessions.options import Options


def resolve_path(session: Session, path: Path) -> Path:
    """Return a path of the command line, relative to where nox was called; ``~`` is expanded."""
    # Path.expanduser raises for the home of a user who does not exist.
    return Path(os.path.normpath(Path(session.invoked_from) / os.path.expanduser(path)))  # noqa: PTH111


def work_folder(session: Session, noxfile: Path, options: Options) -> Path:
    """Return the work folder: ``--work-dir``, else ``.handoff`` beside the noxfile.

    Raises `HandoffError` (HP083) if the latter is a link.
    """
    if options.work_dir:
        return resolve_path(session, options.work_dir)
    work = noxfile.parent / ".handoff"
    if work.is_symlink():
        from handoff_tasks import files

        hint = "move it away, or name the folder with --work-dir"
        raise files.foreign(work, "is a symbolic link; expected a folder, or nothing", hint)
    return work


def cache_folder(session: Session, options: Options) -> Path:
    """Return the folder of the private checkouts: ``--cache-dir``, else `default_cache`."""
    if options.cache_dir:
        return resolve_path(session, options.cache_dir)
    return default_cache()


def default_cache() -> Path:
    """Return the default folder of the private checkouts; make it if it does not exist.

    It is the user's cache folder, or ``~/handoff-cache`` if a name in that path begins with a dot,
    as on Linux: many web servers and test suites serve no file below such a folder. A folder for
    temporary files is not suitable (it is emptied, and other users may write above the checkout),
    and neither is a folder for all users.

    Raises `HandoffError` (HP036) if other users could change its contents, HP080 if it cannot be
    made.
    """
    import platformdirs

    from handoff_tasks.problems import refusal, unwritable

    place = Path(platformdirs.user_cache_dir("handoff-tasks", appauthor=False))
    if any(part.startswith(".") for part in place.parts):
        place = Path.home() / "handoff-cache"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=0o700)
        status = place.lstat()
    except OSError as error:
        raise unwritable(place, error) from None
    if not stat.S_ISDIR(status.st_mode):
        why = "is a link" if stat.S_ISLNK(status.st_mode) else "is a file"
    elif status.st_uid != os.getuid():
        why = f"belongs to user {status.st_uid}, not to you (user {os.getuid()})"
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        why = f"can be written to by other users (mode {stat.S_IMODE(status.st_mode):04o})"
    else:
        return place
    hint = "move it away, or name another folder with --cache-dir"
    raise refusal("HP036", str(place), f"{why}; expected a folder that only you can write to", hint)
