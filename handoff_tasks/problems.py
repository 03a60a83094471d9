"""Problems, and the one exception that carries them.

A problem has a stable code, a place, a message and a hint. Functions collect problems instead of
stopping at the first one.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

RAISE_THE_LIMIT = "raise the limit with 'ulimit -n 1024', then run again"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One finding, of a refusal (code ``HP0xx``) or of an advisory (code ``HA0xx``).

    ``where`` is a path, a path with a JSON pointer (``manifest.json#/commit_sha``), a commit or an
    option; ``message`` says what was found and what was expected; ``hint`` says what to do next.
    """

    code: str
    where: str
    message: str
    hint: str

    def to_dict(self) -> dict[str, str]:
        """Return ``{code, where, message, hint}``, as in the result file and the packet."""
        return {"code": self.code, "where": self.where, "message": self.message, "hint": self.hint}

    def text(self) -> str:
        """Return the problem as lines of text."""
        return f"{self.code} {self.where}: {self.message}\n      next: {self.hint}"


class HandoffError(Exception):
    """A mistake of the user or an invalid input, with all its problems.

    Print ``problems`` to show it, without a traceback.
    """

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (
            (problems,) if isinstance(problems, Problem) else tuple(sorted(set(problems)))
        )
        super().__init__("\n".join(problem.text() for problem in self.problems))


def refusal(code: str, where: str, message: str, hint: str) -> HandoffError:
    """Return the exception for a single problem."""
    return HandoffError(Problem(code=code, where=where, message=message, hint=hint))


def unwritable(where: object, error: OSError) -> HandoffError:
    """Return the refusal (HP080) for a file or folder that cannot be written."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return too_many_files(where, error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = (
        "free some disk space, then run again"
        if full
        else "make the folder writable, or choose another one"
    )
    return refusal("HP080", str(where), f"cannot be written: {error.strerror}", hint)


def too_many_files(where: object, error: OSError) -> HandoffError:
    """Return the refusal (HP085) for a process or machine that may open no more files."""
    if error.errno == errno.ENFILE:
        return refusal(
            "HP085",
            str(where),
            "the machine has too many open files",
            "end other programs, then run again",
        )
    message = "this process has as many open files as it is allowed to have"
    return refusal("HP085", str(where), message, RAISE_THE_LIMIT)


def interruption(session: str, signal: str) -> Problem:
    """Return the problem (HP046) of a run that a signal ended."""
    message = f"the run was interrupted by {signal}"
    return Problem(code="HP046", where=session, message=message, hint="run again")
