"""Claims about places in TOML.

Each value has the line at which it is written, however it is written.
"""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from builders import quick
from hypothesis import example, given
from hypothesis import strategies as st

from handoff_tasks import files
from handoff_tasks.formats import schemas, toml_positions

TEXT = """# a comment with [brackets] = and "quotes"
name = "a # no comment ]"
dotted.key.inner = 1.5

[paths]
manifest = 'x [[y]]'   # trailing
"quoted.key" = 1

[[checks]]
id = "one"
argv = ["a", "b",
  "c", # c
  ["d"],
]
set = { A = "1", "B C" = "2" }

[[checks]]
id = "two"
text = '''
id = "not a key"
[not-a-table]
'''
when = 2026-01-01 10:00:00

[[checks.inner]]
x = 1
[[checks.inner]]
x = 2
[tools.rg]
hint = "y"
"""


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("/name", 2),
        ("/dotted/key/inner", 3),
        ("/paths", 5),
        ("/paths/manifest", 6),
        ("/paths/quoted.key", 7),
        ("/checks/0", 9),
        ("/checks/0/id", 10),
        ("/checks/0/argv/0", 11),
        ("/checks/0/argv/2", 12),
        ("/checks/0/argv/3/0", 13),
        ("/checks/0/set/B C", 15),
        ("/checks/1/id", 18),
        ("/checks/1/text", 19),
        ("/checks/1/when", 23),
        ("/checks/1/inner/1/x", 28),
        ("/tools/rg/hint", 30),
        ("/checks/1/missing", 17),
        ("/paths/manifest/deeper", 6),
        ("/nothing", None),
        ("", None),
    ],
)
def test_each_value_has_its_line(pointer: str, line: int | None) -> None:
    """A table, a key, an item of an array.

    Of what is not there, the line of what should hold it.
    """
    assert toml_positions.line_of(TEXT, pointer) == line


def pointers(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of all values in a document."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(one for key, child in inner for one in pointers(child, (*path, key)))]


@pytest.mark.slow
@pytest.mark.parametrize("name", files.built_in_profiles())
def test_every_value_of_a_built_in_profile_is_found(name: str) -> None:
    """The line that is found holds the key, or is the item's own."""
    text = files.built_in_profiles()[name].read_text()
    lines = text.splitlines()
    for path in pointers(tomllib.loads(text))[1:]:
        line = toml_positions.line_of(text, schemas.pointer(path))
        assert line is not None
        key = next(part for part in reversed(path) if isinstance(part, str))
        assert isinstance(path[-1], int) or key in lines[line - 1], (path, lines[line - 1])


@quick
@example("a=[}")
@example("a={]")
@given(st.text(alphabet="ab.=[]{}\",'# \\n\\\\"))
def test_no_text_is_too_strange(text: str) -> None:
    """Whatever the text, there is an answer: it is asked in the middle of an error message."""
    line = toml_positions.line_of(text, "/a/0/b")
    assert line is None or 1 <= line <= text.count("\n") + 1
