#!/usr/bin/env bash
# Runs the baseline checks (unless told to skip them), then every script in compliance/.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$here/common.sh"

usage="run_trilogy_compliance_suite.sh [--memorykernel-root FOLDER] [--skip-baseline]"
root="$here/.."
baseline=yes
while [[ $# -gt 0 ]]; do
  case "$1" in
    --memorykernel-root)
      [[ $# -ge 2 ]] || usage_error "no value after $1" "$usage"
      root="$2"
      shift 2
      ;;
    --skip-baseline)
      baseline=no
      shift
      ;;
    *) usage_error "unknown argument: $1" "$usage" ;;
  esac
done
root=$(folder "$root")

if [[ "$baseline" == yes ]]; then
  # Starts with parity and artifacts itself.
  "$here/run_trilogy_smoke.sh" --memorykernel-root "$root"
fi
for script in change_control data_handling recovery; do
  echo "[suite] $script"
  "$here/compliance/check_$script.sh" "$root"
done

echo "Trilogy compliance suite passed."
