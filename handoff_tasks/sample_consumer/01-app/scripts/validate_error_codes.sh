#!/usr/bin/env bash
# Checks that the client maps each error code of the mirrored manifest.
set -euo pipefail

missing=0
while IFS= read -r code; do
  if ! grep -q "\"${code}\":" src/client.py; then
    echo "error: src/client.py does not map ${code}" >&2
    missing=1
  fi
done < <(sed -n '/"error_code_enum"/,/\]/s/^ *"\([a-z_]*\)",\{0,1\}$/\1/p' config/producer-manifest.json)

if [ "${missing}" -ne 0 ]; then
  exit 1
fi
echo "Error code validation passed."
