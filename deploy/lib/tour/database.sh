# shellcheck shell=bash
# Steps of the tour that access the database directly. Needs shell.sh, postgres.sh, cluster.sh and telling.sh, and the
# variables of place_database.

server=$checkout/src/DeviceRegistry.Server/bin/Release/net10.0/DeviceRegistry.Server.dll
scratch=registry_scratch
scratch_pid=""
scratch_seconds_max=60

# sql_refused CONSTRAINT STATEMENT: the constraint must reject the statement under the registry's own database role.
sql_refused() {
    status=0
    told psql -U registry_service -d registry -c "$2"
    sql registry_service registry "$2" >tour.out 2>tour.err || status=$?
    cat tour.err tour.out
    if (( status == 0 )) || ! grep -qF "\"$1\"" tour.err; then
        fail "expected the constraint $1 to reject this; the tour stops"
    fi
}

copy_database() {
    drop_scratch
    sql registry_admin postgres "CREATE DATABASE $scratch OWNER registry_owner"
    postgres_tool pg_dump -U registry_admin registry |
        postgres_tool psql -Xq -v ON_ERROR_STOP=1 -U registry_admin -d "$scratch" >/dev/null
}

drop_scratch() { sql registry_admin postgres "DROP DATABASE IF EXISTS $scratch WITH (FORCE)" 2>/dev/null; }

# start_scratch_server: starts a registrar on a free port over the copy. It gets an existing database, so it neither starts nor
# stops the cluster it shares with the registry. Sets scratch_address.
start_scratch_server() {
    local told_in=$PWD/scratch.json
    rm -f "$told_in"
    [[ -f $server ]] || build src/DeviceRegistry.Server
    env -u DEVICEREGISTRY_N17_PORT dotnet "$server" --roles Registrar --registrar-port 0 --address-file "$told_in" \
        --database "Host=$DEVICEREGISTRY_PGSOCKET;Username=registry_service;Database=$scratch" \
        >scratch-server.log 2>&1 </dev/null &
    scratch_pid=$!
    SECONDS=0
    until [[ -f $told_in ]] && knows_us; do
        if ! kill -0 "$scratch_pid" 2>/dev/null || (( SECONDS > scratch_seconds_max )); then
            tail -n 20 scratch-server.log >&2
            fail "the registrar over the copy did not start; see the end of its log above"
        fi
        sleep 0.2
    done
}

# The registrar listens before it has loaded its members; until then every certificate is unknown to it.
knows_us() {
    scratch_address=https://localhost:$(sed -n 's/.*"registrar":"[^"]*:\([0-9]*\)".*/\1/p' scratch.json)
    "$dreg" --registrar "$scratch_address" --as auditor-a whoami >/dev/null 2>&1 </dev/null
}

# However the tour ends, the copy and its server are removed.
end_scratch() {
    if [[ -n $scratch_pid ]]; then
        kill "$scratch_pid" 2>/dev/null || true
        wait "$scratch_pid" 2>/dev/null || true
        scratch_pid=""
    fi
    drop_scratch || true
}
