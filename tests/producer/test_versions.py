"""Versions, and the tags that name them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from handoff_tasks.producer import tags, versions

IN_ORDER = {
    "semver": [
        "0.9.0",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.10.0",
        "2.4.0",
    ],
    "pep440": ["1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "2.4.0", "26.3"],
    "calver": [
        "24.1",
        "24.1.1",
        "2024.2",
        "2024.10.1",
        "2026-01-15",
        "26.3.dev1",
        "26.3rc1",
        "26.3",
    ],
}


@pytest.mark.parametrize("scheme", IN_ORDER)
def test_versions_are_ordered_by_their_scheme(scheme: str) -> None:
    """The order of the list is that of the scheme, whatever the order of the texts."""
    read = {text: versions.read_version(scheme, text) for text in IN_ORDER[scheme]}
    assert None not in read.values()
    assert sorted(read, key=lambda text: read[text].order) == IN_ORDER[scheme]  # type: ignore[union-attr] # checked above


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("semver", "1.0"),
        ("semver", "1.0.0-01"),
        ("semver", "01.0.0"),
        ("semver", "v1.0.0"),
        ("semver", "1.0.0-"),
        ("semver", "1.0.0\n"),
        ("semver", "1" * 200),
        ("pep440", "v1.0"),
        ("pep440", "1.0-next"),
        ("calver", "2026"),
        ("calver", "123.4"),
        ("calver", "26.3-next"),
    ],
)
def test_what_is_not_a_version(scheme: str, text: str) -> None:
    """A text that does not follow the scheme is not a version."""
    assert versions.read_version(scheme, text) is None


@pytest.mark.parametrize(
    ("scheme", "text", "is_prerelease"),
    [
        ("semver", "1.0.0-rc.1", True),
        ("semver", "1.0.0+build.5", False),
        ("pep440", "1.0rc1", True),
        ("pep440", "1.0.post1", False),
        ("calver", "26.3-rc1", True),
        ("calver", "26.3", False),
    ],
)
def test_pre_releases_are_known(scheme: str, text: str, is_prerelease: bool) -> None:
    """A final release is compared with the final one before it."""
    read = versions.read_version(scheme, text)
    assert read is not None
    assert read.is_prerelease is is_prerelease


@pytest.mark.parametrize(
    ("pattern", "scheme", "name", "version"),
    [
        ("v{version}", "semver", "v1.2.3", "1.2.3"),
        ("{version}", "pep440", "26.3", "26.3"),
        ("{version}", "semver", "2.4.0", "2.4.0"),
        ("v{version}", "semver", "v1.0.0-rc.1", "1.0.0-rc.1"),
        ("hatchling-v{version}", "pep440", "hatchling-v1.2.3", "1.2.3"),
        ("@scope/web@{version}", "semver", "@scope/web@1.2.3", "1.2.3"),
        ("release-{version}-final", "semver", "release-1.2.3-final", "1.2.3"),
    ],
)
def test_a_tag_names_a_version(pattern: str, scheme: str, name: str, version: str) -> None:
    """Any prefix and suffix, or none."""
    form = tags.release_tags(pattern, scheme)
    assert form.is_tag(name)
    assert (form.version(name), form.tag_of(version), form.name(name)) == (version, name, name)
    assert form.pattern == pattern


def test_other_tags_are_not_the_producers() -> None:
    """A tag with another prefix or suffix, or without a version, is not a release."""
    form = tags.release_tags("hatch-v{version}", "pep440")
    assert [
        name for name in ("hatchling-v1.0", "hatch-v", "v1.0", "hatch-vnext") if form.is_tag(name)
    ] == []
    assert not tags.release_tags("a{version}a", "pep440").is_tag("a")


def test_packaging_is_loaded_for_its_scheme_only() -> None:
    """Other schemes are read without it."""
    code = (
        "import sys; from handoff_tasks.producer import versions; "
        "versions.read_version('semver', '1.0.0'); assert 'packaging' not in sys.modules; "
        "versions.read_version('pep440', '1.0'); assert 'packaging' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
