# shellcheck shell=bash
# Commands on the registry's own cluster. Needs shell.sh, postgres.sh and the variables of place_database.

# as_owner COMMAND...: runs as the database's own user, who may have no access to the current folder.
as_owner() {
    local owner=()
    if [[ -n ${DEVICEREGISTRY_PGUSER:-} ]]; then owner=(runuser -u "$DEVICEREGISTRY_PGUSER" --); fi
    ( cd / && exec "${owner[@]}" "$@" )
}

# postgres_tool PROGRAM ARGUMENTS...: runs one of PostgreSQL's programs over the socket.
postgres_tool() {
    local program=$1; shift
    as_owner "$DEVICEREGISTRY_PGBIN/$program" -h "$DEVICEREGISTRY_PGSOCKET" "$@"
}

# sql ROLE DATABASE STATEMENT: prints bare values, one row per line.
sql() { postgres_tool psql -XqAt -v ON_ERROR_STOP=1 -U "$1" -d "$2" -c "$3"; }

is_running() { as_owner "$DEVICEREGISTRY_PGBIN/pg_ctl" status -s -D "$DEVICEREGISTRY_PGDATA" >/dev/null 2>&1; }
