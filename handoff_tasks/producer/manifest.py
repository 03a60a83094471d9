"""Parse the manifest that a producer releases."""

from __future__ import annotations

from handoff_tasks.formats import schemas, strict_json
from handoff_tasks.model import Manifest
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer.profile_rules import RELEASE, SERVICE


def read_manifest(data: bytes, where: str, kind: str = SERVICE) -> Manifest:
    """Return the manifest in ``data``; ``kind`` is that of the profile's contract.

    Raises `HandoffError` (HP021) with every mistake and its place.
    """
    document = strict_json.read(data, where, code="HP021")
    contract = schemas.RELEASE_MANIFEST if kind == RELEASE else schemas.MANIFEST
    hint = f"correct the manifest (schemas/{contract}.schema.json describes it) and commit it"
    found = schemas.violations(
        document, schemas.schema(contract), where=where, code="HP021", hint=hint
    )
    if found:
        raise HandoffError(found)
    assert isinstance(document, dict)
    return Manifest.from_dict(document)


def read_manifest_or_none(data: bytes, kind: str = SERVICE) -> Manifest | None:
    """Return the manifest in ``data``, None if it is invalid."""
    try:
        return read_manifest(data, "manifest", kind)
    except HandoffError:
        return None
