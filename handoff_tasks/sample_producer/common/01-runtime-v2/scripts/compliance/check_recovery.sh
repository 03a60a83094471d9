#!/usr/bin/env bash
# Checks that there is a way back.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$here/../common.sh"

[[ $# -eq 1 ]] || usage_error "one argument expected" "check_recovery.sh FOLDER"
root=$(folder "$1")

need_match '^## Steps$' "$root/docs/operations/recovery-runbook.md"
need_match '^## Rollback$' "$root/docs/operations/recovery-runbook.md"
need_match 'run_trilogy_smoke\.sh' "$root/docs/operations/recovery-runbook.md"
