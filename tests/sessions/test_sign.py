"""Claims about signing and verifying through real nox, with real SSH keys."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import scratch
from desk import NOXFILE, Desk
from signing import make_key

from handoff_tasks.limits import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

KEYGEN = shutil.which("ssh-keygen")
pytestmark = pytest.mark.skipif(KEYGEN is None, reason="ssh-keygen is not on PATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """A desk with a published packet, two keys, and a trust file that allows both."""

    desk: Desk
    laptop: Path
    linux: Path
    signers: Path

    @property
    def packet(self) -> Path:
        return self.desk.packet

    @property
    def envelope(self) -> Path:
        return self.packet.with_name(f"{self.packet.name}.intoto.json")

    def run(self, session: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.desk.run(session, str(self.packet), *words)


def trust_line(key: Path, namespaces: str = "handoff") -> str:
    """Return the line of a trust file that allows a key."""
    return f'scratch namespaces="{namespaces}" {key.with_name(f"{key.name}.pub").read_text()}'


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, envdir: Path) -> Signing:
    """Publish a packet once, and make two keys."""
    base = tmp_path_factory.mktemp("signing")
    folder = base / "a desk #1"
    folder.mkdir()
    (folder / "noxfile.py").write_text(NOXFILE)
    desk = Desk(folder=folder, producer=scratch.producer(base / "producer"), envdir=envdir)
    desk.profile()
    assert desk.run("handoff-stable").returncode == 0
    laptop, linux = make_key(base, "laptop"), make_key(base, "ci-linux")
    signers = folder / "allowed_signers"
    signers.write_text(trust_line(laptop) + trust_line(linux))
    return Signing(desk=desk, laptop=laptop, linux=linux, signers=signers)


@pytest.fixture
def signing(published: Signing, tmp_path: Path) -> Signing:
    """Take a copy of the packet's folder for one test: its own producer and noxfile."""
    folder = tmp_path / "a desk #1"
    shutil.copytree(published.desk.folder, folder, symlinks=True)
    root = tmp_path / "producer"
    shutil.copytree(published.desk.producer.path, root, symlinks=True)
    producer = scratch.Producer(path=root, root=root)
    desk = replace(published.desk, folder=folder, producer=producer)
    return replace(published, desk=desk, signers=folder / "allowed_signers")


def fingerprint(key: Path) -> str:
    """Return the fingerprint that ssh-keygen prints."""
    command = ["ssh-keygen", "-l", "-f", str(key.with_name(f"{key.name}.pub"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


@pytest.mark.slow
def test_a_signed_packet_is_verified_by_name(signing: Signing) -> None:
    """The envelope lies beside the packet; signing again changes no byte; the key is named."""
    first = signing.run("handoff-sign", "--key", str(signing.laptop))
    assert first.returncode == 0, first.stdout
    assert f"signed by {fingerprint(signing.laptop)}\n" in first.stdout
    data = signing.envelope.read_bytes()
    again = signing.run("handoff-sign", "--key", str(signing.laptop))
    assert again.returncode == 0, again.stdout
    assert "unchanged: these signatures are there already\n" in again.stdout
    assert signing.envelope.read_bytes() == data
    done = signing.run("handoff-verify", "--signers", str(signing.signers))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines if line.startswith("  signature")] == [
        ["signature", "laptop"]
    ]
    [said] = [line for line in lines if line.startswith("  signers")]
    assert said.startswith("  signers    1 of 1 needed, of 2 that ")
    assert said.endswith("allowed_signers allows for scratch; no network was used")


@pytest.mark.slow
def test_an_unsigned_packet_is_refused_if_signatures_are_asked_for(signing: Signing) -> None:
    """Without an envelope the packet is NO-GO, with the name of the file that is missing."""
    done = signing.run("handoff-verify", "--signers", str(signing.signers))
    assert done.returncode == 1
    assert signing.desk.result["problems"] == [
        {
            "code": "HP132",
            "where": str(signing.packet),
            "message": f"not signed: there is no {signing.envelope}",
            "hint": "ask the producer for it, or verify without --signers",
        }
    ]


def test_a_signature_that_nobody_asked_about_is_an_advisory(signing: Signing) -> None:
    """Without --signers the packet is GO, and the envelope is mentioned."""
    assert signing.run("handoff-sign", "--key", str(signing.laptop)).returncode == 0
    done = signing.run("handoff-verify")
    assert done.returncode == 0, done.stdout
    [note] = [one for one in signing.desk.result["advisories"] if one["code"] == "HA130"]
    assert note["message"] == "a signature lies beside the packet and was not checked"


@pytest.mark.slow
def test_two_machines_sign_one_packet(signing: Signing, tmp_path: Path) -> None:
    """One signature of two is NO-GO; the other machine's envelope is added without its key."""
    assert signing.run("handoff-sign", "--key", str(signing.laptop)).returncode == 0
    demand = ("--signers", str(signing.signers), "--threshold", "2")
    assert signing.run("handoff-verify", *demand).returncode == 1
    [problem] = signing.desk.result["problems"]
    assert problem["code"] == "HP133"
    assert problem["message"].startswith("signed by 1 of the 2 distinct keys that scratch needs")
    ours = signing.envelope.read_bytes()
    signing.envelope.unlink()
    assert signing.run("handoff-sign", "--key", str(signing.linux)).returncode == 0
    other = tmp_path / "other.json.intoto.json"
    signing.envelope.rename(other)
    signing.envelope.write_bytes(ours)
    done = signing.run("handoff-sign", "--add", str(other))
    assert done.returncode == 0, done.stdout
    assert len(json.loads(signing.envelope.read_bytes())["signatures"]) == 2
    assert signing.run("handoff-verify", *demand).returncode == 0


@pytest.mark.slow
def test_a_noxfile_demands_signatures(signing: Signing) -> None:
    """With signers in the noxfile every handoff-verify asks for them, and signing does not."""
    noxfile = signing.desk.folder / "noxfile.py"
    words = "profile='handoff.toml', signers='allowed_signers', threshold=2"
    noxfile.write_text(NOXFILE.replace("profile='handoff.toml'", words))
    assert signing.run("handoff-verify").returncode == 1
    assert [one["code"] for one in signing.desk.result["problems"]] == ["HP132"]
    for key, codes in ((signing.laptop, ["HP133"]), (signing.linux, [])):
        assert signing.run("handoff-sign", "--key", str(key)).returncode == 0
        assert signing.run("handoff-verify").returncode == len(codes)
        assert [one["code"] for one in signing.desk.result["problems"]] == codes


def test_a_key_or_an_envelope_is_needed(signing: Signing) -> None:
    """Neither and both are refused."""
    for words in ((), ("--key", str(signing.laptop), "--add", str(signing.envelope))):
        assert signing.run("handoff-sign", *words).returncode == 1
        assert signing.desk.result["problems"] == [
            {
                "code": "HP001",
                "where": "--key",
                "message": "expected --key FILE or --add OTHER.intoto.json, and one of the two only",
                "hint": "name the key to sign with; nothing was signed",
            }
        ]


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (0, "not JSON: expected a value"),
        (MAX_BYTES + 1, f"the envelope cannot be read: it has {MAX_BYTES + 1} bytes; "),
    ],
)
def test_an_envelope_that_cannot_be_one_is_refused(
    signing: Signing, size: int, message: str
) -> None:
    """Empty, and too large to be read; neither is replaced by a signature."""
    signing.envelope.touch()
    os.truncate(signing.envelope, size)
    for session, words in (
        ("handoff-verify", ("--signers", str(signing.signers))),
        ("handoff-sign", ("--key", str(signing.laptop))),
    ):
        done = signing.run(session, *words)
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        [problem] = signing.desk.result["problems"]
        assert problem["code"] == "HP131"
        assert problem["message"].startswith(message)
        assert signing.envelope.stat().st_size == size


def test_a_key_that_cannot_sign_is_named(signing: Signing, tmp_path: Path) -> None:
    """No agent, a key of another type, an encrypted key without its passphrase; nothing is written."""
    rsa, locked = tmp_path / "rsa", tmp_path / "locked"
    for path, words in (
        (rsa, ("-t", "rsa", "-N", "")),
        (locked, ("-t", "ed25519", "-N", "secret")),
    ):
        subprocess.run(["ssh-keygen", "-q", *words, "-f", str(path)], check=True)
    found = []
    for key in (f"{signing.laptop}.pub", str(rsa), str(locked)):
        done = signing.desk.run("handoff-sign", str(signing.packet), "--key", key, SSH_AUTH_SOCK="")
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        [problem] = signing.desk.result["problems"]
        found.append((problem["code"], problem["message"]))
    assert found == [
        ("HP136", "there is no ssh-agent: SSH_AUTH_SOCK is not set"),
        ("HP135", "an RSA key (ssh-rsa); expected an ed25519 key (ssh-ed25519)"),
        ("HP135", "the private key is encrypted, and there is no passphrase"),
    ]
    assert not signing.envelope.exists()


def test_a_packet_that_is_not_good_is_not_signed(signing: Signing) -> None:
    """The packet is verified first; a changed one leaves no envelope."""
    text = signing.packet.read_text()
    signing.packet.write_text(text.replace('"verdict": "GO"', '"verdict": "NO-GO"'))
    assert signing.run("handoff-sign", "--key", str(signing.laptop)).returncode == 1
    assert not signing.envelope.exists()


def test_bundle_and_public_key_are_printed(signing: Signing) -> None:
    """The Sigstore bundle of one signature, and the PEM that OpenSSH cannot make."""
    assert signing.run("handoff-sign", "--key", str(signing.laptop)).returncode == 0
    done = signing.run("handoff-show", "--bundle", fingerprint(signing.laptop))
    assert done.returncode == 0, done.stdout
    start = done.stdout.index("{")
    document = json.loads(done.stdout[start : done.stdout.rindex("}") + 1])
    assert document["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    shown = signing.desk.run("handoff-show", "--public-key", f"{signing.laptop}.pub")
    assert shown.returncode == 0, shown.stdout
    assert "-----BEGIN PUBLIC KEY-----\n" in shown.stdout


CONSUMER = "https://consumer.example"


@pytest.fixture
def consumer(signing: Signing) -> Signing:
    """Make the desk a repository with one commit: a receipt names it."""
    folder = signing.desk.folder
    scratch.git(folder, "init", "--quiet", "--initial-branch=main", "--template=")
    (folder / ".gitignore").write_text("*\n")
    scratch.Producer(path=folder, root=folder).commit("all", {"README": "consumer\n"})
    return signing


def receipts(signing: Signing) -> list[Path]:
    """Return the receipts below the consumer's folder, the oldest first."""
    folder = signing.desk.folder / "handoff" / "receipts"
    return sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)


def give(signing: Signing, *words: str) -> subprocess.CompletedProcess[str]:
    """Give a receipt with the key of the second machine."""
    return signing.run(
        "handoff-receipt", "--key", str(signing.linux), "--consumer", CONSUMER, *words
    )


def test_a_receipt_names_the_consumers_commit(consumer: Signing) -> None:
    """The receipt is a new file below the consumer's folder, and holds its commit and its URI."""
    head = scratch.Producer(path=consumer.desk.folder, root=consumer.desk.folder).head()
    done = give(consumer)
    assert done.returncode == 0, done.stdout
    assert "accepted, signed by" in done.stdout
    [receipt] = receipts(consumer)
    assert re.fullmatch(r"packet\.\d{8}T\d{6}Z\.intoto\.json", receipt.name)
    assert policy_commit(receipt) == head
    data = receipt.read_bytes()
    refused = give(consumer, "--refuse", "our tests fail")
    assert refused.returncode == 0, refused.stdout
    assert "refused, signed by" in refused.stdout
    assert receipt.read_bytes() == data
    assert len(receipts(consumer)) == 2


def test_the_producer_checks_a_receipt(consumer: Signing) -> None:
    """An acceptance is GO and says who gave it when; a refusal is NO-GO with its reason."""
    assert give(consumer).returncode == 0
    assert give(consumer, "--refuse", "our tests fail").returncode == 0
    accepted, refused = receipts(consumer)
    public = consumer.linux.with_name("ci-linux.pub").read_text()
    theirs = consumer.desk.folder / "consumers"
    theirs.write_text(f'{CONSUMER} namespaces="handoff-receipt" {public}')
    demand = ("--signers", str(theirs), "--receipt")
    done = consumer.run("handoff-verify", *demand, str(accepted))
    assert done.returncode == 0, done.stdout
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    [said] = [line for line in lines if line.startswith("receipt accepted at 20")]
    assert said.endswith(f"Z by {CONSUMER}, at its commit {policy_commit(accepted)}")
    assert (
        f"signers 1 of 1 needed, of 1 that consumers allows for {CONSUMER}; no network was used"
        in lines
    )
    assert consumer.run("handoff-verify", *demand, str(refused)).returncode == 1
    [problem] = consumer.desk.result["problems"]
    assert problem["code"] == "HP140"
    assert re.fullmatch(
        f"{CONSUMER} refused this packet at 20[0-9T:-]+Z: our tests fail", problem["message"]
    )
    other = (*demand, str(accepted), "--consumer", "urn:another")
    assert consumer.run("handoff-verify", *other).returncode == 1
    [problem] = consumer.desk.result["problems"]
    assert problem["message"] == f"the receipt is of '{CONSUMER}'; expected 'urn:another'"


@pytest.mark.slow
def test_a_receipt_is_over_the_envelope_that_was_there(consumer: Signing) -> None:
    """A signature that is added later makes it another envelope; the difference is named."""
    public = consumer.linux.with_name("ci-linux.pub").read_text()
    consumer.signers.write_text(
        f'{trust_line(consumer.laptop)}{CONSUMER} namespaces="handoff-receipt" {public}'
    )
    assert give(consumer).returncode == 0
    [receipt] = receipts(consumer)
    words = ("--signers", str(consumer.signers), "--receipt", str(receipt))
    assert consumer.run("handoff-verify", *words).returncode == 1
    assert [one["code"] for one in consumer.desk.result["problems"]] == ["HP132"]
    assert consumer.run("handoff-sign", "--key", str(consumer.laptop)).returncode == 0
    assert consumer.run("handoff-verify", *words).returncode == 1
    [problem] = consumer.desk.result["problems"]
    assert problem["code"] == "HP134"
    assert problem["message"].startswith("/predicate/inputAttestations/0: signed is nothing, ")


def test_a_refusal_shows_the_signatures_and_does_not_ask_for_them(consumer: Signing) -> None:
    """A packet without signatures can be refused; what is missing is printed."""
    noxfile = consumer.desk.folder / "noxfile.py"
    words = "profile='handoff.toml', signers='allowed_signers', threshold=2"
    noxfile.write_text(NOXFILE.replace("profile='handoff.toml'", words))
    assert give(consumer).returncode == 1
    assert [one["code"] for one in consumer.desk.result["problems"]] == ["HP132"]
    done = give(consumer, "--refuse", "it is not signed")
    assert done.returncode == 0, done.stdout
    assert f"HP132 {consumer.packet}: not signed: there is no {consumer.envelope}" in done.stdout
    assert "signers    0 of 2 needed" in done.stdout
    assert consumer.desk.result["problems"] == []


@pytest.mark.slow
def test_who_signed_is_said_everywhere(signing: Signing, tmp_path: Path) -> None:
    """The job's summary, handoff-show in three forms, and the end and the report of a run."""
    noxfile = signing.desk.folder / "noxfile.py"
    words = "profile='handoff.toml', signers='allowed_signers'"
    noxfile.write_text(NOXFILE.replace("profile='handoff.toml'", words))
    report = signing.desk.evidence() / "report.stable.html"
    unsigned = signing.desk.run("handoff-stable")
    assert unsigned.returncode == 0, unsigned.stdout
    missing = f"not signed: there is no {signing.desk.shown_packet}.intoto.json"
    assert f"  signature {missing}\n" in unsigned.stdout
    assert missing in report.read_text()
    assert signing.run("handoff-sign", "--key", str(signing.laptop)).returncode == 0
    signers = "1 of 1 needed, of 2 that allowed_signers allows for scratch; no network was used"
    signature = f"laptop {fingerprint(signing.laptop)[:11]}"
    done = signing.desk.run("handoff-stable")
    assert done.returncode == 0, done.stdout
    assert f"  signature {signature}" in done.stdout
    assert f"  signers   {signers}\n" in done.stdout
    assert signature in report.read_text()
    assert signers in report.with_suffix(".md").read_text()
    summary = tmp_path / "summary.md"
    verify = signing.desk.run(
        "handoff-verify", str(signing.packet), GITHUB_STEP_SUMMARY=str(summary)
    )
    assert verify.returncode == 0, verify.stdout
    lines = summary.read_text().splitlines()
    assert lines[0].startswith("# ✅ GO: ")
    assert f"- **Signers**: {signers.replace('_', chr(92) + '_')}" in lines
    for form in ("text", "md", "html"):
        place = signing.desk.place()
        shown = signing.desk.bare(
            "handoff-show", str(signing.packet), "--format", form, *place
        ).stdout
        assert "only its signatures were checked now" in shown
        assert "no network was used" in shown
        assert signature in shown


@pytest.mark.slow
def test_a_signature_that_was_not_checked_is_mentioned(signing: Signing) -> None:
    """Without signers the run and handoff-show say that an envelope is there, and no name."""
    assert signing.run("handoff-sign", "--key", str(signing.laptop)).returncode == 0
    said = "a signature lies beside the packet and was not checked"
    done = signing.desk.run("handoff-stable")
    assert f"  signature {said}\n" in done.stdout
    shown = signing.desk.bare("handoff-show", str(signing.packet), *signing.desk.place()).stdout
    assert f"  signature {said}\n" in shown
    assert "nothing was checked now" in shown
    assert "laptop" not in shown


@pytest.mark.parametrize(
    ("session", "words", "where", "message", "hint"),
    [
        (
            "handoff-verify",
            ("--receipt", "r.json"),
            "--receipt",
            "needs --signers FILE: who may sign is not known",
            "add --signers, or leave it out",
        ),
        (
            "handoff-receipt",
            (),
            "--key",
            "missing; a receipt needs --key and --consumer",
            "add it after --; nothing was signed",
        ),
        (
            "handoff-receipt",
            ("--key", "k", "--consumer", "our app"),
            "--consumer",
            "found 'our app'; expected letters, digits and . _ @ + : / % ~ - only",
            "name a URI that can stand in a trust file, such as https://example.org/app",
        ),
    ],
)
def test_options_of_receipts_are_refused(
    signing: Signing, session: str, words: tuple[str, ...], where: str, message: str, hint: str
) -> None:
    """Each with its own message."""
    assert signing.run(session, *words).returncode == 1
    expected = {"code": "HP001", "where": where, "message": message, "hint": hint}
    assert signing.desk.result["problems"] == [expected]


def policy_commit(receipt: Path) -> str:
    """Return the consumer's commit that a receipt names."""
    payload = base64.b64decode(json.loads(receipt.read_bytes())["payload"])
    commit: str = json.loads(payload)["predicate"]["policy"]["digest"]["gitCommit"]
    return commit


def test_no_key_reaches_a_check(signing: Signing) -> None:
    """The agent's socket and the passphrase are not in a check's environment."""
    signing.desk.profile(scratch.check("env", ["env"]))
    secret = {"SSH_AUTH_SOCK": "/run/agent", "SSH_AGENT_PID": "1", "HANDOFF_KEY_PASSPHRASE": "pw"}
    assert signing.desk.run("handoff-stable", **secret).returncode == 0
    log = (signing.desk.evidence() / "env.log").read_text()
    assert "PATH=" in log
    assert [name for name in secret if name in log] == []


def test_a_release_tag_is_checked_if_the_trust_file_says_so(signing: Signing) -> None:
    """With the role git, an unsigned tag is NO-GO and one signed by an allowed key is GO."""
    assert signing.run("handoff-sign", "--key", str(signing.laptop)).returncode == 0
    signing.signers.write_text(trust_line(signing.laptop, "handoff,git"))
    demand = ("--signers", str(signing.signers))
    assert signing.run("handoff-verify", *demand).returncode == 1
    [problem] = signing.desk.result["problems"]
    assert (problem["code"], problem["where"]) == ("HP139", "tag v1.1.0")
    assert problem["message"] == "the tag is not signed"
    producer = signing.desk.producer
    commit = producer.git("rev-parse", "v1.1.0^{commit}")
    settings = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={signing.laptop}")
    producer.git(*settings, "tag", "-f", "-s", "-m", "v1.1.0", "v1.1.0", commit)
    done = signing.run("handoff-verify", *demand)
    assert done.returncode == 0, done.stdout


def test_unsigned_runs_import_no_cryptography(published: Signing) -> None:
    """A verification without signers loads no cryptography."""
    code = (
        "import sys\nimport handoff_tasks.sessions.sign\nassert 'cryptography' not in sys.modules"
    )
    environment = {**os.environ}
    subprocess.run([published.desk.command("x")[0], "-c", code], env=environment, check=True)
