"""What we started ends with us, whatever ends us, and only that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import scratch
from desk import until, wait_for

from handoff_tasks.checks import watcher as checks_watcher
from handoff_tasks.checks.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINUX = sys.platform.startswith("linux")

# Runs a command as a check does, and prints what is watched.
RUNS = """
import json, os, sys
from pathlib import Path
from handoff_tasks.checks import process as execute

class Watcher(execute.Watcher):
    def watch(self, process):
        super().watch(process)
        if process != os.getpid():
            print(process, flush=True)

execute.Watcher = Watcher
execute.run(
    json.loads(sys.argv[1]),
    cwd=Path.cwd(),
    environment={"PATH": os.environ["PATH"]},
    log=Path("log"),
    log_limit=1024,
    timeout=600,
    show=lambda block: None,
)
"""
# Asks a tool for its version.
ASKS = """
import json, os, sys
from pathlib import Path
from handoff_tasks.checks.questions import Question, ask

asked = Question(argv=json.loads(sys.argv[1]), cwd=Path.cwd(), environment={"PATH": os.environ["PATH"]})
ask({"tool": asked}, timeout=600)
"""
# Watches a command, holding a lock; with a second one that it watches no longer.
WATCHES = """
import os, subprocess, sys, time
from pathlib import Path
from handoff_tasks.git import locks
from handoff_tasks.checks.watcher import Watcher

with locks.hold(Path("lock"), "the lock"), Watcher() as watcher:
    watched, released = (
        subprocess.Popen(["bash", "-c", f"echo $$ > {name}.pid; until test -e gate; do sleep 0.05; done"], start_new_session=True)
        for name in ("watched", "released")
    )
    for process in (watched, released):
        watcher.watch(process.pid)
    watcher.release(released.pid)
    print("ready", flush=True)
    time.sleep(600)
"""


@contextmanager
def started(
    code: str, folder: Path, script: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start Python with this code on a command of bash; a test that fails kills it."""
    # A shell starts its background jobs with SIGQUIT ignored, and the tests may run in one.
    code = f"import signal; signal.signal(signal.SIGQUIT, signal.SIG_DFL)\n{code}"
    command = [sys.executable, "-c", code, json.dumps([scratch.program("bash"), "-c", script])]
    environment = {**os.environ, **environment}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def runs(number: int) -> bool:
    """Return whether a process is there and not a zombie."""
    done = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()[:1] not in ("", "Z")


def ends(number: int) -> bool:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 60
    while runs(number) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not runs(number)


@pytest.mark.parametrize("code", [RUNS, ASKS], ids=["a check", "a question"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT], ids=["SIGKILL", "SIGQUIT"])
def test_a_command_ends_with_us(tmp_path: Path, code: str, number: signal.Signals) -> None:
    """The whole group ends, also what does not listen, and a child in a session of its own."""
    wait = until(tmp_path / "gate")
    inner = f'bash -c "trap \'\' TERM HUP; echo \\$\\$ > b.pid; {wait}" & setsid bash -c "echo \\$\\$ > c.pid; {wait}" &'
    if not LINUX:
        inner = inner.replace("setsid ", "")
    with started(code, tmp_path, f"{inner} echo $$ > a.pid; {wait}") as process:
        found = [int(wait_for(tmp_path / f"{name}.pid")) for name in "abc"]
        process.send_signal(number)
        assert process.wait(60) == -number
    assert [name for name, one in zip("abc", found, strict=True) if not ends(one)] == []


@pytest.mark.parametrize("code", [RUNS, ASKS], ids=["a check", "a question"])
def test_a_command_is_watched_from_its_first_moment(tmp_path: Path, code: str) -> None:
    """A command that kills us at once ends with us."""
    wait = until(tmp_path / "gate")
    for number in range(5):
        script = f"trap '' TERM; echo $$ > {number}.pid; kill -KILL $PPID; {wait}"
        with started(code, tmp_path, script) as process:
            assert process.wait(60) == -signal.SIGKILL
        assert ends(int((tmp_path / f"{number}.pid").read_text()))


@pytest.mark.skipif(not LINUX, reason="only Linux hands orphans over to us")
def test_a_daemon_of_a_command_ends_with_us(tmp_path: Path) -> None:
    """A process that left group and session, and whose parent has ended, is named to the watcher as soon as it is seen."""
    wait = until(tmp_path / "gate")
    daemon = f'(setsid bash -c "echo \\$\\$ > d.pid; until [ \\$PPID != \\$(cat p.pid) ]; do :; done; {wait}" &)'
    with started(RUNS, tmp_path, f"echo $$ > p.pid; {daemon}; {wait}") as process:
        found = int(wait_for(tmp_path / "d.pid"))
        assert process.stdout is not None
        while process.stdout.readline().strip() != str(found).encode():
            pass
        process.kill()
    assert ends(found)


def test_the_lock_is_free_when_all_has_ended(tmp_path: Path) -> None:
    """Killed with a lock: the next holder waits until what was watched has ended; what is watched no longer goes on."""
    with started(WATCHES, tmp_path, "") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        watched, released = (
            int(wait_for(tmp_path / f"{name}.pid")) for name in ("watched", "released")
        )
        process.kill()
        process.wait(60)
    code = (
        "import os, subprocess, sys\nfrom pathlib import Path\nfrom handoff_tasks.git import locks\n"
        "with locks.hold(Path('lock'), 'the lock'):\n"
        "    done = subprocess.run(['ps', '-o', 'stat=', '-p', sys.argv[1]], capture_output=True, text=True)\n"
        "    print(done.stdout.strip()[:1] in ('', 'Z'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(watched)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"
    assert runs(released)
    (tmp_path / "gate").touch()
    assert ends(released)


def test_without_ps_the_group_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small machine has no ps: the group is known all the same."""
    shell = f"PATH={tmp_path}/bin; export PATH"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sleep").symlink_to(scratch.program("sleep"))
    monkeypatch.setattr(checks_watcher, "_SCRIPT", f"{shell}\n{checks_watcher._SCRIPT}")
    command = subprocess.Popen([scratch.program("sleep"), "600"], start_new_session=True)
    with command:
        watching = Watcher()
        watching.watch(command.pid)
        assert watching._process.stdin is not None
        watching._process.stdin.close()
        assert command.wait(60) == -signal.SIGKILL
        watching._process.wait(60)


def test_a_watcher_that_was_killed_stops_nothing(tmp_path: Path) -> None:
    """Nothing can be sent to it, which is not an error of the command."""
    del tmp_path
    with Watcher() as watcher:
        watcher._process.kill()
        watcher._process.wait()
        watcher.watch(os.getpid())
        watcher.release(os.getpid())
