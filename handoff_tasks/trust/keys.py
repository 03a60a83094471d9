"""Load private keys from files, and let an ssh-agent sign: the edge of the package.

Nothing here runs a program. `cryptography` (and `bcrypt`, for encrypted OpenSSH keys) is imported
only when a key file is opened.
"""

from __future__ import annotations

import base64
import binascii
import errno
import os
import re
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.problems import refusal
from handoff_tasks.trust import public_key, wire
from handoff_tasks.trust.public_key import KIND, KeyFault, PublicKey

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from handoff_tasks.problems import HandoffError
    from handoff_tasks.trust.public_key import SigningKey

PASSPHRASE_VARIABLE = "HANDOFF_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
AGENT_VARIABLE = "SSH_AUTH_SOCK"
MAX_BYTES = 64 * 1024
# Of the passphrase of an OpenSSH key (ssh-keygen -a): more take minutes.
MAX_ROUNDS = 10_000
# An agent may ask its user to confirm.
AGENT_SECONDS = 120.0

_OPENSSH_MAGIC = b"openssh-key-v1\0"
_PEM = re.compile(rb"\s*-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n(.*?)-----END \1-----\s*", re.DOTALL)
_REFUSED_PEM = {
    b"RSA PRIVATE KEY": "an RSA key",
    b"EC PRIVATE KEY": "an ECDSA key",
    b"DSA PRIVATE KEY": "a DSA key",
    b"PUBLIC KEY": "a public key",
    b"PGP PRIVATE KEY BLOCK": "an OpenPGP key",
    b"CERTIFICATE": "a certificate",
}
_MAKE_ONE = "name an ed25519 key; ssh-keygen -t ed25519 makes one"

_FAILURE = 5
_REQUEST_IDENTITIES, _IDENTITIES = 11, 12
_REQUEST_SIGNATURE, _SIGNATURE = 13, 14
_MAX_ANSWER = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKey:
    """A private key that was read from a file."""

    public: PublicKey
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        """Return the fingerprint only."""
        return f"FileKey({self.public.fingerprint})"

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message``; ed25519 makes the same one each time."""
        return self.private.sign(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentKey:
    """A key that the ssh-agent at ``path`` holds."""

    public: PublicKey
    path: str
    seconds: float = AGENT_SECONDS

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message``.

        Raises:
            HandoffError: HP136, when the agent does not sign.
        """
        with _agent(self.path, self.seconds) as connection:
            return _agent_signature(connection, self.public, message)


def open_key(path: Path, environment: Mapping[str, str] | None = None) -> SigningKey:
    """Return the key that ``--key`` names.

    It names a private key's file, or a ``.pub`` whose key an ssh-agent holds.

    Raises:
        HandoffError: HP135 (the file cannot be used), HP136 (the agent cannot).
    """
    variables = os.environ if environment is None else environment
    if path.suffix == ".pub":
        return agent_key(read_public(path), variables, str(path))
    return load_private(path, lambda: ask_passphrase(path, variables))


def read_public(path: Path) -> PublicKey:
    """Return the public key in a ``.pub`` file.

    Raises:
        HandoffError: HP135, when it is not one of ed25519.
    """
    data, _ = _file_bytes(path)
    text = data.decode("utf-8", "replace").strip()
    words = text.split(maxsplit=2)
    if "\n" in text or len(words) < 2:
        raise _refused(path, f"not a public key; expected one line: {KIND} KEY COMMENT", _MAKE_ONE)
    try:
        return public_key.read_words(words[0], words[1])
    except KeyFault as fault:
        raise _refused(path, str(fault), _MAKE_ONE) from None


def load_private(path: Path, passphrase: Callable[[], str | None]) -> FileKey:
    """Return the private key in a file of OpenSSH's form or in PKCS8 PEM, encrypted or not.

    ``passphrase`` is called only for an encrypted key; None means that there is none.

    Raises:
        HandoffError: HP135. The file cannot be read, others can read it, it is of another kind, or
            the passphrase is wrong.
    """
    data, mode = _file_bytes(path)
    match = _PEM.fullmatch(data)
    if match is None:
        raise _refused(path, _not_a_key(data), _MAKE_ONE)
    label, body = match.groups()
    if label in _REFUSED_PEM:
        hint = (
            "for a key of an ssh-agent give the name of its .pub file"
            if label == b"PUBLIC KEY"
            else _MAKE_ONE
        )
        raise _refused(path, f"{_REFUSED_PEM[label]}; expected an ed25519 private key", hint)
    if mode & 0o077:
        message = f"others can read or write this private key (mode {mode:04o}); expected 0600"
        raise _refused(path, message, f"chmod 600 {path}; if others have had it, make a new key")
    if label == b"OPENSSH PRIVATE KEY":
        return _openssh(path, data, body, passphrase)
    if label == b"ENCRYPTED PRIVATE KEY":
        return _pkcs8(path, data, _secret(path, passphrase))
    if label == b"PRIVATE KEY":
        return _pkcs8(path, data, None)
    raise _refused(
        path, f"a file of the kind {label.decode()}; expected an ed25519 private key", _MAKE_ONE
    )


def ask_passphrase(path: Path, environment: Mapping[str, str]) -> str | None:
    """Return the passphrase of the variable, else of a prompt.

    The prompt is on the terminal; None when there is neither. The variable comes first: a service
    that gives its jobs a terminal must not wait for words.
    """
    if environment.get(PASSPHRASE_VARIABLE):
        return environment[PASSPHRASE_VARIABLE]
    if not sys.stdin.isatty():
        return None
    import getpass

    try:
        return getpass.getpass(f"Passphrase of {path}: ") or None
    except EOFError:
        return None


def agent_key(public: PublicKey, environment: Mapping[str, str], where: str) -> AgentKey:
    """Return the key as the ssh-agent of the environment holds it.

    Raises:
        HandoffError: HP136. There is no agent, or it does not have the key.
    """
    path = environment.get(AGENT_VARIABLE, "")
    if not path:
        message = f"there is no ssh-agent: {AGENT_VARIABLE} is not set"
        raise refusal("HP136", where, message, "start one with: eval $(ssh-agent) && ssh-add")
    with _agent(path, AGENT_SECONDS) as connection:
        if public.blob not in _identities(connection):
            message = f"the ssh-agent does not have the key {public.fingerprint}, or it is locked"
            raise refusal("HP136", where, message, f"ssh-add {where.removesuffix('.pub')}")
    return AgentKey(public=public, path=path)


def _file_bytes(path: Path) -> tuple[bytes, int]:
    """Return the bytes and the permissions of a plain file. Raises `HandoffError` (HP135)."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as handle:
            status = os.fstat(handle.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "it is not a plain file", str(path))
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(
            path, f"the key cannot be read: {error.strerror}", "name the file of a key with --key"
        ) from None
    if len(data) > MAX_BYTES:
        raise _refused(
            path, f"the file has more than {MAX_BYTES} bytes, so it is not a key", _MAKE_ONE
        )
    return data, stat.S_IMODE(status.st_mode)


def _not_a_key(data: bytes) -> str:
    if not data.strip():
        return "the file is empty; expected an ed25519 private key"
    if data.startswith(b"PuTTY-User-Key-File-"):
        return "a key of PuTTY; expected an ed25519 private key of OpenSSH or PKCS8 PEM"
    word = data.split(maxsplit=1)[0].decode("ascii", "replace")
    if word == KIND or public_key.describe_kind(word):
        return "a public key; expected an ed25519 private key, or a file whose name ends in .pub"
    return "not a private key of OpenSSH or PKCS8 PEM"


def _openssh(path: Path, data: bytes, body: bytes, passphrase: Callable[[], str | None]) -> FileKey:
    """Return the key of OpenSSH's form.

    Kinds are refused by name before anyone is asked for a passphrase.
    """
    try:
        reader = wire.Reader(base64.b64decode(b"".join(body.split()), validate=True))
        if reader.take(len(_OPENSSH_MAGIC)) != _OPENSSH_MAGIC:
            raise wire.Malformed("it does not begin as OpenSSH's keys do")
        cipher = reader.string()
        reader.string()
        options = wire.Reader(reader.string())
        if reader.number() != 1:
            raise wire.Malformed("it does not hold exactly one key")
        public = public_key.read_blob(reader.string())
        if cipher != b"none":
            options.string()
            rounds = options.number()
            if rounds > MAX_ROUNDS:
                raise wire.Malformed(
                    f"its passphrase takes {rounds} rounds; at most {MAX_ROUNDS} are computed"
                )
    except KeyFault as fault:
        raise _refused(path, str(fault), _MAKE_ONE) from None
    except wire.Malformed as error:
        raise _refused(path, f"the private key is damaged: {error}", _MAKE_ONE) from None
    except (binascii.Error, ValueError):
        raise _refused(path, "the private key is damaged: it is not base64", _MAKE_ONE) from None
    secret = None if cipher == b"none" else _secret(path, passphrase)

    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        private = load_ssh_private_key(data, secret)
    except (ValueError, TypeError, InternalError, UnsupportedAlgorithm) as error:
        raise _unopened(path, error, encrypted=secret is not None) from None
    found = _file_key(path, private)
    if found.public != public:
        raise _refused(
            path, "the private key is damaged: its public part is of another key", _MAKE_ONE
        )
    return found


def _pkcs8(path: Path, data: bytes, secret: bytes | None) -> FileKey:
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(data, secret)
    except (ValueError, TypeError, InternalError, UnsupportedAlgorithm) as error:
        raise _unopened(path, error, encrypted=secret is not None) from None
    return _file_key(path, private)


def _file_key(path: Path, private: object) -> FileKey:
    """Return the key, if it is one of ed25519. Raises `HandoffError` (HP135)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not isinstance(private, Ed25519PrivateKey):
        kind = type(private).__name__.removesuffix("PrivateKey").lstrip("_")
        names = {
            "RSA": "an RSA key",
            "EC": "an ECDSA key",
            "DSA": "a DSA key",
            "Ed448": "an Ed448 key",
        }
        raise _refused(
            path,
            f"{names.get(kind, f'a key of the kind {kind}')}; expected an ed25519 private key",
            _MAKE_ONE,
        )
    try:
        public = public_key.checked(private.public_key().public_bytes_raw())
    except KeyFault as fault:
        raise _refused(path, str(fault), _MAKE_ONE) from None
    return FileKey(public=public, private=private)


def _secret(path: Path, passphrase: Callable[[], str | None]) -> bytes:
    text = passphrase()
    if not text:
        message = "the private key is encrypted, and there is no passphrase"
        raise _refused(
            path,
            message,
            f"run on a terminal, set {PASSPHRASE_VARIABLE}, "
            "or use an ssh-agent with --key FILE.pub",
        )
    return text.encode("utf-8", "surrogateescape")


def _unopened(path: Path, error: Exception, *, encrypted: bool) -> HandoffError:
    """Return the one message for a passphrase that opens no key.

    It is the same whatever the library says of it.
    """
    if encrypted:
        return _refused(
            path,
            "the passphrase is wrong, or the private key is damaged",
            "try the passphrase again",
        )
    first = str(error).split("\n", 1)[0][:160]
    return _refused(path, f"the private key is damaged: {first}", _MAKE_ONE)


def _refused(path: Path, message: str, hint: str) -> HandoffError:
    return refusal("HP135", str(path), message, hint)


def _agent(path: str, seconds: float) -> socket.socket:
    """Return a connection to the agent at a socket. Raises `HandoffError` (HP136)."""
    import socket

    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(seconds)
        connection.connect(path)
    except OSError as error:
        connection.close()
        message = f"the ssh-agent does not answer at {path}: {error.strerror or error}"
        raise refusal(
            "HP136", AGENT_VARIABLE, message, "start an agent and add the key with ssh-add"
        ) from None
    return connection


def _ask(connection: socket.socket, request: bytes) -> wire.Reader:
    """Return what the agent answers. Raises `HandoffError` (HP136)."""
    try:
        connection.sendall(wire.string(request))
        size = int.from_bytes(_received(connection, 4), "big")
        if not 0 < size <= _MAX_ANSWER:
            raise wire.Malformed(f"an answer of {size} bytes")
        return wire.Reader(_received(connection, size))
    except TimeoutError:
        said = "it took too long"
    except OSError as error:
        said = error.strerror or str(error)
    except wire.Malformed as error:
        said = str(error)
    raise _agent_fault(said)


def _received(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise wire.Malformed("it ends too early")
        data += part
    return data


def _agent_fault(said: str) -> HandoffError:
    hint = "start an agent and add the key with ssh-add, or give the private key's file with --key"
    return refusal("HP136", AGENT_VARIABLE, f"the ssh-agent's answer cannot be used: {said}", hint)


def _identities(connection: socket.socket) -> set[bytes]:
    """Return the keys that the agent has, in SSH's binary form. Raises `HandoffError` (HP136)."""
    reader = _ask(connection, bytes([_REQUEST_IDENTITIES]))
    found: set[bytes] = set()
    try:
        kind = reader.take(1)[0]
        if kind == _FAILURE:
            return found
        if kind != _IDENTITIES:
            raise wire.Malformed(f"a message of the kind {kind}")
        for _ in range(reader.number()):
            found.add(reader.string())
            reader.string()
    except wire.Malformed as error:
        raise _agent_fault(str(error)) from None
    return found


def _agent_signature(connection: socket.socket, public: PublicKey, message: bytes) -> bytes:
    """Return the agent's signature, checked. Raises `HandoffError` (HP136)."""
    request = (
        bytes([_REQUEST_SIGNATURE]) + wire.string(public.blob) + wire.string(message) + bytes(4)
    )
    reader = _ask(connection, request)
    try:
        kind = reader.take(1)[0]
        if kind == _FAILURE:
            said = f"the ssh-agent refuses to sign with {public.fingerprint}"
            raise refusal(
                "HP136", AGENT_VARIABLE, said, "unlock the agent, or confirm when it asks"
            )
        if kind != _SIGNATURE:
            raise wire.Malformed(f"a message of the kind {kind}")
        inner = wire.Reader(reader.string())
        if inner.string() != KIND.encode():
            raise wire.Malformed("a signature of another kind")
        signature = inner.string()
    except wire.Malformed as error:
        raise _agent_fault(str(error)) from None
    if not public.verifies(signature, message):
        raise _agent_fault("its signature does not verify under the key")
    return signature
