"""Claims about the names of releases: read from tags, packages and release tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from handoff_tasks.setup import naming
from handoff_tasks.setup.draft import Ecosystem, Naming, Place
from handoff_tasks.setup.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Sequence


def found(
    tags: Sequence[str],
    *,
    package: str = "app",
    scheme: str = "semver",
    version: str | None = None,
    prefix: str = "",
    release: str | None = None,
    others: dict[str, str] | None = None,
) -> Naming:
    """Return how a repository with these tags, the latest first, names its releases."""
    listing = Listing(
        name="folder",
        prefix=prefix,
        modes={},
        others=frozenset(others or {}),
        read=lambda path: (others or {})[path],
        tags=tuple(tags),
    )
    place = Place(path="VERSION", form="pattern", key="^(.*)$", version=version or "")
    part = Ecosystem(title="", package=package, scheme=scheme)
    return naming.find_naming(listing, [part], place if version else None, release)


@pytest.mark.parametrize(
    ("tags", "scheme", "tag", "expected"),
    [
        (["v1.2.0", "v1.1.0"], "semver", "v{version}", "semver"),
        (["2.4.0", "2.3.0"], "pep440", "{version}", "pep440"),
        (["26.3", "26.2"], "pep440", "{version}", "pep440"),
        (["2026.1.0", "2025.12.1"], "semver", "{version}", "calver"),
        (["v1.0.0-rc.1"], "semver", "v{version}", "semver"),
        (["release-1.2", "release-1.1"], "semver", "release-{version}", "pep440"),
        (["app-v1.0.0", "other-v9.0.0"], "semver", "app-v{version}", "semver"),
        (["other-v9.0.0", "app-v1.0.0"], "semver", "app-v{version}", "semver"),
        (["v1", "latest", "v1.0.1"], "semver", "v{version}", "semver"),
        ([], "semver", "v{version}", "semver"),
    ],
)
def test_the_form_of_tags(tags: list[str], scheme: str, tag: str, expected: str) -> None:
    """The prefix that names the package, else the plain one; a scheme that its versions follow."""
    one = found(tags, scheme=scheme)
    assert (one.tag, one.scheme) == (tag, expected)


@pytest.mark.parametrize(
    ("tags", "version", "release"),
    [
        (["v1.2.0"], None, "v1.2.1"),
        (["v1.2.0"], "1.2.0", "v1.2.1"),
        (["v1.2.0"], "1.3.0", "v1.3.0"),
        (["v1.0.0-rc.1"], None, "v1.0.0"),
        (["v1.2.0", "v1.2.10"], None, "v1.2.11"),
        ([], None, "v0.1.0"),
        ([], "0.7.0", "v0.7.0"),
        (["v1.2.0"], "not a version", "v1.2.1"),
    ],
)
def test_the_next_release(tags: list[str], version: str | None, release: str) -> None:
    """The version of the tree if it is not tagged, else the one after the highest tag."""
    assert found(tags, version=version).release == release


def test_the_name_of_the_release_can_be_given() -> None:
    """As a tag, or as a version; then the tree has to say it."""
    assert found(["v1.2.0"], version="1.2.0", release="v2.0.0").release == "v2.0.0"
    assert found(["v1.2.0"], version="1.2.0", release="2.0.0").release == "v2.0.0"


CONFIG = '{"packages": {"packages/app": {"component": "core"}}}'


@pytest.mark.parametrize(
    ("tags", "package", "others", "version", "tag"),
    [
        (["web-v1.0.0", "app-v2.0.0"], "@scope/app", {}, None, "app-v{version}"),
        (["@scope/app@1.0.0"], "@scope/app", {}, None, "@scope/app@{version}"),
        (["v1.4.0"], "app", {}, "1.4.0", "v{version}"),
        (["v1.4.0"], "app", {}, "0.3.0", "app-v{version}"),
        ([], "app", {"release-please-config.json": CONFIG}, None, "core-v{version}"),
        ([], "@scope/app", {".changeset/config.json": "{}"}, None, "@scope/app@{version}"),
    ],
)
def test_a_folder_of_a_larger_repository_has_tags_of_its_own(
    tags: list[str], package: str, others: dict[str, str], version: str | None, tag: str
) -> None:
    """The form that its tags or its release tool have; one for all if its version is tagged so."""
    one = found(tags, package=package, prefix="packages/app/", others=others, version=version)
    assert one.tag == tag
