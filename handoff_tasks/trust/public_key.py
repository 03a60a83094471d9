"""Public ed25519 keys in OpenSSH's form: read, check, name, verify with.

Functions of values. `cryptography` is imported only when a signature is verified.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Protocol

from handoff_tasks.trust import wire

KIND = "ssh-ed25519"
SIGNATURE_BYTES = 64
_KEY_BYTES = 32
_PEM_PREFIX = bytes.fromhex("302a300506032b6570032100")

# The field and the constant of edwards25519 (RFC 8032, section 5.1).
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
# Eight is the curve's cofactor: three doublings lead each point of small order to the neutral one.
_DOUBLINGS = 3


class KeyFault(ValueError):
    """Why a text or some bytes are not a public key that may sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A public ed25519 key, by its 32 bytes. Two keys are the same when these bytes are."""

    raw: bytes

    @property
    def blob(self) -> bytes:
        """Return the key in SSH's binary form, of which the fingerprint is made."""
        return wire.string(KIND.encode()) + wire.string(self.raw)

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint that ``ssh-keygen -l`` prints: ``SHA256:`` and 43 characters."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def short_fingerprint(self) -> str:
        """Return the fingerprint with its middle left out, for a line that people read."""
        return f"{self.fingerprint[:11]}…{self.fingerprint[-5:]}"

    def line(self, comment: str = "") -> str:
        """Return the line of a ``.pub`` file, without a line feed."""
        return f"{KIND} {base64.b64encode(self.blob).decode()} {comment}".rstrip()

    def pem(self) -> str:
        """Return the key as PEM (SubjectPublicKeyInfo), which OpenSSL and cosign read."""
        text = base64.b64encode(_PEM_PREFIX + self.raw).decode()
        return f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether ``signature`` is one of this key over ``message``."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey(Protocol):
    """What signs: a key from a file, or one that an ssh-agent holds."""

    @property
    def public(self) -> PublicKey:
        """Return the public key."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature over ``message``. May raise `HandoffError`."""


def describe_kind(kind: str) -> str | None:
    """Return what people call a kind of SSH key.

    Such as ``an RSA key``; None for ed25519 and for no kind.
    """
    if "-cert-" in kind:
        return f"a certificate ({kind})"
    if kind.startswith("sk-"):
        return f"a key of a security device ({kind})"
    if kind.startswith("ecdsa-sha2-"):
        return f"an ECDSA key ({kind})"
    names = {"ssh-rsa": "an RSA key", "ssh-dss": "a DSA key", "ssh-ed448": "an Ed448 key"}
    return f"{names[kind]} ({kind})" if kind in names else None


def read_words(kind: str, text: str) -> PublicKey:
    """Return the key of a line's two words: the kind, and the key in base64.

    Raises:
        KeyFault: another kind, base64 that is not exact, or a key that must not be trusted.
    """
    if kind != KIND:
        described = describe_kind(kind)
        if described:
            raise KeyFault(f"{described}; expected an ed25519 key ({KIND})")
        raise KeyFault(f"found {kind[:40]!r} where the kind of the key must be; expected {KIND}")
    try:
        blob = wire.read_base64(text)
    except wire.Malformed as error:
        raise KeyFault(f"the key is {error}") from None
    return read_blob(blob)


def read_blob(blob: bytes) -> PublicKey:
    """Return the key of SSH's binary form. Raises `KeyFault` as `read_words` does."""
    reader = wire.Reader(blob)
    try:
        kind = reader.string().decode("ascii", "replace")
        if kind != KIND:
            described = describe_kind(kind) or f"a key of the kind {kind[:40]!r}"
            raise KeyFault(f"{described}; expected an ed25519 key ({KIND})")
        raw = reader.string()
        reader.finish()
    except wire.Malformed as error:
        raise KeyFault(f"the key is damaged: {error}") from None
    return checked(raw)


def checked(raw: bytes) -> PublicKey:
    """Return the key of 32 bytes.

    Raises `KeyFault` when they are not a point, or one of small order.
    """
    if len(raw) != _KEY_BYTES:
        raise KeyFault(f"the key is damaged: it has {len(raw)} bytes; expected {_KEY_BYTES}")
    y = int.from_bytes(raw, "little") % 2**255
    x = _abscissa(y) if y < _P else None
    if x is None:
        raise KeyFault("the key is damaged: it is not a point of the curve")
    for _ in range(_DOUBLINGS):
        x, y = _doubled(x, y)
    if (x, y) == (0, 1):
        raise KeyFault(
            "the key has small order: signatures that its owner never made verify under it"
        )
    return PublicKey(raw=raw)


def _abscissa(y: int) -> int | None:
    """Return an x of the point with this y, of either sign; None when there is none."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_ONE % _P
    return x if x * x % _P == square else None


def _doubled(x: int, y: int) -> tuple[int, int]:
    """Return twice a point; the formula has no exceptions on this curve."""
    product = _D * x * x * y * y % _P
    doubled_x = 2 * x * y * pow(1 + product, -1, _P) % _P
    doubled_y = (y * y + x * x) * pow(1 - product, -1, _P) % _P
    return doubled_x, doubled_y
