"""Golden packets: the sample's releases, assembled from evidence with pinned tools, byte for byte.

After a change that is meant, ``HANDOFF_UPDATE_GOLDEN=1`` writes the files anew; read their diff before committing it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handoff_tasks import assemble, canonical, evidence, packet, resources, sample, workspace
from handoff_tasks.model import Flavour, Log, Outcome, Record, Tool

if TYPE_CHECKING:
    from handoff_tasks.profile import Check

GOLDEN = Path(__file__).parent / "golden"
PROFILES = {Flavour.RUST: "memorykernel", Flavour.PYTHON: "sample-python"}
PINNED = {
    "cargo": "1.95.0",
    "clippy": "0.1.95",
    "pytest": "9.2.0",
    "rg": "15.2.0",
    "ruff": "0.15.22",
    "rustc": "1.95.0",
    "rustfmt": "1.9.0-stable",
}
CASES = [
    # file, ref, mode, checks that failed; the flavour is Rust, or what the file's name begins with
    ("stable-v0.4.0", "v0.4.0", "stable", ()),
    ("candidate-v0.4.0", "v0.4.0", "service-v3-candidate", ()),
    ("stable-v0.3.2", "v0.3.2", "stable", ()),
    ("candidate-v0.3.2", "v0.3.2", "service-v3-candidate", ()),
    ("no-go-main", "main", "stable", ()),
    ("no-go-v0.3.3", "v0.3.3", "stable", ("contract-parity", "trilogy-smoke")),
    ("no-go-contradicting", sample.COMMITS[Flavour.RUST]["runtime-v3"], "stable", ()),
    ("python-stable-v0.4.0", "v0.4.0", "stable", ()),
    ("python-candidate-v0.4.0", "v0.4.0", "service-v3-candidate", ()),
    ("python-no-go-v0.3.3", "v0.3.3", "stable", ("contract-parity", "trilogy-smoke")),
]


@pytest.fixture(scope="module")
def producers(tmp_path_factory: pytest.TempPathFactory) -> dict[Flavour, Path]:
    """Both flavours of the sample producer."""
    roots = {flavour: tmp_path_factory.mktemp("golden") / "sample" for flavour in Flavour}
    for flavour, root in roots.items():
        sample.build(root, flavour)
    return roots


def record(opened: workspace.Workspace, check: Check, place: Path, outcome: Outcome) -> None:
    """Leave the evidence of a check with the pinned tools."""
    text = f"{check.success_line or 'done'}\n".encode()
    log = evidence.log_path(place, check.id)
    log.write_bytes(text)
    digest = hashlib.sha256(text).hexdigest()
    failed = outcome is Outcome.FAILED
    made = Record(
        id=check.id,
        binding=opened.binding(check),
        outcome=outcome,
        exit_code=1 if failed else 0,
        signal=None,
        reason="exit code 1" if failed else None,
        started_at_utc="2026-01-02T03:04:05Z",
        finished_at_utc="2026-01-02T03:04:06Z",
        duration_ms=1000,
        timeout_seconds=check.timeout_seconds,
        log=Log(file=log.name, size=len(text), sha256=digest, output_size=len(text), output_sha256=digest),
        tools=tuple(
            Tool(name=name, version=PINNED.get(name, "1"), path=f"/bin/{name}", claim=opened.profile.tools[name].claim)
            for name in check.tools
        ),
        toolchain=None,
        checkout_state="fresh",
        platform={"system": "Linux", "release": "1", "machine": "x86_64", "python": "3.11.0"},
        environment_names=("PATH",),
        environment_digest="sha256:" + "e" * 64,
    )
    evidence.write_record(place, made)


@pytest.mark.parametrize(("name", "ref", "mode", "failed"), CASES, ids=[case[0] for case in CASES])
def test_the_sample_s_packets_are_the_golden_ones(
    producers: dict[Flavour, Path], tmp_path: Path, name: str, ref: str, mode: str, failed: tuple[str, ...]
) -> None:
    """A release of the sample gives exactly the bytes of its golden packet, wherever work and cache folder lie."""
    flavour = Flavour.PYTHON if name.startswith("python-") else Flavour.RUST
    profile_path = resources.profiles()[PROFILES[flavour]]
    root = producers[flavour]
    opened = workspace.open_(root=root, ref=ref, profile_path=profile_path, work=tmp_path / "work", cache=tmp_path / "cache")
    place = evidence.folder(opened.work, opened.producer.commit)
    for check in opened.profile.checks:
        record(opened, check, place, Outcome.FAILED if check.id in failed else Outcome.PASSED)
    material = assemble.gather(opened, None)
    decision = assemble.decide(opened, material, assemble.results(opened), opened.profile.mode(mode), allow_untagged=False)
    data = canonical.published_bytes(decision.document)
    file = GOLDEN / f"{name}.json"
    if os.environ.get("HANDOFF_UPDATE_GOLDEN"):
        file.write_bytes(data)
    assert data.decode() == file.read_text("utf-8")
    assert decision.document["verdict"] == (packet.NO_GO if "no-go" in name else packet.GO)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_second_engine_accepts_the_golden_packets(file: Path) -> None:
    """The schema means the same to another implementation of JSON Schema."""
    schema = Path(__file__).parent.parent / "schemas" / f"{resources.PACKET}.schema.json"
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def version(command: list[str], cwd: Path) -> str:
    """Ask a tool for its version, independently of the product."""
    said = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+\.\d+\.\d+\S*", said)
    assert found
    return found[0]


@pytest.mark.cargo
@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not on PATH")
@pytest.mark.parametrize(("session", "golden"), [("handoff-stable", "stable-v0.4.0"), ("handoff-v3-candidate", "candidate-v0.4.0")])
def test_the_session_publishes_the_golden_packet(
    producers: dict[Flavour, Path], tmp_path_factory: pytest.TempPathFactory, session: str, golden: str
) -> None:
    """The session runs all eight commands for real and publishes the golden packet, with the versions of this machine's tools."""
    producer = producers[Flavour.RUST]
    base = tmp_path_factory.getbasetemp() / "golden-session"
    noxfile = Path(__file__).parent.parent / "noxfile.py"
    out, result = base / "packet.json", base / "result.json"
    command = [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--envdir", str(base / "nox"), "--session", session, "--"]
    command += ["--producer-root", str(producer), "--work-dir", str(base / "work"), "--cache-dir", str(base / "cache")]
    command += ["--out-json", str(out), "--result-json", str(result)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = json.loads((GOLDEN / f"{golden}.json").read_bytes())
    ours = {
        "cargo": version(["cargo", "--version"], producer),
        "clippy": version(["cargo", "clippy", "--version"], producer),
        "rg": PINNED["rg"],
        "rustc": version(["rustc", "--version"], producer),
        "rustfmt": version(["cargo", "fmt", "--version"], producer),
    }
    for outcome in expected["verification_outcomes"]:
        outcome["tools"] = {name: ours[name] for name in outcome["tools"]}
    assert out.read_bytes() == canonical.published_bytes(expected)
    told = json.loads(result.read_bytes())
    assert (told["verdict"], told["packet"], told["draft"], told["problems"]) == ("GO", str(out), None, [])
    assert [check["outcome"] for check in told["checks"]] == ["passed"] * 8
    assert "\nGO  " in done.stdout
    assert out.is_file()
