"""Claims about a profile's path patterns."""

from __future__ import annotations

import pytest
from builders import quick
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.formats import path_patterns

NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/*"), min_size=1, max_size=6
)


@pytest.mark.parametrize(
    ("pattern", "path", "selected"),
    [
        ("crates/", "crates/a.rs", True),
        ("crates/", "crates/deep/er/a.rs", True),
        ("crates/", "crates", False),
        ("crates/", "crates/", False),
        ("crates/", "crates.txt", False),
        ("crates/", "docs/crates/a.rs", False),
        ("crates/", "Crates/a.rs", False),
        ("Cargo.toml", "Cargo.toml", True),
        ("Cargo.toml", "Cargo.toml.orig", False),
        ("Cargo.toml", "Cargo.toml\n", False),
        ("Cargo.toml", "Cargoxtoml", False),
        ("Cargo.toml", "crates/Cargo.toml", False),
        ("components/*/crates/", "components/outcome/crates/a.rs", True),
        ("components/*/crates/", "components/a/b/crates/a.rs", False),
        ("components/*/crates/", "components//crates/a.rs", False),
        ("components/*/crates/", "components/crates/a.rs", False),
        ("components/*/target", "components/a/target", True),
        ("components/*/target", "components/a/target/debug", False),
        ("*.toml", "a.toml", True),
        ("*.toml", ".toml", False),
        ("*.toml", "a/b.toml", False),
        ("a+b(c)[d]", "a+b(c)[d]", True),
        ("a+b(c)[d]", "aab(c)d", False),
    ],
)
def test_one_pattern(pattern: str, path: str, selected: bool) -> None:
    """A folder stands for all below it, a star for one name, anything else for itself and nothing more."""
    assert path_patterns.select([pattern], [path]) == ((path,) if selected else ())


def test_several_patterns_give_sorted_paths_each_once() -> None:
    """Paths that several patterns name are given once, in order."""
    found = path_patterns.select(["a/", "a/b", "c", "*/b"], ["c", "a/z", "a/b", "x/b", "d", "a/b"])
    assert found == ("a/b", "a/z", "c", "x/b")


def test_no_pattern_selects_nothing() -> None:
    """Without patterns no path is selected, not even an empty one."""
    assert path_patterns.select([], ["a", ""]) == ()


@quick
@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=4))
def test_a_folder_selects_by_whole_names(folder: list[str], below: list[str]) -> None:
    """Whatever characters a folder's name has, its pattern selects what is below it, and not its neighbours."""
    name = "/".join(folder)
    inside = "/".join([name, *below])
    assert path_patterns.select([f"{name}/"], [inside, f"x{inside}", f"{name}x/{below[0]}"]) == (
        inside,
    )


def test_a_name_that_starts_with_a_line_feed_is_selected() -> None:
    """A name in git may hold a line feed; a folder stands for such files too."""
    assert path_patterns.select(["crates/"], ["crates/\nlib.rs"]) == ("crates/\nlib.rs",)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("CHANGELOG.md", "CHANGELOG.md", True),
        ("CHANGELOG.md", "changelog.md", False),
        ("./CHANGELOG.md", "CHANGELOG.md", True),
        ("docs/", "docs/a.md", True),
        ("docs/", "docs/", True),
        ("docs/a.md", "docs/b.md", False),
        ("docs", "docs/a.md", False),
        ("docs/deep/", "docs/", True),
        ("docs/", "documents/", False),
        ("*.md", "CHANGELOG.md", True),
        ("*.md", "CHANGELOG.txt", False),
        ("*.md", "CHANGE*", True),
        ("*/a.md", "docs/*", True),
        ("*/", "src/lib.rs", True),
        ("./", "src/lib.rs", True),
        ("*.md", "docs/a.md", False),
    ],
)
def test_patterns_overlap_if_a_path_may_match_both(one: str, other: str, *, expected: bool) -> None:
    """Names are compared one by one; a folder overlaps with all that is below it."""
    assert path_patterns.overlap(one, other) is expected
    assert path_patterns.overlap(other, one) is expected


@quick
@given(st.lists(NAMES, min_size=1, max_size=3), st.data())
def test_patterns_that_match_one_path_overlap(names: list[str], data: st.DataObject) -> None:
    """However the patterns stand for the path: by its names, by stars, or by a folder above it."""

    def pattern() -> str:
        length = data.draw(st.integers(1, len(names)))
        parts = [data.draw(st.sampled_from([name, "*"])) for name in names[:length]]
        return "/".join(parts) + ("/" if length < len(names) else "")

    path = "/".join(names)
    one, other = pattern(), pattern()
    if path_patterns.select([one], [path]) and path_patterns.select([other], [path]):
        assert path_patterns.overlap(one, other)
