"""Values for the tests of signatures: a packet, keys from fixed seeds, trust files, and changed envelopes."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handoff_tasks.formats import canonical
from handoff_tasks.trust import public_key, sign
from handoff_tasks.trust.keys import FileKey

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).resolve().parents[1] / "golden/stable-v0.4.0.json"
PROFILE = "6" * 64
NOW = datetime(2026, 7, 1, 12, 0, 0, tzinfo=UTC)
TYPE = "application/vnd.in-toto+json"


def packet(**changes: object) -> bytes:
    """Return the bytes of a GO packet that names its producer."""
    document = json.loads(GOLDEN.read_bytes())
    document["producer"] = {
        "id": "memorykernel",
        "name": "MemoryKernel",
        "profile": "memorykernel",
        "profile_sha256": PROFILE,
    }
    document.update(changes)
    return canonical.published_bytes(document)


def key(number: int) -> FileKey:
    """Return the private key of a fixed seed."""
    private = Ed25519PrivateKey.from_private_bytes(number.to_bytes(2, "little") * 16)
    return FileKey(
        public=public_key.checked(private.public_key().public_bytes_raw()), private=private
    )


def make_key(folder: Path, name: str) -> Path:
    """Make an ed25519 key without a passphrase by ssh-keygen, and return its path."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


LAPTOP, LINUX, MAC, STRANGER = key(1), key(2), key(3), key(4)


def line(
    one: FileKey,
    comment: str,
    options: str = 'namespaces="handoff"',
    principal: str = "memorykernel",
) -> str:
    """Return a line of a trust file."""
    return f"{principal} {options} {one.public.line(comment)}\n"


def trust_file(*lines: str) -> bytes:
    """Return a trust file of these lines, else one of three machines."""
    three = (line(LAPTOP, "laptop-2026"), line(LINUX, "ci-linux"), line(MAC, "ci-mac"))
    return "".join(lines or three).encode()


def signed(*keys: FileKey, data: bytes | None = None) -> bytes:
    """Return the envelope of a packet, signed with these keys."""
    data = packet() if data is None else data
    made: bytes | None = None
    for one in keys:
        made = sign.sign_packet(data, one, made).data
    assert made is not None
    return made


def pae(kind: str, body: bytes) -> bytes:
    """Return DSSE's encoding, written again here so that tests do not ask the code that they test."""
    return (
        b"DSSEv1 "
        + str(len(kind.encode())).encode()
        + b" "
        + kind.encode()
        + b" "
        + str(len(body)).encode()
        + b" "
        + body
    )


def changed(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an envelope after a change of its document."""
    document = json.loads(data)
    change(document)
    return json.dumps(document).encode()


def with_statement(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return an envelope after a change of the statement in it; the signatures stay."""

    def payload(document: dict[str, Any]) -> None:
        statement = json.loads(base64.b64decode(document["payload"]))
        change(statement)
        document["payload"] = base64.b64encode(canonical.canonical_bytes(statement)).decode()

    return changed(data, payload)


def _payload_byte(document: dict[str, Any]) -> None:
    payload = bytearray(base64.b64decode(document["payload"]))
    payload[30] ^= 1
    document["payload"] = base64.b64encode(payload).decode()


def _duplicate(document: dict[str, Any]) -> None:
    document["signatures"] = document["signatures"][:1] * 2


def _subject(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha256"] = "0" * 64


def _predicate(statement: dict[str, Any]) -> None:
    statement["predicate"]["policy"]["digest"]["sha256"] = "0" * 64


OTHER_PACKET = packet(handoff_generated_at_utc="2026-01-01T00:00:00Z")

# Name to (envelope, packet), each made from the good envelope and packet.
TAMPERINGS: dict[str, Callable[[bytes], tuple[bytes, bytes]]] = {
    "payload byte": lambda good: (changed(good, _payload_byte), packet()),
    "payload type": lambda good: (
        changed(good, lambda d: d.update(payloadType="application/json")),
        packet(),
    ),
    "wrong key": lambda good: (
        signed(*[STRANGER, key(5)][: len(json.loads(good)["signatures"])]),
        packet(),
    ),
    "subject digest": lambda good: (with_statement(good, _subject), packet()),
    "predicate": lambda good: (with_statement(good, _predicate), packet()),
    "stripped": lambda good: (changed(good, lambda d: d.update(signatures=[])), packet()),
    "duplicated": lambda good: (changed(good, _duplicate), packet()),
    "another packet": lambda good: (good, OTHER_PACKET),
}


def private_file(one: FileKey, path: Path, form: str, passphrase: str = "") -> Path:
    """Write a private key, in the form ``OpenSSH`` or ``PKCS8``, and return its path."""
    kinds = {
        "OpenSSH": serialization.PrivateFormat.OpenSSH,
        "PKCS8": serialization.PrivateFormat.PKCS8,
    }
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    path.write_bytes(one.private.private_bytes(serialization.Encoding.PEM, kinds[form], encryption))
    path.chmod(0o600)
    return path


def needs_openssl() -> None:
    """Skip a test without OpenSSL 3: macOS ships another program of that name."""
    found = shutil.which("openssl")
    version = (
        subprocess.run([found, "version"], capture_output=True, text=True, check=False).stdout
        if found
        else "none"
    )
    if not version.startswith("OpenSSL 3"):
        pytest.skip(f"there is no OpenSSL 3 on PATH, but {version.strip()}")


def statement_digest(data: bytes) -> str:
    """Return the digest that a statement must name for a packet."""
    return hashlib.sha256(data).hexdigest()
