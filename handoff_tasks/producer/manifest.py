"""Parse the manifest that a producer releases."""

from __future__ import annotations

from handoff_tasks.formats import schemas, strict_json
from handoff_tasks.model import Manifest
from handoff_tasks.problems import HandoffError


def read_manifest(data: bytes, where: str) -> Manifest:
    """Return the manifest in ``data``.

    Raises `HandoffError` (HP021) with every mistake and its place.
    """
    document = strict_json.read(data, where, code="HP021")
    hint = (
        "correct the manifest (schemas/producer-contract-manifest.v1.schema.json describes it) "
        "and commit it"
    )
    found = schemas.violations(
        document, schemas.schema(schemas.MANIFEST), where=where, code="HP021", hint=hint
    )
    if found:
        raise HandoffError(found)
    assert isinstance(document, dict)
    return Manifest.from_dict(document)


def read_manifest_or_none(data: bytes) -> Manifest | None:
    """Return the manifest in ``data``, None if it is invalid."""
    try:
        return read_manifest(data, "manifest")
    except HandoffError:
        return None
