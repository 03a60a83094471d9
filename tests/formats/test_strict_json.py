"""Claims about the one reader of JSON documents."""

from __future__ import annotations

import json

import pytest
from builders import quick, shown
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.formats import canonical, strict_json
from handoff_tasks.problems import HandoffError

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
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
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
        (b"", ":1:1", "not JSON: expected a value"),
        (b"{", ":1:2", "not JSON: expected a key in double quotes"),
        (b'{\n  "a" 1}', ":2:7#/a", "not JSON: expected ':' after a key"),
        (b'{"a": 1,}', ":1:9", "not JSON: expected a key in double quotes"),
        (b'{"a": [1,]}', ":1:10#/a/1", "not JSON: expected a value"),
        (b'{"a": [1 2]}', ":1:10#/a", "not JSON: expected ',' or ']'"),
        (b'{"a": {"b": nul}}', ":1:13#/a/b", "not JSON: expected a value"),
        (b'{"a": 01}', ":1:8", "not JSON: expected ',' or '}'"),
        (b"{} {}", ":1:4", "not JSON: unexpected text after the document"),
        (b'"abc', ":1:1", "not JSON: an unterminated string"),
        (b'["a\nb"]', ":1:4#/0", "not JSON: a control character in a string"),
        (b'["a", "\\x"]', ":1:8#/1", "not JSON: an invalid escape"),
        (b'["\\u12"]', ":1:4#/0", "not JSON: an invalid escape"),
        (b"{}]", ":1:3", "not JSON: unexpected text after the document"),
        (
            b"\xef\xbb\xbf{}",
            ":1:1",
            "the document starts with a byte order mark; expected plain UTF-8",
        ),
        (b'{"a": "\xff"}', ":1:8#/a", "byte 7 is not UTF-8"),
        (b'"\xed\xa0\x80"', ":1:2", "byte 1 is not UTF-8"),
        (b"{}\xff", ":1:3", "byte 2 is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), ":1:1", "byte 0 is not UTF-8"),
        (b'{"a": 1.5}', ":1:7#/a", "1.5 is a float; only whole numbers are expected"),
        (b"[1e5]", ":1:2#/0", "1e5 is a float; only whole numbers are expected"),
        (b"[-0.0]", ":1:2#/0", "-0.0 is a float; only whole numbers are expected"),
        (b"[NaN]", ":1:2#/0", "NaN is not JSON"),
        (b"[Infinity]", ":1:2#/0", "Infinity is not JSON"),
        (b"[-Infinity]", ":1:2#/0", "-Infinity is not JSON"),
        (b"[9007199254740992]", ":1:2#/0", "the integer 9007199254740992 is beyond 2^53 - 1"),
        (b"[-9007199254740992]", ":1:2#/0", "the integer -9007199254740992 is beyond 2^53 - 1"),
        (
            b"[" + b"9" * 10_000 + b"]",
            ":1:2#/0",
            "the integer 99999999999999999999 is beyond 2^53 - 1",
        ),
        (b'{"a": "\\ud800"}', ":1:7#/a", "a string contains a lone surrogate"),
        (b'{"a": [[1, "\\udfff"]]}', ":1:12#/a/0/1", "a string contains a lone surrogate"),
        (b'{"\\ud800": 1}', ":1:2", "a string contains a lone surrogate"),
        (b'"\\ud800"', ":1:1", "a string contains a lone surrogate"),
        (b"[" * 65 + b"]" * 65, ":1:65#" + "/0" * 64, "the document nests deeper than 64 levels"),
        (b'{"a":' * 100_000, ":1:321#" + "/a" * 64, "the document nests deeper than 64 levels"),
        (
            b" " * (16 * 1024 * 1024 + 1),
            "",
            "the document has 16777217 bytes; at most 16777216 are read",
        ),
        (
            b'{\n"a": 1,\n"a": 2,\n"b": {\n"a": 3}}',
            ":3:1#/a",
            'duplicate key "a"',
        ),
        (b'{"a": 1, "\\u0061": 2}', ":1:10#/a", 'duplicate key "a"'),
        (
            '[{"\u00fc": 1,\n\n "\u00fc": 1}]'.encode(),
            ":3:2#/0/\u00fc",
            'duplicate key "\u00fc"',
        ),
        (b'{"a/b": {"~": 1, "~": 1}}', ":1:18#/a~1b/~0", 'duplicate key "~"'),
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


@quick
@given(st.text('[]{}:,"\\ \nau0d8-1.eNtrfls', max_size=24))
def test_both_walks_of_a_text_agree(text: str) -> None:
    """What the fast parser refuses has a fault in the slow walk, and what it reads has none."""
    try:
        strict_json.read(text.encode(), "a.json")
    except HandoffError:
        assert strict_json.find_fault(text)
    else:
        assert strict_json.find_fault(text) is None
