"""Find the lists of packages of a Python project: groups, extras, requirements files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.setup.draft import Packages
from handoff_tasks.setup.listing import table

if TYPE_CHECKING:
    from typing import Any

    from handoff_tasks.setup.listing import Listing

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_FILE = re.compile(
    r"(?:(?:requirements|test|tests)/)?(?P<label>[a-z]*)[-_.]?requirements[-_.]?(?P<after>[a-z]*)\.txt"
    r"|requirements/(?P<only>[a-z]+)\.txt"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A list of packages: ``kind`` is ``group``, ``extra`` or ``file``, ``name`` its name or path.

    ``label`` is the word by which it is preferred, ``names`` are the names of its packages.
    """

    kind: str
    name: str
    label: str
    names: frozenset[str]

    @property
    def description(self) -> str:
        """The list in words."""
        words = {"group": "the dependency group", "extra": "the extra", "file": "the file"}
        return f"{words[self.kind]} {self.name}"

    def packages(self, *, install_project: bool) -> Packages:
        """Return the packages of a check that needs this list."""
        return Packages(
            groups=(self.name,) if self.kind == "group" else (),
            extras=(self.name,) if self.kind == "extra" else (),
            requirements=(self.name,) if self.kind == "file" else (),
            # An extra is one of the project, which is then installed with it.
            install_project=install_project or self.kind == "extra",
        )


def find_sources(listing: Listing, document: dict[str, Any]) -> list[Source]:
    """Return the lists of packages of a project: groups first, then extras, then files."""
    groups = table(document, "dependency-groups")
    extras = table(document, "project", "optional-dependencies")
    sources = [
        Source(kind="group", name=name, label=name.lower(), names=_group(groups, name, ()))
        for name in groups
    ]
    sources += [
        Source(kind="extra", name=name, label=name.lower(), names=_names(extras[name]))
        for name in extras
    ]
    for path in sorted(listing.modes):
        if match := _FILE.fullmatch(path):
            label = match["only"] or match["label"] or match["after"] or ""
            names = _names(listing.text(path).splitlines())
            sources.append(Source(kind="file", name=path, label=label, names=names))
    return sources


def _group(groups: dict[str, Any], name: str, within: tuple[str, ...]) -> frozenset[str]:
    """Return the names of the packages of a group, with those of the groups that it includes."""
    entries = groups.get(name, [])
    names = set(_names(entries))
    for entry in entries if isinstance(entries, list) else []:
        included = entry.get("include-group") if isinstance(entry, dict) else None
        if isinstance(included, str) and included not in (*within, name):
            names |= _group(groups, included, (*within, name))
    return frozenset(names)


def _names(entries: object) -> frozenset[str]:
    """Return the normalized names of a list of requirements."""
    if not isinstance(entries, list):
        return frozenset()
    matches = [_NAME.match(entry) for entry in entries if isinstance(entry, str)]
    return frozenset(re.sub(r"[-_.]+", "-", match[1]).lower() for match in matches if match)
