#!/usr/bin/env bash
# Checks that the components mirror the contract pack of the root byte for byte.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$here/common.sh"

usage="verify_contract_parity.sh [--canonical-root FOLDER]"
root="$here/.."
while [[ $# -gt 0 ]]; do
  case "$1" in
    --canonical-root)
      [[ $# -ge 2 ]] || usage_error "no value after $1" "$usage"
      root="$2"
      shift 2
      ;;
    *) usage_error "unknown argument: $1" "$usage" ;;
  esac
done
root=$(folder "$root")
need_tool python3

python3 -I -B - "$root" <<'PY'
import sys
from pathlib import Path

PACK = "contracts/integration/v1"
COMPONENTS = ("outcome-memory", "multi-agent-center")


def pack(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


root = Path(sys.argv[1])
canonical = pack(root / PACK)
findings = [] if canonical else ["the root has no contract pack"]
for component in COMPONENTS:
    print("[check] " + component)
    mirror = pack(root / "components" / component / PACK)
    for name in sorted(canonical.keys() | mirror.keys()):
        place = "components/" + component + "/" + PACK + "/" + name
        if name not in mirror:
            findings.append(place + " is missing")
        elif name not in canonical:
            findings.append(place + " is not in the root's pack")
        elif mirror[name] != canonical[name]:
            findings.append(place + " differs from the root's " + PACK + "/" + name)
for finding in findings:
    print("[fail] " + finding, file=sys.stderr)
sys.exit(1 if findings else 0)
PY

echo "Contract parity check passed."
