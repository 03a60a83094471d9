"""Check that pin, mirrored manifest, compatibility table and client name one release."""

import hashlib
import json
import re
import sys
from pathlib import Path

FIELDS = {
    "release_tag": "release_tag",
    "commit_sha": "commit_sha",
    "service_contract_version": "expected_service_contract_version",
    "api_contract_version": "expected_api_contract_version",
    "integration_baseline": "integration_baseline",
}


def main() -> int:
    """Return 0 if they agree."""
    pin = json.loads(Path("config/producer-pin.json").read_text(encoding="utf-8"))
    mirror = Path("config/producer-manifest.json").read_bytes()
    manifest = json.loads(mirror)
    table = Path("docs/COMPATIBILITY.md").read_text(encoding="utf-8")
    release = Path("src/release.py").read_text(encoding="utf-8")
    found = [
        f"{key} is {pin[key]} in the pin and {manifest[name]} in the mirror"
        for key, name in FIELDS.items()
        if pin[key] != manifest[name]
    ]
    if hashlib.sha256(mirror).hexdigest() != pin["manifest_sha256"]:
        found.append("the mirror has another sha256 than the pin says")
    for value in (pin[key] for key in FIELDS):
        if f"`{value}`" not in table:
            found.append(f"docs/COMPATIBILITY.md does not name {value}")
    row = re.compile(rf"\| {re.escape(pin['release_tag'])} \| {pin['commit_sha']} \|.*\| Approved \|")
    if len(row.findall(table)) != 1 or table.count("| Approved |") != 1:
        found.append("docs/COMPATIBILITY.md must have one approved row, the pinned release's")
    if f'"{pin["release_tag"]}"' not in release:
        found.append(f"src/release.py does not name {pin['release_tag']}")
    for line in found:
        print(f"error: {line}", file=sys.stderr)
    if not found:
        print("Pin validation passed.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
