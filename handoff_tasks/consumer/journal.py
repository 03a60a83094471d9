"""The journal of an accept: which files are being written, and what they held.

Functions of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from handoff_tasks.formats import canonical, strict_json
from handoff_tasks.problems import HandoffError, refusal

if TYPE_CHECKING:
    from typing import Any

_VERSION = "consumer-journal.v1"


class Phase(StrEnum):
    """How far the writing has come."""

    PREPARE = "prepare"
    COMMIT = "commit"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of the journal: ``new`` and ``old`` are its temporary files, beside it."""

    path: str
    before_sha256: str | None
    after_sha256: str
    mode: int
    new: str
    old: str

    def to_dict(self) -> dict[str, Any]:
        """Return the object of the journal."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What is being written. ``folders`` are those to make, each after the one above it."""

    phase: Phase
    folders: tuple[str, ...]
    entries: tuple[Entry, ...]

    def to_bytes(self) -> bytes:
        """Return the bytes of the journal's file."""
        document = {
            "journal_contract_version": _VERSION,
            "phase": str(self.phase),
            "folders": list(self.folders),
            "entries": [entry.to_dict() for entry in self.entries],
        }
        return canonical.published_bytes(document)

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Journal:
        """Return the journal in ``data``. Raises `HandoffError` (HP129)."""
        try:
            document: Any = strict_json.read(data, where, code="HP129")
            if document["journal_contract_version"] != _VERSION:
                raise ValueError
            return cls(
                phase=Phase(document["phase"]),
                folders=tuple(document["folders"]),
                entries=tuple(Entry(**entry) for entry in document["entries"]),
            )
        except (HandoffError, KeyError, TypeError, ValueError):
            message = "the journal of an accept that was not completed cannot be read"
            hint = "restore the consumer's files with git, then delete the journal"
            raise refusal("HP129", where, message, hint) from None
