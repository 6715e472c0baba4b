#!/usr/bin/env bash
# Restores the registry's own database from a backup, as a new epoch. See --help.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
source "$here/lib/shell.sh"
source "$here/lib/state.sh"
source "$here/lib/packages.sh"
source "$here/lib/postgres.sh"
source "$here/lib/cluster.sh"

server=$checkout/src/DeviceRegistry.Server/bin/Release/net10.0/DeviceRegistry.Server.dll

usage() {
    cat <<EOF
usage: deploy/restore.sh FILE

  FILE        a backup made by deploy/backup.sh

The registry of DEVICEREGISTRY_STATE=$DEVICEREGISTRY_STATE must be stopped. Its present database is moved aside, not
deleted. The restored one begins a new epoch and takes no write before two people of the regulator have signed for it:
dreg journal recover. Attach nodes that know more than the backup keep answering, and follow again after that.
EOF
}

case ${1:-} in
    --help | -h) usage; exit ;;
    "" | -*) usage >&2; exit 2 ;;
esac
[[ -f $1 ]] || fail "there is no file $1"

require_dotnet
find_postgres
restoring=1 place_database
if is_running; then fail "the registry of $DEVICEREGISTRY_STATE is running. Stop it first (Ctrl-C in its terminal)"; fi
[[ -f $server ]] || build src/DeviceRegistry.Server
seconds_max=86400             # a backup taken under load replays its WAL first

# 1. Unpack beside the database and verify against the backup's manifest.
fresh=$DEVICEREGISTRY_PGDATA.restoring
rm -rf "$fresh"
mkdir -m 0700 "$fresh"
chown --reference="$DEVICEREGISTRY_PGDATA" "$fresh"
stop_fresh() { as_owner "$DEVICEREGISTRY_PGBIN/pg_ctl" stop -s -w -D "$fresh" -m fast -t "$seconds_max" >&2; }
give_up() { stop_fresh 2>/dev/null || true; rm -rf "$fresh"; say "no changes were made"; }
trap give_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
say "unpacking ..."
as_owner tar -x -C "$fresh" <"$1" || fail "$1 is not a readable backup"
[[ -f $fresh/PG_VERSION && $(<"$fresh/PG_VERSION") == "$(postgres_version "$DEVICEREGISTRY_PGBIN")" ]] ||
    fail "$1 is of another version of PostgreSQL than $DEVICEREGISTRY_PGBIN"
as_owner "$DEVICEREGISTRY_PGBIN/pg_verifybackup" -q "$fresh" >&2 || fail "$1 does not match its manifest"

# 2. Start it without clients, migrate its schema, and begin the new epoch, which needs its recovery statement. Its number was
#    never used before, even by an epoch that began after the backup: it is the minute of the restore since 1970.
say "recovering ..."
as_owner "$DEVICEREGISTRY_PGBIN/pg_ctl" start -s -w -t "$seconds_max" -D "$fresh" -l "$fresh/postgres.log" \
    -o "-c listen_addresses= -c unix_socket_directories=$DEVICEREGISTRY_PGSOCKET" >/dev/null
dotnet "$server" database migrate --database "Host=$DEVICEREGISTRY_PGSOCKET;Username=registry_owner;Database=registry" >/dev/null
now=$(date -u +%Y%m%dT%H%M%SZ)
sql registry_admin registry "INSERT INTO journal_epochs (epoch, reason, restored)
    SELECT greatest(max(epoch) + 1, (extract(epoch FROM now()) / 60)::int), 'restored on $now from a backup', true FROM journal_epochs"
position=$(sql registry_admin registry "SELECT coalesce(max(position), 0) FROM journal")
stop_fresh

# 3. Replace the current database, which stays unchanged under another name.
if is_running; then fail "a registry was started on $DEVICEREGISTRY_STATE meanwhile"; fi
trap - EXIT INT TERM HUP
aside=$DEVICEREGISTRY_PGDATA.before-restore-$now
mv "$DEVICEREGISTRY_PGDATA" "$aside"
mv "$fresh" "$DEVICEREGISTRY_PGDATA"

say "restored to journal position $position; the previous database is in $aside"
say "next: start the registry, then two people of the regulator: deploy/dreg journal recover recovery.json --reason TEXT"
