"""Claims about the quick look at good documents.

Its yes is jsonschema's yes, and good documents get one.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import places
import pytest
from builders import quick
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry

from handoff_tasks import files
from handoff_tasks.formats import conforms, schemas

if TYPE_CHECKING:
    from pathlib import Path

GOLDEN = sorted((places.TESTS / "golden").glob("*.json"))
PIECES = [
    {"type": "string"},
    {"type": ["integer", "null"]},
    {"type": "object"},
    {"const": "a"},
    {"const": 1},
    {"const": True},
    {"const": {"a": [1]}},
    {"enum": ["a", 1, None, ["a"]]},
    {"pattern": "^a+$(?!\\n)"},
    {"format": "date-time"},
    {"minLength": 2},
    {"maxLength": 1},
    {"minimum": 1},
    {"maximum": 1},
    {"minItems": 1},
    {"minProperties": 1},
    {"uniqueItems": True},
    {"uniqueItems": False},
    {"required": ["a"]},
    {"dependentRequired": {"a": ["b"]}},
    {"propertyNames": {"pattern": "^[ab]$(?!\\n)"}},
    {"additionalProperties": False},
    {"properties": {"a": {"type": "integer"}}},
    {"patternProperties": {"^a": {"minimum": 1}}},
    {
        "properties": {"a": {"const": "a"}},
        "patternProperties": {"^b": {"type": "string"}},
        "additionalProperties": {"const": 1},
    },
    {"items": {"type": "integer"}},
    {"not": {"required": ["a"]}},
    {"not": {"type": "integer"}},
    {
        "if": {"properties": {"a": {"const": "a"}}},
        "then": {"required": ["b"]},
        "else": {"required": ["c"]},
    },
    {"if": {"minimum": 1}, "then": {"const": 1}},
    {"contains": {"const": 1}},
]
VALUES = st.recursive(
    st.sampled_from(
        [
            "",
            "a",
            "aa",
            "b",
            "a\n",
            "2026-02-28T00:00:00Z",
            "2026-02-30T00:00:00Z",
            0,
            1,
            2,
            1.0,
            True,
            False,
            None,
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "ab", "c"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def says_jsonschema(schema: dict[str, Any], document: object) -> bool:
    """Return jsonschema's verdict."""
    formats = FormatChecker(formats=())
    formats.checks("date-time")(
        lambda value: not isinstance(value, str) or conforms.is_date_time(value)
    )
    registry: Registry[Any] = Registry()
    return bool(
        Draft202012Validator(schema, registry=registry, format_checker=formats).is_valid(document)
    )


@quick
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3),
    st.sampled_from(["", "anyOf", "allOf"]),
    VALUES,
)
def test_a_yes_is_never_jsonschemas_no(
    pieces: list[dict[str, Any]], together: str, document: object
) -> None:
    """Whatever keywords meet whatever value: what conforms here has no violation there."""
    schema: dict[str, Any] = (
        {together: pieces}
        if together
        else {key: value for piece in pieces for key, value in piece.items()}
    )
    if conforms.test(schema)(document):
        assert says_jsonschema(schema, document)


@quick
@given(st.data())
def test_a_changed_packet_gets_no_yes_that_jsonschema_refuses(data: st.DataObject) -> None:
    """One value of a packet replaced by another kind of value.

    What conforms here has no violation there.
    """
    document = json.loads(data.draw(st.sampled_from(GOLDEN)).read_bytes())
    place: Any = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not place[key] or not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(VALUES)
    schema = schemas.schema(schemas.PACKET)
    if conforms.test(schema)(document):
        assert says_jsonschema(schema, document)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_good_packet_conforms_at_once(path: Path) -> None:
    """Nothing in the packet's schema is left to jsonschema for a packet that is good."""
    assert conforms.test(schemas.schema(schemas.PACKET))(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", files.built_in_profiles().values(), ids=lambda path: path.stem)
def test_a_good_profile_conforms_at_once(path: Path) -> None:
    """Nothing in the profile's schema is left to jsonschema for the profiles that ship."""
    assert conforms.test(schemas.schema(schemas.PROFILE))(tomllib.loads(path.read_text()))


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T23:59:59Z",
        "2024-02-29T00:00:00Z",
        "2026-02-01T00:00:00Z",
        "9999-12-28T00:00:00Z",
    ],
)
def test_dates_that_are(text: str) -> None:
    """A date that the calendar has is one, by the quick way and by the thorough one."""
    assert conforms.is_date_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "0000-01-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00",
    ],
)
def test_dates_that_are_not(text: str) -> None:
    """A date that no calendar has is none, nor is one of another form."""
    assert not conforms.is_date_time(text)
