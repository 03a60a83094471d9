"""A user's place at which sessions are run from outside."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nox_server
import scratch

from handoff_tasks.output import terminal

if TYPE_CHECKING:
    from pathlib import Path

NOXFILE = "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__, profile='handoff.toml')\n"


def wait_for(path: Path) -> str:
    """Wait for a file with a whole line in it, or for an empty one that is called ``*.there``; return its text."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if path.exists() and ((text := path.read_text()).endswith("\n") or path.suffix == ".there"):
            return text.strip()
        time.sleep(0.01)
    raise AssertionError(f"{path} does not appear")


def until(path: Path) -> str:
    """Return the words of a shell that wait for a file. They need no limit: what we start ends with us."""
    return f"until test -e '{path}'; do sleep 0.05; done"


@dataclass
class Desk:
    """A user's place: a noxfile with a profile, a producer, folders of its own, an environment folder shared by all tests."""

    folder: Path
    producer: scratch.Producer
    envdir: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def profile(self, *checks: str) -> None:
        (self.folder / "handoff.toml").write_text(
            scratch.profile(checks) if checks else scratch.PROFILE
        )

    def place(self) -> list[str]:
        return [
            "--producer-root",
            str(self.producer.root),
            "--cache-dir",
            str(self.folder / "cache"),
        ]

    def words(self, *words: str) -> list[str]:
        return [*self.place(), "--result-json", str(self.result_path), *words]

    def nox_words(self, session: str, *words: str) -> list[str]:
        return nox_server.session_words(self.folder, self.envdir, session, *words)

    def command(self, session: str, *words: str) -> list[str]:
        return nox_server.command(self.nox_words(session, *words))

    def run(
        self, session: str, *words: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        given = self.nox_words(session, *self.words(*words))
        return nox_server.run(given, env={**os.environ, **environment}, cwd=self.folder)

    def bare(self, session: str, *words: str) -> subprocess.CompletedProcess[str]:
        return nox_server.run(self.nox_words(session, *words), cwd=self.folder)

    def start(
        self,
        session: str,
        *words: str,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Start a session, which `end` kills if it still runs when the test is over."""
        command = self.command(session, *self.words(*words))
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=stdout, stderr=stderr, text=True
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Kill the started sessions that still run; what they have started ends with them."""
        for process in self.started:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    @property
    def result_path(self) -> Path:
        return self.folder / "result.json"

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.result_path.read_bytes())
        return document

    @property
    def packet(self) -> Path:
        return self.producer.root / scratch.PACKET_PATH

    @property
    def shown_packet(self) -> str:
        """The packet's path as a run that was called here shows it."""
        return terminal.near(self.packet, self.folder)

    def evidence(self, commit: str | None = None) -> Path:
        return self.folder / ".handoff" / "evidence" / (commit or self.producer.head())

    def findings(self) -> list[tuple[str, str]]:
        return [(problem["code"], problem["where"]) for problem in self.result["problems"]]
