"""Claims about the consumer impact statement's text form."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from builders import OTHER, PREVIOUS, RUNTIME, facts, manifest, quick, shown, statement
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.model import Release
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer import statement as producer_statement
from handoff_tasks.producer import statement_draft
from handoff_tasks.producer.changelog import section

FILLED = f"""\
Consumer impact:
- Runtime behavior changes: none
- Required consumer mapping changes: map write_conflict to 409
- Required test updates: none
- Repin required: yes (v1.2.3/{RUNTIME})
- Rollback instruction: repin to v1.2.2/{PREVIOUS}
"""
KNOWN = "Runtime behavior changes, Required consumer mapping changes, Required test updates, Repin required, Rollback instruction"

VALUES = (
    st.text(
        st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"], exclude_characters="<>"),
        min_size=1,
        max_size=40,
    )
    .map(lambda text: unicodedata.normalize("NFC", text).strip())
    .map(lambda text: f"on {text} indeed")
    .filter(lambda text: producer_statement.unfilled(text) is None)
)


def refused(text: str, first_line: int = 1) -> list[tuple[str, str, str, str]]:
    """Return every problem of a text that is refused."""
    with pytest.raises(HandoffError) as caught:
        producer_statement.parse(text, "CHANGELOG.md", first_line)
    return shown(caught.value)


def changed(label: str, value: str) -> str:
    """Return the filled block with another value in one line."""
    lines = [
        f"- {label}: {value}" if line.startswith(f"- {label}:") else line
        for line in FILLED.splitlines()
    ]
    return "\n".join(lines)


def test_a_filled_block_is_read() -> None:
    """The five lines of a filled block are the statement's five values."""
    assert producer_statement.parse(FILLED, "CHANGELOG.md") == statement()


@quick
@given(st.lists(VALUES, min_size=5, max_size=5), st.booleans())
def test_a_block_that_is_filled_in_is_read_as_it_was_filled(values: list[str], known: bool) -> None:
    """Whatever a person writes in place of the placeholders of the block is what the statement says."""
    lines = (
        statement_draft.block("v1.2.3/a", "v1.2.2/b").splitlines()
        if known
        else statement_draft.block(None, None).splitlines()
    )
    filled = [lines[0]]
    filled += [
        f"{line.partition(': ')[0]}: {value}" for line, value in zip(lines[1:], values, strict=True)
    ]
    assert (
        list(producer_statement.parse("\n".join(filled), "CHANGELOG.md").to_dict().values())
        == values
    )


def test_the_block_to_fill_in() -> None:
    """The block has a heading, five lines, and the pairs that are known."""
    assert statement_draft.block(None, None) == (
        "Consumer impact:\n"
        "- Runtime behavior changes: <none|describe>\n"
        "- Required consumer mapping changes: <none|describe>\n"
        "- Required test updates: <none|describe>\n"
        "- Repin required: <yes/no> (<target tag/sha>)\n"
        "- Rollback instruction: repin to <previous tag/sha>"
    )
    known = statement_draft.block("v1.2.3/abc", "v1.2.2/def").splitlines()
    assert known[4:] == [
        "- Repin required: <yes/no> (v1.2.3/abc)",
        "- Rollback instruction: repin to v1.2.2/def",
    ]


def test_a_heading_of_much_white_space_takes_no_longer() -> None:
    """A line that almost is a heading is looked at once, however long it is."""
    assert section("## " + " \t" * 100_000 + "\n## v1.2.3\n", "v1.2.3") == (
        2,
        "",
    )


def test_a_block_that_nobody_filled_in_is_refused_line_by_line() -> None:
    """No placeholder of the block passes."""
    assert refused(statement_draft.block(None, None), 10) == [
        (
            "HP062",
            "CHANGELOG.md:11",
            "'Runtime behavior changes': the placeholder '<none|describe>' is not filled in",
            "correct the line",
        ),
        (
            "HP062",
            "CHANGELOG.md:12",
            "'Required consumer mapping changes': the placeholder '<none|describe>' is not filled in",
            "correct the line",
        ),
        (
            "HP062",
            "CHANGELOG.md:13",
            "'Required test updates': the placeholder '<none|describe>' is not filled in",
            "correct the line",
        ),
        (
            "HP062",
            "CHANGELOG.md:14",
            "'Repin required': the placeholder '<yes/no>' is not filled in",
            "correct the line",
        ),
        (
            "HP062",
            "CHANGELOG.md:15",
            "'Rollback instruction': the placeholder '<previous tag/sha>' is not filled in",
            "correct the line",
        ),
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        ("<describe>", "the placeholder '<describe>' is not filled in"),
        ("changed (<target tag/sha>)", "the placeholder '<target tag/sha>' is not filled in"),
        ("repin to target tag/sha", "the placeholder 'target tag/sha' is not filled in"),
        ("previous tag/sha", "the placeholder 'previous tag/sha' is not filled in"),
        ("TODO later", "the placeholder 'TODO' is not filled in"),
        ("TBD", "the placeholder 'TBD' is not filled in"),
        ("see FIXME", "the placeholder 'FIXME' is not filled in"),
        ("a\u202eb", "the character U+202E is invisible"),
        ("a\u200bb", "the character U+200B is invisible"),
        ("a\ufeffb", "the character U+FEFF is invisible"),
        ("a\tb", "the character U+0009 is invisible"),
        ("a\xadb", "the character U+00AD is invisible"),
        ("a\U000e0041b", "the character U+E0041 is invisible"),
        ("?", "'?' does not say anything"),
        ("...", "'...' does not say anything"),
        ("_____", "'_____' does not say anything"),
        ("tbd", "'tbd' does not say anything"),
        ("Todo.", "'Todo.' does not say anything"),
        ("[describe]", "'[describe]' does not say anything"),
        ("< describe >", "'< describe >' does not say anything"),
        ("{{tests}}", "the placeholder '{{tests}}' is not filled in"),
        ("\uff1cnone\uff5cdescribe\uff1e", "the placeholder '<none|describe>' is not filled in"),
        ("n\u043ene", "the word 'n\u043ene' mixes alphabets"),
        ("a\x1b[31mb", "the character U+001B is invisible"),
        ("u\u0308ber", "the text is not in Unicode's composed form (NFC)"),
        ("a" * 4001, "4001 characters; at most 4000 are allowed"),
    ],
)
def test_values_that_say_nothing_are_refused(value: str, message: str) -> None:
    """A line that is empty, a placeholder, too long or holds characters that do not show is refused."""
    expected = (
        "HP062",
        "CHANGELOG.md:4",
        f"'Required test updates': {message}",
        "correct the line",
    )
    assert refused(changed("Required test updates", value)) == [expected]


@pytest.mark.parametrize(
    "value",
    ["a" * 4000, "returns Vec<String>", "TODOs are gone", "5 > 3", "über: a - b", "the todo list"],
)
def test_values_that_only_look_like_placeholders_are_read(value: str) -> None:
    """Generic types, comparisons, colons and words like a placeholder are text."""
    assert (
        producer_statement.parse(
            changed("Required test updates", value), "CHANGELOG.md"
        ).required_test_updates
        == value
    )


def test_a_line_goes_on_below_indented() -> None:
    """Indented lines go on with the value above, joined by one space."""
    text = FILLED.replace(
        "changes: none", "changes: the first\n  and the second\n\tand the third", 1
    )
    assert (
        producer_statement.parse(text, "CHANGELOG.md").runtime_behavior_changes
        == "the first and the second and the third"
    )


def test_a_value_may_stand_below_its_label() -> None:
    """A label with its value in the indented line below is filled in."""
    text = FILLED.replace("changes: none", "changes:\n  none", 1)
    assert producer_statement.parse(text, "CHANGELOG.md").runtime_behavior_changes == "none"


@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "# Changes\n\nText.\n\n{}\n\nMore text.\n",
        "```text\n{}```\n",
        "  {}",
        "{}\n## v1.2.2\n- other: line\n",
        "~~~\n{}~~~",
    ],
)
def test_the_block_may_stand_anywhere_in_the_text(around: str) -> None:
    """Text before and after, a fence around it or a heading after it are no part of the block."""
    assert producer_statement.parse(around.format(FILLED), "CHANGELOG.md") == statement()


def test_stars_and_blank_lines_after_the_heading_are_fine() -> None:
    """A list may have stars, and a blank line may follow the heading."""
    text = FILLED.replace("- ", "* ").replace("impact:\n", "impact:\n\n\n")
    assert producer_statement.parse(text, "CHANGELOG.md") == statement()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", "no block"),
        ("Consumer impact\n", "no block"),
        (FILLED + "\n" + FILLED, "2 blocks"),
        (FILLED * 3, "3 blocks"),
    ],
)
def test_there_is_one_block(text: str, count: str) -> None:
    """No block, or more than one, is refused: no reader has to guess which one counts."""
    message = f"{count} 'Consumer impact:'; expected one"
    assert refused(text) == [
        ("HP060", "CHANGELOG.md", message, "paste the block that is shown, and fill it in")
    ]


def test_missing_lines_are_named() -> None:
    """Each line that is missing is named."""
    text = "Consumer impact:\n- Runtime behavior changes: none\n- Required test updates: none\n- Repin required: no\n"
    assert refused(text) == [
        (
            "HP061",
            "CHANGELOG.md",
            "the line 'Required consumer mapping changes' is missing",
            "add it to the block",
        ),
        (
            "HP061",
            "CHANGELOG.md",
            "the line 'Rollback instruction' is missing",
            "add it to the block",
        ),
    ]


def test_a_line_twice_is_refused_at_its_second_place() -> None:
    """A line that stands twice is refused, even with the same value."""
    text = FILLED + "- Repin required: no\n"
    assert refused(text, 5) == [
        ("HP061", "CHANGELOG.md:11", "duplicate line 'Repin required'", "correct the line")
    ]


def test_an_unknown_line_is_refused_with_the_nearest_known_one() -> None:
    """A label that is not one of the five is refused; the one that is most like it is offered."""
    text = FILLED + "- Repin requird: no\n- Reviewer: someone\n"
    near = f"unknown line 'Repin requird' (did you mean Repin required?); known: {KNOWN}"
    assert refused(text) == [
        ("HP061", "CHANGELOG.md:7", near, "correct the line"),
        ("HP061", "CHANGELOG.md:8", f"unknown line 'Reviewer'; known: {KNOWN}", "correct the line"),
    ]


@pytest.mark.parametrize(
    "line", ["- reviewed", "and it is fine", "- Repin required:no", "1. Repin required: no"]
)
def test_a_line_of_another_form_is_refused(line: str) -> None:
    """Text that follows the block without a blank line is refused, since it may have been meant as a part of it."""
    assert refused(FILLED + line) == [
        ("HP061", "CHANGELOG.md:7", f"'{line}' is not a line of the statement", "correct the line")
    ]


def test_every_mistake_is_told_at_once() -> None:
    """A block with several mistakes is refused once, with all of them."""
    text = (
        FILLED.replace("- Required test updates: none\n", "").replace(
            "changes: none", "changes: <none|describe>"
        )
        + "- Note: x\n"
    )
    assert refused(text) == [
        (
            "HP061",
            "CHANGELOG.md",
            "the line 'Required test updates' is missing",
            "add it to the block",
        ),
        ("HP061", "CHANGELOG.md:6", f"unknown line 'Note'; known: {KNOWN}", "correct the line"),
        (
            "HP062",
            "CHANGELOG.md:2",
            "'Runtime behavior changes': the placeholder '<none|describe>' is not filled in",
            "correct the line",
        ),
    ]


@pytest.mark.parametrize(
    ("changelog", "expected"),
    [
        ("", None),
        ("# Changelog\n\n## v1.2.4\nnew\n", None),
        ("# Changelog\n\n## v1.2.3\nthis\n\n## v1.2.2\nold\n", (3, "this\n")),
        ("## [1.2.3] - 2026-01-02\nthis\n# Top\nother", (1, "this")),
        ("## [v1.2.3]\nthis\n### Fixed\nmore\n", (1, "this\n### Fixed\nmore")),
        ("##  1.2.3 and v1.2.4\nthis", (1, "this")),
        ("## v1.2.3-rc.1\nthis", None),
        ("## v1.2.3+build\nthis", None),
        ("## v1.2.3.4\nthis", None),
        ("## v11.2.3\nthis", None),
        ("## v1.2.33\nthis", None),
        ("### v1.2.3\nthis", (1, "this")),
        ("# v1.2.3\nthis", (1, "this")),
        ("#### v1.2.3\nthis", None),
        ("   ## v1.2.3\nthis", (1, "this")),
        ("    ## v1.2.3\nthis", None),
        ("# Changelog\n\n### 1.2.3\nthis\n### 1.2.2\nold", (3, "this")),
        ("# v1.2.3\nthis\n## Fixed\nmore\n# v1.2.2\nold", (1, "this\n## Fixed\nmore")),
        (
            "# 1.3.0\nnew\n## [1.2.3](https://x.example/v1.2.2...v1.2.3)\nthis\n# 1.2.0\nold",
            (3, "this"),
        ),
        ("# 1.2.3\nthis\n## 1.2.2\nold", (1, "this")),
        ("## v1.2.3\nthis\n### v1.2.2\nold", (1, "this")),
        (
            "## v1.2.3\nthis\n### Upgrading from 1.2.2\nmore",
            (1, "this\n### Upgrading from 1.2.2\nmore"),
        ),
        ("## v1.2.3\nthis\n### Since 1.2.2\nmore", (1, "this\n### Since 1.2.2\nmore")),
        ("## v1.2.3\nthis\n### v1.2.3 in short\nmore", (1, "this\n### v1.2.3 in short\nmore")),
        ("# v1.2.3\nthis\n## Fixed in 1.2.3\nmore", (1, "this\n## Fixed in 1.2.3\nmore")),
        ("# v1.2.3\nthis\n## The old service 1.2.2\nold", (1, "this")),
        ("# Changes in 1.2.3\n## v1.2.3\nthis", (2, "this")),
        ("## v1.2.4\n### Upgrading from v1.2.3\nnew", None),
        ("### Service v1.2.3\nthis", (1, "this")),
        ("## service-v1.2.3\nthis", (1, "this")),
        ("### @scope/service@1.2.3\nthis", (1, "this")),
        ("## The service 1.2.3\nthis", (1, "this")),
        ("## 2026-01-01 - v1.2.3\nthis", (1, "this")),
        ("## v1.2.3 - 2026-01-01\nthis", (1, "this")),
        ("### [2026/1/2] 1.2.3\nthis", (1, "this")),
        ("## 2 Jan 2026: v1.2.3\nthis", (1, "this")),
        ("## January 2, 2026 (1.2.3)\nthis", (1, "this")),
        ("## 2026.10.12\nthis", None),
        ("v1.2.3\n======\nthis\n\nv1.2.2\n======\nold", (2, "this\n")),
        ("Changelog\n===\n\n1.2.3 - 2026-01-01\n---\nthis\n\n1.2.2\n---\n", (5, "this\n")),
        ("1.2.3\n---\nthis\n\n1.2.2\n---\nold", (2, "this\n")),
        ("1.2.3\n===\nthis\n\nFixed\n---\nmore", (2, "this\n\nFixed\n---\nmore")),
        ("## v1.2.3\n- this\n---\nmore", (1, "- this\n---\nmore")),
        ("## v1.2.3\nthis\nand that\n---\nmore", (1, "this\nand that\n---\nmore")),
        ("## v1.2.3\nthis\n\n---\nmore", (1, "this\n\n---\nmore")),
        ("text\n1.2.3\n---\nthis", None),
        ("```text\n```sh\n## v1.2.3\n```\n## v1.2.3\nthis", (5, "this")),
        ("````\n```\n## v1.2.3\n````\n## v1.2.3\nthis", (5, "this")),
        ("## v1.2.4 after v1.2.3\nthis", None),
        ("## [New](https://x.example/v1.2.3...HEAD)\nnew\n## [1.2.3](x)\nthis", (3, "this")),
        ("```\n## v1.2.3\n```\n## v1.2.3\nthis", (4, "this")),
        ("## v1.2.3\n~~~\n## v1.2.2\n~~~\nthis\n## v1.2.2\n", (1, "~~~\n## v1.2.2\n~~~\nthis")),
        ("## v1.2.3\r\nthis\r\n## v1.2.2\r\n", (1, "this")),
        ("## v1.2.3", (1, "")),
    ],
)
def test_the_section_of_a_release(changelog: str, expected: tuple[int, str] | None) -> None:
    """The section starts at the heading whose version is the release's and ends at the next release, level or above."""
    assert section(changelog, "v1.2.3") == expected


@pytest.mark.parametrize(
    ("changelog", "lines"),
    [
        ("## v1.2.3\nfirst\n## v1.2.3\nsecond", "1 and 3"),
        ("# v1.2.3\nfirst\n\n1.2.3\n=====\nsecond", "1 and 5"),
        ("### v1.2.3\nfirst\n## The service 1.2.3\nsecond\n## 1.2.3\nthird", "1 and 3"),
    ],
)
def test_two_sections_of_a_release_are_an_error(changelog: str, lines: str) -> None:
    """Which of them counts is not for this package to choose."""
    with pytest.raises(HandoffError) as caught:
        section(changelog, "v1.2.3", "CHANGELOG.md")
    message = f"two sections of v1.2.3, at the lines {lines}; expected one"
    hint = "keep the section with the filled-in statement; remove or rename the other one"
    assert shown(caught.value) == [("HP060", "CHANGELOG.md", message, hint)]


def test_line_numbers_are_those_of_the_changelog() -> None:
    """A problem in a section names the line of the whole file."""
    changelog = "# Changelog\n\n## v1.2.3\n\n" + changed("Repin required", "")
    found = section(changelog, "v1.2.3")
    assert found is not None
    line = changelog.splitlines().index("- Repin required: ") + 1
    assert refused(found[1], found[0] + 1) == [
        ("HP062", f"CHANGELOG.md:{line}", "'Repin required': it is empty", "correct the line")
    ]


def test_the_placeholder_without_its_brackets_is_a_placeholder() -> None:
    """Only the brackets taken away, nothing is filled in yet."""
    assert [one[0] for one in refused(changed("Required test updates", "none|describe"))] == [
        "HP062"
    ]


def test_an_unknown_line_that_goes_on_below_hides_no_other() -> None:
    """A mistyped label with an indented line below it is one mistake, not six."""
    text = FILLED.replace(
        "- Runtime behavior changes: none\n",
        "- Runtime behaviour changes: the first\n  and the second\n",
    )
    assert [(code, where) for code, where, _, _ in refused(text)] == [
        ("HP061", "CHANGELOG.md"),
        ("HP061", "CHANGELOG.md:2"),
    ]


def test_a_comparison_is_no_placeholder() -> None:
    """Two comparisons in one line are text."""
    value = "latency < 5 ms, was > 7 ms"
    assert (
        producer_statement.parse(
            changed("Required test updates", value), "CHANGELOG.md"
        ).required_test_updates
        == value
    )


# The draft: what git knows, and why


def drafted(**known: Any) -> dict[str, str]:
    """Return the lines of the draft's block, by label."""
    lines = statement_draft.draft(manifest(), facts(**known)).splitlines()
    assert lines[0] == "Consumer impact:"
    return dict(line.removeprefix("- ").split(": ", 1) for line in lines[1:])


def test_the_draft_of_a_release_that_changed_everything_leaves_what_changed_to_a_person() -> None:
    """Where none would be refuted the line asks for a description; the repin is sure, and so is the pair to go back to."""
    other = manifest(
        release_tag="v1.2.2", commit_sha=PREVIOUS, expected_service_contract_version="service.v1"
    )
    assert drafted(previous=other, changed_since_previous=("crates/a.rs",)) == {
        "Runtime behavior changes": "<describe>",
        "Required consumer mapping changes": "<describe>",
        "Required test updates": "<none|describe>",
        "Repin required": f"yes (v1.2.3/{RUNTIME})",
        "Rollback instruction": f"repin to v1.2.2/{PREVIOUS}",
    }


def test_the_draft_of_a_release_that_changed_metadata_alone() -> None:
    """The runtime is known to be the same; whether anybody has to repin is for a person to say."""
    assert drafted(previous=manifest(release_tag="v1.2.2")) == {
        "Runtime behavior changes": "none",
        "Required consumer mapping changes": "<none|describe>",
        "Required test updates": "<none|describe>",
        "Repin required": f"<yes/no> (v1.2.3/{RUNTIME})",
        "Rollback instruction": f"repin to v1.2.2/{PREVIOUS}",
    }


def test_the_draft_of_a_first_release_knows_its_own_pair() -> None:
    """Nothing to compare with; an earlier tag without a manifest of its own gives the pair to go back to."""
    first: dict[str, Any] = {"earlier": (), "previous": None, "changed_since_previous": None}
    lines = drafted(**first)
    assert lines["Runtime behavior changes"] == "<none|describe>"
    assert lines["Repin required"] == f"<yes/no> (v1.2.3/{RUNTIME})"
    assert lines["Rollback instruction"] == "none, this is the first release"
    tagged = drafted(**first, unstated=(Release(tag="v1.2.2", commit_sha=OTHER),))
    assert tagged["Rollback instruction"] == f"repin to v1.2.2/{OTHER}"


@pytest.mark.parametrize(
    "known", [{}, {"changed_since_previous": ("Cargo.lock",)}, {"previous": None, "earlier": ()}]
)
def test_no_draft_is_a_statement(known: dict[str, Any]) -> None:
    """Something is always left to a person, and what is left is refused."""
    with pytest.raises(HandoffError) as caught:
        producer_statement.parse(statement_draft.draft(manifest(), facts(**known)), "draft")
    assert {problem.code for problem in caught.value.problems} == {"HP062"}


def test_the_evidence_of_a_draft() -> None:
    """What changed since which release, and what there is to go back to; of many paths the first twenty."""
    other = manifest(
        release_tag="v1.2.2", commit_sha=PREVIOUS, error_code_enum=["invalid_json", "old"]
    )
    paths = tuple(f"crates/{number:02}.rs" for number in range(22))
    assert statement_draft.evidence(
        manifest(), facts(previous=other, changed_since_previous=paths)
    ) == [
        f"Release v1.2.3/{RUNTIME}; the previous one is v1.2.2/{PREVIOUS}.",
        "Runtime paths since v1.2.2: 22 changed",
        *(f"  {path}" for path in paths[:20]),
        "  and 2 more",
        "Error contract since v1.2.2:",
        "  error codes were added: validation_error, internal_error",
        "  error codes were removed: old",
        "Pinned values since v1.2.2:",
        f"  commit_sha from {PREVIOUS} to {RUNTIME}",
        "  error_code_enum",
        "Rollback, the earlier releases:",
        f"  v1.2.2/{PREVIOUS}",
        f"  v1.2.1/{OTHER}",
        "  (the first is filled in; if it was withdrawn, take another)",
    ]


def test_the_evidence_where_nothing_changed_or_nothing_is_known() -> None:
    """It says so, and never that nothing changed where it cannot know."""
    same = manifest(release_tag="v1.2.2")
    alone = (Release(tag="v1.2.2", commit_sha=PREVIOUS),)
    assert statement_draft.evidence(manifest(), facts(previous=same, earlier=alone))[1:] == [
        "Runtime paths since v1.2.2: none changed",
        "Error contract since v1.2.2: the same codes, the same envelope (service.v2)",
        "Pinned values since v1.2.2: unchanged, except for the tag",
        "Rollback, the earlier releases:",
        f"  v1.2.2/{PREVIOUS}",
    ]
    unknown = statement_draft.evidence(
        manifest(), facts(previous=same, changed_since_previous=None)
    )
    assert unknown[1] == "Runtime paths since v1.2.2: cannot be compared"
    assert statement_draft.evidence(
        manifest(), facts(previous=None, earlier=(), changed_since_previous=None)
    ) == [
        f"Release v1.2.3/{RUNTIME}; no earlier release is known whose own manifest states it.",
        "There is nothing to compare with: a person has to judge each line.",
        "Rollback: there is no earlier release; for a first release write 'none, this is the first release'.",
    ]


@pytest.mark.parametrize(
    ("line", "nothing"),
    [
        *(
            (line, True)
            for line in (
                "none",
                "None.",
                "`none`",
                "**none**",
                "none whatsoever",
                "none at all",
                "None (see changelog)",
            )
        ),
        *(
            (line, True)
            for line in (
                "n / a",
                "N/A",
                "not applicable",
                "zero",
                "nil",
                "no changes",
                "No runtime behavior changes.",
            )
        ),
        *(
            (line, True)
            for line in (
                "no behaviour change",
                "without any changes",
                "unchanged",
                "no changes required",
            )
        ),
        *(
            (line, False)
            for line in (
                "no behaviour change: the store is split",
                "internal refactoring only: the store",
                "one new code",
            )
        ),
        *(
            (line, False)
            for line in (
                "none of the callers sees it, the store is split",
                "no changes to codes, but a slower query",
            )
        ),
    ],
)
def test_none_in_other_words_is_none(line: str, nothing: bool) -> None:
    """However a person puts it: that nothing changed is what git may refute. Who says more than that describes."""
    assert producer_statement.says_none(line) is nothing
