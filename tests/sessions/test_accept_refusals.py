"""Claims about what an accept refuses: each with its exact message, and no byte of the consumer changed."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from consumers import (
    MATRIX,
    MIRROR,
    PIN,
    PROFILE,
    RECEIPT,
    TOML,
    VALIDATOR,
    Consumer,
    Releases,
    changed_packet,
    make_consumer,
    make_packet,
    run_nox,
)
from packets import foreign

from handoff_tasks.consumer import apply, classify

if TYPE_CHECKING:
    from pathlib import Path

Found = list[tuple[str, str, str]]


def refused(consumer: Consumer, session: str = "handoff-accept", *words: str) -> Found:
    """Return the problems of a session that changes no byte of the consumer."""
    before = consumer.contents()
    if session == "handoff-accept" and not words:
        words = (str(consumer.releases.packet("v1.2.0")),)
    assert consumer.run(session, *words) == 1, consumer.output
    assert consumer.contents() == before
    assert consumer.result["verdict"] == "NO-GO"
    return consumer.problems()


def refused_packet(consumer: Consumer, **changes: Any) -> Found:
    """Return the problems of a packet of v1.2.0 with other values."""
    path = changed_packet(consumer, "v1.2.0", **changes)
    found = refused(consumer, "handoff-accept", str(path))
    return [(code, where.replace(str(path), "PACKET"), message) for code, where, message in found]


def document(consumer: Consumer, tag: str = "v1.2.0") -> Any:
    """Return the packet of a release."""
    return json.loads(consumer.releases.packet(tag).read_bytes())


# The packet


def test_a_draft(consumer: Consumer) -> None:
    """Whatever else is in it."""
    problem = {"code": "HP043", "where": "check ok", "message": "failed", "hint": "run again"}
    outcomes = document(consumer)["verification_outcomes"]
    outcomes[0] |= {"outcome": "failed", "exit_code": 1}
    assert refused_packet(
        consumer, verdict="NO-GO", problems=[problem], verification_outcomes=outcomes
    ) == [
        (
            "HP122",
            "PACKET#/verdict",
            "the packet is a draft: its verdict is NO-GO; a draft is never accepted",
        )
    ]


def test_another_generators_packet(consumer: Consumer) -> None:
    """It records no outcome."""
    path = consumer.base / "foreign.json"
    path.write_text(json.dumps(foreign(document(consumer)), indent=2))
    assert refused(consumer, "handoff-accept", str(path)) == [
        (
            "HP122",
            f"{path}#",
            "the packet is of another generator, so no outcome in it is proven",
        )
    ]


def test_another_producers_packet(consumer: Consumer) -> None:
    """The profile names one producer."""
    consumer.commit("chore: another", {PROFILE: TOML.replace('"Scratch"', '"Other"')})
    path = consumer.releases.packet("v1.2.0")
    message = "the packet is of Scratch; the consumer pins Other"
    assert refused(consumer) == [("HP122", f"{path}#/producer/name", message)]


def test_a_packet_that_lies_of_the_commit(consumer: Consumer) -> None:
    """In every place in which it could."""
    other = "1" * 40
    state = document(consumer)["git_state"] | {"runtime_commit": other}
    baseline = document(consumer)["active_runtime_baseline"] | {"commit_sha": other}
    found = refused_packet(
        consumer, commit_sha=other, active_runtime_baseline=baseline, git_state=state
    )
    truth = document(consumer)["commit_sha"]
    message = f"the packet says {other}; today it is {truth}"
    place = "PACKET#/active_runtime_baseline/commit_sha"
    assert found[0] == ("HP072", place, message)
    assert {code for code, _, _ in found} == {"HP072"}


def test_a_packet_that_lies_of_the_manifest(consumer: Consumer) -> None:
    """The sha256 is that of other bytes."""
    state = document(consumer)["git_state"] | {"manifest_sha256": "1" * 64}
    truth = document(consumer)["git_state"]["manifest_sha256"]
    message = f"the packet says {'1' * 64}; today it is {truth}"
    assert refused_packet(consumer, git_state=state) == [
        ("HP072", "PACKET#/git_state/manifest_sha256", message)
    ]


def test_a_packet_that_lies_of_an_outcome(consumer: Consumer) -> None:
    """A check that failed in a GO."""
    outcomes = document(consumer)["verification_outcomes"]
    outcomes[0] |= {"outcome": "failed", "exit_code": 1}
    assert refused_packet(consumer, verification_outcomes=outcomes) == [
        ("HP122", "PACKET#/verification_outcomes/0/outcome", "ok failed; the verdict says GO")
    ]


def test_a_rehearsal_packet(consumer: Consumer, releases: Releases, envdir: Path) -> None:
    """The policy accepts the mode stable only."""
    path = consumer.base / "packets" / "candidate.json"
    done = make_packet(
        *(releases.producer, "v1.2.0", path, consumer.base, envdir), session="handoff-v3-candidate"
    )
    assert done.returncode == 0, done.stdout
    assert refused(consumer, "handoff-accept", str(path)) == [
        (
            "HP122",
            f"{path}#/handoff_mode",
            "the packet is of mode service-v3-candidate; the consumer accepts stable",
        )
    ]


# The tag


def test_a_release_that_is_not_tagged_now(consumer: Consumer, tmp_path: Path) -> None:
    """A packet may be older than its tag, an accept may not."""
    consumer.releases = consumer.releases.copy(tmp_path)
    consumer.releases.producer.git("tag", "--delete", "v1.2.0")
    message = "the release is not tagged in the producer's repository"
    assert refused(consumer) == [("HP123", "tag v1.2.0", message)]


def test_a_tag_that_was_moved(consumer: Consumer, tmp_path: Path) -> None:
    """Both commits are named."""
    consumer.releases = consumer.releases.copy(tmp_path)
    git = consumer.releases.producer.git
    old, new = git("rev-parse", "v1.2.0^{commit}"), git("rev-parse", "v1.2.0~1")
    consumer.releases.producer.tag("v1.2.0", new)
    message = f"the tag was moved: it points to {new}, the packet says {old}"
    assert refused(consumer) == [("HP123", "tag v1.2.0", message)]


@pytest.mark.slow
def test_a_release_that_was_published_again(
    forward: Consumer, tmp_path: Path, envdir: Path
) -> None:
    """The pinned tag with another commit and manifest: each is named twice."""
    forward.releases = forward.releases.copy(tmp_path)
    producer = forward.releases.producer
    old = forward.releases.packet("v1.1.0")
    rollback = f"v1.1.0/{json.loads(old.read_bytes())['commit_sha']}"
    producer.git("checkout", "--quiet", "v1.1.0")
    commit = producer.commit("fix: again", {"crates/core/lib.rs": "// again\n"})
    producer.release("v1.2.0", commit, rollback=rollback)
    producer.tag("v1.2.0")
    path = tmp_path / "packets" / "again.json"
    assert make_packet(producer, "v1.2.0", path, tmp_path, envdir).returncode == 0
    pin = json.loads(forward.text(PIN))
    sha256 = json.loads(path.read_bytes())["git_state"]["manifest_sha256"]
    message = (
        f"v1.2.0 was published again: commit_sha is {commit}, pinned is {pin['commit_sha']}; "
        f"manifest_sha256 is {sha256}, pinned is {pin['manifest_sha256']}"
    )
    assert refused(forward, "handoff-accept", str(path)) == [("HP124", PIN, message)]


def test_an_older_release(forward: Consumer) -> None:
    """That is what a rollback is for."""
    path = forward.releases.packet("v1.1.0")
    message = "v1.1.0 is older than v1.2.0, which is pinned"
    assert refused(forward, "handoff-accept", str(path)) == [("HP124", PIN, message)]


# The changes


def test_a_breaking_change_until_its_fingerprint_is_given(consumer: Consumer) -> None:
    """v1.4.0 lacks an error code; the fingerprint of another change does not help."""
    path = str(consumer.releases.packet("v1.4.0"))
    [(code, where, message)] = refused(consumer, "handoff-accept", path)
    assert (code, message) == (
        "HP125",
        "breaking: error code internal_error was removed: "
        "its errors now have another code, or do not occur",
    )
    fingerprint = where.removeprefix("change ")
    found = refused(consumer, "handoff-accept", path, "--accept-change", "0" * 16)
    assert found[0] == ("HP125", "--accept-change", f"the release has no change {'0' * 16}")
    assert consumer.accept("v1.4.0", "--accept-change", fingerprint) == 0, consumer.output
    assert [code for code, _, _ in consumer.advisories()] == ["HA122"]


@pytest.mark.slow
def test_a_notice_that_is_not_over(consumer: Consumer, tmp_path: Path, envdir: Path) -> None:
    """v1.3.0 has a new error code; its packet is of this moment, and the emergency needs hours."""
    path = tmp_path / "packets" / "now.json"
    moment = int(time.time())
    done = make_packet(
        *(consumer.releases.producer, "v1.3.0", path, tmp_path, envdir),
        SOURCE_DATE_EPOCH=str(moment),
    )
    assert done.returncode == 0, done.stdout
    [(code, where, message)] = refused(consumer, "handoff-accept", str(path))
    start = datetime.fromtimestamp(moment, UTC)
    began = f"began {start:%Y-%m-%dT%H:%M:%SZ} and ends"
    change = "error code write_conflict is new: consumers have to map it"
    end = classify.add_business_days(start.date(), 10)
    notice = f"{change}; the notice of 10 business days {began} {end}"
    assert (code, message) == ("HP125", notice)
    fingerprint = where.removeprefix("change ")
    words = ("--accept-change", fingerprint)
    [(code, where, message)] = refused(consumer, "handoff-accept", str(path), *words)
    hours = start + timedelta(hours=24)
    emergency = f"{change}; the emergency notice of 24 hours {began} {hours:%Y-%m-%dT%H:%M:%SZ}"
    assert (code, message) == ("HP125", emergency)


# The consumer's files


def test_a_matrix_that_is_not_the_pins(consumer: Consumer) -> None:
    """A line drifted: the refusal has its number and both texts."""
    matrix = consumer.text(MATRIX).replace("- Release: `v1.1.0`", "- Release: `v1.0.0`")
    consumer.commit("docs: drift", {MATRIX: matrix})
    message = "no line is '- Release: `v1.1.0`'; line 5 is '- Release: `v1.0.0`'"
    assert refused(consumer) == [("HP121", f"{MATRIX}:5", message)]


def test_a_mirror_that_is_not_the_pins(consumer: Consumer) -> None:
    """Other bytes, with both digests."""
    consumer.commit("chore: drift", {MIRROR: consumer.text(MIRROR) + "\n"})
    [(code, where, message)] = refused(consumer)
    assert (code, where) == ("HP121", MIRROR)
    assert message.startswith("the mirror is not the pin's: its sha256 is ")


def test_a_template_that_matches_twice(consumer: Consumer) -> None:
    """Both lines are named."""
    matrix = consumer.text(MATRIX) + "\n- Release: `v1.1.0`\n"
    consumer.commit("docs: twice", {MATRIX: matrix})
    message = "2 lines are '- Release: `v1.1.0`': 5, 12; expected exactly one"
    assert refused(consumer) == [("HP121", f"{MATRIX}:12", message)]


def test_targets_that_are_not_committed_plain_files(consumer: Consumer, tmp_path: Path) -> None:
    """Edited, a link, and behind a link: all at once."""
    (consumer.root / PIN).write_text(consumer.text(PIN) + "\n")
    (consumer.root / MIRROR).rename(tmp_path / "elsewhere")
    (consumer.root / MIRROR).symlink_to(tmp_path / "elsewhere")
    (consumer.root / "docs").rename(tmp_path / "docs")
    (consumer.root / "docs").symlink_to(tmp_path / "docs")
    assert refused(consumer) == [
        ("HP126", MIRROR, "is a symbolic link; expected a plain file"),
        ("HP126", PIN, "has changes that are not committed"),
        ("HP126", MATRIX, "is behind a symbolic link"),
    ]


def test_a_profile_that_is_not_committed(consumer: Consumer) -> None:
    """The receipt names the commit that holds it."""
    (consumer.root / PROFILE).write_text(TOML + "\n# edited\n")
    assert refused(consumer) == [("HP126", PROFILE, "has changes that are not committed")]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".git/config", ".git/config is below .git; expected a file of the consumer"),
        (
            "../other/MATRIX.md",
            'found "../other/MATRIX.md"; expected a relative path with / between its parts and without ..',
        ),
    ],
)
def test_targets_outside_of_the_consumer(consumer: Consumer, path: str, message: str) -> None:
    """The profile is refused before anything is read."""
    consumer.commit("chore: a path", {PROFILE: TOML.replace(f'"{MATRIX}"', f'"{path}"')})
    [(code, where, found)] = [one for one in refused(consumer) if "files/1/path" in one[1]]
    assert (code, found) == ("HP120", message)
    assert where.startswith(f"{PROFILE}:")


# The validators


def test_a_validator_that_fails(consumer: Consumer) -> None:
    """The reason is that of a producer's check; the end of its log is shown."""
    script = VALIDATOR.replace('echo "pin: consistent"', "echo 'wrong day' && exit 3")
    consumer.commit("chore: a validator", {"scripts/validate.sh": script})
    assert refused(consumer) == [("HP127", "validator pin", "failed: exit code 3")]
    assert "  pin | wrong day\n" in consumer.output
    assert "NO-GO  v1.2.0 is not pinned; nothing was written\n" in consumer.output


def test_a_validator_that_writes_into_a_target(consumer: Consumer) -> None:
    """What it judged is not what would be written."""
    script = VALIDATOR.replace("set -euo pipefail\n", f"set -euo pipefail\necho >> {MATRIX}\n")
    consumer.commit("chore: a validator", {"scripts/validate.sh": script})
    message = f"failed: the checkout was changed while it ran: modified {MATRIX}"
    assert refused(consumer) == [("HP127", "validator pin", message)]


def test_validators_that_changed_together_with_the_profile(forward: Consumer) -> None:
    """Since the last receipt: a weakened check could hide in that. Its fingerprint accepts it."""
    forward.commit(
        "chore: both",
        {
            "scripts/validate.sh": VALIDATOR + "# weaker\n",
            PROFILE: TOML + "# changed\n" + "\n[policy]\nnotice = true\n",
        },
    )
    path = str(forward.releases.packet("v1.3.0"))
    [(code, where, message)] = refused(forward, "handoff-accept", path)
    assert (code, message) == (
        "HP125",
        "scripts/validate.sh changed together with the consumer profile since the last receipt",
    )
    fingerprint = where.removeprefix("change ")
    assert forward.accept("v1.3.0", "--accept-change", fingerprint) == 0, forward.output


# Locks and rollbacks


def test_another_accept_at_work(consumer: Consumer) -> None:
    """The lock is the work tree's own; the process is named."""
    state = consumer.root / ".git" / "handoff-tasks"
    message = f"another accept or rollback is running: process {os.getpid()}"
    with apply.exclusively(state):
        assert refused(consumer) == [("HP129", str(state / "lock"), message)]


def test_a_rollback_over_a_later_edit(forward: Consumer) -> None:
    """A line that the accept wrote was edited since."""
    matrix = forward.text(MATRIX).replace("- Release: `v1.2.0`", "- Release: `v1.2.0` (tried)")
    forward.commit("docs: edited", {MATRIX: matrix})
    assert refused(forward, "handoff-rollback") == [
        ("HP128", MATRIX, "no line is '- Release: `v1.2.0`'")
    ]


def test_a_rollback_without_a_receipt(consumer: Consumer) -> None:
    """It is not known what to undo."""
    message = "there is no committed receipt, so it is not known what to undo"
    assert refused(consumer, "handoff-rollback") == [("HP128", RECEIPT, message)]


@pytest.fixture
def crossed(releases: Releases, tmp_path: Path, envdir: Path) -> Consumer:
    """Return a consumer that has accepted v1.2.0 (service.v2) over v1.0.0 (service.v1)."""
    made = make_consumer(releases, tmp_path, envdir, "v1.0.0")
    words: list[str] = []
    assert made.accept() == 1
    for _, where, _ in made.problems():
        words += ["--accept-change", where.removeprefix("change ")]
    assert made.accept("v1.2.0", *words) == 0, made.output
    return made


def test_a_rollback_across_a_service_version_whose_validators_fail(crossed: Consumer) -> None:
    """The documented way back fails in the consumer: this says so, and why."""
    script = VALIDATOR.replace('echo "pin', 'grep -q service.v2 config/pin.json\necho "pin')
    crossed.commit("chore: only service.v2", {"scripts/validate.sh": script})
    assert refused(crossed, "handoff-rollback") == [
        ("HP127", "validator pin", "failed: exit code 1"),
        (
            "HP128",
            "service contract",
            "the rollback crosses from service.v2 to service.v1, "
            "and the validators do not accept the older one",
        ),
    ]


# What is pinned is no longer true


def test_a_pin_that_is_no_longer_true(forward: Consumer, tmp_path: Path) -> None:
    """A drifted matrix, a moved tag with another manifest, and no receipt: each is named."""
    forward.releases = forward.releases.copy(tmp_path)
    git = forward.releases.producer.git
    old, new = git("rev-parse", "v1.2.0^{commit}"), git("rev-parse", "v1.3.0^{commit}")
    forward.releases.producer.tag("v1.2.0", new)
    matrix = forward.text(MATRIX).replace("- Release: `v1.2.0`", "- Release: `v1.1.0`")
    forward.commit("docs: drift", {MATRIX: matrix})
    drift, moved, again = refused(forward, "handoff-pinned")
    line = "no line is '- Release: `v1.2.0`'; line 5 is '- Release: `v1.1.0`'"
    assert drift == ("HP121", f"{MATRIX}:5", line)
    message = f"the tag was moved: it points to {new}, the receipt says {old}"
    assert moved == ("HP123", "tag v1.2.0", message)
    assert again[:2] == ("HP124", PIN)
    assert again[2].startswith("v1.2.0 was published again: release_tag is v1.3.0, pinned is v1.2")
    forward.commit("chore: no receipt", {RECEIPT: None})
    assert ("HP128", RECEIPT, "there is no receipt of what is pinned") in refused(
        forward, "handoff-pinned"
    )


def test_an_accept_that_was_not_completed(forward: Consumer) -> None:
    """What only reads does not end it, but says so."""
    state = forward.root / ".git" / "handoff-tasks"
    (state / "journal.json").write_text("{}\n")
    message = "an accept was not completed, and some of its files may be written"
    expected = [("HP129", str(state / "journal.json"), message)]
    assert refused(forward, "handoff-pinned") == expected


def test_without_the_producers_repository(consumer: Consumer) -> None:
    """There is nothing to verify a packet against."""
    words = [*consumer.place(), str(consumer.releases.packet("v1.2.0"))]
    done = run_nox(consumer.root, consumer.envdir, "handoff-accept", *words)
    assert done.returncode == 1
    message = "the repository of Scratch is not known"
    assert consumer.problems() == [("HP010", "--producer-root", message)]


# Options and places


def test_options_that_contradict_the_noxfile(consumer: Consumer, tmp_path: Path) -> None:
    """A profile of its own has no sample, and the sample has no other root."""
    packet = str(consumer.releases.packet("v1.2.0"))
    words = [*consumer.place(), packet]
    run_nox(consumer.root, consumer.envdir, "handoff-accept", "--sample", "python", *words)
    message = "the noxfile registers a consumer profile of its own"
    assert consumer.problems() == [("HP001", "--sample", message)]
    (tmp_path / "noxfile.py").write_text(
        "import nox\nimport handoff_tasks\nhandoff_tasks.register_consumer(nox, __file__)\n"
    )
    run_nox(tmp_path, consumer.envdir, "handoff-accept", "--consumer-root", "x", *words)
    message = "the noxfile registers no consumer profile, so this takes the sample consumer"
    assert consumer.problems() == [("HP001", "--consumer-root", message)]


def test_places_that_are_not_a_consumer(consumer: Consumer, tmp_path: Path) -> None:
    """No folder, no repository, and a bare one."""
    words = ["--consumer-root", str(tmp_path / "x")]
    assert consumer.accept("v1.2.0", *words) == 1
    assert consumer.problems() == [("HP010", str(tmp_path / "x"), "no such folder")]
    consumer.repository.git("clone", "--quiet", "--bare", str(consumer.root), str(tmp_path / "b"))
    assert consumer.accept("v1.2.0", "--consumer-root", str(tmp_path / "b")) == 1
    message = "a bare repository; expected a work tree"
    assert consumer.problems() == [("HP011", str(tmp_path / "b"), message)]
    result = ["--result-json", str(consumer.result_path)]
    (tmp_path / "plain").mkdir()
    run_nox(consumer.root, consumer.envdir, "consumer-init", *result, str(tmp_path / "plain"))
    [(code, where, message)] = consumer.problems()
    assert (code, where) == ("HP011", str(tmp_path / "plain"))
    assert message.startswith("not the root of a repository with a commit (")


def test_branches_that_cannot_be_made(consumer: Consumer, tmp_path: Path) -> None:
    """A name that git refuses, and a user whom git does not know."""
    packet = str(consumer.releases.packet("v1.2.0"))
    assert refused(consumer, "handoff-accept", packet, "--branch", "a..b") == [
        ("HP126", "--branch a..b", "not a name of a branch")
    ]
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    before = consumer.contents()
    assert consumer.accept("v1.2.0", "--branch", "pin", **home) == 1
    message = "git does not know who makes the commit"
    assert consumer.problems() == [("HP126", "--branch", message)]
    assert consumer.contents() == before
