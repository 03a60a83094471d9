"""One command, run to its end: what it did is reported as it was, and nothing of it outlives its run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import scratch
from desk import until, wait_for

from handoff_tasks import files
from handoff_tasks.checks import interrupts, programs, questions, run
from handoff_tasks.checks import process as checks_process
from handoff_tasks.checks.environment import select_variables
from handoff_tasks.formats import schemas
from handoff_tasks.producer import profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LINUX = sys.platform.startswith("linux")
PATH = os.environ.get("PATH", os.defpath)

# Runs a command with `execute.run` in a process of its own; shows its output, and prints the result at the end.
HELPER = """
import dataclasses, json, os, signal, sys
from pathlib import Path
from handoff_tasks.checks import process as execute

execute.GRACE_SECONDS = 60.0 if "patient" in sys.argv else 0.3
if "ignore-sigchld" in sys.argv:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def show(block):
    if "show" in sys.argv:
        sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()

result = execute.run(
    json.loads(sys.argv[1]),
    cwd=Path.cwd(),
    environment={"PATH": os.environ["PATH"]},
    log=Path("helper.log"),
    log_limit=1024,
    timeout=30,
    show=show,
)
reported = dataclasses.asdict(result)
if "ignore-sigchld" in sys.argv:
    reported["sigchld"] = signal.getsignal(signal.SIGCHLD).name
status = Path("/proc/self/status")
if status.exists():
    reported["peak_kib"] = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
print("result " + json.dumps(reported))
"""


def _nothing(block: bytes) -> None:
    del block


def _run(
    argv: Sequence[str],
    folder: Path,
    *,
    timeout: float = 30,
    log_limit: int = 1 << 20,
    environment: dict[str, str] | None = None,
) -> checks_process.Result:
    given = {"PATH": PATH} if environment is None else environment
    return checks_process.run(
        argv,
        cwd=folder,
        environment=given,
        log=folder / "log",
        log_limit=log_limit,
        timeout=timeout,
        show=_nothing,
    )


def _bash(
    script: str, folder: Path, *, timeout: float = 30, log_limit: int = 1 << 20
) -> checks_process.Result:
    return _run(
        [scratch.program("bash"), "-c", script], folder, timeout=timeout, log_limit=log_limit
    )


def _helper(script: str, folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        HELPER,
        json.dumps([scratch.program("bash"), "-c", script]),
        *words,
    ]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=120)
    (line,) = [line for line in out.splitlines() if line.startswith("result ")]
    reported: dict[str, Any] = json.loads(line.removeprefix("result "))
    return reported


def _gone(pid: int) -> bool:
    """Tell whether a process has ended, or does so in a moment; one that only waits to be reaped has."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if _state(pid) in {"", "Z"}:
            return True
        time.sleep(0.01)
    return False


def _state(pid: int) -> str:
    """Return the letter for a process's state, nothing when there is no such process."""
    if LINUX:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""
    return subprocess.run(
        ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout[:1]


def _pids(folder: Path) -> list[int]:
    """Return the process ids that a script has written to files ``*.pid``."""
    return [int(path.read_text()) for path in sorted(folder.glob("*.pid"))]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_process, "GRACE_SECONDS", 0.2)


# How it ended


def test_a_command_that_ends_with_0(tmp_path: Path) -> None:
    """Exit code, both streams in order, sizes, digests, last line and times are reported."""
    before = time.time()
    result = _bash("echo one; echo two >&2; echo three", tmp_path)
    after = time.time()
    assert (result.exit_code, result.signal, result.error, result.cause, result.survivors) == (
        0,
        None,
        None,
        None,
        False,
    )
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\n"
    assert (result.log_size, result.output_size) == (14, 14)
    assert result.log_sha256 == result.output_sha256 == _sha256(b"one\ntwo\nthree\n")
    assert result.last_line == "three"
    assert before <= result.started_at <= result.finished_at <= after
    assert 0 <= result.duration_ms <= (after - before) * 1000 + 1


@pytest.mark.parametrize("code", [1, 3, 127, 255])
def test_a_command_that_fails(tmp_path: Path, code: int) -> None:
    """Its exit code is reported as it is."""
    result = _bash(f"exit {code}", tmp_path)
    assert (result.exit_code, result.signal, result.error, result.cause) == (code, None, None, None)


@pytest.mark.parametrize(
    ("number", "name"),
    [("KILL", "SIGKILL"), ("SEGV", "SIGSEGV"), ("TERM", "SIGTERM"), ("HUP", "SIGHUP")],
)
def test_a_command_that_a_signal_ends(tmp_path: Path, number: str, name: str) -> None:
    """The signal is reported by its name, and there is no exit code."""
    result = _bash(f"kill -{number} $$", tmp_path)
    assert (result.exit_code, result.signal, result.error, result.cause) == (None, name, None, None)


@pytest.mark.skipif(not LINUX, reason="only Linux has real-time signals")
def test_a_signal_without_a_name_is_told_by_its_number(tmp_path: Path) -> None:
    """A real-time signal has a number only."""
    assert _bash("kill -40 $$", tmp_path).signal == "SIG40"


def test_a_command_that_cannot_be_started(tmp_path: Path) -> None:
    """The system's reason is reported, with an empty log and neither exit code nor signal."""
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "bare").write_text("no program\n")
    (tmp_path / "bare").chmod(0o755)
    for name, reason in {
        "missing": "No such file or directory",
        "plain": "Permission denied",
        "bare": "Exec format error",
    }.items():
        result = _run([str(tmp_path / name)], tmp_path)
        assert (result.error, result.exit_code, result.signal, result.cause) == (
            reason,
            None,
            None,
            None,
        )
        assert (result.log_size, result.output_size, result.last_line, result.survivors) == (
            0,
            0,
            "",
            False,
        )
        assert (tmp_path / "log").read_bytes() == b""


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """`OSError`, before the command is started."""
    with pytest.raises(IsADirectoryError):
        checks_process.run(
            [scratch.program("touch"), "started"],
            cwd=tmp_path,
            environment={},
            log=tmp_path,
            log_limit=1024,
            timeout=30,
            show=_nothing,
        )
    assert not (tmp_path / "started").exists()


@pytest.mark.skipif(not LINUX, reason="only Linux has /dev/full")
@pytest.mark.usefixtures("_short_grace")
def test_a_full_disk_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`OSError` when the log cannot take the output, and the command, which ignores TERM, does not live on."""
    script = "trap '' TERM; echo $$ > a.pid; while :; do echo 'more and more and more and more and more'; done"
    full = Path("/dev/full")
    monkeypatch.setattr(files, "stream", lambda _: full.open("wb"))
    with pytest.raises(OSError, match="No space left on device"):
        _bash(script, tmp_path)
    assert all(_gone(pid) for pid in _pids(tmp_path))
    assert len(_pids(tmp_path)) == 1


@pytest.mark.usefixtures("_short_grace")
def test_nobody_who_listens_ends_the_command(tmp_path: Path) -> None:
    """When the output cannot be shown any more, as with a closed pipe, the error is raised and nothing lives on."""

    def show(block: bytes) -> None:
        raise BrokenPipeError(f"{len(block)} bytes")

    with pytest.raises(BrokenPipeError):
        checks_process.run(
            [
                scratch.program("bash"),
                "-c",
                "trap '' TERM; echo $$ > a.pid; while :; do echo more; sleep 0.01; done",
            ],
            cwd=tmp_path,
            environment={"PATH": PATH},
            log=tmp_path / "log",
            log_limit=1024,
            timeout=30,
            show=show,
        )
    assert all(_gone(pid) for pid in _pids(tmp_path))


# What it is given


def test_it_gets_the_environment_that_is_handed_in_and_no_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of ours is added; standard input is empty; the working folder is the one that is named."""
    monkeypatch.setenv("HANDOFF_TEST", "leaked")
    assert _run([scratch.program("env")], tmp_path, environment={"ONE": "1"}).exit_code == 0
    assert (tmp_path / "log").read_text() == "ONE=1\n"
    assert _run([scratch.program("cat")], tmp_path).output_size == 0
    assert _run([scratch.program("pwd")], tmp_path).last_line == str(tmp_path)


def test_it_has_a_group_and_a_session_of_its_own(tmp_path: Path) -> None:
    """A signal from the terminal reaches us and not it."""
    assert (
        _bash(
            "ps -o pgid= -o sid= -p $$ 2>/dev/null || cut -d' ' -f5,6 /proc/$$/stat", tmp_path
        ).exit_code
        == 0
    )
    group, session = (tmp_path / "log").read_text().split()
    assert group == session
    assert int(group) != os.getpgid(0)


# Time


@pytest.mark.slow
def test_a_command_that_takes_too_long_is_asked_to_end(tmp_path: Path) -> None:
    """TERM at the limit, and what it says while it ends is in the log."""
    result = _bash(
        "trap 'echo cleaning up; exit 7' TERM; echo ready; sleep 60 & wait", tmp_path, timeout=2
    )
    assert (result.cause, result.exit_code, result.signal) == ("timeout", 7, None)
    assert (tmp_path / "log").read_text() == "ready\ncleaning up\n"
    assert 2000 <= result.duration_ms < 60_000


@pytest.mark.slow
@pytest.mark.usefixtures("_short_grace")
def test_a_command_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    """KILL after the grace, for it and for all of its group."""
    script = "trap '' TERM; (trap '' TERM; echo $BASHPID > b.pid; sleep 60) & echo $$ > a.pid; wait"
    result = _bash(script, tmp_path, timeout=2)
    assert (result.cause, result.exit_code, result.signal) == ("timeout", None, "SIGKILL")
    assert not result.survivors, "what was ended on purpose is no leftover"
    assert len(_pids(tmp_path)) == 2
    assert all(_gone(pid) for pid in _pids(tmp_path))


@pytest.mark.usefixtures("_short_grace")
def test_a_command_that_closed_its_output_is_still_limited(tmp_path: Path) -> None:
    """The limit holds for a silent command whose streams are closed."""
    result = _bash("exec >&- 2>&-; sleep 60", tmp_path, timeout=0.2)
    assert (result.cause, result.signal) == ("timeout", "SIGTERM")


@pytest.mark.slow
@pytest.mark.usefixtures("_short_grace")
def test_a_command_that_never_stops_writing_is_still_limited(tmp_path: Path) -> None:
    """The limit holds while output comes as fast as it can."""
    result = _run([scratch.program("yes")], tmp_path, timeout=2, log_limit=1024)
    assert (result.cause, result.signal, result.log_size) == ("timeout", "SIGTERM", 1024)
    assert result.duration_ms < 60_000


# What it leaves running


@pytest.mark.usefixtures("_short_grace")
@pytest.mark.parametrize("streams", ["", ">/dev/null 2>&1"])
def test_what_is_left_in_its_group_is_ended_and_told(tmp_path: Path, streams: str) -> None:
    """A background process is a survivor, whether it holds the output open or not."""
    result = _bash(f"sleep 60 {streams} & echo $! > a.pid; echo done", tmp_path)
    assert (result.exit_code, result.survivors, result.last_line) == (0, True, "done")
    assert _gone(*_pids(tmp_path))
    assert result.duration_ms < 60_000


@pytest.mark.skipif(not LINUX, reason="only Linux hands orphans over to us")
@pytest.mark.usefixtures("_short_grace")
@pytest.mark.parametrize("streams", ["", ">/dev/null 2>&1"])
def test_what_is_left_in_a_session_of_its_own_is_ended_and_told(
    tmp_path: Path, streams: str
) -> None:
    """A daemon that left group and session, twice removed and deaf to TERM, is a survivor too."""
    daemon = 'trap "" TERM; echo $$ > a.pid; while :; do sleep 0.1; done'
    result = _bash(
        f"(setsid bash -c '{daemon}' {streams} &); while [ ! -s a.pid ]; do sleep 0.01; done; echo done",
        tmp_path,
    )
    assert (result.exit_code, result.survivors, result.last_line) == (0, True, "done")
    assert _gone(*_pids(tmp_path))


@pytest.mark.skipif(not LINUX, reason="only Linux hands orphans over to us")
def test_each_process_is_asked_to_end_once_also_if_its_parent_ended_later(tmp_path: Path) -> None:
    """One in the command's group, and one whose parent, in a session of its own, ends when it is asked."""
    asked = "trap 'echo asked >> {0}; exit' TERM; touch {0}.ready; while :; do sleep 0.02; done"
    (tmp_path / "near.sh").write_text(asked.format("near"))
    (tmp_path / "far.sh").write_text(asked.format("far"))
    (tmp_path / "parent.sh").write_text("bash far.sh & trap exit TERM; wait")
    ready = " && ".join(f"[ -e {name}.ready ]" for name in ("near", "far"))
    result = _bash(
        f"(setsid bash parent.sh &) >/dev/null 2>&1; (bash near.sh &) >/dev/null 2>&1; until {ready}; do sleep 0.01; done",
        tmp_path,
    )
    assert (result.exit_code, result.survivors) == (0, True)
    assert (tmp_path / "near").read_text() == (tmp_path / "far").read_text() == "asked\n"


def test_other_children_of_ours_are_left_alone(tmp_path: Path) -> None:
    """Only what came of the command is ended, not what we had started before."""
    with subprocess.Popen([scratch.program("sleep"), "60"]) as ours:
        try:
            assert not _bash("true", tmp_path).survivors
            assert _bash("sleep 60 & true", tmp_path).survivors
            assert ours.poll() is None
        finally:
            ours.kill()


def test_processes_of_a_thread_beside_the_command_are_not_its_survivors(tmp_path: Path) -> None:
    """The import of GitPython runs git beside a command, which may end before git does."""
    has_ended = False

    def work() -> None:
        nonlocal has_ended
        beside = subprocess.Popen([scratch.program("sleep"), "1"])
        (tmp_path / "started").touch()
        has_ended = beside.wait() == 0

    result = checks_process.run(
        [scratch.program("bash"), "-c", until(tmp_path / "started")],
        cwd=tmp_path,
        environment={"PATH": PATH},
        log=tmp_path / "log",
        log_limit=1024,
        timeout=30,
        show=_nothing,
        meanwhile=work,
    )
    assert (result.exit_code, result.survivors, has_ended) == (0, False, True)


def test_children_that_it_waited_for_are_no_survivors(tmp_path: Path) -> None:
    """Ordinary pipelines and background jobs that are waited for leave no process."""
    result = _bash("seq 1000 | sort | tail -1 & (echo a; echo b) | cat; wait", tmp_path)
    assert (result.exit_code, result.survivors) == (0, False)


# Interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_the_whole_group(tmp_path: Path, number: signal.Signals) -> None:
    """The signal that stopped us is reported, all that the command had started is gone, and the output is in the log."""
    with _helper(
        "trap '' INT HUP; sleep 60 & echo $! > b.pid; echo $$ > a.pid; echo ready; wait",
        tmp_path,
        "show",
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        reported = _result(process)
    assert (
        reported["cause"],
        reported["signal"],
        reported["exit_code"],
        reported["survivors"],
    ) == (
        number.name,
        "SIGTERM",
        None,
        False,
    )
    assert all(_gone(pid) for pid in _pids(tmp_path))
    assert (tmp_path / "helper.log").read_text() == "ready\n"
    assert reported["log_sha256"] == _sha256(b"ready\n")


def test_more_interrupts_while_it_ends_change_nothing(tmp_path: Path) -> None:
    """The first one counts; the rest neither hurries nor breaks the ending."""
    script = "trap 'echo ending; until [ -e go ]; do sleep 0.05; done; echo ended; exit 4' TERM; echo ready; sleep 60 & wait"
    with _helper(script, tmp_path, "show", "patient") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "ending\n"
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            process.send_signal(number)
        (tmp_path / "go").touch()
        reported = _result(process)
    assert (reported["cause"], reported["exit_code"], reported["last_line"]) == (
        "SIGINT",
        4,
        "ended",
    )


def test_an_interrupt_while_leftovers_are_ended_counts(tmp_path: Path) -> None:
    """The command has ended, what it left has not yet: an interrupt counts."""
    # Without standard error: bash says there that TERM has ended its sleep, before or after the trap.
    left = "trap 'echo asked' TERM; touch ready; until [ -e go ]; do sleep 0.05; done"
    with _helper(
        f"({left}) 2>/dev/null & until [ -e ready ]; do sleep 0.05; done",
        tmp_path,
        "show",
        "patient",
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        (tmp_path / "go").touch()
        reported = _result(process)
    assert reported["cause"] == "SIGINT"


@pytest.mark.usefixtures("_short_grace")
def test_an_interrupt_loses_no_output(tmp_path: Path) -> None:
    """A signal that comes while output is taken neither loses it nor makes log and record disagree."""
    for _ in range(40):
        result = _bash("echo hello; kill -INT $PPID; sleep 60", tmp_path)
        assert (result.cause, result.log_size) == ("SIGINT", 6)
        assert (tmp_path / "log").read_bytes() == b"hello\n"
        assert result.log_sha256 == result.output_sha256 == _sha256(b"hello\n")


def test_handlers_are_as_before(tmp_path: Path) -> None:
    """The caller has its own handlers again."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    _bash("true", tmp_path)
    assert [signal.getsignal(number) for number in numbers] == before
    with contextlib.suppress(interrupts.Interrupted), interrupts.interruptible():
        os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in numbers] == before


def test_an_interrupt_between_commands_is_an_exception() -> None:
    """`Interrupted` tells the signal by number and name."""
    with (
        pytest.raises(interrupts.Interrupted, match=r"^SIGHUP$") as caught,
        interrupts.interruptible(),
    ):
        os.kill(os.getpid(), signal.SIGHUP)
    assert (caught.value.number, caught.value.name) == (signal.SIGHUP, "SIGHUP")


def test_an_inherited_ignore_of_sigchld_does_not_turn_failure_into_success(tmp_path: Path) -> None:
    """Where children were reaped by the system, Python would report 0 for all of them; here the exit code is true."""
    with _helper("exit 3", tmp_path, "ignore-sigchld") as process:
        reported = _result(process)
    assert (reported["exit_code"], reported["signal"], reported["error"]) == (3, None, None)
    assert reported["sigchld"] == "SIG_IGN"


# Output


def test_the_log_is_cut_at_its_limit_and_all_is_counted(tmp_path: Path) -> None:
    """The log holds the first bytes exactly; sizes and digests of log and output are kept apart; the last line is the output's."""
    everything = b"".join(b"%d\n" % number for number in range(1, 20001))
    result = _bash("seq 20000", tmp_path, log_limit=1000)
    assert (tmp_path / "log").read_bytes() == everything[:1000]
    assert (result.log_size, result.log_sha256) == (1000, _sha256(everything[:1000]))
    assert (result.output_size, result.output_sha256) == (len(everything), _sha256(everything))
    assert result.last_line == "20000"


def test_output_of_exactly_the_limit_is_not_cut(tmp_path: Path) -> None:
    """At the limit nothing is missing."""
    result = _bash("printf 12345678", tmp_path, log_limit=8)
    assert (result.log_size, result.output_size) == (8, 8)
    assert result.log_sha256 == result.output_sha256 == _sha256(b"12345678")


def test_output_is_shown_as_it_comes(tmp_path: Path) -> None:
    """``show`` gets all of it, also beyond the log's limit, and before the command has ended."""
    shown: list[bytes] = []

    def show(block: bytes) -> None:
        shown.append(block)
        (tmp_path / "seen").touch()

    result = checks_process.run(
        [
            scratch.program("bash"),
            "-c",
            "echo one; while [ ! -e seen ]; do sleep 0.01; done; echo two",
        ],
        cwd=tmp_path,
        environment={"PATH": PATH},
        log=tmp_path / "log",
        log_limit=2,
        timeout=30,
        show=show,
    )
    assert (result.cause, b"".join(shown)) == (None, b"one\ntwo\n")


@pytest.mark.parametrize(
    ("printed", "last"),
    [
        ("", ""),
        ("\\n\\n", ""),
        ("a\\nb", "b"),
        ("a\\nb\\n\\n  \\n", "b"),
        ("a\\r\\nb\\r\\n", "b"),
        ("  b  \\n", "  b  "),
        ("a\\xff\\n", "a\ufffd"),
        ("failed\\rok\\n", "failed\rok"),
        ("failed\\fok\\n", "failed\x0cok"),
        ("failed\\342\\200\\250ok\\n", "failed\u2028ok"),
    ],
)
def test_the_last_line_is_the_last_that_is_not_empty(
    tmp_path: Path, printed: str, last: str
) -> None:
    """With or without a newline at the end, in any encoding."""
    assert _bash(f"printf '{printed}'", tmp_path).last_line == last


def test_only_the_end_of_a_long_last_line_is_told(tmp_path: Path) -> None:
    """4 KiB of it are looked at."""
    assert (
        _bash("head -c 100000 /dev/zero | tr '\\0' x; echo y", tmp_path).last_line
        == "\u2026" + "x" * 4094 + "y"
    )


@pytest.mark.skipif(not LINUX, reason="the peak is read from /proc")
def test_output_is_never_held(tmp_path: Path) -> None:
    """200 MB of output pass through less than 80 MB of memory."""
    with _helper("head -c 200000000 /dev/zero", tmp_path) as process:
        reported = _result(process)
    assert (reported["exit_code"], reported["output_size"], reported["log_size"]) == (
        0,
        200_000_000,
        1024,
    )
    assert reported["peak_kib"] < 80_000


# The environment


def test_only_what_is_named_is_passed_on() -> None:
    """The allow-list, its families, the settings over both, and PATH; the rest of the caller's is gone."""
    caller = {
        "HOME": "/home/a",
        "TMPDIR": "/tmp",  # noqa: S108 - a text
        "CARGO_NET_RETRY": "3",
        "CARGO_NET_OFFLINE": "true",
        "CARGO_BUILD_JOBS": "1",
        "LC_ALL": "de_DE.UTF-8",
        "PATH": "/caller",
        "BASH_ENV": "/evil",
        "ENV": "/evil",
        "BASH_FUNC_rg%%": "() { exit 0; }",
        "SHELLOPTS": "noexec",
        "RUSTFLAGS": "-Awarnings",
        "RUST_BACKTRACE": "1",
        "LD_PRELOAD": "/evil.so",
        "PYTHONPATH": "/evil",
        "RIPGREP_CONFIG_PATH": "/evil",
        "CDPATH": "/evil",
        "XHOME": "x",
        "HOMEX": "x",
    }
    passed = ["HOME", "TMPDIR", "LC_ALL", "CARGO_NET_*", "SSL_CERT_FILE"]
    found = select_variables(caller, passed, {"LC_ALL": "C", "PATH": "/setting"}, "/bin:/usr/bin")
    assert list(found.items()) == [
        ("CARGO_NET_OFFLINE", "true"),
        ("CARGO_NET_RETRY", "3"),
        ("HOME", "/home/a"),
        ("LC_ALL", "C"),
        ("PATH", "/bin:/usr/bin"),
        ("TMPDIR", "/tmp"),  # noqa: S108 - a text
    ]
    assert select_variables(caller, [], {}, "/bin") == {"PATH": "/bin"}


def test_path_has_the_sessions_folder_first_and_absolute_entries_only() -> None:
    """Relative and empty entries, which mean the working folder, are gone; each entry stands once."""
    caller = {
        "PATH": os.pathsep.join(
            ["", ".", "/usr/bin", "bin", "/bin", "/usr/bin", "../x", "/venv/bin"]
        )
    }
    assert programs.search_path("/venv/bin", caller) == "/venv/bin:/usr/bin:/bin"
    assert programs.search_path(None, caller) == "/usr/bin:/bin:/venv/bin"
    assert programs.search_path("/venv/bin", {"PATH": "."}) == "/venv/bin"
    assert programs.search_path("/venv/bin", {}) == "/venv/bin:/bin:/usr/bin"


def test_the_first_name_that_is_there_is_taken(tmp_path: Path) -> None:
    """Names are looked up in order, on the given PATH only."""
    for name in ("shasum", "sha256sum"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / "shasum").chmod(0o755)
    assert programs.which(("sha256sum", "shasum"), str(tmp_path)) == str(tmp_path / "shasum")
    assert programs.which(("bash",), str(tmp_path)) is None


# Processes of another user

OTHERS = """
import ctypes, dataclasses, json, os, signal, sys
from pathlib import Path
from handoff_tasks.checks import process as execute

grace, kill, hurry = map(float, sys.argv[2:5])
execute.GRACE_SECONDS, execute.KILL_SECONDS, execute._HURRY_SECONDS = grace, kill, hurry
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
result = execute.run(
    json.loads(sys.argv[1]),
    cwd=Path.cwd(),
    environment={"PATH": os.environ["PATH"]},
    log=Path("helper.log"),
    log_limit=1024,
    timeout=float(sys.argv[5]),
    show=lambda block: None,
)
print("result " + json.dumps(dataclasses.asdict(result)))
"""


@pytest.fixture
def become_root() -> Iterator[Path]:
    """A folder that all users can read, with a program that runs a command as root for any caller."""
    if os.getuid() != 0 or shutil.which("setpriv") is None or not LINUX:
        pytest.skip("only root can make a program that runs as another user, and setpriv is needed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        program = folder / "become-root"
        shutil.copy(scratch.program("setpriv"), program)
        program.chmod(0o4755)
        yield folder
        for number in _pids(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)


def _others(
    folder: Path, script: str, grace: float, kill: float, hurry: float, timeout: float
) -> subprocess.Popen[str]:
    """Start `execute.run` as a user without rights."""
    command = [sys.executable, "-c", OTHERS, json.dumps([scratch.program("bash"), "-c", script])]
    return subprocess.Popen(
        [*command, str(grace), str(kill), str(hurry), str(timeout)],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )


AS_ROOT = (
    "./become-root --reuid=0 --regid=0 --clear-groups bash -c 'echo $$ > a.pid; exec sleep 600'"
)


@pytest.mark.slow
@pytest.mark.parametrize("streams", ["", ">/dev/null 2>&1"])
def test_what_cannot_be_ended_is_named_and_does_not_hold_us(
    become_root: Path, streams: str
) -> None:
    """A process of another user is left running after the last deadline, and the result names it."""
    with _others(become_root, f"{AS_ROOT} {streams} & wait", 0.2, 0.5, 0.5, 3) as process:
        reported = _result(process)
    [number] = _pids(become_root)
    assert (reported["cause"], reported["left"]) == (
        "timeout",
        [f"process {number} of user root (sleep 600)"],
    )
    assert reported["duration_ms"] < 120_000


@pytest.mark.slow
def test_a_command_of_another_user_cannot_be_ended_either(become_root: Path) -> None:
    """The command itself runs as root: without an exit code, timed out, and named."""
    with _others(become_root, f"exec {AS_ROOT}", 0.2, 0.5, 0.5, 3) as process:
        reported = _result(process)
    [number] = _pids(become_root)
    assert (reported["cause"], reported["exit_code"], reported["signal"], reported["error"]) == (
        "timeout",
        None,
        None,
        None,
    )
    assert reported["left"] == [f"process {number} of user root (sleep 600)"]


@pytest.mark.slow
def test_an_interrupt_hurries_what_cannot_be_ended(become_root: Path) -> None:
    """A signal while we wait for a process of another user ends the wait."""
    with _others(become_root, f"echo $$ > b.pid; {AS_ROOT} & wait", 0.2, 3600, 0.5, 3) as process:
        for name in ("a.pid", "b.pid"):
            wait_for(become_root / name)
        assert _gone(_pids(become_root)[1])
        process.send_signal(signal.SIGINT)
        reported = _result(process)
    assert reported["cause"] == "timeout"
    assert len(reported["left"]) == 1


def test_the_record_names_what_was_left() -> None:
    """Timed out, interrupted or failed: the reason says which process runs on."""
    check = profile.parse(
        scratch.PROFILE.encode(), "scratch", schemas.schema(schemas.PROFILE)
    ).checks[1]
    result = checks_process.Result(
        exit_code=0,
        signal=None,
        error=None,
        cause=None,
        survivors=True,
        left=("process 7 of user root (sleep 600)",),
        started_at=0,
        finished_at=0,
        duration_ms=0,
        log_size=0,
        log_sha256="",
        output_size=0,
        output_sha256="",
        last_line="",
    )
    left = "could not be ended: process 7 of user root (sleep 600)"
    assert [
        run.judge_result(check, replace(result, cause=cause), [], 3)[1]
        for cause in ("timeout", "SIGINT", None)
    ] == [
        f"not done within 3 seconds; {left}",
        f"SIGINT came while it ran; {left}",
        f"it left processes running, which {left}",
    ]


# Short questions


def ask(
    asked: Mapping[str, Sequence[str]], cwd: Path, *, timeout: float, path: str = PATH
) -> dict[str, tuple[int | None, str]]:
    """Ask questions in a folder, with PATH alone in the environment."""
    asked_there = {
        key: questions.Question(argv=argv, cwd=cwd, environment={"PATH": path})
        for key, argv in asked.items()
    }
    return questions.ask(asked_there, timeout=timeout)


def test_answers_are_told_with_their_status(tmp_path: Path) -> None:
    """Status and output of each, both streams; what is not on PATH, and what cannot be started, has no status."""
    (tmp_path / "broken").write_text("no program\n")
    (tmp_path / "broken").chmod(0o755)
    asked = {
        "good": ["bash", "-c", "echo 1.2.3; echo more >&2; pwd"],
        "bad": ["bash", "-c", "echo no; exit 3"],
        "missing": ["no-such-program"],
        "broken": ["broken"],
        "environment": ["env"],
    }
    path = f"{PATH}:{tmp_path}"
    found = ask(asked, tmp_path, timeout=30, path=path)
    assert found == {
        "good": (0, f"1.2.3\nmore\n{tmp_path}\n"),
        "bad": (3, "no\n"),
        "missing": (None, "no-such-program is not on PATH"),
        "broken": (None, "Exec format error"),
        "environment": (0, f"PATH={path}\n"),
    }


def test_questions_are_asked_side_by_side(tmp_path: Path) -> None:
    """Each waits for the other's file: one after the other they would never end."""
    wait = "touch {0}; while [ ! -e {1} ]; do sleep 0.01; done; echo {0}"
    asked = {"a": ["bash", "-c", wait.format("a", "b")], "b": ["bash", "-c", wait.format("b", "a")]}
    assert ask(asked, tmp_path, timeout=10) == {
        "a": (0, "a\n"),
        "b": (0, "b\n"),
    }


def test_an_inherited_ignore_of_sigchld_does_not_make_an_answer_good(tmp_path: Path) -> None:
    """While a check may be interrupted, the status of a tool that failed is true."""
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom handoff_tasks.checks import interrupts, questions\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "with interrupts.interruptible():\n"
        "    asked = questions.Question(argv=['bash', '-c', 'echo 1.0; exit 3'], cwd=Path.cwd(),\n"
        "        environment={'PATH': os.environ['PATH']})\n"
        "    print(questions.ask({'tool': asked}, timeout=10))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "{'tool': (3, '1.0\\n')}\n"


def test_a_long_answer_is_cut(tmp_path: Path) -> None:
    """64 KiB are enough for a version."""
    asked = {"long": ["bash", "-c", "head -c 300000 /dev/zero | tr '\\0' x"]}
    found = ask(asked, tmp_path, timeout=30)
    assert found == {"long": (0, "x" * 65536)}


@pytest.mark.slow
def test_who_does_not_answer_is_ended(tmp_path: Path) -> None:
    """No answer in time is reported as one, for it alone, and its whole group is gone."""
    asked = {
        "silent": ["bash", "-c", "sleep 60 & echo $! > a.pid; wait"],
        "quick": ["bash", "-c", "echo 1.0"],
    }
    found = ask(asked, tmp_path, timeout=4)
    assert found == {"silent": (None, "no answer within 4 s"), "quick": (0, "1.0\n")}
    assert _gone(*_pids(tmp_path))


def test_a_signal_while_a_tool_is_started_ends_the_tool(tmp_path: Path) -> None:
    """The tool sends the signal, often before its start has returned to us."""
    asked = {"tool": ["bash", "-c", "echo $$ > a.pid; kill -TERM $PPID; sleep 600"]}
    for _ in range(10):
        with pytest.raises(interrupts.Interrupted) as caught, interrupts.interruptible():
            ask(asked, tmp_path, timeout=60)
        assert caught.value.name == "SIGTERM"
        assert _gone(*_pids(tmp_path))


@pytest.mark.skipif(not LINUX, reason="setsid is not everywhere")
def test_who_leaves_a_daemon_behind_does_not_hold_us(tmp_path: Path) -> None:
    """A tool that starts a server in a session of its own has answered when it has ended."""
    start = time.monotonic()
    asked = {"tool": ["bash", "-c", "setsid sleep 600 & echo 1.0"]}
    found = ask(asked, tmp_path, timeout=60)
    assert time.monotonic() - start < 60
    assert found == {"tool": (0, "1.0\n")}
