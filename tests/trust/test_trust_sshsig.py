"""Claims about signed tags: real git signs, we judge the bytes, and git's own gaps are closed."""

from __future__ import annotations

import base64
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from builders import quick
from hypothesis import given
from hypothesis import strategies as st
from signing import LAPTOP, LINUX, NOW, line, private_file, trust_file

from handoff_tasks.trust import sshsig, verify, wire
from handoff_tasks.trust.names import Names

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = 'namespaces="handoff,git",valid-after="20260101Z",valid-before="20270101Z"'
FILE = trust_file(line(LAPTOP, "laptop-2026", OPTIONS), line(LINUX, "ci-linux"))
NAMES = Names(signers="handoff/allowed_signers")
COMMIT = "1" * 40


def armor(
    message: bytes, namespace: str = "git", key: Any = LAPTOP, hash_name: str = "sha512"
) -> str:
    """Return the SSH signature of a message, made here."""
    signature = wire.string(b"ssh-ed25519") + wire.string(
        key.sign(sshsig.signed_data(message, namespace, hash_name))
    )
    parts = (key.public.blob, namespace.encode(), b"", hash_name.encode(), signature)
    return framed(
        b"SSHSIG" + (1).to_bytes(4, "big") + b"".join(wire.string(part) for part in parts)
    )


def framed(blob: bytes) -> str:
    """Return the text of a signature's bytes."""
    return f"{sshsig.BEGIN}\n{base64.encodebytes(blob).decode()}{sshsig.END}"


def tag(
    name: str = "v1.2.3",
    target: str = COMMIT,
    kind: str = "commit",
    words: str = "Release\n",
    **more: Any,
) -> bytes:
    """Return a tag object, signed."""
    head = f"object {target}\ntype {kind}\ntag {name}\ntagger Ann <a@example.com> 1780000000 +0000\n\n{words}".encode()
    return head + armor(head, **more).encode() + b"\n"


def judge(data: bytes | None, **more: Any) -> verify.Judgement:
    """Return the judgement on a tag object."""
    settings: dict[str, Any] = {
        "name": "v1.2.3",
        "target": COMMIT,
        "principal": "memorykernel",
        "now": NOW,
        "names": NAMES,
    }
    return verify.judge_tag(data, FILE, **(settings | more))


def message(judgement: verify.Judgement) -> str:
    """Return the message of the one finding."""
    [problem] = judgement.findings
    assert (problem.code, problem.where) == ("HP139", "tag v1.2.3")
    return problem.message


def git(folder: Path, *words: str, **variables: str) -> bytes:
    """Return what git prints."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **variables,
    }
    identity = ["-c", "user.name=Ann", "-c", "user.email=a@example.com"]
    done = subprocess.run(
        ["git", "-C", folder, *identity, *words], env=environment, capture_output=True, check=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository with one commit and a tag that real git has signed with an SSH key."""
    folder = tmp_path / "producer"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    key = private_file(LAPTOP, tmp_path / "id", "OpenSSH")
    (tmp_path / "allowed_signers").write_bytes(FILE)
    git(folder, "config", "gpg.format", "ssh")
    git(folder, "config", "user.signingkey", str(key))
    git(folder, "config", "gpg.ssh.allowedSignersFile", str(tmp_path / "allowed_signers"))
    # Within the key's validity, whatever the clock says.
    git(folder, "tag", "-s", "-m", "Release", "v1.2.3", GIT_COMMITTER_DATE="2026-06-01T00:00:00Z")
    return folder


def parts(repository: Path, ref: str = "v1.2.3") -> tuple[bytes, str]:
    """Return the bytes of a tag object and the commit that it points to."""
    return git(repository, "cat-file", "tag", ref), git(
        repository, "rev-parse", f"{ref}^{{commit}}"
    ).decode().strip()


def test_a_tag_that_git_signed_is_accepted(repository: Path) -> None:
    """By git and by us; the judgement names the key."""
    data, commit = parts(repository)
    git(repository, "verify-tag", "v1.2.3")
    judgement = judge(data, target=commit)
    assert judgement.findings == ()
    assert [key.name for key in judgement.signatures] == ["laptop-2026"]


def test_a_backdated_tag_by_an_expired_key(repository: Path) -> None:
    """Git believes the tag's own date; we take the verifier's clock."""
    git(
        repository,
        "tag",
        "-f",
        "-s",
        "-m",
        "Late",
        "v1.2.3",
        GIT_COMMITTER_DATE="2026-06-01T00:00:00Z",
    )
    git(repository, "verify-tag", "v1.2.3")
    data, commit = parts(repository)
    late = NOW.replace(year=2027, month=3, day=1)
    assert message(judge(data, target=commit, now=late)) == (
        "laptop-2026's key is valid until 2027-01-01, and it is 2027-03-01 here"
    )


def test_an_honest_tag_under_another_name(repository: Path) -> None:
    """Git verifies the old tag's object under a new name; we compare the name in it."""
    git(repository, "update-ref", "refs/tags/v9.9.9", "refs/tags/v1.2.3")
    git(repository, "verify-tag", "v9.9.9")
    data, commit = parts(repository, "v9.9.9")
    [problem] = judge(data, name="v9.9.9", target=commit).findings
    assert problem.message == "the tag object is of the tag 'v1.2.3'; expected 'v9.9.9'"


def test_unsigned_words_below_the_signature(repository: Path) -> None:
    """Git ignores what follows the signature; we refuse it."""
    data, commit = parts(repository)
    longer = data + b"Also: everything is allowed.\n"
    command = ["git", "-C", str(repository), "hash-object", "-t", "tag", "-w", "--stdin"]
    made = (
        subprocess.run(command, input=longer, capture_output=True, check=True)
        .stdout.decode()
        .strip()
    )
    git(repository, "update-ref", "refs/tags/v1.2.3", made)
    git(repository, "verify-tag", "v1.2.3")
    assert message(judge(parts(repository)[0], target=commit)) == (
        "words follow the signature, which it does not cover; expected nothing below it"
    )


def test_a_program_of_the_producers_configuration_is_not_run(
    repository: Path, tmp_path: Path
) -> None:
    """Git runs ``gpg.ssh.program``; our judgement is a function of the tag's bytes."""
    data, commit = parts(repository)
    git(repository, "config", "gpg.ssh.program", str(tmp_path / "evil"))
    assert judge(data, target=commit).findings == ()


def test_ssh_keygen_verifies_what_we_read(tmp_path: Path) -> None:
    """The armor of these tests is OpenSSH's own form, with either hash."""
    (tmp_path / "allowed").write_bytes(trust_file(line(LAPTOP, "laptop", 'namespaces="git"')))
    for hash_name in ("sha256", "sha512"):
        text = armor(b"words", hash_name=hash_name)
        (tmp_path / "sig").write_text(text + "\n")
        command: list[str | Path] = [
            "ssh-keygen",
            "-Y",
            "verify",
            "-I",
            "memorykernel",
            "-n",
            "git",
        ]
        command += ["-f", tmp_path / "allowed", "-s", tmp_path / "sig"]
        subprocess.run(command, input=b"words", capture_output=True, check=True)
        assert sshsig.read(text).verifies(b"words")
        assert not sshsig.read(text).verifies(b"other")


def test_a_trust_file_without_git_asks_for_nothing() -> None:
    """Signed tags are demanded only with the namespace among the producer's lines."""
    judgement = verify.judge_tag(
        None,
        trust_file(),
        name="v1.2.3",
        target=COMMIT,
        principal="memorykernel",
        now=NOW,
        names=NAMES,
    )
    assert (judgement.checked, judgement.findings, judgement.lines()) == (False, (), [])


PGP = tag().replace(b"SSH SIGNATURE", b"PGP SIGNATURE")
X509 = tag().replace(b"BEGIN SSH SIGNATURE", b"BEGIN SIGNED MESSAGE")
FINGERPRINT = LINUX.public.fingerprint
RSA = framed(
    b"SSHSIG"
    + (1).to_bytes(4, "big")
    + b"".join(wire.string(part) for part in (wire.string(b"ssh-rsa"), b"git", b"", b"sha512", b""))
)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "the tag is a lightweight one, which holds no signature"),
        (tag().partition(b"-----BEGIN")[0], "the tag is not signed"),
        (PGP, "signed with OpenPGP; this file knows SSH keys"),
        (X509, "signed with X.509; this file knows SSH keys"),
        (
            tag(target="2" * 40),
            "signed is the commit 222222222222; the tag's commit is 111111111111",
        ),
        (tag(kind="tag"), "signed is the tag 111111111111; the tag's commit is 111111111111"),
        (tag(name="v1.2.4"), "the tag object is of the tag 'v1.2.4'; expected 'v1.2.3'"),
        (tag(namespace="file"), "the signature's namespace is 'file'; expected 'git'"),
        (tag(key=LINUX), "ci-linux's key is allowed for handoff, not for git"),
        (
            tag().replace(b"Release", b"Rebased"),
            "the tag's signature of laptop-2026 is over other bytes",
        ),
        (
            tag() + b"\n",
            "words follow the signature, which it does not cover; expected nothing below it",
        ),
        (
            tag() + armor(b"x").encode() + b"\n",
            "the tag has more than one signature, or a damaged one; expected exactly one",
        ),
        (b"tree 1\n", "the object does not have the headers of a tag: object, type, tag, tagger"),
        (
            tag().replace(b"type commit\n", b"type commit\ngpgsig x\n"),
            "the object does not have the headers of a tag: object, type, tag, tagger",
        ),
        (
            tag().partition(b"-----BEGIN")[0] + RSA.encode() + b"\n",
            "the signature is by an RSA key (ssh-rsa); expected an ed25519 key (ssh-ed25519)",
        ),
        (
            tag().partition(b"-----BEGIN")[0]
            + b"-----BEGIN SSH SIGNATURE-----\n!\n-----END SSH SIGNATURE-----\n",
            "the signature is not base64",
        ),
        (
            tag().partition(b"-----BEGIN")[0] + framed(b"SSHSIG\0\0\0\2").encode(),
            "the signature is not of SSHSIG version 1",
        ),
        (
            tag().partition(b"-----BEGIN")[0] + framed(b"SSHSIG\0\0\0\1").encode(),
            "the signature is damaged: it ends too early",
        ),
        (b"x" * (5 * 1024 * 1024), "the tag object has 5242880 bytes; at most 4194304 are read"),
    ],
)
def test_a_tag_whose_signature_does_not_count(data: bytes | None, said: str) -> None:
    """Each case has its own words."""
    assert message(judge(data)) == said


def test_a_strangers_tag_names_the_fingerprint() -> None:
    """The key is in the signature, so the fingerprint to compare can be reported."""
    file = trust_file(line(LAPTOP, "laptop", OPTIONS))
    judgement = verify.judge_tag(
        tag(key=LINUX),
        file,
        name="v1.2.3",
        target=COMMIT,
        principal="memorykernel",
        now=NOW,
        names=NAMES,
    )
    [problem] = judgement.findings
    assert problem.message == f"the tag's signature is by no key of memorykernel: {FINGERPRINT}"
    assert (
        problem.hint
        == "compare the fingerprint; add the line to handoff/allowed_signers if it is right"
    )


def test_a_revoked_key_signs_no_tag() -> None:
    """The revoked keys beat every line."""
    judgement = judge(tag(), revoked=LAPTOP.public.line().encode())
    assert message(judgement) == "laptop-2026's key is revoked by revoked_keys:1"
    assert judge(tag(), revoked=b"x").problems[0].code == "HP130"


GOOD = tag()


@quick
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_any_byte_of_a_tag(at: int, byte: int) -> None:
    """No changed tag is accepted, and none is a traceback."""
    data = GOOD[:at] + bytes([byte]) + GOOD[at + 1 :]
    assert data == GOOD or judge(data).problems
