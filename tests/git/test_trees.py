"""Paths in a commit's tree.

Resolved as a file system does, and runtimes that differ exactly if their content does.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from builders import quick
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff_tasks.git import trees
from handoff_tasks.git.trees import Kind, Resolved

Spec = dict[str, tuple[str, str]]
"""Path to ``file`` and its content, or ``link`` and its text."""


def a_tree(spec: Spec) -> trees.Tree:
    """Return the tree of a spec: the text of a link is its object id."""
    modes = {"file": "100644", "link": trees.LINK, "submodule": trees.SUBMODULE}
    return trees.Tree({path: (modes[kind], text) for path, (kind, text) in spec.items()}, str)


def links(**texts: str) -> trees.Tree:
    """Return a tree with the files ``a/b/c`` and ``top``.

    A submodule ``sub``, and these links (``__`` for ``/``).
    """
    spec: Spec = {"a/b/c": ("file", "1"), "top": ("file", "2"), "sub": ("submodule", "3")}
    return a_tree(spec | {name.replace("__", "/"): ("link", text) for name, text in texts.items()})


@pytest.mark.parametrize(
    ("text", "place", "kind"),
    [
        ("a/b/c", "a/b/c", Kind.FILE),
        ("./a//b/./c", "a/b/c", Kind.FILE),
        ("a/b/", "a/b", Kind.FOLDER),
        ("a/b/../../top", "top", Kind.FILE),
        (".", "", Kind.FOLDER),
        ("a/nothing", "a/nothing", Kind.MISSING),
        ("a/nothing/more", "a/nothing/more", Kind.MISSING),
        ("top/", "top", Kind.MISSING),
        ("top/..", "top", Kind.MISSING),
        ("", "link", Kind.MISSING),
        ("sub", "sub", Kind.SUBMODULE),
        ("sub/x", "sub", Kind.SUBMODULE),
        ("/etc", "link", Kind.LEAVES),
        ("..", "", Kind.LEAVES),
        ("../root/top", "", Kind.LEAVES),
        ("a/../../root/top", "", Kind.LEAVES),
        ("link", "", Kind.LOOP),
        ("link/x", "", Kind.LOOP),
        ("nothing/../top", "nothing", Kind.NO_FOLDER),
        (".git/config", "", Kind.GIT_FOLDER),
        ("a/.GIT", "a", Kind.GIT_FOLDER),
        ("nothing/.git", "nothing", Kind.GIT_FOLDER),
        (".g\u200cit/config", "", Kind.GIT_FOLDER),
        ("git~1/config", "", Kind.GIT_FOLDER),
    ],
)
def test_a_link_leads_where_a_file_system_goes(text: str, place: str, kind: Kind) -> None:
    """Each step of a link's text is taken from the place that the step before led to."""
    found = links(link=text).resolve("link")
    assert (found.kind, set(found.links)) == (kind, {"link"})
    if kind is not Kind.LOOP:
        assert found.place == place


def test_each_link_on_the_way_is_told() -> None:
    """Links to folders.

    Links through links, and links in the middle of a path are all on the way.
    """
    tree = links(one="a", a__two="../one/b", three="one/two/c")
    assert tree.resolve("three") == Resolved(
        place="a/b/c", kind=Kind.FILE, links=("three", "one", "a/two", "one")
    )


def test_a_step_up_is_taken_from_where_a_link_leads() -> None:
    """``..`` after a link to a folder is the parent of that folder, not of the link."""
    tree = links(deep="a/b", link="deep/../b/c", exit="deep/../../..")
    assert tree.resolve("link").place == "a/b/c"
    assert tree.resolve("exit").kind is Kind.LEAVES


def test_forty_links_are_followed_and_no_more() -> None:
    """A chain that no system follows is refused as a loop is."""
    tree = links(**{f"l{number}": f"l{number + 1}" for number in range(40)}, l40="top")
    assert tree.resolve("l1").kind is Kind.FILE
    assert tree.resolve("l0").kind is Kind.LOOP


def test_a_runtime_has_its_links_and_what_they_lead_to() -> None:
    """Folders behind links count as a whole, files behind links alone.

    The links on the way count too.
    """
    tree = links(src__one="../a/two", a__two="b", lib="a", unused="top")
    assert sorted(trees.runtime(tree, ["src/"]).parts) == ["a/b/c", "a/two", "src/one"]
    assert sorted(trees.runtime(tree, ["lib/two/c"]).parts) == ["a/b/c", "a/two", "lib"]
    assert sorted(trees.runtime(tree, ["l*/b/"]).parts) == ["a/b/c", "lib"]
    found = trees.runtime(tree, ["lib/"])
    assert sorted(found.parts) == ["a/b/c", "a/two", "lib"]
    assert found.folders == {"a", "a/b"}
    assert found.covers("a/new")
    assert not found.covers("top")


def test_a_file_is_a_test_only_if_every_way_to_it_is_one() -> None:
    """A link from the runtime into its tests makes what it leads to runtime.

    A link from tests alone does not.
    """
    spec: Spec = {
        "src/tests/a": ("file", "1"),
        "src/tests/b": ("link", "../../other"),
        "other": ("file", "2"),
    }
    found = trees.runtime(a_tree(spec), ["src/"], ["src/tests/"])
    assert (sorted(found.parts), sorted(found.tests)) == (
        [],
        ["other", "src/tests/a", "src/tests/b"],
    )
    found = trees.runtime(a_tree(spec | {"src/x": ("link", "tests/a")}), ["src/"], ["src/tests/"])
    assert (sorted(found.parts), sorted(found.tests)) == (
        ["src/tests/a", "src/x"],
        ["other", "src/tests/b"],
    )


def test_what_is_outside_is_told_by_its_place() -> None:
    """A link that leaves the root, a submodule on the way or behind a link.

    None of it is in a checkout.
    """
    tree = links(src__away="../../x", src__sub="../sub/file", lib="/usr/lib")
    assert trees.runtime(tree, ["src/"]).outside == {"src/away": Kind.LEAVES, "sub": Kind.SUBMODULE}
    assert trees.runtime(tree, ["lib/"]).outside == {"lib": Kind.LEAVES}
    assert trees.runtime(tree, ["sub/src/"]).outside == {"sub": Kind.SUBMODULE}
    assert trees.runtime(tree, ["*/src/"]).outside == {"lib": Kind.LEAVES, "sub": Kind.SUBMODULE}
    assert trees.runtime(tree, ["a/"]).outside == {}


# The same, against a real file system


class _Export:
    """Exports a runtime from the file system, all links resolved.

    One name at a time, as the system answers.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.content: dict[str, str] = {}
        self.links: set[tuple[str, str]] = set()
        self.outside: set[str] = set()

    def take(self, pattern: str) -> None:
        self._expand(
            str(self.root), "", pattern.rstrip("/").split("/"), pattern.endswith("/"), set()
        )

    def _expand(
        self, folder: str, name: str, rest: list[str], whole: bool, links: set[tuple[str, str]]
    ) -> None:
        for entry in sorted(os.listdir(folder)):  # noqa: PTH208
            if not re.fullmatch(rest[0].replace("*", ".+"), entry):
                continue
            found, passed = self._follow(f"{folder}/{entry}")
            passed |= links
            virtual = f"{name}/{entry}"
            if found is None:
                self._refuse(f"{folder}/{entry}", virtual, passed)
            elif len(rest) > 1 and os.path.isdir(found):  # noqa: PTH112 - the system's own answers
                self._expand(found, virtual, rest[1:], whole, passed)
            elif (
                len(rest) == 1
                and os.path.isdir(found)  # noqa: PTH112
                and (whole or os.path.islink(f"{folder}/{entry}"))  # noqa: PTH114
            ):
                self._whole(found, virtual, passed, [])
            elif len(rest) == 1 and not whole and not os.path.isdir(found):  # noqa: PTH112
                self._file(found, virtual, passed)

    def _whole(self, folder: str, name: str, links: set[tuple[str, str]], above: list[str]) -> None:
        if folder in above:
            self.content[name] = f"again: {self._below(folder)}"
            self.links |= links
            return
        for entry in sorted(os.listdir(folder)):  # noqa: PTH208
            found, passed = self._follow(f"{folder}/{entry}")
            passed |= links
            virtual = f"{name}/{entry}"
            if found is None:
                self._refuse(f"{folder}/{entry}", virtual, passed)
            elif os.path.isdir(found):  # noqa: PTH112
                self._whole(found, virtual, passed, [*above, folder])
            else:
                self._file(found, virtual, passed)

    def _file(self, path: str, name: str, links: set[tuple[str, str]]) -> None:
        self.links |= links
        self.content[name] = Path(path).read_text() if os.path.exists(path) else "nothing"  # noqa: PTH110

    def _refuse(self, path: str, name: str, links: set[tuple[str, str]]) -> None:
        self.links |= links
        self.outside.add(self._below(path))
        self.content[name] = "refused"

    def _below(self, path: str) -> str:
        return os.path.relpath(path, self.root)

    def _follow(self, path: str) -> tuple[str | None, set[tuple[str, str]]]:
        """Return where a path leads, None if it leaves the root or does not end.

        And the links on the way with their texts.
        """
        passed: set[tuple[str, str]] = set()
        place = str(self.root)
        left = self._below(path).split("/")
        for _ in range(400):
            if not left:
                assert place == os.path.realpath(path), "the system goes there too"
                return place, passed
            name, *left = left
            if os.path.isfile(place):  # noqa: PTH113
                return "", passed
            if name == "..":
                if place == str(self.root) or not os.path.exists(place):  # noqa: PTH110
                    return None, passed
                place = os.path.dirname(place)  # noqa: PTH120
            elif name not in ("", "."):
                if os.path.islink(f"{place}/{name}"):  # noqa: PTH114
                    text = os.readlink(f"{place}/{name}")  # noqa: PTH115
                    passed.add((self._below(f"{place}/{name}"), text))
                    if text.startswith("/"):
                        return None, passed
                    left = [*text.split("/"), *left]
                else:
                    place = f"{place}/{name}"
        return None, passed


_PATHS = st.lists(st.sampled_from(["a", "b", "src", "lib"]), min_size=1, max_size=5).map("/".join)
_TEXTS = st.lists(
    st.sampled_from(["..", "a", "b", "src", "lib", "gone", "."]), min_size=1, max_size=5
).map("/".join)
_PATTERNS = st.lists(
    st.sampled_from(["src/", "lib/", "a/b", "*/a", "*/*/", "a", "src/a/b/", "lib/*", "b/lib/"]),
    min_size=1,
    max_size=3,
    unique=True,
)


@st.composite
def _specs(draw: st.DrawFn) -> tuple[Spec, Spec]:
    """Return two trees, the second a change of the first.

    Most links lead to something, many through other links.
    """
    spec: Spec = dict.fromkeys(draw(st.lists(_PATHS, min_size=1, max_size=5)), ("file", "1"))

    def link(path: str) -> tuple[str, str]:
        above = {
            other[:place] for other in spec for place in range(len(other)) if other[place] == "/"
        }
        through = {
            f"{other}/{name}"
            for other, (kind, _) in spec.items()
            if kind == "link"
            for name in ("a", "b", "../a")
        }
        known = sorted({*spec, *above, *through} - {path}) or ["a"]
        inside = st.sampled_from(known).map(lambda target: "../" * path.count("/") + target)
        return "link", draw(st.one_of(inside, inside, inside, _TEXTS, st.just("/etc")))

    for path in draw(st.lists(_PATHS, max_size=6)):
        spec[path] = link(path)
    first = _possible(spec)
    second = dict(first)
    for path in draw(st.lists(st.sampled_from(sorted(first)) | _PATHS, max_size=2)):
        change = draw(st.sampled_from(["write", "write", "link", "remove"]))
        second[path] = link(path) if change == "link" else ("file", "2")
        if change == "remove":
            del second[path]
    return first, _possible(second)


def _possible(spec: Spec) -> Spec:
    """Leave out what lies below a file or a link."""
    return {
        path: entry
        for path, entry in spec.items()
        if not any(path.startswith(f"{other}/") for other in spec if other != path)
    }


def _exported(spec: Spec, patterns: list[str], folder: Path) -> _Export:
    root = folder / "root"
    root.mkdir(parents=True)
    for path, (kind, text) in spec.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "link":
            place.symlink_to(text)
        else:
            place.write_text(text)
    export = _Export(root)
    for pattern in patterns:
        export.take(pattern)
    return export


@pytest.mark.slow
@settings(quick, max_examples=200)
@given(_specs(), _PATTERNS)
def test_runtimes_differ_exactly_if_full_exports_do(
    specs: tuple[Spec, Spec], patterns: list[str]
) -> None:
    """For any two trees.

    The same runtime is the same exported content by the same links, and the same things are
    refused.
    """
    runtimes = [trees.runtime(a_tree(spec), patterns) for spec in specs]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        exports = [
            _exported(spec, patterns, place / str(number)) for number, spec in enumerate(specs)
        ]
    for runtime, export in zip(runtimes, exports, strict=True):
        assert set(runtime.outside) == export.outside
        assert {path for path, (mode, _) in runtime.parts.items() if mode == trees.LINK} == {
            path for path, _ in export.links
        }
    same = (exports[0].content, exports[0].links) == (exports[1].content, exports[1].links)
    assert (trees.differences(*runtimes) == ((), ())) == same
