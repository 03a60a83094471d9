#!/usr/bin/env bash
# Checks that the handling of records is written down.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$here/../common.sh"

[[ $# -eq 1 ]] || usage_error "one argument expected" "check_data_handling.sh FOLDER"
root=$(folder "$1")

need_match 'append-only' "$root/docs/spec/requirements.md"
need_match 'supersedes' "$root/docs/spec/requirements.md"
need_match 'no personal data' "$root/docs/spec/requirements.md"
