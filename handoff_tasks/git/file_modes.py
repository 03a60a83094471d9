"""Give the files of a checkout the modes of a new one."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FILE_MODES = {"100644": 0o644, "100755": 0o755}


def set_modes(tree: Path, entries: Iterable[str]) -> None:
    """Give all files and folders of a commit the modes of a new checkout.

    git restores the executable bit only. ``entries`` are what ``git ls-files --stage`` lists.
    """
    folders = {tree}
    for entry in entries:
        described, _, name = entry.partition("\t")
        path = tree / name
        mode = _FILE_MODES.get(described.split(" ", 1)[0])
        if mode is not None and stat.S_IMODE(path.lstat().st_mode) != mode:
            path.chmod(mode)
        folders.update(tree / folder for folder in _folders_of(name))
    for folder in folders:
        if stat.S_IMODE(folder.stat().st_mode) != _FILE_MODES["100755"]:
            folder.chmod(_FILE_MODES["100755"])


def _folders_of(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name
