"""Claims about text from outside."""

from __future__ import annotations

import json

import pytest
from builders import quick
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.formats.escape import escape_json, printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, über 漢字 \U0001f600", "plain text, über 漢字 \U0001f600"),
        ("a\tb", "a\tb"),
        ("a\nb", "a\\nb"),
        ("a\rb", "a\\x0db"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x00\x07\x7f", "\\x00\\x07\\x7f"),
        ("\x85\x9b", "\\x85\\x9b"),
        ("a\u202eb", "a\\u202eb"),
        (
            "\u061c\u200b\u200f\u2028\u2029\u2066\ufeff",
            "\\u061c\\u200b\\u200f\\u2028\\u2029\\u2066\\ufeff",
        ),
        ("a\xad\u034f\u3164\ufff9b", "a\\xad\\u034f\\u3164\\ufff9b"),
        ("a\U000e0041\U0001d173b", "a\\U000e0041\\U0001d173b"),
        ("done \u2714\ufe0f", "done \u2714\ufe0f"),
        ("\udcff", "\\xff"),
        ("a ##[add-mask]b", "a \\x23#[add-mask]b"),
        ("###[stop-commands]x ##[]", "#\\x23#[stop-commands]x \\x23#[]"),
        ("##vso[task.setvariable variable=x]y", "\\x23#vso[task.setvariable variable=x]y"),
        ("##teamcity[message text='x']", "\\x23#teamcity[message text='x']"),
        ("## [1.2.3] - ##", "## [1.2.3] - ##"),
    ],
)
def test_what_a_terminal_would_obey_is_written_out(text: str, expected: str) -> None:
    """Control characters, bidirectional ones, those that do not show, commands of CI services.

    Escapes; all else stays.
    """
    assert printable(text) == expected


@quick
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_printable_text_stays_as_it_is(text: str) -> None:
    """What has been made printable holds nothing that a terminal would obey, and a second time changes nothing."""
    once = printable(text)
    assert all(
        character == "\t" or not (ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0)
        for character in once
    )
    assert printable(once) == once


def test_a_lone_surrogate_is_written_out() -> None:
    """A message about a broken document can hold a lone surrogate.

    It is written out as everything else that is no text.
    """
    assert printable("a\ud800b") == "a\\ud800b"


@quick
@given(
    st.text(st.characters(exclude_categories=["Cs"])) | st.text("#[]vso\x7f\x9b\u202e\U000e0041")
)
def test_a_json_text_is_the_same_document(text: str) -> None:
    """What is obeyed is written as JSON writes it.

    A parser gets the same value, and a terminal that shows it obeys nothing.
    """
    shown = escape_json(json.dumps([text], ensure_ascii=False))
    assert json.loads(shown) == [text]
    assert printable(shown) == shown
