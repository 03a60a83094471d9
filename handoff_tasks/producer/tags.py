"""Know the names of a producer's release tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from handoff_tasks.producer import versions

PLACEHOLDER = "{version}"
DEFAULT_PATTERN = "v{version}"
# A manifest's tag has at most six digits in each part. A far longer one is not a release, and
# cannot be a file's name.
_SERVICE_TAG = re.compile(r"v([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class TagForm:
    """The form of a producer's release tags.

    Attributes:
        prefix: What comes before the version; for a service before the ``v`` of ``vX.Y.Z``.
        suffix: What comes after the version.
        scheme: The scheme of the versions; None for a service, whose tags are ``vX.Y.Z``.
        is_own: Whether such tags are the producer's even if the repository has more than it.
    """

    prefix: str = ""
    suffix: str = ""
    scheme: str | None = None
    is_own: bool = False

    @property
    def pattern(self) -> str:
        """The form for people: ``v{version}``."""
        if self.scheme is None:
            return f"{self.prefix}vX.Y.Z"
        return f"{self.prefix}{PLACEHOLDER}{self.suffix}"

    def is_tag(self, name: str) -> bool:
        """Return whether a tag, by its full name, is a release of the producer."""
        return self.read(name) is not None

    def name(self, release_tag: str) -> str:
        """Return the full name of the tag that manifest and packet call ``release_tag``."""
        return self.prefix + release_tag if self.scheme is None else release_tag

    def release_tag(self, name: str) -> str:
        """Return what manifest and packet call the tag of this full name."""
        return name.removeprefix(self.prefix) if self.scheme is None else name

    def tag_of(self, version: str) -> str:
        """Return the full name of a version's tag."""
        return f"{self.prefix}{version}{self.suffix}"

    def version(self, name: str) -> str:
        """Return the version in a full name that `is_tag` accepts: ``1.2.3``."""
        if self.scheme is None:
            return name.removeprefix(self.prefix).removeprefix("v")
        return name[len(self.prefix) : len(name) - len(self.suffix)]

    def read(self, name: str) -> versions.Version | None:
        """Return the version of a tag, to order it; None if the tag is not of this form."""
        if not name.startswith(self.prefix) or not name.endswith(self.suffix):
            return None
        if len(name) < len(self.prefix) + len(self.suffix):
            return None
        if self.scheme is not None:
            return versions.read_version(self.scheme, self.version(name))
        match = _SERVICE_TAG.match(name.removeprefix(self.prefix))
        order: Any = tuple(int(part) for part in match.groups()) if match else None
        return versions.Version(order, is_prerelease=False) if match else None


def service_tags(prefix: str = "") -> TagForm:
    """Return the form ``<prefix>vX.Y.Z``.

    In a repository that contains more than the producer, such tags are its own only with a prefix.
    """
    return TagForm(prefix=prefix, is_own=bool(prefix))


def release_tags(pattern: str | None, scheme: str) -> TagForm:
    """Return the form of ``git.tag``, a text with one ``{version}``; None for the default.

    The default does not distinguish the producer from others in its repository.
    """
    prefix, _, suffix = (pattern or DEFAULT_PATTERN).partition(PLACEHOLDER)
    return TagForm(prefix=prefix, suffix=suffix, scheme=scheme, is_own=pattern is not None)
