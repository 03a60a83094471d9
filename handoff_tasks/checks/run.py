"""Run one check in the private checkout, and write its record."""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from handoff_tasks.checks import environment as environments
from handoff_tasks.checks import process, tools
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.checks.interrupts import Interrupted, interruptible
from handoff_tasks.checks.run_times import add_times
from handoff_tasks.formats import escape, redact
from handoff_tasks.formats.words import duration, quantity
from handoff_tasks.git import checkout
from handoff_tasks.git import command as git_command
from handoff_tasks.problems import unwritable
from handoff_tasks.record import Log, Outcome, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.checks.settings import Settings
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check

_LAST_LINES = 2000
_CHANGED_PATHS = 5


class CheckStopped(Exception):
    """The check ends without its command having been run."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        self.outcome = outcome
        self.reason = reason
        super().__init__(reason)


class Display(Protocol):
    """Shows the output of a check, and what becomes of the check."""

    def show(self, block: bytes) -> None:
        """Show a block of output."""

    def line(self, text: str) -> None:
        """Show a line about the check."""

    def close(self) -> None:
        """Show an unfinished line of output."""


@dataclass(slots=True)
class _Job:
    """One check that runs, with its record so far and the milliseconds of its start and end."""

    workspace: Workspace
    check: Check
    settings: Settings
    display: Display
    folder: EvidenceFolder
    record: Record
    started_ms: int
    finished_ms: int


def run_check(workspace: Workspace, check: Check, settings: Settings, display: Display) -> Record:
    """Run one check on the workspace's commit, write its record and log, and return the record.

    Raises:
        HandoffError: HP080 if the evidence cannot be written, HP006 if the checkout is in use.
    """
    folder = EvidenceFolder.of(workspace).make()
    folder.forget(check.id)
    now = time.time()
    job = _Job(
        workspace=workspace,
        check=check,
        settings=settings,
        display=display,
        folder=folder,
        record=_empty_record(workspace, check, settings, now),
        started_ms=int(now * 1000),
        finished_ms=int(now * 1000),
    )
    with interruptible():
        try:
            _run_in_checkout(job)
        except CheckStopped as stop:
            _stop(job, stop.outcome, stop.reason)
        except Interrupted as stop:
            _stop(job, Outcome.INTERRUPTED, f"{stop.name} came before its outcome was known")
        if job.record.reason:
            reason = redact.mask(job.record.reason, redact.secrets(settings.caller))
            job.record = replace(job.record, reason=reason)
        folder.write_record(job.record)
        if settings.run:
            add_times(workspace, settings.run, check.id, (job.started_ms, job.finished_ms))
    _show_outcome(job)
    return job.record


def _empty_record(workspace: Workspace, check: Check, settings: Settings, now: float) -> Record:
    return Record(
        id=check.id,
        binding=workspace.binding(check),
        outcome=Outcome.NOT_RUN,
        exit_code=None,
        signal=None,
        reason=None,
        started_at_utc=_utc(now),
        finished_at_utc=_utc(now),
        duration_ms=0,
        timeout_seconds=settings.time_limit(check),
        log=None,
        tools=(),
        toolchain=settings.toolchain_of(workspace.profile),
        checkout_state="fresh",
        platform=environments.describe_platform(),
        environment_names=(),
        environment_digest=environments.digest({}),
        installation=settings.installation,
    )


def _stop(job: _Job, outcome: Outcome, reason: str) -> None:
    now = time.time()
    job.finished_ms = int(now * 1000)
    job.record = replace(job.record, outcome=outcome, reason=reason, finished_at_utc=_utc(now))


def _run_in_checkout(job: _Job) -> None:
    workspace, check, settings = job.workspace, job.check, job.settings
    wanted = workspace.checkout_spec(settings.run, check.ignores)
    with checkout.occupy(wanted, check.id, job.display.line, alone=check.alone) as place:
        root = environments.check_root(workspace, check, settings)
        checkout.make_home(wanted, check.id, empty=True)
        environment = environments.check_environment(workspace, check, settings)
        job.record = replace(
            job.record,
            checkout_state=place.state,
            environment_names=tuple(sorted(environment)),
            environment_digest=environments.digest(environment),
            environment_value_digests=environments.value_digests(environment),
        )
        _require_tools(job, root, environment)
        _run_command(job, place, root, environment)
        checkout.make_home(wanted, check.id, empty=True)
        if job.record.outcome is Outcome.FAILED and job.record.exit_code:
            why = _machine_fault(job, root)
            if why:
                reason = f"{why} ({job.record.reason})"
                job.record = replace(job.record, outcome=Outcome.TOOL_MISSING, reason=reason)


def _require_tools(job: _Job, root: Path, environment: Mapping[str, str]) -> None:
    """Add the tools to the record; stop the check if one cannot be used."""
    profile = job.workspace.profile
    place = tools.Place(check=job.check, root=root, environment=environment)
    [found] = tools.find_tools(profile, [place])
    unusable = dict(found.unusable)
    job.record = replace(job.record, tools=found.tools)
    for name in job.check.tools:
        # What was found all the same has another version than the profile requires.
        why = job.settings.not_installed.get(profile.tools[name].install or "")
        if why:
            unusable[name] = why
    if job.settings.fault:
        raise CheckStopped(Outcome.TOOL_MISSING, job.settings.fault)
    if unusable:
        reason = tools.describe_unusable(profile, unusable)
        raise CheckStopped(Outcome.TOOL_MISSING, reason)


def command_line(check: Check, root: Path, path: str) -> list[str]:
    """Return a check's command with its program as an absolute path.

    Raises:
        CheckStopped: There is no such program in the commit or on ``path``.
    """
    words = [word.replace("{root}", str(root)) for word in check.argv]
    if "/" in words[0]:
        program = root / words[0]
        name = check.argv[0].removeprefix("./")
        if not program.is_file():
            raise CheckStopped(Outcome.FAILED, f"{name} is not in the commit")
        if not os.access(program, os.X_OK):
            reason = f"{name} is not executable in the commit (git update-index --chmod=+x {name})"
            raise CheckStopped(Outcome.FAILED, reason)
        return [str(program), *words[1:]]
    found = shutil.which(words[0], path=path)
    if found is None:
        reason = f"{words[0]} is not on PATH: install it, then run again"
        raise CheckStopped(Outcome.TOOL_MISSING, reason)
    return [found, *words[1:]]


def _run_command(
    job: _Job, place: checkout.Checkout, root: Path, environment: Mapping[str, str]
) -> None:
    command = command_line(job.check, root, environment["PATH"])
    job.display.line(f"$ {job.check.command}")
    log = job.folder.log(job.check.id)
    try:
        result = process.run(
            command,
            cwd=root,
            environment=environment,
            log=log,
            log_limit=job.workspace.profile.log_limit_bytes,
            timeout=job.record.timeout_seconds,
            show=job.display.show,
            # Comparing the checkout needs GitPython, whose import takes longer than many a check.
            meanwhile=git_command.preload,
        )
    except OSError as error:
        raise unwritable(log, error) from None
    changed = place.compare()
    if result.left:
        # Such a process may write into the checkout later.
        place.clean = False
    outcome, reason = judge_result(job.check, result, changed, job.record.timeout_seconds)
    job.started_ms = int(result.started_at * 1000)
    job.finished_ms = int(result.finished_at * 1000)
    job.record = replace(
        job.record,
        outcome=outcome,
        reason=reason,
        exit_code=result.exit_code,
        signal=result.signal,
        started_at_utc=_utc(result.started_at),
        finished_at_utc=_utc(result.finished_at),
        duration_ms=result.duration_ms,
        log=Log(
            file=log.name,
            size=result.log_size,
            sha256=result.log_sha256,
            output_size=result.output_size,
            output_sha256=result.output_sha256,
        ),
    )


def _machine_fault(job: _Job, root: Path) -> str | None:
    """Return the fault of the machine that made a command fail, by the end of its log."""
    text = "\n".join(job.folder.tail(job.check.id, _LAST_LINES))
    if os.strerror(errno.ENOSPC) in text:
        free = shutil.disk_usage(root).free // 1_000_000
        return f"the disk is full: {free} MB are left for {root}; free some space, then run again"
    failure = tools.find_failure(job.workspace.profile, text, job.check.id)
    return f"{failure.means}; {failure.hint}" if failure else None


def judge_result(
    check: Check, result: process.Result, changed: Sequence[str], timeout: int
) -> tuple[Outcome, str | None]:
    """Return the outcome of a check, and the reason if it has not passed.

    It has passed with exit code 0, its success line, no process left and an unchanged checkout.
    """
    left = f"could not be ended: {', '.join(result.left)}" if result.left else ""
    if result.cause:
        ended = left or "ended with all that it had started"
        if result.cause == "timeout":
            limit = quantity(timeout, "second")
            return Outcome.TIMED_OUT, f"not done within {limit}; {ended}"
        return Outcome.INTERRUPTED, f"{result.cause} came while it ran; {ended}"
    reasons = _command_faults(check, result)
    if left:
        reasons.append(f"it left processes running, which {left}")
    elif result.survivors:
        reasons.append("it left processes running")
    if changed:
        paths = ", ".join(changed[:_CHANGED_PATHS])
        if len(changed) > _CHANGED_PATHS:
            paths += f" and {len(changed) - _CHANGED_PATHS} more"
        reasons.append(f"the checkout was changed while it ran: {paths}")
    if reasons:
        return Outcome.FAILED, "; ".join(reasons)
    return Outcome.PASSED, None


def _command_faults(check: Check, result: process.Result) -> list[str]:
    if result.error:
        return [f"could not be started: {result.error}"]
    if result.signal:
        return [f"ended by {result.signal}"]
    if result.exit_code != 0:
        return [f"exit code {result.exit_code}"]
    if check.success_line is None or result.last_line.strip(" \t") == check.success_line:
        return []
    found = (
        f"its last line was '{result.last_line[:200]}'"
        if result.last_line
        else "it printed nothing"
    )
    return [f"exit code 0, but {found}; expected '{check.success_line}'"]


def _show_outcome(job: _Job) -> None:
    record, display = job.record, job.display
    display.close()
    took = duration(record.duration_ms, tenths=True)
    if record.outcome is Outcome.PASSED:
        display.line(f"passed in {took}")
        return
    outcome = record.outcome.replace("_", " ")
    display.line(f"{outcome} after {took}: {escape.printable(record.reason or '')}")
    if record.outcome is not Outcome.INTERRUPTED:
        display.line(f"evidence: {job.folder.record(record.id)}")


def _utc(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
