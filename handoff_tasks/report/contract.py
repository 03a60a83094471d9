"""Show the contract of a release, and how it differs from the previous release's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats.escape import printable
from handoff_tasks.packet.document import is_release

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from handoff_tasks.model import Manifest

_FIELDS = {
    "release_tag": "Release",
    "commit_sha": "Runtime commit",
    "expected_service_contract_version": "Service contract",
    "expected_api_contract_version": "API contract",
    "integration_baseline": "Integration baseline",
}
_RULES = {"requires": "required", "optional": "allowed", "forbids": "forbidden"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value of the contract, and the previous release's if that differs."""

    name: str
    value: str
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeField:
    """A field of an error envelope, with its change since the previous release, else empty."""

    name: str
    change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What an error envelope requires, allows and forbids, with the fields that were removed."""

    name: str
    requires: tuple[EnvelopeField, ...]
    optional: tuple[EnvelopeField, ...]
    forbids: tuple[EnvelopeField, ...]

    @property
    def rules(self) -> tuple[tuple[str, tuple[EnvelopeField, ...]], ...]:
        """Each rule with its fields."""
        return ("requires", self.requires), ("allows", self.optional), ("forbids", self.forbids)

    @property
    def changes(self) -> bool:
        """Whether any of its fields has changed."""
        return any(field.change for _, fields in self.rules for field in fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What consumers rely on.

    ``previous`` is the tag of the release that ``before``, ``added`` and ``removed`` compare with.
    Only a service has error codes and envelopes.
    """

    previous: str | None
    fields: tuple[Field, ...]
    codes: tuple[str, ...]
    added: frozenset[str]
    removed: tuple[str, ...]
    reordered: bool
    envelopes: tuple[Envelope, ...]

    @property
    def is_service(self) -> bool:
        """Whether it is the contract of a service."""
        return bool(self.codes)

    @property
    def changes(self) -> bool:
        """Whether anything but tag and commit has changed since the previous release."""
        versions = any(field.before is not None for field in self.fields[2:])
        codes = self.added or self.removed or self.reordered
        return bool(versions or codes or any(envelope.changes for envelope in self.envelopes))


def build_contract(
    document: Mapping[str, Any],
    previous: Manifest | None,
    previous_envelope: Mapping[str, Any] | None,
) -> Contract:
    """Return the contract of a packet, compared with the previous release's if it is known."""
    codes = list(document.get("error_code_enum", ()))
    old = list(previous.service.error_codes) if previous and previous.service else codes
    envelopes = []
    for name, rules in document.get("non_2xx_envelope_policy", {}).items():
        # An envelope that is only rehearsed has no predecessor.
        before = previous_envelope if name.endswith("_stable") else None
        envelopes.append(_envelope(name, rules, before))
    return Contract(
        previous=printable(previous.release_tag) if previous else None,
        fields=tuple(_fields(document, previous)),
        codes=tuple(printable(code) for code in codes),
        added=frozenset(printable(code) for code in codes if code not in old),
        removed=tuple(printable(code) for code in old if code not in codes),
        reordered=[code for code in codes if code in old]
        != [code for code in old if code in codes],
        envelopes=tuple(envelopes),
    )


def _fields(document: Mapping[str, Any], previous: Manifest | None) -> list[Field]:
    before = previous.baseline() if previous else {}
    if is_release(document):
        return _release_fields(document, previous, before)
    baseline = document["active_runtime_baseline"]
    fields = [_field(name, baseline[key], before.get(key)) for key, name in _FIELDS.items()]
    rehearsed = document["expected_service_contract_version"]
    if rehearsed != baseline["expected_service_contract_version"]:
        fields.append(_field("Rehearsed service contract", rehearsed, None))
    old_version = previous.contract_version if previous else None
    fields.append(_field("Manifest contract", document["manifest_contract_version"], old_version))
    return fields


def _release_fields(
    document: Mapping[str, Any], previous: Manifest | None, before: Mapping[str, str]
) -> list[Field]:
    keys = ("release_tag", "commit_sha")
    fields = [_field(_FIELDS[key], document[key], before.get(key)) for key in keys]
    contracts: Mapping[str, str] = document["contracts"]
    old_contracts = previous.contracts if previous else contracts
    for name in dict.fromkeys([*contracts, *old_contracts]):
        versions = contracts.get(name, "none"), old_contracts.get(name, "none")
        fields.append(_field(f"Contract {name}", versions[0], versions[1] if previous else None))
    version = document["manifest_contract_version"]
    if version is not None:
        old_version = previous.contract_version if previous else None
        fields.append(_field("Manifest contract", version, old_version))
    return fields


def _field(name: str, value: str, before: str | None) -> Field:
    differs = before is not None and before != value
    return Field(
        name=name,
        value=printable(value),
        before=printable(before) if before is not None and differs else None,
    )


def _envelope(name: str, rules: Mapping[str, Any], before: Mapping[str, Any] | None) -> Envelope:
    """Return an envelope, each field with its change if the previous envelope is known."""
    old = {field: rule for rule in _RULES for field in (before or {}).get(rule, ())}
    new = {field for rule in _RULES for field in rules.get(rule, ())}
    fields: dict[str, tuple[EnvelopeField, ...]] = {}
    for rule in _RULES:
        listed = []
        for field in rules.get(rule, ()):
            change = "" if before is None else _change(rule, old.get(field))
            listed.append(EnvelopeField(name=printable(field), change=change))
        removed = [field for field in (before or {}).get(rule, ()) if field not in new]
        listed += [EnvelopeField(name=printable(field), change="removed") for field in removed]
        fields[rule] = tuple(listed)
    return Envelope(name=printable(name), **fields)


def _change(rule: str, old_rule: str | None) -> str:
    if old_rule is None:
        return "new"
    return "" if old_rule == rule else f"was {_RULES[old_rule]}"
