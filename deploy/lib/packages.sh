# shellcheck shell=bash
# Debian packages through the machine's own apt. Root installs them; an ordinary user reads the same sources into
# private list folders and unpacks the packages below the state folder, touching nothing of the system.
# Needs shell.sh and state.sh.

apt_options=()

# refresh_lists: asks the configured sources what they have. Must come before everything below.
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
    # One broken source must not stop us: what we need usually comes from another one, and its absence is noticed later.
    quietly "reading the package lists" apt-get "${apt_options[@]}" update || say "carrying on with what could be read"
}

# newest_version NAME: the highest NN among the packages NAME-NN that can be had; prints nothing when there is none.
newest_version() {
    apt-cache "${apt_options[@]}" search --names-only "^$1-[0-9]+\$" | sed "s/^$1-//; s/ .*//" | sort -n | tail -n 1
}

install_packages() {
    quietly "installing $*" apt-get "${apt_options[@]}" install -y --no-install-recommends "$@"
}

# unpack_packages FOLDER PACKAGE...: the packages and every library they need that this machine lacks, as a tree below
# FOLDER. The folder appears whole or not at all.
unpack_packages() {
    local folder=$1 work lacking; shift
    # apt itself says what an installation would add. Only libraries matter to a program run from a private tree, and
    # the C library must stay the system's: a second one does not fit the system's loader.
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
