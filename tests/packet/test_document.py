"""The types of a packet are those of its schema."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import pytest

from handoff_tasks.formats import schemas
from handoff_tasks.packet import form
from handoff_tasks.packet.document import ForeignPacket, PacketDocument
from handoff_tasks.producer.rehearsal import BLOCK_NAMES, RehearsalBlocks

SCHEMA = schemas.schema(schemas.PACKET)
SIMPLE = {"string": str, "integer": int, "boolean": bool, "null": NoneType}


def differences(  # noqa: PLR0911 - one for each kind of schema
    schema: dict[str, Any], kind: Any, at: str = ""
) -> list[str]:
    """Return where a type is not that of a schema."""
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        allowed = {Literal[tuple(values)], union({type(value) for value in values})}
        return [] if kind in allowed else [f"{at}: {kind}"]
    if "anyOf" in schema or isinstance(schema["type"], list):
        forms = schema.get("anyOf") or [{"type": one} for one in schema["type"]]
        kinds = get_args(kind)
        if get_origin(kind) not in (Union, UnionType) or len(kinds) != len(forms):
            return [f"{at}: {kind}"]
        return [
            line
            for one, each in zip(forms, kinds, strict=True)
            for line in differences(one, each, at)
        ]
    if schema["type"] == "array":
        if get_origin(kind) is not list:
            return [f"{at}: {kind}"]
        return differences(schema["items"], get_args(kind)[0], f"{at}/*")
    if schema["type"] != "object":
        return [] if kind is SIMPLE[schema["type"]] else [f"{at}: {kind}"]
    if "properties" in schema:
        return object_differences(schema, kind, at)
    other = schema.get("additionalProperties") or next(iter(schema["patternProperties"].values()))
    if get_origin(kind) is not dict or get_args(kind)[0] is not str:
        return [f"{at}: {kind}"]
    return differences(other, get_args(kind)[1], f"{at}/*")


def required_keys(kind: Any) -> set[str]:
    """Return the keys of a TypedDict that are required.

    Its own ``__required_keys__`` ignores ``NotRequired`` in annotations that are strings.
    """
    hints = get_type_hints(kind, include_extras=True)
    optional = {key for key, hint in hints.items() if get_origin(hint) is NotRequired}
    return set(kind.__required_keys__) - optional


def union(kinds: set[type]) -> Any:
    """Return the type of values that are of any of these types."""
    first, *others = sorted(kinds, key=lambda kind: kind is NoneType)
    return Union[(first, *others)]


def object_differences(schema: dict[str, Any], kind: Any, at: str) -> list[str]:
    """Compare keys, required keys and their types."""
    if not is_typeddict(kind):
        return [f"{at}: {kind}"]
    hints = get_type_hints(kind)
    lines = [f"{at}/{key}: in one only" for key in hints.keys() ^ schema["properties"].keys()]
    optional = required_keys(kind) ^ set(schema["required"])
    lines += [f"{at}/{key}: required in one only" for key in optional]
    for key in hints.keys() & schema["properties"].keys():
        lines += differences(schema["properties"][key], hints[key], f"{at}/{key}")
    return lines


def test_an_own_packet_has_the_keys_and_types_of_the_schema() -> None:
    """Each key, whether it is required, and its type."""
    assert differences(SCHEMA, PacketDocument) == []


def test_a_type_that_differs_is_found() -> None:
    """The comparison does not accept a schema with another type, key or required key."""
    assert differences({"type": "integer"}, str, "/x") == ["/x: <class 'str'>"]
    lines = differences({**SCHEMA, "required": [], "properties": {"new": {}}}, PacketDocument)
    assert "/new: in one only" in lines
    assert "/verdict: required in one only" in lines


def test_the_keys_of_foreign_packets_are_keys_of_the_schema() -> None:
    """With the same types; only the statement may have other lines."""
    hints = get_type_hints(ForeignPacket)
    lines = [
        line
        for key, kind in hints.items()
        for line in differences(SCHEMA["properties"][key], kind, f"/{key}")
    ]
    assert lines == ["/consumer_impact_statement_template: dict[str, str]"]
    service = SCHEMA["allOf"][0]["else"]["required"]
    assert required_keys(ForeignPacket) <= {*SCHEMA["required"], *service}


@pytest.mark.parametrize("key", sorted(required_keys(ForeignPacket)))
def test_the_required_keys_of_foreign_packets_are_checked(key: str) -> None:
    """A packet without such a key has a fault at it."""
    assert any(pointer.startswith(f"/{key}") for pointer, _ in form.foreign_faults({}))


def test_the_blocks_of_a_rehearsal_have_one_order() -> None:
    """That of the schema."""
    blocks = [key for key in SCHEMA["properties"] if key in RehearsalBlocks.__annotations__]
    assert tuple(blocks) == BLOCK_NAMES == tuple(RehearsalBlocks.__annotations__)
