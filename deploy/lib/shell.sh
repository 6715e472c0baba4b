# shellcheck shell=bash
# What every script here shares: where the checkout is, how we speak, and how a project is built.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

say()  { printf '%s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

is_root() { [[ $EUID -eq 0 ]]; }

# quietly WHAT COMMAND...: one line while it works; everything it printed only when it fails.
quietly() {
    local what=$1 log status=0; shift
    say "$what ..."
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [[ $status -ne 0 ]]; then
        cat "$log" >&2
        say "error: $what failed (status $status); its output is above"
    fi
    rm -f "$log"
    return "$status"
}

require_dotnet() {
    command -v dotnet >/dev/null ||
        fail "the .NET 10 SDK is missing: 'dotnet' is not on the PATH (see https://dotnet.microsoft.com/download)"
    ( cd "$checkout" && dotnet --version >/dev/null 2>&1 ) ||
        fail "the .NET 10 SDK is missing: 'dotnet --list-sdks' shows none that global.json accepts"
}

# build PROJECT: Release, leaving no compiler server behind that would keep running under this user.
build() {
    quietly "building ${1##*/}" dotnet build "$checkout/$1" -c Release --disable-build-servers
}
