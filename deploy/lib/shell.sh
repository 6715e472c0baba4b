# shellcheck shell=bash
# Shared by every script: the path of the checkout, messages, and building a project.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

# The version comes from the tags of git; where git is missing or refuses the checkout, the build does without.
git -C "$checkout" rev-parse HEAD >/dev/null 2>&1 ||
    export MinVerVersionOverride=${MinVerVersionOverride:-1.0.0-unversioned}

say()  { printf '%s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

is_root() { [[ $EUID -eq 0 ]]; }

# quietly WHAT COMMAND...: prints one line, and the output of the command only if it fails.
quietly() {
    local what=$1 log status=0; shift
    say "$what ..."
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [[ $status -ne 0 ]]; then
        cat "$log" >&2
        say "error: $what failed (status $status); see its output above"
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

# build PROJECT: Release build that leaves no compiler server running.
build() {
    quietly "building ${1##*/}" dotnet build "$checkout/$1" -c Release --disable-build-servers
}

# The runtime identifier of this machine in .NET, such as linux-x64.
runtime_identifier() { dotnet --info | sed -n 's/^ *RID: *//p'; }

# publish_dreg FOLDER: dreg as native code (FOLDER/dreg), which starts without the runtime. If the machine has no C linker,
# the package sources lack the compiler, or its self-test fails: dreg compiled ahead of time for the runtime (FOLDER/dreg.dll,
# ReadyToRun), or only built. On failure there is no FOLDER.
publish_dreg() {
    mkdir -p "${1%/*}"
    # One at a time: two first commands would publish into the same folder.
    ( flock 9; publish_dreg_alone "$1" 9>&- ) 9>"$1.lock"
}

publish_dreg_alone() {
    local folder=$1 work=$1.new project=$checkout/src/DeviceRegistry.Cli options
    options=(-c Release -r "$(runtime_identifier)" -o "$work" --disable-build-servers)
    rm -rf "$work"
    if command -v gcc >/dev/null && quietly "compiling dreg to native code" \
        dotnet publish "$project" "${options[@]}" -p:DregNative=true && "$work/dreg" selftest >/dev/null; then
        find "$work" -type f ! -name dreg -delete       # the other files are symbols and documentation
    elif rm -rf "$work" && quietly "compiling dreg ahead of time" dotnet publish "$project" "${options[@]}" \
        --self-contained false -p:PublishReadyToRun=true -p:UseAppHost=false; then
        :
    else
        say "the package sources lack the ahead-of-time compiler; using dreg as built"
        rm -rf "$work" "$folder"
        build src/DeviceRegistry.Cli
        return
    fi
    touch "$work"/dreg*                                 # newer than the earlier build, even if nothing was compiled
    rm -rf "$folder"
    mv -T "$work" "$folder"
}
