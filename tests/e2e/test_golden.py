"""Golden packets: the sample's releases, assembled from evidence with pinned tools, byte for byte.

After a change that is meant, ``HANDOFF_UPDATE_GOLDEN=1`` writes the files anew; read their diff before committing it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import places
import pytest
from packets import PINNED, record

from handoff_tasks import files
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import canonical, schemas
from handoff_tasks.git import workspace
from handoff_tasks.model import Flavour
from handoff_tasks.packet import document
from handoff_tasks.record import Outcome
from handoff_tasks.release import decide, gather
from handoff_tasks.setup import sample

if TYPE_CHECKING:
    from pathlib import Path


GOLDEN = places.TESTS / "golden"
PROFILES = {Flavour.RUST: "memorykernel", Flavour.PYTHON: "sample-python"}
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


@pytest.mark.parametrize(("name", "ref", "mode", "failed"), CASES, ids=[case[0] for case in CASES])
def test_the_sample_s_packets_are_the_golden_ones(
    producers: dict[Flavour, Path],
    tmp_path: Path,
    name: str,
    ref: str,
    mode: str,
    failed: tuple[str, ...],
) -> None:
    """A release of the sample gives exactly the bytes of its golden packet, wherever work and cache folder lie."""
    flavour = Flavour.PYTHON if name.startswith("python-") else Flavour.RUST
    profile_path = files.built_in_profiles()[PROFILES[flavour]]
    root = producers[flavour]
    opened = workspace.open_workspace(
        root=root,
        ref=ref,
        profile_path=profile_path,
        work=tmp_path / "work",
        cache=tmp_path / "cache",
    )
    folder = EvidenceFolder.of(opened).make()
    for check in opened.profile.checks:
        record(opened, check, folder, Outcome.FAILED if check.id in failed else Outcome.PASSED)
    material = gather.gather_material(opened, None)
    decision = decide.decide(
        opened,
        material,
        gather.read_results(opened),
        opened.profile.mode(mode),
        allow_untagged=False,
    )
    data = canonical.published_bytes(decision.document)
    file = GOLDEN / f"{name}.json"
    if os.environ.get("HANDOFF_UPDATE_GOLDEN"):
        file.write_bytes(data)
    assert data.decode() == file.read_text("utf-8")
    assert decision.document["verdict"] == (document.NO_GO if "no-go" in name else document.GO)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_a_second_engine_accepts_the_golden_packets(file: Path) -> None:
    """The schema means the same to another implementation of JSON Schema."""
    schema = places.TOP / "handoff_tasks" / "schemas" / f"{schemas.PACKET}.schema.json"
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
@pytest.mark.parametrize(
    ("session", "golden"),
    [("handoff-stable", "stable-v0.4.0"), ("handoff-v3-candidate", "candidate-v0.4.0")],
)
def test_the_session_publishes_the_golden_packet(
    producers: dict[Flavour, Path],
    tmp_path_factory: pytest.TempPathFactory,
    session: str,
    golden: str,
) -> None:
    """The session runs all eight commands for real and publishes the golden packet, with the versions of this machine's tools."""
    producer = producers[Flavour.RUST]
    base = tmp_path_factory.getbasetemp() / "golden-session"
    noxfile = places.TOP / "noxfile.py"
    out, result = base / "packet.json", base / "result.json"
    command = [
        sys.executable,
        "-m",
        "nox",
        "--noxfile",
        str(noxfile),
        "--envdir",
        str(base / "nox"),
        "--session",
        session,
        "--",
    ]
    command += [
        "--producer-root",
        str(producer),
        "--work-dir",
        str(base / "work"),
        "--cache-dir",
        str(base / "cache"),
    ]
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
    reported = json.loads(result.read_bytes())
    assert (reported["verdict"], reported["packet"], reported["draft"], reported["problems"]) == (
        "GO",
        str(out),
        None,
        [],
    )
    assert [check["outcome"] for check in reported["checks"]] == ["passed"] * 8
    assert "\nGO  " in done.stdout
    assert out.is_file()
