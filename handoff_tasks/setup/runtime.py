"""Find the runtime paths of a repository: everything that is not known to be metadata."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.setup.known_files import EXECUTABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handoff_tasks.setup.known_files import KnownFiles

# Top-level entries that are not runtime. An unknown entry counts as runtime: then too much is
# refused, and not too little. So only names of documents are listed (not history.js or
# license-check/), and dot files that a build reads are runtime.
_METADATA = re.compile(
    r"(?:docs?/|noxfile\.py|handoff\.toml"
    r"|\.(?!(?:cargo/|npmrc|pnpmfile\.cjs|yarn/|yarnrc|babelrc|swcrc|browserslistrc)).*"
    r"|(?:readme|licen[cs]e|copying|notice|authors|changelog|changes|history|news|contributing"
    r"|code_of_conduct|security)(?:-[a-z0-9]+)*"
    r"(?:(?:\.[a-z]{2}(?:[-_][a-z]{2})?)?\.(?:md|markdown|rst|txt|adoc))?)\Z",
    re.IGNORECASE,
)
# If a release commits a file there, all of the folder is metadata; of any other folder, the files
# beside it are runtime.
_RELEASE_FOLDERS = frozenset({"contract/", "contracts/", "doc/", "docs/"})


def find_runtime_paths(known: KnownFiles, metadata: Sequence[str]) -> list[str]:
    """Return the runtime paths, sorted; ``metadata`` are the files that a release commits."""
    entries = {_entry(path, known, metadata) for path in known.modes}
    # Characters that no pattern can hold become *, and so does what is not UTF-8.
    paths = {re.sub(r"[\x00-\x1f\\\ud800-\udfff]+", "*", entry) for entry in entries if entry}
    return sorted(paths) or ["src/"]


def _entry(path: str, known: KnownFiles, metadata: Sequence[str]) -> str | None:
    """Return the runtime path of a file: its top-level entry or one below; None for metadata."""
    end = path.find("/") + 1 or len(path)
    if path[:end] in _RELEASE_FOLDERS:
        committed = [item for item in metadata if item in known.modes]
        if any(item.startswith(path[:end]) for item in committed):
            return None
    # A script is not a document, whatever its name.
    if known.modes[path] != EXECUTABLE and _METADATA.match(path[:end]):
        return None
    while end < len(path) and any(item.startswith(path[:end]) for item in metadata):
        end = path.find("/", end) + 1 or len(path)
    return None if path[:end] in metadata else path[:end]
