"""Claims about the workflows in ``docs/ci``: they lint, say only what the sessions know, and their matrix gives the same packet."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import places
import pytest
import scratch

import handoff_tasks
from handoff_tasks.model import Flavour
from handoff_tasks.sessions import options, table
from handoff_tasks.setup import sample

CI = places.TOP / "docs" / "ci"
WORKFLOWS = sorted(CI.glob("*.yml"))
ONE, MATRIX = CI / "github-actions.yml", CI / "github-actions-matrix.yml"
PACKET = "docs/implementation/PRODUCER_RELEASE_HANDOFF_LATEST.json"
CHECKS = (
    "fmt",
    "lint",
    "test",
    "service-contract-alignment",
    "contract-parity",
    "trilogy-compatibility-artifacts",
    "trilogy-smoke",
    "trilogy-compliance",
)


def test_there_are_the_two_that_are_promised() -> None:
    """One job, and one job for each check."""
    assert WORKFLOWS == [MATRIX, ONE]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_zizmor_has_nothing_against_it(workflow: Path) -> None:
    """No finding of any severity: pins, permissions, credentials, template injection."""
    command = [
        str(Path(sys.executable).with_name("zizmor")),
        "--offline",
        "--persona=auditor",
        "--no-progress",
        str(workflow),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout


@pytest.mark.skipif(
    shutil.which("actionlint") is None,
    reason="actionlint is not on PATH: no package for pip holds it",
)
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_has_nothing_against_it(workflow: Path) -> None:
    """Syntax, expressions, contexts, and the inputs of the actions."""
    done = subprocess.run(
        ["actionlint", str(workflow)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_with_its_version(workflow: Path) -> None:
    """A commit and, for people and updaters, the version that it is: the same commit for the same version in both files."""
    used = re.findall(r"uses: (.*)", workflow.read_text())
    assert used
    assert [
        one
        for one in used
        if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)
    ] == []
    everywhere = {one for path in WORKFLOWS for one in re.findall(r"uses: (.*)", path.read_text())}
    assert len(everywhere) == len({one.partition("@")[0] for one in everywhere})


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_what_it_calls_is_known(workflow: Path) -> None:
    """Each session is one of a producer's noxfile, and each word after ``--`` is an option."""
    text = re.sub(r">-\n\s+(.*)\n\s+(.*)", r"\1 \2", workflow.read_text())
    called = [shlex.split(command) for command in re.findall(r"(nox -s .*)", text)]
    assert called
    for words in called:
        if words[2] == "$SESSION":
            assert "SESSION: ${{ matrix.session }}" in text
            continue
        assert words[2] in {"handoff-stable", "handoff-assemble"}
        definition = table.SESSIONS[words[2].replace("stable", "<mode>")]
        options.parse(words[words.index("--") + 1 :], definition, words[2])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_what_it_installs_is_a_wheel_of_the_producers(workflow: Path) -> None:
    """No name of an index, which a stranger may register: a file in the producer's repository, of this version."""
    text = workflow.read_text()
    assert re.findall(r"HANDOFF_TASKS: (.*)", text) == [
        f"tools/handoff_tasks-{handoff_tasks.__version__}-py3-none-any.whl"
    ]
    assert {command.partition(" #")[0] for command in re.findall(r"pip install (.*)", text)} == {
        '"$HANDOFF_TASKS"'
    }


@dataclass
class Machine:
    """A clone of the producer with its noxfile, and folders of its own; environments are shared to be quick."""

    root: Path
    envdir: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "nox", "--envdir", str(self.envdir), *words]
        return subprocess.run(
            command, env={**os.environ}, cwd=self.root, capture_output=True, text=True, check=False
        )

    def session(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        folders = [
            "--cache-dir",
            str(self.root.parent / "cache"),
            "--result-json",
            str(self.root.parent / "result.json"),
        ]
        return self.run("-s", name, "--", *words, *folders)

    @property
    def evidence(self) -> Path:
        return self.root / ".handoff" / "evidence"

    @property
    def packet(self) -> Path:
        return self.root / PACKET

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.root.parent / "result.json").read_bytes())
        return document

    def findings(self) -> list[tuple[str, str]]:
        return [(one["code"], one["where"]) for one in self.result["problems"]]


def machine(folder: Path, origin: Path, envdir: Path) -> Machine:
    """Make a place of its own for a job."""
    folder.mkdir()
    scratch.git(folder, "clone", "--quiet", str(origin), "producer")
    noxfile = "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__, profile='sample-python')\n"
    (folder / "producer" / "noxfile.py").write_text(noxfile)
    return Machine(root=folder / "producer", envdir=envdir)


@pytest.mark.slow
def test_the_matrix_gives_the_packet_of_one_machine(tmp_path: Path) -> None:
    """Each check on a machine of its own, their evidence laid together: the same bytes. A gap and a conflict are NO-GO by name."""
    origin, envdir = tmp_path / "origin", tmp_path / "environments"
    sample.build(origin, Flavour.PYTHON)
    alone = machine(tmp_path / "one machine", origin, envdir)
    assert alone.session("handoff-stable").returncode == 0
    listed = json.loads(alone.run("-l", "--json", "-t", "verify").stdout)
    assert [one["session"] for one in listed] == [f"verify-{check}" for check in CHECKS]
    gathered = tmp_path / "gathered"
    for number, one in enumerate(listed):
        job = machine(tmp_path / f"job {number}", origin, envdir)
        done = job.session(one["session"])
        assert done.returncode == 0, done.stdout + done.stderr
        # As the artifacts of the jobs are laid down: a folder for each.
        shutil.copytree(job.evidence, gathered / f"evidence-{one['session']}")
    last = machine(tmp_path / "last", origin, envdir)
    missing = gathered / "evidence-verify-lint"
    missing.rename(tmp_path / "aside")
    assert (
        last.session("handoff-assemble", "--mode", "stable", "--evidence", str(gathered)).returncode
        == 1
    )
    assert last.findings() == [("HP047", "check lint")]
    assert not last.packet.exists()
    (tmp_path / "aside").rename(missing)
    done = last.session("handoff-assemble", "--mode", "stable", "--evidence", str(gathered))
    assert done.returncode == 0, done.stdout + done.stderr
    assert last.packet.read_bytes() == alone.packet.read_bytes()
    # The other machine has run every check too: no rule says which of two runs counts.
    words = ["--mode", "stable", "--evidence", str(gathered), "--evidence", str(alone.evidence)]
    assert last.session("handoff-assemble", *words).returncode == 1
    assert last.findings() == [("HP104", f"check {check}") for check in sorted(CHECKS)]
    commit = last.result["commit"]
    assert last.result["problems"][0]["message"] == (
        f"two different records of it: in {last.evidence}/{commit} and in {alone.evidence}/{commit}"
    )
