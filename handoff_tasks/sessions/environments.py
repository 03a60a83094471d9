"""Find and remove the environments that nox makes for the checks."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nox import Session

    from handoff_tasks.producer.profile import Check

_MARKER = "handoff-made.txt"
"""The file in an environment that nox has finished."""


def environment_folder(session: Session) -> Path:
    """Return the absolute path of the folder of nox's environments.

    Raises `HandoffError` (HP084) if its name is not UTF-8: no environment can be made there.
    """
    try:
        folder = Path(session.cache_dir).parent.absolute()
    except FileNotFoundError as error:
        # nox before 2026 makes one folder only.
        Path(str(error.filename)).parent.mkdir(parents=True, exist_ok=True)
        folder = Path(session.cache_dir).parent.absolute()
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        from handoff_tasks.problems import refusal

        message = "the path is not UTF-8, so no environment for a check can be made there"
        hint = "name another folder to nox: nox --envdir FOLDER"
        raise refusal("HP084", str(folder), message, hint) from None
    return folder


def bin_folder(folder: Path, session: str) -> str:
    """Return where nox puts the programs of a session's environment.

    nox shortens the name of a session whose path would be long.
    """
    name = re.sub(r"-+", "-", session).strip("-")
    if len(str(folder / name)) > 87 and len(str(folder)) < 91:
        name = hashlib.sha1(name.encode("ascii"), usedforsecurity=False).hexdigest()[:8]
    return str(folder / name / "bin")


def mark_finished(bin_folder: str) -> None:
    """Mark an environment as one that nox has finished."""
    from handoff_tasks import files

    files.write(Path(bin_folder).parent / _MARKER, b"", sync=False)


def clear_unfinished(checks: Sequence[Check], folder: Path) -> None:
    """Remove environments that nox was making when it ended: it would reuse half of one."""
    unfinished = []
    for check in checks:
        environment = Path(bin_folder(folder, check.session)).parent
        if not (environment / _MARKER).exists():
            unfinished.append(check)
    clear(unfinished, folder)


def clear(checks: Sequence[Check], folder: Path) -> None:
    """Remove the environments of checks.

    Their programs come first on PATH, and an earlier check may have put one there.
    """
    for check in checks:
        environment = Path(bin_folder(folder, check.session)).parent
        if environment.is_symlink() or environment.is_file():
            environment.unlink()
        elif environment.is_dir():
            shutil.rmtree(environment)
