"""Find how a repository names its releases: from its tags, and from release tools."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from handoff_tasks.producer import tags, versions
from handoff_tasks.setup.draft import Naming
from handoff_tasks.setup.listing import table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from handoff_tasks.setup.draft import Ecosystem, Place
    from handoff_tasks.setup.listing import Listing

# The shortest prefix that leaves a version with a point in it.
_TAG = re.compile(
    r"(?P<prefix>(?:.*?[^0-9.])??)(?P<version>\d+(?:\.\d+)+(?:[-.+]?[0-9A-Za-z][0-9A-Za-z.+-]*)?)\Z"
)
# Prefixes that name no package.
_PLAIN = frozenset({"", "release", "rel", "version", "ver"})
_CALVER = re.compile(r"(?:20)?[1-4][0-9]\.")
_FIRST = {versions.SEMVER: "0.1.0", versions.PEP440: "0.1.0"}
_RELEASE_PLEASE = "release-please-config.json"
_CHANGESETS = ".changeset/config.json"


def find_naming(
    listing: Listing, parts: Sequence[Ecosystem], place: Place | None, release: str | None
) -> Naming:
    """Return how releases are named, and the name of the one that is prepared.

    It is ``release``; without one it is the version of the tree, or if that is tagged or unknown,
    the next one after the latest tag.
    """
    names = [listing.name, *(part.package for part in parts if part.package)]
    all_tags = (*listing.tags, *listing.other_tags)
    prefix = _prefix(listing, all_tags, names, place)
    scheme = parts[0].scheme if parts else versions.SEMVER
    found = [match["version"] for match in _matches(all_tags) if match["prefix"] == prefix]
    form = tags.release_tags(f"{prefix}{tags.PLACEHOLDER}", _scheme(scheme, found))
    reached = [tag for tag in listing.tags if form.is_tag(tag)]
    latest = max(reached, key=lambda tag: _order(form, tag), default=None)
    if release is None:
        release = _release(form, latest, place, all_tags)
    elif not form.is_tag(release) and versions.read_version(form.scheme or "", release):
        release = form.tag_of(release)
    return Naming(
        tag=form.pattern,
        scheme=form.scheme or versions.SEMVER,
        count=sum(form.is_tag(tag) for tag in all_tags),
        latest=latest,
        release=release,
    )


def release_tools(listing: Listing) -> list[str]:
    """Return what a repository's release tools mean for a handoff, in words."""
    lines = []
    if listing.nearest(_RELEASE_PLEASE) or listing.nearest(".release-please-manifest.json"):
        lines.append(
            "release-please makes the release's commit: fill in the statement in its branch"
        )
    if listing.nearest(_CHANGESETS):
        lines.append("changesets makes the release's commit: fill in the statement in its branch")
    return lines


def _order(form: tags.TagForm, tag: str) -> Any:
    version = form.read(tag)
    return version.order if version else ()


def _matches(names: Collection[str]) -> Iterator[re.Match[str]]:
    for name in names:
        if match := _TAG.match(name):
            yield match


def _prefix(
    listing: Listing, all_tags: Sequence[str], names: Sequence[str], place: Place | None
) -> str:
    """Return the text before the version in the producer's tags.

    In a folder of a larger repository it is the one that names the package, or the one of all
    packages if the tree's version has such a tag. At the top it is that of the latest tag.
    """
    prefixes = Counter(match["prefix"] for match in _matches(all_tags))
    known = {*names, *(name.rpartition("/")[2] for name in names), listing.prefix.rstrip("/")}
    for prefix in prefixes:
        stem = _stem(prefix)
        if stem and stem in known:
            return prefix
    plain = [prefix for prefix in prefixes if _stem(prefix).lower() in _PLAIN]
    if not listing.prefix:
        return plain[0] if plain else "v"
    if place:
        for prefix in plain:
            if f"{prefix}{place.version}" in all_tags:
                return prefix
    return _tool_prefix(listing, names)


def _stem(prefix: str) -> str:
    """Return a prefix without the separators and the ``v`` at its end."""
    return re.sub(r"[-_/@.]*[vV]?\Z", "", prefix)


def _tool_prefix(listing: Listing, names: Sequence[str]) -> str:
    """Return the prefix that a release tool, or the language, gives to a package without tags."""
    name = names[-1]
    config = listing.nearest(_RELEASE_PLEASE)
    if config:
        document = listing.json(config)
        package = table(document, "packages", listing.prefix.rstrip("/"))
        component = (
            package.get("component") or package.get("package-name") or name.rpartition("/")[2]
        )
        separator = package.get("tag-separator") or document.get("tag-separator") or "-"
        return f"{component}{separator}v"
    if listing.nearest(_CHANGESETS):
        return f"{name}@"
    if listing.has("go.mod"):
        # Go's own rule for a module below the top.
        return f"{listing.prefix}v"
    return f"{name.rpartition('/')[2]}-v"


def _scheme(scheme: str, found: Sequence[str]) -> str:
    """Return the scheme that most of a producer's versions follow, its language's if it does."""
    candidates = [scheme, versions.SEMVER, versions.CALVER, versions.PEP440]
    if scheme == versions.SEMVER and found and all(_CALVER.match(version) for version in found):
        candidates.insert(0, versions.CALVER)
    counts = {
        one: sum(versions.read_version(one, version) is not None for version in found)
        for one in candidates
    }
    return max(candidates, key=lambda one: counts[one]) if found else scheme


def _release(
    form: tags.TagForm, latest: str | None, place: Place | None, all_tags: Collection[str]
) -> str:
    """Return the tag of the version of the tree; the next one if that is tagged or unknown."""
    if place:
        tag = form.tag_of(place.version)
        if tag not in all_tags and form.is_tag(tag):
            return tag
    if latest is None:
        return form.tag_of(_FIRST.get(form.scheme or "", "26.1"))
    version = _next(form.version(latest))
    while form.tag_of(version) in all_tags:
        version = _next(version)
    return form.tag_of(version)


def _next(version: str) -> str:
    """Return a version whose last number is one higher; of a pre-release, its release."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    base = numbers[0] if numbers else version
    if base != version and not re.match(r"[-.+]?(?:post|\+)", version[len(base) :]):
        return base
    head, _, last = base.rpartition(".")
    return f"{head}.{int(last) + 1}"
