#!/usr/bin/env bash
# Backs up the registry's own database while it runs, into one file for deploy/restore.sh. See --help.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
source "$here/lib/shell.sh"
source "$here/lib/state.sh"
source "$here/lib/packages.sh"
source "$here/lib/postgres.sh"
source "$here/lib/cluster.sh"

usage() {
    cat <<EOF
usage: deploy/backup.sh FILE

  FILE        the backup, a tar of the whole cluster with its manifest; must not exist yet

The registry of DEVICEREGISTRY_STATE=$DEVICEREGISTRY_STATE must be running; it goes on while it is copied.
Certificates and keys are no part of it: keep them apart from the data they protect.
EOF
}

case ${1:-} in
    --help | -h) usage; exit ;;
    "" | -*) usage >&2; exit 2 ;;
esac
target=$1
[[ ! -e $target ]] || fail "$target exists; a backup is never overwritten. Name another file"

find_postgres
place_database
is_running || fail "the database of $DEVICEREGISTRY_STATE is not running. Start the registry first: deploy/run.sh"

# Written under a temporary name and renamed, so that an incomplete backup never has the target name.
partial=$target.partial
trap 'rm -f "$partial"' EXIT
position=$(sql registry_admin registry "SELECT coalesce(max(position), 0) FROM journal")
say "copying the cluster ..."
( umask 0077; postgres_tool pg_basebackup -U registry_admin -D - -F tar -X fetch -c fast --manifest-checksums=SHA256 >"$partial" )
mv "$partial" "$target"
say "$target: $(du -h "$target" | cut -f1), contains at least everything up to journal position $position"
