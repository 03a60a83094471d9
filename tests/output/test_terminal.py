"""Claims about what people see."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import check, problem, result
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.output import terminal
from handoff_tasks.record import CheckResult, Outcome


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([b"one\ntwo\n"], b"fmt | one\nfmt | two\n"),
        ([b"o", b"ne\ntw", b"o"], b"fmt | one\nfmt | two\n"),
        ([b"one\r\ntwo\r", b"\n"], b"fmt | one\nfmt | two\n"),
        ([b"10%\r20%\n"], b"fmt | 10%\\x0d20%\n"),
        ([b"\n\n"], b"fmt | \nfmt | \n"),
        ([b"\x1b[2J::error::x\n"], b"fmt | \\x1b[2J::error::x\n"),
        ([b"::error::x\n"], b"fmt | ::error::x\n"),
        ([b"##[add-mask]x\n"], b"fmt | \\x23#[add-mask]x\n"),
        ([b"\xff\xfe caf\xc3\xa9\n"], b"fmt | \xff\xfe caf\xc3\xa9\n"),
        ([b"caf\xc3", b"\xa9\n"], b"fmt | caf\xc3\xa9\n"),
        ([b"\xe2\x80", b"\xaex\n"], b"fmt | \\u202ex\n"),
        ([], b""),
        ([b""], b""),
    ],
)
def test_output_is_shown_by_whole_lines(
    blocks: list[bytes], expected: bytes, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """However output comes in, each line stands under the check's name, made harmless."""
    lines = terminal.Lines("fmt")
    for block in blocks:
        lines.show(block)
    lines.close()
    assert capsysbinary.readouterr().out == expected


def test_an_unfinished_line_waits(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A line is shown once it is whole, or at the end, and then only once."""
    lines = terminal.Lines("fmt")
    lines.show(b"one\ntw")
    assert capsysbinary.readouterr().out == b"fmt | one\n"
    lines.close()
    lines.close()
    assert capsysbinary.readouterr().out == b"fmt | tw\n"


def test_an_endless_line_does_not_wait(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A line that never ends is shown in pieces, so memory stays bounded."""
    lines = terminal.Lines("fmt")
    lines.show(b"a" * 16384)
    assert capsysbinary.readouterr().out == b""
    lines.show(b"b")
    assert capsysbinary.readouterr().out == b"fmt | " + b"a" * 16384 + b"b\n"


def test_too_much_output_is_not_shown(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """After 4 MiB of output a line says that the rest is in the log."""
    lines = terminal.Lines("fmt")
    block = b"0123456\n" * 65536
    for _ in range(10):
        lines.show(block)
    lines.close()
    lines.line("passed in 0.1 s")
    shown = capsysbinary.readouterr().out.splitlines()
    assert shown[: 8 * 65536] == [b"fmt | 0123456"] * (8 * 65536)
    assert shown[8 * 65536 :] == [
        b"fmt | more output follows; from here on it is in the log only",
        b"fmt | passed in 0.1 s",
    ]


def test_a_line_of_our_own(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Other lines are shown under the check's name too, with bytes that are not UTF-8."""
    terminal.Lines("fmt").line("evidence: /tmp/\udcff.json")
    terminal.say("done")
    assert capsysbinary.readouterr().out == b"fmt | evidence: /tmp/\xff.json\ndone\n"


def test_a_word_from_outside_is_no_command(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """No line starts a command for GitHub's runner, unless it is meant to."""
    for line in ("::error::x", "  \t::add-mask::x", "a ::b::", "NO-GO  ::x::"):
        terminal.say(line)
    terminal.say_command("::error file=a::x")
    assert capsysbinary.readouterr().out.decode().split("\n") == [
        "\\x3a:error::x",
        "  \t\\x3a:add-mask::x",
        "a ::b::",
        "NO-GO  ::x::",
        "::error file=a::x",
        "",
    ]


def test_the_table_of_checks() -> None:
    """One line per check: name, outcome, time and reason, in columns."""
    nothing = CheckResult(
        id="smoke",
        command="x",
        outcome=Outcome.NOT_RUN,
        reason="there is no evidence of it",
        record=None,
    )
    results = [
        result(check()),
        result(check(4), Outcome.FAILED, "exit code 101", exit_code=101, duration_ms=125_000),
        result(check(1), Outcome.TIMED_OUT, "late", exit_code=None),
        nothing,
    ]
    assert terminal.checks(results) == [
        "  fmt              passed         1.2 s",
        "  contract-parity  failed     2 min 5 s  exit code 101",
        "  clippy           timed out      1.2 s",
        "  smoke            not run",
    ]
    assert terminal.checks([]) == []


def test_the_table_of_checks_fits_eighty_columns() -> None:
    """A long reason is cut where the row ends; it stands whole with the problems."""
    reason = "exit code 0, but its last line was 'the one that was not expected'; expected 'ok'"
    [row] = terminal.checks([result(check(4), Outcome.FAILED, reason, exit_code=0)])
    assert (
        row
        == "  contract-parity  failed  1.2 s  exit code 0, but its last line was 'the one t\u2026"
    )
    assert len(row) == 80


@pytest.mark.parametrize(
    ("outcome", "reason", "expected"),
    [
        (Outcome.FAILED, "exit code 1", "fmt failed (exit code 1)"),
        (Outcome.FAILED, "exit code 1; it left processes running", "fmt failed (exit code 1)"),
        (
            Outcome.TIMED_OUT,
            "not done within 3 seconds; ended with all",
            "fmt timed out (not done within 3 seconds)",
        ),
        (Outcome.TOOL_MISSING, None, "fmt tool missing"),
        (
            Outcome.FAILED,
            "its last line was '\x1b[2J" + "a" * 50,
            "fmt failed (its last line was '\\x1b[2Jaaaaaaaaaaaaa\u2026)",
        ),
    ],
)
def test_what_became_of_a_check_in_a_few_words(
    outcome: Outcome, reason: str | None, expected: str
) -> None:
    """Name, outcome and the first reason, made harmless and cut."""
    assert terminal.describe(result(check(), outcome, reason, exit_code=None)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  short", ["  short"]),
        (
            "  commit    one two three four five",
            ["  commit    one two", "            three four", "            five"],
        ),
        ("GO  a/path/that/is/longer/than/a/line", ["GO  a/path/that/is/longer/than/a/line"]),
        (
            "NO-GO  contract-parity failed (exit code 1)",
            ["NO-GO  contract-parity", "  failed (exit code 1)"],
        ),
        ("        next: one two three four", ["        next: one two", "              three four"]),
        (
            "  HP043 check fmt: failed: exit code 1",
            ["  HP043 check fmt:", "        failed: exit", "        code 1"],
        ),
        ("- Rollback instruction: repin to v1/2", ["- Rollback instruction:", "  repin to v1/2"]),
        (
            "see a/path/that/is/longer/than/a/line for more",
            ["see a/path/that/is/longer/than/a/line", "  for more"],
        ),
        ("word " * 8, ["word word word word word", "  word word word"]),
        ("word" + " " * 40, ["word"]),
        ("", [""]),
        (" " * 40, [""]),
    ],
)
def test_a_long_line_is_broken_between_words(line: str, expected: list[str]) -> None:
    """Further lines are indented to where the text starts; a long word stays whole."""
    assert terminal.wrap_line(line, 24) == expected


@given(
    st.text("ab |-:\u00e9", max_size=60),
    st.sampled_from(["", "  commit    ", "        next: ", "  HP001 "]),
    st.integers(1, 40),
)
def test_no_word_is_lost_or_cut(text: str, start: str, width: int) -> None:
    """No word is lost; a line that is too wide ends with a word too long to wrap."""
    pieces = terminal.wrap_line(start + text, width)
    assert " ".join(pieces).split() == (start + text).split()
    for piece in pieces[1:]:
        indent = len(piece) - len(piece.lstrip())
        assert len(piece) <= width or indent + len(piece.split()[-1]) > width


def test_many_of_a_kind_are_counted() -> None:
    """Ten of those that share code and hint are shown, and the number of the others."""
    many = [
        problem("HP033", f"sub/{number:02}", "a submodule", "put it in") for number in range(93)
    ]
    other = problem("HP054", "commit x", "differs", "look")
    assert terminal.findings("Problems:", [*many, other]) == [
        "",
        "Problems:",
        *(f"  HP033 sub/{number:02}: a submodule" for number in range(10)),
        "  HP033 and 83 more with the same next step",
        "        next: put it in",
        "  HP054 commit x: differs",
        "        next: look",
    ]
    assert len(terminal.findings("Problems:", many[:11])) == 2 + 11 + 1
    assert len(terminal.findings("Problems:", many[:12])) == 2 + 11 + 1


def test_a_path_is_shown_as_it_is_typed(tmp_path: Path) -> None:
    """Relative to the current folder, unless the whole path is shorter."""
    assert terminal.near(tmp_path / "a/b", tmp_path) == "a/b"
    assert terminal.near(tmp_path / "a", tmp_path / "b") == "../a"
    assert terminal.near(Path("/x"), tmp_path / "b") == "/x"


def test_findings_say_a_shared_hint_once() -> None:
    """Problems are sorted; a hint that those of a code share is said under the last of them."""
    found = [
        problem("HP061", "b", "two", "add it"),
        problem("HP061", "a", "one", "add it"),
        problem("HP062", "c", "three\nlines\x1b", "correct it"),
    ]
    assert terminal.findings("NO-GO", found) == [
        "",
        "NO-GO",
        "  HP061 a: one",
        "  HP061 b: two",
        "        next: add it",
        "  HP062 c: three\\nlines\\x1b",
        "        next: correct it",
    ]
    assert terminal.findings("NO-GO", []) == []


def test_the_end_of_a_log() -> None:
    """The last lines of a log stand under the check's name, made harmless, below the log's name."""
    assert terminal.log_end("fmt", ["one", "\x1b[2Jtwo"], Path("/evidence/fmt.log")) == [
        "",
        "fmt: the end of its log (fmt.log)",
        "  fmt | one",
        "  fmt | \\x1b[2Jtwo",
    ]
