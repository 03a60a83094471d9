"""Claims about what an earlier run on the same commit has left: a pass is kept while every input is the same, nothing else is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
import scratch
from desk import until, wait_for

from handoff_tasks.formats import canonical

if TYPE_CHECKING:
    from pathlib import Path

    from desk import Desk


@pytest.fixture
def runs(desk: Desk) -> Path:
    """Give the desk two checks that write down outside of the checkout that they have run; return where."""
    place = desk.folder / "runs"
    place.touch()
    first, second = (
        scratch.check(name, ["bash", "-c", f"echo {name} >> '{place}'"])
        for name in ("first", "second")
    )
    desk.profile(first, second)
    return place


@pytest.mark.slow
def test_what_has_passed_is_not_run_again(desk: Desk, runs: Path) -> None:
    """A second run keeps both passes, says so on the screen and in the result, and publishes the same bytes."""
    assert desk.run("handoff-stable").returncode == 0
    packet = desk.packet.read_bytes()
    assert [check["kept"] for check in desk.result["checks"]] == [False, False]
    done = desk.run("handoff-stable")
    assert done.returncode == 0, done.stdout
    assert sorted(runs.read_text().split()) == ["first", "second"]
    ran = json.loads((desk.evidence() / "first.json").read_bytes())["started_at_utc"]
    assert re.search(rf"  first +passed +[\d.]+ s  kept, ran {ran}", done.stdout)
    assert [check["kept"] for check in desk.result["checks"]] == [True, True]
    assert desk.packet.read_bytes() == packet


@pytest.mark.slow
def test_what_has_passed_is_kept_in_a_long_path(desk: Desk, runs: Path, tmp_path: Path) -> None:
    """Also where nox gives the environments short names, since their path is long."""
    desk.envdir = tmp_path / ("long" * 20)[: max(1, 85 - len(str(tmp_path)))]
    assert desk.run("handoff-stable").returncode == 0
    assert not (desk.envdir / "verify-first").exists()
    before = runs.read_text()
    assert desk.run("handoff-stable").returncode == 0
    assert runs.read_text() == before


@pytest.mark.slow
@pytest.mark.parametrize("word", ["--fresh", "--rerun"])
def test_all_run_again_when_asked(desk: Desk, runs: Path, word: str) -> None:
    """With --fresh (from an empty checkout) and --rerun (in the checkout that is there) nothing is kept."""
    assert desk.run("handoff-stable").returncode == 0
    assert desk.run("handoff-stable", word).returncode == 0
    assert sorted(runs.read_text().split()) == ["first", "first", "second", "second"]


@pytest.mark.slow
def test_what_did_not_pass_runs_again(desk: Desk, runs: Path) -> None:
    """A check that failed runs again, the one beside it that passed does not."""
    gate = desk.folder / "gate"
    flaky = scratch.check("flaky", ["bash", "-c", f"echo flaky >> '{runs}'; test -e '{gate}'"])
    steady = scratch.check("steady", ["bash", "-c", f"echo steady >> '{runs}'"])
    desk.profile(flaky, steady)
    assert desk.run("handoff-stable").returncode == 1
    gate.touch()
    assert desk.run("handoff-stable").returncode == 0
    assert sorted(runs.read_text().split()) == ["flaky", "flaky", "steady"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["--timeout", "77"], {}, "time limit"),
        ([], {"TMPDIR": "{folder}/."}, "values of variables (TMPDIR)"),
        ([], {"TMPDIR": ""}, "values of variables (TMPDIR)"),
    ],
)
def test_a_changed_input_is_named_and_the_check_runs_again(
    desk: Desk, runs: Path, words: list[str], environment: dict[str, str], said: str
) -> None:
    """Another limit or another value that reaches the check: it runs again, and the screen says what differs."""
    before = {"TMPDIR": str(desk.folder)}
    assert desk.run("handoff-stable", **before).returncode == 0
    given = {
        **before,
        **{name: value.format(folder=desk.folder) for name, value in environment.items()},
    }
    done = desk.run("handoff-stable", *words, **given)
    assert done.returncode == 0, done.stdout
    assert f"first passed before and runs again, since this differs: {said}\n" in done.stdout
    assert sorted(runs.read_text().split()) == ["first", "first", "second", "second"]


@pytest.mark.slow
def test_a_record_of_an_earlier_version_is_read(desk: Desk, runs: Path) -> None:
    """Without digests of single variables a record is kept; if a value differs, it does not say which. No record has a value."""
    (desk.folder / "not-recorded").mkdir()
    before = {"TMPDIR": str(desk.folder / "not-recorded")}
    assert desk.run("handoff-stable", **before).returncode == 0
    for name in ("first", "second"):
        path = desk.evidence() / f"{name}.json"
        assert "not-recorded" not in path.read_text()
        record = json.loads(path.read_bytes())
        del record["environment_value_digests"]
        path.write_bytes(canonical.published_bytes(record))
    assert desk.run("handoff-stable", **before).returncode == 0
    assert sorted(runs.read_text().split()) == ["first", "second"]
    done = desk.run("handoff-stable", TMPDIR=f"{desk.folder}/.")
    assert (
        "since this differs: values of variables (the record does not say which)\n" in done.stdout
    )


@pytest.mark.slow
def test_another_version_of_a_tool_is_named(desk: Desk, runs: Path, tmp_path: Path) -> None:
    """A bash of another version, in another place: the check runs again, and the screen names both."""
    assert desk.run("handoff-stable").returncode == 0
    folder = tmp_path / "bin"
    folder.mkdir()
    other = folder / "bash"
    other.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "GNU bash, version 9.9.9" && exit\nexec /bin/bash "$@"\n'
    )
    other.chmod(0o755)
    done = desk.run("handoff-stable", PATH=f"{folder}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout
    assert f"now 9.9.9 in {other}); values of variables (PATH)\n" in done.stdout
    assert sorted(runs.read_text().split()) == ["first", "first", "second", "second"]


@pytest.mark.slow
def test_a_record_without_its_log_is_not_kept(desk: Desk, runs: Path) -> None:
    """A log that was changed or removed is no evidence: its check runs again."""
    assert desk.run("handoff-stable").returncode == 0
    (desk.evidence() / "first.log").write_text("made up")
    assert desk.run("handoff-stable").returncode == 0
    assert sorted(runs.read_text().split()) == ["first", "first", "second"]


@pytest.mark.slow
def test_an_interrupted_run_goes_on(desk: Desk, tmp_path: Path) -> None:
    """Ctrl-C during the second check: the next run keeps the first one and reaches the packet of an uninterrupted run."""
    gate, runs, begun = tmp_path / "gate", tmp_path / "runs", tmp_path / "begun.there"
    quick = scratch.check("quick", ["bash", "-c", f"echo quick >> '{runs}'"])
    slow = scratch.check(
        "slow", ["bash", "-c", f"echo slow >> '{runs}'; touch '{begun}'; {until(gate)}"]
    )
    desk.profile(quick, slow)
    process = subprocess.Popen(
        desk.command("handoff-stable", *desk.words("--jobs", "1")),
        cwd=desk.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(begun)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 130
    assert not desk.packet.exists()
    gate.touch()
    assert desk.run("handoff-stable").returncode == 0
    resumed = hashlib.sha256(desk.packet.read_bytes()).hexdigest()
    assert runs.read_text().split() == ["quick", "slow", "slow"]
    assert [check["kept"] for check in desk.result["checks"]] == [True, False]
    assert desk.run("handoff-stable", "--fresh").returncode == 0
    assert hashlib.sha256(desk.packet.read_bytes()).hexdigest() == resumed
