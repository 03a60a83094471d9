#!/usr/bin/env bash
# Checks that changes are versioned, recorded and announced.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$here/../common.sh"

[[ $# -eq 1 ]] || usage_error "one argument expected" "check_change_control.sh FOLDER"
root=$(folder "$1")

need_match '^## v[0-9]+\.[0-9]+\.[0-9]+$' "$root/CHANGELOG.md"
need_match '^1\. Removing, renaming or retyping a field needs a new contract version\.$' "$root/docs/spec/versioning.md"
need_match 'ten business days before its release\.$' "$root/docs/spec/versioning.md"
