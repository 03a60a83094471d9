"""The six values that a consumer pins, and the form that a value has in a line of text."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("release_tag", "commit_sha", "service", "api", "baseline", "manifest_sha256")
"""The pinned values. Profiles, templates and receipts use these names."""

# Neither white space nor what closes a value in text: quotes, backticks, bars, brackets, commas.
CHARACTERS = "A-Za-z0-9._+~:/@-"
_FORMS = {
    "commit_sha": (re.compile(r"[0-9a-f]{40}"), "40 lower-case hexadecimal digits"),
    "manifest_sha256": (re.compile(r"[0-9a-f]{64}"), "64 lower-case hexadecimal digits"),
}
_PLAIN = (re.compile(rf"[{CHARACTERS}]{{1,200}}"), "letters, digits and ._+~:/@- only")
# The key of each pinned value in a manifest, and in a packet's active_runtime_baseline.
MANIFEST_KEYS = {
    "release_tag": "release_tag",
    "commit_sha": "commit_sha",
    "service": "expected_service_contract_version",
    "api": "expected_api_contract_version",
    "baseline": "integration_baseline",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PinValues:
    """What a consumer pins of one release; None for what its producer does not state."""

    release_tag: str
    commit_sha: str
    service: str | None = None
    api: str | None = None
    baseline: str | None = None
    manifest_sha256: str | None = None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> PinValues:
        """Return the values of a receipt's object."""
        return cls(**{field.name: document[field.name] for field in fields(cls)})

    @classmethod
    def from_manifest(cls, document: Mapping[str, Any], sha256: str) -> PinValues:
        """Return the values of a release by its manifest, whose bytes have that sha256.

        Only tag and commit are in every manifest. Raises `KeyError` without them.
        """
        always = {"release_tag": document["release_tag"], "commit_sha": document["commit_sha"]}
        stated: dict[str, Any] = {name: document.get(key) for name, key in MANIFEST_KEYS.items()}
        stated |= always
        return cls(**stated, manifest_sha256=sha256)

    def to_dict(self) -> dict[str, str | None]:
        """Return the object of a receipt."""
        return {name: getattr(self, name) for name in NAMES}

    def known(self) -> dict[str, str]:
        """Return the values that the producer states."""
        return {name: value for name, value in self.to_dict().items() if value is not None}

    @property
    def pair(self) -> str:
        """Return tag and commit as people write them."""
        return f"{self.release_tag}/{self.commit_sha}"


def form_fault(name: str, value: object) -> str | None:
    """Return what is wrong with the form of a value, None if nothing is."""
    pattern, expected = _FORMS.get(name, _PLAIN)
    if isinstance(value, str) and pattern.fullmatch(value):
        return None
    shown = repr(value) if isinstance(value, str) else type(value).__name__
    return f"found {shown[:80]}; expected {expected}"
