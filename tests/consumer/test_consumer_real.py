"""Claims about a real consumer: its historical repins come out byte for byte, and the next one is planned.

``HANDOFF_REAL_CONSUMER`` names a clone of AssistSupport, ``HANDOFF_REAL_PRODUCER`` one of MemoryKernel.
A release v0.4.1 was never published; the last claims need a producer in which it was cut. Its packet
is the consumer's own with the new release's values: the consumer's validators read no more of it.
With ``HANDOFF_REAL_PACKET``, a GO packet of that release, the sessions run, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import consumers
import pytest
import scratch

from handoff_tasks.consumer import pin, plan, profile, receipt
from handoff_tasks.consumer.values import PinValues
from handoff_tasks.formats import schemas

CONSUMER, PRODUCER = (
    os.environ.get("HANDOFF_REAL_CONSUMER"),
    os.environ.get("HANDOFF_REAL_PRODUCER"),
)
pytestmark = pytest.mark.skipif(
    not (CONSUMER and PRODUCER), reason="no clones of the real consumer and producer"
)

PIN = "config/memorykernel-integration-pin.json"
MIRROR = "config/memorykernel-producer-manifest.json"
MATRIX = "docs/MEMORYKERNEL_COMPATIBILITY_MATRIX.md"
PACKET = "services/memorykernel/docs/implementation/PRODUCER_RELEASE_HANDOFF_LATEST.json"
MANIFEST = "contracts/integration/v1/producer-contract-manifest.json"
TEXT = (Path(__file__).resolve().parent / "assistsupport.toml").read_text("utf-8")


def git(repository: str | None, *words: str) -> bytes:
    """Return what git says in a repository."""
    assert repository is not None
    return subprocess.run(["git", "-C", repository, *words], capture_output=True, check=True).stdout


def release(tag: str, date: str) -> plan.Release:
    """Return a release by its manifest at the tag."""
    data = git(PRODUCER, "show", f"{tag}:{MANIFEST}")
    values = PinValues.from_manifest(json.loads(data), hashlib.sha256(data).hexdigest())
    return plan.Release(values=values, date=date, manifest=data)


def consumer(text: str = TEXT) -> profile.Profile:
    """Return the consumer's profile."""
    return profile.parse(
        text.encode(), "assistsupport.toml", schemas.schema(schemas.CONSUMER_PROFILE)
    )


def three_files() -> profile.Profile:
    """Return the profile of pin, mirror and matrix, which the history has changed together."""
    first, *blocks = TEXT.split("\n[[files]]\n")
    rest = blocks[-1][blocks[-1].index("\n[tools") :]
    return consumer("\n[[files]]\n".join([first, *blocks[:2]]) + rest)


def files(commit: str, found: profile.Profile) -> dict[str, bytes]:
    """Return what a commit of the consumer has of the profile's files."""
    return {path: git(CONSUMER, "show", f"{commit}:{path}") for path in found.reads}


@pytest.mark.parametrize(
    ("repin", "tag", "identical"),
    [("f753355", "v0.3.2", (PIN, MIRROR)), ("d919346", "v0.4.0", (PIN, MIRROR, MATRIX))],
)
def test_a_historical_repin_comes_out_byte_for_byte(
    repin: str, tag: str, identical: tuple[str, ...]
) -> None:
    """From the commit before it, the plan gives the bytes that a person wrote."""
    found = three_files()
    before = git(CONSUMER, "rev-parse", f"{repin}^").decode().strip()
    made = plan.make(found, files(before, found), release(tag, "2026-02-08"), before)
    assert made.problems == ()
    after = {file.path: file.after for file in made.files}
    assert sorted(after) == sorted([PIN, MIRROR, MATRIX])
    for path in identical:
        assert after[path] == git(CONSUMER, "show", f"{repin}:{path}")


@pytest.fixture
def next_plan() -> plan.Plan:
    """Return the plan from v0.4.0 to v0.4.1, if there is such a release."""
    if b"v0.4.1\n" not in git(PRODUCER, "tag"):
        pytest.skip("the producer has no v0.4.1")
    found = consumer()
    head = git(CONSUMER, "rev-parse", "HEAD").decode().strip()
    before = files(head, found)
    to = release("v0.4.1", "2026-02-13")
    packet = before[PACKET]
    old = pin.read_pin(found, before)
    for was, now in (
        (old.release_tag, to.values.release_tag),
        (old.commit_sha, to.values.commit_sha),
    ):
        packet = packet.replace(was.encode(), now.encode())
    return plan.make(found, before, replace(to, packet=packet), head)


def test_all_files_are_planned(next_plan: plan.Plan) -> None:
    """Eight files and the embedded packet: lines that say the old release, three places in code."""
    assert next_plan.problems == ()
    assert [file.path for file in next_plan.files] == list(consumer().targets)
    assert len(next_plan.files) == 9
    counts = {file.path.rpartition("/")[2]: len(file.changes) for file in next_plan.files}
    assert list(counts.values()) == [3, 0, 5, 2, 2, 2, 2, 3, 0]
    for file in next_plan.files:
        assert file.before.count(b"\n") == file.after.count(b"\n")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_six_node_checks_pass_before_afterwards_and_after_the_rollback(
    next_plan: plan.Plan, tmp_path: Path
) -> None:
    """The consumer's own validators, run on what a commit of it has."""
    paths = ("config", "docs", "scripts", "services", "src", "src-tauri/src", "package.json")
    archive = tmp_path / "consumer.tar"
    git(CONSUMER, "archive", f"--output={archive}", "HEAD", *paths)
    root = tmp_path / "consumer"
    shutil.unpack_archive(archive, root, filter="data")

    def outcomes() -> list[bool]:
        found = []
        for validator in consumer().validators:
            done = subprocess.run(
                validator.argv, cwd=root, capture_output=True, text=True, check=False
            )
            last = done.stdout.strip().rpartition("\n")[2]
            found.append(done.returncode == 0 and validator.success_line in (None, last))
        return found

    assert outcomes() == [True] * 6
    for file in next_plan.files:
        (root / file.path).write_bytes(file.after)
    assert outcomes() == [True] * 6
    for file in next_plan.files:
        (root / file.path).write_bytes(file.before)
    assert outcomes() == [True] * 6


def test_the_rollback_of_all_files_is_byte_identical(next_plan: plan.Plan) -> None:
    """By blob, and by templates where a file was edited since."""
    made = receipt.Receipt(
        kind=receipt.ACCEPT,
        consumer=receipt.Consumer(name="AssistSupport", commit="0" * 40, tree="0" * 40),
        producer=receipt.Producer(
            name="MemoryKernel",
            tag="v0.4.1",
            tag_target=None,
            runtime_commit=next_plan.new.commit_sha,
        ),
        packet_sha256="0" * 64,
        manifest_sha256=next_plan.new.manifest_sha256,
        undoes=None,
        old=next_plan.old,
        new=next_plan.new,
        changes=(),
        files=tuple(receipt.ReceiptFile.of(file, "100644") for file in next_plan.files),
        validators=(),
        profile_digest=consumer().digest,
    )
    before = {file.path: file.before for file in next_plan.files}
    after = {file.path: file.after for file in next_plan.files}
    back = receipt.plan_rollback(consumer(), made, before, after, "receipt")
    assert {file.path: file.after for file in back.files} == before
    edited = {
        path: data if path in (MIRROR, PACKET) else data + b"\n" for path, data in after.items()
    }
    back = receipt.plan_rollback(consumer(), made, before, edited, "receipt")
    assert back.problems == ()
    assert {file.path: file.after for file in back.files} == {
        path: data if path in (MIRROR, PACKET) else data + b"\n" for path, data in before.items()
    }


@pytest.mark.skipif(
    shutil.which("node") is None or not os.environ.get("HANDOFF_REAL_PACKET"),
    reason="no node, or no packet for the real consumer",
)
def test_the_sessions_take_the_real_consumer_there_and_back(tmp_path: Path, envdir: Path) -> None:
    """All six checks decide on both ways, ten files are written, and every byte comes back."""
    root, desk = tmp_path / "consumer", tmp_path / "desk"
    root.mkdir()
    desk.mkdir()
    paths = ("config", "docs", "scripts", "services", "src", "src-tauri/src", "package.json")
    archive = tmp_path / "consumer.tar"
    git(CONSUMER, "archive", f"--output={archive}", "HEAD", *paths, ".gitignore")
    shutil.unpack_archive(archive, root, filter="data")
    scratch.git(root, "init", "--quiet", "--template=")
    scratch.git(root, "add", "--all", "--force")
    scratch.git(root, "commit", "--quiet", "--message", "as it is")
    (desk / "assistsupport.toml").write_text(TEXT, "utf-8")
    register = "handoff_tasks.register_consumer(nox, __file__, profile='assistsupport.toml')"
    (desk / "noxfile.py").write_text(f"import nox\nimport handoff_tasks\n{register}\n")
    result = tmp_path / "result.json"
    place = ["--consumer-root", str(root), "--producer-root", str(PRODUCER)]
    place += ["--cache-dir", str(tmp_path / "cache"), "--result-json", str(result)]
    packet = Path(os.environ["HANDOFF_REAL_PACKET"]).resolve()
    for session, words in (
        ("handoff-accept", [str(packet)]),
        ("handoff-pinned", []),
        ("handoff-rollback", []),
    ):
        done = consumers.run_nox(desk, envdir, session, *place, *words)
        assert done.returncode == 0, done.stdout
        outcomes = [check["outcome"] for check in json.loads(result.read_bytes())["checks"]]
        assert outcomes == ([] if session == "handoff-pinned" else ["passed"] * 6)
        if session != "handoff-pinned":
            changed = scratch.git(root, "status", "--porcelain").splitlines()
            assert len(changed) == 10
            scratch.git(root, "add", "--all")
            scratch.git(root, "commit", "--quiet", "--message", session)
    receipt_path = consumer().receipt_path
    assert scratch.git(root, "diff", "--name-only", "HEAD~2") == receipt_path
