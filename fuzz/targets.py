"""Define the fuzz targets.

Each target takes any bytes. It raises if a property that the library's docstrings state does not
hold, or if a reader raises anything but `HandoffError`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import canonical, escape, schemas, strict_json
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import changelog, places, profile, tags, versions
from handoff_tasks.producer import manifest as producer_manifest
from handoff_tasks.producer import statement as producer_statement
from handoff_tasks.record import Record
from handoff_tasks.rules import form
from handoff_tasks.trust import envelope, public_key, signers, sshsig
from handoff_tasks.trust import statement as statement_of_packet

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
        found = changelog.section(text, "v1.2.3")
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


def headings(data: bytes) -> None:
    """Two sections are refused, or there is at most one, whose line is one of the text."""
    text = data.decode("utf-8", "replace")
    for path in ("CHANGELOG.md", "NEWS", "CHANGES.rst", "CHANGELOG.adoc"):
        for scheme in versions.SCHEMES:
            with contextlib.suppress(HandoffError):
                named = tags.release_tags("v{version}", scheme)
                found = changelog.section(text, "v26.3.0", path, named)
                assert found is None or 0 < found[0] <= len(text.splitlines())


def value(data: bytes) -> None:
    """A value that a file states is one printable line, or is refused."""
    for kind, key in (("toml", "a.b"), ("json", "a.0"), ("pattern", "^a(.*)$")):
        with contextlib.suppress(ValueError):
            found = places.read_value(places.ValuePlace(path="a", form=kind, key=key), data)
            assert found
            assert found.isascii()
            assert found.isprintable()
    with contextlib.suppress(ValueError):
        assert places.split_key(data.decode("utf-8", "replace"))


def manifest(data: bytes) -> None:
    """A manifest is refused, or is read."""
    for kind in ("service", "release"):
        with contextlib.suppress(HandoffError):
            assert producer_manifest.read_manifest(data, "manifest.json", kind).release_tag


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


def signers_reader(data: bytes) -> None:
    """A trust file is refused with its line, or each key stands in it once.

    The roles and times of each key say something.
    """
    for read in (signers.read, signers.read_revoked):
        try:
            found = read(data, "allowed_signers")
        except HandoffError as error:
            _refused_lines(error)
            continue
        if isinstance(found, signers.TrustFile):
            assert len({key.key.raw for key in found.keys}) == len(found.keys)
            for key in found.keys:
                assert key.principals
                assert key.namespaces
                assert escape.printable(key.name) == key.name
                assert public_key.read_words(*key.key.line().split()) == key.key


def _refused_lines(error: HandoffError) -> None:
    for problem in error.problems:
        assert problem.code == "HP130"
        assert problem.where.startswith("allowed_signers")


def sshsig_reader(data: bytes) -> None:
    """A signature or a tag object is refused, or read.

    What is signed of a tag is the front of its bytes.
    """
    with contextlib.suppress(sshsig.SignatureFault):
        sshsig.read(data.decode("utf-8", "replace")).verifies(b"words")
    with contextlib.suppress(sshsig.SignatureFault):
        tag = sshsig.read_tag(data)
        assert data.startswith(tag.payload)
        assert tag.armor is None or data.removesuffix(b"\n") == tag.payload + tag.armor.encode()
        if tag.armor is not None:
            sshsig.read(tag.armor).verifies(tag.payload)


def envelope_reader(data: bytes) -> None:
    """An envelope is refused with its place, or comes back the same.

    It comes back from its own form with the same payload and signatures.
    """
    try:
        found = envelope.read(data, "a.json")
    except HandoffError as error:
        _one_place(error)
        return
    again = envelope.read(found.to_bytes(), "b.json")
    assert again.payload == found.payload
    assert set(again.signatures) == set(found.signatures)
    assert again.to_bytes() == found.to_bytes()


def receipt_reader(data: bytes) -> None:
    """The statement of a receipt is refused, or its values make a statement of the same values."""
    try:
        found = statement_of_packet.read_receipt(data, "a.json")
    except HandoffError as error:
        _one_place(error)
        return
    if found.reason == "":
        # A refusal without a reason, which no consumer writes: nothing is built of it.
        return
    again = statement_of_packet.receipt_statement(_FACTS, None, found)
    assert statement_of_packet.read_receipt(again, "b.json") == found


def _one_place(error: HandoffError) -> None:
    [problem] = error.problems
    assert problem.where.startswith("a.json")
    assert problem.message
    assert problem.hint


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": json_reader,
    "profile": profile_reader,
    "statement": statement,
    "headings": headings,
    "value": value,
    "manifest": manifest,
    "packet": packet,
    "record": record,
    "printable": printable,
    "signers": signers_reader,
    "sshsig": sshsig_reader,
    "envelope": envelope_reader,
    "receipt": receipt_reader,
}
_FACTS = statement_of_packet.SignedFacts(
    producer="memorykernel",
    release_tag="v1.2.3",
    commit="1" * 40,
    tree="2" * 40,
    profile_sha256="3" * 64,
    sha256="4" * 64,
)

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDWHeKU1lhdfwngG2T3+eCcWjNzHNxi9k5/Yvz30MZlM"
# A signature by that key, over the tag object of the seeds.
_ARMOR = """-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgNYd4pTWWF1/CeAbZPf54JxaM3Mc3GL2T
n9i/PfQxmUwAAAADZ2l0AAAAAAAAAAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5AAAAQE/0Qnol
ARUkB3b26CiTOKgxyflYBZfCB9q5nLc7TmFIMYGQWt4uFr1VNrS/xjruH9Bvow/cWxpg7FSP+1gX
/Ac=
-----END SSH SIGNATURE-----
"""
_HEAD = (
    f"object {'1' * 40}\ntype commit\ntag v1.2.3\n"
    "tagger Ann <a@example.com> 1780000000 +0000\n\nRelease\n"
)
_OPTIONS = 'namespaces="handoff,git",valid-after="20260101Z",valid-before="202701011230Z"'
_SIGNATURES = (
    envelope.RawSignature(keyid="SHA256:abc", sig=bytes(64)),
    envelope.RawSignature(keyid=None, sig=b"\xff" * 64),
)
_ACCEPTED = statement_of_packet.Receipt(
    consumer="https://example.org/app", commit="a" * 40, time="2026-07-01T12:00:00Z"
)
_WRITTEN = {
    "headings": [
        b"## [Unreleased](https://x.example/v26.3.0...HEAD)\n## [26.3.0] - 2026-01-01\nthis\n",
        b"=====\n26.3.0\n=====\n\nthis\n\n26.2.0\n~~~~~~\n",
        b"* Noteworthy changes in release 26.3.0 (2026-01-01) [stable]\n\nVersion 26.2.0\n\nold\n",
    ],
    "value": [b'[a]\nb = "1"\n', b'{"a": ["1"]}', b"x\na1.2.3\n"],
    "signers": [
        f"# ours\r\nmemorykernel {_OPTIONS} {_KEY} laptop\n".encode(),
        f"{_KEY} stolen\n".encode(),
    ],
    "sshsig": [_ARMOR.encode(), f"{_HEAD}{_ARMOR}".encode(), _HEAD.encode()],
    "envelope": [envelope.Envelope(payload=b'{"a":1}', signatures=_SIGNATURES).to_bytes()],
    "receipt": [
        statement_of_packet.receipt_statement(_FACTS, b"{}", receipt)
        for receipt in (_ACCEPTED, dataclasses.replace(_ACCEPTED, reason="too short a notice"))
    ],
}


def seeds(name: str) -> list[bytes]:
    """Return documents to start from, valid and invalid."""
    bad = {"json": "*", "record": "none"}.get(name, name)
    found = [path.read_bytes() for path in sorted((TOP / "tests/bad").glob(f"{bad}/*/input"))]
    found += _WRITTEN.get(name, [])
    if name in {"packet", "json", "record"}:
        found += [path.read_bytes() for path in sorted((TOP / "tests/golden").glob("*.json"))]
    if name == "profile":
        found += [
            path.read_bytes() for path in sorted((TOP / "handoff_tasks/profiles").glob("*.toml"))
        ]
    return found
