"""Claims about private keys: from files of both forms, and from a real ssh-agent."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519
from signing import LAPTOP, LINUX, private_file

from handoff_tasks.problems import HandoffError
from handoff_tasks.trust import keys, sign, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "correct horse"  # noqa: S105 - of keys that tests make
needs_agent = pytest.mark.skipif(
    not shutil.which("ssh-agent"), reason="there is no ssh-agent on PATH"
)


def refusal(act: Callable[[], object]) -> tuple[str, str, str]:
    """Return code, message and next step of the one refusal."""
    with pytest.raises(HandoffError) as error:
        act()
    [problem] = error.value.problems
    return problem.code, problem.message, problem.hint


def load(path: Path, secret: str | None = None) -> keys.FileKey:
    """Return the key in a file, opened with a passphrase."""
    return keys.load_private(path, lambda: secret)


@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8"])
@pytest.mark.parametrize("secret", ["", SECRET, "pässwörd"])
def test_a_key_of_either_form_signs(tmp_path: Path, form: str, secret: str) -> None:
    """OpenSSH and PKCS8, encrypted or not, give the same 64 bytes as the key itself."""
    path = private_file(LAPTOP, tmp_path / "id key #1", form, secret)
    found = load(path, secret or None)
    assert found.public == LAPTOP.public
    assert found.sign(b"words") == LAPTOP.private.sign(b"words")
    assert repr(found) == f"FileKey({LAPTOP.public.fingerprint})"


def test_a_key_of_ssh_keygen_is_opened_and_named_as_it_names_it(tmp_path: Path) -> None:
    """A real encrypted key; the fingerprint is what ``ssh-keygen -l`` prints."""
    path = tmp_path / "id"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", SECRET, "-C", "me", "-f", path], check=True
    )
    found = load(path, SECRET)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True
    ).stdout
    assert found.public.fingerprint in listed
    assert keys.read_public(tmp_path / "id.pub") == found.public
    signing.needs_openssl()
    pem = subprocess.run(
        ["openssl", "pkey", "-pubin", "-outform", "PEM"],
        input=found.public.pem(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert pem == found.public.pem()


@pytest.mark.parametrize("form", ["OpenSSH", "PKCS8"])
def test_a_wrong_passphrase_is_one_message(tmp_path: Path, form: str) -> None:
    """Whatever the library says of it; and no passphrase is another message."""
    path = private_file(LAPTOP, tmp_path / "id", form, SECRET)
    assert refusal(lambda: load(path, "wrong")) == (
        "HP135",
        "the passphrase is wrong, or the private key is damaged",
        "try the passphrase again",
    )
    for nothing in (None, ""):
        assert refusal(lambda nothing=nothing: load(path, nothing)) == (  # type: ignore[misc]
            "HP135",
            "the private key is encrypted, and there is no passphrase",
            "run on a terminal, set HANDOFF_KEY_PASSPHRASE, or use an ssh-agent with --key FILE.pub",
        )


def test_the_passphrase_comes_from_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`open_key` reads the variable; without it, and without a terminal, it does not wait."""
    path = private_file(LAPTOP, tmp_path / "id", "OpenSSH", SECRET)
    assert keys.open_key(path, {"HANDOFF_KEY_PASSPHRASE": SECRET}).public == LAPTOP.public
    with open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stdin", nothing)
        assert (
            refusal(lambda: keys.open_key(path, {}))[1]
            == "the private key is encrypted, and there is no passphrase"
        )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """By its permissions, before anything is done with it."""
    path = private_file(LAPTOP, tmp_path / "id", "OpenSSH")
    path.chmod(mode)
    assert refusal(lambda: load(path)) == (
        "HP135",
        f"others can read or write this private key (mode {mode:04o}); expected 0600",
        f"chmod 600 {path}; if others have had it, make a new key",
    )


def test_keys_of_other_kinds_are_refused_by_name(tmp_path: Path) -> None:
    """RSA, ECDSA, DSA and others, in OpenSSH's form and PKCS8, before a passphrase is asked for."""

    def write(private: object, form: str, secret: bytes = b"") -> Path:
        kind = {
            "OpenSSH": serialization.PrivateFormat.OpenSSH,
            "PKCS8": serialization.PrivateFormat.PKCS8,
        }
        kind["old"] = serialization.PrivateFormat.TraditionalOpenSSL
        encryption = (
            serialization.BestAvailableEncryption(secret)
            if secret
            else serialization.NoEncryption()
        )
        path = tmp_path / "other"
        path.write_bytes(private.private_bytes(serialization.Encoding.PEM, kind[form], encryption))  # type: ignore[attr-defined]
        path.chmod(0o600)
        return path

    def message(path: Path) -> str:
        return refusal(
            lambda: keys.load_private(path, lambda: pytest.fail("asked for a passphrase"))
        )[1]

    rsa_key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - signs nothing
    ec_key = ec.generate_private_key(ec.SECP256R1())
    wanted = "expected an ed25519 private key"
    assert (
        message(write(rsa_key, "OpenSSH"))
        == "an RSA key (ssh-rsa); expected an ed25519 key (ssh-ed25519)"
    )
    assert (
        message(write(rsa_key, "OpenSSH", b"secret"))
        == "an RSA key (ssh-rsa); expected an ed25519 key (ssh-ed25519)"
    )
    assert message(write(ec_key, "OpenSSH")).startswith(
        "an ECDSA key (ecdsa-sha2-nistp256); expected"
    )
    assert message(write(rsa_key, "PKCS8")) == f"an RSA key; {wanted}"
    assert message(write(ec_key, "PKCS8")) == f"an ECDSA key; {wanted}"
    assert message(write(dsa.generate_private_key(1024), "PKCS8")) == f"a DSA key; {wanted}"  # noqa: S505 - signs nothing
    assert message(write(ed448.Ed448PrivateKey.generate(), "PKCS8")) == f"an Ed448 key; {wanted}"
    assert (
        message(write(x25519.X25519PrivateKey.generate(), "PKCS8"))
        == f"a key of the kind X25519; {wanted}"
    )
    assert message(write(rsa_key, "old")) == f"an RSA key; {wanted}"
    assert message(write(ec_key, "old")) == f"an ECDSA key; {wanted}"


def test_a_key_of_a_security_device_is_refused_by_name(tmp_path: Path) -> None:
    """``sk-`` keys cannot sign the bytes of an envelope; private file and public file say so."""
    kind = b"sk-ssh-ed25519@openssh.com"
    public = wire.string(kind) + wire.string(LAPTOP.public.raw) + wire.string(b"ssh:")
    body = (
        b"openssh-key-v1\0"
        + wire.string(b"none") * 2
        + wire.string(b"")
        + (1).to_bytes(4, "big")
        + wire.string(public)
    )
    text = base64.encodebytes(body).decode()
    path = tmp_path / "id_sk"
    path.write_text(
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}-----END OPENSSH PRIVATE KEY-----\n"
    )
    path.chmod(0o600)
    expected = "a key of a security device (sk-ssh-ed25519@openssh.com); expected an ed25519 key (ssh-ed25519)"
    assert refusal(lambda: load(path))[:2] == ("HP135", expected)
    pub = tmp_path / "id_sk.pub"
    pub.write_text(f"{kind.decode()} AAAA me\n")
    assert refusal(lambda: keys.open_key(pub, {}))[:2] == ("HP135", expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty; expected an ed25519 private key"),
        ("\n \n", "the file is empty; expected an ed25519 private key"),
        (
            "PuTTY-User-Key-File-3: x",
            "a key of PuTTY; expected an ed25519 private key of OpenSSH or PKCS8 PEM",
        ),
        (
            LAPTOP.public.line(),
            "a public key; expected an ed25519 private key, or a file whose name ends in .pub",
        ),
        (LAPTOP.public.pem(), "a public key; expected an ed25519 private key"),
        ("my notes", "not a private key of OpenSSH or PKCS8 PEM"),
        (
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "a certificate; expected an ed25519 private key",
        ),
        (
            "-----BEGIN X-----\n-----END X-----\n",
            "a file of the kind X; expected an ed25519 private key",
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\n!\n-----END OPENSSH PRIVATE KEY-----\n",
            "the private key is damaged: it is not base64",
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            "the private key is damaged: it ends too early",
        ),
        ("x" * 70000, "the file has more than 65536 bytes, so it is not a key"),
    ],
)
def test_what_is_not_a_key_is_named(tmp_path: Path, content: str, message: str) -> None:
    """Each mistake has its own words."""
    path = tmp_path / "id"
    path.write_text(content)
    path.chmod(0o600)
    assert refusal(lambda: load(path))[:2] == ("HP135", message)


def test_a_damaged_key_is_no_traceback(tmp_path: Path) -> None:
    """Each byte of a key's file, changed one after the other, gives a refusal or the same key."""
    for form in ("OpenSSH", "PKCS8"):
        path = private_file(LAPTOP, tmp_path / form, form)
        good = path.read_bytes()
        for at in range(len(good)):
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            with contextlib.suppress(HandoffError):
                assert load(path).public.raw


def test_a_passphrase_that_would_take_hours_is_refused(tmp_path: Path) -> None:
    """The file says how often its passphrase is hashed."""
    path = private_file(LAPTOP, tmp_path / "id", "OpenSSH", SECRET)
    body = bytearray(base64.b64decode("".join(path.read_text().splitlines()[1:-1])))
    at = body.index(b"bcrypt") + len(b"bcrypt") + 4
    rounds = at + 4 + int.from_bytes(body[at : at + 4], "big")
    body[rounds : rounds + 4] = (2**31).to_bytes(4, "big")
    text = base64.encodebytes(bytes(body)).decode()
    path.write_text(
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}-----END OPENSSH PRIVATE KEY-----\n"
    )
    message = "the private key is damaged: its passphrase takes 2147483648 rounds; at most 10000 are computed"
    assert refusal(lambda: load(path, SECRET))[:2] == ("HP135", message)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """No such file, a folder, and a pipe, which would never end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, said in [
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (pipe, "it is not a plain file"),
    ]:
        code, message, _ = refusal(lambda path=path: load(path))  # type: ignore[misc]
        assert (code, message) == ("HP135", f"the key cannot be read: {said}")


def test_a_public_file_is_one_line(tmp_path: Path) -> None:
    """Two lines, or one word, are not a public key."""
    path = tmp_path / "id.pub"
    for text in (LAPTOP.public.line() + "\n" + LINUX.public.line(), "ssh-ed25519", ""):
        path.write_text(text)
        assert (
            refusal(lambda: keys.read_public(path))[1]
            == "not a public key; expected one line: ssh-ed25519 KEY COMMENT"
        )


# An agent.


@pytest.fixture
def agent() -> Iterator[dict[str, str]]:
    """Run a real ssh-agent; its socket's path is short enough for every system."""
    folder = Path(tempfile.mkdtemp(prefix="ag"))
    address = str(folder / "s")
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        # It prints where it listens once it does.
        assert process.stdout is not None
        assert process.stdout.readline()
        yield {**os.environ, "SSH_AUTH_SOCK": address}
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        shutil.rmtree(folder)


def add(agent: dict[str, str], path: Path) -> None:
    """Give a key to the agent."""
    subprocess.run(["ssh-add", "-q", path], env=agent, check=True, capture_output=True)


@needs_agent
def test_an_agent_signs_the_same_bytes_as_the_key(tmp_path: Path, agent: dict[str, str]) -> None:
    """The envelope that an ssh-agent's key signs is the one of the file key."""
    add(agent, private_file(LAPTOP, tmp_path / "id", "OpenSSH"))
    pub = tmp_path / "id.pub"
    pub.write_text(LAPTOP.public.line("me") + "\n")
    found = keys.open_key(pub, agent)
    assert found.public == LAPTOP.public
    assert sign.sign_packet(signing.packet(), found).data == signing.signed(LAPTOP)


@needs_agent
def test_an_agent_without_the_key_says_so(tmp_path: Path, agent: dict[str, str]) -> None:
    """Another key is there; then the agent is locked; then the key is gone between the two questions."""
    add(agent, private_file(LINUX, tmp_path / "other", "OpenSSH"))
    pub = tmp_path / "id.pub"
    pub.write_text(LAPTOP.public.line())
    expected = (
        "HP136",
        f"the ssh-agent does not have the key {LAPTOP.public.fingerprint}, or it is locked",
        f"ssh-add {tmp_path / 'id'}",
    )
    assert refusal(lambda: keys.open_key(pub, agent)) == expected
    add(agent, private_file(LAPTOP, tmp_path / "id", "OpenSSH"))
    found = keys.open_key(pub, agent)
    subprocess.run(["ssh-add", "-q", "-D"], env=agent, check=True, capture_output=True)
    assert refusal(lambda: found.sign(b"words"))[:2] == (
        "HP136",
        f"the ssh-agent refuses to sign with {LAPTOP.public.fingerprint}",
    )


def test_no_agent_says_so(tmp_path: Path) -> None:
    """The variable is not set, or nothing listens at its socket."""
    pub = tmp_path / "id.pub"
    pub.write_text(LAPTOP.public.line())
    assert refusal(lambda: keys.open_key(pub, {})) == (
        "HP136",
        "there is no ssh-agent: SSH_AUTH_SOCK is not set",
        "start one with: eval $(ssh-agent) && ssh-add",
    )
    code, message, _ = refusal(lambda: keys.open_key(pub, {"SSH_AUTH_SOCK": "/none/s"}))
    assert (code, message) == (
        "HP136",
        "the ssh-agent does not answer at /none/s: No such file or directory",
    )
    long = "/" + "x" * 300
    assert refusal(lambda: keys.open_key(pub, {"SSH_AUTH_SOCK": long}))[1].startswith(
        "the ssh-agent does not answer"
    )


def words(kind: int, *parts: bytes) -> bytes:
    """Return a message of an agent."""
    return wire.string(bytes([kind]) + b"".join(parts))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the ssh-agent's answer cannot be used: it ends too early"),
        (
            b"\xff\xff\xff\xff",
            "the ssh-agent's answer cannot be used: an answer of 4294967295 bytes",
        ),
        (words(99), "the ssh-agent's answer cannot be used: a message of the kind 99"),
        (words(14, wire.string(b"")), "the ssh-agent's answer cannot be used: it ends too early"),
        (
            words(14, wire.string(wire.string(b"ssh-rsa") + wire.string(b"x"))),
            "the ssh-agent's answer cannot be used: a signature of another kind",
        ),
        (
            words(14, wire.string(wire.string(b"ssh-ed25519") + wire.string(bytes(64)))),
            "the ssh-agent's answer cannot be used: its signature does not verify under the key",
        ),
    ],
)
def test_an_agent_that_answers_nonsense_is_not_believed(answer: bytes, message: str) -> None:
    """What another program says at that socket is checked, also the signature."""
    folder = Path(tempfile.mkdtemp(prefix="ag"))
    address = str(folder / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        key = keys.AgentKey(public=LAPTOP.public, path=address)
        assert refusal(lambda: key.sign(b"words"))[:2] == ("HP136", message)
        thread.join()
    shutil.rmtree(folder)


def test_an_agent_that_never_answers_is_given_up() -> None:
    """After the seconds that are given."""
    folder = Path(tempfile.mkdtemp(prefix="ag"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen()
        key = keys.AgentKey(public=LAPTOP.public, path=str(folder / "s"), seconds=0.05)
        assert (
            refusal(lambda: key.sign(b"words"))[1]
            == "the ssh-agent's answer cannot be used: it took too long"
        )
    shutil.rmtree(folder)


def test_importing_the_package_loads_no_cryptography() -> None:
    """Listing sessions, and runs without signatures, pay nothing for them."""
    code = "import sys, handoff_tasks.trust; print({'cryptography', 'bcrypt', 'getpass'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
