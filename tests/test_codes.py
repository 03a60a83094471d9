"""Claims about the catalogue of codes: it has exactly the codes that the source uses."""

from __future__ import annotations

import re

import places
import pytest

from handoff_tasks.codes import CATALOGUE, FAMILIES, Rule

SOURCE = places.TOP / "handoff_tasks"
CODE = re.compile(r"\bH[PA]\d{3}\b")


def used() -> set[str]:
    """Return the codes that the library's source names outside of its catalogue."""
    files = [path for path in SOURCE.rglob("*.py") if path.name != "codes.py"]
    return {code for path in files for code in CODE.findall(path.read_text("utf-8"))}


def test_every_code_has_its_entry_and_every_entry_its_code() -> None:
    """Every code in the source has an entry, and every entry is used in the source."""
    found = used()
    assert len(found) > 50
    assert sorted(found - CATALOGUE.keys()) == []
    assert sorted(CATALOGUE.keys() - found) == []


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_an_entry_says_something_of_its_own(code: str) -> None:
    """Code and family have the known form; each part is one line; no two titles are equal."""
    rule = CATALOGUE[code]
    assert CODE.fullmatch(code)
    assert code[:4] in FAMILIES
    for part in (rule.title, rule.cause, rule.example, rule.remedy):
        assert part.strip() == part
        assert part
        assert "\n" not in part
    assert [other for other, one in CATALOGUE.items() if one.title == rule.title] == [code]
    assert re.match(r"\S.*: \S", rule.example), "where: message"
    assert rule.cause.endswith(".")
    assert rule.remedy.endswith(".")


def test_the_catalogue_cannot_be_changed() -> None:
    """It is a view, and its entries are frozen."""
    with pytest.raises(TypeError):
        CATALOGUE["HP001"] = Rule(title="", cause="", example="", remedy="")  # type: ignore[index]
