# shellcheck shell=bash
# Installs the third-party programs that tests use. Needs shell.sh, state.sh and packages.sh.

# find_clients PROGRAM=PACKAGE...: puts every program on the PATH. Root installs the missing packages; an
# ordinary user gets them unpacked into the state folder, behind a wrapper that sets their library path.
find_clients() {
    local pair lacking=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || lacking+=("$pair")
    done
    (( ${#lacking[@]} > 0 )) || return 0
    say "installing missing programs (once): ${lacking[*]%%=*}"
    make_state_folder
    refresh_lists || fail "apt-get is missing. Install ${lacking[*]#*=} by hand"
    if is_root; then
        install_packages "${lacking[@]#*=}"
    else
        local folder=$DEVICEREGISTRY_STATE/clients
        [[ -d $folder ]] || unpack_packages "$folder" "${lacking[@]#*=}"
        wrap_clients "$folder" "${lacking[@]%%=*}"
        export PATH=$folder/wrapped:$PATH
    fi
    hash -r
    for pair in "$@"; do
        "${pair%%=*}" --version >/dev/null 2>&1 ||
            fail "${pair%%=*} does not start. As root: apt-get install ${pair#*=}"
    done
}

# wrap_clients TREE PROGRAM...: one wrapper under the name of each program.
wrap_clients() {
    local folder=$1 program; shift
    mkdir -p "$folder/wrapped"
    cat >"$folder/wrapped/.wrapper" <<'WRAPPER'
#!/bin/sh
tree=$(dirname "$(dirname "$(readlink -f "$0")")")
for libraries in "$tree"/lib/*-linux-gnu* "$tree"/usr/lib/*-linux-gnu*; do
    LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH
exec "$tree/usr/bin/${0##*/}" "$@"
WRAPPER
    chmod +x "$folder/wrapped/.wrapper"
    for program in "$@"; do ln -sf .wrapper "$folder/wrapped/$program"; done
}

# find_freediameter_headers: headers to compile an extension of freeDiameter.
find_freediameter_headers() {
    local folder=$DEVICEREGISTRY_STATE/freediameter-dev
    if [[ -f /usr/include/freeDiameter/extension.h && -f /usr/include/stdio.h ]]; then return; fi
    refresh_lists || fail "apt-get is missing. Install libfreediameter-dev and libc6-dev by hand"
    if is_root; then
        install_packages libfreediameter-dev libc6-dev
        return
    fi
    [[ -f /usr/include/stdio.h ]] || fail "the C library's headers are missing. As root: apt-get install gcc libc6-dev"
    make_state_folder
    [[ -d $folder ]] || unpack_packages "$folder" libfreediameter-dev
    export CPATH=$folder/usr/include${CPATH:+:$CPATH}
}
