"""Read a TOML document that a schema describes, with the line of every mistake."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

from handoff_tasks.formats import schemas, toml_positions
from handoff_tasks.problems import HandoffError, Problem, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    # Returns the JSON pointer and message of each mistake that no schema can state.
    Rules = Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]


def read(
    data: bytes, where: str, schema: Mapping[str, Any] | None, rules: Rules, *, code: str, hint: str
) -> dict[str, Any]:
    """Return the document in ``data``.

    Args:
        data: The bytes of the document.
        where: What the document is called in messages.
        schema: The schema; None if the document was validated before.
        rules: Returns the mistakes of a document that follows the schema.
        code: The code of all problems.
        hint: What to do next.

    Raises:
        HandoffError: With every mistake: a syntax error with line and column, violations of the
            schema and of the rules with line and JSON pointer.
    """
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise refusal(code, where, f"byte {error.start} is not UTF-8", hint) from None
    except tomllib.TOMLDecodeError as error:
        place, message = _syntax_error(data.decode("utf-8"), where, str(error))
        raise refusal(code, place, message, hint) from None
    except RecursionError:
        raise refusal(code, where, "the document nests too deeply", hint) from None
    problems = []
    if schema is not None:
        problems = schemas.violations(document, schema, where=where, code=code, hint=hint)
    if not problems:
        problems = [
            Problem(code=code, where=f"{where}#{pointer}", message=message, hint=hint)
            for pointer, message in rules(document)
        ]
    if problems:
        text = data.decode("utf-8")
        raise HandoffError(
            [replace(problem, where=_with_line(text, where, problem)) for problem in problems]
        )
    return document


def _syntax_error(text: str, where: str, reason: str) -> tuple[str, str]:
    """Return place and message of a syntax error, from tomllib's message."""
    pattern = r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)"
    at = re.fullmatch(pattern, reason, re.DOTALL)
    if not at:
        return where, f"not TOML: {reason}"
    lines = text.split("\n")
    line, column = (at[2], at[3]) if at[2] else (len(lines), len(lines[-1]) + 1)
    message = f"not TOML: {at[1]}"
    if not at[2]:
        message += " at the end"
    return f"{where}:{line}:{column}", message


def _with_line(text: str, where: str, problem: Problem) -> str:
    """Return a problem's place with its line, as in ``handoff.toml:41#/checks/0/tools``."""
    pointer = problem.where.removeprefix(f"{where}#")
    # For an unknown key the pointer is that of its table, and the line that of the key.
    unknown = re.match(r"unknown key (\S+?)(?: \(|;)", problem.message)
    line = toml_positions.line_of(
        text, f"{pointer}{schemas.pointer([unknown[1]])}" if unknown else pointer
    )
    return f"{where}:{line}#{pointer}" if line else problem.where
