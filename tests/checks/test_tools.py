"""Claims about the tools of several checks, which are asked for their versions together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import scratch

from handoff_tasks.checks import tools
from handoff_tasks.formats import schemas
from handoff_tasks.producer import profile

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PATH = os.environ.get("PATH", os.defpath)
# A tool that answers when the other check's tool has been asked too, and the test has made a file.
GATED = """
[tools.gated]
executables = ["bash"]
version = ["bash", "-c", "touch $MINE; until [ -e $OTHER ] && [ -e gate ]; do sleep 0.01; done; echo $ANSWER"]
hint = "install bash"

[tools.absent]
executables = ["no-such-program"]
version = ["no-such-program", "--version"]
hint = "install it"
"""


def parse(*checks: str) -> profile.Profile:
    """Return a profile of the scratch producer with these checks and the tools above."""
    text = scratch.profile(checks, tools=scratch.TOOLS + GATED)
    return profile.parse(text.encode(), "scratch", schemas.schema(schemas.PROFILE))


def test_the_tools_of_all_checks_are_asked_at_once(tmp_path: Path) -> None:
    """Two checks' tools wait for each other's file, and for one that is made meanwhile."""
    checks = [scratch.check(name, ["true"], tools=("gated", "absent")) for name in ("one", "two")]
    parsed = parse(*checks)
    places = [
        tools.Place(
            check=check,
            root=tmp_path,
            environment={"PATH": PATH, "MINE": mine, "OTHER": other, "ANSWER": answer},
        )
        for check, mine, other, answer in zip(
            parsed.checks, ("a", "b"), ("b", "a"), ("1.0", "2.0"), strict=True
        )
    ]
    found = tools.find_tools(parsed, places, meanwhile=(tmp_path / "gate").touch)
    assert [[tool.version for tool in one.tools] for one in found] == [["1.0", None], ["2.0", None]]
    assert [one.unusable for one in found] == [{"absent": "not on PATH"}] * 2


def test_many_tools_are_asked_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are the same, each with its check, and what is done meanwhile is done once."""
    monkeypatch.setattr(tools, "_AT_ONCE", 2)
    parsed = parse(*(scratch.check(f"c{number}", ["true"]) for number in range(5)))
    places = [
        tools.Place(check=check, root=tmp_path, environment={"PATH": PATH})
        for check in parsed.checks
    ]
    calls: list[str] = []
    found = tools.find_tools(parsed, places, meanwhile=lambda: calls.append("called"))
    assert calls == ["called"]
    assert len(found) == 5
    assert {one.tools for one in found} == {found[0].tools}
    assert found[0].tools[0].version
    assert not any(one.unusable for one in found)
