"""Bad input, one folder a case: the file as a person got it wrong, and beside it exactly what is said.

The folder above a case names what it is: a manifest, a profile, a statement (in a changelog of release v1.2.3), a packet. With
``HANDOFF_UPDATE_GOLDEN=1`` the messages are written anew; read their diff before committing it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import places
import pytest

from handoff_tasks.formats import schemas
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer import changelog, manifest, profile, statement
from handoff_tasks.rules import form

if TYPE_CHECKING:
    from pathlib import Path

CASES = places.TESTS / "bad"


def read_manifest(data: bytes) -> None:
    """Read a producer's manifest."""
    manifest.read_manifest(data, "manifest.json")


def read_release_manifest(data: bytes) -> None:
    """Read the manifest of a producer whose contract is of the kind release."""
    manifest.read_manifest(data, "manifest.json", "release")


def read_profile(data: bytes) -> None:
    """Read a user's profile."""
    profile.parse(data, "handoff.toml", schemas.schema(schemas.PROFILE))


def read_statement(data: bytes) -> None:
    """Read the statement of release v1.2.3 from a changelog."""
    found = changelog.section(data.decode(), "v1.2.3")
    assert found is not None
    statement.parse(found[1], "CHANGELOG.md", found[0] + 1)


def read_packet(data: bytes) -> None:
    """Read a packet that was handed over."""
    if found := form.check_packet(data, "packet.json"):
        raise HandoffError(found)


READERS = {
    "manifest": read_manifest,
    "release-manifest": read_release_manifest,
    "profile": read_profile,
    "statement": read_statement,
    "packet": read_packet,
}


@pytest.mark.parametrize(
    "case",
    sorted(path.parent for path in CASES.glob("*/*/input")),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_bad_input_is_refused_in_these_words(case: Path) -> None:
    """Each mistake is refused with its code, place, what was found and expected, and the next step."""
    with pytest.raises(HandoffError) as caught:
        READERS[case.parent.name]((case / "input").read_bytes())
    said = str(caught.value) + "\n"
    expected = case / "expected.txt"
    if os.environ.get("HANDOFF_UPDATE_GOLDEN"):
        expected.write_text(said)
    assert said == expected.read_text("utf-8")
