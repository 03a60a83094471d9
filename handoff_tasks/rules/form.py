"""Check the bytes of a packet: strict JSON, schema and published form (HP002, HP070)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from handoff_tasks.formats import schemas, strict_json
from handoff_tasks.packet.form import published_bytes
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.rules import packet as packet_rules

if TYPE_CHECKING:
    from handoff_tasks.packet.document import PacketDocument


def check_packet(data: bytes, where: str) -> list[Problem]:
    """Return the problems of a packet's bytes: HP002, HP070 and HP071."""
    try:
        document = strict_json.read(data, where)
    except HandoffError as error:
        return list(error.problems)
    return check_document(document, data, where)


def check_document(document: object, data: bytes, where: str) -> list[Problem]:
    """Return the problems of a packet that was read from ``data``.

    HP070 for schema and published form; if there are none, HP071 for contradictions.
    """
    hint = packet_rules.ASK_FOR_ANOTHER
    problems = [
        Problem(code="HP070", where=f"{where}#{pointer}", message=message, hint=hint)
        for pointer, message in _schema_faults(document)
    ]
    if problems:
        return problems
    packet = cast("PacketDocument", document)
    if data != published_bytes(packet):
        message = (
            "the bytes are not in the published form (keys in the order of the contract, "
            "two-space indent, plain UTF-8, one newline at the end)"
        )
        return [Problem(code="HP070", where=where, message=message, hint=hint)]
    return packet_rules.packet_problems(packet, where)


def bad_keys(document: object) -> frozenset[str]:
    """Return the top-level keys of a packet whose values violate the schema."""
    pointers = [pointer for pointer, _ in _schema_faults(document)]
    return frozenset(pointer.split("/")[1] for pointer in pointers if pointer)


def _schema_faults(document: object) -> list[tuple[str, str]]:
    """Return JSON pointer and message of each violation of the packet's schema."""
    schema = schemas.schema(schemas.PACKET)
    violations = schemas.violations(document, schema, where="", code="HP070", hint="")
    return [(violation.where.removeprefix("#"), violation.message) for violation in violations]
