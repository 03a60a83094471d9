"""Values for the tests of the consumer's side: the sample consumer's files, releases and packets."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from builders import go_packet, manifest_document

from handoff_tasks.consumer import pin, plan, profile, receipt
from handoff_tasks.consumer.values import PinValues
from handoff_tasks.formats import schemas
from handoff_tasks.model import Flavour
from handoff_tasks.problems import HandoffError
from handoff_tasks.setup import sample_consumer

if TYPE_CHECKING:
    from handoff_tasks.consumer.profile import Profile
    from handoff_tasks.problems import Problem

HEAD = sample_consumer.COMMITS[Flavour.PYTHON]["pin"]
RUNTIME = "ee312c80f425d99e33e05d78d8f6a3e6e2318cd2"
MATRIX = "docs/COMPATIBILITY.md"
PIN = "config/producer-pin.json"
MIRROR = "config/producer-manifest.json"
CODE = "src/release.py"
DAY = "2025-03-08"


@functools.cache
def _sample_files() -> dict[str, bytes]:
    made: dict[str, bytes] = {}
    for number, name in enumerate(("app", "pin"), 1):
        made |= dict(sample_consumer._files(number, name, Flavour.PYTHON))
    return made


def sample_files(**changes: bytes | None) -> dict[str, bytes]:
    """Return the sample consumer's files. Keys of ``changes`` are paths with ``__`` for ``/``."""
    files = dict(_sample_files())
    for name, data in changes.items():
        path = name.replace("__", "/")
        if data is None:
            del files[path]
        else:
            files[path] = data
    return files


def edited(path: str, before: str, after: str) -> dict[str, bytes]:
    """Return the sample's files with one text replaced."""
    files = sample_files()
    text = files[path].decode()
    assert before in text
    return {**files, path: text.replace(before, after).encode()}


def profile_text(before: str = "", after: str = "") -> str:
    """Return the sample's consumer profile with one text replaced."""
    text = _sample_files()[sample_consumer.PROFILE].decode()
    assert before in text
    return text.replace(before, after, 1) if before else text


def read_profile(text: str | None = None) -> Profile:
    """Return a consumer profile; the sample's own if there is no text."""
    data = (text or profile_text()).encode()
    return profile.parse(data, "handoff.toml", schemas.schema(schemas.CONSUMER_PROFILE))


def manifest_bytes(**changes: object) -> bytes:
    """Return the sample producer's manifest of v0.3.2 with changed values."""
    document = json.loads(_sample_files()[MIRROR]) | changes
    return (json.dumps(document, indent=2) + "\n").encode()


def pinned() -> PinValues:
    """Return what the sample consumer pins."""
    return pin.read_pin(read_profile(), sample_files())


def release(tag: str = "v0.3.3", **changes: object) -> plan.Release:
    """Return a release of the sample producer, by default the one that follows."""
    data = manifest_bytes(release_tag=tag, **changes)
    values = PinValues.from_manifest(json.loads(data), hashlib.sha256(data).hexdigest())
    return plan.Release(values=values, date="2025-03-10", manifest=data, packet=b"{}\n")


def make(
    files: dict[str, bytes] | None = None, text: str | None = None, to: plan.Release | None = None
) -> plan.Plan:
    """Return the plan of a repin of the sample consumer."""
    return plan.make(read_profile(text), files or sample_files(), to or release(), HEAD)


def shown(
    found: plan.Plan | list[Problem] | tuple[Problem, ...] | HandoffError,
) -> list[tuple[str, str, str]]:
    """Return code, place and message of problems."""
    if isinstance(found, plan.Plan | HandoffError):
        found = found.problems
    return [(one.code, one.where, one.message) for one in found]


def packet(**changes: Any) -> Any:
    """Return a GO packet of v1.2.3 that names its producer."""
    producer = {
        "id": "sample-python",
        "name": "Sample service",
        "profile": "sample-python",
        "profile_sha256": "6" * 64,
    }
    document: dict[str, Any] = {**go_packet(), "producer": producer}
    return document | changes


def old_manifest(**changes: object) -> dict[str, Any]:
    """Return the manifest of the release before the packet's."""
    return manifest_document(release_tag="v1.2.2", commit_sha="5" * 40) | changes


def a_receipt(made: plan.Plan | None = None, **changes: Any) -> receipt.Receipt:
    """Return the receipt of an accept of the sample consumer."""
    made = made or make()
    good = receipt.Receipt(
        kind=receipt.ACCEPT,
        consumer=receipt.Consumer(name="Sample consumer", commit=HEAD, tree="4" * 40),
        producer=receipt.Producer(
            name="Sample service",
            tag=made.new.release_tag,
            tag_target="7" * 40,
            runtime_commit=made.new.commit_sha,
        ),
        packet_sha256="8" * 64,
        manifest_sha256=made.new.manifest_sha256,
        undoes=None,
        old=made.old,
        new=made.new,
        changes=(
            receipt.ReceiptChange(
                fingerprint="0" * 16,
                change_class="editorial",
                message="other words",
                accepted=False,
            ),
        ),
        files=tuple(receipt.ReceiptFile.of(file, "100644") for file in made.files),
        validators=(
            receipt.ReceiptValidator(
                id="pin", command="python3 scripts/validate_pin.py", tools={"python3": "3.12.1"}
            ),
        ),
        profile_digest=read_profile().digest,
    )
    return replace(good, **changes)
