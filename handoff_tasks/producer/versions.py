"""Read and order versions by the scheme that a profile names."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

SEMVER, PEP440, CALVER = "semver", "pep440", "calver"
SCHEMES = (SEMVER, PEP440, CALVER)
# A far longer one is not a version, and cannot be a file's name.
_LONGEST = 128
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_SEMVER = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_PEP440 = re.compile(r"[0-9][0-9A-Za-z.!+_-]*")
# A year, then one to three numbers, then a modifier: 26.3, 2026.01.15, 2026-01-15, 2026.1.0rc2.
_CALVER = re.compile(
    r"([0-9]{2}|[0-9]{4})((?:[.-][0-9]{1,9}){1,3})"
    r"(?:[.-]?(dev|alpha|a|beta|b|rc|post)[.-]?([0-9]{0,9}))?"
)
# The modifiers of calver in their order; "" is the release itself.
_MODIFIERS = ("dev", "a", "b", "rc", "", "post")
_CENTURY = 2000


@dataclass(frozen=True, slots=True)
class Version:
    """A version: its place in the order of its scheme, and whether it is a pre-release.

    Only versions of one scheme can be compared.
    """

    order: Any
    is_prerelease: bool


@functools.cache
def read_version(scheme: str, text: str) -> Version | None:
    """Return the version in a text, None if it does not follow the scheme.

    Build metadata of semver does not change the order.
    """
    if len(text) > _LONGEST:
        return None
    readers = {SEMVER: _read_semver, PEP440: _read_pep440, CALVER: _read_calver}
    return readers[scheme](text)


def _read_semver(text: str) -> Version | None:
    match = _SEMVER.fullmatch(text)
    if match is None:
        return None
    numbers = tuple(int(part) for part in match.groups()[:3])
    if match[4] is None:
        return Version((numbers, 1, ()), is_prerelease=False)
    parts = match[4].split(".")
    if any(part.isdigit() and (len(part) > 1 and part[0] == "0") for part in parts):
        return None
    # Numbers come before words, and are compared as numbers.
    order = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
    return Version((numbers, 0, order), is_prerelease=True)


def _read_pep440(text: str) -> Version | None:
    if not _PEP440.fullmatch(text):
        return None
    # Late: profiles with another scheme do without it.
    from packaging import version

    try:
        read = version.Version(text)
    except version.InvalidVersion:
        return None
    return Version(read, is_prerelease=read.is_prerelease)


def _read_calver(text: str) -> Version | None:
    match = _CALVER.fullmatch(text)
    if match is None:
        return None
    year = int(match[1])
    numbers = [int(part) for part in re.findall(r"[0-9]+", match[2])]
    modifier = {"alpha": "a", "beta": "b"}.get(match[3] or "", match[3] or "")
    rank = _MODIFIERS.index(modifier)
    order = (year if len(match[1]) > 2 else year + _CENTURY, *numbers)
    return Version((order, rank, int(match[4] or 0)), is_prerelease=rank < _MODIFIERS.index(""))
