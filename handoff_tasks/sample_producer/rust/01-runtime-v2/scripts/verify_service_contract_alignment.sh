#!/usr/bin/env bash
# Checks that the runtime, the OpenAPI document and the documentation state one service contract.
# shellcheck disable=SC2016 # backticks and dollars belong to the patterns
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=scripts/common.sh
source "$here/common.sh"

usage="verify_service_contract_alignment.sh [--memorykernel-root FOLDER]"
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

runtime="$root/crates/sample-service/src/lib.rs"
codes="$root/crates/sample-core/src/lib.rs"
openapi="$root/openapi/openapi.yaml"
contract="$root/docs/spec/service-contract.md"

echo "[check] one version everywhere"
need_match '^pub const SERVICE_CONTRACT_VERSION: &str = "service\.v2";$' "$runtime"
need_match '^  version: service\.v2$' "$openapi"
need_match '^- Service contract version: `service\.v2`$' "$contract"
need_match '^- Service contract: `service\.v2`$' "$root/docs/spec/versioning.md"

echo "[check] error envelope"
need_match '^    ServiceErrorEnvelope:$' "$openapi"
need_match '^        - legacy_error$' "$openapi"
need_no_match '(?m)^    ServiceErrorEnvelope:\n(      .*\n)*? +(- )?api_contract_version' "$openapi"
need_match 'In `service\.v2`, `legacy_error` repeats' "$contract"

echo "[check] error codes"
for code in invalid_json validation_error context_package_not_found write_conflict write_failed \
  schema_unavailable migration_failed query_failed context_lookup_failed internal_error; do
  need_match "^ +- $code\$" "$openapi"
  need_match "^\\| \`$code\` \\|" "$contract"
  need_match "=> \"$code\",\$" "$codes"
done

echo "[check] schemas name themselves"
for schema in "$root/contracts/integration/v1/schemas"/*.json; do
  need_match '^  "\$id": "https://' "$schema"
done

echo "Service contract alignment checks passed."
