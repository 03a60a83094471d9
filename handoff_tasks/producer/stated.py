"""Read the versions that a commit states, at the places that a profile names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.producer import places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handoff_tasks.producer.places import ValuePlace
    from handoff_tasks.producer.profile import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The versions that a commit states.

    ``version`` is None if the profile does not say where it is. ``faults`` are the places that
    cannot be read: the place, and why.
    """

    version: str | None
    contracts: Mapping[str, str]
    faults: tuple[tuple[ValuePlace, str], ...]


def paths(profile: Profile) -> tuple[str, ...]:
    """Return the files in which a profile's versions are."""
    all_places = [*profile.contracts.values()]
    if profile.version:
        all_places.append(profile.version)
    return tuple(dict.fromkeys(place.path for place in all_places))


def read_stated(profile: Profile, files: Mapping[str, bytes | None]) -> Stated:
    """Return the versions in the files of `paths`; a file that the commit lacks is None."""
    faults: list[tuple[ValuePlace, str]] = []

    def read(place: ValuePlace) -> str | None:
        data = files[place.path]
        if data is None:
            faults.append((place, "the commit does not have this file"))
            return None
        try:
            return places.read_value(place, data)
        except ValueError as error:
            faults.append((place, str(error)))
            return None

    version = read(profile.version) if profile.version else None
    contracts = {name: read(place) for name, place in profile.contracts.items()}
    return Stated(
        version=version,
        contracts={name: one for name, one in contracts.items() if one is not None},
        faults=tuple(faults),
    )
