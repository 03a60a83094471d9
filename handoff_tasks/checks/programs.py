"""Look for programs on a search path.

It imports little, since each listing of the sessions looks for cargo.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def search_path(bin_folder: str | None, caller: Mapping[str, str]) -> str:
    """Return a PATH: ``bin_folder``, then the caller's absolute entries, each once."""
    entries = caller.get("PATH", os.defpath).split(os.pathsep)
    folders = [entry for entry in entries if entry.startswith("/")]
    if bin_folder:
        folders.insert(0, bin_folder)
    return os.pathsep.join(dict.fromkeys(folders))


def which(names: Sequence[str], path: str) -> str | None:
    """Return the absolute path of the first of ``names`` on ``path``, None if there is none."""
    for name in names:
        program = shutil.which(name, path=path)
        if program:
            return program
    return None
