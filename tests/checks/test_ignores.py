"""Claims about checks that do not see some files: they are absent, and a pass is kept while the other files are the same."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import scratch
from desk import until

if TYPE_CHECKING:
    from pathlib import Path

    from desk import Desk

CHANGELOG = "CHANGELOG.md"
PART = [CHANGELOG]


@pytest.fixture
def runs(desk: Desk) -> Path:
    """Give the desk two checks that write down that they have run: one sees all files, the other no changelog; return where."""
    place = desk.folder / "runs"
    place.touch()
    whole = scratch.check("whole", ["bash", "-c", f"echo whole >> '{place}'"])
    part = scratch.check("part", ["bash", "-c", f"echo part >> '{place}'"], ignores=PART)
    desk.profile(whole, part)
    return place


def _correct_a_word(desk: Desk, name: str = CHANGELOG, text: str = "Corrected.\n") -> str:
    """Commit a change of one file alone, tag the release there, and return the commit."""
    path = desk.producer.root / name
    path.write_text(path.read_text() + text)
    desk.producer.commits += 1
    desk.producer.git("commit", "--quiet", "--message", "docs: correct a word", "--", name)
    desk.producer.tag("v1.1.0")
    return desk.producer.head()


def _outcomes(desk: Desk) -> list[dict[str, object]]:
    outcomes: list[dict[str, object]] = json.loads(desk.packet.read_bytes())[
        "verification_outcomes"
    ]
    return outcomes


def test_it_sees_neither_the_files_nor_the_history(desk: Desk) -> None:
    """The checkout has the commit's other files, one commit without parents, no tag, and is clean for git."""
    script = (
        f'test ! -e {CHANGELOG} && test -x scripts/ok.sh && test -z "$(git status --porcelain)"'
        ' && test "$(git rev-list --all HEAD | wc -l)" -eq 1 && test -z "$(git tag)"'
        ' && git rev-parse "HEAD^{tree}"'
    )
    desk.profile(scratch.check("part", ["bash", "-c", script], ignores=PART))
    done = desk.run("handoff-stable")
    assert done.returncode == 0, done.stdout
    desk.producer.git("rm", "--cached", "--quiet", CHANGELOG)
    tree = desk.producer.git("write-tree")
    desk.producer.git("reset", "--quiet")
    assert (desk.evidence() / "part.log").read_text() == f"{tree}\n"
    record = json.loads((desk.evidence() / "part.json").read_bytes())
    assert (record["ignores"], record["seen_tree"]) == (PART, tree)
    assert _outcomes(desk)[0]["ignores"] == PART
    assert _outcomes(desk)[0]["seen_tree"] == tree
    assert f"\n  without {CHANGELOG}, history and tags: part\n" in done.stdout
    report = (desk.evidence() / "report.stable.html").read_text()
    assert f"<dt>Did not see</dt><dd>{CHANGELOG}, history and tags</dd>" in report


@pytest.mark.slow
def test_a_changed_word_in_an_ignored_file_costs_no_check(desk: Desk, runs: Path) -> None:
    """Its pass is kept for the new commit, whose packet and evidence are complete; the other check runs again."""
    assert desk.run("handoff-stable").returncode == 0
    first = desk.producer.head()
    before = (desk.evidence() / "part.json").read_bytes()
    second = _correct_a_word(desk)
    foreseen = desk.bare("handoff-stable", *desk.place(), "--dry-run")
    assert re.search(r"kept +part\n +lane 1 +whole\n", foreseen.stdout), foreseen.stdout
    assert not desk.evidence(second).exists()
    done = desk.run("handoff-stable")
    assert done.returncode == 0, done.stdout
    assert sorted(runs.read_text().split()) == ["part", "whole", "whole"]
    assert (desk.evidence(second) / "part.json").read_bytes() == before
    assert re.search(rf"  part +passed .* kept, ran \S+Z on {first[:12]}\n", done.stdout)
    assert desk.bare("handoff-verify", *desk.place(), str(desk.packet)).returncode == 0
    # Another machine that runs everything makes the same packet.
    packet = desk.packet.read_bytes()
    assert desk.run("handoff-stable", "--rerun").returncode == 0
    assert desk.packet.read_bytes() == packet
    # The copied evidence is enough for the last step alone.
    assert desk.run("handoff-assemble", "--mode", "stable").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scripts/ok.sh", "crates/core/lib.rs"])
def test_any_other_changed_file_runs_it_again(desk: Desk, runs: Path, name: str) -> None:
    """Whether it is a part of the runtime or not."""
    desk.run("handoff-stable")
    _correct_a_word(desk, name, "# another line\n")
    desk.run("handoff-stable", "--allow-untagged")
    assert sorted(runs.read_text().split()) == ["part", "part", "whole", "whole"]


@pytest.mark.slow
def test_a_later_failure_is_not_passed_over_for_an_older_pass(desk: Desk) -> None:
    """The last record with the same files counts, of whichever commit it is."""
    switch = desk.folder / "fails"
    script = f"test ! -e '{switch}'"
    desk.profile(scratch.check("part", ["bash", "-c", script], ignores=PART))
    assert desk.run("handoff-stable").returncode == 0
    switch.touch()
    _correct_a_word(desk)
    assert desk.run("handoff-stable", "--rerun").returncode == 1
    _correct_a_word(desk)
    assert desk.run("handoff-stable").returncode == 1
    assert desk.findings() == [("HP043", "check part")]
    switch.unlink()
    assert desk.run("handoff-stable").returncode == 0
    assert [check["kept"] for check in desk.result["checks"]] == [False]


@pytest.mark.slow
def test_damaged_evidence_of_another_commit_is_not_kept(desk: Desk, runs: Path) -> None:
    """A log that has changed since, or a record that says something else, costs a run."""
    desk.run("handoff-stable")
    (desk.evidence() / "part.log").write_text("changed\n")
    _correct_a_word(desk)
    assert desk.run("handoff-stable").returncode == 0
    assert runs.read_text().split().count("part") == 2
    record = desk.evidence() / "part.json"
    record.write_text(record.read_text().replace('"exit_code": 0', '"exit_code": 1'))
    _correct_a_word(desk)
    assert desk.run("handoff-stable").returncode == 0
    assert runs.read_text().split().count("part") == 3


@pytest.mark.slow
@pytest.mark.usefixtures("runs")
def test_a_record_with_other_ignored_files_does_not_count(desk: Desk) -> None:
    """Neither one that saw more, nor one that saw less; the record of the whole commit names no file."""
    desk.run("handoff-stable")
    part, whole = (desk.evidence() / f"{name}.json" for name in ("part", "whole"))
    assert "ignores" not in json.loads(whole.read_bytes())
    document = json.loads(part.read_bytes())
    part.write_text(json.dumps(document | {"seen_tree": document["tree"]}, indent=2) + "\n")
    assert desk.run("handoff-assemble", "--mode", "stable").returncode == 1
    message = desk.result["problems"][0]["message"]
    expected = (
        "not_run: its evidence is of another tree without the ignored files: "
        f"{document['tree']}; expected {document['seen_tree']}"
    )
    assert message == expected
    for key in ("ignores", "seen_tree"):
        del document[key]
    part.write_text(json.dumps(document, indent=2) + "\n")
    desk.run("handoff-assemble", "--mode", "stable")
    assert desk.result["problems"][0]["message"] == (
        "not_run: its evidence is of another list of ignored files: none; expected CHANGELOG.md"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("runs")
def test_the_packet_must_say_what_was_not_seen(desk: Desk) -> None:
    """A packet without the ignored files, or with another tree, contradicts git and profile."""
    desk.run("handoff-stable")
    text = desk.packet.read_text()
    tree = str(_outcomes(desk)[1]["seen_tree"])
    other = desk.packet.with_name("other.json")
    other.write_text(text.replace(tree, "0" * 40))
    done = desk.bare("handoff-verify", *desk.place(), str(other))
    assert done.returncode == 1
    place = f"{other}#/verification_outcomes/1"
    assert f"HP072 {place}/seen_tree: the packet says {'0' * 40}; today it is {tree}" in done.stdout
    other.write_text(
        re.sub(
            r',\n      "ignores": \[\n.*?\],\n      "seen_tree": "\w+"', "", text, flags=re.DOTALL
        )
    )
    done = desk.bare("handoff-verify", *desk.place(), str(other))
    assert (
        f'HP072 {place}/ignores: the packet says null; today it is ["CHANGELOG.md"]' in done.stdout
    )


@pytest.mark.slow
def test_checks_with_and_without_ignores_run_side_by_side(desk: Desk) -> None:
    """Each kind has a checkout of its own; build outputs stay there for the next run."""
    folder = desk.folder
    checks = [
        scratch.check(
            name,
            [
                "bash",
                "-c",
                f"touch '{folder}/{name}.there'; {until(folder / f'{other}.there')}; mkdir -p target; touch target/made",
            ],
            ignores=ignores,
        )
        for name, other, ignores in (("one", "two", None), ("two", "one", PART))
    ]
    desk.profile(*checks)
    done = desk.run("handoff-stable", "--jobs", "2")
    assert done.returncode == 0, done.stdout
    desk.run("handoff-stable", "--jobs", "2", "--rerun")
    states = [
        json.loads((desk.evidence() / f"{name}.json").read_bytes())["checkout_state"]
        for name in ("one", "two")
    ]
    assert states == ["kept", "kept"]
    desk.run("handoff-stable", "--fresh")
    record = json.loads((desk.evidence() / "two.json").read_bytes())
    assert record["checkout_state"] == "fresh"


@pytest.mark.slow
def test_a_check_that_writes_an_ignored_file_fails(desk: Desk) -> None:
    """It is a new file, which would reach other checks."""
    desk.profile(scratch.check("part", ["bash", "-c", f"echo x > {CHANGELOG}"], ignores=PART))
    assert desk.run("handoff-stable").returncode == 1
    assert desk.result["problems"][0]["message"].startswith(
        f"failed: the checkout was changed while it ran: new {CHANGELOG}"
    )


def test_a_part_of_the_runtime_behind_a_link_is_refused(desk: Desk) -> None:
    """A link below the runtime paths leads to the ignored file, so the file is a part of the runtime."""
    root = desk.producer.root
    (root / "crates" / "notes.md").symlink_to("../CHANGELOG.md")
    desk.producer.commit("feat: link", {})
    desk.profile(scratch.check("part", ["true"], tools=(), ignores=PART))
    done = desk.run("pre-release", "--stop-early")
    assert done.returncode == 1
    expected = {
        "code": "HP037",
        "where": CHANGELOG,
        "message": "it is a part of the runtime, and part would not see it",
        "hint": "take the pattern out of the profile's ignores, so that the check sees the file",
    }
    assert expected in desk.result["problems"], done.stdout


def test_a_pattern_without_a_file_is_an_advisory(desk: Desk) -> None:
    """A misspelled name costs the gain and nothing else. The packet is not there before the first release."""
    desk.profile(
        scratch.check("part", ["bash", "-c", "ls"], ignores=["CHANGLOG.md", "docs/", "handoff/"]),
        scratch.check("more", ["bash", "-c", "ls"], ignores=["docs/"]),
    )
    desk.run("handoff-stable")
    short = desk.producer.head()[:12]
    hint = "correct it in the profile, or leave it out; a folder ends with '/'"
    assert [one for one in desk.result["advisories"] if one["code"] == "HA008"] == [
        {
            "code": "HA008",
            "where": f"ignores {pattern}",
            "message": f"commit {short} has no such file; it is ignored by {checks}",
            "hint": hint,
        }
        for pattern, checks in (("CHANGLOG.md", "part"), ("docs/", "part, more"))
    ]
