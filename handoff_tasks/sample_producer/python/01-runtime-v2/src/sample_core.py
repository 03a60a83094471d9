"""Records, recall and error codes.

Everything here is deterministic: the same question gets the same answer, in the same
order.
"""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """A machine-readable error code of the service contract.

    The codes stand in the order in which the contract lists them.
    """

    INVALID_JSON = "invalid_json"
    VALIDATION_ERROR = "validation_error"
    CONTEXT_PACKAGE_NOT_FOUND = "context_package_not_found"
    WRITE_CONFLICT = "write_conflict"
    WRITE_FAILED = "write_failed"
    SCHEMA_UNAVAILABLE = "schema_unavailable"
    MIGRATION_FAILED = "migration_failed"
    QUERY_FAILED = "query_failed"
    CONTEXT_LOOKUP_FAILED = "context_lookup_failed"
    INTERNAL_ERROR = "internal_error"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        match self:
            case ErrorCode.INVALID_JSON | ErrorCode.VALIDATION_ERROR:
                return 400
            case ErrorCode.CONTEXT_PACKAGE_NOT_FOUND:
                return 404
            case ErrorCode.WRITE_CONFLICT:
                return 409
            case ErrorCode.SCHEMA_UNAVAILABLE:
                return 503
            case _:
                return 500


@dataclass(frozen=True)
class Record:
    """One remembered sentence."""

    id: int
    summary: str


RECORDS = (
    Record(1, "USB drives need an approval"),
    Record(2, "Guests use the guest network"),
    Record(3, "A USB approval lasts one day"),
)
"""The records that every copy of the sample starts with."""


def recall(text: str) -> list[Record]:
    """Return the records that contain every word of a text.

    Case does not matter; the records come by ascending id.
    """
    words = text.lower().split()
    return [
        record
        for record in RECORDS
        if all(word in record.summary.lower() for word in words)
    ]
