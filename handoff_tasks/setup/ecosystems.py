"""Find what each ecosystem in a repository adds to its profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.setup import cargo, golang, make, node, python

if TYPE_CHECKING:
    from handoff_tasks.setup.draft import Ecosystem
    from handoff_tasks.setup.listing import Listing

_LANGUAGES = (cargo.find_cargo, golang.find_go, node.find_node)
_RUNNERS = (make.find_make, make.find_just)


def find_ecosystems(listing: Listing) -> list[Ecosystem]:
    """Return what each ecosystem of a repository adds to its profile, the main one first.

    A makefile or a justfile counts only without the checks of a language, which it would repeat.
    """
    found = [part for find in _LANGUAGES if (part := find(listing))]
    # The tests of a mixed repository are those of its other language.
    has_checks = any(part.checks for part in found)
    python_part = python.find_python(listing, with_tests=not has_checks)
    if python_part:
        found.append(python_part)
    for find in _RUNNERS:
        part = find(listing)
        if part and not any(other.checks for other in found):
            found.append(part)
    return found
