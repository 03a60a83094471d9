"""Judge the bytes of a packet: strict JSON, schema and published form (HP002, HP070)."""

from __future__ import annotations

from handoff_tasks.formats import canonical, schemas, strict_json
from handoff_tasks.packet import build
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.rules import packet as packet_rules


def check_packet(data: bytes, where: str) -> list[Problem]:
    """Return what is wrong with a packet's bytes: reading (HP002), schema (HP070), contradictions (HP071)."""
    try:
        document = strict_json.read(data, where)
    except HandoffError as error:
        return list(error.problems)
    return check_document(document, data, where)


def check_document(document: object, data: bytes, where: str) -> list[Problem]:
    """Return what is wrong with a packet that was read from ``data``: schema and form (HP070), contradictions (HP071)."""
    hint = packet_rules.ASK_FOR_ANOTHER
    found = schemas.violations(document, schemas.schema(schemas.PACKET), where=where, code="HP070", hint=hint)
    if found:
        return found
    assert isinstance(document, dict)
    if data != canonical.published_bytes(build.in_order(document, schemas.schema(schemas.PACKET))):
        message = (
            "the bytes are not in the published form (keys in the order of the contract, two-space indent, plain UTF-8, one "
            "newline at the end)"
        )
        return [Problem(code="HP070", where=where, message=message, hint=hint)]
    return packet_rules.packet_problems(document, where)
