# shellcheck shell=bash
# Sourced by every script here: where things lie, which versions are used, how the scripts speak.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD

cargo_leptos_version=0.3.10
binaryen_version=132.0.0
lighthouse_version=12.8.2
# The command-line half of wasm-bindgen reads a private format of the library half: the versions must be equal.
wasm_bindgen_version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/version = |"/, ""); print }' Cargo.lock)
minimum_cargo=1.94
minimum_node=18
# Playwright asks for more than the build does.
minimum_node_for_tests=20

# With KEYWARD_CACHE, tools and compiled files outlive the checkout; without, they lie inside it.
if [ -n "${KEYWARD_CACHE:-}" ]; then
  mkdir -p "$KEYWARD_CACHE"
  cache=$(cd "$KEYWARD_CACHE" && pwd)
  tools=$cache/tools
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
else
  tools=$root/.tools
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
fi
# The Python packages that hold the REST interface against its description.
schemathesis=$tools/schemathesis
# The providers' own SDKs, in Python and Node.js.
sdks=$tools/sdks
# rustup's own folder comes last: a shell opened before rustup was installed does not know it yet.
export PATH="$tools/bin:$tools/npm/node_modules/.bin:$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin"

# Debug and release pages are kept apart: a server hydrates only with the WebAssembly of its own build.
debug_server=$CARGO_TARGET_DIR/debug/keyward
debug_site=$CARGO_TARGET_DIR/site-debug
release_server=$CARGO_TARGET_DIR/release/keyward
release_site=$CARGO_TARGET_DIR/site

# Views without their deep types: what takes many minutes to compile with them takes one without. cargo-leptos sets
# the same for its debug builds, so both share what they compile.
export RUSTFLAGS="--cfg erase_components"
# What is shipped names no folder of the machine it was built on.
release_rustflags="$RUSTFLAGS --remap-path-prefix=${CARGO_HOME:-${HOME:-}/.cargo}=cargo --remap-path-prefix=$root=."

say() { printf '==> %s\n' "$*"; }

# die LINE...: says why nothing further is attempted.
die() {
  printf '\n' >&2
  printf '%s\n' "$@" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least MINIMUM VERSION
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# as_root COMMAND: prints how a person would run it.
as_root() { if [ "$(id -u)" = 0 ]; then printf '%s' "$*"; else printf 'sudo %s' "$*"; fi; }

# Ubuntu's package chromium is a snap, which only a running snapd can install.
is_ubuntu() { grep -qx 'ID=ubuntu' /etc/os-release 2>/dev/null; }

# load_env FILE: exports NAME=VALUE lines that the environment does not set already. The file is data, never run.
load_env() {
  [ -f "$1" ] || return 0
  local line name value
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    [[ $line =~ ^([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]] || die "$1 has a line that is not NAME=VALUE, nor a comment."
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
    [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]] && value=${BASH_REMATCH[1]}
    [ -n "${!name+set}" ] || export "$name=$value"
  done <"$1"
}
