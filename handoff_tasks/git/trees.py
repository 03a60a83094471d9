"""Resolve paths in a commit's tree, links included.

A runtime is every file that the runtime paths reach, and every link on the way to it.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

LINK, SUBMODULE = "120000", "160000"
# Linux follows 40 links for one path, macOS 32.
_MOST_LINKS = 40
# What the file systems of macOS ignore in a name.
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
Entry = tuple[str, str]
"""Mode and object id of a file, link or submodule."""


class Kind(StrEnum):
    """What a path leads to."""

    FILE = "file"
    FOLDER = "folder"
    MISSING = "missing"
    SUBMODULE = "submodule"
    LEAVES = "leaves the root"
    LOOP = "loop"
    GIT_FOLDER = "git folder"
    NO_FOLDER = "through a missing folder"


OUTSIDE = frozenset({Kind.SUBMODULE, Kind.LEAVES, Kind.LOOP, Kind.GIT_FOLDER, Kind.NO_FOLDER})
"""The kinds whose content is not in a checkout of the tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Where a path leads.

    Attributes:
        place: The path without links.
        kind: What is there.
        links: Each link on the way, in order.
    """

    place: str
    kind: Kind
    links: tuple[str, ...]


class Tree:
    """A tree of files, links and submodules.

    Args:
        entries: Each path to its mode and object id, all the way down.
        text: Returns the text of the link that has an object id.
    """

    def __init__(self, entries: Mapping[str, Entry], text: Callable[[str], str]) -> None:
        self.entries = entries
        self.folders: dict[str, list[str]] = {"": []}
        self._text = text
        for path in entries:
            folder, _, name = path.rpartition("/")
            try:
                self.folders[folder].append(name)
            except KeyError:
                self._add(folder, name)

    def _add(self, folder: str, name: str) -> None:
        """Add a name to a folder that is not known yet, and that folder to the one above."""
        self.folders[folder] = [name]
        above, _, own = folder.rpartition("/")
        if above in self.folders:
            self.folders[above].append(own)
        else:
            self._add(above, own)

    def resolve(self, path: str) -> Resolved:
        """Return where a path leads, taken from the root of the tree.

        A folder that the tree lacks can be made by a build, so a step up from it is refused as
        `Kind.NO_FOLDER`.
        """
        links: list[str] = []
        left = path.split("/")[::-1]
        place, gone = "", False
        while left:
            name = left.pop()
            if name in ("", "."):
                continue
            if kind := self._refused(name, place, gone=gone):
                return Resolved(place=place, kind=kind, links=tuple(links))
            if name == "..":
                place = place.rpartition("/")[0]
                continue
            folder, place = place, f"{place}/{name}" if place else name
            mode = "" if gone else self.entries.get(place, ("",))[0]
            if mode == SUBMODULE:
                return Resolved(place=place, kind=Kind.SUBMODULE, links=tuple(links))
            if mode == LINK:
                links.append(place)
                text = self._text(self.entries[place][1])
                if kind := _refused_link(text, len(links)):
                    return Resolved(place=place, kind=kind, links=tuple(links))
                left += text.split("/")[::-1]
                place = folder
            elif mode and left:
                # A file, used as if it were a folder.
                return Resolved(place=place, kind=Kind.MISSING, links=tuple(links))
            else:
                gone = not mode and place not in self.folders
        kind = Kind.FOLDER if place in self.folders else Kind.FILE
        return Resolved(place=place, kind=Kind.MISSING if gone else kind, links=tuple(links))

    @staticmethod
    def _refused(name: str, place: str, *, gone: bool) -> Kind | None:
        """Return why a step is refused, None if it is not."""
        if name == "..":
            if not place:
                return Kind.LEAVES
            return Kind.NO_FOLDER if gone else None
        return Kind.GIT_FOLDER if _IGNORED.sub("", name).casefold() in (".git", "git~1") else None


def _refused_link(text: str, count: int) -> Kind | None:
    """Return why a link is not followed, None if it is; ``count`` are the links so far."""
    if text.startswith("/"):
        return Kind.LEAVES
    if count > _MOST_LINKS:
        return Kind.LOOP
    return None if text else Kind.MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What the runtime paths of a profile lead to in one tree, each link on the way included.

    Attributes:
        parts: The files, links and submodules, by the place where they are without links.
        tests: Those that are only reached by test paths.
        outside: What the tree does not have: the place of a link or submodule, and why.
        folders: The folders that count as a whole; the root is an empty name.
    """

    parts: Mapping[str, Entry]
    tests: Mapping[str, Entry]
    outside: Mapping[str, Kind]
    folders: frozenset[str]

    def covers(self, path: str) -> bool:
        """Return whether a path without links is a part, or in a folder that counts."""
        return path in self.parts or path in self.tests or not self.folders.isdisjoint(_above(path))


def _above(path: str) -> Iterator[str]:
    yield ""
    for place, sign in enumerate(path):
        if sign == "/":
            yield path[:place]


def differences(old: Runtime, new: Runtime) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the places in which two runtimes differ, sorted; and those that are tests in both."""
    parts = _differences(old.parts, new.parts)
    return tuple(sorted(parts)), tuple(sorted(_differences(old.tests, new.tests) - parts))


def _differences(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> set[str]:
    return {path for path, _ in old.items() ^ new.items()}


def names_something(tree: Tree, pattern: str) -> bool:
    """Return whether a runtime path without ``*`` leads to something in the tree, or out of it."""
    found = tree.resolve(pattern)
    if found.kind in OUTSIDE:
        return True
    if pattern.endswith("/"):
        return found.kind is Kind.FOLDER
    return bool(found.links) or found.kind is Kind.FILE


def runtime(tree: Tree, runtime_paths: Iterable[str], test_paths: Iterable[str] = ()) -> Runtime:
    """Return what the runtime paths lead to in a tree."""
    return _Walk(
        tree,
        [
            *(_pattern(path) for path in runtime_paths),
            *(_pattern(path, test=True) for path in test_paths),
        ],
    ).run()


@dataclass(frozen=True, slots=True)
class _Pattern:
    names: tuple[re.Pattern[str], ...]
    folder: bool
    test: bool


def _pattern(path: str, *, test: bool = False) -> _Pattern:
    names = [name for name in path.split("/") if name not in ("", ".")]
    expressions = ["[^/]+".join(re.escape(part) for part in name.split("*")) for name in names]
    return _Pattern(
        tuple(re.compile(rf"{one}\Z", re.DOTALL) for one in expressions), path.endswith("/"), test
    )


@dataclass(frozen=True, slots=True)
class _State:
    """How far the patterns have matched the path of a folder.

    ``begun`` are patterns, each with the number of its names that have matched.
    """

    begun: frozenset[tuple[_Pattern, int]]
    inside: bool
    tests: bool

    @property
    def alive(self) -> bool:
        return self.inside or any(not pattern.test for pattern, _ in self.begun)


@dataclass(frozen=True, slots=True)
class _Match:
    """What the patterns say about a name in a folder.

    ``whole`` and ``test`` are about the entry itself, ``below`` is about a folder of that name,
    ``linked`` about a folder to which a link of that name leads.
    """

    whole: bool
    test: bool
    below: _State
    linked: _State


@functools.lru_cache(maxsize=4096)
def _match(state: _State, name: str) -> _Match:
    begun = set()
    ended = {
        (pattern.test, pattern.folder)
        for pattern, count in state.begun
        if _ends(pattern, count, name)
    }
    for pattern, count in state.begun:
        if len(pattern.names) > count + 1 and pattern.names[count].match(name):
            begun.add((pattern, count + 1))
    inside, tests = state.inside or (False, True) in ended, state.tests or (True, True) in ended
    whole, test = state.inside or (False, False) in ended, state.tests or (True, False) in ended
    going = frozenset(begun)
    return _Match(
        whole, test, _State(going, inside, tests), _State(going, inside or whole, tests or test)
    )


def _ends(pattern: _Pattern, count: int, name: str) -> bool:
    return len(pattern.names) == count + 1 and pattern.names[count].match(name) is not None


_Node = tuple[str, _State]


class _Walk:
    """Walks a tree as the patterns lead, through each folder once for each state."""

    def __init__(self, tree: Tree, patterns: Sequence[_Pattern]) -> None:
        self._tree = tree
        everything = {pattern.test for pattern in patterns if pattern.folder and not pattern.names}
        begun = frozenset((pattern, 0) for pattern in patterns if pattern.names)
        self._start: _Node = ("", _State(begun, False in everything, True in everything))
        # Each place to whether it is reached by test paths only.
        self._places: dict[str, bool] = {}
        self._outside: dict[str, Kind] = {}
        # Folders that hold a part of the runtime; and for each folder, from which folder and
        # through which links it was reached.
        self._full: set[_Node] = set()
        self._ways: dict[_Node, list[tuple[_Node, tuple[str, ...], bool]]] = defaultdict(list)
        self._queue: list[_Node] = [self._start]
        self._known: set[_Node] = {self._start}

    def run(self) -> Runtime:
        while self._queue:
            node = self._queue.pop()
            # In a folder that counts as a whole, and where no pattern goes on, all names are alike.
            alike = None if node[1].begun else _match(node[1], "")
            for name in self._tree.folders.get(node[0], ()):
                self._visit(node, name, alike or _match(node[1], name))
        self._count_ways()
        entries = self._tree.entries
        return Runtime(
            parts={path: entries[path] for path, test in self._places.items() if not test},
            tests={path: entries[path] for path, test in self._places.items() if test},
            outside=self._outside,
            folders=frozenset(place for place, state in self._known if state.inside),
        )

    def _visit(self, node: _Node, name: str, match: _Match) -> None:
        folder = node[0]
        if not (match.whole or match.below.alive):
            return
        path = f"{folder}/{name}" if folder else name
        mode = self._tree.entries.get(path, ("",))[0]
        if not mode:
            self._go(node, (path, match.below), (), test=match.test)
        elif mode == LINK:
            self._follow(node, path, match)
        elif mode == SUBMODULE:
            self._outside[path] = Kind.SUBMODULE
            self._count(node, [path], test=match.test)
        elif match.whole:
            self._count(node, [path], test=match.test)

    def _follow(self, node: _Node, path: str, match: _Match) -> None:
        found = self._tree.resolve(path)
        if found.kind in OUTSIDE:
            self._outside[found.place if found.kind is Kind.SUBMODULE else path] = found.kind
        if match.whole or found.kind in OUTSIDE:
            self._count(node, found.links, test=match.test)
        if found.kind is Kind.SUBMODULE or (found.kind is Kind.FILE and match.whole):
            self._count(node, [found.place], test=match.test)
        if found.kind is Kind.FOLDER:
            self._go(node, (found.place, match.linked), found.links, test=match.test)

    def _go(self, node: _Node, to: _Node, links: tuple[str, ...], *, test: bool) -> None:
        if not to[1].alive:
            return
        self._ways[to].append((node, links, test))
        if to not in self._known:
            self._known.add(to)
            self._queue.append(to)

    def _count(self, node: _Node, places: Iterable[str], *, test: bool) -> None:
        self._full.add(node)
        for place in places:
            self._places[place] = self._places.get(place, True) and test

    def _count_ways(self) -> None:
        """Count the links on the ways to what was reached."""
        left = list(self._full)
        while left:
            for node, links, test in self._ways[left.pop()]:
                if node not in self._full:
                    left.append(node)
                self._count(node, links, test=test)
