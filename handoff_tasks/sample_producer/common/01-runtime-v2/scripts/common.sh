# shellcheck shell=bash
# Functions for the scripts beside it, for bash 3.2 and later. Sourcing it does nothing else.

# Says what is wrong and ends the script.
fail() {
  printf '%s\n' "$1" >&2
  exit 1
}

# Says how the script is called and ends it.
usage_error() {
  printf '%s\nusage: %s\n' "$1" "$2" >&2
  exit 2
}

# Prints the physical path of a folder.
folder() {
  [[ -d "$1" ]] || fail "no such folder: $1"
  (CDPATH='' cd -- "$1" && pwd -P)
}

need_tool() {
  command -v "$1" >/dev/null || fail "not on PATH: $1"
}

need_file() {
  [[ -f "$1" ]] || fail "missing file: $1"
}

# need_match PATTERN FILE: some line of the file matches.
need_match() {
  need_tool rg
  need_file "$2"
  rg --no-config --quiet -e "$1" -- "$2" || fail "no line matches '$1' in $2"
}

# need_no_match PATTERN FILE: nothing in the file matches, not even across lines.
need_no_match() {
  local status=0
  need_tool rg
  need_file "$2"
  rg --no-config --quiet --multiline -e "$1" -- "$2" || status=$?
  [[ $status -ne 0 ]] || fail "something matches '$1' in $2"
  [[ $status -eq 1 ]] || fail "rg could not search $2"
}
