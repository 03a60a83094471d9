"""Merge evidence that other machines gathered."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.problems import Problem, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# The bytes of a record and of its log; a record may have no log.
_Pair = tuple[bytes, bytes | None]


def find_evidence_folders(given: Path, commit: str) -> list[EvidenceFolder]:
    """Return the evidence folders of a commit at or below ``given``, sorted.

    Links are not followed.

    Raises:
        HandoffError: HP105 if there is no such folder.
    """
    below = [Path(place) for place, _, _ in os.walk(given)]
    matches = sorted(place for place in below if place.name == commit)
    if matches:
        return [EvidenceFolder(place) for place in matches]
    if not given.is_dir():
        message, hint = "no such folder", "name a folder that evidence was gathered in"
    else:
        message = f"holds no evidence of commit {commit}"
        others = sorted(
            {place.name for place in below if re.fullmatch(r"[0-9a-f]{40}", place.name)}
        )
        if others:
            message += f", only of {', '.join(others)}"
        hint = "gather evidence of the commit that is assembled, or name its commit with --ref"
    raise refusal("HP105", f"--evidence {given}", message, hint)


def merge_evidence(
    target: EvidenceFolder, sources: Sequence[EvidenceFolder], checks: Sequence[str]
) -> list[Problem]:
    """Copy the records and logs of ``checks`` from ``sources`` into ``target``.

    Records and logs are compared byte for byte, with those in ``target`` too. Equal ones are
    copied once. If they differ, none is copied, since choosing one would choose an outcome.

    Returns:
        Problems: conflicts (HP104) and files that cannot be read (HP106).

    Raises:
        HandoffError: HP080 if ``target`` cannot be written.
    """
    problems: list[Problem] = []
    for check in checks:
        pairs = _read_pairs(check, dict.fromkeys([target, *sources]), problems)
        distinct = list(dict.fromkeys(pairs.values()))
        if len(distinct) > 1:
            problems.append(_conflict(check, pairs))
        elif distinct and target not in pairs:
            record, log = distinct[0]
            # The log first: a reader that finds the record finds its log too.
            if log is not None:
                files.write(target.log(check), log)
            files.write(target.record(check), record)
    return problems


def _read_pairs(
    check: str, folders: Iterable[EvidenceFolder], problems: list[Problem]
) -> dict[EvidenceFolder, _Pair]:
    """Return the pair of each folder that has a record; add what cannot be read to ``problems``."""
    pairs: dict[EvidenceFolder, _Pair] = {}
    for folder in folders:
        try:
            record = files.read_own(folder.record(check))
            if record is not None:
                pairs[folder] = (record, files.read_own(folder.log(check)))
        except OSError as error:
            problems.append(
                Problem(
                    code="HP106",
                    where=str(error.filename),
                    message=f"cannot be read: {error.strerror}",
                    hint="gather it again as a plain file",
                )
            )
    return pairs


def _conflict(check: str, pairs: Mapping[EvidenceFolder, _Pair]) -> Problem:
    first = next(iter(pairs))
    other = next(folder for folder in pairs if pairs[folder] != pairs[first])
    return Problem(
        code="HP104",
        where=f"check {check}",
        message=f"two different records of it: in {first.path} and in {other.path}",
        hint="find out which one counts and delete the other, or run the check again in one place",
    )
