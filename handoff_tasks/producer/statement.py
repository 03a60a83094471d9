"""Parse the consumer impact statement.

It is a block of five lines in the section of a release, in the changelog or in a file of its own,
filled in by a person.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from handoff_tasks.formats import escape
from handoff_tasks.formats.schemas import nearest
from handoff_tasks.model import Statement
from handoff_tasks.problems import HandoffError, Problem, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.model import Manifest

HEADING = "Consumer impact:"
# What hints call the statement to fill in; the report makes it a link.
SHOWN_BLOCK = "the block that is shown"
LABELS: Mapping[str, str] = {
    "Runtime behavior changes": "runtime_behavior_changes",
    "Required consumer mapping changes": "required_consumer_mapping_changes",
    "Required test updates": "required_test_updates",
    "Repin required": "repin_required",
    "Rollback instruction": "rollback_instruction",
}
_PLACEHOLDER = re.compile(
    r"(?<!\w)<(?![\s\d=])[^<>]*>|\{\{[^{}]*\}\}|\bnone\|describe\b"
    r"|\b(?:target|previous) tag/sha\b|\b(?:TODO|TBD|FIXME)\b"
)
# A line must not contain tabs either, nor characters that select one of two glyphs.
_INVISIBLE = re.compile(rf"[\x00-\x1f\ufe00-\ufe0f{escape.INVISIBLE}]")
_LONGEST = 4000
_ROLLBACK = re.compile(r"repin to (\S+?)\s*/\s*([0-9a-f]{40})\.?\Z")
_ROLLBACK_TAG = re.compile(r"repin to (\S+?)\.?\Z")
# Matched with the words alone, in lower case: all ways to write "none".
_NONE = re.compile(
    r"(?:none|no|nothing|nil|zero|nope|n ?a|not applicable|unchanged"
    r"|(?:no|zero|without)(?: any)?(?: \w+){0,3}"
    r" (?:changes?|differences?|updates?))?"
    r"(?: (?:whatsoever|at all|required|needed|necessary|known|expected))*(?: see .*)?"
)
# A line with no other words than these is not filled in either.
_EMPTY_WORDS = frozenset(
    {
        "",
        "describe",
        "none describe",
        "yes no",
        "tbd",
        "tba",
        "todo",
        "fixme",
        "xxx",
        "placeholder",
        "fill in",
    }
)
_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK"})


def parse(text: str, where: str, first_line: int = 1) -> Statement:
    """Return the statement whose block is in ``text``.

    ``first_line`` is the number of the text's first line, for messages. A line may go on in the
    lines below it if these are indented. Raises `HandoffError` with every problem: HP060 (no
    block, or more than one), HP061 (a line is missing, duplicate or unknown), HP062 (a line is not
    filled in).
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.strip() == HEADING]
    if len(starts) != 1:
        count = f"{len(starts)} blocks" if starts else "no block"
        message = f"{count} '{HEADING}'; expected one"
        raise refusal("HP060", where, message, f"paste {SHOWN_BLOCK}, and fill it in")
    block = _Block(where, first_line)
    block.read(lines, starts[0] + 1)
    problems = block.problems
    for label, name in LABELS.items():
        if name not in block.values:
            message = f"the line '{label}' is missing"
            hint = "add it to the block"
            problems.append(Problem(code="HP061", where=where, message=message, hint=hint))
        elif reason := unfilled(block.values[name]):
            block.refuse("HP062", block.numbers[name], f"'{label}': {reason}")
    if problems:
        raise HandoffError(problems)
    return Statement(**block.values)


class _Block:
    """The lines of a block as they are read: value and line number by name, and problems."""

    def __init__(self, where: str, first_line: int) -> None:
        self.where = where
        self.first_line = first_line
        self.values: dict[str, str] = {}
        self.numbers: dict[str, int] = {}
        self.problems: list[Problem] = []

    def refuse(self, code: str, number: int, message: str) -> None:
        where = f"{self.where}:{self.first_line + number}"
        self.problems.append(
            Problem(code=code, where=where, message=message, hint="correct the line")
        )

    def read(self, lines: Sequence[str], start: int) -> None:
        """Read the block whose lines begin at the index ``start``."""
        name: str | None = None
        has_items = False
        for number in range(start, len(lines)):
            line = lines[number]
            if item := re.match(r"[-*]\s+([^:]{1,80}):(?:\s+(.*))?\Z", line):
                has_items = True
                name = self._add(number, item[1].strip(), (item[2] or "").strip())
            elif not line.strip():
                continue
            elif line[0] in " \t" and has_items:
                if name:
                    self.values[name] = f"{self.values[name]} {line.strip()}".strip()
            else:
                is_after_block = has_items and not lines[number - 1].strip()
                if not is_after_block and not line.startswith(("#", "```", "~~~")):
                    message = f"'{line.strip()[:60]}' is not a line of the statement"
                    self.refuse("HP061", number, message)
                return

    def _add(self, number: int, label: str, value: str) -> str | None:
        """Add an item; return its name, to which indented lines belong."""
        name = LABELS.get(label)
        if name is None:
            known = ", ".join(LABELS)
            message = f"unknown line '{label}'{nearest(label, LABELS)}; known: {known}"
            self.refuse("HP061", number, message)
        elif name in self.values:
            self.refuse("HP061", number, f"duplicate line '{label}'")
        else:
            self.values[name], self.numbers[name] = value, number
        return name


def unfilled(value: str) -> str | None:
    """Return why a line of the statement is not filled in; None if it is.

    It may be empty, a placeholder, too long, or have characters that are not visible or ambiguous.
    """
    if not value:
        return "it is empty"
    if match := _PLACEHOLDER.search(unicodedata.normalize("NFKC", value)):
        return f"the placeholder '{match[0]}' is not filled in"
    if match := _INVISIBLE.search(value):
        return f"the character U+{ord(match[0]):04X} is invisible"
    if unicodedata.normalize("NFC", value) != value:
        return "the text is not in Unicode's composed form (NFC)"
    if len(value) > _LONGEST:
        return f"{len(value)} characters; at most {_LONGEST} are allowed"
    if _words(value) in _EMPTY_WORDS:
        return f"'{value}' does not say anything"
    for word in re.findall(r"\w+", value):
        alphabets = {unicodedata.name(sign, "").split(" ")[0] for sign in word if sign.isalpha()}
        if len(alphabets & _ALPHABETS) > 1:
            return f"the word '{word}' mixes alphabets"
    return None


def _words(value: str) -> str:
    """Return the words of a line in lower case, with one space between them."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", value).casefold()))


def rollback_pair(statement: Statement) -> tuple[str, str] | None:
    """Return tag and sha of the rollback line; None if it has another form."""
    match = _ROLLBACK.match(statement.rollback_instruction)
    return (match[1], match[2]) if match else None


def rollback_tag(statement: Statement) -> str | None:
    """Return the tag of a rollback line, with or without a sha; None if it has another form."""
    match = _ROLLBACK.match(statement.rollback_instruction) or _ROLLBACK_TAG.match(
        statement.rollback_instruction
    )
    return match[1] if match else None


def says_none(value: str) -> bool:
    """Return whether a line says "none", in any words, and nothing else."""
    return _NONE.fullmatch(_words(value)) is not None


def contract_changes(previous: Manifest | None, manifest: Manifest) -> list[str]:
    """Return in words how the contract has changed since the previous release."""
    if previous is None:
        return []
    changes = [
        f"the contract {name} went from {version} to {manifest.contracts.get(name, 'none')}"
        for name, version in previous.contracts.items()
        if manifest.contracts.get(name) != version
    ]
    new_names = [name for name in manifest.contracts if name not in previous.contracts]
    changes += [f"the contract {name} is new" for name in new_names]
    if previous.service is None or manifest.service is None:
        return changes
    versions = previous.service.service_version, manifest.service.service_version
    if versions[0] != versions[1]:
        changes.append(f"the error envelope went from {versions[0]} to {versions[1]}")
    old, new = previous.service.error_codes, manifest.service.error_codes
    for what, codes in (
        ("added", [code for code in new if code not in old]),
        ("removed", [code for code in old if code not in new]),
    ):
        if codes:
            changes.append(f"error codes were {what}: {', '.join(codes)}")
    return changes


def pinned_changes(previous: Manifest | None, manifest: Manifest) -> list[str]:
    """Return in words how the values that a consumer pins have changed.

    These are the error codes and the baseline without the tag. The tag changes with each release:
    with it, "Repin required: no" could never be true.
    """
    if previous is None:
        return []
    old, new = previous.baseline(), manifest.baseline()
    changes = [
        f"{key} from {old.get(key, 'none')} to {new.get(key, 'none')}"
        for key in dict.fromkeys([*new, *old])
        if key != "release_tag" and old.get(key) != new.get(key)
    ]
    services = previous.service, manifest.service
    if services[0] and services[1] and services[0].error_codes != services[1].error_codes:
        changes.append("error_code_enum")
    return changes
