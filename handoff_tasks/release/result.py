"""Write the result of a session as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from handoff_tasks.model import RunEnd

RESULT_CONTRACT = "handoff-result.v1"


def result_document(
    end: RunEnd,
    *,
    mode: str | None,
    commit: str | None,
    packet_path: Path | None,
    draft: Path | None,
    place: Path | None,
) -> dict[str, Any]:
    """Return the result of a run (schema handoff-result.v1); ``place`` is its evidence folder."""
    return {
        "result_contract_version": RESULT_CONTRACT,
        "verdict": str(end.verdict),
        "mode": mode,
        "commit": commit,
        "packet": str(packet_path) if packet_path else None,
        "draft": str(draft) if draft else None,
        "evidence": str(place) if place else None,
        "problems": [problem.to_dict() for problem in sorted(end.problems)],
        "advisories": [advisory.to_dict() for advisory in sorted(end.advisories)],
        "checks": [
            {
                "id": check.id,
                "outcome": str(check.outcome),
                "exit_code": check.exit_code,
                "seconds": check.record.duration_ms / 1000 if check.record else None,
                "kept": check.is_reused,
            }
            for check in end.checks
        ],
    }


def write_result(path: Path, document: Mapping[str, object]) -> None:
    """Write the result of a run for machines. Raises `HandoffError` (HP080).

    Its seconds are floats. Bytes of a name that are not UTF-8 are written as escapes.
    """
    files.write(path, canonical.result_bytes(_in_utf8(document)))


def _in_utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _in_utf8(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_utf8(item) for item in value]
    return value
