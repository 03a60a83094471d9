"""Claims about the verifiers of others: they accept what we sign, and refuse what they are known to refuse.

OpenSSL, node's crypto and Sigstore's library for JavaScript. None of our code reads or checks here: the encoding
is written again, in Python and in JavaScript.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from signing import LAPTOP, TAMPERINGS, needs_openssl, packet, pae, signed

from handoff_tasks.trust import sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    # Envelope and packet to whether the verifier accepts them.
    Verifier = Callable[[bytes, bytes], bool]

PACKAGES = ("@sigstore/verify@3.1.1", "@sigstore/bundle@4.0.0")

NODE = """
const [, , envelopePath, packetPath, keyPath] = process.argv;
const { readFileSync } = require("fs");
const crypto = require("crypto");
const envelope = JSON.parse(readFileSync(envelopePath));
const body = Buffer.from(envelope.payload, "base64");
const type = Buffer.from(envelope.payloadType);
const pae = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${body.length} `), body]);
const key = crypto.createPublicKey(readFileSync(keyPath));
const good = envelope.signatures.some((one) => crypto.verify(null, pae, key, Buffer.from(one.sig, "base64")));
if (!good) process.exit(1);
const digest = crypto.createHash("sha256").update(readFileSync(packetPath)).digest("hex");
process.exit(JSON.parse(body).subject[0].digest.sha256 === digest ? 0 : 1);
"""

SIGSTORE = """
const [, , bundlePath, keyPath] = process.argv;
const { readFileSync } = require("fs");
const crypto = require("crypto");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");
const publicKey = crypto.createPublicKey(readFileSync(keyPath));
const root = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const material = toTrustMaterial(root, () => ({ publicKey, validFor: () => true }));
const verifier = new Verifier(material, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
try {
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(bundlePath)))));
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
"""


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the PEM of the public key, as ``handoff-show --public-key`` prints it."""
    path = tmp_path_factory.mktemp("key") / "public.pem"
    path.write_text(LAPTOP.public.pem())
    return path


def needs(*programs: str) -> None:
    """Skip a test when a program is not there."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"there is no {program} on PATH")


@pytest.fixture
def openssl(tmp_path: Path, public: Path) -> Verifier:
    """Return the verifier that a shell script with OpenSSL 3 is."""
    needs_openssl()

    def verify(envelope: bytes, data: bytes) -> bool:
        document = json.loads(envelope)
        payload = base64.b64decode(document["payload"])
        (tmp_path / "pae").write_bytes(pae(document["payloadType"], payload))
        for entry in document["signatures"]:
            (tmp_path / "sig").write_bytes(base64.b64decode(entry["sig"]))
            command: list[str | Path] = [
                "openssl",
                "pkeyutl",
                "-verify",
                "-rawin",
                "-pubin",
                "-inkey",
                public,
            ]
            command += ["-in", tmp_path / "pae", "-sigfile", tmp_path / "sig"]
            if subprocess.run(command, capture_output=True, check=False).returncode == 0:
                return bool(
                    json.loads(payload)["subject"][0]["digest"]["sha256"]
                    == hashlib.sha256(data).hexdigest()
                )
        return False

    return verify


def node_script(folder: Path, text: str) -> Callable[..., bool]:
    """Return a function that runs a script of node's with paths, and returns whether it ended well."""
    needs("node")
    script = folder / "verify.js"
    script.write_text(text)

    def run(*paths: Path) -> bool:
        return (
            subprocess.run(
                ["node", script, *paths], cwd=folder, capture_output=True, check=False
            ).returncode
            == 0
        )

    return run


@pytest.fixture
def node(tmp_path: Path, public: Path) -> Verifier:
    """Return the verifier that a few lines of JavaScript are."""
    run = node_script(tmp_path, NODE)

    def verify(envelope: bytes, data: bytes) -> bool:
        (tmp_path / "envelope").write_bytes(envelope)
        (tmp_path / "packet").write_bytes(data)
        return run(tmp_path / "envelope", tmp_path / "packet", public)

    return verify


@pytest.fixture(scope="module")
def sigstore_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install Sigstore's library into a folder of its own."""
    needs("node", "npm")
    folder = tmp_path_factory.mktemp("sigstore")
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"npm cannot install {', '.join(PACKAGES)}: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def sigstore(sigstore_folder: Path, public: Path) -> Verifier:
    """Return Sigstore's verifier, which reads bundles; what cannot be made a bundle by us is put into one as it is."""
    run = node_script(sigstore_folder, SIGSTORE)
    good = json.loads(sign.bundle(signed(LAPTOP), LAPTOP.public.fingerprint, "e"))

    def verify(envelope: bytes, _data: bytes) -> bool:
        path = sigstore_folder / "bundle.json"
        path.write_text(json.dumps({**good, "dsseEnvelope": json.loads(envelope)}))
        return run(path, public)

    return verify


MISSES = {"openssl": "duplicated", "node": "duplicated", "sigstore": "another packet"}


@pytest.mark.slow
@pytest.mark.parametrize("name", MISSES)
def test_a_foreign_verifier_accepts_what_is_good_and_refuses_seven_of_eight(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Which one each of them misses is known: two keys are not asked for, or the packet is not compared."""
    verify: Verifier = request.getfixturevalue(name)
    good = signed(LAPTOP)
    assert verify(good, packet())
    accepted = [tampering for tampering, change in TAMPERINGS.items() if verify(*change(good))]
    assert accepted == [MISSES[name]]


def test_sigstore_reads_the_bundle_of_one_of_two_signatures(
    sigstore_folder: Path, public: Path
) -> None:
    """The bundle that is printed for one keyid, from an envelope with more."""
    from signing import LINUX

    run = node_script(sigstore_folder, SIGSTORE)
    path = sigstore_folder / "one.json"
    path.write_bytes(sign.bundle(signed(LAPTOP, LINUX), LAPTOP.public.fingerprint, "e"))
    assert run(path, public)
    path.write_bytes(sign.bundle(signed(LAPTOP, LINUX), LINUX.public.fingerprint, "e"))
    assert not run(path, public)


def test_ssh_keygen_and_openssl_agree_on_the_public_key(public: Path, tmp_path: Path) -> None:
    """The PEM is that of the SSH key: OpenSSL finds the same 32 bytes."""
    needs_openssl()
    command: list[str | Path] = ["openssl", "pkey", "-pubin", "-in", public, "-outform", "DER"]
    der = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout
    assert der[-32:] == LAPTOP.public.raw
