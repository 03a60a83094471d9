"""Claims about what people see."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import check, problem, result

from handoff_tasks import screen
from handoff_tasks.model import CheckResult, Outcome


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
def test_output_is_shown_by_whole_lines(blocks: list[bytes], expected: bytes, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """However output comes in, each line stands under the check's name, made harmless."""
    lines = screen.Lines("fmt")
    for block in blocks:
        lines.show(block)
    lines.close()
    assert capsysbinary.readouterr().out == expected


def test_an_unfinished_line_waits(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A line is shown once it is whole, or at the end, and then only once."""
    lines = screen.Lines("fmt")
    lines.show(b"one\ntw")
    assert capsysbinary.readouterr().out == b"fmt | one\n"
    lines.close()
    lines.close()
    assert capsysbinary.readouterr().out == b"fmt | tw\n"


def test_an_endless_line_does_not_wait(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A line that never ends is shown in pieces, so memory stays bounded."""
    lines = screen.Lines("fmt")
    lines.show(b"a" * 16384)
    assert capsysbinary.readouterr().out == b""
    lines.show(b"b")
    assert capsysbinary.readouterr().out == b"fmt | " + b"a" * 16384 + b"b\n"


def test_what_nobody_can_read_is_not_shown(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """After 4 MiB of output a line says that the rest is in the log; lines of our own still come."""
    lines = screen.Lines("fmt")
    block = b"0123456\n" * 65536
    for _ in range(10):
        lines.show(block)
    lines.close()
    lines.line("passed in 0.1 s")
    shown = capsysbinary.readouterr().out.splitlines()
    assert shown[: 8 * 65536] == [b"fmt | 0123456"] * (8 * 65536)
    assert shown[8 * 65536 :] == [b"fmt | more output follows; from here on it is in the log only", b"fmt | passed in 0.1 s"]


def test_a_line_of_our_own(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A line of our own stands under the check's name too, and bytes of a path that are no text stay."""
    screen.Lines("fmt").line("evidence: /tmp/\udcff.json")
    screen.say("done")
    assert capsysbinary.readouterr().out == b"fmt | evidence: /tmp/\xff.json\ndone\n"


def test_a_word_from_outside_is_no_command(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """What GitHub's runner obeys at the start of a line, blanks or not, it does not find there, unless we mean it."""
    for line in ("::error::x", "  \t::add-mask::x", "a ::b::", "NO-GO  ::x::"):
        screen.say(line)
    screen.command("::error file=a::x")
    assert capsysbinary.readouterr().out.decode().split("\n") == [
        "\\x3a:error::x",
        "  \t\\x3a:add-mask::x",
        "a ::b::",
        "NO-GO  ::x::",
        "::error file=a::x",
        "",
    ]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.0 s"),
        (49, "0.0 s"),
        (250, "0.2 s"),
        (1234, "1.2 s"),
        (60_000, "1 min 0 s"),
        (125_999, "2 min 5 s"),
        (3_600_000, "60 min 0 s"),
    ],
)
def test_durations(milliseconds: int, text: str) -> None:
    """Durations are told as people say them."""
    assert screen.seconds(milliseconds) == text


def test_the_table_of_checks() -> None:
    """One line per check: name, outcome, time, log and exit code, in columns."""
    nothing = CheckResult(id="smoke", command="x", outcome=Outcome.NOT_RUN, reason="there is no evidence of it", record=None)
    results = [
        result(check()),
        result(check(4), Outcome.FAILED, "exit code 101", exit_code=101, duration_ms=125_000),
        result(check(1), Outcome.TIMED_OUT, "late", exit_code=None),
        nothing,
    ]
    assert screen.checks(results) == [
        "  fmt              passed               1.2 s  fmt.log",
        "  contract-parity  failed           2 min 5 s  contract-parity.log  exit code 101",
        "  clippy           timed out            1.2 s  clippy.log",
        "  smoke            not run",
    ]
    assert screen.checks([]) == []


def test_findings_say_a_shared_hint_once() -> None:
    """Problems are sorted; a hint that those beside each other share is said under the last of them."""
    found = [
        problem("HP061", "b", "two", "add it"),
        problem("HP061", "a", "one", "add it"),
        problem("HP062", "c", "three\nlines\x1b", "correct it"),
    ]
    assert screen.findings("NO-GO", found) == [
        "",
        "NO-GO",
        "  HP061 a: one",
        "  HP061 b: two",
        "        next: add it",
        "  HP062 c: three\\nlines\\x1b",
        "        next: correct it",
    ]
    assert screen.findings("NO-GO", []) == []


def test_the_end_of_a_log() -> None:
    """The last lines of a log stand under the check's name, made harmless, below the log's path."""
    assert screen.log_end("fmt", ["one", "\x1b[2Jtwo"], Path("fmt.log")) == [
        "",
        "fmt: the end of its log (fmt.log)",
        "  fmt | one",
        "  fmt | \\x1b[2Jtwo",
    ]


def test_a_duration_just_below_a_minute() -> None:
    """There are no sixty seconds in a minute's seconds."""
    assert screen.seconds(59_999) in ("59.9 s", "1 min 0 s")
