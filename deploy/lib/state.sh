# shellcheck shell=bash
# The state folder of this checkout and the user of its database. Needs shell.sh and postgres.sh.

export DEVICEREGISTRY_STATE=${DEVICEREGISTRY_STATE:-$checkout/.data}
[[ $DEVICEREGISTRY_STATE == /* ]] || DEVICEREGISTRY_STATE=$PWD/$DEVICEREGISTRY_STATE

# Other users can traverse root's folder but not list it: the database user has its own folder inside.
make_state_folder() {
    local mask=0077
    if is_root; then mask=0066; fi
    [[ -d $DEVICEREGISTRY_STATE ]] || ( umask "$mask"; mkdir -p "$DEVICEREGISTRY_STATE" 2>/dev/null ) || true
    [[ -w $DEVICEREGISTRY_STATE ]] ||
        fail "cannot write to $DEVICEREGISTRY_STATE. If it is another user's, run as that user," \
            "or set DEVICEREGISTRY_STATE to a folder of your own"
}

# place_database: sets DEVICEREGISTRY_PGUSER, DEVICEREGISTRY_PGDATA and DEVICEREGISTRY_PGSOCKET. Call it after
# find_postgres, because the installation of PostgreSQL creates the user 'postgres'.
place_database() {
    local home=$DEVICEREGISTRY_STATE owner=$EUID as_owner=() hash made found
    make_state_folder
    hash=$(printf %s "$DEVICEREGISTRY_STATE" | sha256sum | cut -c1-8)
    export DEVICEREGISTRY_PGUSER=""

    # 1. PostgreSQL refuses to run as root, so root runs it as Debian's own user.
    if is_root; then
        DEVICEREGISTRY_PGUSER=postgres
        owner=$(id -u postgres 2>/dev/null) ||
            fail "PostgreSQL does not run as root and there is no user 'postgres' to run it as." \
                "Create it (adduser --system --group postgres), or run this as an ordinary user"
        as_owner=(runuser -u postgres --)
        if [[ ! -d $home/postgres ]] && ! "${as_owner[@]}" test -x "$home"; then
            home=/var/lib/device-registry/$hash
            ( umask 022; mkdir -p "$home" )
            say "the user postgres cannot reach $DEVICEREGISTRY_STATE: the database is kept in $home"
        fi
    fi

    # 2. The data folder, private to its owner as PostgreSQL requires.
    export DEVICEREGISTRY_PGDATA=$home/postgres
    if [[ ! -d $DEVICEREGISTRY_PGDATA && -d $DEVICEREGISTRY_PGDATA.restoring && -z ${restoring:-} ]]; then
        fail "a restore was interrupted: $DEVICEREGISTRY_PGDATA is missing. Run deploy/restore.sh again, or move its" \
            "folder .before-restore-* back"
    fi
    if [[ ! -d $DEVICEREGISTRY_PGDATA ]]; then
        mkdir -m 0700 "$DEVICEREGISTRY_PGDATA"
        chown "$owner" "$DEVICEREGISTRY_PGDATA"
    fi
    [[ $(stat -c %u "$DEVICEREGISTRY_PGDATA") == "$owner" ]] ||
        fail "the database in $DEVICEREGISTRY_PGDATA belongs to $(stat -c %U "$DEVICEREGISTRY_PGDATA");" \
            "run as that user, or set DEVICEREGISTRY_STATE to a folder of your own"

    # 3. A newer PostgreSQL may have been installed since; it does not open the files of an older one.
    if [[ -f $DEVICEREGISTRY_PGDATA/PG_VERSION ]]; then
        made=$(<"$DEVICEREGISTRY_PGDATA/PG_VERSION")
        found=$(postgres_version "$DEVICEREGISTRY_PGBIN")
        [[ $made == "$found" ]] ||
            fail "the database in $DEVICEREGISTRY_PGDATA is of PostgreSQL $made and $DEVICEREGISTRY_PGBIN is $found;" \
                "set DEVICEREGISTRY_PGBIN to a version $made, or DEVICEREGISTRY_STATE to a new folder"
    fi

    # 4. The socket. Below /tmp because its path may have 107 bytes at most and a checkout's path can be long. Another user may
    #    have created a folder of this name, so its owner is verified.
    export DEVICEREGISTRY_PGSOCKET=/tmp/device-registry-$owner-$hash
    "${as_owner[@]}" mkdir -m 0700 "$DEVICEREGISTRY_PGSOCKET" 2>/dev/null || true
    [[ $(stat -c '%F %u %a' "$DEVICEREGISTRY_PGSOCKET") == "directory $owner 700" ]] ||
        fail "$DEVICEREGISTRY_PGSOCKET is not a private folder of the database's user; inspect it and remove it"
}
