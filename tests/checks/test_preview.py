"""Claims about what is reported without running it: handoff-explain and --dry-run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import scratch

if TYPE_CHECKING:
    from desk import Desk


def test_a_check_is_explained(desk: Desk) -> None:
    """Command, tools, what of the environment it sees and does not, limits, checkout, and that there is no evidence yet."""
    done = desk.run("handoff-explain", "ok", STRANGE="1")
    assert done.returncode == 0, done.stdout
    first, *rest = done.stdout.splitlines()
    said = {line[2:14].strip(): line[16:] for line in rest if line[2:14].strip()}
    root = next((desk.folder / "cache").glob("producer-*")) / "checkout"
    assert first == "ok: ok"
    assert said["command"].lstrip("'").startswith(f"{root}/scripts/ok.sh")
    assert said["packet"].startswith("./scripts/ok.sh ")
    last = f"the last line '{scratch.OK_LINE}'"
    assert (
        said["passes"]
        == f"with exit code 0 and {last}, no process left, nothing in the checkout changed"
    )
    assert "STRANGE" in said["does not see"]
    home = root.parent / "home" / "ok"
    given = {
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": home / ".gitconfig",
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": home,
        "LC_ALL": "C",
        "PYTHONNOUSERSITE": "1",
        "TZ": "UTC",
        "XDG_CONFIG_HOME": home / ".config",
    }
    assert {f"{name}={value}" for name, value in given.items()} <= set(said["set"].split(", "))
    assert said["evidence"] == "not run: there is no evidence of it"
    assert not (desk.folder / ".handoff").exists()


@pytest.mark.slow
def test_the_evidence_of_a_check_is_explained(desk: Desk) -> None:
    """A pass that would be kept, one that would not and why, and a failure."""
    gate = desk.folder / "gate"
    desk.profile(scratch.check("good", ["true"]), scratch.check("bad", ["test", "-e", str(gate)]))
    assert desk.run("handoff-stable").returncode == 1
    assert (
        "a handoff would keep it, and not run it again"
        in desk.run("handoff-explain", "good").stdout
    )
    assert (
        "since this differs: time limit"
        in desk.run("handoff-explain", "verify-good", "--timeout", "7").stdout
    )
    bad = desk.run("handoff-explain", "bad").stdout
    assert ", exit code 1: exit code 1\n" in bad
    assert "a handoff would run it again: only a pass is kept" in bad
    assert desk.run("handoff-explain").stdout.splitlines() == [
        "  good  passed, kept      true",
        f"  bad   failed            test -e '{gate}'",
    ]


def test_an_unknown_check_is_refused(desk: Desk) -> None:
    """With the nearest name and the known ones."""
    done = desk.run("handoff-explain", "plan")
    assert done.returncode == 1
    assert (
        "HP001 verify-plan: Scratch has no check plan (did you mean plain?); known: ok, plain, tree"
        in done.stdout
    )


def test_a_dry_run_says_what_would_run(desk: Desk) -> None:
    """Lanes, commands, what is kept and where the packet would go; nothing is run, written or removed, the packet least of all."""
    done = desk.run("handoff-stable", "--jobs", "1")
    assert done.returncode == 0
    (desk.evidence() / "plain.json").unlink()
    desk.packet.unlink()
    before = scratch.listing(desk.evidence())
    done = desk.bare("handoff-stable", *desk.place(), "--dry-run")
    assert done.returncode == 0, done.stdout
    said = done.stdout.splitlines()
    assert said[said.index("handoff-stable would run") + 1 :][:2] == [
        "  kept      ok, tree",
        "  lane 1    plain",
    ]
    assert (
        said[-1]
        == f"Nothing was run. If every check passes, the packet would be published at {desk.shown_packet}"
    )
    assert scratch.listing(desk.evidence()) == before
    assert not desk.packet.exists()


def test_a_dry_run_knows_what_would_stop_the_run(desk: Desk) -> None:
    """A script that the commit lacks, a tool that is missing, a tag that is not there: all reported, and exit 1."""
    desk.producer.git("tag", "--delete", "v1.1.0")
    missing = '[tools.none]\nexecutables = ["none-of-that-name"]\nhint = "install none"\n'
    checks = [
        scratch.check("gone", ["./scripts/gone.sh"]),
        scratch.check("tool", ["true"], tools=["none"]),
    ]
    (desk.folder / "handoff.toml").write_text(
        scratch.profile(checks, tools=scratch.TOOLS + missing)
    )
    done = desk.bare("handoff-stable", *desk.place(), "--dry-run")
    assert done.returncode == 1
    assert "  HP095 check gone: scripts/gone.sh is not in the commit\n" in done.stdout
    assert "  HP095 check tool: none (not on PATH): install none\n" in done.stdout
    assert (
        done.stdout.splitlines()[-1] == "Nothing was run. Known already: 3 problems, so no packet"
    )
    done = desk.bare("verify-gone", *desk.place(), "--dry-run")
    assert done.returncode == 1
    assert "  HP095 check gone: " in done.stdout
    assert not (desk.folder / ".handoff").exists()


@pytest.mark.slow
def test_a_dry_assembly_writes_nothing(desk: Desk) -> None:
    """From the evidence there is: what would be published, or why not."""
    words = [*desk.place(), "--mode", "stable", "--dry-run"]
    done = desk.bare("handoff-assemble", *words)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "Nothing was written. The packet would not be published"
    assert not (desk.folder / ".handoff").exists()
    assert desk.run("handoff-stable", "--out-json", str(desk.folder / "other.json")).returncode == 0
    done = desk.bare("handoff-assemble", *words)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "Nothing was written. The packet would be published"
    assert not desk.packet.exists()


def test_a_dry_run_has_no_result(desk: Desk) -> None:
    """The result file speaks of runs only."""
    done = desk.run("handoff-stable", "--dry-run")
    assert done.returncode == 1
    assert "--dry-run has no result; expected it without --result-json and --junit" in done.stdout


@pytest.mark.parametrize("session", ["handoff-stable", "pre-release", "handoff-assemble"])
def test_a_dry_run_tells_what_is_not_committed(desk: Desk, session: str) -> None:
    """HA001, as in a run: what is edited would be no part of it."""
    for name in (scratch.MANIFEST_PATH, scratch.CHANGELOG_PATH):
        with (desk.producer.root / name).open("a") as file:
            file.write("\n")
    words = ["--mode", "stable"] if session == "handoff-assemble" else []
    done = desk.bare(session, *desk.place(), *words, "--dry-run")
    assert (
        "Advisories:\n"
        f"  HA001 {desk.producer.root}: uncommitted, so not part of this run: {scratch.CHANGELOG_PATH}, {scratch.MANIFEST_PATH}\n"
        "        next: commit them if the release needs them\n\n"
    ) in done.stdout
