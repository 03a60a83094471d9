"""Claims about accepts that are interrupted or killed, and about two at once, through real nox."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from consumers import (
    VALIDATOR,
    Consumer,
    copy_consumer,
    nox_command,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def waiting(pinned: Consumer, tmp_path: Path) -> Consumer:
    """Return a consumer whose validator says that it runs, and waits until it may end."""
    made = copy_consumer(pinned, tmp_path)
    wait = f"touch '{tmp_path}/runs'\nuntil test -e '{tmp_path}/go'; do sleep 0.05; done\n"
    script = VALIDATOR.replace("set -euo pipefail\n", f"set -euo pipefail\n{wait}")
    made.commit("chore: wait", {"scripts/validate.sh": script})
    return made


def start(consumer: Consumer) -> subprocess.Popen[bytes]:
    """Start an accept, and wait until its validator runs."""
    place = ["--producer-root", str(consumer.releases.producer.root), *consumer.place()]
    words = [*place, str(consumer.releases.packet("v1.2.0"))]
    process = subprocess.Popen(
        nox_command(consumer.root, consumer.envdir, "handoff-accept", *words),
        cwd=consumer.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (consumer.base / "runs").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    return process


@pytest.mark.slow
def test_two_accepts_at_once(waiting: Consumer) -> None:
    """The second is refused and names the first, which ends as if it were alone."""
    first = start(waiting)
    try:
        second = copy_of_folders(waiting)
        assert second.accept() == 1
        lock = waiting.root / ".git" / "handoff-tasks" / "lock"
        message = f"another accept or rollback is running: process {first.pid}"
        assert second.problems() == [("HP129", str(lock), message)]
        (waiting.base / "go").touch()
        assert first.wait() == 0
    finally:
        first.kill()
        first.wait()
    assert waiting.result["verdict"] == "GO"


def copy_of_folders(consumer: Consumer) -> Consumer:
    """Return the same consumer with other folders for cache, evidence and result."""
    base = consumer.base / "second"
    base.mkdir()
    return Consumer(
        repository=consumer.repository,
        releases=consumer.releases,
        base=base,
        envdir=consumer.envdir,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_an_accept_that_is_ended_while_a_validator_runs(waiting: Consumer, name: str) -> None:
    """Nothing was written, and the next accept is not in its way."""
    before = waiting.contents()
    process = start(waiting)
    os.kill(process.pid, getattr(signal, name))
    status = process.wait()
    assert status == {"SIGINT": 130, "SIGTERM": 130, "SIGKILL": -9}[name]
    assert waiting.contents() == before
    if name != "SIGKILL":
        assert [code for code, _, _ in waiting.problems()] == ["HP046"]
    (waiting.base / "go").touch()
    assert waiting.accept() == 0, waiting.output
