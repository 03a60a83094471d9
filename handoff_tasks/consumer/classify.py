"""Find what a release changes for a consumer that has only the mirrored manifest of the old one.

Functions of values. `handoff_tasks.diff` compares two packets. The old packet is built from the old
manifest, and what a manifest does not state is taken from the new packet, so that it shows no
change. The changes have the fingerprints that ``handoff-diff`` prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from handoff_tasks.packet import diff
from handoff_tasks.packet.change import DEFAULT_NOTICE, ChangeClass, Notice
from handoff_tasks.packet.document import is_release

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from handoff_tasks.consumer.values import PinValues
    from handoff_tasks.packet.change import Change
    from handoff_tasks.packet.document import ForeignPacket, PacketDocument

POLICY = "additive_error_code_notice_policy"
_BASELINE = (
    "release_tag",
    "commit_sha",
    "expected_service_contract_version",
    "expected_api_contract_version",
    "integration_baseline",
)
# Keys that only this library writes: without one, `diff` compares what every packet has.
_OWN = ("packet_contract_version", "verdict")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePeriod:
    """When the notice of a new error code began, and when each kind of it is over."""

    start: datetime
    standard_end: date
    emergency_end: datetime

    @classmethod
    def of(cls, notice: Notice, start: datetime) -> NoticePeriod:
        """Return the period of a policy that began at ``start``."""
        return cls(
            start=start,
            standard_end=add_business_days(start.astimezone(UTC).date(), notice.business_days),
            emergency_end=start + timedelta(hours=notice.emergency_hours),
        )

    def over(self, now: datetime) -> bool:
        """Return whether the standard notice is over."""
        return now.astimezone(UTC).date() >= self.standard_end

    def emergency_over(self, now: datetime) -> bool:
        """Return whether the notice of an emergency is over."""
        return now >= self.emergency_end


def read_time(text: str) -> datetime:
    """Return the moment of a packet's time, ``YYYY-MM-DDTHH:MM:SSZ``."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def add_business_days(day: date, count: int) -> date:
    """Return the day that is ``count`` business days, Monday to Friday, after another one."""
    while count > 0:
        day += timedelta(days=1)
        if day.weekday() < 5:
            count -= 1
    return day


def compare(
    old_manifest: Mapping[str, Any],
    packet: PacketDocument,
    envelope: Mapping[str, Any] | None = None,
) -> list[Change]:
    """Return what a packet changes against an old manifest, the gravest first.

    Args:
        old_manifest: The mirrored manifest of the pinned release.
        packet: The new packet, readable for `handoff_tasks.diff`.
        envelope: The envelope policy of the old service version, from the producer's profile. If it
            is not known, envelopes are not compared.
    """
    new = {key: value for key, value in packet.items() if key not in _OWN}
    if is_release(packet):
        stated = {key: old_manifest[key] for key in ("release_tag", "commit_sha")}
        return _compare(
            {**new, **stated, "contracts": old_manifest["contracts"]}, new, old_manifest
        )
    baseline = {key: old_manifest[key] for key in _BASELINE}
    old = {
        **new,
        **baseline,
        "active_runtime_baseline": baseline,
        "error_code_enum": old_manifest["error_code_enum"],
        "manifest_contract_version": old_manifest["manifest_contract_version"],
    }
    if packet["handoff_mode"] != "stable":
        version = packet["expected_service_contract_version"]
        old["expected_service_contract_version"] = version
    if envelope is not None:
        name = baseline["expected_service_contract_version"].replace(".", "_")
        policies = packet["non_2xx_envelope_policy"]
        rest = {key: value for key, value in policies.items() if not key.endswith("_stable")}
        old["non_2xx_envelope_policy"] = {f"{name}_stable": envelope, **rest}
    return _compare(old, new, old_manifest)


def _compare(
    old: Mapping[str, Any], new: Mapping[str, Any], old_manifest: Mapping[str, Any]
) -> list[Change]:
    return diff.compare(
        cast("ForeignPacket", old), cast("ForeignPacket", new), notice_of(old_manifest)
    )


def manifest_of_pin(old: PinValues, contracts: Mapping[str, str]) -> dict[str, Any]:
    """Return what is known of a pinned release without a manifest, in the form of one."""
    return {
        "release_tag": old.release_tag,
        "commit_sha": old.commit_sha,
        "contracts": dict(contracts),
    }


def notice_of(manifest: Mapping[str, Any]) -> Notice:
    """Return the notice policy of the pinned release: a release cannot shorten its own notice."""
    policy = manifest.get(POLICY)
    source = f"the manifest of {manifest['release_tag']}"
    return Notice.from_policy(policy, source) if policy else DEFAULT_NOTICE


def needs_acceptance(change: Change, accepted: Collection[str]) -> bool:
    """Return whether a change is breaking and its fingerprint was not given."""
    return change.change_class == ChangeClass.BREAKING and change.fingerprint not in accepted
