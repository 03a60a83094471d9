"""One change between two packets, and the notice that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from handoff_tasks.formats import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

# A value of a packet as a change shows it.
Value = str | list[str] | None


class ChangeClass(StrEnum):
    """What a change means to a consumer, the gravest first."""

    BREAKING = "breaking"
    ADDITIVE = "additive"
    EDITORIAL = "editorial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A manifest's notice policy for new error codes; ``source`` says where it was read."""

    business_days: int
    emergency_hours: int
    same_day: bool
    source: str

    @classmethod
    def from_policy(cls, policy: Mapping[str, Any], source: str) -> Notice:
        """Return the notice of a manifest's ``additive_error_code_notice_policy``."""
        return cls(
            business_days=policy["standard_business_days"],
            emergency_hours=policy["emergency_notice_hours"],
            same_day=policy["emergency_requires_same_day_docs_spec_tests"],
            source=source,
        )

    def text(self) -> str:
        """Return the policy in words."""
        same_day = " with same-day docs, spec and tests" if self.same_day else ""
        hours = f"in an emergency {self.emergency_hours} hours{same_day}"
        return f"{self.business_days} business days, or {hours}"

    def to_dict(self) -> dict[str, Any]:
        """Return the form of the JSON output."""
        return {
            "standard_business_days": self.business_days,
            "emergency_notice_hours": self.emergency_hours,
            "emergency_requires_same_day_docs_spec_tests": self.same_day,
            "source": self.source,
        }


# The values of producer-contract-manifest.v1's documentation.
DEFAULT_NOTICE = Notice(
    business_days=10,
    emergency_hours=24,
    same_day=True,
    source="the default of producer-contract-manifest.v1; no manifest that states one was read",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: its kind, place (JSON pointer in the packet), both values, and its class.

    ``message`` says why it has that class; ``notice`` is the notice that it needs, if any.
    """

    kind: str
    pointer: str
    old: Value
    new: Value
    change_class: ChangeClass
    message: str
    notice: str | None = None

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the sha256 of kind, place and both values."""
        change = {"kind": self.kind, "pointer": self.pointer, "old": self.old, "new": self.new}
        return canonical.fingerprint(change)

    def to_dict(self) -> dict[str, Any]:
        """Return the form of the JSON output."""
        return {
            "fingerprint": self.fingerprint,
            "kind": self.kind,
            "class": str(self.change_class),
            "pointer": self.pointer,
            "old": self.old,
            "new": self.new,
            "message": self.message,
            "notice": self.notice,
        }


def at_least(changes: Iterable[Change], limit: ChangeClass) -> list[Change]:
    """Return the changes that are of this class or a graver one."""
    order = list(ChangeClass)
    return [change for change in changes if order.index(change.change_class) <= order.index(limit)]
