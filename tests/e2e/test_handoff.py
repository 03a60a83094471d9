"""The sessions from outside: real nox, real git, real checks, on a small producer of our own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nox_server
import pytest
import scratch
from desk import NOXFILE, Desk, until, wait_for


@pytest.mark.measured
def test_a_good_release_is_go_and_published(desk: Desk) -> None:
    """GO: exit 0, the packet in its place, the last line says so, and the result tells a machine the same."""
    done = desk.run("handoff-stable")
    assert done.returncode == 0, done.stdout + done.stderr
    data = desk.packet.read_bytes()
    packet = json.loads(data)
    assert packet["verdict"] == "GO"
    assert packet["git_state"]["verified_commit"] == desk.producer.head()
    assert [outcome["outcome"] for outcome in packet["verification_outcomes"]] == ["passed"] * 3
    assert done.stdout.rstrip().splitlines()[-1] == f"GO  {desk.shown_packet}"
    assert f"  sha256    {hashlib.sha256(data).hexdigest()}" in done.stdout
    assert desk.result == {
        "result_contract_version": "handoff-result.v1",
        "verdict": "GO",
        "mode": "stable",
        "commit": desk.producer.head(),
        "packet": str(desk.packet),
        "draft": None,
        "evidence": str(desk.evidence()),
        "problems": [],
        "advisories": [],
        "checks": [
            {
                "id": name,
                "outcome": "passed",
                "exit_code": 0,
                "seconds": check["seconds"],
                "kept": False,
            }
            for name, check in zip(("ok", "plain", "tree"), desk.result["checks"], strict=True)
        ],
    }


@pytest.mark.slow
def test_the_packets_time_is_the_commits_or_the_callers(desk: Desk) -> None:
    """The time is the committer's time of the verified commit, or SOURCE_DATE_EPOCH; the packet says which."""
    assert desk.run("handoff-stable").returncode == 0
    packet = json.loads(desk.packet.read_bytes())
    assert (packet["handoff_generated_at_utc"], packet["handoff_generated_at_source"]) == (
        "2025-06-15T15:10:40Z",
        "verified-commit",
    )
    assert desk.run("handoff-assemble", "--mode", "stable", SOURCE_DATE_EPOCH="1").returncode == 0
    packet = json.loads(desk.packet.read_bytes())
    assert (packet["handoff_generated_at_utc"], packet["handoff_generated_at_source"]) == (
        "1970-01-01T00:00:01Z",
        "source-date-epoch",
    )
    assert (
        desk.run("handoff-assemble", "--mode", "stable", SOURCE_DATE_EPOCH="soon").returncode == 1
    )
    assert desk.result["problems"] == [
        {
            "code": "HP001",
            "where": "SOURCE_DATE_EPOCH",
            "message": "found 'soon'; expected whole seconds since 1970, up to the year 9999",
            "hint": "correct the variable, or unset it to use the commit's time",
        }
    ]


def test_the_candidate_rehearses_the_next_version(desk: Desk) -> None:
    """Candidate mode: the rehearsed version, the three blocks, and the runtime's own values in the baseline."""
    assert desk.run("handoff-v3-candidate").returncode == 0
    packet = json.loads(desk.packet.read_bytes())
    assert packet["handoff_mode"] == "service-v3-candidate"
    assert packet["expected_service_contract_version"] == "service.v3"
    assert packet["active_runtime_baseline"]["expected_service_contract_version"] == "service.v2"
    assert list(packet["non_2xx_envelope_policy"]) == ["service_v2_stable", "service_v3_candidate"]
    assert packet["rehearsal_candidate"]["requires_runtime_cutover"] is False
    assert packet["required_consumer_validation_commands"] == ["make check"]


@pytest.mark.measured
def test_a_failed_check_is_no_go_and_leaves_the_published_packet_alone(desk: Desk) -> None:
    """NO-GO: exit 1, the failed check named with its log's end, the others run all the same, the old packet as it was."""
    assert desk.run("handoff-stable").returncode == 0
    old = scratch.listing(desk.packet.parent)
    desk.profile(
        scratch.check("broken", ["bash", "-c", "echo 'cannot go on: \x1b[31mred'; exit 7"]),
        scratch.check("plain", ["./scripts/plain.sh"]),
    )
    done = desk.run("handoff-stable")
    assert done.returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP043",
            "where": "check broken",
            "message": desk.result["problems"][0]["message"],
            "hint": "fix what its log reports, commit, and run again; if only a newer toolchain reports it, pin the "
            "release's: --toolchain NAME, or execution.toolchain in the profile",
        }
    ]
    assert desk.result["problems"][0]["message"].startswith("failed: exit code 7 (with bash ")
    assert [
        (check["id"], check["outcome"], check["exit_code"]) for check in desk.result["checks"]
    ] == [
        ("broken", "failed", 7),
        ("plain", "passed", 0),
    ]
    assert "broken: the end of its log" in done.stdout
    assert "\x1b" not in done.stdout
    assert "cannot go on: \\x1b[31mred" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1] == "NO-GO  broken failed (exit code 7)"
    assert scratch.listing(desk.packet.parent) == old
    draft = json.loads(Path(desk.result["draft"]).read_bytes())
    assert draft["verdict"] == "NO-GO"
    assert draft["problems"] == desk.result["problems"]
    assert Path(desk.result["draft"]).parent == desk.evidence()


@pytest.mark.slow
def test_the_report_says_how_to_verify_the_packet(desk: Desk) -> None:
    """The command can be pasted into a shell in the folder where nox was called, also if that is not the noxfile's."""
    desk.profile(scratch.check("plain", ["true"]))
    elsewhere = desk.folder / "else where"
    elsewhere.mkdir()
    out = elsewhere / "a packet.json"
    for session, words, where in (
        ("handoff-stable", [], desk.folder),
        ("handoff-assemble", ["--mode", "stable"], elsewhere),
    ):
        command = desk.command(session, *desk.words("--out-json", str(out), *words))
        assert subprocess.run(command, cwd=where, capture_output=True, check=False).returncode == 0
        text = (desk.evidence() / "report.stable.md").read_text()
        [shown] = re.findall(r"(?m)^```shell\n(nox .*)\n```$", text)
        noxfile = "" if where == desk.folder else f"--noxfile '{desk.folder}/noxfile.py' "
        packet = f"'{out.relative_to(where)}'"
        assert (
            shown
            == f"nox {noxfile}-s handoff-verify -- --producer-root {desk.producer.root} {packet}"
        )
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        pasted = subprocess.run(
            ["sh", "-c", shown],
            cwd=where,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert pasted.stdout.splitlines()[-1].startswith(f"GO  {out}, checked against git in ")


@pytest.mark.slow
def test_a_run_leaves_its_report_and_junit(desk: Desk) -> None:
    """On NO-GO too: the page beside the evidence, named on the last screen, and JUnit XML where it was asked for."""
    desk.profile(scratch.check("bad", ["bash", "-c", "echo the reason; exit 3"]))
    junit = desk.result_path.parent / "junit.xml"
    done = desk.run(
        "handoff-stable", "--junit", str(junit), GITHUB_ACTIONS="", GITHUB_STEP_SUMMARY=""
    )
    page = desk.evidence() / "report.stable.html"
    assert f"\n  report    {page.name} (in that folder)\n" in done.stdout
    assert "the reason" in page.read_text()
    assert "HP043" in page.with_suffix(".md").read_text()
    assert (
        '<failure type="failed" message="failed: exit code 3; its log says: the reason">'
        in junit.read_text()
    )
    target = desk.producer.root / scratch.PACKET_PATH
    done = desk.run("handoff-stable", "--junit", str(target))
    assert f"HP110 --junit: {target} is the packet's place\n" in done.stdout
    done = desk.run("handoff-stable", "--junit", str(junit), "--ref", "nowhere")
    assert done.returncode == 1
    assert 'name="HP012 ' in junit.read_text()


@pytest.mark.slow
def test_a_release_that_is_not_tagged_yet(desk: Desk) -> None:
    """No tag: NO-GO; with --allow-untagged GO, and the packet says so; once tagged, handoff-verify says so too."""
    desk.producer.git("tag", "--delete", "v1.1.0")
    assert desk.run("handoff-stable").returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP052",
            "where": "tag v1.1.0",
            "message": "the release is not tagged",
            "hint": "tag the release and run again, or use --allow-untagged for a packet that says so; if it is tagged elsewhere, "
            "fetch the tags: git fetch --tags",
        }
    ]
    assert not desk.packet.exists()
    assert desk.run("handoff-stable", "--allow-untagged").returncode == 0
    packet = json.loads(desk.packet.read_bytes())
    assert packet["git_state"]["tag"] == {
        "name": "v1.1.0",
        "state": "untagged",
        "kind": None,
        "target": None,
    }
    assert [advisory["code"] for advisory in packet["advisories"]] == ["HA011"]
    assert desk.run("pre-release").returncode == 0
    packet_text = desk.packet.read_text()
    desk.producer.commit("docs: publish the packet", {scratch.PACKET_PATH: packet_text})
    desk.producer.tag("v1.1.0")
    done = desk.run("handoff-verify", str(desk.packet))
    assert done.returncode == 0, done.stdout
    assert [advisory["code"] for advisory in desk.result["advisories"]] == ["HA012"]


@pytest.mark.slow
def test_pre_release_publishes_nothing(desk: Desk) -> None:
    """pre-release looks at every mode, tagged or not, and writes no packet."""
    before = scratch.listing(desk.producer.path)
    done = desk.run("pre-release")
    assert done.returncode == 0, done.stdout
    assert (
        done.stdout.rstrip().splitlines()[-1]
        == "GO  for stable, service-v3-candidate; nothing was published"
    )
    assert scratch.listing(desk.producer.path) == before
    assert (desk.result["verdict"], desk.result["mode"], desk.result["packet"]) == (
        "GO",
        None,
        None,
    )


@pytest.mark.slow
def test_a_check_alone_tells_its_truth(desk: Desk) -> None:
    """verify-<id> ends with the check's own verdict and leaves its record; handoff-assemble makes the packet of such evidence."""
    assert desk.run("verify-ok").returncode == 0
    assert json.loads((desk.evidence() / "ok.json").read_bytes())["outcome"] == "passed"
    assert desk.run("handoff-assemble", "--mode", "stable").returncode == 1
    assert desk.findings() == [("HP047", "check plain"), ("HP047", "check tree")]
    assert desk.run("verify-plain").returncode == 0
    assert desk.run("verify-tree").returncode == 0
    assert desk.run("handoff-assemble", "--mode", "stable").returncode == 0
    assert json.loads(desk.packet.read_bytes())["verdict"] == "GO"


@pytest.mark.slow
def test_evidence_counts_for_what_it_was_made_for_only(desk: Desk) -> None:
    """Evidence of another command line, profile or commit, an edited log, a truncated record: each counts as not run."""
    assert desk.run("handoff-stable").returncode == 0
    old = desk.packet.read_bytes()
    place = desk.evidence()
    record, log = (place / "ok.json").read_bytes(), (place / "ok.log").read_bytes()

    def refused() -> str:
        assert desk.run("handoff-assemble", "--mode", "stable").returncode == 1
        assert desk.packet.read_bytes() == old
        return "; ".join(problem["message"] for problem in desk.result["problems"])

    (place / "ok.log").write_text("all is well\n")
    assert "the log has changed since the check wrote it" in refused()
    (place / "ok.log").unlink()
    assert "the log cannot be read" in refused()
    (place / "ok.json").write_bytes(record[:100])
    assert "not JSON" in refused()
    (place / "ok.log").write_bytes(log)
    (place / "ok.json").write_bytes(record.replace(b"./scripts/ok.sh", b"./scripts/no.sh"))
    assert refused() == (
        "not_run: its evidence is of another command line: ./scripts/no.sh '{root}'; expected ./scripts/ok.sh '{root}'"
    )
    (place / "ok.json").unlink()
    assert refused() == "not_run: there is no evidence of it"
    desk.profile(scratch.check("plain", ["./scripts/plain.sh"]))
    assert "its evidence is of another profile" in refused()
    desk.profile()
    desk.producer.commit("docs: one more", {"README.md": "more\n"})
    assert refused() == "; ".join(["not_run: there is no evidence of it"] * 3)


def test_uncommitted_files_are_no_part_of_a_run(desk: Desk) -> None:
    """A check that is broken in the work tree only passes, and the screen says what was left out."""
    desk.producer.write({"scripts/ok.sh": "#!/bin/sh\nexit 1\n", scratch.CHANGELOG_PATH: "gone\n"})
    done = desk.run("handoff-stable")
    assert done.returncode == 0, done.stdout
    assert [advisory["message"] for advisory in desk.result["advisories"]] == [
        "uncommitted, so not part of this run: CHANGELOG.md, scripts/ok.sh"
    ]
    assert json.loads(desk.packet.read_bytes())["advisories"] == []


@pytest.mark.slow
def test_the_statement_to_fill_in_is_shown_at_once(desk: Desk) -> None:
    """Before the checks run, in a dry run, and at the end: wherever a problem says that it is shown."""
    desk.producer.commit(
        "docs: no statement", {scratch.CHANGELOG_PATH: "# Changelog\n\n## v1.1.0\n"}
    )
    heading = "\nThe statement to fill in, in CHANGELOG.md or with --impact FILE:\n\nConsumer impact:\n- Runtime behavior changes: "
    paste = "        next: paste the block that is shown, and fill it in\n"
    for session, *words in (
        ["handoff-stable"],
        ["pre-release"],
        ["handoff-assemble", "--mode", "stable"],
    ):
        done = desk.bare(session, *desk.place(), *words, "--dry-run")
        assert done.returncode == 1
        assert done.stdout.count(heading) == 1, session
        assert paste in done.stdout.partition(heading)[2]
    done = desk.bare("handoff-stable", *desk.place())
    assert done.stdout.count(heading) == 2
    assert paste in done.stdout.partition(heading)[2].partition("checks to run")[0]
    assert done.stdout.splitlines()[-1] == "NO-GO  there is no impact statement (HP060)"
    assert (
        desk.bare("handoff-assemble", *desk.place(), "--mode", "stable").stdout.count(heading) == 1
    )
    fields = {"expected_service_contract_version": "service.v9"}
    desk.producer.commit(
        "feat!: unknown",
        {
            scratch.MANIFEST_PATH: scratch.manifest(
                "v1.1.0", desk.producer.git("rev-parse", "v1.1.0~1"), **fields
            )
        },
    )
    for session, *words in (["handoff-stable"], ["handoff-assemble", "--mode", "stable"]):
        done = desk.bare(session, *desk.place(), *words)
        assert "  HP057 " in done.stdout
        assert done.stdout.count(heading) == 1, session


@pytest.mark.slow
def test_the_last_line_says_why(desk: Desk) -> None:
    """The first reason and how many more there are; before it, that no packet is there yet."""
    desk.profile(
        scratch.check("one", ["false"]),
        scratch.check("two", ["false"]),
        scratch.check("three", ["true"]),
    )
    desk.producer.git("tag", "--delete", "v1.1.0")
    done = desk.run("handoff-stable")
    assert done.stdout.splitlines()[-1] == "NO-GO  one failed (exit code 1), and 2 more problems"
    assert "\n  packet    none is published yet\n" in done.stdout
    desk.profile()
    done = desk.run("handoff-stable")
    assert done.stdout.splitlines()[-1] == "NO-GO  the release is not tagged (HP052)"
    assert desk.run("handoff-stable", "--allow-untagged").returncode == 0
    assert "\n  packet    the published one is unchanged\n" in desk.run("handoff-stable").stdout


@pytest.mark.slow
def test_how_the_commit_stands_is_said_once_on_go(desk: Desk) -> None:
    """At the start of the run; on NO-GO again at its end, where it explains the problems."""
    sentence = "            It is where the annotated tag v1.1.0 points, and 1 commit after the runtime commit "
    done = desk.run("handoff-stable")
    assert done.returncode == 0
    assert done.stdout.count(sentence) == 1
    assert done.stdout.index(sentence) < done.stdout.index("checks to run")
    desk.profile(scratch.check("bad", ["false"]))
    assert desk.run("handoff-stable").stdout.count(sentence) == 2


@pytest.mark.slow
def test_nothing_to_rehearse_is_said_to_those_who_asked(desk: Desk, tmp_path: Path) -> None:
    """HA010 is for the session of the rehearsal, and its packet; pre-release, which looks at every mode, does not say it."""
    runtime = desk.producer.commit("feat!: service.v3", scratch.runtime("3"))
    previous = desk.producer.git("rev-parse", "v1.1.0~1")
    desk.producer.release(
        "v2.0.0",
        runtime,
        rollback=f"v1.1.0/{previous}",
        expected_service_contract_version="service.v3",
    )
    file = tmp_path / "impact.txt"
    text = scratch.section("v2.0.0", runtime, rollback=f"v1.1.0/{previous}").partition("\n\n")[2]
    file.write_text(text.replace("changes: none", "changes: the envelope"))
    words = ["--impact", str(file), "--allow-untagged"]
    done = desk.run("pre-release", *words)
    assert done.returncode == 0, done.stdout
    assert [advisory["code"] for advisory in desk.result["advisories"]] == ["HA011"]
    assert "HA010" not in done.stdout + (desk.evidence() / "report.pre-release.html").read_text()
    done = desk.run("handoff-v3-candidate", *words)
    assert done.returncode == 0, done.stdout
    assert [advisory["code"] for advisory in desk.result["advisories"]] == ["HA010", "HA011"]


def test_nox_says_nothing_of_uv(desk: Desk) -> None:
    """Where there is no uv, virtualenv makes the environments, and there is nothing to look for."""
    done = desk.run("handoff-stable", "--dry-run", PATH="/usr/bin:/bin")
    assert "nox > Running session handoff-stable" in done.stderr
    assert "uv binary" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_statement_from_a_file(desk: Desk, tmp_path: Path) -> None:
    """--impact takes the block from a file; one with a placeholder is NO-GO with the block to fill in."""
    desk.producer.commit("docs: no statement", {scratch.CHANGELOG_PATH: "# Changelog\n"})
    done = desk.run("handoff-stable")
    assert done.returncode == 1
    assert desk.findings() == [("HP060", "CHANGELOG.md")]
    block = done.stdout[done.stdout.index("\nConsumer impact:") + 1 :].split("\n\n")[0]
    file = tmp_path / "impact.txt"
    file.write_text(block)
    assert desk.run("handoff-assemble", "--mode", "stable", "--impact", str(file)).returncode == 1
    assert {code for code, _ in desk.findings()} == {"HP062"}
    file.write_text(
        block.replace("<describe>", "as service.v2 has it")
        .replace("<none|describe>", "none")
        .replace("<yes/no>", "yes")
    )
    assert desk.run("handoff-assemble", "--mode", "stable", "--impact", str(file)).returncode == 0
    assert (
        json.loads(desk.packet.read_bytes())["consumer_impact_statement"][
            "runtime_behavior_changes"
        ]
        == "as service.v2 has it"
    )


@pytest.mark.slow
def test_a_drifted_commit_is_refused_with_the_ref_to_verify_at(desk: Desk) -> None:
    """Runtime paths changed since commit_sha: NO-GO names them and the tag."""
    desk.producer.commit("feat: drift", {"crates/core/lib.rs": "drifted\n"})
    assert desk.run("handoff-stable").returncode == 1
    runtime = desk.producer.git("rev-parse", "v1.1.0~1")[:12]
    assert desk.result["problems"] == [
        {
            "code": "HP054",
            "where": f"commit {desk.producer.head()}",
            "message": f"runtime paths differ between the runtime commit {runtime} and the verified commit: crates/core/lib.rs",
            "hint": f"for the next release, put its tag and {desk.producer.head()} into the manifest (release_tag, commit_sha) and "
            "into the repin line of its own statement; to verify v1.1.0: --ref v1.1.0",
        }
    ]
    assert desk.run("handoff-stable", "--ref", "v1.1.0").returncode == 0


@pytest.mark.slow
def test_what_is_known_can_stop_a_run_before_any_check(desk: Desk) -> None:
    """Without --stop-early a line says how to save the run; with it NO-GO at once, the evidence of earlier checks as it was."""
    desk.producer.commit("feat: drift", {"crates/core/lib.rs": "drifted\n"})
    save = "This run cannot end with GO. To save it, press Ctrl-C and fix this first; --stop-early does so by itself\n"
    done = desk.run("handoff-stable")
    assert done.returncode == 1
    assert save in done.stdout
    problems = desk.result["problems"]
    assert [problem["code"] for problem in problems] == ["HP054"]
    evidence = {
        name: value
        for name, value in scratch.listing(desk.evidence()).items()
        if name[:6] not in ("report", "no-go.")
    }
    for session in ("handoff-stable", "pre-release"):
        done = desk.run(session, "--stop-early")
        assert done.returncode == 1
        assert "Known before any check has run (they stop this run):\n" in done.stdout
        assert save not in done.stdout
        assert desk.result["problems"] == problems
        assert [(check["outcome"], check["exit_code"]) for check in desk.result["checks"]] == [
            ("not_run", None)
        ] * 3
        assert "  checkout  not used: no check was run\n" in done.stdout
        assert (
            done.stdout.splitlines()[-1] == "NO-GO  the verified commit has another runtime (HP054)"
        )
        after = scratch.listing(desk.evidence())
        assert {name: after[name] for name in evidence} == evidence
    assert not desk.packet.exists()
    draft = json.loads((desk.evidence() / "no-go.stable.json").read_bytes())
    assert draft["problems"] == problems


def test_stop_early_stops_only_what_cannot_be_go(desk: Desk) -> None:
    """Nothing is known against the release: the run goes on to GO."""
    done = desk.run("handoff-stable", "--stop-early")
    assert done.returncode == 0
    assert "This run cannot end with GO" not in done.stdout


@pytest.mark.measured
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--roof", "x"], "--roof: not an option of handoff-stable (did you mean --ref?)"),
        (["--ref"], "handoff-stable: argument --ref: expected one argument"),
        (
            ["--jobs", "0"],
            "handoff-stable: argument --jobs: found '0'; expected a whole number from 1 to 999999",
        ),
        (
            ["--outjson", "x"],
            "--outjson: not an option of handoff-stable (did you mean --out-json?)",
        ),
    ],
)
def test_bad_options_run_nothing(desk: Desk, words: list[str], message: str) -> None:
    """An unknown or incomplete option: one line with the nearest one and where all of them are reported; nothing was run."""
    done = desk.bare("handoff-stable", *words)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == [
        f"  HP001 {message}",
        "        next: correct the words after --; nothing was run. All options: nox -s handoff-stable -- --help",
    ]
    assert "Traceback" not in done.stdout + done.stderr
    assert not (desk.folder / ".handoff").exists()


@pytest.mark.measured
@pytest.mark.parametrize(
    "session", ["handoff-stable", "handoff-verify", "handoff-init", "impact-draft", "verify-ok"]
)
def test_help_is_printed_and_nothing_is_run(desk: Desk, session: str) -> None:
    """Whatever else the words say, and however few of them there are."""
    done = desk.bare(session, "--nonsense", "--help")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"usage: nox -s {session} -- [options]")
    assert ("\n  --ref REV " in done.stdout) == (session != "handoff-init")
    assert not (desk.folder / ".handoff").exists()


@pytest.mark.slow
def test_the_templates_flags_are_accepted(desk: Desk) -> None:
    """The flags as the producer's template writes them work; a mode that contradicts the session is refused."""
    out = desk.folder / "out" / "packet.json"
    words = [
        "--mode",
        "stable",
        "--memorykernel-root",
        str(desk.producer.root),
        "--out-json",
        str(out),
    ]
    assert (
        desk.bare("handoff-stable", *words, "--cache-dir", str(desk.folder / "cache")).returncode
        == 0
    )
    assert json.loads(out.read_bytes())["verdict"] == "GO"
    assert desk.run("handoff-stable", "--mode", "service-v3-candidate").returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP001",
            "where": "--mode",
            "message": "found service-v3-candidate; expected --mode stable, or none",
            "hint": "call the session of that mode; nothing was run",
        }
    ]


@pytest.mark.measured
@pytest.mark.parametrize("kind", ["folder", "link", "git"])
def test_a_target_that_must_not_be_written(desk: Desk, kind: str) -> None:
    """An out path that is a folder, a link or inside .git is refused before anything is run."""
    target = desk.folder / "target.json"
    if kind == "folder":
        target.mkdir()
    elif kind == "link":
        target.symlink_to(desk.folder / "elsewhere.json")
    else:
        target = desk.producer.path / ".git" / "packet.json"
    messages = {
        "folder": "is a folder; expected a file or nothing",
        "link": "is a symbolic link; expected a file or nothing",
        "git": "is inside a repository's .git",
    }
    assert desk.run("handoff-stable", "--out-json", str(target)).returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP081",
            "where": str(target),
            "message": messages[kind],
            "hint": "name a plain file with --out-json",
        }
    ]
    assert desk.result["checks"] == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_the_middle(desk: Desk, number: int) -> None:
    """Ctrl-C while a check runs: it ends, its record says so, the rest is not run, the old packet stays, exit not 0."""
    assert desk.run("handoff-stable").returncode == 0
    old = desk.packet.read_bytes()
    started = desk.folder / "started"
    desk.profile(
        scratch.check("slow", ["bash", "-c", f"echo here > '{started}'; sleep 60 & wait"]),
        scratch.check("plain", ["./scripts/plain.sh"]),
    )
    process = desk.start(
        "handoff-stable", "--jobs", "1", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    wait_for(started)
    process.send_signal(number)
    out, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert desk.packet.read_bytes() == old
    assert [(check["id"], check["outcome"]) for check in desk.result["checks"]] == [
        ("slow", "interrupted"),
        ("plain", "not_run"),
    ]
    name = signal.Signals(number).name
    assert [problem["message"].split(" (")[0] for problem in desk.result["problems"]] == [
        f"interrupted: {name} came while it ran; ended with all that it had started",
        f"the run was interrupted by {name}",
        "not_run: there is no evidence of it",
    ]
    lines = [line for line in out.splitlines() if line and not line.startswith("nox > ")]
    assert lines[-1] == "Interrupted: none passed, 2 to run. Run the same command to continue."
    assert not [line for line in lines if "problem" in line or "HP0" in line]
    left = subprocess.run(
        ["pgrep", "-f", str(started)], capture_output=True, text=True, check=False
    ).stdout
    assert left == ""


@pytest.mark.slow
def test_two_runs_at_once(desk: Desk) -> None:
    """One works, the other says who holds the folder and runs nothing."""
    started, gate = desk.folder / "started", desk.folder / "gate"
    desk.profile(scratch.check("slow", ["bash", "-c", f"echo here > '{started}'; {until(gate)}"]))
    first = desk.start("handoff-stable")
    wait_for(started)
    other = desk.folder / "other.json"
    done = desk.run("handoff-stable", "--result-json", str(other))
    assert done.returncode == 1
    (problem,) = json.loads(other.read_bytes())["problems"]
    assert problem["code"] == "HP006"
    assert problem["message"].startswith(
        f"the work folder is in use by process {first.pid}, since "
    )
    gate.touch()
    assert first.wait(timeout=120) == 0


@pytest.mark.slow
def test_a_handed_over_packet_is_held_against_its_bytes_and_git(desk: Desk, tmp_path: Path) -> None:
    """handoff-verify: a good packet is GO; a changed one, one of a moved tag and something else are refused with the place."""
    assert desk.run("handoff-stable").returncode == 0
    good = desk.packet.read_bytes()
    done = desk.bare("handoff-verify", str(desk.packet))
    assert done.returncode == 0
    assert (
        f"GO  {desk.packet}, checked against its bytes alone (give --producer-root to check it against git)"
        in done.stdout
    )
    done = desk.run("handoff-verify", str(desk.packet))
    assert done.returncode == 0
    by = desk.folder / "handoff.toml"
    assert f"GO  {desk.packet}, checked against git in {desk.producer.root}, by {by}" in done.stdout
    file = tmp_path / "packet.json"
    file.write_bytes(good.replace(b'"exit_code": 0', b'"exit_code": 3', 1))
    assert desk.run("handoff-verify", str(file)).returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP071",
            "where": f"{file}#/verification_outcomes/0",
            "message": "ok passed with exit code 3, but the verdict is GO",
            "hint": "do not use this packet: its verdict is wrong",
        }
    ]
    runtime = desk.producer.git("rev-parse", "v1.1.0~1").encode()
    file.write_bytes(good.replace(b"internal_error", b"other_error"))
    assert desk.run("handoff-verify", str(file)).returncode == 1
    assert [code for code, _ in desk.findings()] == ["HP072"]
    assert desk.findings()[0][1].startswith(f"{file}#/error_code_enum/")
    file.write_bytes(good.replace(runtime, b"1" * 40))
    assert desk.run("handoff-verify", str(file)).returncode == 1
    assert ("HP072", f"{file}#/git_state/runtime_commit") in desk.findings()
    file.write_text('{"release_tag": "v1", "release_tag": "v2"}')
    assert desk.run("handoff-verify", str(file)).returncode == 1
    assert desk.findings() == [("HP002", f"{file}:1:23#/release_tag")]
    assert desk.run("handoff-verify", str(tmp_path / "none.json")).returncode == 1
    assert desk.findings() == [("HP005", str(tmp_path / "none.json"))]


@pytest.mark.slow
def test_a_statement_that_the_changelog_does_not_have_is_told(desk: Desk) -> None:
    """A packet that was edited where the truth cannot be known, or made from a file: an advisory, since either may be right."""
    assert desk.run("handoff-stable").returncode == 0
    text = desk.packet.read_text()
    line = json.loads(text)["consumer_impact_statement"]["required_test_updates"]
    desk.packet.write_text(
        text.replace(
            f'"required_test_updates": "{line}"', '"required_test_updates": "new fixtures"'
        )
    )
    assert desk.run("handoff-verify", str(desk.packet)).returncode == 0
    assert [one["code"] for one in desk.result["advisories"]] == ["HA016"]


@pytest.mark.slow
def test_a_fresh_run_makes_the_environments_anew(desk: Desk) -> None:
    """A program that an earlier check put into its session's environment comes first on PATH: --fresh starts without."""
    where = '$(dirname "$(command -v python3)")/tool-of-mine'
    leave = f"test -x {where} || {{ printf '#!/bin/sh\\nexit 0\\n' > {where}; chmod +x {where}; exit 1; }}; tool-of-mine"
    desk.profile(scratch.check("ok", ["bash", "-c", leave]))
    assert desk.run("handoff-stable").returncode == 1
    assert desk.run("handoff-stable").returncode == 0
    assert desk.run("handoff-stable", "--fresh").returncode == 1


@pytest.mark.slow
def test_a_moved_tag_is_seen_by_verify(desk: Desk) -> None:
    """A tag that moves after the packet was made: handoff-verify against git says so."""
    assert desk.run("handoff-stable").returncode == 0
    desk.producer.commit("docs: later", {"README.md": "later\n"})
    desk.producer.tag("v1.1.0")
    assert desk.run("handoff-verify", str(desk.packet)).returncode == 1
    assert desk.findings() == [("HP072", f"{desk.packet}#/git_state/tag/target")]


def test_a_tag_that_moves_while_the_checks_run_is_refused(desk: Desk) -> None:
    """HP058, although where it points in the end is just as good."""
    script = f"#!/usr/bin/env bash\ngit -C '{desk.producer.path}' tag --force v1.1.0 HEAD~1\n"
    desk.producer.commit("chore: a check that moves the tag", {"scripts/move.sh": script})
    desk.producer.tag("v1.1.0")
    desk.profile(scratch.check("move", ["./scripts/move.sh"], tools=("bash", "git")))
    done = desk.run("handoff-stable")
    assert done.returncode == 1
    assert desk.findings() == [("HP058", "tag v1.1.0")]
    assert "HP058 tag v1.1.0: the tag moved while the checks ran\n" in done.stdout + done.stderr
    assert not desk.packet.exists()


def test_a_manifest_of_other_bytes_than_the_tags_is_refused(desk: Desk) -> None:
    """Consumers mirror the manifest's bytes: a later commit that changes them is no verification of the tagged release."""
    path = desk.producer.root / scratch.MANIFEST_PATH
    desk.producer.commit(
        "fix: a code less",
        {scratch.MANIFEST_PATH: path.read_text().replace('"invalid_json",\n', "")},
    )
    assert desk.run("handoff-stable").returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP055",
            "where": f"v1.1.0:{scratch.MANIFEST_PATH}",
            "message": "the manifest at the tag has other bytes than the verified commit's, and consumers mirror them",
            "hint": "for the next release, put its tag into the manifest's release_tag; to verify v1.1.0: --ref v1.1.0",
        }
    ]


def test_checks_that_ran_beside_the_tag_are_told(desk: Desk) -> None:
    """A commit after the tag with the same runtime is GO, and the packet names what differs from the tag."""
    desk.producer.commit("ci: fix a script", {"scripts/plain.sh": scratch.PLAIN + "# fixed\n"})
    assert desk.run("handoff-stable").returncode == 0
    assert json.loads(desk.packet.read_bytes())["advisories"] == [
        {
            "code": "HA013",
            "where": "git_state/tag",
            "message": f"the checks ran on {desk.producer.head()[:12]}, not on the tag's target, which differs in scripts/plain.sh",
            "hint": "to verify the tag itself: --ref v1.1.0",
        }
    ]


@pytest.mark.measured
def test_a_cache_inside_the_producer_is_refused(desk: Desk) -> None:
    """Files of the producer's folders would reach the checks there."""
    cache = desk.producer.root / "cache"
    assert desk.run("handoff-stable", "--cache-dir", str(cache)).returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP016",
            "where": str(cache),
            "message": f"the cache folder is inside the producer's repository {desk.producer.path}, "
            "whose files would reach the checks",
            "hint": "choose a folder outside of it with --cache-dir",
        }
    ]
    assert not cache.exists()


@pytest.mark.slow
def test_the_result_has_a_file_of_its_own(desk: Desk) -> None:
    """Not the packet's, and no file of another program; a result of an earlier run does not outlive a refusal."""
    assert desk.run("handoff-stable").returncode == 0
    old = desk.packet.read_bytes()
    for words in (
        ["--result-json", str(desk.packet)],
        ["--out-json", "new.json", "--result-json", "new.json"],
    ):
        done = desk.run("handoff-stable", *words)
        assert done.returncode == 1
        assert "HP001 --result-json: " in done.stdout
        assert desk.packet.read_bytes() == old
        assert not (desk.folder / "new.json").exists()
    assert desk.run("handoff-stable").returncode == 0
    assert desk.run("handoff-stable", "--bogus").returncode == 1
    assert (desk.result["verdict"], desk.findings()) == ("NO-GO", [("HP001", "--bogus")])


def test_nobody_who_reads_the_screen_loses_no_evidence(desk: Desk) -> None:
    """With standard output closed in the middle, the run goes on to its end, its records and its packet."""
    process = desk.start("handoff-stable", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=120) == 0
    assert [check["outcome"] for check in desk.result["checks"]] == ["passed"] * 3
    assert json.loads(desk.packet.read_bytes())["verdict"] == "GO"


@pytest.mark.slow
def test_a_packet_that_a_person_has_edited_is_refused(desk: Desk, tmp_path: Path) -> None:
    """A placeholder, another rollback, another time, another form: handoff-verify tells each."""
    assert desk.run("handoff-stable").returncode == 0
    good = desk.packet.read_text()
    file = tmp_path / "packet.json"
    verified = f'"verified_commit": "{desk.producer.head()}'
    for edits, codes in (
        (
            {'"required_test_updates": "none"': '"required_test_updates": "<none|describe>"'},
            {"HP071"},
        ),
        ({"repin to v1.0.0/": "repin to v0.9.0/"}, {"HP075"}),
        ({'"handoff_generated_at_utc": "2025': '"handoff_generated_at_utc": "2031'}, {"HP072"}),
        ({"  ": "    "}, {"HP070"}),
        # What contradicts itself is held against git all the same: everything is reported at once.
        (
            {
                '"required_test_updates": "none"': '"required_test_updates": "TODO"',
                "repin to v1.0.0/": "repin to v0.9.0/",
            },
            {"HP071", "HP075"},
        ),
        ({verified: f'"verified_commit": "{"1" * 40}'}, {"HP071", "HP075"}),
    ):
        text = good
        for old, new in edits.items():
            text = text.replace(old, new)
        file.write_text(text)
        assert desk.run("handoff-verify", str(file)).returncode == 1
        assert {found for found, _ in desk.findings()} == codes


@pytest.mark.slow
def test_a_draft_is_no_packet(desk: Desk) -> None:
    """handoff-verify refuses a NO-GO draft by its own verdict."""
    desk.producer.git("tag", "--delete", "v1.1.0")
    assert desk.run("handoff-stable").returncode == 1
    draft = desk.result["draft"]
    assert desk.run("handoff-verify", draft).returncode == 1
    assert desk.findings() == [("HP073", f"{draft}#/verdict")]


@pytest.mark.measured
def test_a_session_without_an_environment_is_refused(desk: Desk) -> None:
    """--no-venv takes a check's isolation away: refused, and no record says that it ran."""
    command = desk.command("verify-ok", *desk.words())
    command.insert(3, "--no-venv")
    done = subprocess.run(command, cwd=desk.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert desk.findings() == [("HP003", "verify-ok")]
    assert not desk.evidence().exists()


@pytest.mark.slow
def test_a_producers_own_noxfile_needs_no_option(desk: Desk) -> None:
    """With noxfile and profile committed in the producer's root, that root is the producer; its own sessions live beside ours."""
    own = (
        NOXFILE
        + "\n@nox.session(venv_backend='none')\ndef mine(session):\n    session.log('mine')\n"
    )
    desk.producer.commit(
        "build: hand over",
        {"noxfile.py": own, "handoff.toml": scratch.PROFILE, ".gitignore": ".nox\n"},
    )
    root = desk.producer.root
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(desk.folder / "cache"),
        "HOME": str(desk.folder),
    }
    # Python's own, of the noxfile, which nox loads.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    words = ["--envdir", str(desk.envdir), "-s", "mine", "handoff-stable"]
    done = nox_server.run(words, cwd=root, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.packet.is_file()
    assert desk.producer.git("status", "--porcelain").splitlines() == ["?? handoff/"]
    (root / "handoff.toml").write_text(scratch.PROFILE + "\n# changed\n")
    done = nox_server.run(words, cwd=root, env=environment)
    assert done.returncode == 1
    assert (
        "HP014 handoff.toml: the profile differs from the one in the verified commit" in done.stdout
    )


def test_listing_imports_neither_git_nor_jsonschema(desk: Desk) -> None:
    """Registering reads the profile's names only: git, jsonschema and the steps wait until a session runs."""
    late = "import sys\nprint('LATE', sorted({'git', 'jsonschema', 'handoff_tasks.git.command'} & set(sys.modules)))\n"
    (desk.folder / "noxfile.py").write_text(NOXFILE + late)
    command = [sys.executable, "-m", "nox", "--noxfile", str(desk.folder / "noxfile.py"), "--list"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "LATE []" in done.stdout
    assert "- verify-ok [verify] -> Run one check and leave its evidence: ok." in done.stdout


@pytest.mark.measured
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "handoff.toml:1:8: not TOML: Invalid value at the end"),
        (
            scratch.PROFILE.replace("[[checks]]", "[[cheks]]"),
            "unknown key cheks (did you mean checks?)",
        ),
        (scratch.PROFILE.replace('id = "ok"', "id = 3"), "/checks/0/id: found 3; expected string"),
    ],
)
def test_a_broken_profile_is_told_without_a_traceback(desk: Desk, text: str, message: str) -> None:
    """A noxfile whose profile is broken says what is wrong with it, at once."""
    (desk.folder / "handoff.toml").write_text(text)
    done = desk.run("handoff-stable")
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.measured
def test_a_name_that_is_taken_is_refused(desk: Desk) -> None:
    """Registering twice, or over a session of the user's own, is refused by name."""
    (desk.folder / "noxfile.py").write_text(NOXFILE + NOXFILE.splitlines()[-1] + "\n")
    done = desk.run("handoff-stable")
    assert done.returncode != 0
    noxfile = desk.folder / "noxfile.py"
    message = f"HP031 {noxfile}: session 'handoff-stable' is already defined in this noxfile"
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.measured
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "error: Unable to reach the registry",
            "the registry is away; repair the network (exit code 101)",
        ),
        ("write failed: No space left on device", "the disk is full: "),
    ],
)
def test_a_machine_that_lets_a_check_down_is_no_finding(desk: Desk, said: str, reason: str) -> None:
    """What the profile calls a failure of the machine, and a full disk, is a missing tool with its remedy, never a failed check."""
    known = '[[environment.failures]]\nsays = ["Unable to reach"]\nmeans = "the registry is away"\nhint = "repair the network"\n'
    text = (
        scratch.profile([scratch.check("build", ["bash", "-c", f"echo '{said}'; exit 101"])])
        + known
    )
    (desk.folder / "handoff.toml").write_text(text)
    assert desk.run("handoff-stable").returncode == 1
    [problem] = desk.result["problems"]
    assert problem["code"] == "HP045"
    assert problem["message"].startswith(f"tool_missing: {reason}")
    assert "exit code 101" in problem["message"]


def test_a_failure_of_the_machine_can_be_that_of_one_check(desk: Desk) -> None:
    """The same words are a finding where they come from a check that the profile does not name with them."""
    says = 'checks = ["smoke"]\nsays = ["limits violated: "]\nmeans = "too busy"\nhint = "run again when idle"\n'
    known = f"[[environment.failures]]\n{says}"
    argv = ["bash", "-c", "echo 'Error: limits violated: 9 ms'; exit 1"]
    text = scratch.profile([scratch.check("smoke", argv), scratch.check("suite", argv)]) + known
    (desk.folder / "handoff.toml").write_text(text)
    assert desk.run("handoff-stable").returncode == 1
    assert [
        (one["code"], one["where"], one["message"].split(" (with")[0])
        for one in desk.result["problems"]
    ] == [
        ("HP043", "check suite", "failed: exit code 1"),
        ("HP045", "check smoke", "tool_missing: too busy; run again when idle (exit code 1)"),
    ]


def test_what_a_passing_check_says_of_the_machine_does_not_count(desk: Desk) -> None:
    """A check that passes, or fails for its own reasons, may speak of disks as it likes."""
    desk.profile(scratch.check("chatty", ["echo", "No space left on device"]))
    assert desk.run("handoff-stable").returncode == 0


@pytest.mark.slow
def test_the_last_screen_says_what_was_in_the_checkout(desk: Desk) -> None:
    """Fresh, with build outputs of an earlier run, or not used at all since every pass is kept."""
    desk.profile(scratch.check("build", ["bash", "-c", "mkdir -p target && touch target/x"]))
    assert "  checkout  fresh\n" in desk.run("handoff-stable").stdout
    assert (
        "  checkout  not used: all passes are kept from an earlier run\n"
        in desk.run("handoff-stable").stdout
    )
    kept = "  checkout  kept, with build outputs of an earlier run (--fresh starts without)\n"
    assert kept in desk.run("handoff-stable", "--rerun").stdout
    assert "  checkout  fresh\n" in desk.run("handoff-stable", "--fresh").stdout
