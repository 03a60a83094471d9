"""The form of a packet: order of keys, published bytes, keys that must be present."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from handoff_tasks.formats import canonical, schemas
from handoff_tasks.packet.document import (
    ENVELOPE_RULES,
    STATEMENT_KEY,
    Baseline,
    PacketDocument,
    is_own,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_TEXT_KEYS = (
    "handoff_mode",
    "release_tag",
    "commit_sha",
    "expected_service_contract_version",
    "expected_api_contract_version",
    "integration_baseline",
    "manifest_contract_version",
    "manifest_path",
    "changelog_path",
)
_BASELINE_KEYS = tuple(Baseline.__annotations__)


def published_bytes(document: Mapping[str, Any] | PacketDocument) -> bytes:
    """Return the one published form of a packet: keys in the order of the contract."""
    return canonical.published_bytes(in_order(document))


def in_order(document: Mapping[str, Any] | PacketDocument) -> PacketDocument:
    """Return a packet with the keys of each object in the order of the contract.

    Keys that the schema names are in its order. Of the others, the envelope in force comes before
    the rehearsed ones, which keep their order, and tools are sorted by name.
    """
    return cast("PacketDocument", _in_order(document, schemas.schema(schemas.PACKET)))


def _in_order(value: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_in_order(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    schema = next((one for one in schema.get("anyOf", ()) if "properties" in one), schema)
    properties: Mapping[str, Any] = schema.get("properties", {})
    patterns: Mapping[str, Any] = schema.get("patternProperties", {})
    others = [key for key in value if key not in properties]
    if patterns:
        others.sort(key=lambda key: not key.endswith("_stable"))
    else:
        others.sort()
    other_schema: Mapping[str, Any] = next(iter(patterns.values()), {})
    order = [key for key in properties if key in value] + others
    return {key: _in_order(value[key], properties.get(key, other_schema)) for key in order}


def foreign_faults(document: object) -> list[tuple[str, str]]:
    """Return JSON pointer and message of each key that is missing or of another form.

    Checked are the keys that every generator's packets have; other keys are not looked at.
    """
    if not isinstance(document, dict):
        return [("", _found("an object, the packet", document))]
    faults = [
        (f"/{key}", _found("a text", document.get(key)))
        for key in _TEXT_KEYS
        if not isinstance(document.get(key), str)
    ]
    baseline = document.get("active_runtime_baseline")
    if not isinstance(baseline, dict):
        baseline = {}
    faults += [
        (f"/active_runtime_baseline/{key}", _found("a text", baseline.get(key)))
        for key in _BASELINE_KEYS
        if not isinstance(baseline.get(key), str)
    ]
    faults += [
        (f"/{key}", _found("a list of texts", document.get(key)))
        for key in ("error_code_enum", "verification_commands")
        if not _is_texts(document.get(key))
    ]
    faults += _policy_faults(document.get("non_2xx_envelope_policy"))
    statement = document.get(STATEMENT_KEY)
    # A draft of this library without a statement has null here.
    if not _is_statement(statement) and not (statement is None and is_own(document)):
        faults.append((f"/{STATEMENT_KEY}", _found("an object of texts", statement)))
    return faults


def _policy_faults(policies: object) -> Iterator[tuple[str, str]]:
    expected = "an object of lists of texts"
    if not isinstance(policies, dict):
        yield "/non_2xx_envelope_policy", _found(expected, None)
        return
    for name, policy in policies.items():
        if isinstance(policy, dict) and all(
            _is_texts(policy.get(rule, [])) for rule in ENVELOPE_RULES
        ):
            continue
        yield f"/non_2xx_envelope_policy/{name}".rstrip("/"), _found(expected, policy)


def _found(expected: str, value: object) -> str:
    found = "missing" if value is None else f"found {type(value).__name__}"
    return f"{found}; expected {expected}"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_statement(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(line, str) for line in value.values())
