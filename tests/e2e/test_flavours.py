"""The flavours of the embedded sample: which one a run takes, what it says of that, and that either is only data."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nox_server
import places
import pytest
import scratch

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

GOLDEN = places.TESTS / "golden"
NOXFILE = "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__{profile})\n"
PACKET = "docs/implementation/PRODUCER_RELEASE_HANDOFF_LATEST.json"
SAYS = (
    "cargo is not on PATH: using the Python flavour of the sample producer, checked by ruff and pytest "
    "(--sample rust|python chooses)"
)
# What git and the sample's scripts need of the system. There is no cargo, jq, rg, ruff or pytest among it.
SYSTEM = ("bash", "cat", "dirname", "env", "git", "mktemp", "rm", "sh", "uname")


@dataclass
class Stranger:
    """A user with a noxfile of three lines, an empty home and a PATH with git and the base system alone."""

    folder: Path
    envdir: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        noxfile = str(self.folder / "noxfile.py")
        given = ["--noxfile", noxfile, "--envdir", str(self.envdir), *words]
        # Certificates and an index of one's own are the machine's business.
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("COVERAGE_", "PIP_", "SSL_", "UV_"))
        }
        environment = {**kept, "HOME": str(self.folder / "home"), "PATH": str(self.folder / "bin")}
        return nox_server.run(given, env=environment, cwd=self.folder)

    def session(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("-s", name, "--", "--result-json", str(self.folder / "result.json"), *words)

    def install_cargo(self) -> None:
        cargo = self.folder / "bin" / "cargo"
        cargo.write_text("#!/bin/sh\nexit 1\n")
        cargo.chmod(0o755)

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / "result.json").read_bytes())
        return document

    @property
    def built(self) -> list[str]:
        return sorted(path.name for path in (self.folder / ".handoff").glob("sample-*"))


@pytest.fixture(scope="module")
def envdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments are made once: they hold nothing that a test changes."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def stranger(tmp_path: Path, envdir: Path) -> Stranger:
    """A place without cargo."""
    folder = tmp_path / "a desk #1"
    (folder / "home").mkdir(parents=True)
    (folder / "bin").mkdir()
    for tool in SYSTEM:
        (folder / "bin" / tool).symlink_to(str(shutil.which(tool)))
    (folder / "noxfile.py").write_text(NOXFILE.format(profile=""))
    return Stranger(folder=folder, envdir=envdir)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("session", "golden", "words"),
    [
        ("handoff-stable", "python-stable-v0.4.0", []),
        ("handoff-v3-candidate", "python-candidate-v0.4.0", ["--sample", "python"]),
    ],
)
def test_without_cargo_the_first_command_is_go(
    stranger: Stranger, session: str, golden: str, words: list[str]
) -> None:
    """The Python flavour runs all eight commands for real and publishes the golden packet; unless asked for, one line says why."""
    done = stranger.session(session, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines().count(SAYS) == (0 if words else 1)
    root = stranger.folder / ".handoff" / "sample-producer-python"
    assert (
        done.stdout.splitlines().count(
            f"No producer was named: building the sample producer in {root}"
        )
        == 1
    )
    assert (root / PACKET).read_bytes() == (GOLDEN / f"{golden}.json").read_bytes()
    assert [check["outcome"] for check in stranger.result["checks"]] == ["passed"] * 8
    done = stranger.session("handoff-verify", str(root / PACKET), "--sample", "python")
    assert (
        done.stdout.rstrip().splitlines()[-1]
        == f"GO  {root / PACKET}, checked against git in {root}, by the built-in profile sample-python"
    )


@pytest.mark.slow
def test_without_cargo_a_check_alone_is_of_the_python_flavour(stranger: Stranger) -> None:
    """verify-lint runs ruff; verify-clippy is refused in one line that tells the checks there are."""
    assert stranger.session("verify-lint").returncode == 0
    assert [check["outcome"] for check in stranger.result["checks"]] == ["passed"]
    done = stranger.session("verify-clippy")
    assert done.returncode == 1
    assert SAYS in done.stdout
    known = "fmt, lint, test, service-contract-alignment, contract-parity, trilogy-compatibility-artifacts, trilogy-smoke"
    assert stranger.result["problems"] == [
        {
            "code": "HP001",
            "where": "verify-clippy",
            "message": f"Sample service has no check clippy; known: {known}, trilogy-compliance",
            "hint": "run one of the known checks",
        }
    ]
    assert stranger.built == ["sample-producer-python"]


def test_with_cargo_the_rust_flavour_is_taken(stranger: Stranger) -> None:
    """A cargo on PATH is enough; nothing is said, and a check of the other flavour is refused."""
    stranger.install_cargo()
    done = stranger.session("verify-lint")
    assert done.returncode == 1
    assert SAYS not in done.stdout
    assert [problem["message"].split(";")[0] for problem in stranger.result["problems"]] == [
        "Sample service has no check lint"
    ]
    assert stranger.built == ["sample-producer"]


def test_the_flavour_can_be_chosen_against_the_machine(stranger: Stranger) -> None:
    """--sample python where there is cargo, --sample rust where there is none (its tools are missing then); each in its folder."""
    done = stranger.session("verify-clippy", "--sample", "rust")
    assert done.returncode == 1
    assert SAYS not in done.stdout
    assert [check["outcome"] for check in stranger.result["checks"]] == ["tool_missing"]
    assert stranger.built == ["sample-producer"]
    stranger.install_cargo()
    assert stranger.session("verify-lint", "--sample", "python").returncode == 0
    assert stranger.built == ["sample-producer", "sample-producer-python"]


def test_the_tag_is_for_the_checks_of_the_machines_flavour(stranger: Stranger) -> None:
    """Sessions of both flavours are listed; -t verify means the eight of the one that a run without words takes."""

    def tagged() -> dict[str, bool]:
        found = re.findall(
            r"^- (verify-\S+)( \[verify\])? ->", stranger.run("--list").stdout, re.MULTILINE
        )
        return {name: bool(tag) for name, tag in found}

    without = tagged()
    assert len(without) == 9
    assert [name for name, tag in without.items() if not tag] == ["verify-clippy"]
    stranger.install_cargo()
    assert tagged() == {name: name != "verify-lint" for name in without}


@pytest.mark.parametrize("kind", ["profile", "producer"])
def test_no_sample_beside_a_producer_of_ones_own(stranger: Stranger, kind: str) -> None:
    """With a profile of one's own, or a manifest beside the noxfile, --sample is refused and there are no sessions for it."""
    if kind == "profile":
        (stranger.folder / "handoff.toml").write_text(scratch.PROFILE)
        (stranger.folder / "noxfile.py").write_text(
            NOXFILE.format(profile=", profile='handoff.toml'")
        )
        whose = "the noxfile registers a profile of its own"
    else:
        manifest = stranger.folder / "contracts/integration/v1/producer-contract-manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text("{}\n")
        whose = "the noxfile's folder is a producer itself"
    done = stranger.session("pre-release", "--sample", "python")
    assert done.returncode == 1
    assert stranger.result["problems"] == [
        {
            "code": "HP001",
            "where": "--sample",
            "message": f"{whose}; expected the default profile and a noxfile outside of any producer",
            "hint": "leave --sample out; nothing was run",
        }
    ]
    assert stranger.built == []
    assert "verify-lint" not in stranger.run("--list").stdout
