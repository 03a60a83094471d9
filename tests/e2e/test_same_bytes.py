"""Claims about the packet's bytes: on any machine, by any user, one release has one digest (DESIGN: determinism).

Each variation is a real run on a real repository; the same is said of the embedded sample by the golden packets.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import places
import pytest
import scratch
from desk import NOXFILE, Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TOP = places.TOP
# A version that the packet names, from a tool of the test's own.
TOOLS = """
[tools.linter]
executables = ["linter"]
version = ["linter", "--version"]
claim = true
hint = "install linter"
"""
CHECKS = (scratch.check("lint", ["linter"], tools=["linter"]), *scratch.CHECKS)


@dataclass
class Machine:
    """One machine and one way to run there: the sessions with their words, the environment, the umask, the Python of nox."""

    folder: Path
    producer: scratch.Producer
    runs: Sequence[tuple[str, ...]] = (("handoff-stable",),)
    environment: dict[str, str] = field(default_factory=dict)
    umask: int = 0o022
    python: str = sys.executable
    linter: str = "1.0"

    def packet(self, envdir: Path) -> bytes:
        """Run, and return the bytes of the packet that was published."""
        place = self.folder / "place"
        place.mkdir(parents=True)
        (place / "noxfile.py").write_text(NOXFILE)
        (place / "handoff.toml").write_text(scratch.profile(CHECKS, tools=scratch.TOOLS + TOOLS))
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "linter").write_text(f"#!/bin/sh\necho linter {self.linter}\n")
        (tools / "linter").chmod(0o755)
        desk = Desk(folder=place, producer=self.producer, envdir=envdir)
        path = os.pathsep.join([str(tools), self.environment.get("PATH", os.environ["PATH"])])
        for session, *words in self.runs:
            command = [self.python, *desk.command(session, *desk.words(*words))[1:]]
            done = subprocess.run(
                command,
                cwd=place,
                env={**os.environ, **self.environment, "PATH": path},
                umask=self.umask,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        return desk.packet.read_bytes()


def clock(folder: Path) -> dict[str, str]:
    """Let every Python of the run believe that it is forty years later."""
    ahead = folder / "ahead"
    ahead.mkdir(parents=True)
    (ahead / "sitecustomize.py").write_text(
        "import time\nnow = time.time\ntime.time = lambda: now() + 40 * 365 * 86400\n"
    )
    return {"PYTHONPATH": str(ahead)}


def git_of_another_version(folder: Path) -> dict[str, str]:
    """Put a git first on PATH that says that it is another version."""
    there = folder / "git"
    there.mkdir(parents=True)
    real = scratch.program("git")
    (there / "git").write_text(
        f'#!/bin/sh\n[ "$*" = --version ] && echo git version 2.99.1 && exit\nexec "{real}" "$@"\n'
    )
    (there / "git").chmod(0o755)
    return {"PATH": os.pathsep.join([str(there), os.environ["PATH"]])}


def rewritten(folder: Path, made: scratch.Producer) -> scratch.Producer:
    """Clone the producer: other files in another order on disk, objects in a pack, other configuration."""
    scratch.git(
        folder.parent,
        "clone",
        "--quiet",
        "--no-local",
        "--no-checkout",
        str(made.path),
        str(folder / "c"),
    )
    clone = scratch.Producer(path=folder / "c", root=folder / "c")
    for name in reversed(clone.git("ls-tree", "-r", "--name-only", "HEAD").split("\n")):
        clone.git("checkout", "HEAD", "--", name)
    clone.git("repack", "-adq")
    clone.git("config", "core.autocrlf", "true")
    clone.git("config", "core.abbrev", "5")
    return clone


def moved(folder: Path, made: scratch.Producer) -> scratch.Producer:
    """Copy the producer to a path with a space, a # and letters that are not ASCII."""
    there = folder / "a # b" / "größe"
    shutil.copytree(made.path, there, symlinks=True)
    return scratch.Producer(path=there, root=there)


def one_by_one(folder: Path, made: scratch.Producer) -> Machine:
    """Run each check by its own session, the last first, then assemble."""
    checks = [(f"verify-{name}",) for name in ("tree", "plain", "ok", "lint")]
    return Machine(folder, made, [*checks, ("handoff-assemble", "--mode", "stable")])


VARIATIONS: dict[str, Callable[[Path, scratch.Producer], Machine]] = {
    "again": lambda folder, made: Machine(
        folder, made, [("handoff-stable",), ("handoff-stable",), ("handoff-stable", "--fresh")]
    ),
    "path": lambda folder, made: Machine(folder, moved(folder, made)),
    "user": lambda folder, made: Machine(
        folder,
        made,
        environment={
            "USER": "someone",
            "LOGNAME": "someone",
            "HOME": str(folder),
            "TMPDIR": str(folder),
        },
    ),
    "time zone": lambda folder, made: Machine(
        folder, made, environment={"TZ": "Pacific/Kiritimati"}
    ),
    "language": lambda folder, made: Machine(
        folder, made, environment={"LANG": "tr_TR.UTF-8", "LANGUAGE": "tr", "LC_ALL": "C"}
    ),
    "umask": lambda folder, made: Machine(folder, made, umask=0o077),
    "hash seed": lambda folder, made: Machine(folder, made, environment={"PYTHONHASHSEED": "4242"}),
    "clock": lambda folder, made: Machine(folder, made, environment=clock(folder)),
    "one job": lambda folder, made: Machine(folder, made, [("handoff-stable", "--jobs", "1")]),
    "four jobs": lambda folder, made: Machine(folder, made, [("handoff-stable", "--jobs", "4")]),
    "order of checks": one_by_one,
    "places": lambda folder, made: Machine(
        folder,
        made,
        [
            (
                "handoff-stable",
                "--work-dir",
                str(folder / "work"),
                "--cache-dir",
                str(folder / "a cache"),
            )
        ],
    ),
    "files and objects": lambda folder, made: Machine(folder, rewritten(folder, made)),
    "version of git": lambda folder, made: Machine(
        folder, made, environment=git_of_another_version(folder)
    ),
    "terminal": lambda folder, made: Machine(
        folder, made, environment={"TERM": "dumb", "COLUMNS": "40", "NO_COLOR": "1"}
    ),
    "CI": lambda folder, made: Machine(
        folder,
        made,
        environment={
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        },
    ),
}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, envdir: Path) -> tuple[scratch.Producer, bytes]:
    """A producer that stays as it is, and the packet of its first run."""
    base = tmp_path_factory.mktemp("first")
    made = scratch.producer(base / "producer")
    data = Machine(base, made).packet(envdir)
    made.git("clean", "-dffxq")
    return made, data


@pytest.mark.slow
@pytest.mark.parametrize("variation", VARIATIONS)
def test_one_release_has_one_digest(
    first: tuple[scratch.Producer, bytes], envdir: Path, tmp_path: Path, variation: str
) -> None:
    """Another place, user, time, language, order or number of jobs: not one byte of the packet differs."""
    made, data = first
    machine = VARIATIONS[variation](tmp_path, made)
    varied = machine.packet(envdir)
    assert hashlib.sha256(varied).hexdigest() == hashlib.sha256(data).hexdigest()
    records = [json.loads(path.read_bytes()) for path in tmp_path.glob("**/evidence/*/lint.json")]
    assert len(records) == 1
    assert (int(records[0]["started_at_utc"][:4]) > 2060) == (variation == "clock")


def other_pythons() -> list[str]:
    """Return the other versions of Python on PATH that the library supports and that start."""
    found = []
    for minor in range(11, 20):
        program = shutil.which(f"python3.{minor}")
        if program and minor != sys.version_info.minor:
            done = subprocess.run(
                [program, "-c", "import ensurepip, venv"], capture_output=True, check=False
            )
            found += [program] if done.returncode == 0 else []
    return found


@pytest.mark.slow
@pytest.mark.parametrize("python", other_pythons(), ids=lambda path: Path(path).name)
def test_one_release_has_one_digest_with_another_python(
    first: tuple[scratch.Producer, bytes], tmp_path: Path, python: str
) -> None:
    """The version of the Python that runs nox is nowhere in the packet."""
    made, data = first
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    there = str(tmp_path / "venv/bin/python")
    install = [
        there,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
        "--editable",
        str(TOP),
    ]
    subprocess.run(install, check=True, capture_output=True)
    assert Machine(tmp_path, made, python=there).packet(tmp_path / "environments") == data


def test_another_version_of_a_checks_tool_changes_its_entry_alone(
    first: tuple[scratch.Producer, bytes], envdir: Path, tmp_path: Path
) -> None:
    """The entry of that check's tools says the other version; all else stays."""
    made, data = first
    varied = Machine(tmp_path, made, linter="1.1").packet(envdir)
    assert data.count(b'"linter": "1.0"') == 1
    assert varied == data.replace(b'"linter": "1.0"', b'"linter": "1.1"')
