"""Build the repository of an embedded sample at a place, whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.git import command
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from handoff_tasks.problems import HandoffError


def build_whole(destination: Path, what: str, fill: Callable[[Path, Path], None]) -> None:
    """Build a repository at ``destination``, which must not exist or be empty.

    Args:
        destination: The folder of the repository.
        what: What is built, for messages.
        fill: Makes the repository in a folder; the second path is for a file of marks.

    Raises:
        HandoffError: HP009, if it cannot be built there.
    """
    try:
        if destination.is_symlink():
            raise _refused(destination, what, "it is a symbolic link")
        target = destination.resolve()
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise _refused(destination, what, "it exists and is not an empty folder")
        if target.exists() and target.samefile("."):
            reason = "it is the current folder, which would be replaced"
            raise _refused(destination, what, reason)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that moving it there is one rename; one folder deeper, so that its
        # mode follows the umask.
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
            repository = Path(temporary, "repository")
            repository.mkdir()
            fill(repository, Path(temporary, "marks"))
            repository.rename(target)
    except OSError as error:
        raise _refused(destination, what, error.strerror or str(error)) from error


def _refused(destination: Path, what: str, reason: str) -> HandoffError:
    message = f"the {what} cannot be built here: {reason}"
    return refusal("HP009", str(destination), message, "name a folder that does not exist yet")


def import_history(
    repository: Path, marks: Path, branch: str, stream: Iterable[bytes]
) -> dict[str, str]:
    """Make a repository from what ``git fast-import`` reads; return its commits by mark."""
    command.run(
        *("init", "--quiet", "--template=", "--object-format=sha1"),
        f"--initial-branch={branch}",
        cwd=repository,
    )
    # No reflog: it would hold the time of the build.
    command.run(
        *("-c", "core.logAllRefUpdates=false"),
        *("fast-import", "--quiet", f"--export-marks={marks}"),
        cwd=repository,
        stdin=b"".join(stream),
    )
    return dict(line.split() for line in marks.read_text(encoding="ascii").splitlines())


def data(content: bytes) -> bytes:
    """Return the ``data`` command of ``git fast-import``."""
    return b"data %d\n%b\n" % (len(content), content)
