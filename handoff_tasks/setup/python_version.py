"""Find where a Python project says its version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.setup.draft import Place
from handoff_tasks.setup.listing import table, texts

if TYPE_CHECKING:
    from typing import Any

    from handoff_tasks.setup.listing import Listing

_LINE = re.compile(
    r"^(?P<before>(?:__version__(?:: str)?|version|VERSION) = )"
    r"(?P<quote>[\"'])(?P<version>[0-9][^\"'\s]*)(?P=quote)",
    re.MULTILINE,
)


def find_version(listing: Listing, document: dict[str, Any]) -> Place | None:
    """Return where the version is: in ``pyproject.toml``, or in a module that it names.

    None if the version is made of the tag, or cannot be read without running code.
    """
    for keys in (("project",), ("tool", "poetry")):
        version = table(document, *keys).get("version")
        if isinstance(version, str):
            key = ".".join([*keys, "version"])
            return Place(path="pyproject.toml", form="toml", key=key, version=version)
    if "version" not in texts(table(document, "project").get("dynamic")) and not listing.has(
        "setup.py"
    ):
        return None
    if is_made_of_tag(document):
        return None
    for path in _modules(listing, document):
        place = _in_module(listing, path)
        if place:
            return place
    return None


def is_made_of_tag(document: dict[str, Any]) -> bool:
    """Return whether the build makes the version of the tag."""
    tools = table(document, "tool")
    sources = (
        table(tools, "hatch", "version").get("source"),
        table(tools, "pdm", "version").get("source"),
    )
    return (
        "setuptools_scm" in tools
        or "versioneer" in tools
        or any(source in ("vcs", "scm") for source in sources)
    )


def _modules(listing: Listing, document: dict[str, Any]) -> list[str]:
    """Return the paths of the modules in which the version can be, the named ones first."""
    tools = table(document, "tool")
    named = [table(tools, name, "version").get("path") for name in ("hatch", "pdm")]
    paths = [path for path in named if isinstance(path, str)]
    attribute = table(tools, "setuptools", "dynamic", "version").get("attr")
    if isinstance(attribute, str):
        module = attribute.rpartition(".")[0].replace(".", "/")
        paths += [
            f"{folder}{module}{end}" for folder in ("", "src/") for end in (".py", "/__init__.py")
        ]
    name = table(document, "project").get("name")
    flit = table(tools, "flit", "module").get("name", name)
    if isinstance(flit, str):
        module = re.sub(r"[-.]+", "_", flit)
        names = ("__init__", "__about__", "_version", "version", "__version__")
        paths += [f"{folder}{module}/{end}.py" for folder in ("src/", "") for end in names]
        paths += [f"{module}.py", f"src/{module}.py"]
    return [path for path in paths if listing.has(path)]


def _in_module(listing: Listing, path: str) -> Place | None:
    """Return the line of a module that assigns the version as a text."""
    match = _LINE.search(listing.text(path))
    if not match:
        return None
    before = match["before"].replace(".", r"\.")
    pattern = rf"^{before}{match['quote']}([^{match['quote']}]+){match['quote']}"
    return Place(path=path, form="pattern", key=pattern, version=match["version"])
