"""Recognise a producer whose manifest names a service contract."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from handoff_tasks.setup import built_in
from handoff_tasks.setup.draft import ServiceContract

if TYPE_CHECKING:
    from collections.abc import Mapping

    from handoff_tasks.setup.listing import Listing

_MANIFEST = re.compile(r"(?:.*/)?[^/]*manifest[^/]*\.json\Z", re.DOTALL)
_CHANGELOGS = ("CHANGELOG.md", "CHANGES.md", "HISTORY.md", "docs/CHANGELOG.md")
_OTHER_CHANGELOG = re.compile(
    r"(?:changelog|changes|history|news)(?:\.(?:rst|txt|adoc))?\Z", re.IGNORECASE
)
_STATED_VERSION = re.compile(r"(?m)^( *)version: (service\.v)\d+$")
_OTHER_POLICY = {
    "requires": ["service_contract_version", "error.code", "error.message"],
    "forbids": [],
}


def find_manifest(listing: Listing) -> str | None:
    """Return the path of a producer contract manifest, None if there is none."""
    paths = [
        path
        for path in listing.modes
        if _MANIFEST.match(path) and "expected_service_contract_version" in listing.json(path)
    ]
    return min(paths, key=lambda path: (path.count("/"), path), default=None)


def find_contract(listing: Listing, manifest: str) -> ServiceContract:
    """Return what the profile says of a service: its files, versions and envelopes."""
    stated = _stated_version(listing)
    return ServiceContract(
        manifest=manifest,
        changelog=next((name for name in _CHANGELOGS if listing.has(name)), _CHANGELOGS[0]),
        service_version=stated,
        policies=_policies(listing, manifest, stated),
    )


def packet_path(listing: Listing) -> str:
    """Return the place of the packet, below the folder of documents."""
    docs = "docs/implementation" if listing.has_folder("docs/implementation/") else "docs"
    return f"{docs}/PRODUCER_RELEASE_HANDOFF_LATEST.json"


def gaps(listing: Listing, contract: ServiceContract) -> list[str]:
    """Return what a service has to add before a release can be verified."""
    lines = []
    if not listing.has(contract.changelog):
        others = (path for path in sorted(listing.modes) if _OTHER_CHANGELOG.match(path))
        other = next(others, None)
        note = f" ({other} exists, but a statement is read from Markdown)" if other else ""
        lines.append(
            f"{contract.changelog}: add a section '## vX.Y.Z' with the impact statement{note}"
        )
    if listing.prefix:
        lines.append(
            "handoff.toml, git.tag_prefix: this is a part of a larger repository "
            f"({listing.prefix.rstrip('/')}), whose tags count only with a prefix"
        )
    return lines


def _stated_version(listing: Listing) -> tuple[str, str] | None:
    """Return where an OpenAPI document states the service contract version: path and pattern."""
    for path in sorted(listing.modes):
        if re.search(r"openapi[^/]*\.ya?ml\Z", path):
            line = _STATED_VERSION.search(listing.text(path))
            if line:
                return path, rf"^{line[1]}version: (service\.v[0-9]+)$"
    return None


def _policies(
    listing: Listing, manifest: str, stated: tuple[str, str] | None
) -> dict[str, Mapping[str, Any]]:
    """Return the envelope policies: MemoryKernel's, v1's, the manifest's and the tree's."""
    policies: dict[str, Mapping[str, Any]] = {}
    policies.update(built_in.read_profile("memorykernel")["envelope_policies"])
    versions = ["service.v1", str(listing.json(manifest).get("expected_service_contract_version"))]
    if stated:
        path, pattern = stated
        match = re.search(pattern, listing.text(path), re.MULTILINE)
        versions += [match[1]] if match else []
    for version in versions:
        if re.fullmatch(r"service\.v[1-9][0-9]{0,3}", version):
            policies.setdefault(version, _OTHER_POLICY)
    return policies
