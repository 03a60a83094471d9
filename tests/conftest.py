"""Fixtures that several test modules share."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import consumers
import nox_server  # noqa: F401 - keeps the configuration of coverage
import pytest
import scratch
from desk import NOXFILE, Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

# The programs of the test dependencies (rg, ruff, zizmor) are found however pytest was started.
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
)
# Hundreds of processes import the same modules: compiling them anew takes half of the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Append one line per skipped test to the file that ``HANDOFF_SKIPPED_TO`` names."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    path = os.environ.get("HANDOFF_SKIPPED_TO")
    if path is None or reporter is None or hasattr(session.config, "workerinput"):
        return
    with Path(path).open("a", encoding="utf-8") as file:
        for report in reporter.stats.get("skipped", []):
            _, _, reason = report.longrepr
            file.write(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}\n")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove variables for git, bash and the packet's time, and restore the default action of SIGHUP."""
    # Processes below nohup ignore the signal.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for name in list(os.environ):
        if name.startswith(("GIT_", "BASH_")) or name in {"ENV", "CDPATH", "SOURCE_DATE_EPOCH"}:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _unmeasured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn coverage off in the processes that a test starts: they take twice as long with it.

    Sessions that `nox_server` forks are measured, and all that a test marked ``measured`` starts.
    """
    if request.node.get_closest_marker("measured") is None:
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def _released(tmp_path_factory: pytest.TempPathFactory) -> scratch.Producer:
    """Make the producer that the tests copy; no test changes this one."""
    return scratch.producer(tmp_path_factory.mktemp("released") / "producer")


@pytest.fixture
def producer(tmp_path: Path, _released: scratch.Producer) -> scratch.Producer:
    """Return a producer with two releases; v1.1.0's tag is checked out."""
    return _released.copy(tmp_path / "producer")


@pytest.fixture(scope="session")
def envdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the environments, which are made once: no test changes them."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def desk(tmp_path: Path, envdir: Path, producer: scratch.Producer) -> Iterator[Desk]:
    """Yield a user's place with a good release checked out."""
    folder = tmp_path / "a desk #1"
    folder.mkdir()
    (folder / "noxfile.py").write_text(NOXFILE)
    made = Desk(folder=folder, producer=producer, envdir=envdir)
    made.profile()
    yield made
    made.end()


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory, envdir: Path) -> consumers.Releases:
    """Return a producer with packets of its releases; no test changes it."""
    return consumers.make_releases(tmp_path_factory.mktemp("releases"), envdir)


@pytest.fixture(scope="session")
def pinned(
    releases: consumers.Releases, tmp_path_factory: pytest.TempPathFactory, envdir: Path
) -> consumers.Consumer:
    """Return a consumer that pins v1.1.0; no test changes it."""
    return consumers.make_consumer(releases, tmp_path_factory.mktemp("pinned"), envdir)


@pytest.fixture(scope="session")
def accepted(
    pinned: consumers.Consumer, tmp_path_factory: pytest.TempPathFactory
) -> consumers.Consumer:
    """Return a consumer that has accepted v1.2.0 and committed it; no test changes it."""
    made = consumers.copy_consumer(pinned, tmp_path_factory.mktemp("accepted"))
    assert made.accept() == 0, made.output
    made.commit("chore: pin v1.2.0")
    return made


@pytest.fixture
def consumer(pinned: consumers.Consumer, tmp_path: Path) -> consumers.Consumer:
    """Return a consumer of its own that pins v1.1.0."""
    return consumers.copy_consumer(pinned, tmp_path)


@pytest.fixture
def forward(accepted: consumers.Consumer, tmp_path: Path) -> consumers.Consumer:
    """Return a consumer of its own that has accepted v1.2.0."""
    return consumers.copy_consumer(accepted, tmp_path)
