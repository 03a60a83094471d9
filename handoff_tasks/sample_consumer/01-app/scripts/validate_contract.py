"""Check that the client understands the service contract that is pinned."""

import json
import re
import sys
from pathlib import Path


def main() -> int:
    """Return 0 if it does."""
    pin = json.loads(Path("config/producer-pin.json").read_text(encoding="utf-8"))
    client = Path("src/client.py").read_text(encoding="utf-8")
    [contracts] = re.findall(r"^SERVICE_CONTRACTS = \((.*)\)$", client, re.MULTILINE)
    if f'"{pin["service_contract_version"]}"' not in contracts:
        version = pin["service_contract_version"]
        print(f"error: the client understands {contracts}; pinned is {version}", file=sys.stderr)
        return 1
    print("Contract validation passed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
