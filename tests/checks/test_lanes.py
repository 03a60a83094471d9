"""How checks are dealt out to nox processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import scratch
from desk import NOXFILE

from handoff_tasks.checks import lanes as checks_lanes
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import schemas
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer import profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from desk import Desk

CHECK = profile.parse(scratch.PROFILE.encode(), "scratch", schemas.schema(schemas.PROFILE)).checks[
    0
]


def checks(**expected: int) -> list[profile.Check]:
    """Return checks by name, with the seconds they are expected to take."""
    return [replace(CHECK, id=name, expected_seconds=seconds) for name, seconds in expected.items()]


def test_one_job_is_one_lane_in_the_profiles_order() -> None:
    """With one job everything runs in one nox process, in order, those that must be alone too."""
    found = checks(a=1, b=90, c=5)
    found[1] = replace(found[1], alone=True)
    assert checks_lanes.plan(found, 1) == [["verify-a", "verify-b", "verify-c"]]


def test_the_longest_are_dealt_out_first() -> None:
    """Each check goes to the lane with least to do, the longest first; a lane runs its short ones first."""
    found = checks(fmt=1, clippy=43, test=93, one=1, two=1, smoke=56)
    assert checks_lanes.plan(found, 2) == [
        ["verify-fmt", "verify-one", "verify-two", "verify-test"],
        ["verify-clippy", "verify-smoke"],
    ]


def test_a_check_that_must_be_alone_has_a_lane_of_its_own() -> None:
    """It waits there for its turn while the others go on."""
    found = checks(test=93, clippy=43, smoke=56)
    found[2] = replace(found[2], alone=True)
    assert checks_lanes.plan(found, 2) == [["verify-test"], ["verify-clippy"], ["verify-smoke"]]


def test_there_are_no_more_lanes_than_checks() -> None:
    """More jobs than checks: a lane for each, no empty one."""
    assert checks_lanes.plan(checks(a=1, b=1), 8) == [["verify-a"], ["verify-b"]]


# A session that says who it is, and ends only when it is ended.
SLOW = """import os, pathlib, time
import nox

@nox.session(venv_backend="none")
def slow(session):
    made = pathlib.Path(session.posargs[0])
    made.with_suffix(".tmp").write_text(str(os.getpid()))
    made.with_suffix(".tmp").rename(made)
    time.sleep(300)
"""


def started(folder: Path, lanes: int, look: Callable[[], None]) -> None:
    """Run as many lanes of the slow session."""
    (folder / "noxfile.py").write_text(SLOW)
    checks_lanes.run(
        [["slow"]] * lanes,
        noxfile=folder / "noxfile.py",
        envdir=folder / "environments",
        words=[str(folder / "pid")],
        folder=EvidenceFolder(folder),
        say=print,
        look=look,
        meanwhile=lambda: None,
    )


def test_nothing_goes_on_when_we_fail(tmp_path: Path) -> None:
    """An exception of the progress display ends the lanes, and is not lost."""
    pid = tmp_path / "pid"

    def look() -> None:
        if pid.exists():
            raise BrokenPipeError("the reader is gone")

    with pytest.raises(BrokenPipeError, match="the reader is gone"):
        started(tmp_path, 1, look)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_folder_that_cannot_be_written_ends_what_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HP080 with the file's name; the lane that was started before is gone."""
    (tmp_path / "lane-2.nox.log").mkdir()
    lanes: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def watched(*words: Any, **settings: Any) -> subprocess.Popen[bytes]:
        started = real(*words, **settings)
        lanes.extend([started] if words[0][0] == sys.executable else [])
        return started

    monkeypatch.setattr(subprocess, "Popen", watched)
    with pytest.raises(HandoffError) as caught:
        started(tmp_path, 2, lambda: None)
    [problem] = caught.value.problems
    assert (problem.code, problem.where) == ("HP080", str(tmp_path / "lane-2.nox.log"))
    assert problem.message == "cannot be written: Is a directory"
    assert len(lanes) == 1
    assert lanes[0].returncode is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["queue.py", "platform.py", "secrets.py", "git.py", "select.py"])
def test_files_beside_the_noxfile_are_no_modules_of_pythons(desk: Desk, name: str) -> None:
    """A user's file with the name of a module stops no check, called as nox is: its own folder is not looked in."""
    (desk.folder / name).write_text("x = 1\n")
    command = [sys.executable, "-P", *desk.command("handoff-stable", *desk.words())[1:]]
    done = subprocess.run(command, cwd=desk.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [check["outcome"] for check in desk.result["checks"]] == ["passed"] * 3


@pytest.mark.slow
def test_a_noxfile_that_imports_from_its_folder_does_so_in_the_lanes(desk: Desk) -> None:
    """Called as python -m nox from there, the folder is looked in; so it is in the lanes."""
    (desk.folder / "helper.py").write_text("x = 1\n")
    (desk.folder / "noxfile.py").write_text(f"import helper\n{NOXFILE}")
    assert desk.run("handoff-stable").returncode == 0


def test_an_early_interrupt_leaves_no_words_of_nox_for_the_screen(tmp_path: Path) -> None:
    """A lane that is still starting answers a signal with a traceback: it is kept under another name, until the next run."""
    (tmp_path / "noxfile.py").write_text(
        "import sys, time\nprint('reading', file=sys.stderr, flush=True)\ntime.sleep(300)\n"
    )
    log, kept = tmp_path / "lane-1.nox.log", tmp_path / "lane-1.nox.interrupted"
    for _ in range(2):
        assert not log.exists()

        def look() -> None:
            assert not kept.exists()
            if "reading" in log.read_text():
                os.kill(os.getpid(), signal.SIGINT)

        said: list[str] = []
        stopped = checks_lanes.run(
            [["any"]],
            noxfile=tmp_path / "noxfile.py",
            envdir=tmp_path / "environments",
            words=[],
            folder=EvidenceFolder(tmp_path),
            say=said.append,
            look=look,
            meanwhile=lambda: None,
        )
        assert stopped == "SIGINT"
        assert set(said) <= {"ending the checks that run"}
        assert (log.exists(), kept.exists()) == (False, True)
