"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
import scratch
from desk import NOXFILE, Desk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has no say: no variable for git, bash or the packet's time, no signal that is ignored."""
    # nohup ignores it, for all processes below it.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for name in list(os.environ):
        if name.startswith(("GIT_", "BASH_")) or name in {"ENV", "CDPATH", "SOURCE_DATE_EPOCH"}:
            monkeypatch.delenv(name)


# Whole runs whose lines others measure already: a run that is measured takes more than twice as long.
_UNMEASURED = {
    "test_ci",
    "test_golden",
    "test_interrupts",
    "test_repositories",
    "test_resume",
    "test_sample",
    "test_same_bytes",
    "test_shapes",
    "test_two_runs",
}


@pytest.fixture(autouse=True)
def _unmeasured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that these tests start are not measured; what they run themselves is."""
    if request.module.__name__ in _UNMEASURED:
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def producer(tmp_path: Path) -> scratch.Producer:
    """Make a producer with two releases; v1.1.0's tag is checked out."""
    return scratch.producer(tmp_path / "producer")


@pytest.fixture(scope="session")
def envdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments are made once: they hold nothing that a test changes."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def desk(tmp_path: Path, envdir: Path) -> Desk:
    """A user's place with a good release checked out."""
    folder = tmp_path / "a desk #1"
    folder.mkdir()
    (folder / "noxfile.py").write_text(NOXFILE)
    made = Desk(folder=folder, producer=scratch.producer(tmp_path / "producer"), envdir=envdir)
    made.profile()
    return made
