"""Define the fuzz targets.

Each target takes any bytes. It raises if a property that the library's docstrings state does not
hold, or if a reader raises anything but `HandoffError`.
"""

from __future__ import annotations

import contextlib
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import canonical, escape, schemas, strict_json
from handoff_tasks.model import Record
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import manifest as producer_manifest
from handoff_tasks.producer import profile
from handoff_tasks.producer import statement as producer_statement
from handoff_tasks.rules import form

if TYPE_CHECKING:
    from collections.abc import Callable

TOP = Path(__file__).resolve().parent.parent
_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def json_reader(data: bytes) -> None:
    """A document comes back from its published form as it was.

    The fast and the slow walk agree on what is refused.
    """
    try:
        document = strict_json.read(data, "a.json")
    except HandoffError as error:
        _one_place(error)
        with contextlib.suppress(UnicodeDecodeError):
            text = data.decode("utf-8")
            assert text.startswith("\ufeff") or strict_json.find_fault(text)
        return
    assert strict_json.find_fault(data.decode("utf-8")) is None
    assert strict_json.read(canonical.published_bytes(document), "b.json") == document


def profile_reader(data: bytes) -> None:
    """A profile is refused, or has a digest, checks and modes; read again, it is the same."""
    with contextlib.suppress(HandoffError):
        found = profile.parse(data, "handoff.toml", schemas.schema(schemas.PROFILE))
        assert found.checks
        assert found.modes
        assert profile.parse(data, "elsewhere.toml", None) == found


def statement(data: bytes) -> None:
    """A release's statement is refused, or its five lines, written again, give the same one."""
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(HandoffError):
        found = producer_statement.section(text, "v1.2.3")
        if found is None:
            return
        said = producer_statement.parse(found[1], "CHANGELOG.md", found[0] + 1)
        for value in said.to_dict().values():
            assert unicodedata.is_normalized("NFC", value)
            assert escape.printable(value) == value
        again = [
            producer_statement.HEADING,
            *(
                f"- {label}: {said.to_dict()[name]}"
                for label, name in producer_statement.LABELS.items()
            ),
        ]
        assert producer_statement.parse("\n".join(again), "again") == said


def manifest(data: bytes) -> None:
    """A manifest is refused, or is read."""
    with contextlib.suppress(HandoffError):
        assert producer_manifest.read_manifest(data, "manifest.json").release_tag


def packet(data: bytes) -> None:
    """A packet is checked by itself; every problem has a code and a place."""
    for problem in form.check_packet(data, "packet.json"):
        assert problem.code.startswith("HP")
        assert problem.where.startswith("packet.json")


def record(data: bytes) -> None:
    """A record is a problem, or a record that its own form gives back.

    It never counts for another check.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "fmt.json").write_bytes(data)
        (place / "fmt.log").write_bytes(b"")
        found = EvidenceFolder(place).read_record("fmt")
    if isinstance(found, Record):
        assert found.id == "fmt"
        assert Record.from_dict(found.to_dict()) == found
        assert not schemas.violations(
            found.to_dict(), schemas.schema(schemas.RECORD), where="", code="HP040", hint=""
        )
    else:
        assert isinstance(found, Problem)


def printable(data: bytes) -> None:
    """The result is one line without control sequences."""
    for text in (
        data.decode("utf-8", "replace"),
        data.decode("utf-8", "surrogateescape"),
        data.decode("latin-1"),
    ):
        shown = escape.printable(text)
        assert not any(
            unicodedata.category(character) in {"Cc", "Zl", "Zp"}
            for character in shown.replace("\t", "")
        )
        assert not any(unicodedata.bidirectional(character) in _TURNS for character in shown)


def _one_place(error: HandoffError) -> None:
    [problem] = error.problems
    assert problem.where.startswith("a.json")
    assert problem.message
    assert problem.hint


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": json_reader,
    "profile": profile_reader,
    "statement": statement,
    "manifest": manifest,
    "packet": packet,
    "record": record,
    "printable": printable,
}


def seeds(name: str) -> list[bytes]:
    """Return documents to start from, valid and invalid."""
    bad = {"json": "*", "record": "none"}.get(name, name)
    found = [path.read_bytes() for path in sorted((TOP / "tests/bad").glob(f"{bad}/*/input"))]
    if name in {"packet", "json", "record"}:
        found += [path.read_bytes() for path in sorted((TOP / "tests/golden").glob("*.json"))]
    if name == "profile":
        found += [
            path.read_bytes() for path in sorted((TOP / "handoff_tasks/profiles").glob("*.toml"))
        ]
    return found
