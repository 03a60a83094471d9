"""Merge evidence that other machines gathered."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import evidence
from handoff_tasks.problems import Problem, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_evidence_folders(given: Path, commit: str) -> list[Path]:
    """Return every folder at or below ``given`` that is named like the commit: what other machines have gathered on it, sorted.

    Links are not followed. Raises `HandoffError` (HP105) when there is none.
    """
    below = [Path(place) for place, _, _ in os.walk(given)]
    found = sorted(place for place in below if place.name == commit)
    if found:
        return found
    if not given.is_dir():
        message, hint = "no such folder", "name a folder that evidence was gathered in"
    else:
        others = sorted({place.name for place in below if re.fullmatch(r"[0-9a-f]{40}", place.name)})
        message = f"holds no evidence of commit {commit}" + (f", only of {', '.join(others)}" if others else "")
        hint = "gather evidence of the commit that is assembled, or name its commit with --ref"
    raise refusal("HP105", f"--evidence {given}", message, hint)


def merge_evidence(place: Path, sources: Sequence[Path], checks: Sequence[str]) -> list[Problem]:
    """Lay the records and logs of ``checks`` from other folders into ``place``; what is there already is one more source.

    A record counts by its bytes, with those of its log: the same ones may come twice. Two different ones are a conflict (HP104),
    of which nothing is laid: to choose one would be to choose an outcome. A file that cannot be read is a problem (HP106).
    Raises `HandoffError` (HP080) when ``place`` cannot be written.
    """
    problems: list[Problem] = []
    for check in checks:
        found: dict[Path, tuple[bytes, bytes | None]] = {}
        for source in dict.fromkeys([place, *sources]):
            try:
                record = files.read_own(source / f"{check}.json")
                if record is not None:
                    found[source] = (record, files.read_own(evidence.log_path(source, check)))
            except OSError as error:
                message = f"cannot be read: {error.strerror}"
                where = str(error.filename)
                problems.append(Problem(code="HP106", where=where, message=message, hint="gather it again as a plain file"))
        different = list(dict.fromkeys(found.values()))
        if len(different) > 1:
            first = next(iter(found))
            other = next(source for source, pair in found.items() if pair != found[first])
            message = f"two different records of it: in {first} and in {other}"
            hint = "find out which one counts and take the other away, or run the check again in one place"
            problems.append(Problem(code="HP104", where=f"check {check}", message=message, hint=hint))
        elif different and place not in found:
            record, log = different[0]
            # The record last: where it is, its log is too.
            if log is not None:
                files.write(evidence.log_path(place, check), log)
            files.write(place / f"{check}.json", record)
    return problems
