"""Faults while checks run: whichever process is killed or interrupted, nothing passes that did not, and the next run tells the truth."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import scratch
from desk import until, wait_for

from handoff_tasks.sessions import environments

if TYPE_CHECKING:
    from desk import Desk


def record(desk: Desk, check: str) -> dict[str, Any]:
    """Return a check's record."""
    found: dict[str, Any] = json.loads((desk.evidence() / f"{check}.json").read_bytes())
    return found


def alive(number: str) -> bool:
    """Tell whether a process is there and no zombie."""
    done = subprocess.run(
        ["ps", "-o", "stat=", "-p", number], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()[:1] not in ("", "Z")


def ends(number: str) -> None:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 60
    while alive(number):
        assert time.monotonic() < deadline, number
        time.sleep(0.02)


def parent(number: str) -> str:
    """Return the process that started another one."""
    return subprocess.run(
        ["ps", "-o", "ppid=", "-p", number], capture_output=True, text=True, check=True
    ).stdout.strip()


def slow(desk: Desk, more: str = "") -> Path:
    """Give the desk a check that says its process id, then sleeps until a file is there; return where it says it."""
    said = desk.folder / "said"
    script = f"{more} echo $$ > '{said}'; {until(desk.folder / 'gate')}"
    desk.profile(scratch.check("slow", ["bash", "-c", script]))
    return said


TRAPS = {
    "plain": "",
    "answers with 0": "trap 'exit 0' TERM INT HUP;",
    "does not listen": "trap '' TERM INT HUP;",
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("trap", ["plain", "answers with 0"])
def test_an_interrupted_check_does_not_pass(desk: Desk, number: signal.Signals, trap: str) -> None:
    """Stimulus: a signal to the nox of one check. Its group ends, the record says by what, whatever the child answers."""
    said = slow(desk, TRAPS[trap])
    nox = desk.start("verify-slow")
    command = wait_for(said)
    nox.send_signal(number)
    assert nox.wait(120) == 130
    found = record(desk, "slow")
    assert (found["outcome"], found["reason"]) == (
        "interrupted",
        f"{number.name} came while it ran; ended with all that it had started",
    )
    assert not alive(command)
    assert [code for code, _ in desk.findings()] == ["HP046"]


@pytest.mark.slow
@pytest.mark.parametrize("trap", ["answers with 0", "does not listen"])
def test_a_time_out_ends_whoever_does_not_listen(desk: Desk, trap: str) -> None:
    """Stimulus: a limit that is over. Timed out, though the child answers with 0 or not at all; nothing of it is left."""
    said = slow(desk, TRAPS[trap])
    assert desk.run("verify-slow", "--timeout", "5").returncode == 1
    assert record(desk, "slow")["outcome"] == "timed_out"
    assert not alive(wait_for(said))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_handoff_publishes_nothing(desk: Desk, number: signal.Signals) -> None:
    """Stimulus: a signal to the nox of a handoff. No packet, HP046, the command ended; then the next run is GO."""
    said = slow(desk)
    nox = desk.start("handoff-stable")
    command = wait_for(said)
    nox.send_signal(number)
    assert nox.wait(120) == 130
    assert not desk.packet.exists()
    assert {code for code, _ in desk.findings()} == {"HP046"}
    assert not alive(command)
    (desk.folder / "gate").touch()
    assert desk.run("handoff-stable").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_a_killed_handoff_leaves_no_truth_behind(desk: Desk, number: signal.Signals) -> None:
    """Stimulus: kill -9 of the outer nox, or SIGQUIT. No packet; all that it had started ends; the next run is GO."""
    said = slow(desk)
    nox = desk.start("handoff-stable")
    command = wait_for(said)
    lane = parent(command)
    nox.send_signal(number)
    nox.wait(120)
    ends(lane)
    ends(command)
    base = next((desk.folder / "cache").glob("producer-*"))
    assert not desk.packet.exists()
    assert not desk.result_path.exists()
    assert len(list(base.glob("run-*.json"))) == 1
    (desk.folder / "gate").touch()
    assert desk.run("handoff-stable", "--rerun").returncode == 0
    assert list(base.glob("run-*.json")) == []


def test_a_killed_lane_is_a_check_that_was_not_run(desk: Desk) -> None:
    """Stimulus: kill -9 of the nox that runs the check. Its command ends; NO-GO with HP047: there is no evidence of it."""
    said = slow(desk)
    nox = desk.start("handoff-stable")
    command = wait_for(said)
    os.kill(int(parent(command)), signal.SIGKILL)
    ends(command)
    assert nox.wait(120) == 1
    [problem] = desk.result["problems"]
    assert (problem["code"], problem["message"]) == ("HP047", "not_run: there is no evidence of it")
    assert not desk.packet.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "event", ["the environment is begun", "the environment is half made", "the check runs"]
)
def test_a_killed_run_does_not_disturb_the_next(desk: Desk, tmp_path: Path, event: str) -> None:
    """Stimulus: kill -9 of the outer nox, and the same command at once. GO: nothing of the first makes environments beside it."""
    desk.envdir = tmp_path / "environments of its own"
    made = Path(environments.bin_folder(desk.envdir, "verify-slow")).parent
    said = slow(desk)
    killed = []
    for _ in range(3):
        # What an earlier round has left is no event of this one.
        said.unlink(missing_ok=True)
        shutil.rmtree(made, ignore_errors=True)
        nox = desk.start("handoff-stable")
        sign = {
            "the environment is begun": made,
            "the environment is half made": made / "bin" / "python",
        }.get(event, said)
        while not sign.exists():
            assert nox.poll() is None, desk.result["problems"]
            time.sleep(0.001)
        nox.kill()
        # Not waited for: it is still a process, one that has ended.
        killed.append(nox)
    with (desk.folder / ".handoff" / "lock").open() as lock:
        # Free when the last of the killed runs has ended.
        fcntl.flock(lock, fcntl.LOCK_EX)
    half = not (made / "handoff-made.txt").exists()
    if made.exists():
        (made / "left by a killed run").touch()
    (desk.folder / "gate").touch()
    done = desk.run("handoff-stable")
    assert done.returncode == 0, done.stdout + done.stderr
    if half:
        assert not (made / "left by a killed run").exists()
    assert [nox.wait(120) for nox in killed] == [-signal.SIGKILL] * 3


@pytest.mark.slow
def test_an_interrupt_while_the_run_waits_is_one_line(desk: Desk) -> None:
    """Stimulus: SIGTERM while another check runs in the private checkout. The result says HP046, one line what to do."""
    assert desk.run("handoff-stable").returncode == 0
    base = next((desk.folder / "cache").glob("producer-*"))
    with (base / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        nox = desk.start("handoff-stable", stdout=subprocess.PIPE)
        assert nox.stdout is not None
        while nox.stdout.readline() != "waiting until no other check uses the private checkout\n":
            assert nox.poll() is None
        nox.terminate()
        assert (
            nox.stdout.read()
            == "Interrupted before any check has run. Run the same command to continue.\n"
        )
        assert nox.wait(120) == 130
    assert [(one["code"], one["message"]) for one in desk.result["problems"]] == [
        ("HP046", "the run was interrupted by SIGTERM")
    ]


@pytest.mark.slow
def test_an_interrupted_run_says_what_is_kept(desk: Desk) -> None:
    """Stimulus: Ctrl-C in the third of four checks. One line counts them, and no other says anything of problems."""
    said = slow(desk)
    gate = desk.folder / "gate"
    desk.profile(
        scratch.check("good", ["true"]),
        scratch.check("bad", ["false"]),
        scratch.check("slow", ["bash", "-c", f"echo $$ > '{said}'; {until(gate)}"]),
        scratch.check("later", ["true"]),
    )
    nox = desk.start("handoff-stable", "--jobs", "1", stdout=subprocess.PIPE)
    assert nox.stdout is not None
    wait_for(said)
    nox.send_signal(signal.SIGINT)
    lines = nox.stdout.read().splitlines()
    assert nox.wait(120) == 130
    assert (
        lines[-1]
        == "Interrupted: 1 passed and is kept, 1 failed, 2 to run. Run the same command to continue."
    )
    assert not [line for line in lines if "HP0" in line or "NO-GO" in line]


def test_a_killed_command_failed(desk: Desk) -> None:
    """Stimulus: kill -9 of the command itself. Failed, and the record names the signal."""
    said = slow(desk)
    nox = desk.start("verify-slow")
    os.kill(int(wait_for(said)), signal.SIGKILL)
    assert nox.wait(120) == 1
    found = record(desk, "slow")
    assert (found["outcome"], found["signal"], found["exit_code"]) == ("failed", "SIGKILL", None)


DAEMON = 'import os; os.fork() or (os.setsid(), os.fork() or os.execvp("sleep", ["sleep", "60"]))'


@pytest.mark.parametrize(
    "start",
    [
        "sleep 60 &",
        "(setsid sleep 60 &);",
        "nohup sleep 60 >/dev/null 2>&1 &",
        f"python3 -c '{DAEMON}';",
    ],
)
def test_who_leaves_processes_behind_does_not_pass(desk: Desk, start: str) -> None:
    """Stimulus: a command that ends with 0 and leaves a child, one in a session of its own, a daemon. Failed, and all are ended."""
    desk.profile(scratch.check("leaves", ["bash", "-c", f"{start} true"], tools=["bash"]))
    assert desk.run("verify-leaves").returncode == 1
    found = record(desk, "leaves")
    assert found["exit_code"] == 0
    assert found["reason"] == "it left processes running"


def test_a_signal_ignored_by_the_caller_changes_nothing(desk: Desk) -> None:
    """Stimulus: a caller that ignores SIGCHLD, under which failures look like passes. The failure is one."""
    desk.profile(scratch.check("bad", ["false"]))
    command = desk.command("verify-bad", *desk.words())
    done = subprocess.run(
        command,
        cwd=desk.folder,
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert record(desk, "bad")["outcome"] == "failed"
