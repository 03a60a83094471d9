"""Write the result of a session for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import canonical
from handoff_tasks.packet.document import GO, NO_GO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from handoff_tasks.model import CheckResult
    from handoff_tasks.problems import Problem

RESULT_CONTRACT = "handoff-result.v1"


def result_document(
    *,
    mode: str | None,
    commit: str | None,
    packet_path: Path | None,
    draft: Path | None,
    place: Path | None,
    problems: Sequence[Problem],
    advisories: Sequence[Problem],
    checks: Sequence[CheckResult],
) -> dict[str, Any]:
    """Return the result of a run for machines (schema handoff-result.v1)."""
    return {
        "result_contract_version": RESULT_CONTRACT,
        "verdict": NO_GO if problems else GO,
        "mode": mode,
        "commit": commit,
        "packet": str(packet_path) if packet_path else None,
        "draft": str(draft) if draft else None,
        "evidence": str(place) if place else None,
        "problems": [problem.to_dict() for problem in sorted(problems)],
        "advisories": [advisory.to_dict() for advisory in sorted(advisories)],
        "checks": [
            {
                "id": check.id,
                "outcome": str(check.outcome),
                "exit_code": check.exit_code,
                "seconds": check.record.duration_ms / 1000 if check.record else None,
                "kept": check.is_reused,
            }
            for check in checks
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
