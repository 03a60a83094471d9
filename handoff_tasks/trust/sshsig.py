"""Read SSH signatures (SSHSIG), and the one below the message of a signed git tag.

Functions of values: git hands out the bytes of the tag object, and nothing of git's configuration
is asked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.trust import public_key, wire
from handoff_tasks.trust.public_key import KIND, KeyFault

if TYPE_CHECKING:
    from handoff_tasks.trust.public_key import PublicKey

BEGIN = "-----BEGIN SSH SIGNATURE-----"
END = "-----END SSH SIGNATURE-----"
MAX_BYTES = 4 * 1024 * 1024

_MAGIC = b"SSHSIG"
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_FOREIGN = {b"-----BEGIN PGP SIGNATURE-----": "OpenPGP", b"-----BEGIN SIGNED MESSAGE-----": "X.509"}


class SignatureFault(ValueError):
    """Why some text is not a signature that can be checked here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSignature:
    """An SSH signature, believed in no part: ``key`` is the one that it claims to be of."""

    key: PublicKey
    namespace: str
    hash_name: str
    signature: bytes

    def verifies(self, message: bytes) -> bool:
        """Return whether the key that it names made it over ``message``."""
        data = signed_data(message, self.namespace, self.hash_name)
        return self.key.verifies(self.signature, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag object.

    It has its headers, the bytes that are signed, and the text of the signature, if any.
    """

    target: str
    kind: str
    name: str
    payload: bytes
    armor: str | None


def signed_data(message: bytes, namespace: str, hash_name: str = "sha512") -> bytes:
    """Return the bytes over which an SSH signature is made."""
    digest = _HASHES[hash_name](message).digest()
    parts = (namespace.encode(), b"", hash_name.encode(), digest)
    return _MAGIC + b"".join(wire.string(part) for part in parts)


def read(armor: str) -> SshSignature:
    """Return the signature in an armored text.

    Raises:
        SignatureFault: it is not one, or it is of a key that is not ed25519.
    """
    reader = wire.Reader(_unarmored(armor))
    try:
        if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != 1:
            raise SignatureFault("the signature is not of SSHSIG version 1")
        key = public_key.read_blob(reader.string())
        namespace = reader.string()
        reserved = reader.string()
        hash_name = reader.string().decode("ascii", "replace")
        inner = wire.Reader(reader.string())
        reader.finish()
        kind = inner.string()
        signature = inner.string()
        inner.finish()
    except wire.Malformed as error:
        raise SignatureFault(f"the signature is damaged: {error}") from None
    except KeyFault as fault:
        raise SignatureFault(f"the signature is by {fault}") from None
    if hash_name not in _HASHES:
        raise SignatureFault(
            f"the signature's hash is {hash_name[:40]!r}; expected sha256 or sha512"
        )
    if kind != KIND.encode() or len(signature) != public_key.SIGNATURE_BYTES:
        raise SignatureFault("the signature is damaged: it is not one of an ed25519 key")
    if reserved:
        raise SignatureFault("the signature has a reserved field that is not known here")
    try:
        name = namespace.decode("utf-8")
    except UnicodeDecodeError:
        raise SignatureFault("the signature's namespace is not UTF-8") from None
    return SshSignature(key=key, namespace=name, hash_name=hash_name, signature=signature)


def _unarmored(armor: str) -> bytes:
    """Return the bytes in an armored text. Raises `SignatureFault`."""
    lines = armor.rstrip("\n").split("\n")
    if len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        raise SignatureFault(f"the signature is not framed by {BEGIN} and {END}")
    text = "".join(lines[1:-1])
    try:
        return wire.read_base64(text)
    except wire.Malformed as error:
        raise SignatureFault(f"the signature is {error}") from None


def read_tag(data: bytes) -> Tag:
    """Return the parts of a tag object's bytes, as ``git cat-file tag`` prints them.

    Raises:
        SignatureFault: not a tag object; signed in a way that is not known here; words follow the
            signature.
    """
    if len(data) > MAX_BYTES:
        raise SignatureFault(f"the tag object has {len(data)} bytes; at most {MAX_BYTES} are read")
    head, gap, _ = data.partition(b"\n\n")
    headers = [line.split(b" ", 1) for line in head.split(b"\n")]
    names = [header[0] for header in headers]
    if not gap or names not in (
        [b"object", b"type", b"tag", b"tagger"],
        [b"object", b"type", b"tag"],
    ):
        raise SignatureFault(
            "the object does not have the headers of a tag: object, type, tag, tagger"
        )
    try:
        target, kind, name = (header[1].decode("utf-8") for header in headers[:3])
    except (IndexError, UnicodeDecodeError):
        raise SignatureFault("the headers of the tag cannot be read") from None
    payload, armor = _split(data)
    return Tag(target=target, kind=kind, name=name, payload=payload, armor=armor)


def _split(data: bytes) -> tuple[bytes, str | None]:
    """Return the signed bytes of a tag, and its SSH signature.

    The signature is None when the tag is not signed at all.
    """
    for mark, name in _FOREIGN.items():
        if b"\n" + mark in data:
            raise SignatureFault(f"signed with {name}; this file knows SSH keys")
    begin = b"\n" + BEGIN.encode() + b"\n"
    count = data.count(begin[:-1])
    if count == 0:
        return data, None
    at = data.find(begin) + 1
    if count > 1 or at == 0:
        raise SignatureFault(
            "the tag has more than one signature, or a damaged one; expected exactly one"
        )
    armor = data[at:].removesuffix(b"\n")
    end = b"\n" + END.encode()
    if not armor.endswith(end) or armor.count(end) > 1:
        raise SignatureFault(
            "words follow the signature, which it does not cover; expected nothing below it"
        )
    try:
        return data[:at], armor.decode("ascii")
    except UnicodeDecodeError:
        raise SignatureFault("the signature is not base64") from None
