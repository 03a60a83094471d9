"""Read and write the evidence of checks: a record and a log for each."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import canonical, redact, schemas, strict_json
from handoff_tasks.problems import HandoffError, Problem, unwritable
from handoff_tasks.record import CheckResult, Outcome, Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Self

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check
    from handoff_tasks.record import Binding

RERUN_HINT = "run the check again"
_TAIL_BYTES = 65536
_LONGEST_SECRET = 16384


@dataclass(frozen=True, slots=True)
class EvidenceFolder:
    """The records and logs of one commit's checks.

    Checks are named by their ids. The folder at ``path`` exists only after `make`.
    """

    path: Path

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """Return the folder of the workspace's commit."""
        return cls.at(workspace.work, workspace.producer.commit)

    @classmethod
    def at(cls, work: Path, commit: str) -> Self:
        """Return the folder of a commit below the work folder ``work``."""
        return cls(work / "evidence" / commit)

    def make(self) -> Self:
        """Create the folder if it does not exist, and return it.

        Raises:
            HandoffError: HP083 if a link is on the way, HP080 if the folder cannot be created.
        """
        work = self.path.parent.parent
        files.make_own_folder(work)
        files.make_folder(self.path, work)
        return self

    def record(self, check: str) -> Path:
        """Return the path of a check's record."""
        return self.path / f"{check}.json"

    def log(self, check: str) -> Path:
        """Return the path of a check's log."""
        return self.path / f"{check}.log"

    def lane_log(self, number: int) -> Path:
        """Return the path of the log that nox writes for a lane, counted from 1."""
        return self.path / f"lane-{number}.nox.log"

    def lane_logs(self) -> list[Path]:
        """Return the existing logs of lanes, sorted by name."""
        return sorted(self.path.glob("lane-*.nox.log"))

    def tail(self, check: str, lines: int) -> list[str]:
        """Return the last lines of a check's log, as `read_tail` does."""
        return read_tail(self.log(check), lines)

    def forget(self, check: str) -> None:
        """Remove a check's record and log.

        Raises:
            HandoffError: HP080 if one of them cannot be removed.
        """
        try:
            for path in (self.record(check), self.log(check)):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self.path, error) from None

    def write_record(self, record: Record) -> None:
        """Write a check's record; `read_record` holds it to its schema.

        Raises:
            HandoffError: HP080 if it cannot be written.
        """
        files.write(self.record(record.id), canonical.published_bytes(record.to_dict()))

    def read_record(self, check: str) -> Record | Problem | None:
        """Return the record of a check, None if there is none.

        Returns a problem if the record (HP040) or its log (HP041) is invalid.
        """
        path = self.record(check)
        try:
            data = files.read_plain(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            return _invalid("HP040", path.name, f"cannot be read: {error.strerror}")
        try:
            document = strict_json.read(data, path.name, code="HP040")
        except HandoffError as error:
            return replace(error.problems[0], hint=RERUN_HINT)
        violations = schemas.violations(
            document,
            schemas.schema(schemas.RECORD),
            where=path.name,
            code="HP040",
            hint=RERUN_HINT,
        )
        if violations:
            return violations[0]
        assert isinstance(document, dict)
        record = Record.from_dict(document)
        if record.id != check:
            return _invalid("HP040", f"{path.name}#/id", f"found {record.id}; expected {check}")
        return self._log_problem(record) or record

    def result(self, check: Check, binding: Binding) -> CheckResult:
        """Return the result of a check that its evidence supports, as `judge_evidence` does."""
        return judge_evidence(check, self.read_record(check.id), binding)

    def _log_problem(self, record: Record) -> Problem | None:
        if record.log is None:
            return None
        path = self.log(record.id)
        if record.log.file != path.name:
            return _invalid("HP041", path.name, f"the record names the log {record.log.file}")
        digest = hashlib.sha256()
        try:
            with files.open_plain(path) as handle:
                while block := handle.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            return _invalid("HP041", path.name, f"the log cannot be read: {error.strerror}")
        if digest.hexdigest() != record.log.sha256:
            message = (
                "the log has changed since the check wrote it: "
                f"found sha256 {digest.hexdigest()}; expected {record.log.sha256}"
            )
            return _invalid("HP041", path.name, message)
        return None


def _invalid(code: str, where: str, message: str) -> Problem:
    return Problem(code=code, where=where, message=message, hint=RERUN_HINT)


def read_tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a log with the caller's secrets masked.

    At most the last 64 KiB are returned. The result is empty if the log cannot be read.
    """
    try:
        with files.open_plain(path) as handle:
            # A secret that begins before the part that is shown is masked whole, too.
            handle.seek(max(0, path.stat().st_size - _TAIL_BYTES - _LONGEST_SECRET))
            text = handle.read().decode("utf-8", "replace")
    except OSError:
        return []
    return redact.mask(text, redact.secrets(os.environ))[-_TAIL_BYTES:].splitlines()[-lines:]


def judge_evidence(
    check: Check, evidence: Record | Problem | None, binding: Binding
) -> CheckResult:
    """Return the result of a check that ``evidence`` supports.

    The check counts as not run if the record is missing, invalid, or made for another binding.
    """
    if evidence is None:
        reason: str | None = "there is no evidence of it"
    elif isinstance(evidence, Problem):
        reason = f"its evidence is invalid: {evidence.where}: {evidence.message}"
    else:
        reason = _mismatch(evidence.binding, binding) or _contradiction(evidence)
        if reason is None:
            return CheckResult(
                id=check.id,
                command=check.command,
                outcome=evidence.outcome,
                reason=evidence.reason,
                record=evidence,
                ignores=binding.ignores,
                seen_tree=binding.seen_tree,
            )
    return CheckResult(
        id=check.id,
        command=check.command,
        outcome=Outcome.NOT_RUN,
        reason=reason,
        record=None,
        ignores=binding.ignores,
        seen_tree=binding.seen_tree,
    )


def _mismatch(actual: Binding, expected: Binding) -> str | None:
    """Return the first difference between two bindings in words, None if there is none.

    A check that does not see all files sees neither the commit's id nor its history: its evidence
    counts for every commit with the same files that it sees.
    """
    commits: list[tuple[str, str | None, str | None]] = [
        ("commit", actual.commit, expected.commit),
        ("tree", actual.tree, expected.tree),
    ]
    if expected.ignores:
        commits = [("tree without the ignored files", actual.seen_tree, expected.seen_tree)]
    for name, first, second in (
        ("list of ignored files", _listed(actual.ignores), _listed(expected.ignores)),
        *commits,
        ("producer path", actual.producer_path, expected.producer_path),
        ("profile", actual.profile_digest, expected.profile_digest),
        ("command line", shlex.join(actual.argv), shlex.join(expected.argv)),
    ):
        if first != second:
            return f"its evidence is of another {name}: {first}; expected {second}"
    return None


def _listed(patterns: Sequence[str]) -> str:
    return ", ".join(patterns) or "none"


def _contradiction(record: Record) -> str | None:
    if record.outcome is not Outcome.PASSED:
        return None
    if record.exit_code != 0 or record.signal or record.log is None:
        return "its evidence contradicts itself: passed, but without exit code 0 and a log"
    return None
