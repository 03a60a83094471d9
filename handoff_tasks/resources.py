"""The files that ship with the package: schemas and built-in profiles.

Reads them, parses the schemas, and does nothing else. The schemas lie at the repository's top, readable without Python; in the
wheel they are the folder ``handoff_tasks/schemas``.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, cast

_HERE = Path(__file__).resolve().parent

DIFF = "handoff-diff.v1"
MANIFEST = "producer-contract-manifest.v1"
PACKET = "producer-handoff-packet.v1"
PROFILE = "producer-profile.v1"
RECORD = "producer-outcome-record.v1"
RESULT = "handoff-result.v1"


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """Return the parsed schema of a contract, such as `PACKET`. A missing one is a broken installation: `OSError`."""
    folder = _HERE / "schemas"
    if not folder.is_dir():
        folder = _HERE.parent / "schemas"
    return cast("dict[str, Any]", json.loads((folder / f"{name}.schema.json").read_bytes()))


def profiles() -> dict[str, Path]:
    """Return the built-in profiles, name to path."""
    return {path.stem: path for path in sorted((_HERE / "profiles").glob("*.toml"))}
