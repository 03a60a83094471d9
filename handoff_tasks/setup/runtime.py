"""Find the runtime paths of a repository: everything that is not known to be metadata."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.setup.listing import EXECUTABLE, SUBMODULE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handoff_tasks.setup.listing import Listing

# Top-level entries that are not runtime. An unknown entry counts as runtime: then too much is
# refused, and not too little. So only names of documents are listed (not history.js or
# license-check/), and dot files that a build reads are runtime.
_METADATA = re.compile(
    r"(?:docs?/|(?:handoff_)?noxfile\.py|handoff\.toml|renovate\.json|release-please-config\.json"
    r"|\.(?!(?:cargo/|npmrc|pnpmfile\.cjs|yarn/|yarnrc|babelrc|swcrc|browserslistrc)).*"
    r"|citation\.cff|licen[cs]e\.[a-z0-9-]+"
    r"|(?:readme|licen[cs]e|copying|copyright|notice|authors|maintainers|changelog|changes|history|news"
    r"|contributing|(?:code[_-]of[_-])?conduct|codeowners|security|release[_-]notes)(?:-[a-z0-9]+)*"
    r"(?:(?:\.[^./]{1,12})?\.(?:md|markdown|rst|txt|adoc))?)\Z",
    re.IGNORECASE,
)
# Ignored in some repositories although they are committed, and no product of a build.
_LOCK = re.compile(r"(?:.*/)?[^/]*(?:lock|shrinkwrap|\.sum)[^/]*\Z", re.DOTALL)
# If a release commits a file there, all of the folder is metadata; of any other folder, the files
# beside it are runtime.
_RELEASE_FOLDERS = frozenset({"contract/", "contracts/", "doc/", "docs/"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What is below the root, but not in a checkout of its commit.

    ``submodules`` and ``pointers`` (of Git LFS) are paths that cannot be runtime; ``generated``
    are files that are committed, although a build makes them.
    """

    submodules: Sequence[str]
    pointers: Sequence[str]
    generated: Sequence[str]


def find_outside(listing: Listing) -> Outside:
    """Return submodules, files of Git LFS, and committed files that a build makes."""
    attributes = {
        name: _attribute_patterns(listing, name) for name in ("filter=lfs", "linguist-generated")
    }
    runtime = [path for path in listing.modes if not _is_metadata(path, listing)]
    generated = [path for path in runtime if _is_named(path, attributes["linguist-generated"])]
    built = [path for path in listing.ignored if path in set(runtime) and not _LOCK.match(path)]
    return Outside(
        submodules=[path for path, mode in listing.modes.items() if mode == SUBMODULE],
        pointers=[path for path in runtime if _is_named(path, attributes["filter=lfs"])],
        generated=list(dict.fromkeys([*generated, *built])),
    )


def _attribute_patterns(listing: Listing, attribute: str) -> list[str]:
    """Return the patterns of the root's and the top's ``.gitattributes`` with an attribute."""
    patterns = []
    for path in dict.fromkeys(
        [".gitattributes", "../" * listing.prefix.count("/") + ".gitattributes"]
    ):
        for line in listing.text(path).splitlines():
            words = line.split()
            if any(word in (attribute, f"{attribute}=true") for word in words[1:]):
                patterns.append(words[0].lstrip("/"))
    return patterns


def _is_named(path: str, patterns: Sequence[str]) -> bool:
    """Return whether a pattern of gitattributes matches a path, or its name if it has no slash."""
    name = path.rpartition("/")[2]
    return any(
        fnmatch.fnmatchcase(path if "/" in pattern else name, pattern.replace("**", "*"))
        for pattern in patterns
    )


def find_runtime_paths(
    listing: Listing, metadata: Sequence[str], outside: Sequence[str] = ()
) -> list[str]:
    """Return the runtime paths, sorted.

    ``metadata`` are the files that a release commits, ``outside`` those whose content is not in a
    checkout.
    """
    entries = {_entry(path, listing, metadata, outside) for path in listing.modes}
    # Characters that no pattern can hold become *, and so does what is not UTF-8.
    paths = {re.sub(r"[\x00-\x1f\\\ud800-\udfff]+", "*", entry) for entry in entries if entry}
    return sorted(paths) or ["src/"]


def _is_metadata(path: str, listing: Listing) -> bool:
    """Return whether the top-level entry of a file is known to be metadata."""
    end = path.find("/") + 1 or len(path)
    # A script is not a document, whatever its name.
    return listing.modes[path] != EXECUTABLE and _METADATA.match(path[:end]) is not None


def _entry(
    path: str, listing: Listing, metadata: Sequence[str], outside: Sequence[str]
) -> str | None:
    """Return the runtime path of a file: its top-level entry or one below; None for metadata."""
    end = path.find("/") + 1 or len(path)
    if path[:end] in _RELEASE_FOLDERS:
        committed = [item for item in metadata if item in listing.modes]
        if any(item.startswith(path[:end]) for item in committed):
            return None
    if _is_metadata(path, listing):
        return None
    apart = {*metadata, *outside}
    while end < len(path) and any(item.startswith(path[:end]) for item in apart):
        end = path.find("/", end) + 1 or len(path)
    return None if path[:end] in apart else path[:end]
