# shellcheck shell=bash
# Finds or installs PostgreSQL. Needs shell.sh, state.sh and packages.sh.

postgres_version_min=15

# find_postgres: sets DEVICEREGISTRY_PGBIN to a folder with initdb, postgres, pg_ctl, psql and pg_dump of one version.
find_postgres() {
    local fetched=$DEVICEREGISTRY_STATE/postgresql
    if [[ -n ${DEVICEREGISTRY_PGBIN:-} ]]; then
        is_postgres "$DEVICEREGISTRY_PGBIN" ||
            fail "DEVICEREGISTRY_PGBIN=$DEVICEREGISTRY_PGBIN holds no working PostgreSQL $postgres_version_min or newer"
    else
        DEVICEREGISTRY_PGBIN=$(installed_postgres) || DEVICEREGISTRY_PGBIN=$fetched/bin
        is_postgres "$DEVICEREGISTRY_PGBIN" || get_postgres "$fetched"
    fi
    export DEVICEREGISTRY_PGBIN
}

# is_postgres FOLDER: whether every tool exists and the server prints a supported version.
is_postgres() {
    local tool version
    for tool in initdb postgres pg_ctl psql pg_dump; do
        [[ -x $1/$tool ]] || return 1
    done
    version=$(postgres_version "$1") && (( version >= postgres_version_min ))
}

# postgres_version FOLDER: prints the major version, 15 for "postgres (PostgreSQL) 15.18 (Debian ...)".
postgres_version() {
    local version
    version=$("$1/postgres" --version 2>/dev/null) && [[ $version =~ \)\ ([0-9]+) ]] || return 1
    printf '%s\n' "${BASH_REMATCH[1]}"
}

# installed_postgres: prints the newest of Debian's folders, else the folder the PATH leads to.
installed_postgres() {
    local folder
    while read -r folder; do
        if is_postgres "$folder"; then printf '%s\n' "$folder"; return; fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    folder=$(command -v postgres) || return 1
    folder=$(dirname "$(readlink -f "$folder")")
    is_postgres "$folder" && printf '%s\n' "$folder"
}

get_postgres() {
    local version
    say "PostgreSQL is not installed; installing it (once)"
    make_state_folder
    refresh_lists ||
        fail "apt-get is missing. Install PostgreSQL $postgres_version_min or newer" \
            "and set DEVICEREGISTRY_PGBIN to its bin folder"
    version=$(newest_version postgresql)
    (( ${version:-0} >= postgres_version_min )) ||
        fail "the package sources of this machine offer no PostgreSQL $postgres_version_min or newer"

    if is_root; then
        install_postgres "$version" || fail "PostgreSQL $version could not be installed"
        DEVICEREGISTRY_PGBIN=/usr/lib/postgresql/$version/bin
    else
        unpack_postgres "$version" "$1" || fail "PostgreSQL $version could not be downloaded"
        DEVICEREGISTRY_PGBIN=$1/bin
    fi
    is_postgres "$DEVICEREGISTRY_PGBIN" || fail "PostgreSQL $version is in $DEVICEREGISTRY_PGBIN but does not start"
}

# Debian's package would create and start its own database. Only the programs are needed, so this is disabled for
# this installation; existing databases do not change.
install_postgres() (
    switch=/etc/postgresql-common/createcluster.d/device-registry.conf
    trap 'rm -f "$switch"; rmdir -p --ignore-fail-on-non-empty "${switch%/*}"' EXIT
    mkdir -p "${switch%/*}" &&
        echo 'create_main_cluster = false' >"$switch" &&
        install_packages "postgresql-$1" "postgresql-client-$1"
)

# The unpacked tree keeps its layout, so PostgreSQL finds its own files relative to its programs. One wrapper under
# the name of each program sets the path of the unpacked libraries.
unpack_postgres() {
    local version=$1 folder=$2 tool
    rm -rf "$folder"                                    # remains of an interrupted or outdated download
    unpack_packages "$folder" "postgresql-$version" "postgresql-client-$version" || return 1
    mkdir "$folder/bin"
    cat >"$folder/bin/.wrapper" <<EOF
#!/bin/sh
tree=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
for libraries in "\$tree"/lib/*-linux-gnu* "\$tree"/usr/lib/*-linux-gnu*; do
    LD_LIBRARY_PATH=\$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
done
export LD_LIBRARY_PATH
exec "\$tree/usr/lib/postgresql/$version/bin/\${0##*/}" "\$@"
EOF
    chmod +x "$folder/bin/.wrapper"
    for tool in "$folder/usr/lib/postgresql/$version"/bin/*; do
        ln -s .wrapper "$folder/bin/${tool##*/}"
    done
}
