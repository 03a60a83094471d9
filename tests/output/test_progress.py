"""Claims about the progress of a run, on a terminal and without one."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
import scratch
from builders import check, record
from desk import until

from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.output import progress
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from desk import Desk


def on_a_terminal(
    desk: Desk, *words: str, gate: tuple[str, Path] | None = None, **environment: str
) -> tuple[int, str]:
    """Run handoff-stable on a terminal of 100 columns; return its status and output.

    ``gate`` is a pattern and a file that is made when the pattern has come.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        desk.command("handoff-stable", *desk.words(*words)),
        cwd=desk.folder,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30", **environment},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:
            break
        if not block:
            break
        said += block
        if gate and re.search(gate[0], said.decode("utf-8", "replace"), re.DOTALL):
            gate[1].touch()
    os.close(ours)
    return process.wait(), said.decode()


def colours(said: str) -> set[str]:
    """Return the colours that were switched on."""
    return set(re.findall(r"\x1b\[(?:\d+;)*(3\d)m", said))


@pytest.mark.measured
def test_a_terminal_sees_a_line_for_each_check(desk: Desk) -> None:
    """Each check has its state, time and last line of output; nothing of it stays."""
    gate = desk.folder / "gate"
    slow = scratch.check("slow", ["bash", "-c", rf"printf 'half way \033[31mred\n'; {until(gate)}"])
    desk.profile(slow, scratch.check("quick", ["true"]))
    status, said = on_a_terminal(desk, gate=("half way.*1 of 2 checks done", gate), NO_COLOR="")
    assert status == 0
    drawn, _, last = said.rpartition("\x1b[?25h")
    assert re.search(r"  slow .*running .* \d+\.\d s .*half way \\x1b\[31mred", drawn)
    assert re.search(r"  quick +\S*passed", drawn)
    assert "1 of 2 checks done, " in drawn
    assert "2 checks\r\n  slow   \x1b[32mpassed\x1b[0m " in last
    assert f"\x1b[1;32mGO\x1b[0m  {desk.shown_packet}" in last


def read_until(terminal: int, pattern: str, said: bytearray) -> None:
    """Read from a terminal into ``said`` until the pattern has come after what was read before."""
    start = len(said)
    while not re.search(pattern.encode(), bytes(said[start:]), re.DOTALL):
        assert select.select([terminal], [], [], 120)[0], said.decode("utf-8", "replace")
        said += os.read(terminal, 65536)


def test_the_board_starts_anew_after_ctrl_z(desk: Desk) -> None:
    """Ctrl-Z removes the board; after fg it is drawn below the output of the shell."""
    gate = desk.folder / "gate"
    desk.profile(scratch.check("slow", ["bash", "-c", f"echo half way; {until(gate)}"]))
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(desk.folder)
        environment = {
            **os.environ,
            "TERM": "xterm",
            "COLUMNS": "100",
            "LINES": "30",
            "PS1": "$ ",
            "NO_COLOR": "1",
        }
        words = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
        os.execve(scratch.program("bash"), words, environment)  # noqa: S606 - a shell
    said = bytearray()
    try:
        command = shlex.join(desk.command("handoff-stable", *desk.words()))
        os.write(terminal, f"{command} 2>/dev/null\n".encode())
        read_until(terminal, r"0 of 1 checks done", said)
        os.write(terminal, b"\x1a")
        read_until(terminal, r"\x1b\[\?25h.*Stopped", said)
        os.write(terminal, b"echo said by the $((1 + 1))nd command\n")
        read_until(terminal, r"said by the 2nd command\r\n", said)
        stopped = len(said)
        os.write(terminal, b"fg\n")
        read_until(terminal, r"0 of 1 checks done", said)
        first_board = bytes(said[stopped:]).partition(b"checks done")[0]
        assert b"\x1b[1A" not in first_board, "what the shell wrote is not drawn over"
        gate.touch()
        os.write(terminal, b"echo ended with $((40 + $?))\n")
        read_until(terminal, r"GO  [^\r]*packet.json\r\n.*ended with 40\r\n", said)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)
    assert desk.result["verdict"] == "GO"


def test_no_color_means_none(desk: Desk) -> None:
    """With NO_COLOR set the board is drawn all the same, without a colour."""
    gate = desk.folder / "gate"
    desk.profile(scratch.check("slow", ["bash", "-c", until(gate)]))
    status, said = on_a_terminal(desk, gate=("0 of 1 checks done", gate), NO_COLOR="1")
    assert status == 0
    assert "0 of 1 checks done" in said
    assert colours(said) == set()


def test_a_dumb_terminal_gets_lines(desk: Desk) -> None:
    """A terminal that cannot be drawn on gets what a pipe gets."""
    desk.profile(scratch.check("quick", ["true"]))
    status, said = on_a_terminal(desk, TERM="dumb")
    assert status == 0
    assert "\x1b" not in said
    assert re.search(r"\r\nquick: passed in [\d.]+ s \(1 of 1\)\r\n", said)
    assert "quick: started" not in said


def test_what_runs_is_seen_however_many_have_failed() -> None:
    """Running checks come first, then failed ones, and the number of the others."""
    lines = [progress.Line(check=f"bad-{number}", state=Outcome.FAILED) for number in range(30)]
    lines += [
        progress.Line(check="good", state=Outcome.PASSED),
        progress.Line(check="now", state=progress.RUNNING),
    ]
    shown, more = progress.choose_lines(lines, 10)
    assert [line.check for line in shown] == ["now", *(f"bad-{number}" for number in range(8))]
    assert more == 22
    shown, more = progress.choose_lines(lines[25:], 6)
    assert ([line.check for line in shown], more) == (
        ["now", *(f"bad-{number}" for number in range(25, 30))],
        0,
    )
    assert progress.choose_lines(lines, 40) == (lines, 0)


@pytest.mark.slow
@pytest.mark.measured
def test_a_low_terminal_counts_what_it_has_no_room_for(desk: Desk) -> None:
    """What runs stays in sight while more checks have failed than there are lines."""
    quick = [scratch.check(f"bad-{number}", ["false"]) for number in range(9)]
    gate = desk.folder / "gate"
    desk.profile(*quick, scratch.check("slow", ["bash", "-c", f"echo still here; {until(gate)}"]))
    status, said = on_a_terminal(
        desk, "--jobs", "1", gate=("still here.*and 5 more", gate), NO_COLOR="1", LINES="9"
    )
    assert status == 1
    assert re.search(r"  slow +running .*still here(?:.*\n){5}.*and 5 more", said)


@pytest.mark.slow
def test_without_a_terminal_there_is_a_line_at_the_end_of_each_check(desk: Desk) -> None:
    """Each line has the outcome and reason of a check; its output is in its log only."""
    gate = desk.folder / "gate"
    desk.profile(
        scratch.check("steady", ["echo", "said by steady"]),
        scratch.check("flaky", ["bash", "-c", f"echo said by flaky; test -e '{gate}'"]),
    )
    first = desk.run("handoff-stable", "--jobs", "1").stdout
    assert (
        "2 of 2 checks to run; their output goes to their logs (--show-output shows it)\n" in first
    )
    assert re.search(r"\nsteady: passed in [\d.]+ s \(1 of 2\)\nflaky: ", first)
    assert re.search(r"\nflaky: failed after [\d.]+ s: exit code 1 \(2 of 2\)\n", first)
    assert "said by steady" not in first
    gate.touch()
    second = desk.run("handoff-stable").stdout
    assert "1 of 2 checks to run; " in second
    assert re.search(r"\nflaky: passed in [\d.]+ s \(2 of 2\)\n", second)
    assert "steady: " not in second


def test_the_output_is_shown_when_asked_for(desk: Desk) -> None:
    """With --show-output the output of checks is shown under their names, and no board."""
    desk.profile(scratch.check("chatty", ["echo", "said by chatty"]))
    said = desk.run("handoff-stable", "--show-output").stdout
    assert "chatty | said by chatty\n" in said
    assert "chatty: started" not in said


def test_a_record_that_cannot_be_read_is_no_end(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A record that is invalid or incomplete is not an outcome."""
    seen = progress.open_board(EvidenceFolder(tmp_path), ["fmt", "clippy"], frozenset())
    (tmp_path / "fmt.json").write_text("{")
    seen.look()
    found = record(check(1), outcome=Outcome.TOOL_MISSING, reason="jq (not on PATH)", duration_ms=0)
    document = {**found.to_dict(), "log": None, "exit_code": None}
    (tmp_path / "clippy.json").write_text(json.dumps(document))
    seen.close()
    assert capsysbinary.readouterr().out.decode().splitlines()[1:] == [
        "clippy: tool missing after 0.0 s: jq (not on PATH) (1 of 2)"
    ]
    assert not isinstance(EvidenceFolder(tmp_path).read_record("fmt"), type(found))
