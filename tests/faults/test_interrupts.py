"""Faults while checks run: whoever is killed or interrupted, nothing passes that did not, and the next run tells the truth."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
import scratch

if TYPE_CHECKING:
    from pathlib import Path

    from desk import Desk


def waited(path: Path) -> str:
    """Wait for a file with a line in it; return that."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and (text := path.read_text()).endswith("\n"):
            return text.strip()
        time.sleep(0.01)
    raise AssertionError(path)


def begun(desk: Desk, session: str, *words: str) -> subprocess.Popen[bytes]:
    """Start a session."""
    command = desk.command(session, *desk.words(*words))
    return subprocess.Popen(command, cwd=desk.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def record(desk: Desk, check: str) -> dict[str, Any]:
    """Return a check's record."""
    found: dict[str, Any] = json.loads((desk.evidence() / f"{check}.json").read_bytes())
    return found


def alive(number: str) -> bool:
    """Tell whether a process is there and no zombie."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", number], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in ("", "Z")


def slow(desk: Desk, more: str = "") -> Path:
    """Give the desk a check that says its process id, then sleeps until a file is there; return where it says it."""
    said = desk.folder / "said"
    script = f"{more} echo $$ > '{said}'; for i in $(seq 300); do test -e '{desk.folder}/gate' && exit 0; sleep 0.1; done"
    desk.profile(scratch.check("slow", ["bash", "-c", script]))
    return said


TRAPS = {"plain": "", "answers with 0": "trap 'exit 0' TERM INT HUP;", "does not listen": "trap '' TERM INT HUP;"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("trap", ["plain", "answers with 0"])
def test_an_interrupted_check_does_not_pass(desk: Desk, number: signal.Signals, trap: str) -> None:
    """Stimulus: a signal to the nox of one check. Its group ends, the record says by what, whatever the child answers."""
    said = slow(desk, TRAPS[trap])
    nox = begun(desk, "verify-slow")
    command = waited(said)
    nox.send_signal(number)
    assert nox.wait(30) == 130
    found = record(desk, "slow")
    assert (found["outcome"], found["reason"]) == (
        "interrupted",
        f"{number.name} came while it ran; ended with all that it had started",
    )
    assert not alive(command)
    assert [code for code, _ in desk.findings()] == ["HP046"]


@pytest.mark.parametrize("trap", ["answers with 0", "does not listen"])
def test_a_time_out_ends_whoever_does_not_listen(desk: Desk, trap: str) -> None:
    """Stimulus: a limit that is over. Timed out, though the child answers with 0 or not at all; nothing of it is left."""
    said = slow(desk, TRAPS[trap])
    assert desk.run("verify-slow", "--timeout", "1").returncode == 1
    assert record(desk, "slow")["outcome"] == "timed_out"
    assert not alive(waited(said))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_handoff_publishes_nothing(desk: Desk, number: signal.Signals) -> None:
    """Stimulus: a signal to the nox of a handoff. No packet, HP046, the command ended; then the next run is GO."""
    said = slow(desk)
    nox = begun(desk, "handoff-stable")
    command = waited(said)
    nox.send_signal(number)
    assert nox.wait(60) == 130
    assert not desk.packet.exists()
    assert {code for code, _ in desk.findings()} == {"HP046"}
    assert not alive(command)
    (desk.folder / "gate").touch()
    assert desk.run("handoff-stable").returncode == 0


def test_a_killed_handoff_leaves_no_truth_behind(desk: Desk) -> None:
    """Stimulus: kill -9 of the outer nox. No packet and no result; its lane ends, what it left is swept, and the next run is GO."""
    said = slow(desk)
    nox = begun(desk, "handoff-stable")
    waited(said)
    nox.kill()
    nox.wait()
    base = next((desk.folder / "cache").glob("producer-*"))
    assert not desk.packet.exists()
    assert not desk.result_path.exists()
    assert len(list(base.glob("run-*.json"))) == 1
    (desk.folder / "gate").touch()
    assert desk.run("handoff-stable", "--rerun").returncode == 0
    assert list(base.glob("run-*.json")) == []


def test_a_killed_lane_is_a_check_that_was_not_run(desk: Desk) -> None:
    """Stimulus: kill -9 of the nox that runs the check. NO-GO with HP047: there is no evidence of it."""
    said = slow(desk)
    nox = begun(desk, "handoff-stable")
    command = waited(said)
    lane = subprocess.run(["ps", "-o", "ppid=", "-p", command], capture_output=True, text=True, check=True).stdout.strip()
    os.kill(int(lane), signal.SIGKILL)
    (desk.folder / "gate").touch()
    assert nox.wait(60) == 1
    [problem] = desk.result["problems"]
    assert (problem["code"], problem["message"]) == ("HP047", "not_run: there is no evidence of it")
    assert not desk.packet.exists()


def test_a_killed_command_failed(desk: Desk) -> None:
    """Stimulus: kill -9 of the command itself. Failed, and the record names the signal."""
    said = slow(desk)
    nox = begun(desk, "verify-slow")
    os.kill(int(waited(said)), signal.SIGKILL)
    assert nox.wait(30) == 1
    found = record(desk, "slow")
    assert (found["outcome"], found["signal"], found["exit_code"]) == ("failed", "SIGKILL", None)


DAEMON = 'import os; os.fork() or (os.setsid(), os.fork() or os.execvp("sleep", ["sleep", "60"]))'


@pytest.mark.parametrize(
    "start", ["sleep 60 &", "(setsid sleep 60 &);", "nohup sleep 60 >/dev/null 2>&1 &", f"python3 -c '{DAEMON}';"]
)
def test_who_leaves_processes_behind_does_not_pass(desk: Desk, start: str) -> None:
    """Stimulus: a command that ends with 0 and leaves a child, one in a session of its own, a daemon. Failed, and all are ended."""
    desk.profile(scratch.check("leaves", ["bash", "-c", f"{start} sleep 0.2; true"], tools=["bash"]))
    assert desk.run("verify-leaves").returncode == 1
    found = record(desk, "leaves")
    assert found["exit_code"] == 0
    assert found["reason"] == "it left processes running"


def test_a_signal_ignored_by_the_caller_changes_nothing(desk: Desk) -> None:
    """Stimulus: a caller that ignores SIGCHLD, under which failures look like passes. The failure is one."""
    desk.profile(scratch.check("bad", ["false"]))
    command = desk.command("verify-bad", *desk.words())
    done = subprocess.run(
        command, cwd=desk.folder, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert record(desk, "bad")["outcome"] == "failed"
