"""Recognise the targets of a ``Makefile``, and the recipes of a ``justfile``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.setup.draft import Check, Ecosystem, tool

if TYPE_CHECKING:
    from handoff_tasks.setup.listing import Listing

_NAMES = ("check", "lint", "test")
_MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_JUSTFILES = ("justfile", "Justfile", ".justfile")


def find_make(listing: Listing) -> Ecosystem | None:
    """Return a check of each target ``check``, ``lint`` and ``test`` of a makefile."""
    path = next((path for path in _MAKEFILES if listing.has(path)), None)
    if path is None:
        return None
    found = re.findall(r"^([A-Za-z][\w .-]*?)[ \t]*::?(?!=)", listing.text(path), re.MULTILINE)
    targets = {name for line in found for name in line.split()}
    checks = _checks("make", targets)
    install = tool("make", "install make with the system's package manager")
    return Ecosystem(title=f"make ({path})", checks=checks, tools={"make": install})


def find_just(listing: Listing) -> Ecosystem | None:
    """Return a check of each recipe ``check``, ``lint`` and ``test`` of a justfile."""
    path = next((path for path in _JUSTFILES if listing.has(path)), None)
    if path is None:
        return None
    found = re.findall(r"^@?([A-Za-z_][\w-]*)[^:\n]*:(?!=)", listing.text(path), re.MULTILINE)
    checks = _checks("just", set(found))
    install = tool("just", "install just: https://just.systems")
    return Ecosystem(title=f"just ({path})", checks=checks, tools={"just": install})


def _checks(program: str, targets: set[str]) -> list[Check]:
    # `check` usually includes the two others.
    names = ["check"] if "check" in targets else [name for name in _NAMES if name in targets]
    return [
        Check(id=name, title=f"{program} {name}", argv=[program, name], tools=[program])
        for name in names
    ]
