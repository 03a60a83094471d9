"""Read what the built-in profiles say of tools and environments."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from handoff_tasks import files

if TYPE_CHECKING:
    from typing import Any


def read_profile(name: str) -> dict[str, Any]:
    """Return the document of a built-in profile."""
    return tomllib.loads(files.built_in_profiles()[name].read_text("utf-8"))


def read_tools() -> dict[str, dict[str, Any]]:
    """Return the tables of tools in the built-in profiles, without what is of one producer only."""
    tools: dict[str, dict[str, Any]] = {}
    for name in files.built_in_profiles():
        for tool, table in read_profile(name)["tools"].items():
            table.pop("mentioned_in", None)
            tools.setdefault(tool, table)
    return tools
