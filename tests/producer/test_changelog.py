"""The section of a release in the changelogs of other projects' styles."""

from __future__ import annotations

import pytest

from handoff_tasks.producer import changelog, tags

BLOCK = "Consumer impact:\n- Runtime behavior changes: none\n"


def found(text: str, tag: str, where: str, pattern: str, scheme: str) -> str | None:
    """Return the section of a release."""
    section = changelog.section(text, tag, where, tags.release_tags(pattern, scheme))
    return None if section is None else section[1].strip("\n")


V, PLAIN = "v{version}", "{version}"
# What the style is, path, form of the tags, scheme, tag, and the headings of the release, of the one
# after it and of the one before it.
STYLES = [
    (
        "keep-a-changelog",
        "CHANGELOG.md",
        V,
        "semver",
        "v1.2.0",
        ("## [1.2.0] - 2026-01-02", "## [Unreleased]", "## [1.1.0] - 2025-01-02"),
    ),
    (
        "towncrier",
        "CHANGES.md",
        PLAIN,
        "pep440",
        "26.3.0",
        (
            "# library 26.3.0 (2026-01-02)",
            "# library 26.4.0 (2026-02-02)",
            "# library 26.2.0 (2025-01-02)",
        ),
    ),
    (
        "towncrier-rst",
        "NEWS.rst",
        PLAIN,
        "pep440",
        "26.3.0",
        (
            "library 26.3.0 (2026-01-02)\n===========================",
            "library 26.4.0\n==============",
            "library 26.2.0\n==============",
        ),
    ),
    (
        "rst-tilde",
        "CHANGELOG.rst",
        PLAIN,
        "pep440",
        "26.3",
        (
            "26.3 - 2026-01-02\n~~~~~~~~~~~~~~~~~",
            "Changelog\n---------\n\n*unreleased*\n~~~~~~~~~~~~",
            "26.2 - 2025-01-02\n~~~~~~~~~~~~~~~~~",
        ),
    ),
    (
        "rst-overlined",
        "docs/changes.rst",
        V,
        "semver",
        "v1.2.0",
        ("=====\n1.2.0\n=====", "=====\n1.3.0\n=====", "=====\n1.1.0\n====="),
    ),
    (
        "release-please",
        "CHANGELOG.md",
        V,
        "semver",
        "v1.2.0",
        (
            "## [1.2.0](https://x.example/compare/v1.1.0...v1.2.0) (2026-01-02)",
            "## [1.3.0](https://x.example/compare/v1.2.0...v1.3.0) (2026-02-02)",
            "### [1.1.1](https://x.example/compare/v1.1.0...v1.1.1) (2025-01-02)",
        ),
    ),
    (
        "release-please-patch",
        "CHANGELOG.md",
        V,
        "semver",
        "v1.1.1",
        (
            "### [1.1.1](https://x.example/compare/v1.1.0...v1.1.1) (2025-01-02)",
            "## [1.2.0](https://x.example/compare/v1.1.1...v1.2.0) (2026-01-02)",
            "## [1.1.0](https://x.example/compare/v1.0.0...v1.1.0) (2025-01-01)",
        ),
    ),
    (
        "gnu",
        "NEWS",
        V,
        "semver",
        "v9.5.0",
        (
            "* Noteworthy changes in release 9.5.0 (2026-01-02) [stable]",
            "* Noteworthy changes in release ?.? (????-??-??) [?]",
            "* Noteworthy changes in release 9.4.0 (2025-01-02) [stable]",
        ),
    ),
    (
        "plain",
        "CHANGES.txt",
        V,
        "semver",
        "v1.2.0",
        ("\nVersion 1.2.0 (2026-01-02)\n", "\nVersion 1.3.0\n", "\nVersion 1.1.0\n"),
    ),
    (
        "history",
        "History.md",
        V,
        "semver",
        "v5.2.1",
        (
            "5.2.1 / 2026-01-02\n==================",
            "5.3.0 / 2026-02-02\n==================",
            "5.2.0 / 2025-01-02\n==================",
        ),
    ),
    (
        "slash",
        "CHANGELOG.md",
        V,
        "semver",
        "v0.25.0",
        ("## 0.25.0 / 2026-01-02", "## 0.26.0 / 2026-02-02", "## 0.24.0 / 2025-01-02"),
    ),
    (
        "date-first",
        "CHANGELOG.md",
        V,
        "semver",
        "v1.2.0",
        (
            "## 2026-01-02, Version 1.2.0 'Iron' (LTS), @name",
            "## 2026-02-02, Version 1.3.0",
            "## 2025-01-02, Version 1.1.0",
        ),
    ),
    (
        "date-first-plain",
        "ChangeLog",
        V,
        "semver",
        "v1.2.0",
        (
            "\n2026-01-02, Version 1.2.0\n",
            "\n2026-02-02, Version 1.3.0\n",
            "\n2025-01-02, Version 1.1.0\n",
        ),
    ),
    ("bare", "CHANGELOG.md", PLAIN, "pep440", "2.4.0", ("## 2.4.0", "## 2.5.0", "## 2.3.1")),
    (
        "top-level",
        "CHANGELOG.md",
        V,
        "semver",
        "v0.26.1",
        ("# v0.26.1", "# unreleased", "# v0.26.0"),
    ),
    (
        "rc",
        "CHANGELOG.md",
        V,
        "semver",
        "v1.0.0-rc.1",
        ("## v1.0.0-rc.1 (2026-01-02)", "## v1.0.0", "## v1.0.0-beta.2"),
    ),
    (
        "python-rc",
        "CHANGELOG.md",
        PLAIN,
        "pep440",
        "1.0rc1",
        ("## 1.0rc1, 2 January 2026", "## 1.0", "## 1.0b2"),
    ),
    (
        "prefix",
        "docs/history/hatchling.md",
        "hatchling-v{version}",
        "pep440",
        "hatchling-v1.2.3",
        (
            "## [1.2.3](https://x.example/releases/tag/hatchling-v1.2.3) - 2026-01-02 ## {: #hatchling-v1.2.3 }",
            "## Unreleased",
            "## [1.2.2](https://x.example/releases/tag/hatchling-v1.2.2) - 2025-01-02",
        ),
    ),
    (
        "scope",
        "CHANGELOG.md",
        "@scope/h3@{version}",
        "semver",
        "@scope/h3@1.2.0",
        ("### @scope/h3@1.2.0", "### @scope/h3@1.3.0", "### @scope/h3@1.1.0"),
    ),
    (
        "calver",
        "CHANGELOG.md",
        PLAIN,
        "calver",
        "26.3",
        ("## 26.3 (March 3, 2026)", "## 26.4", "## 26.2"),
    ),
    (
        "calver-date",
        "CHANGELOG.md",
        PLAIN,
        "calver",
        "2026-01-02",
        ("## 2026-01-02", "## 2026-02-02", "## 2025-01-02"),
    ),
    (
        "asciidoc",
        "CHANGELOG.adoc",
        V,
        "semver",
        "v1.2.0",
        ("== 1.2.0 - 2026-01-02", "== Unreleased", "== 1.1.0 - 2025-01-02"),
    ),
    ("spelling", "CHANGELOG.md", PLAIN, "pep440", "26.0", ("## 26.0.0", "## 26.0.1", "## 25.0.0")),
]


@pytest.mark.parametrize(
    ("where", "pattern", "scheme", "tag", "headings"),
    [style[1:] for style in STYLES],
    ids=[style[0] for style in STYLES],
)
def test_the_section_is_found(
    where: str, pattern: str, scheme: str, tag: str, headings: tuple[str, str, str]
) -> None:
    """The section has its own block, not that of the release after it or before it."""
    own, later, earlier = headings
    body = f"- Python 3.14 works\n\n{BLOCK}"
    text = f"{later}\n\nlater\n\n{own}\n\n{body}\n{earlier}\n\nearlier\n"
    assert found(text, tag, where, pattern, scheme) == body.strip("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## 3.14\n### Python 3.13 works\nthis\n", "### Python 3.13 works\nthis"),
        ("## 3.14\nthis\n### 3.13\nold\n", "this"),
        ("## Upgrading to 3.14\nother\n## 3.14\nthis\n", "this"),
        ("## Changes in 3.14\nthis\n", "this"),
        (
            "## [Unreleased](https://x.example/compare/3.14...HEAD)\nnew\n## [3.14](https://x.example)\nthis\n",
            "this",
        ),
        ("## See https://x.example/3.14\nother\n", None),
        ("## 3.14.1\nother\n", None),
        ("## 3.140\nother\n", None),
        ("## 13.14\nother\n", None),
        ("## 3.14rc1\nother\n", None),
        ("## 3.14-next\nother\n", None),
        ("```\n## 3.14\n```\n", None),
        ("### Fixed (3.14)\nother\n", "other"),
        ("### Python and 3.14\nother\n", None),
    ],
)
def test_other_headings(text: str, expected: str | None) -> None:
    """Another version below a release is that of another subject, unless it begins the heading."""
    assert found(text, "3.14", "CHANGELOG.md", PLAIN, "pep440") == expected


def test_items_of_plain_text_are_not_headings() -> None:
    """Only the form of GNU has a star before a heading; a version within a paragraph is none."""
    text = "Version 1.2.0\n\nthis\n* fixed since 1.1.0\n* 1.1.0 was slow\n1.1.0\nthat\n"
    assert found(text, "v1.2.0", "NEWS", V, "semver") == text.partition("\n\n")[2].strip("\n")


def test_long_lines_take_no_time() -> None:
    """A changelog cannot slow a run down."""
    for where in ("NEWS", "a.md", "a.rst", "a.adoc"):
        for text in ("1." * 50_000, "a " * 50_000 + "1", "~" * 100_000, "1.1" + "a." * 50_000):
            for scheme in ("semver", "pep440", "calver"):
                assert found(f"x\n\n{text}\n\ny", "v1.2.0", where, V, scheme) is None
