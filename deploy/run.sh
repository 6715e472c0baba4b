#!/usr/bin/env bash
# Builds and runs the whole registry on this machine, database included. See --help.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
source "$here/lib/shell.sh"
source "$here/lib/state.sh"
source "$here/lib/packages.sh"
source "$here/lib/postgres.sh"

export DEVICEREGISTRY_REGISTRAR_PORT=${DEVICEREGISTRY_REGISTRAR_PORT:-7443}
export DEVICEREGISTRY_ATTACH_PORT=${DEVICEREGISTRY_ATTACH_PORT:-7444}
export DEVICEREGISTRY_WEB_PORT=${DEVICEREGISTRY_WEB_PORT:-8080}
export DEVICEREGISTRY_N17_PORT=${DEVICEREGISTRY_N17_PORT:-7777}
export DEVICEREGISTRY_S13_PORT=${DEVICEREGISTRY_S13_PORT:-3868}
export DEVICEREGISTRY_S13_TLS_PORT=${DEVICEREGISTRY_S13_TLS_PORT:-5658}

server=$checkout/src/DeviceRegistry.Server/bin/Release/net10.0/DeviceRegistry.Server.dll
start_seconds_max=180         # the first start creates the database and its demonstration records
stop_seconds_max=60

usage() {
    cat <<EOF
usage: deploy/run.sh [--tour]

  (nothing)   build, then run the registry here until Ctrl-C
  --tour      build, run the registry, play the guided tour on it, stop it again;
              a registry that is already running is used and left running

Ports, now:     DEVICEREGISTRY_REGISTRAR_PORT=$DEVICEREGISTRY_REGISTRAR_PORT
                DEVICEREGISTRY_ATTACH_PORT=$DEVICEREGISTRY_ATTACH_PORT
                DEVICEREGISTRY_WEB_PORT=$DEVICEREGISTRY_WEB_PORT
                DEVICEREGISTRY_N17_PORT=$DEVICEREGISTRY_N17_PORT
                DEVICEREGISTRY_S13_PORT=$DEVICEREGISTRY_S13_PORT
                DEVICEREGISTRY_S13_TLS_PORT=$DEVICEREGISTRY_S13_TLS_PORT
Records, now:   DEVICEREGISTRY_STATE=$DEVICEREGISTRY_STATE
More:           deploy/README.md
EOF
}

# Sends the request in plain bash: a fresh machine has no curl. Each request ends after two seconds.
is_ready() {
    # shellcheck disable=SC2016 # the inner bash expands these
    timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" &&
        printf "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" >&3 &&
        read -r _ status _ <&3 && [[ $status == 200 ]]' - "$DEVICEREGISTRY_WEB_PORT" 2>/dev/null
}

prepare() {
    find_postgres
    place_database
    build src/DeviceRegistry.Server
    publish_dreg "$checkout/src/DeviceRegistry.Cli/bin/published"
}

# The server has a separate process group, so that Ctrl-C at the terminal reaches it once, through stop_server.
start_server() {
    log=$DEVICEREGISTRY_STATE/tour-server.log
    say "starting the registry ..."
    setsid dotnet "$server" --demo >"$log" 2>&1 </dev/null &
    server_pid=$!
    trap stop_server EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP

    until is_ready; do
        if ! kill -0 "$server_pid" 2>/dev/null || (( SECONDS > start_seconds_max )); then
            tail -n 40 "$log" >&2
            fail "the registry did not become ready; see the end of its log above, the whole log is in $log"
        fi
        sleep 0.5
    done
}

stop_server() {
    trap '' INT TERM HUP
    kill -TERM "$server_pid" 2>/dev/null || return 0
    say "stopping the registry ..."
    SECONDS=0
    while kill -0 "$server_pid" 2>/dev/null; do
        if (( SECONDS > stop_seconds_max )); then
            say "error: the registry (process $server_pid) does not stop and is killed; its database recovers"
            kill -KILL "$server_pid" 2>/dev/null || true
        fi
        sleep 0.2
    done
}

tour() {
    if is_ready; then
        say "using the running registry on port $DEVICEREGISTRY_WEB_PORT"
        publish_dreg "$checkout/src/DeviceRegistry.Cli/bin/published"
    else
        prepare
        SECONDS=0
        start_server
    fi
    "$here/lib/tour.sh"
}

case ${1:-} in
    --help | -h) usage ;;
    --tour) require_dotnet; tour ;;
    "")
        require_dotnet
        if is_ready; then
            fail "a registry already runs on port $DEVICEREGISTRY_WEB_PORT. Stop it, or give this one a state folder and ports of" \
                "its own: DEVICEREGISTRY_STATE, DEVICEREGISTRY_REGISTRAR_PORT, DEVICEREGISTRY_ATTACH_PORT, DEVICEREGISTRY_WEB_PORT, DEVICEREGISTRY_N17_PORT," \
                "DEVICEREGISTRY_S13_PORT, DEVICEREGISTRY_S13_TLS_PORT"
        fi
        prepare
        exec dotnet "$server" --demo
        ;;
    *) usage >&2; exit 2 ;;
esac
