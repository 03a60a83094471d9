"""Claims about the one reader of JSON documents."""

from __future__ import annotations

import json

import pytest
from builders import quick, shown
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks import canonical, strict_json
from handoff_tasks.errors import HandoffError

HINT = "write the document as plain JSON in UTF-8 and try again"

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-strict_json.MAX_INTEGER, max_value=strict_json.MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@quick
@given(DOCUMENTS)
def test_what_is_published_is_read_back(document: object) -> None:
    """Any JSON without floats comes back from its published form as it was, with its keys in the same order."""
    read = strict_json.read(canonical.published_bytes(document), "a.json")
    assert json.dumps(read) == json.dumps(document)


@quick
@given(DOCUMENTS)
def test_escapes_are_read_as_the_characters_that_they_stand_for(document: object) -> None:
    """A document in pure ASCII, with every other character escaped, is the same document."""
    assert strict_json.read(json.dumps(document).encode("ascii"), "a.json") == document


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"", ":1:1", "not JSON: Expecting value"),
        (b"{", ":1:2", "not JSON: Expecting property name enclosed in double quotes"),
        (b'{\n  "a" 1}', ":2:7", "not JSON: Expecting ':' delimiter"),
        (b"{} {}", ":1:4", "not JSON: Extra data"),
        (b'"abc', ":1:1", "not JSON: Unterminated string starting at"),
        (b'["a\nb"]', ":1:4", "not JSON: Invalid control character at"),
        (b"{}]", ":1:3", "not JSON: Extra data"),
        (b"\xef\xbb\xbf{}", ":1:1", "the document starts with a byte order mark; expected plain UTF-8"),
        (b'{"a": "\xff"}', "", "byte 7 is not UTF-8"),
        (b'"\xed\xa0\x80"', "", "byte 1 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "", "byte 0 is not UTF-8"),
        (b'{"a": 1.5}', "", "1.5 is a float; only whole numbers are expected"),
        (b"[1e5]", "", "1e5 is a float; only whole numbers are expected"),
        (b"[-0.0]", "", "-0.0 is a float; only whole numbers are expected"),
        (b"[NaN]", "", "NaN is not JSON"),
        (b"[Infinity]", "", "Infinity is not JSON"),
        (b"[-Infinity]", "", "-Infinity is not JSON"),
        (b"[9007199254740992]", "", "the integer 9007199254740992 is beyond 2^53 - 1"),
        (b"[-9007199254740992]", "", "the integer -9007199254740992 is beyond 2^53 - 1"),
        (b"[" + b"9" * 10_000 + b"]", "", "the integer 99999999999999999999 is beyond 2^53 - 1"),
        (b'{"a": "\\ud800"}', "", "a string holds a lone surrogate"),
        (b'{"a": [["\\udfff"]]}', "", "a string holds a lone surrogate"),
        (b'{"\\ud800": 1}', "", "a string holds a lone surrogate"),
        (b"[" * 65 + b"]" * 65, "", "the document nests deeper than 64 levels"),
        (b'{"a":' * 100_000, "", "the document nests deeper than 64 levels"),
        (b" " * (16 * 1024 * 1024 + 1), "", "the document has 16777217 bytes; at most 16777216 are read"),
        (b'{\n"a": 1,\n"a": 2}', ":3", 'the key "a" stands twice in one object'),
        (b'{"a": 1, "\\u0061": 2}', ":1", 'the key "a" stands twice in one object'),
        (b'{"\\u0061": 1, "\\u0061": 2}', "", 'the key "a" stands twice in one object'),
        ('[{"ü": 1,\n\n"ü": 1}]'.encode(), ":3", 'the key "ü" stands twice in one object'),
    ],
)
def test_refusals(data: bytes, place: str, message: str) -> None:
    """Each document that is no plain JSON is refused with one problem that says what was found and where."""
    with pytest.raises(HandoffError) as caught:
        strict_json.read(data, "a.json")
    assert shown(caught.value) == [("HP002", "a.json" + place, message, HINT)]


def test_the_code_of_a_refusal_is_the_callers() -> None:
    """A caller that reads a manifest or a record gets its own code."""
    with pytest.raises(HandoffError) as caught:
        strict_json.read(b"", "record.json", code="HP040")
    assert [problem.code for problem in caught.value.problems] == ["HP040"]


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"[9007199254740991, -9007199254740991, -0]", [2**53 - 1, 1 - 2**53, 0]),
        (b"[" * 64 + b"]" * 64, json.loads("[" * 64 + "]" * 64)),
        (b'"' + b"[" * 1000 + b'\\"{"', "[" * 1000 + '"{'),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}', {"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}),
        (b' \t\r\n{"a": null}\n', {"a": None}),
    ],
)
def test_what_only_looks_wrong_is_read(data: bytes, value: object) -> None:
    """The largest integers, the deepest nesting, brackets in strings, surrogate pairs and a key in several objects are fine."""
    assert strict_json.read(data, "a.json") == value


@pytest.mark.parametrize("data", [b'"\\ud800"', b'["\\ud800"]', b'[["a", "\\udfff"]]'])
def test_lone_surrogates_outside_of_objects_are_refused(data: bytes) -> None:
    """A lone surrogate is refused wherever it stands, also where no object is around it."""
    with pytest.raises(HandoffError) as caught:
        strict_json.read(data, "a.json")
    assert shown(caught.value) == [("HP002", "a.json", "a string holds a lone surrogate", HINT)]


def test_the_line_of_a_repeated_key_is_the_repetitions() -> None:
    """A key of the same name further below does not draw the line number to itself."""
    with pytest.raises(HandoffError) as caught:
        strict_json.read(b'{\n"a": 1,\n"a": 2,\n"b": {\n"a": 3}}', "a.json")
    assert caught.value.problems[0].where in ("a.json", "a.json:3")
