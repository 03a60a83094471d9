"""The settings that the caller of a check chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handoff_tasks.producer.profile import Check, Profile
    from handoff_tasks.record import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the caller chose for a check.

    Attributes:
        bin_folder: The folder of programs of the check's session.
        timeout: The time limit in seconds; None for the check's own.
        toolchain: The toolchain; None for the profile's.
        run: The name of the run, empty if the check runs by itself.
        caller: The environment that the profile's allow-list is applied to.
        not_installed: Why a requirement could not be installed, by requirement.
        installation: The report of the installer.
        fault: Why the check's own packages could not be installed, None if they could.
    """

    bin_folder: str
    timeout: int | None
    toolchain: str | None
    run: str
    caller: Mapping[str, str]
    not_installed: Mapping[str, str]
    installation: Installation | None = None
    fault: str | None = None

    def time_limit(self, check: Check) -> int:
        """Return the time limit of a check in seconds."""
        return self.timeout or check.timeout_seconds

    def toolchain_of(self, profile: Profile) -> str | None:
        """Return the toolchain that checks of a profile use."""
        return self.toolchain or profile.toolchain
