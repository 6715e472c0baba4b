#!/usr/bin/env bash
# A backup of the registry's own database while it runs: one file that deploy/restore.sh takes. See --help.
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
[[ ! -e $target ]] || fail "$target exists already; a backup is never written over. Name another file"

find_postgres
place_database
is_running || fail "the database of $DEVICEREGISTRY_STATE does not run. Start the registry first: deploy/run.sh"

# Written beside and renamed: a backup is whole or not there.
partial=$target.partial
trap 'rm -f "$partial"' EXIT
position=$(sql registry_admin registry "SELECT coalesce(max(position), 0) FROM journal")
say "copying the cluster ..."
( umask 0077; postgres_tool pg_basebackup -U registry_admin -D - -F tar -X fetch -c fast --manifest-checksums=SHA256 >"$partial" )
mv "$partial" "$target"
say "$target: $(du -h "$target" | cut -f1), everything up to journal position $position at least"
