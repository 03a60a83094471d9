"""Answer questions about the files of a repository: a value, read from git by `read_listing`."""

from __future__ import annotations

import json
import posixpath
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

EXECUTABLE = "100755"
PLAIN = "100644"
SUBMODULE = "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files that git knows, those below the producer's root and all of the repository.

    ``name`` is the root's folder, ``prefix`` its path in the repository, empty or with ``/`` at its
    end. ``modes`` maps each path below the root to git's mode, ``others`` has the paths outside of
    it, from the top. ``read`` returns the text of a file by its path from the top, empty if it
    cannot be read. ``tags`` are the tags that HEAD contains, the latest first, ``other_tags`` all
    others. ``ignored`` are files below the root that git knows, although it ignores their names.
    """

    name: str
    prefix: str = ""
    modes: Mapping[str, str]
    others: frozenset[str] = frozenset()
    read: Callable[[str], str]
    tags: tuple[str, ...] = ()
    other_tags: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    _texts: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def has(self, path: str) -> bool:
        """Return whether git knows a file; the path is relative to the root and may leave it."""
        return path in self.modes or self._from_top(path) in self.others

    def has_folder(self, folder: str) -> bool:
        """Return whether git knows files below ``folder/``, in the root."""
        return any(path.startswith(folder) for path in self.modes)

    def text(self, path: str) -> str:
        """Return a file's text; empty if there is none."""
        if not self.has(path):
            return ""
        place = self._from_top(path)
        if place not in self._texts:
            self._texts[place] = self.read(place)
        return self._texts[place]

    def json(self, path: str) -> dict[str, Any]:
        """Return the object in a file; empty if there is none."""
        try:
            document = json.loads(self.text(path))
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def toml(self, path: str) -> dict[str, Any]:
        """Return the TOML document in a file; empty if there is none."""
        try:
            return tomllib.loads(self.text(path))
        except (ValueError, RecursionError):
            return {}

    def nearest(self, name: str) -> str | None:
        """Return the path of the nearest file of that name, in the root or in a folder above."""
        for depth in range(self.prefix.count("/") + 1):
            path = "../" * depth + name
            if self.has(path):
                return path
        return None

    def _from_top(self, path: str) -> str:
        return posixpath.normpath(self.prefix + path)


def table(document: object, *keys: str) -> dict[str, Any]:
    """Return the table below ``keys`` of a document; empty if there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def texts(value: object) -> list[str]:
    """Return the texts of a list; empty if it is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
