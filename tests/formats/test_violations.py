"""Claims about schema violations as problems, and about problems themselves."""

from __future__ import annotations

from typing import Any

import pytest
from builders import problem, quick, shown
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.formats import schemas
from handoff_tasks.problems import HandoffError, Problem, refusal


def violations(schema: dict[str, Any], document: object) -> list[tuple[str, str]]:
    """Return place and message of each violation; the schema gets a name of its own."""
    named = {"$id": f"urn:test:{schema!r}", **schema}
    found = schemas.violations(document, named, where="a.json", code="HP070", hint="fix it")
    assert all((one.code, one.hint) == ("HP070", "fix it") for one in found)
    return [(one.where, one.message) for one in found]


CLOSED = {"properties": {"name": {}, "port": {}}, "additionalProperties": False}
NUMBER_OR_NULL = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"type": "null"}]}
DATE = {"format": "date-time"}


@pytest.mark.parametrize(
    ("schema", "document", "message"),
    [
        ({"required": ["name"]}, {}, "the key name is missing"),
        (CLOSED, {"nme": 1}, "unknown key nme (did you mean name?); known: name, port"),
        (CLOSED, {"zzz": 1}, "unknown key zzz; known: name, port"),
        ({"additionalProperties": False}, {"a": 1}, "unknown key a; known: none"),
        ({"pattern": "^[a-z]+$(?!\\n)"}, "A", 'found "A"; expected the form [a-z]+'),
        ({"pattern": "^[a-z]+$(?!\\n)"}, "a\n", 'found "a\\n"; expected the form [a-z]+'),
        ({"pattern": "^v[0-9]$(?!\\n)", "$comment": "vN"}, "x", 'found "x"; expected vN'),
        (
            {"propertyNames": {"pattern": "^[a-z]$(?!\\n)"}},
            {"A": 1},
            'found "A"; expected the form [a-z]',
        ),
        ({"enum": ["a", None, 1]}, "b", 'found "b"; expected one of "a", null, 1'),
        ({"const": "a.v1"}, "a.v2", 'found "a.v2"; expected "a.v1"'),
        ({"const": False}, 0, "found 0; expected false"),
        ({"type": "integer"}, "1", 'found "1"; expected integer'),
        ({"type": "integer"}, True, "found true; expected integer"),
        ({"type": ["boolean", "null"]}, "ü", 'found "ü"; expected boolean or null'),
        ({"type": "string"}, ["a" * 200], 'found ["' + "a" * 158 + "...; expected string"),
        (
            DATE,
            "2026-02-30T00:00:00Z",
            'found "2026-02-30T00:00:00Z"; expected a date and time of the form YYYY-MM-DDTHH:MM:SSZ',
        ),
        (
            DATE,
            "2026-01-01T00:00:00+00:00",
            'found "2026-01-01T00:00:00+00:00"; expected a date and time of the form YYYY-MM-DDTHH:MM:SSZ',
        ),
        ({"uniqueItems": True}, ["a", "b", "a"], 'duplicate item "a"'),
        (
            {"uniqueItems": True},
            [{"a": 1}, {"a": 1}],
            'duplicate item {"a": 1}',
        ),
        ({"minItems": 1}, [], "found []; expected at least 1"),
        ({"minLength": 2}, "a", 'found "a"; expected at least 2'),
        ({"minProperties": 1}, {}, "found {}; expected at least 1"),
        ({"minimum": 0}, -1, "-1 is less than the minimum of 0"),
        (NUMBER_OR_NULL, "a", 'found "a"; expected integer'),
        (NUMBER_OR_NULL, 256, "256 is greater than the maximum of 255"),
        (
            {"not": {"required": ["a"]}},
            {"a": 1, "b": 2},
            "this combination of keys is not allowed here: a",
        ),
        (
            {"not": {"anyOf": [{"required": ["a"]}, {"required": ["b"]}, {"required": ["c"]}]}},
            {"a": 1, "c": 2},
            "this combination of keys is not allowed here: a, c",
        ),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "the key b is missing; a needs it"),
    ],
)
def test_messages(schema: dict[str, Any], document: object, message: str) -> None:
    """Each kind of violation says in JSON's words what was found and what was expected."""
    assert violations(schema, document) == [("a.json#", message)]


def test_every_violation_is_told_at_once_sorted_by_place() -> None:
    """All violations are found in one go.

    Each has the JSON pointer of its place, and they are sorted by it.
    """
    schema = {
        "properties": {
            "z": {"type": "integer"},
            "a": {
                "items": {"required": ["x", "y"], "properties": {}, "additionalProperties": False}
            },
        },
        "required": ["k", "l"],
    }
    assert violations(schema, {"z": None, "a": [{"x": 1, "y": 2}, {"yy": 1}]}) == [
        ("a.json#", "the key k is missing"),
        ("a.json#", "the key l is missing"),
        ("a.json#/a/0", "unknown key x; known: none"),
        ("a.json#/a/0", "unknown key y; known: none"),
        ("a.json#/a/1", "the key x is missing"),
        ("a.json#/a/1", "the key y is missing"),
        ("a.json#/a/1", "unknown key yy; known: none"),
        ("a.json#/z", "found null; expected integer"),
    ]


def test_keys_that_a_pattern_allows_are_not_unknown() -> None:
    """Only keys that neither a name nor a pattern allows are unknown."""
    schema = {
        "patternProperties": {"^x-": {}},
        "properties": {"name": {}},
        "additionalProperties": False,
    }
    assert violations(schema, {"x-1": 1, "name": 2, "y-1": 3}) == [
        ("a.json#", "unknown key y-1; known: name")
    ]


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        (DATE, "2024-02-29T23:59:59Z"),
        (DATE, 5),
        (NUMBER_OR_NULL, None),
        (NUMBER_OR_NULL, 255),
        ({"pattern": "^[a-z]+$(?!\\n)"}, "abc"),
        (CLOSED, {"name": 1}),
        ({"uniqueItems": True}, ["a", "b"]),
    ],
)
def test_what_holds_has_no_violation(schema: dict[str, Any], document: object) -> None:
    """A document that follows its schema has no problem."""
    assert violations(schema, document) == []


def test_a_remote_reference_is_not_fetched() -> None:
    """A schema that refers to another place fails; nothing is fetched."""
    with pytest.raises(Exception, match=r"Unresolvable: https://example\.invalid/schema"):
        violations({"$ref": "https://example.invalid/schema"}, {})


@pytest.mark.parametrize(
    ("path", "expected"),
    [([], ""), (["a", 0, "b"], "/a/0/b"), (["a/b", "m~n", "~1", ""], "/a~1b/m~0n/~01/")],
)
def test_pointers(path: list[str | int], expected: str) -> None:
    """Pointers are written as RFC 6901 says."""
    assert schemas.pointer(path) == expected


@quick
@given(st.lists(st.text("a~/01", max_size=6), max_size=5))
def test_a_pointer_leads_back_to_its_path(path: list[str]) -> None:
    """No two paths have the same pointer: its parts, read as RFC 6901 says, are the path."""
    parts = schemas.pointer(path).split("/")
    assert parts[0] == ""
    assert [part.replace("~1", "/").replace("~0", "~") for part in parts[1:]] == path


@pytest.mark.parametrize(
    ("word", "expected"),
    [("stabel", " (did you mean stable?)"), ("xyz", ""), ("stable", " (did you mean stable?)")],
)
def test_nearest(word: str, expected: str) -> None:
    """The known word that is most like the one given is offered, or none."""
    assert schemas.nearest(word, ["candidate", "stable", "table"]) == expected


def test_a_text_that_is_too_long_is_said_to_be_too_long() -> None:
    """The message for a long text still says what was expected."""
    [(_, message)] = violations({"maxLength": 200}, "a" * 300)
    assert "200" in message


def test_a_violation_within_an_alternative_has_its_own_place() -> None:
    """What is wrong deep within an object that may also be null is reported with its own pointer."""
    schema = {
        "anyOf": [{"type": "object", "properties": {"a": {"minLength": 1}}}, {"type": "null"}]
    }
    assert violations({"properties": {"line": schema}}, {"line": {"a": ""}}) == [
        ("a.json#/line/a", 'found ""; expected at least 1')
    ]


def test_a_problem_as_text_and_as_a_document() -> None:
    """A person reads two lines; a machine reads four keys."""
    one = Problem(code="HP001", where="--mode", message="unknown", hint="give another")
    assert one.text() == "HP001 --mode: unknown\n      next: give another"
    assert list(one.to_dict().items()) == [
        ("code", "HP001"),
        ("where", "--mode"),
        ("message", "unknown"),
        ("hint", "give another"),
    ]


def test_an_error_carries_every_problem_once_and_sorted() -> None:
    """The error type holds all problems, sorted by code and place, each once, and its text is theirs."""
    late, early = problem("HP060"), problem("HP021")
    error = HandoffError(one for one in (late, early, late))
    assert error.problems == (early, late)
    assert str(error) == f"{early.text()}\n{late.text()}"


def test_a_refusal_is_an_error_with_one_problem() -> None:
    """The short form makes the same error as the long one."""
    assert shown(refusal("HP001", "here", "found", "next")) == [("HP001", "here", "found", "next")]
