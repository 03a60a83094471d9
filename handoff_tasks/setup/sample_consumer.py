"""Build the sample consumer: a small client that pins the sample producer's v0.3.2.

Its history is data, one folder for each commit below ``sample_consumer``. The mirrored manifest is
taken from the sample producer's data. The commit ids are constants, one set for each flavour of the
producer. It needs git and no network, and writes nothing outside the given folder.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from handoff_tasks.git import command
from handoff_tasks.model import Flavour
from handoff_tasks.problems import refusal
from handoff_tasks.setup import embedded, sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROFILE = "handoff.toml"
"""The consumer profile in it."""

COMMITS: Mapping[Flavour, Mapping[str, str]] = MappingProxyType(
    {
        Flavour.RUST: MappingProxyType(
            {
                "app": "8a4525d06aaad50ba5c90d5067ffd8c3c92498c0",
                "pin": "c4e930878c7d91a168a0aaf9bd055483a1ee6cbf",
            }
        ),
        Flavour.PYTHON: MappingProxyType(
            {
                "app": "8a4525d06aaad50ba5c90d5067ffd8c3c92498c0",
                "pin": "c63897fcdfb11516271e6620e0fb5fc7ebd592a9",
            }
        ),
    }
)
"""The commits for each flavour of the producer, oldest first, by what they do."""

_PACKAGE = Path(__file__).resolve().parents[1]
_DATA = _PACKAGE / "sample_consumer"
_MANIFEST = "contracts/integration/v1/producer-contract-manifest.json"
_MIRRORED = _PACKAGE / "sample_producer" / "common" / "04-v0.3.2" / _MANIFEST
_MIRROR = "config/producer-manifest.json"
_PRODUCERS = {
    Flavour.RUST: ("Sample service", "sample-rust"),
    Flavour.PYTHON: ("Sample service", "sample-python"),
}
_IDENT = "Sample Consumer <sample@example.invalid>"
_STEPS = (
    ("app", "feat: add a client and its validators", 1_741_170_000),  # 2025-03-05T10:20:00Z
    ("pin", "chore: pin v0.3.2 of the producer", 1_741_429_200),  # 2025-03-08T10:20:00Z
)


def build(destination: Path, flavour: Flavour = Flavour.PYTHON) -> None:
    """Build the sample consumer's repository at ``destination``, whole or not at all.

    Raises:
        HandoffError: HP009, if the destination is not an empty folder or cannot be written, or if
            the installed data is not what the constants name.
    """
    embedded.build_whole(
        destination,
        "sample consumer",
        lambda repository, marks: _fill(repository, marks, flavour),
    )


def _fill(repository: Path, marks: Path, flavour: Flavour) -> None:
    made = embedded.import_history(repository, marks, "main", _stream(flavour))
    for number, (name, _, _) in enumerate(_STEPS, 1):
        commit, expected = made[f":{number}"], COMMITS[flavour][name]
        if commit != expected:
            message = f"the sample's data makes commit {commit}, not {expected}"
            raise refusal("HP009", str(_DATA), message, "install this package again")
    command.run("read-tree", "--reset", "-u", "HEAD", cwd=repository)


def _stream(flavour: Flavour) -> Iterator[bytes]:
    """Yield what ``git fast-import`` reads."""
    for number, (name, title, date) in enumerate(_STEPS, 1):
        yield f"commit refs/heads/main\nmark :{number}\ncommitter {_IDENT} {date} +0000\n".encode()
        yield embedded.data(f"{title}\n".encode())
        for path, content in sorted(_files(number, name, flavour)):
            mode = "100755" if path.endswith(".sh") else "100644"
            yield f"M {mode} inline {path}\n".encode()
            yield embedded.data(content)


def _files(number: int, name: str, flavour: Flavour) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of each file that a commit adds."""
    runtime = sample.COMMITS[flavour]["runtime-v2"].encode()
    manifest = _MIRRORED.read_bytes().replace(b"@RUNTIME_V2@", runtime)
    producer, profile = _PRODUCERS[flavour]
    values = {
        b"@RUNTIME_V2@": runtime,
        b"@MANIFEST_SHA256@": hashlib.sha256(manifest).hexdigest().encode(),
        b"@APP@": COMMITS[flavour]["app"][:7].encode(),
        b"@PRODUCER@": producer.encode(),
        b"@PROFILE@": profile.encode(),
    }
    folder = _DATA / f"{number:02}-{name}"
    for file in folder.rglob("*"):
        parts = file.relative_to(folder).parts
        if not file.is_file() or any(part.startswith((".", "__")) for part in parts):
            continue
        content = file.read_bytes()
        for placeholder, value in values.items():
            content = content.replace(placeholder, value)
        yield "/".join(parts), content
    if name == "pin":
        yield _MIRROR, manifest
