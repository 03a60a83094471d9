"""Frame every session: parse options, report mistakes, write the result, set the exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nox import Session

    from handoff_tasks.problems import Problem
    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.table import SessionDefinition

_LONGEST_COMMAND = 160
_FEWEST_FILES = 64


@contextlib.contextmanager
def frame_session(
    session: Session, definition: SessionDefinition, subject: str = ""
) -> Iterator[Run]:
    """Parse the options, run the body, write the result, and end the session.

    A `HandoffError`, a failed git command and an interrupt are printed without a traceback. Any
    other exception is written to the result (HP008) and raised again.
    """
    from handoff_tasks.checks.interrupts import interruptible
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.sessions import options, results
    from handoff_tasks.sessions.run import Run

    output = terminal.open_output()
    run = Run(options=options.Options(), subject=subject)
    unexpected: BaseException | None = None
    try:
        run.result = results.result_place(session, options.result_json(session.posargs))
        run.options = options.parse(session.posargs, definition, session.name)
        run.junit = results.junit_place(session, run)
        _require_files(session)
        # SIGTERM and SIGHUP interrupt the session everywhere, also while it waits for a lock.
        with interruptible():
            yield run
    except HandoffError as error:
        _stop(run, "Refused:", error.problems)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - in the result, then raised again
        if not _explain(session, run, error):
            unexpected = error
    _end(session, run, unexpected)
    if output.failure:
        session.error(output.failure)


def _end(session: Session, run: Run, unexpected: BaseException | None) -> None:
    """Write the result files, then end the session as its problems demand."""
    from handoff_tasks.formats.words import quantity
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.sessions import results

    if unexpected is not None:
        with contextlib.suppress(Exception):
            results.write_result(run)
        with contextlib.suppress(Exception):
            results.write_junit(session, run)
        # nox prints the traceback.
        raise unexpected
    try:
        results.write_result(run)
        results.write_junit(session, run)
    except HandoffError as error:
        session.error(str(error))
    if run.interrupted:
        # Ends nox too: no further session starts.
        raise KeyboardInterrupt
    if run.problems:
        session.error(quantity(len(run.problems), "problem"))


def _stop(run: Run, title: str, problems: Sequence[Problem]) -> None:
    """Print why a session ends early, and add it to the result."""
    from handoff_tasks.output import terminal

    for line in terminal.findings(title, problems):
        terminal.say(line)
        if run.options.run_file:
            # A handoff keeps only the standard error of its checks' sessions.
            print(line, file=sys.stderr)  # noqa: T201
    run.problems = (*run.problems, *problems)
    # The view was made before the session stopped.
    run.view = None


def _explain(session: Session, run: Run, error: BaseException) -> bool:
    """Report an exception that is not a `HandoffError`; return whether it was expected."""
    from handoff_tasks.formats import redact
    from handoff_tasks.git import command
    from handoff_tasks.problems import Problem, too_many_files

    if isinstance(error, command.GitError):
        words = " ".join(error.command)[:_LONGEST_COMMAND]
        message = f"git {words} ended with {error.status}: {command.reason(error.stderr)}"
        hint = (
            "free some disk space, end other programs that use that folder, then run again; "
            "'git fsck' finds damage"
        )
        where = str(error.place or "git")
        _stop(run, "Refused:", [Problem(code="HP007", where=where, message=message, hint=hint)])
        return True
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        _stop(run, "Refused:", too_many_files(session.name, error).problems)
        return True
    if isinstance(error, KeyboardInterrupt):
        _interrupt(session, run, error)
        return True
    text = redact.mask(f"{type(error).__name__}: {error}", redact.secrets(os.environ))
    message = "internal error: " + text.split("\n", 1)[0]
    hint = "this is a bug in handoff-tasks, please report it with the traceback"
    problem = Problem(code="HP008", where=session.name, message=message, hint=hint)
    _stop(run, "Unexpected:", [problem])
    return False


def _interrupt(session: Session, run: Run, error: KeyboardInterrupt) -> None:
    """Add an interrupt to the result, and print how to continue."""
    from handoff_tasks.checks.interrupts import Interrupted
    from handoff_tasks.output import summary, terminal
    from handoff_tasks.problems import interruption

    name = error.name if isinstance(error, Interrupted) else "SIGINT"
    run.problems = (*run.problems, interruption(session.name, name))
    run.interrupted, run.view = True, None
    if run.read_results is not None:
        with contextlib.suppress(Exception):
            run.checks = run.read_results()
    if run.all_checks:
        terminal.say(summary.interruption_line(run.end, run.again))
    elif run.options.run_file is None:
        terminal.say("Interrupted. Run the same command again.")


def _require_files(session: Session) -> None:
    """Raise `HandoffError` (HP085) if this process may open fewer files than a run needs."""
    from handoff_tasks.problems import RAISE_THE_LIMIT, refusal

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limit < _FEWEST_FILES:
        message = f"this process may have {limit} open files; expected {_FEWEST_FILES} or more"
        raise refusal("HP085", session.name, message, RAISE_THE_LIMIT)
