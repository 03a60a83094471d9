"""Claims about accepting a release and going back, through real nox and git."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import library
import pytest
import scratch
from consumers import (
    MATRIX,
    MIRROR,
    PIN,
    PROFILE,
    RECEIPT,
    Consumer,
    Releases,
    make_packet,
    nox_command,
    run_nox,
)
from signing import make_key

from handoff_tasks.formats import schemas

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


LOCK_PROFILE = f"""profile_contract_version = "consumer-profile.v1"
name = "Scratch consumer"
receipt = "{RECEIPT}"

[producer]
name = "Library"
profile = "handoff.toml"

[pin]
path = "deps.lock"

[pin.fields]
release_tag = "/library/tag"
commit_sha = "/library/rev"

[[validators]]
id = "true"
argv = ["true"]
"""


needs_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not on PATH"
)


def signed_statement(consumer: Consumer) -> dict[str, Any]:
    """Return the statement of the signed acceptance beside the receipt."""
    envelope = json.loads(consumer.text(f"{RECEIPT}.intoto.json"))
    statement: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return statement


def receipt_of(consumer: Consumer) -> dict[str, Any]:
    """Return the receipt, which follows its schema."""
    document: dict[str, Any] = json.loads(consumer.text(RECEIPT))
    schema = schemas.schema(schemas.RECEIPT)
    assert schemas.violations(document, schema, where="", code="HP128", hint="") == []
    return document


def test_an_accept_pins_all_or_nothing_and_leaves_a_receipt(consumer: Consumer) -> None:
    """All files say the new release, the row before stays, and nothing else changes."""
    before = consumer.contents()
    head = consumer.repository.head()
    assert consumer.accept() == 0, consumer.output
    after = consumer.contents()
    assert {path for path in after if after[path] != before.get(path)} == {
        *(PIN, MIRROR, MATRIX, RECEIPT)
    }
    pin = json.loads(consumer.text(PIN))
    assert (pin["release_tag"], pin["timeout_ms"]) == ("v1.2.0", 2500)
    assert f"| {head[:7]} | v1.2.0 | service.v2 | Approved |" in consumer.text(MATRIX)
    assert "| v1.1.0 | service.v2 | Superseded |" in consumer.text(MATRIX)
    document = receipt_of(consumer)
    assert document["kind"] == "accept"
    assert document["consumer"]["commit"] == head
    assert document["validators"][0]["outcome"] == "passed"
    assert "GO  v1.2.0 is pinned: 4 files written; review and commit them" in consumer.output
    assert consumer.result["verdict"] == "GO"
    assert [check["outcome"] for check in consumer.result["checks"]] == ["passed"]
    [page] = consumer.base.glob("work/evidence/*/report.accept.html")
    assert "Scratch consumer: Scratch v1.1.0 -&gt; v1.2.0" in page.read_text()


def test_the_same_accept_leaves_the_same_receipt(consumer: Consumer, accepted: Consumer) -> None:
    """A receipt has no time and no path of a machine."""
    assert consumer.accept(COLUMNS="60") == 0
    assert consumer.text(RECEIPT) == accepted.text(RECEIPT)
    assert str(consumer.base) not in consumer.text(RECEIPT)


def test_what_is_pinned_already_changes_nothing(forward: Consumer) -> None:
    """The same packet again is GO, and no byte is written."""
    before = forward.contents()
    assert forward.accept() == 0
    assert "GO  v1.2.0 is pinned already: nothing to change, nothing written" in forward.output
    assert forward.contents() == before


def test_a_dry_run_shows_the_diff_and_the_validators_and_writes_nothing(consumer: Consumer) -> None:
    """The verdict of the validators is real, and the work tree stays."""
    before = consumer.contents()
    words = ["--producer-root", str(consumer.releases.producer.root), *consumer.place()[:4]]
    done = run_nox(
        *(consumer.root, consumer.envdir, "handoff-accept"),
        *(*words, "--dry-run", str(consumer.releases.packet("v1.2.0"))),
    )
    assert done.returncode == 0
    assert "-- Release: `v1.1.0`\n" in done.stdout
    assert "+- Release: `v1.2.0`\n" in done.stdout
    assert "pin | passed in" in done.stdout
    assert "GO  v1.2.0 would be pinned; nothing was written" in done.stdout
    assert consumer.contents() == before


def test_a_packet_at_a_tag_is_accepted_from_the_producers_history(consumer: Consumer) -> None:
    """``TAG:`` names a packet that the producer has committed; here there is none."""
    assert consumer.run("handoff-accept", "v1.2.0:") == 1
    message = "there is no packet in the tag's tree"
    assert consumer.problems() == [("HP100", "v1.2.0:handoff/packet.json", message)]


@pytest.mark.slow
@needs_keygen
def test_a_packet_that_is_older_than_its_tag_is_accepted_from_the_history(
    consumer: Consumer, tmp_path: Path
) -> None:
    """The usual way of a release: the packet says untagged, is committed with its envelope, then the tag is made."""
    consumer.releases = consumer.releases.copy(tmp_path)
    producer = consumer.releases.producer
    old = json.loads(consumer.releases.packet("v1.4.0").read_bytes())["commit_sha"]
    commit = producer.commit("feat: more", {"crates/core/lib.rs": "// v1.5.0\n"})
    producer.release("v1.5.0", commit, rollback=f"v1.4.0/{old}")
    path = producer.root / "handoff" / "packet.json"
    words = ["--allow-untagged"]
    done = make_packet(producer, "HEAD", path, tmp_path, consumer.envdir, words=words)
    assert done.returncode == 0, done.stdout
    assert json.loads(path.read_bytes())["git_state"]["tag"]["state"] == "untagged"
    key = make_key(tmp_path, "key")
    words = ["--key", str(key), "--producer-root", str(producer.root)]
    cache = ["--cache-dir", str(tmp_path / "producer cache")]
    desk = tmp_path / "producer desk"
    done = run_nox(desk, consumer.envdir, "handoff-sign", str(path), *words, *cache)
    assert done.returncode == 0, done.stdout
    envelope = path.with_name("packet.json.intoto.json").read_bytes()
    producer.commit("docs: the packet", {})
    assert consumer.accept_word("v1.5.0:") == 1
    assert [code for code, _, _ in consumer.problems()] == ["HP101"]
    producer.tag("v1.5.0")
    junit = consumer.base / "junit.xml"
    words = ["--junit", str(junit), "--key", str(key)]
    assert consumer.accept_word("v1.5.0:", *words) == 0, consumer.output
    assert json.loads(consumer.text(PIN))["release_tag"] == "v1.5.0"
    [attestation] = signed_statement(consumer)["predicate"]["inputAttestations"]
    assert attestation["digest"]["sha256"] == hashlib.sha256(envelope).hexdigest()
    assert receipt_of(consumer)["producer"]["tag_target"] == producer.head()
    assert 'name="pin"' in junit.read_text()


@pytest.mark.slow
def test_a_consumer_in_a_folder_of_its_repository(pinned: Consumer, tmp_path: Path) -> None:
    """All paths are below the consumer's root; the receipt and the branch, too."""
    repository = scratch.repository(tmp_path / "mono", "apps/one")
    made = Consumer(
        repository=repository, releases=pinned.releases, base=tmp_path, envdir=pinned.envdir
    )
    for path, data in pinned.contents().items():
        if path != "refs":
            (made.root / path).parent.mkdir(parents=True, exist_ok=True)
            (made.root / path).write_bytes(data)
    (made.root / "scripts/validate.sh").chmod(0o755)
    made.commit("feat: an application")
    repository.git("config", "user.name", "Jo")
    repository.git("config", "user.email", "jo@example.invalid")
    assert made.accept("v1.2.0", "--branch", "pin") == 0, made.output
    changed = repository.git("diff", "--name-only", "HEAD", "pin").split()
    assert changed == [f"apps/one/{path}" for path in (MIRROR, PIN, RECEIPT, MATRIX)]
    assert made.accept() == 0, made.output
    made.commit("chore: pin v1.2.0")
    assert repository.git("diff", "HEAD", "pin", "--", ":(exclude)*.pyc") == ""
    assert made.run("handoff-rollback") == 0, made.output
    assert made.text(PIN) == pinned.text(PIN)


def test_a_branch_gets_one_commit_and_the_work_tree_stays(consumer: Consumer) -> None:
    """Even an edited work tree: the branch is made from the commit."""
    consumer.repository.git("config", "user.name", "Jo <Doe>")
    consumer.repository.git("config", "user.email", "jo@example.invalid")
    (consumer.root / MATRIX).write_text("edited\n")
    before = consumer.contents()
    assert consumer.accept("v1.2.0", "--branch", "pin/v1.2.0") == 0, consumer.output
    after = consumer.contents()
    refs = {before.pop("refs"), after.pop("refs")}
    assert len(refs) == 2
    assert after == before
    git = consumer.repository.git
    assert git("log", "--format=%an %ae %s", "pin/v1.2.0", "-1") == (
        "Jo  Doe jo@example.invalid chore: pin v1.2.0 of Scratch"
    )
    assert git("rev-parse", "pin/v1.2.0^") == consumer.repository.head()
    changed = git("diff", "--name-only", "HEAD", "pin/v1.2.0").split()
    assert changed == [MIRROR, PIN, RECEIPT, MATRIX]
    assert consumer.accept("v1.2.0", "--branch", "pin/v1.2.0") == 1
    assert consumer.problems() == [("HP126", "--branch pin/v1.2.0", "the branch exists already")]


def test_the_body_of_a_pull_request(consumer: Consumer) -> None:
    """Markdown and nothing else: what changes for us, the statement, files, validators."""
    assert consumer.accept("v1.2.0", "--format", "md") == 0
    body = consumer.output.partition("nox >")[0]
    assert body.startswith("# Scratch consumer: Scratch v1.1.0 -> v1.2.0\n")
    headings = re.findall(r"^## (.*)$", body, re.MULTILINE)
    assert headings == [
        *("What changes for us", "What the producer says", "Files", "Validators", "Who signed")
    ]
    assert "| pin | `./scripts/validate.sh` | passed | bash" in body
    assert consumer.run("handoff-accept", "x.json", "--format", "html") == 1
    message = "found 'html'; expected one of text, md"
    assert consumer.problems() == [("HP001", "--format", message)]


@needs_keygen
def test_a_signed_acceptance_lies_beside_the_receipt(consumer: Consumer) -> None:
    """A DSSE envelope over the packet; with signers, an unsigned packet is refused first."""
    key, signers = make_key(consumer.base, "key"), consumer.base / "signers"
    public = key.with_name("key.pub").read_text()
    signers.write_text(f'scratch namespaces="handoff" {public}')
    before = consumer.contents()
    assert consumer.accept("v1.2.0", "--signers", str(signers)) == 1
    packet = consumer.releases.packet("v1.2.0")
    message = f"not signed: there is no {packet}.intoto.json"
    assert consumer.problems() == [("HP132", str(packet), message)]
    assert consumer.contents() == before
    words = ["--key", str(key), "--consumer", "https://example.org/app"]
    assert consumer.accept("v1.2.0", *words) == 0, consumer.output
    statement = signed_statement(consumer)
    assert statement["predicate"]["verifier"]["id"] == "https://example.org/app"
    digest = hashlib.sha256(packet.read_bytes()).hexdigest()
    assert statement["subject"][0]["digest"]["sha256"] == digest


def test_a_rollback_restores_every_byte(forward: Consumer, pinned: Consumer) -> None:
    """From the committed receipt, without a packet and without the producer."""
    words = forward.place()
    done = run_nox(forward.root, forward.envdir, "handoff-rollback", *words)
    assert done.returncode == 0, done.stdout
    assert "GO  v1.1.0 is pinned again: 4 files written; review and commit them" in done.stdout
    for path in (PIN, MIRROR, MATRIX):
        assert forward.text(path) == pinned.text(path)
    document = receipt_of(forward)
    assert (document["kind"], document["producer"]["tag_target"]) == ("rollback", None)
    forward.commit("chore: go back")
    assert forward.run("handoff-pinned") == 0, forward.output
    assert forward.run("handoff-rollback") == 1
    message = "it is the receipt of a rollback; only an accept can be undone"
    assert forward.problems() == [("HP128", f"{RECEIPT}#/kind", message)]
    assert forward.accept() == 0, forward.output


def test_a_file_edited_since_is_undone_by_its_templates(forward: Consumer) -> None:
    """A note that was added elsewhere stays."""
    forward.commit("docs: a note", {MATRIX: forward.text(MATRIX) + "\nA note.\n"})
    assert forward.run("handoff-rollback") == 0, forward.output
    assert forward.text(MATRIX).endswith("| Approved |\n\nA note.\n")
    assert "- Release: `v1.1.0`" in forward.text(MATRIX)


def test_a_receipt_is_shown(forward: Consumer) -> None:
    """As text, Markdown and JSON, without checking it; a damaged one is refused."""
    desk = forward.base / "desk"
    desk.mkdir()
    (desk / "noxfile.py").write_text(
        "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__)\n"
    )
    path = forward.root / RECEIPT

    def show(*words: str) -> str:
        return run_nox(desk, forward.envdir, "handoff-show", *words, str(path)).stdout

    said = show()
    assert said.startswith("accept of Scratch v1.1.0 -> v1.2.0\n")
    assert "  validator  pin  passed  bash " in said
    assert show("--format", "md").startswith("# accept of Scratch v1.1.0 -> v1.2.0\n")
    assert show("--format", "json") == path.read_text()
    path.write_text(path.read_text().replace('"verdict": "GO"', '"verdict": "go"'))
    assert "HP128" in show()


def test_what_is_pinned_is_still_true(forward: Consumer) -> None:
    """GO, and nothing is written."""
    before = forward.contents()
    assert forward.run("handoff-pinned") == 0, forward.output
    assert "GO  v1.2.0 of Scratch is pinned, and everything says so" in forward.output
    assert forward.contents() == before


def test_a_profile_elsewhere_describes_a_consumer_that_has_none(
    consumer: Consumer, tmp_path: Path
) -> None:
    """A desk with noxfile and profile, and the consumer's root as an option."""
    desk = tmp_path / "desk"
    desk.mkdir()
    for name in (PROFILE, "noxfile.py"):
        shutil.move(consumer.root / name, desk / name)
    consumer.commit("chore: no profile here")
    words = ["--consumer-root", str(consumer.root), str(consumer.releases.packet("v1.2.0"))]
    place = ["--producer-root", str(consumer.releases.producer.root), *consumer.place()]
    done = run_nox(desk, consumer.envdir, "handoff-accept", *place, *words)
    assert done.returncode == 0, done.stdout
    assert json.loads(consumer.text(PIN))["release_tag"] == "v1.2.0"


def test_a_first_profile_is_written_from_what_is_pinned(consumer: Consumer) -> None:
    """Pin, mirror and matrix are found; a profile that is there is not overwritten."""
    (consumer.root / PROFILE).rename(consumer.base / PROFILE)
    consumer.commit("chore: no profile")
    words = ["--result-json", str(consumer.result_path)]
    for status in (0, 1):
        done = run_nox(consumer.root, consumer.envdir, "consumer-init", *words, str(consumer.root))
        assert done.returncode == status, done.stdout
    assert f'path = "{PIN}"' in consumer.text(PROFILE)
    assert f'path = "{MIRROR}"\ncopy = "manifest"' in consumer.text(PROFILE)
    assert consumer.problems() == [
        ("HP083", str(consumer.root / PROFILE), "already exists; it was not overwritten")
    ]


@pytest.mark.slow
def test_a_lock_file_that_pins_a_library(consumer: Consumer, tmp_path: Path) -> None:
    """A release without a manifest: tag and commit are pinned, and a contract's version counts."""
    producer = library.made(tmp_path / "library")
    old = producer.git("rev-parse", "v1.0.0^{commit}")
    statement = library.block("v1.1.0", behavior="a new format", rollback="v1.0.0")
    statement = statement.replace("mapping changes: none", "mapping changes: read it")
    producer.commit("feat: greet", {"src/greet.py": library.source(2)})
    producer.commit("chore(release): 1.1.0", library.release("1.1.0", statement))
    producer.tag("v1.1.0")
    packet = tmp_path / "packets" / "v1.1.0.json"
    done = make_packet(producer, "v1.1.0", packet, tmp_path, consumer.envdir)
    assert done.returncode == 0, done.stdout
    lock = json.dumps({"library": {"tag": "v1.0.0", "rev": old}}) + "\n"
    consumer.commit("chore: pin a library", {"deps.lock": lock, PROFILE: LOCK_PROFILE})
    consumer.releases = Releases(producer=producer, packets=packet.parent)
    assert consumer.accept("v1.1.0") == 1
    [(code, where, message)] = consumer.problems()
    assert code == "HP125"
    assert message.startswith("breaking: the contract output-format is 2, was 1")
    words = ["--accept-change", where.removeprefix("change ")]
    assert consumer.accept("v1.1.0", *words) == 0, consumer.output
    commit = json.loads(packet.read_bytes())["commit_sha"]
    assert json.loads(consumer.text("deps.lock")) == {"library": {"tag": "v1.1.0", "rev": commit}}
    consumer.commit("chore: up")
    assert consumer.run("handoff-pinned") == 0, consumer.output
    assert consumer.run("handoff-rollback") == 0, consumer.output
    assert consumer.text("deps.lock") == lock


def test_a_consumer_of_two_producers_registers_two_profiles(
    consumer: Consumer, tmp_path: Path
) -> None:
    """Each profile has sessions with a name of their own; the same name twice is refused."""
    noxfile = tmp_path / "noxfile.py"
    lines = ["import nox", "import handoff_tasks"]
    lines += ["handoff_tasks.register_consumer(nox, __file__, profile='a.toml')"]
    lines += ["handoff_tasks.register_consumer(nox, __file__, profile='b.toml', name='b')"]
    noxfile.write_text("\n".join(lines))
    command = [*nox_command(tmp_path, consumer.envdir, "x")[:5], "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^- (\S+)", listed, re.MULTILINE)
    own = ["handoff-accept", "handoff-rollback", "handoff-pinned", "consumer-init"]
    assert names == [*own, *(f"{name}-b" for name in own)]
    noxfile.write_text("\n".join([*lines, lines[2]]))
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    message = f"HP031 {noxfile}: session 'handoff-accept' is already defined in this noxfile"
    hint = "next: rename it, or give handoff_tasks.register_consumer another name="
    assert f"{message}\n      {hint}" in said
