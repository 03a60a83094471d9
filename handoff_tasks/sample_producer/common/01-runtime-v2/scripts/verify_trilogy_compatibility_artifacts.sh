#!/usr/bin/env bash
# Checks what the components say that they are compatible with.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$here/common.sh"

usage="verify_trilogy_compatibility_artifacts.sh [--memorykernel-root FOLDER]"
root="$here/.."
while [[ $# -gt 0 ]]; do
  case "$1" in
    --memorykernel-root)
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
import json
import sys
from pathlib import Path

EXPECTED = {
    "outcome-memory": {
        "artifact_version": "trilogy_compatibility.v1",
        "project": {"name": "OutcomeMemory", "version": "0.1.0"},
        "supported_contract_baseline": "integration/v1",
        "decisions": ["included", "excluded"],
    },
    "multi-agent-center": {
        "artifact_version": "trilogy_compatibility.v1",
        "project": {"name": "MultiAgentCenter", "version": "0.1.0"},
        "supported_contract_baseline": "integration/v1",
        "context_queries": {"supported": ["recall"], "default": "recall"},
    },
}

findings = []
for component, expected in EXPECTED.items():
    print("[check] " + component)
    path = Path(sys.argv[1], "components", component, "trilogy-compatibility.v1.json")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        findings.append(str(path) + ": " + str(error))
        continue
    if not isinstance(found, dict):
        findings.append(str(path) + ": not an object")
        continue
    for key, value in expected.items():
        if found.get(key) != value:
            findings.append(str(path) + ": " + key + " is " + json.dumps(found.get(key)) + ", not " + json.dumps(value))
for finding in findings:
    print("[fail] " + finding, file=sys.stderr)
sys.exit(1 if findings else 0)
PY

echo "Trilogy compatibility artifacts validated successfully."
