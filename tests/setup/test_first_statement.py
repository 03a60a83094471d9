"""Claims about the first statement: what git determines is filled in, and nothing else."""

from __future__ import annotations

import pytest

from handoff_tasks.producer import statement
from handoff_tasks.setup import first_statement
from handoff_tasks.setup.draft import Naming


def written(changed: list[str], *, latest: str | None = "v1.0.0", new_version: bool = False) -> str:
    """Return the statement of v1.0.1."""
    naming = Naming(tag="v{version}", scheme="semver", count=1, latest=latest, release="v1.0.1")
    return first_statement.write_statement(naming, changed, new_version=new_version)


@pytest.mark.parametrize(
    ("changed", "latest", "new_version", "known"),
    [
        (["a.c"], "v1.0.0", False, {"Repin required": "yes (v1.0.1)"}),
        (["a.c"], "v1.0.0", True, {"Repin required": "yes (v1.0.1)"}),
        ([], "v1.0.0", False, {"Runtime behavior changes": "none", "Repin required": "no"}),
        (
            [],
            "v1.0.0",
            True,
            {
                "Runtime behavior changes": "only the version number has changed",
                "Repin required": "yes (v1.0.1)",
            },
        ),
        (
            [],
            None,
            False,
            {
                "Repin required": "yes (v1.0.1)",
                "Rollback instruction": "none, this is the first release",
            },
        ),
    ],
)
def test_what_git_determines_is_filled_in(
    changed: list[str], latest: str | None, new_version: bool, known: dict[str, str]
) -> None:
    """The other lines are open, and each is named with its number."""
    text = written(changed, latest=latest, new_version=new_version)
    if latest:
        known = {**known, "Rollback instruction": f"repin to {latest}"}
    lines = text.splitlines()
    for label in statement.LABELS:
        assert f"- {label}: {known.get(label, '<none|describe>')}" in lines
    opened = first_statement.open_lines(text)
    assert [label for _, label in opened] == [
        label for label in statement.LABELS if label not in known
    ]
    assert all(lines[number - 1].startswith(f"- {label}: ") for number, label in opened)


def test_paths_cannot_end_the_comment() -> None:
    """A path is shown as one line; only the first twenty are."""
    text = written(["a\nb --> <c>", *(f"{number}.c" for number in range(25))])
    assert text.count("-->") == 1
    assert "  a\\nb --&gt; <c>\n" in text
    assert "  and 6 more\n-->" in text
