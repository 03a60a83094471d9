"""Find the section of a release in a changelog.

The headings of Markdown, reStructuredText, AsciiDoc and plain text are known, in the styles of
keep-a-changelog, towncrier, release-please, GNU and of those that begin with the date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.problems import refusal
from handoff_tasks.producer import versions
from handoff_tasks.producer.tags import service_tags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from handoff_tasks.producer.tags import TagForm

_SERVICE_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+.][0-9A-Za-z.+-]*)?")
# What may be a version of each scheme; the scheme decides.
_VERSIONS = {
    versions.SEMVER: re.compile(
        r"(?<![\w.])v?(\d+\.\d+\.\d+(?:[-+][0-9A-Za-z][0-9A-Za-z.+-]*)?)(?!\w|\.\d)"
    ),
    versions.PEP440: re.compile(
        r"(?<![\w.])v?(\d+(?:!\d+)?(?:\.\d+)+(?:[-._+]?[A-Za-z][0-9A-Za-z]*)*)"
    ),
    versions.CALVER: re.compile(r"(?<![\w.])v?(\d{2,4}(?:[.-]\d+)+(?:[.-]?[A-Za-z]\w*)?)"),
}
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"\b(?:\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}"
    rf"|\d{{1,2}}\.? {_MONTH}\.?,? \d{{4}}|{_MONTH}\.? \d{{1,2}},? \d{{4}})\b",
    re.IGNORECASE,
)
# The target of a link names versions of others: "[Unreleased](https://.../1.2.3...HEAD)".
_ADDRESS = re.compile(r"(?<=\])\([^()\s]*\)|\b[a-z]{2,10}://[^\s)\]>]*")
# "### Since 1.2.3" is not the heading of a release; "### Service 1.2.3" is.
_PREPOSITIONS = frozenset(
    {
        "after",
        "before",
        "between",
        "from",
        "in",
        "of",
        "since",
        "to",
        "until",
        "versus",
        "vs",
        "with",
    }
)
# "Changes in 1.2.3" is the heading of a release, too.
_OTHER_RELEASE = _PREPOSITIONS - {"in", "of"}
_MARKDOWN, _REST, _ASCIIDOC, _PLAIN = "markdown", "rest", "asciidoc", "plain"
_MARKUPS = {
    "md": _MARKDOWN,
    "markdown": _MARKDOWN,
    "mdx": _MARKDOWN,
    "rst": _REST,
    "adoc": _ASCIIDOC,
    "asciidoc": _ASCIIDOC,
    "txt": _PLAIN,
    # NEWS, CHANGES, ChangeLog
    "": _PLAIN,
}
_MARKED = re.compile(r" {0,3}(#{1,3})\s+")
_MARKED_ASCIIDOC = re.compile(r"(={1,4})\s+")
# "* Noteworthy changes in release 9.5 (2026-01-01) [stable]"; other items are no headings.
_GNU = re.compile(
    r"(\*{1,3}) (?=.{0,60}\b(?:changes|news|new in|version|release)\b)", re.IGNORECASE
)
# A line of its own: "Version 1.2.3 (2026-01-01)", "2026-01-01, Version 1.2.3".
_ALONE = re.compile(r"(?:[\w',:-]+\s+){0,5}v?\d[\w.+!-]*\s*(?:[:,]|[-/(\[].*)?", re.IGNORECASE)
_UNDERLINES = {
    _MARKDOWN: re.compile(r" {0,3}(?:={2,}|-{2,})\s*"),
    _PLAIN: re.compile(r" {0,3}([=~^*#+\"'`-])\1{2,}\s*"),
    _REST: re.compile(r"([!-/:-@[-`{-~])\1{2,}\s*"),
}


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading: numbers of its first and last line, level, and version.

    ``version`` is None if the heading is not that of a release.
    """

    first: int
    last: int
    level: int
    version: str | None


def section(
    changelog: str, release_tag: str, where: str = "CHANGELOG.md", tags: TagForm | None = None
) -> tuple[int, str] | None:
    """Return the line number of a release's heading and the text of its section.

    None if there is no such section. A section starts with a heading whose first version is the
    release's: ``# v1.2.3``, ``## [1.2.3] - 2026-01-01``, ``## 2026-01-01 - v1.2.3``,
    ``### Service 1.2.3``, or such a line underlined. It ends before the next heading of another
    version, and before the next one of its level or a higher one. Headings in fenced code, and
    levels of Markdown below ``###``, are ignored.

    Args:
        changelog: The text.
        release_tag: The release, as manifest and packet call it.
        where: The changelog's path, whose suffix is that of its markup.
        tags: The form of the release tags; by default that of a service.

    Raises:
        HandoffError: HP060 (there are two sections).
    """
    form = tags or service_tags()
    version = form.version(form.name(release_tag))
    naming = _Naming(form, version)
    lines = changelog.splitlines()
    sections: list[tuple[_Heading, int]] = []
    current: _Heading | None = None
    headings = _headings(lines, _markup(where), naming)
    for heading in [*headings, _Heading(len(lines) + 1, len(lines) + 1, 0, None)]:
        if current is not None:
            within = heading.level > current.level
            if within and heading.version in (None, current.version):
                continue
            if current.version == version:
                sections.append((current, heading.first))
        current = heading if heading.version is not None else None
    if not sections:
        return None
    if len(sections) > 1:
        places = " and ".join(str(heading.last) for heading, _ in sections[:2])
        message = f"two sections of {release_tag}, at the lines {places}; expected one"
        hint = "keep the section with the filled-in statement; remove or rename the other one"
        raise refusal("HP060", where, message, hint)
    heading, end = sections[0]
    return heading.last, "\n".join(lines[heading.last : end - 1])


def _markup(where: str) -> str:
    """Return the markup of a file by its suffix; Markdown if the suffix is not known."""
    name = where.rpartition("/")[2]
    return _MARKUPS.get(name.rpartition(".")[2].lower() if "." in name else "", _MARKDOWN)


def _headings(lines: Sequence[str], markup: str, naming: _Naming) -> Iterator[_Heading]:
    """Yield the headings of a text, outside fenced code."""
    fence = ""
    underlines = _Underlines(markup)
    fences = r"\s*(`{3,}|~{3,})" if markup == _MARKDOWN else r"\s*(`{3,})(?=\w*\Z)"
    for number, line in enumerate(lines, 1):
        if fence:
            if re.fullmatch(rf"\s*{fence[0]}{{{len(fence)},}}\s*", line):
                fence = ""
        elif markup != _REST and (opened := re.match(fences, line)):
            fence = opened[1]
        elif marked := _marked(line, markup):
            level, text = marked
            yield _Heading(number, number, level, naming.version(text, level))
        elif under := underlines.heading(lines, number - 1):
            height, level = under
            version = naming.version(lines[number - 2], level)
            yield _Heading(number - height + 1, number, level, version)
        elif markup == _PLAIN and _is_alone(lines, number - 1):
            yield _Heading(number, number, 1, naming.version(line, 1))


def _marked(line: str, markup: str) -> tuple[int, str] | None:
    """Return level and text of a heading that begins with a mark; None for another line."""
    marks = [_MARKED] if markup in (_MARKDOWN, _PLAIN) else []
    if markup == _ASCIIDOC:
        marks.append(_MARKED_ASCIIDOC)
    if markup == _PLAIN:
        marks.append(_GNU)
    for mark in marks:
        if match := mark.match(line):
            return len(match[1]), line[match.end() :]
    return None


class _Underlines:
    """The levels of underlined headings; in reStructuredText they are in order of appearance."""

    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._line = _UNDERLINES.get(markup)
        # Markdown has these two; plain text uses the others as it likes.
        self._styles = [] if markup == _REST else [("=", False), ("-", False)]

    def heading(self, lines: Sequence[str], index: int) -> tuple[int, int] | None:
        """Return lines and level of the heading whose underline a line is; None if it is not."""
        if self._line is None or index < 1 or not self._line.fullmatch(lines[index]):
            return None
        mark = lines[index].strip()[0]
        is_overlined = self._markup != _MARKDOWN and (
            index > 1 and lines[index - 2].strip() == lines[index].strip()
        )
        if not _is_one_line(lines, index - 1, is_overlined=is_overlined):
            return None
        style = (mark, is_overlined and self._markup == _REST)
        if style not in self._styles:
            self._styles.append(style)
        return 3 if is_overlined else 2, self._styles.index(style) + 1


def _is_one_line(lines: Sequence[str], index: int, *, is_overlined: bool = False) -> bool:
    """Return whether a line is a paragraph of one line, so that it can be underlined."""
    paragraph = re.compile(r" {0,3}(?![-*+>|<#=`~]|\d+[.)]\s)\S")
    return bool(paragraph.match(lines[index])) and (
        index == 0 or is_overlined or not paragraph.match(lines[index - 1])
    )


def _is_alone(lines: Sequence[str], index: int) -> bool:
    """Return whether a line of plain text is one paragraph that can be a release's heading."""
    around = [lines[place] for place in (index - 1, index + 1) if 0 <= place < len(lines)]
    return _ALONE.fullmatch(lines[index]) is not None and not any(line.strip() for line in around)


class _Naming:
    """Reads the version in a heading.

    Args:
        form: The form of the producer's tags.
        version: The version that is looked for, which may be a date.
    """

    def __init__(self, form: TagForm, version: str) -> None:
        self._form = form
        self._version = version
        # The whole tag, which may have digits before the version.
        self._tag = form.tag_of(version)

    def version(self, heading: str, level: int) -> str | None:
        """Return the version of a release's heading, None if it is not one. Dates are ignored."""
        text = _ADDRESS.sub(" ", heading)
        if self._form.scheme is None:
            return _service_version(text, level)
        text = _DATE.sub(lambda date: date[0] if date[0] == self._version else " ", text)
        place, found = self._first(text, self._form.scheme)
        if found is None:
            return None
        words = text[:place].split()
        if words and not text[place - 1].isspace():
            # The name of a package, or a bracket.
            words.pop()
        words = [word.lower() for word in words if any(letter.isalpha() for letter in word)]
        if not _OTHER_RELEASE.isdisjoint(words):
            return None
        # Below level 2 a word before another version is that of another subject: "Python 3.14".
        is_named = not words or words[-1] in ("version", "release")
        is_own = found == self._version and len(words) == 1
        return found if level <= 2 or is_named or is_own else None

    def _first(self, text: str, scheme: str) -> tuple[int, str | None]:
        """Return place and text of the first version; that of the release in its own spelling."""
        own = re.search(rf"(?<![\w.@/]){re.escape(self._tag)}(?![\w+]|[.-]\w)", text)
        for match in _VERSIONS[scheme].finditer(text):
            if own and own.start() <= match.start():
                return own.start(), self._version
            found = match[1].rstrip(".")
            read = versions.read_version(scheme, found)
            if read is not None:
                is_own = read == versions.read_version(scheme, self._version)
                return match.start(), self._version if is_own else found
        return (own.start(), self._version) if own else (0, None)


def _service_version(heading: str, level: int) -> str | None:
    """Return the version ``X.Y.Z`` of a release's heading, None if it is not one.

    On level 2 any words may precede the version; on other levels at most one word, which must be a
    name.
    """
    text = _DATE.sub(" ", heading)
    digit = re.search(r"\d", text)
    version = _SERVICE_VERSION.match(text, digit.start()) if digit else None
    if digit is None or version is None or text[: digit.start()].endswith("."):
        return None
    before = text[: digit.start()].split()
    if before and not text[digit.start() - 1].isspace():
        before.pop()
    words = [word for word in before if any(letter.isalpha() for letter in word)]
    named = not words or (len(words) == 1 and words[0].lower() not in _PREPOSITIONS)
    return version[0] if named or level == 2 else None
