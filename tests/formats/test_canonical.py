"""Claims about the two forms of bytes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from builders import quick
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.formats import canonical

if TYPE_CHECKING:
    import random

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=12,
)


def shuffled(value: object, source: random.Random) -> object:
    """Return the same value with the keys of every object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        source.shuffle(keys)
        return {key: shuffled(value[key], source) for key in keys}
    if isinstance(value, list):
        return [shuffled(item, source) for item in value]
    return value


@quick
@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(
    document: object, source: random.Random
) -> None:
    """Two documents that differ in the order of keys only have one canonical form and one digest."""
    other = shuffled(document, source)
    assert canonical.canonical_bytes(other) == canonical.canonical_bytes(document)
    assert canonical.digest(other) == canonical.digest(document)


@quick
@given(DOCUMENTS, DOCUMENTS)
def test_different_documents_have_different_canonical_forms(one: object, other: object) -> None:
    """Two documents have the same canonical form only when they are the same document."""
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical.canonical_bytes(one) == canonical.canonical_bytes(other)) is same


@quick
@given(DOCUMENTS)
def test_the_canonical_form_is_json_without_white_space_between(document: object) -> None:
    """The canonical form is read back as the document, and a second round changes nothing."""
    data = canonical.canonical_bytes(document)
    assert json.loads(data) == document
    assert canonical.canonical_bytes(json.loads(data)) == data


def test_the_published_form() -> None:
    """The published form has two-space indent, keys in the order given, characters as they are, and one newline at the end."""
    document: dict[str, object] = {
        "b": [1, {"ü": "€ \U0001f600"}],
        "a": {},
        "c": [],
        "d": None,
        "e": (True, False),
    }
    expected = """{
  "b": [
    1,
    {
      "ü": "€ \U0001f600"
    }
  ],
  "a": {},
  "c": [],
  "d": null,
  "e": [
    true,
    false
  ]
}
"""
    assert canonical.published_bytes(document) == expected.encode("utf-8")


def test_keys_are_sorted_as_rfc_8785_sorts_them() -> None:
    """The example of RFC 8785, section 3.2.3.

    Keys are sorted by UTF-16 code units, not by code points.
    """
    document = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical.canonical_bytes(document)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_strings_are_escaped_as_rfc_8785_escapes_them() -> None:
    """Only quote, backslash and control characters are escaped, with the short form where there is one."""
    assert canonical.canonical_bytes({"a": "\u20ac$\u000f\nA'B\"\\\x08\x0c\r\t/\x7f"}) == (
        b'{"a":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\b\\f\\r\\t/\x7f"}'
    )


def test_the_digest() -> None:
    """The digest is the sha256 of the canonical form, with its name before it."""
    assert (
        canonical.digest({"b": 1, "a": 2})
        == "sha256:" + hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
    )


@pytest.mark.parametrize("document", [1.5, [1.0], {"a": {"b": (0.0,)}}, float("nan")])
def test_floats_are_refused_where_a_digest_may_be_taken(document: object) -> None:
    """A float anywhere in a document is refused by name, published or canonical."""
    for write in (canonical.published_bytes, canonical.canonical_bytes, canonical.digest):
        with pytest.raises(
            ValueError, match=r"^(1\.5|1\.0|0\.0|nan) is a float; no contract has one$"
        ):
            write(document)


@pytest.mark.parametrize("document", ["\ud800", ["a\udfff"], {"\ud800": 1}])
def test_lone_surrogates_are_refused(document: object) -> None:
    """A string that is no text cannot be written at all."""
    for write in (canonical.published_bytes, canonical.canonical_bytes, canonical.result_bytes):
        with pytest.raises(ValueError, match="surrogates not allowed"):
            write(document)


def test_a_result_may_have_seconds() -> None:
    """The result of a run, of which no digest is taken, may hold a float, but nothing that is no JSON."""
    assert canonical.result_bytes({"seconds": 1.234}) == b'{\n  "seconds": 1.234\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical.result_bytes({"seconds": float("inf")})
