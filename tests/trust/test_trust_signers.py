"""Claims about the trust file and the revoked keys: what is read, and each refusal with file and line."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import signing
from signing import LAPTOP, LINUX, MAC, line, trust_file

from handoff_tasks.problems import HandoffError
from handoff_tasks.trust import public_key, signers, wire

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = LAPTOP.public.line()
LINE = line(LAPTOP, "laptop")


def refusal(text: str | bytes) -> list[tuple[str, str]]:
    """Return place and message of each problem of a trust file."""
    with pytest.raises(HandoffError) as error:
        signers.read(text if isinstance(text, bytes) else text.encode(), "handoff/allowed_signers")
    assert {problem.code for problem in error.value.problems} == {"HP130"}
    return [(problem.where, problem.message) for problem in error.value.problems]


def revoked_refusal(data: bytes) -> list[tuple[str, str]]:
    """Return place and message of each problem of revoked keys."""
    with pytest.raises(HandoffError) as error:
        signers.read_revoked(data, "revoked_keys")
    return [(problem.where, problem.message) for problem in error.value.problems]


def test_a_line_is_read_with_all_its_parts() -> None:
    """Principals, namespaces, both times and the comment, which is the name that people see."""
    options = 'namespaces="handoff,git",valid-after="20260101Z",valid-before="202701011230Z"'
    [found] = signers.read(
        line(LAPTOP, "laptop of Ann", options, "memorykernel,other-1").encode(), "f"
    ).keys
    assert (found.line, found.principals) == (1, ("memorykernel", "other-1"))
    assert (found.namespaces, found.name) == (("handoff", "git"), "laptop of Ann")
    assert found.valid_after == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.valid_before == datetime(2027, 1, 1, 12, 30, tzinfo=UTC)
    assert found.key == LAPTOP.public


def test_carriage_returns_tabs_comments_and_empty_lines_are_fine() -> None:
    """What editors on other systems leave does not matter; lines keep their numbers."""
    text = f'# ours\r\n\r\n\t memorykernel\tnamespaces="handoff"\t \t{PUBLIC}\tlaptop \t\r\n#end'
    [found] = signers.read(text.encode(), "f").keys
    assert (found.line, found.name, found.principals) == (3, "laptop", ("memorykernel",))


def test_without_a_comment_people_see_the_fingerprint() -> None:
    """A key without a comment is named by its fingerprint; two with the same comment by both."""
    [found] = signers.read(line(LAPTOP, "").encode(), "f").keys
    assert found.name == LAPTOP.public.fingerprint
    one, other = signers.read((line(LAPTOP, "ci") + line(LINUX, "ci")).encode(), "f").keys
    assert one.name == f"ci {LAPTOP.public.short_fingerprint}"
    assert other.name == f"ci {LINUX.public.short_fingerprint}"


def test_a_comment_cannot_command_a_terminal() -> None:
    """Invisible characters of a comment are written out."""
    [found] = signers.read(line(LAPTOP, "lap\u202etop").encode(), "f").keys
    assert found.name == "lap\\u202etop"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"memorykernel {PUBLIC}",
            'there is no namespaces="..."; expected one, since a key without it signs for every purpose',
        ),
        (
            LINE.replace('handoff"', 'handoff",valid-after="20260101"'),
            "valid-after is '20260101', which is local time and so another time elsewhere; expected 20260101Z",
        ),
        (
            LINE.replace("memorykernel", "memory*"),
            "'memory*' is a pattern; expected the plain name of a producer",
        ),
        (
            LINE.replace("memorykernel", "a,mem?"),
            "'mem?' is a pattern; expected the plain name of a producer",
        ),
        (
            LINE.replace("memorykernel", "!a"),
            "'!a' is a pattern; expected the plain name of a producer",
        ),
        (LINE.replace("memorykernel", '"a"'), "'\"a\"' is not the plain name of a producer"),
        (LINE.replace("memorykernel", "a,"), "'' is not the plain name of a producer"),
        (
            LINE.replace("handoff", "hand*"),
            "the namespace 'hand*' is a pattern; expected a plain name",
        ),
        (
            LINE.replace("handoff", ""),
            "the namespace '' is not a plain name; expected handoff, git or handoff-receipt",
        ),
        (
            LINE.replace("namespaces", "cert-authority,namespaces"),
            "the option cert-authority is not known here; known: namespaces, valid-after, valid-before",
        ),
        (
            LINE.replace("namespaces", "Namespaces"),
            "the option Namespaces is not known here; known: namespaces, valid-after, valid-before",
        ),
        (
            LINE.replace('handoff"', 'handoff",namespaces="git"'),
            "the option namespaces is given twice",
        ),
        (
            LINE.replace('handoff"', 'handoff", valid-after="20260101Z"'),
            'the options cannot be read; expected namespaces="handoff,git" and the like, without spaces between',
        ),
        (
            LINE.replace('"handoff"', "handoff"),
            'the options cannot be read; expected namespaces="handoff,git" and the like, without spaces between',
        ),
        (
            "memorykernel",
            'the options cannot be read; expected namespaces="handoff,git" and the like, without spaces between',
        ),
        (
            LINE.replace('handoff"', 'handoff",valid-after="20260230Z"'),
            "valid-after is '20260230Z', which is not a date",
        ),
        (
            LINE.replace('handoff"', 'handoff",valid-before="2026-01-01"'),
            "valid-before is '2026-01-01'; expected a time such as 20260101Z or 202601011230Z",
        ),
        (
            LINE.replace('handoff"', 'handoff",valid-after="20260101Z",valid-before="20260101Z"'),
            "valid-before is not later than valid-after; the key would never be valid",
        ),
        ('memorykernel namespaces="handoff"', "there is no key; expected ssh-ed25519 KEY COMMENT"),
        (
            'memorykernel namespaces="handoff" ssh-rsa AAAA',
            "an RSA key (ssh-rsa); expected an ed25519 key (ssh-ed25519)",
        ),
        (
            'memorykernel namespaces="handoff" ecdsa-sha2-nistp256 AAAA',
            "an ECDSA key (ecdsa-sha2-nistp256); expected an ed25519 key (ssh-ed25519)",
        ),
        (
            'memorykernel namespaces="handoff" sk-ssh-ed25519@openssh.com AAAA',
            "a key of a security device (sk-ssh-ed25519@openssh.com); expected an ed25519 key (ssh-ed25519)",
        ),
        (
            'memorykernel namespaces="handoff" ssh-ed25519-cert-v01@openssh.com AAAA',
            "a certificate (ssh-ed25519-cert-v01@openssh.com); expected an ed25519 key (ssh-ed25519)",
        ),
        (
            'memorykernel namespaces="handoff" AAAA ssh-ed25519',
            "found 'AAAA' where the kind of the key must be; expected ssh-ed25519",
        ),
        (LINE.replace(" laptop", "! laptop"), "the key is not base64"),
        (LINE.replace(PUBLIC, PUBLIC[:-8]), "the key is damaged: it ends too early"),
        (LINE.replace("ssh-ed25519 AAAAC3NzaC1l", "ssh-ed25519 AAAAC3NzaC2l"), None),
        (LINE.replace("laptop", "lap\x07top"), "the line holds a control character"),
        (LINE.replace("laptop", "lap\rtop"), "the line holds a control character"),
        ("\ufeff" + LINE, "the file starts with a byte order mark; expected plain UTF-8"),
    ],
)
def test_what_openssh_would_read_and_people_would_not_expect_is_refused(
    text: str, message: str | None
) -> None:
    """Each with its file and line, here the second one."""
    refused = refusal("# first\n" + text) if not text.startswith("\ufeff") else refusal(text)
    [(where, said)] = refused
    assert where == (
        "handoff/allowed_signers:1" if text.startswith("\ufeff") else "handoff/allowed_signers:2"
    )
    assert message is None or said == message


def test_one_key_on_two_lines_is_refused() -> None:
    """Also for two producers, and under two comments."""
    text = LINE + line(LINUX, "ci") + line(LAPTOP, "other", principal="another")
    assert refusal(text) == [
        (
            "handoff/allowed_signers:3",
            "the key stands in line 1 already; expected one line for each key",
        )
    ]


def test_every_bad_line_is_told_at_once() -> None:
    """Three mistakes, three places."""
    assert [where for where, _ in refusal(f"a\n{LINE}b\nc")] == [
        f"handoff/allowed_signers:{n}" for n in (1, 3, 4)
    ]


def test_bytes_that_are_not_utf8_are_refused_with_their_line() -> None:
    """Latin-1 in a comment."""
    assert refusal(LINE.encode() + b"# caf\xe9\n") == [
        ("handoff/allowed_signers:2", "the line is not UTF-8")
    ]


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    """By size, and by the number of keys."""
    [(where, message)] = refusal(b"#" * (signers.MAX_BYTES + 1))
    assert (where, message) == (
        "handoff/allowed_signers",
        "the file has 1048577 bytes; at most 1048576 are read",
    )


SMALL = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


@pytest.mark.parametrize("text", SMALL)
def test_a_key_of_small_order_is_refused(text: str) -> None:
    """The eight points under which signatures verify that their owner never made."""
    blob = wire.string(b"ssh-ed25519") + wire.string(bytes.fromhex(text))
    [(where, message)] = refusal(
        LINE.replace(PUBLIC, public_key.PublicKey(raw=bytes.fromhex(text)).line())
    )
    assert where == "handoff/allowed_signers:1"
    assert (
        message == "the key has small order: signatures that its owner never made verify under it"
    )
    with pytest.raises(public_key.KeyFault):
        public_key.read_blob(blob)


def test_a_key_of_small_order_would_verify_a_signature_that_was_never_made() -> None:
    """Why it is refused: the neutral point accepts a constant signature over any message."""
    neutral = public_key.PublicKey(raw=bytes.fromhex(SMALL[0]))
    assert neutral.verifies(bytes.fromhex(SMALL[0]) + bytes(32), b"any words")


@pytest.mark.parametrize("text", ["ee" + "ff" * 30 + "7f", "02" + "00" * 31, "ff" * 32])
def test_bytes_that_are_not_a_point_are_refused(text: str) -> None:
    """Beyond the field, or beside the curve."""
    with pytest.raises(public_key.KeyFault, match="not a point of the curve"):
        public_key.checked(bytes.fromhex(text))


def test_revoked_keys_are_read_by_their_bytes() -> None:
    """One public key in each line; the first line counts, and keys of other kinds sign nothing here."""
    rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB old"
    data = f"# gone\r\n{LAPTOP.public.line('stolen')}\n{rsa}\n{LAPTOP.public.line()}\n".encode()
    assert signers.read_revoked(data, "revoked_keys").lines == {LAPTOP.public.raw: 2}


def test_revoked_keys_that_cannot_be_read_are_refused() -> None:
    """A line that is mistyped would revoke nothing."""
    assert revoked_refusal(b"SSHKRL\n\0\0\0") == [
        ("revoked_keys", "a binary key revocation list; expected public keys, one in each line")
    ]
    data = b"SHA256:abc\nssh-ed25519 AAAA\nssh-rsa AAAA\nssh-rsa AAAAC3NzaC1lZDI1NTE5\n"
    assert revoked_refusal(data) == [
        ("revoked_keys:1", "not a public key; expected ssh-ed25519 KEY COMMENT"),
        ("revoked_keys:2", "the key is damaged: it ends too early"),
        ("revoked_keys:3", "the key is not base64, or it is damaged"),
        ("revoked_keys:4", "the key is not of the kind ssh-rsa that stands before it"),
    ]


def test_the_times_of_the_command_line_are_utc() -> None:
    """A day, or a time that says Z; nothing else."""
    assert signers.read_moment("2027-03-01", "--at") == datetime(2027, 3, 1, tzinfo=UTC)
    assert signers.read_moment("2027-03-01T12:30Z", "--at") == datetime(
        2027, 3, 1, 12, 30, tzinfo=UTC
    )
    assert signers.read_moment("2027-03-01T12:30:05Z", "--at") == datetime(
        2027, 3, 1, 12, 30, 5, tzinfo=UTC
    )
    for text in (
        "2027-02-30",
        "yesterday",
        "2027-03-01T12:30:05",
        "",
        "٢٠٢٧-03-01",
        "2027-03-01T12:30:05+01:00",
    ):
        with pytest.raises(HandoffError) as error:
            signers.read_moment(text, "--at")
        [problem] = error.value.problems
        assert (problem.code, problem.where) == ("HP001", "--at")
        assert problem.message == (
            f"found {text!r}; expected a time in UTC, such as 2027-03-01 or 2027-03-01T12:30:00Z"
        )


def test_ssh_keygen_reads_the_same_file(tmp_path: Path) -> None:
    """The options of our form are OpenSSH's own: it finds the principal of a key in the same file."""
    options = 'namespaces="file,handoff",valid-after="20200101Z",valid-before="20990101Z"'
    allowed = tmp_path / "allowed_signers"
    allowed.write_bytes(trust_file(line(LAPTOP, "laptop", options), line(MAC, "mac")))
    private = signing.private_file(LAPTOP, tmp_path / "id", "OpenSSH")
    message = tmp_path / "message"
    message.write_text("words\n")
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", private, "-n", "file", message],
        check=True,
        capture_output=True,
    )
    names = ["-I", "memorykernel", "-n", "file", "-s", f"{message}.sig"]
    command: list[str | Path] = ["ssh-keygen", "-Y", "verify", "-f", allowed, *names]
    done = subprocess.run(command, input=b"words\n", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert LAPTOP.public.fingerprint.encode() in done.stdout
    assert len(signers.read(allowed.read_bytes(), "f").keys) == 2
