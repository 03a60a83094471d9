"""Say in one screen what was found and assumed, what is left to do, and the next command."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.formats import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handoff_tasks.setup.scan import Start

_WIDTH = 100
_PURPOSES = {
    "handoff.toml": "what to run and to read: read it once",
    "handoff.md": "the impact statement",
    "noxfile.py": "the sessions",
    "handoff_noxfile.py": "the sessions, beside those of your noxfile.py",
}


def lines(start: Start) -> list[str]:
    """Return what to print; text from the repository has no control characters."""
    width = max(map(len, start.texts))
    shown = [f"{start.root}: {escape.printable(start.title)}", ""]
    for path, text in start.texts.items():
        if start.dry_run:
            shown += [f"would write {path}", "", *_indent(text.splitlines()), ""]
        else:
            shown.append(f"wrote {path:<{width}}  {_PURPOSES[path]}")
    for title, items in (
        ("found", [f"{name:<9} {text}" for name, text in start.found]),
        ("assumed", start.assumed),
        ("warnings", start.warnings),
        ("to do", start.to_do),
    ):
        shown += _block(title, items)
    if start.dry_run:
        return [*shown, "", "Nothing was written."]
    return [*shown, *_next(start)]


def _block(title: str, items: Sequence[str]) -> list[str]:
    """Return a title and its items, wrapped and indented; nothing without items."""
    if not items:
        return []
    return ["", title, *(line for item in items for line in _wrap(item))]


def _wrap(item: str) -> Iterator[str]:
    """Yield the lines of an item; code below its first line is not wrapped."""
    text, _, code = item.partition("\n")
    yield from textwrap.wrap(
        escape.printable(text),
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    if code:
        yield f"      {escape.printable(code)}"


def _indent(texts: Sequence[str]) -> list[str]:
    return [f"  {text}".rstrip() for text in texts]


def _next(start: Start) -> list[str]:
    """Return the command that says what is still missing for a GO."""
    words = nox_words()
    which = "" if words == "nox" else ", with the nox that has handoff-tasks installed beside it"
    commit = f'git add {shlex.join(start.to_commit)} && git commit -m "build: hand releases over"'
    option = f" -- --release {shlex.quote(start.release)}" if start.release else ""
    file = "" if start.noxfile == "noxfile.py" else f" -f {start.noxfile}"
    after = " after that" if start.to_do else ""
    return [
        "",
        f"next{after}, in {start.root}{which}",
        f"  {commit}",
        f"  {words}{file} -s pre-release{option}",
    ]


def nox_words() -> str:
    """Return how to call the running nox: by name if PATH finds it, else by path."""
    ours = Path(sys.executable).parent / "nox"
    if not ours.is_file():
        return shlex.join([sys.executable, "-m", "nox"])
    first = shutil.which("nox")
    return "nox" if first and Path(first) == ours else shlex.quote(str(ours))
