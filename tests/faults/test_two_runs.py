"""Faults of two at once: one works, the other says who holds what it wants, and nothing is mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import scratch
from desk import NOXFILE, Desk, until, wait_for

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """A desk with a quick check, and one that waits until a file is there."""
    script = f"touch '{desk.folder}/begun.there'; {until(desk.folder / 'gate')}"
    desk.profile(scratch.check("slow", ["bash", "-c", script]), scratch.check("quick", ["true"]))
    return desk


def first_of(desk: Desk, session: str = "handoff-stable") -> subprocess.Popen[str]:
    """Start a handoff, or another session; return it once its slow check runs."""
    nox = desk.start(session)
    wait_for(desk.folder / "begun.there")
    return nox


def other_desk(desk: Desk, folder: Path) -> Desk:
    """Return another user's desk with the same producer, profile and environments."""
    folder.mkdir()
    (folder / "noxfile.py").write_text(NOXFILE)
    (folder / "handoff.toml").write_bytes((desk.folder / "handoff.toml").read_bytes())
    return Desk(folder=folder, producer=desk.producer, envdir=desk.envdir)


def ended(desk: Desk, nox: subprocess.Popen[str]) -> int:
    """Let the first one end; return its exit code."""
    (desk.folder / "gate").touch()
    return nox.wait(120)


def said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return the problems of a refused run, in the lines that were printed."""
    return [line.strip() for line in done.stdout.splitlines() if line.startswith("  HP")]


@pytest.mark.slow
def test_one_work_folder(busy: Desk, tmp_path: Path) -> None:
    """Stimulus: a second run with another cache, in the same work folder. HP006 names the holder; the first one is GO."""
    first = first_of(busy)
    done = busy.bare(
        "handoff-stable",
        "--producer-root",
        str(busy.producer.root),
        "--cache-dir",
        str(tmp_path / "other cache"),
    )
    assert done.returncode == 1
    [problem] = said(done)
    assert problem.startswith(
        f"HP006 {busy.folder}/.handoff/lock: the work folder is in use by process "
    )
    assert ended(busy, first) == 0


def test_one_cache_folder(busy: Desk, tmp_path: Path) -> None:
    """Stimulus: another run of the same producer in the same cache. HP006 names the checkout's holder; the first one is GO."""
    first = first_of(busy)
    other = other_desk(busy, tmp_path / "other desk")
    done = other.bare(
        "handoff-stable",
        "--producer-root",
        str(busy.producer.root),
        "--cache-dir",
        str(busy.folder / "cache"),
    )
    assert done.returncode == 1
    [problem] = said(done)
    assert "run.lock: the private checkout is in use by process " in problem
    assert ended(busy, first) == 0


def test_an_assembly_beside_a_run(busy: Desk) -> None:
    """Stimulus: handoff-assemble while a handoff runs. HP006; nothing is published by it."""
    first = first_of(busy)
    done = busy.bare("handoff-assemble", *busy.place(), "--mode", "stable")
    assert done.returncode == 1
    assert said(done)[0].startswith("HP006 ")
    assert not busy.packet.exists()
    assert ended(busy, first) == 0


def test_a_check_alone_beside_a_run(busy: Desk) -> None:
    """Stimulus: a check alone while a handoff runs it. HP006 names the handoff; what that has of the check stays, and it is GO."""
    first = first_of(busy)
    done = busy.bare("verify-slow", *busy.place())
    assert done.returncode == 1
    [problem] = said(done)
    assert problem.startswith(
        f"HP006 {busy.folder}/.handoff/lock: the work folder is in use by process {first.pid}, since "
    )
    assert ended(busy, first) == 0


def test_a_run_beside_checks_alone(busy: Desk) -> None:
    """Stimulus: a handoff while a check runs alone. HP006 names that one; a second check alone runs beside the first."""
    first = first_of(busy, session="verify-slow")
    done = busy.bare("handoff-stable", *busy.place())
    assert done.returncode == 1
    [problem] = said(done)
    assert problem.startswith(
        f"HP006 {busy.folder}/.handoff/lock: the work folder is in use by process {first.pid}, since "
    )
    assert busy.bare("verify-quick", *busy.place()).returncode == 0
    assert ended(busy, first) == 0


@pytest.mark.slow
def test_two_places_for_one_producer(busy: Desk, tmp_path: Path) -> None:
    """Stimulus: two runs of one producer with nothing shared but the packet's place. Both are GO, and the packet is whole."""
    first = first_of(busy)
    other = other_desk(busy, tmp_path / "other desk")
    (busy.folder / "gate").touch()
    assert other.run("handoff-stable").returncode == 0
    between = busy.packet.read_bytes()
    assert first.wait(120) == 0
    assert busy.packet.read_bytes() == between
