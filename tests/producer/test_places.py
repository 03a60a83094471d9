"""Values that files of a commit state."""

from __future__ import annotations

import pytest

from handoff_tasks.producer import places


def place(form: str, key: str) -> places.ValuePlace:
    """Return a place in a file."""
    return places.ValuePlace(path="f", form=form, key=key)


@pytest.mark.parametrize(
    ("form", "key", "text", "value"),
    [
        ("toml", "project.version", '[project]\nversion = "1.2.3"\n', "1.2.3"),
        ("toml", "package . 'a.b'", '[package]\n"a.b" = "1"\n', "1"),
        ("json", "version", '\ufeff{"version": "1.2.3", "size": 1.5}', "1.2.3"),
        ("json", 'packages."packages/web"', '{"packages": {"packages/web": "2.0.0"}}', "2.0.0"),
        ("json", "releases.1.name", '{"releases": [{"name": "a"}, {"name": "b"}]}', "b"),
        ("pattern", r"^  version: (\S+)$", "openapi: 3\r\n  version: v7\r\n", "v7"),
    ],
)
def test_a_value_is_read(form: str, key: str, text: str, value: str) -> None:
    """From TOML and JSON by a key, from any text by a pattern for one line."""
    assert places.read_value(place(form, key), text.encode()) == value


@pytest.mark.parametrize(
    ("form", "key", "text", "message"),
    [
        ("toml", "project.version", '[project]\nname = "x"\n', "there is no version below project"),
        ("toml", "project.version", "", "there is no project"),
        ("toml", "a", "a = [\n", "not TOML: Invalid value (at end of document)"),
        ("toml", "a", "a = 1.5\n", "a is a float; expected a text"),
        ("json", "a.b", '{"a": {"b": {}}}', "a.b is a table; expected a text"),
        ("json", "a.2", '{"a": ["x"]}', "there is no 2 below a"),
        (
            "json",
            "a",
            "{",
            "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("pattern", "^v([0-9]+)$", "none\n", "no line matches ^v([0-9]+)$"),
        (
            "json",
            "a",
            '{"a": "1\\n2"}',
            "found '1\\n2'; expected one line of printable ASCII characters, at most 200",
        ),
        (
            "json",
            "a",
            '{"a": ""}',
            "found ''; expected one line of printable ASCII characters, at most 200",
        ),
    ],
)
def test_a_value_that_cannot_be_read(form: str, key: str, text: str, message: str) -> None:
    """The message says what was found, and what was expected."""
    with pytest.raises(ValueError, match=r".") as caught:
        places.read_value(place(form, key), text.encode())
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("a", ["a"]),
        ("project.version", ["project", "version"]),
        ("a . \"b.c\" . 'd'", ["a", "b.c", "d"]),
        ('"."', ["."]),
        ('""', [""]),
    ],
)
def test_a_key_is_split_as_in_toml(key: str, parts: list[str]) -> None:
    """Quoted parts may have any character."""
    assert places.split_key(key) == parts


@pytest.mark.parametrize("key", ["", "a.", ".a", "a..b", "a b", '"a', "a/b"])
def test_what_is_not_a_key(key: str) -> None:
    """A part is bare or quoted, and never missing."""
    with pytest.raises(ValueError, match=r"expected a key as in TOML"):
        places.split_key(key)
