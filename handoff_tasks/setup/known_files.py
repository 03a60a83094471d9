"""Read the files of a repository that git knows."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.git import command
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

EXECUTABLE = "100755"
PLAIN = "100644"


class KnownFiles:
    """The files that git knows below a folder; their texts are read from the work tree.

    ``modes`` maps each path to git's mode. ``manifest`` and ``changelog`` are the paths of the
    producer manifest and of the changelog, None if there is none.
    """

    def __init__(self, root: Path) -> None:
        """Raises `HandoffError` (HP090) if ``root`` is not a folder of a git repository."""
        self.root = root
        self.modes = _list_files(root)
        self.manifest = self._find_manifest()
        names = ("CHANGELOG.md", "CHANGES.md", "HISTORY.md", "docs/CHANGELOG.md")
        self.changelog = next((name for name in names if name in self.modes), None)

    def _find_manifest(self) -> str | None:
        pattern = re.compile(r"(?:.*/)?[^/]*manifest[^/]*\.json\Z", re.DOTALL)
        paths = [
            path
            for path in self.modes
            if pattern.match(path) and self.read_json(path).get("manifest_contract_version")
        ]
        return min(paths, key=lambda path: (path.count("/"), path), default=None)

    def prefix(self) -> str:
        """Return where the folder is in its repository; empty at the repository's top."""
        prefix = command.run("rev-parse", "--show-prefix", cwd=self.root)
        return os.fsdecode(prefix.removesuffix(b"\n")).rstrip("/")

    def is_ignored(self, name: str) -> bool:
        """Return whether git ignores a folder of that name."""
        try:
            command.run("check-ignore", "--quiet", name, cwd=self.root)
        except command.GitError:
            return False
        return True

    def read_text(self, path: str) -> str:
        """Return a file's text; empty if it cannot be read."""
        try:
            return files.read_plain(self.root / path).decode("utf-8", "replace")
        except OSError:
            return ""

    def read_json(self, path: str) -> dict[str, Any]:
        """Return the object in a file; empty if there is none."""
        try:
            document = json.loads(self.read_text(path))
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def has_folder(self, folder: str) -> bool:
        """Return whether git knows files below ``folder/``."""
        return any(path.startswith(folder) for path in self.modes)


def _list_files(root: Path) -> dict[str, str]:
    """Return the files that git knows below a folder, path to mode."""
    if not root.is_dir():
        raise refusal("HP090", str(root), "no such folder", "give the folder of a repository")
    try:
        listing = command.run("ls-files", "-z", "--stage", cwd=root)
    except command.GitError:
        hint = (
            "run 'git init' there and commit what a release is made of, then call handoff-init "
            "again"
        )
        message = "not in a git repository; a handoff is of one commit"
        raise refusal("HP090", str(root), message, hint) from None
    modes = {}
    for line in listing.decode("utf-8", "surrogateescape").split("\0"):
        if line:
            facts, path = line.split("\t", 1)
            modes[path] = facts.split(" ", 1)[0]
    return modes
