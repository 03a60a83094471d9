#!/usr/bin/env bash
# Runs the service, the command line and a component together, and compares what they say.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$here/common.sh"

usage="run_trilogy_smoke.sh [--memorykernel-root FOLDER]"
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

echo "[step] contract parity"
"$here/verify_contract_parity.sh" --canonical-root "$root"
echo "[step] compatibility artifacts"
"$here/verify_trilogy_compatibility_artifacts.sh" --memorykernel-root "$root"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sample-smoke.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# run_in WORKSPACE PROGRAM ARGUMENT...: nothing of the caller's Python is seen, and nothing is left in the tree.
run_in() {
  local workspace="$1" program="$2"
  shift 2
  python3 -B -E -s "$workspace/src/$program.py" "$@"
}

echo "[step] the same question gets the same answer"
run_in "$root" sample_cli recall "usb approval" >"$scratch/first"
second=$(run_in "$root" sample_cli recall "usb approval")
expected='{"id":1,"summary":"USB drives need an approval"}
{"id":3,"summary":"A USB approval lasts one day"}'
[[ "$(cat "$scratch/first")" == "$expected" ]] || fail "recall gave another answer than expected"
[[ "$second" == "$expected" ]] || fail "recall gave another answer when it was asked again"

echo "[step] errors follow the service contract"
if run_in "$root" sample_service GET /v1/context/none >"$scratch/error"; then
  fail "a missing context package was found"
fi
expected='{"service_contract_version":"service.v3","error":{"code":"context_package_not_found","message":"no such context package"}}'
[[ "$(cat "$scratch/error")" == "$expected" ]] || fail "the error envelope is not that of service.v3: $(cat "$scratch/error")"

echo "[step] a component plans with recalled records"
expected='1: consider {"id":1,"summary":"USB drives need an approval"}
2: consider {"id":3,"summary":"A USB approval lasts one day"}'
planned=$(run_in "$root/components/multi-agent-center" center_cli plan "$scratch/first")
[[ "$planned" == "$expected" ]] || fail "the component planned something else: $planned"

echo "Trilogy smoke checks passed."
