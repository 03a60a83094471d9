"""Write the first impact statement of a repository, with everything that git knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.formats import escape
from handoff_tasks.formats.words import and_more, quantity
from handoff_tasks.producer.statement import HEADING, LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.setup.draft import Naming

FILE = "handoff.md"
_MOST_PATHS = 20
_OPEN = "<none|describe>"
_HEAD = """\
# Consumer impact

What each release means for its consumers, a section for each. Replace what is in < >.
"""


def write_statement(naming: Naming, changed: Sequence[str], *, new_version: bool = False) -> str:
    """Return the text of a statement file with a section for the release that is prepared.

    ``changed`` are the paths of the runtime that have changed since the latest release.
    ``new_version`` is set if a file of the runtime has to get another version before the release.
    """
    values = _values(naming, changed, new_version=new_version)
    items = [f"- {label}: {values.get(name, _OPEN)}" for label, name in LABELS.items()]
    lines = [_HEAD, f"## {naming.release}", "", *_facts(naming, changed), "", HEADING, *items]
    return "\n".join(lines) + "\n"


def open_lines(text: str) -> list[tuple[int, str]]:
    """Return number and label of each line of a statement that is to be filled in."""
    return [
        (number, line.removeprefix("- ").partition(":")[0])
        for number, line in enumerate(text.splitlines(), 1)
        if line.startswith("- ") and line.endswith(_OPEN)
    ]


def _values(naming: Naming, changed: Sequence[str], *, new_version: bool) -> Mapping[str, str]:
    """Return the lines that git determines."""
    if naming.latest is None:
        return {
            "repin_required": f"yes ({naming.release})",
            "rollback_instruction": "none, this is the first release",
        }
    values = {"rollback_instruction": f"repin to {naming.latest}"}
    if changed or new_version:
        values["repin_required"] = f"yes ({naming.release})"
    if not changed and new_version:
        values["runtime_behavior_changes"] = "only the version number has changed"
    elif not changed:
        values["runtime_behavior_changes"] = "none"
        values["repin_required"] = "no"
    return values


def _facts(naming: Naming, changed: Sequence[str]) -> list[str]:
    """Return a comment of Markdown with what git knows of the release."""
    if naming.latest is None:
        return ["<!-- No tag of an earlier release is an ancestor of this commit. -->"]
    if not changed:
        return [f"<!-- Since {naming.latest}, nothing has changed below the runtime paths. -->"]
    count = quantity(len(changed), "file")
    lines = [f"<!-- Since {naming.latest}, {count} below the runtime paths changed:"]
    # A path must not end the comment.
    shown = [escape.printable(path).replace("-->", "--&gt;") for path in changed[:_MOST_PATHS]]
    lines += [f"  {path}" for path in shown]
    if len(changed) > _MOST_PATHS:
        lines.append(f"  {and_more(len(changed) - _MOST_PATHS)}")
    return [*lines, "-->"]
