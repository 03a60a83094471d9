"""Parse and draft the consumer impact statement (DOMAIN section 5)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats import escape
from handoff_tasks.formats.schemas import nearest
from handoff_tasks.model import Statement
from handoff_tasks.problems import HandoffError, Problem, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from handoff_tasks.model import GitFacts, Manifest

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
    r"(?<!\w)<(?![\s\d=])[^<>]*>|\{\{[^{}]*\}\}|\bnone\|describe\b|\b(?:target|previous) tag/sha\b|\b(?:TODO|TBD|FIXME)\b"
)
# In a line for people there is no tab either, and no sign that is drawn in two ways.
_UNWRITTEN = re.compile(rf"[\x00-\x1f\ufe00-\ufe0f{escape.INVISIBLE}]")
_LONGEST = 4000
_LISTED = 20
_PAIRS = 5
_ROLLBACK = re.compile(r"repin to (\S+?)\s*/\s*([0-9a-f]{40})\.?\Z")
# Of the words alone, in lower case: that there is nothing, however it is put.
_NONE = re.compile(
    r"(?:none|no|nothing|nil|zero|nope|n ?a|not applicable|unchanged|(?:no|zero|without)(?: any)?(?: \w+){0,3}"
    r" (?:changes?|differences?|updates?))?(?: (?:whatsoever|at all|required|needed|necessary|known|expected))*(?: see .*)?"
)
# Nor does a line that is no more than one of these say anything.
_SAYS_NOTHING = frozenset(
    {"", "describe", "none describe", "yes no", "tbd", "tba", "todo", "fixme", "xxx", "placeholder", "fill in"}
)
_ALPHABETS = frozenset({"LATIN", "CYRILLIC", "GREEK"})
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]*)?")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"\b(?:\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}|\d{{1,2}}\.? {_MONTH}\.?,? \d{{4}}|{_MONTH}\.? \d{{1,2}},? \d{{4}})\b", re.IGNORECASE
)
# "### Since 1.2.3" speaks of a release, "### Service 1.2.3" is one.
_PREPOSITIONS = frozenset({"after", "before", "between", "from", "in", "of", "since", "to", "until", "versus", "vs", "with"})


@dataclass(frozen=True, slots=True)
class _Heading:
    """A Markdown heading: the numbers of its first and last line, its level, and the version that it names as a release's."""

    first: int
    last: int
    level: int
    version: str | None


def section(changelog: str, release_tag: str, where: str = "changelog") -> tuple[int, str] | None:
    """Return the changelog's section of a release and the line number of its heading; None if there is none.

    A section starts with a heading whose first version is the release's: ``# v1.2.3``, ``## [1.2.3] - 2026-01-01``,
    ``## 2026-01-01 - v1.2.3``, ``### Service 1.2.3``, or such a line underlined with ``=`` or ``-``. It ends before the next
    heading of another version, and before the next one of its level or a higher one. Fenced code does not count, nor do
    levels below ``###``.

    Raises `HandoffError` (HP060) if two sections are the release's; ``where`` is the changelog's path, for the message.
    """
    wanted = release_tag.removeprefix("v")
    lines = changelog.splitlines()
    found: list[tuple[_Heading, int]] = []
    current: _Heading | None = None
    for heading in [*_headings(lines), _Heading(len(lines) + 1, len(lines) + 1, 0, None)]:
        if current is not None:
            within = heading.level > current.level
            if within and heading.version in (None, current.version):
                continue
            if current.version == wanted:
                found.append((current, heading.first))
        current = heading if heading.version is not None else None
    if len(found) > 1:
        places = " and ".join(str(heading.last) for heading, _ in found[:2])
        message = f"two sections of {release_tag}, at the lines {places}; expected one"
        raise refusal("HP060", where, message, "keep the section with the filled statement, and remove or rename the other one")
    return (found[0][0].last, "\n".join(lines[found[0][0].last : found[0][1] - 1])) if found else None


def _headings(lines: Sequence[str]) -> Iterator[_Heading]:
    """Yield the headings of the levels 1 to 3, with ``#`` or underlined, outside of fenced code."""
    fence = ""
    for number, line in enumerate(lines, 1):
        if fence:
            if re.fullmatch(rf"\s*{fence[0]}{{{len(fence)},}}\s*", line):
                fence = ""
        elif opened := re.match(r"\s*(`{3,}|~{3,})", line):
            fence = opened[1]
        elif marked := re.match(r" {0,3}(#{1,3})\s+", line):
            level = len(marked[1])
            yield _Heading(number, number, level, _version(line[marked.end() :], level))
        elif number > 1 and (under := re.fullmatch(r" {0,3}(?:(={2,})|-{2,})\s*", line)) and _stands_alone(lines, number - 2):
            level = 1 if under[1] else 2
            yield _Heading(number - 1, number, level, _version(lines[number - 2], level))


def _stands_alone(lines: Sequence[str], index: int) -> bool:
    """Return whether a line is a paragraph of one line, which an underline makes a heading."""
    paragraph = re.compile(r" {0,3}(?![-*+>|<#=`~]|\d+[.)]\s)\S")
    return bool(paragraph.match(lines[index])) and (index == 0 or not paragraph.match(lines[index - 1]))


def _version(heading: str, level: int) -> str | None:
    """Return the version that a heading names as a release's; None if it names none, or only speaks of one.

    Dates do not count. On level 2 any words may stand before the version; on the others at most one, which is a name.
    """
    text = _DATE.sub(" ", heading)
    digit = re.search(r"\d", text)
    version = _VERSION.match(text, digit.start()) if digit else None
    if digit is None or version is None or text[: digit.start()].endswith("."):
        return None
    before = text[: digit.start()].split()
    if before and not text[digit.start() - 1].isspace():
        before.pop()
    words = [word for word in before if any(letter.isalpha() for letter in word)]
    named = not words or (len(words) == 1 and words[0].lower() not in _PREPOSITIONS)
    return version[0] if named or level == 2 else None


def parse(text: str, where: str, first_line: int = 1) -> Statement:
    """Return the statement whose block stands in ``text``; ``first_line`` is the number of its first line, for messages.

    A line may go on in the lines below it, indented. Raises `HandoffError` with every problem: HP060 (no block, or more than
    one), HP061 (a line missing, twice or unknown), HP062 (a placeholder, nothing, or characters that do not show).
    """
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.strip() == HEADING]
    if len(starts) != 1:
        count = f"{len(starts)} blocks" if starts else "no block"
        raise refusal("HP060", where, f"{count} '{HEADING}'; expected one", f"paste {SHOWN_BLOCK}, and fill it in")
    problems: list[Problem] = []

    def wrong(code: str, number: int, message: str) -> None:
        problems.append(Problem(code=code, where=f"{where}:{first_line + number}", message=message, hint="correct the line"))

    values: dict[str, str] = {}
    places: dict[str, int] = {}
    current: str | None = None
    begun = False
    for number, line in enumerate(lines[starts[0] + 1 :], starts[0] + 1):
        blank = not lines[number - 1].strip()
        item = re.match(r"[-*]\s+([^:]{1,80}):(?:\s+(.*))?\Z", line)
        if item:
            begun = True
            label, value = item[1].strip(), (item[2] or "").strip()
            current = LABELS.get(label)
            if current is None:
                wrong("HP061", number, f"unknown line '{label}'{nearest(label, LABELS)}; known: {', '.join(LABELS)}")
            elif current in values:
                wrong("HP061", number, f"the line '{label}' stands twice")
            else:
                values[current], places[current] = value, number
        elif line.strip() and line[:1] in " \t" and begun:
            if current:
                values[current] = f"{values[current]} {line.strip()}".strip()
        elif line.strip():
            if blank and begun:
                break
            if not line.startswith(("#", "```", "~~~")):
                wrong("HP061", number, f"'{line.strip()[:60]}' is no line of the statement")
            break
    for label, name in LABELS.items():
        if name not in values:
            problems.append(
                Problem(code="HP061", where=where, message=f"the line '{label}' is missing", hint="add it to the block")
            )
        elif reason := unfilled(values[name]):
            wrong("HP062", places[name], f"'{label}': {reason}")
    if problems:
        raise HandoffError(problems)
    return Statement(**values)


def unfilled(value: str) -> str | None:
    """Return why a line of the statement says nothing: empty, a placeholder, characters that do not show; None when it does."""
    if not value:
        return "nothing is written there"
    if found := _PLACEHOLDER.search(unicodedata.normalize("NFKC", value)):
        return f"the placeholder '{found[0]}' is not filled in"
    if found := _UNWRITTEN.search(value):
        return f"the character U+{ord(found[0]):04X} does not show"
    if unicodedata.normalize("NFC", value) != value:
        return "the text is not in Unicode's composed form (NFC)"
    if len(value) > _LONGEST:
        return f"{len(value)} characters; at most {_LONGEST} are allowed"
    if _words(value) in _SAYS_NOTHING:
        return f"'{value}' says nothing"
    for word in re.findall(r"\w+", value):
        if len({unicodedata.name(sign, "").split(" ")[0] for sign in word if sign.isalpha()} & _ALPHABETS) > 1:
            return f"the word '{word}' mixes alphabets"
    return None


def _words(value: str) -> str:
    """Return the words of a line alone, in lower case, with one space between them."""
    return " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", value).casefold()))


def rollback_pair(statement: Statement) -> tuple[str, str] | None:
    """Return tag and sha of the rollback line; None when it is of another form."""
    found = _ROLLBACK.match(statement.rollback_instruction)
    return (found[1], found[2]) if found else None


def says_none(value: str) -> bool:
    """Tell whether a line says that there is nothing, and no more than that."""
    return _NONE.fullmatch(_words(value)) is not None


def contract_changes(previous: Manifest | None, manifest: Manifest) -> list[str]:
    """Return in words what of the error contract changed since the previous release: its version (and envelope), its codes."""
    if previous is None:
        return []
    found = []
    if previous.service_version != manifest.service_version:
        found.append(f"the error envelope went from {previous.service_version} to {manifest.service_version}")
    old, new = previous.error_codes, manifest.error_codes
    for what, codes in (
        ("added", [code for code in new if code not in old]),
        ("removed", [code for code in old if code not in new]),
    ):
        if codes:
            found.append(f"error codes were {what}: {', '.join(codes)}")
    return found


def pinned_changes(previous: Manifest | None, manifest: Manifest) -> list[str]:
    """Return in words what a consumer pins and is not the previous release's: all of the baseline but the tag, and the error codes.

    The tag is another one in each release. If it counted, "no" could never be true.
    """
    if previous is None:
        return []
    old, new = previous.baseline(), manifest.baseline()
    found = [f"{key} from {old[key]} to {new[key]}" for key in new if key != "release_tag" and old[key] != new[key]]
    return [*found, *(["error_code_enum"] if previous.error_codes != manifest.error_codes else [])]


def draft(manifest: Manifest, facts: GitFacts) -> str:
    """Return the block to fill in, with all that git and the manifests know; what is left to judgement stays a placeholder."""
    target = f"{manifest.release_tag}/{manifest.commit_sha}"
    earlier = facts.history.earlier or facts.history.unstated
    known = {}
    if facts.history.changed_since_previous is not None:
        known["runtime_behavior_changes"] = "<describe>" if facts.history.changed_since_previous else "none"
    if contract_changes(facts.history.previous, manifest):
        known["required_consumer_mapping_changes"] = "<describe>"
    if pinned_changes(facts.history.previous, manifest):
        known["repin_required"] = f"yes ({target})"
    if not earlier:
        known["rollback_instruction"] = "none, this is the first release"
    return block(target, f"{earlier[0].tag}/{earlier[0].commit_sha}" if earlier else None, known)


def evidence(manifest: Manifest, facts: GitFacts) -> list[str]:
    """Return, as lines, what the draft of the block rests on."""
    target = f"{manifest.release_tag}/{manifest.commit_sha}"
    if facts.history.previous is None:
        found = [
            f"Release {target}; no earlier release is known whose own manifest states it.",
            "Nothing to compare with: each line is a person's judgement.",
        ]
    else:
        since = f"since {facts.history.previous.release_tag}"
        changed = facts.history.changed_since_previous
        count = "cannot be compared" if changed is None else f"{len(changed)} changed" if changed else "none changed"
        contract = contract_changes(facts.history.previous, manifest)
        pinned = pinned_changes(facts.history.previous, manifest)
        found = [
            f"Release {target}; the previous one is {facts.history.previous.release_tag}/{facts.history.previous.commit_sha}.",
            f"Runtime paths {since}: {count}",
            *(f"  {path}" for path in (changed or ())[:_LISTED]),
            *([f"  and {len(changed) - _LISTED} more"] if changed and len(changed) > _LISTED else []),
            f"Error contract {since}:" + ("" if contract else f" the same codes, the same envelope ({manifest.service_version})"),
            *(f"  {line}" for line in contract),
            f"What a consumer pins {since}:" + ("" if pinned else " the same but for the tag"),
            *(f"  {line}" for line in pinned),
        ]
    pairs = [f"{release.tag}/{release.commit_sha}" for release in facts.history.earlier or facts.history.unstated]
    if not pairs:
        return [*found, "Rollback: no earlier tag counts; for a first release write 'none, this is the first release'."]
    more = ["  (the first is filled in; if it was withdrawn, take another)"] if len(pairs) > 1 else []
    return [*found, "Rollback, the earlier releases:", *(f"  {pair}" for pair in pairs[:_PAIRS]), *more]


def block(target: str | None, rollback: str | None, filled: Mapping[str, str] | None = None) -> str:
    """Return the block to fill in, with the pairs that are known, as ``tag/sha``, and the lines that are ``filled``, by name."""
    known = {
        "repin_required": f"<yes/no> ({target})" if target else "<yes/no> (<target tag/sha>)",
        "rollback_instruction": f"repin to {rollback}" if rollback else "repin to <previous tag/sha>",
        **(filled or {}),
    }
    lines = [f"- {label}: {known.get(name, '<none|describe>')}" for label, name in LABELS.items()]
    return "\n".join([HEADING, *lines])
