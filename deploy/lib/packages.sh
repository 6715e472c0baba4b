# shellcheck shell=bash
# Installs Debian packages with apt. For root they are installed; for an ordinary user the same sources are read into
# private list folders and the packages unpacked below the state folder, without any change to the system.
# Needs shell.sh and state.sh.

apt_options=()

# refresh_lists: updates the package lists. Required before the functions below.
refresh_lists() {
    command -v apt-get >/dev/null || return 1
    if is_root; then
        export DEBIAN_FRONTEND=noninteractive
        apt_options=(-o DPkg::Lock::Timeout=300)
    else
        local private=$DEVICEREGISTRY_STATE/apt
        mkdir -p "$private"/lists/partial "$private"/cache/archives/partial
        apt_options=(-o "Dir::State::lists=$private/lists" -o "Dir::Cache=$private/cache")
    fi
    # One broken source is not fatal: the packages usually come from another source, and a missing one is reported later.
    quietly "reading the package lists" apt-get "${apt_options[@]}" update || say "continuing with the package lists that could be read"
}

# newest_version NAME: prints the highest NN of the available packages NAME-NN; nothing if there is none.
newest_version() {
    apt-cache "${apt_options[@]}" search --names-only "^$1-[0-9]+\$" | sed "s/^$1-//; s/ .*//" | sort -n | tail -n 1
}

install_packages() {
    quietly "installing $*" apt-get "${apt_options[@]}" install -y --no-install-recommends "$@"
}

# unpack_packages FOLDER PACKAGE...: unpacks the packages and every library they need that this machine lacks below
# FOLDER. On failure there is no folder.
unpack_packages() {
    local folder=$1 work lacking; shift
    # apt lists the packages that an installation would add. A program in a private tree needs only the libraries, and
    # must use the system's C library: another one does not match the system's loader.
    lacking=$(apt-get "${apt_options[@]}" --simulate install --no-install-recommends "$@" |
        awk '$1 == "Inst" && $2 ~ /^lib/ && $2 !~ /^libc6/ { print $2 }')
    work=$(mktemp -d "$folder.XXXXXX")
    # shellcheck disable=SC2086 # one word per package
    quietly "fetching $*" download_packages "$work" "$@" $lacking || { rm -rf "$work"; return 1; }
    find "$work" -maxdepth 1 -name '*.deb' -exec dpkg -x {} "$work" \; -delete
    mv -T "$work" "$folder"
    rm -rf "$DEVICEREGISTRY_STATE/apt"
}

download_packages() { ( cd "$1" && shift && apt-get "${apt_options[@]}" download "$@" ); }
