"""Read and write the evidence of checks: a record and a log for each."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import canonical, redact, schemas, strict_json
from handoff_tasks.model import CheckResult, Outcome, Record
from handoff_tasks.problems import HandoffError, Problem, unwritable

if TYPE_CHECKING:
    from pathlib import Path

    from handoff_tasks.model import Binding
    from handoff_tasks.producer.profile import Check

RERUN_HINT = "run the check again"
_END = 65536
_LONGEST_SECRET = 16384


def folder_path(work: Path, commit: str) -> Path:
    """Return where a commit's records lie below the work folder, there or not."""
    return work / "evidence" / commit


def folder(work: Path, commit: str) -> Path:
    """Return the folder of a commit's records below the work folder, made if it is not there.

    Raises `HandoffError`: HP083 for a link on the way, HP080 if it cannot be made.
    """
    place = folder_path(work, commit)
    files.make_own_folder(work)
    files.make_folder(place, work)
    return place


def log_path(place: Path, check: str) -> Path:
    """Return the path of a check's log."""
    return place / f"{check}.log"


def forget(place: Path, check: str) -> None:
    """Remove a check's record and log, so that nothing old can stand in for what is about to run."""
    try:
        for path in (place / f"{check}.json", log_path(place, check)):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(place, error) from None


def write_record(place: Path, record: Record) -> None:
    """Write ``<id>.json``; it is held to its schema when it is read. Raises `HandoffError` (HP080) when it cannot be written."""
    files.write(place / f"{record.id}.json", canonical.published_bytes(record.to_dict()))


def read_record(place: Path, check: str) -> Record | Problem | None:
    """Return the record of a check; None when there is none, a problem (HP040) when it or its log cannot be believed."""
    path = place / f"{check}.json"
    try:
        data = files.read_plain(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Problem(code="HP040", where=path.name, message=f"cannot be read: {error.strerror}", hint=RERUN_HINT)
    try:
        document = strict_json.read(data, path.name, code="HP040")
    except HandoffError as error:
        return replace(error.problems[0], hint=RERUN_HINT)
    if found := schemas.violations(document, schemas.schema(schemas.RECORD), where=path.name, code="HP040", hint=RERUN_HINT):
        return found[0]
    assert isinstance(document, dict)
    record = Record.from_dict(document)
    if record.id != check:
        return Problem(code="HP040", where=f"{path.name}#/id", message=f"found {record.id}; expected {check}", hint=RERUN_HINT)
    return _log_problem(place, record) or record


def _log_problem(place: Path, record: Record) -> Problem | None:
    if record.log is None:
        return None
    path = log_path(place, record.id)
    if record.log.file != path.name:
        return Problem(code="HP041", where=path.name, message=f"the record names the log {record.log.file}", hint=RERUN_HINT)
    found = hashlib.sha256()
    try:
        with files.open_plain(path) as handle:
            while block := handle.read(1 << 20):
                found.update(block)
    except OSError as error:
        return Problem(code="HP041", where=path.name, message=f"the log cannot be read: {error.strerror}", hint=RERUN_HINT)
    if found.hexdigest() != record.log.sha256:
        message = f"the log is not what the check wrote: sha256 {found.hexdigest()}, the record says {record.log.sha256}"
        return Problem(code="HP041", where=path.name, message=message, hint=RERUN_HINT)
    return None


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a log without the caller's secrets, read from its last 64 KiB; none when there is no log."""
    try:
        with files.open_plain(path) as handle:
            # A secret that begins before the end that is shown is masked whole, too.
            handle.seek(max(0, path.stat().st_size - _END - _LONGEST_SECRET))
            text = handle.read().decode("utf-8", "replace")
    except OSError:
        return []
    return redact.mask(text, redact.secrets(os.environ))[-_END:].splitlines()[-lines:]


def judge_evidence(check: Check, found: Record | Problem | None, binding: Binding) -> CheckResult:
    """Return what a check's evidence is worth: a record that was made for something else counts as not run."""

    def not_run(reason: str) -> CheckResult:
        return CheckResult(id=check.id, command=check.command, outcome=Outcome.NOT_RUN, reason=reason, record=None)

    if found is None:
        return not_run("there is no evidence of it")
    if isinstance(found, Problem):
        return not_run(f"its evidence cannot be believed: {found.where}: {found.message}")
    made = found.binding
    for name, was, is_ in (
        ("commit", made.commit, binding.commit),
        ("tree", made.tree, binding.tree),
        ("producer path", made.producer_path, binding.producer_path),
        ("profile", made.profile_digest, binding.profile_digest),
        ("command line", shlex.join(made.argv), shlex.join(binding.argv)),
    ):
        if was != is_:
            return not_run(f"its evidence is of another {name}: {was}; expected {is_}")
    if found.outcome is Outcome.PASSED and (found.exit_code != 0 or found.signal or found.log is None):
        return not_run("its evidence contradicts itself: passed, but not with exit code 0 and a log")
    return CheckResult(id=check.id, command=check.command, outcome=found.outcome, reason=found.reason, record=found)
