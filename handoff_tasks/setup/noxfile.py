"""Write a noxfile in the style of a repository, or say what to add to an existing one."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.setup import python_sessions
from handoff_tasks.setup.listing import table, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from handoff_tasks.setup.listing import Listing

IMPORT = "import handoff_tasks"
_FUTURE = "from __future__ import annotations"
_REGISTER = "handoff_tasks.register(nox, __file__, profile={quote}handoff.toml{quote})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the settings of ruff and isort of a repository ask for.

    ``quote`` is the quote of texts, ``blank`` the number of empty lines after imports.
    """

    quote: str
    future: bool
    by_length: bool
    blank: int


def read_style(listing: Listing) -> Style:
    """Return the style that ``ruff.toml``, ``pyproject.toml`` and ``.isort.cfg`` ask for."""
    project = listing.toml(listing.nearest("pyproject.toml") or "")
    ruff = table(project, "tool", "ruff")
    for name in ("ruff.toml", ".ruff.toml"):
        if path := listing.nearest(name):
            ruff = listing.toml(path)
    sorting, isort = table(ruff, "lint", "isort"), table(project, "tool", "isort")
    single = "single" in (
        table(ruff, "format").get("quote-style"),
        table(ruff, "lint", "flake8-quotes").get("inline-quotes"),
    )
    required = [*texts(sorting.get("required-imports")), *texts(isort.get("add_imports"))]
    blank = _number(sorting.get("lines-after-imports"), isort.get("lines_after_imports"))
    return Style(
        quote="'" if single else '"',
        future=any(line.strip() == _FUTURE for line in required),
        by_length=bool(sorting.get("length-sort") or isort.get("length_sort")),
        blank=blank,
    )


def _number(*values: object) -> int:
    """Return the first of the values that is a number of lines; 1 if there is none."""
    return next((value for value in values if isinstance(value, int) and value >= 0), 1)


def register_line(style: Style) -> str:
    """Return the line that registers the sessions."""
    return _REGISTER.format(quote=style.quote)


def new_noxfile(style: Style) -> str:
    """Return the text of a noxfile for a repository that has none."""
    imports = ["import nox", IMPORT] if style.by_length else [IMPORT, "import nox"]
    head = ['"""Sessions that verify a release and hand it over."""', ""]
    if style.future:
        head += [_FUTURE, ""]
    lines = [*head, *imports, *[""] * style.blank, register_line(style)]
    return "\n".join(lines) + "\n"


def additions(text: str, style: Style) -> list[str]:
    """Return what to add to an existing noxfile: of each line the place, and below it the line."""
    if "handoff_tasks.register" in text:
        return [f"have its call name the profile:\n{register_line(style)}"]
    lines = text.splitlines()
    place = _import_place(text, style)
    where = "among its imports"
    if place is not None:
        number, before = place
        where = f"{'before' if before else 'after'} line {number} ({lines[number - 1].strip()})"
    last = f"below its last line ({len(lines)})" if lines else "then"
    return [f"{where}:\n{IMPORT}", f"{last}:\n{register_line(style)}"]


def _import_place(text: str, style: Style) -> tuple[int, bool] | None:
    """Return the line next to which the import belongs, and whether it belongs before it.

    It belongs to the block of imports that has ``import nox``, in the order of isort.
    """
    try:
        module = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    imports = {node.lineno: node for node in module.body if isinstance(node, ast.Import)}
    nox = next((at for at, node in imports.items() if node.names[0].name == "nox"), None)
    if nox is None:
        return None
    first = last = nox
    while first - 1 in imports:
        first -= 1
    while last + 1 in imports:
        last += 1
    key = _sort_key(style)
    for number in range(first, last + 1):
        if key(imports[number].names[0].name) > key("handoff_tasks"):
            return number, True
    return last, False


def _sort_key(style: Style) -> Callable[[str], tuple[int, str]]:
    if style.by_length:
        return lambda name: (len(name), name.lower())
    return lambda name: (0, name.lower())


def session_clashes(text: str, ours: Collection[str]) -> list[str]:
    """Return the names of sessions that a noxfile and the handoff both define."""
    return [name for name in python_sessions.noxfile_sessions(text) if name in ours]
