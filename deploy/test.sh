#!/usr/bin/env bash
# Runs the checks of this checkout. Ends with "N passed, N failed"; --help lists what runs.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
source "$here/lib/shell.sh"
source "$here/lib/state.sh"
source "$here/lib/packages.sh"
source "$here/lib/postgres.sh"
source "$here/lib/clients.sh"

node_version_min=18
client=$checkout/tests/independent-client
logs=$(mktemp -d /tmp/device-registry-test.XXXXXX)
clients=(h2load=nghttp2-client curl=curl tshark=tshark freeDiameterd=freediameterd gcc=gcc
    redis-server=redis-server redis-benchmark=redis-tools)
lanes=()
filter=()
may_mount=()

usage() {
    cat <<'EOF'
usage: deploy/test.sh [--quick | --help]

  (no option)  every check: buf lint, then all test projects on a real PostgreSQL
  --quick      only tests that start no process and need no PostgreSQL: the projects of DeviceRegistry.Quick.slnf

Both end with "N passed, N failed" and print the time of each project. The run prints its seed; with
DEVICEREGISTRY_TEST_SEED=N in the environment the randomised tests repeat their choices (tests/README.md).
EOF
}

case ${1:-} in
    "") quick=0 ;;
    --quick) quick=1 ;;
    -h | --help) rm -rf "$logs"; usage; exit 0 ;;
    *) rm -rf "$logs"; usage >&2; exit 2 ;;
esac

# However this script ends, its last line is the result, and any error counts as a failure.
finish() {
    local status=$? absent passed failed lane
    trap - EXIT
    trap '' INT TERM HUP
    for lane in "${lanes[@]}"; do kill -- "-$lane" 2>/dev/null && wait "$lane" || true; done
    for lane in "$logs"/*/postgres/postmaster.pid; do [[ ! -f $lane ]] || kill -INT "$(head -1 "$lane")" 2>/dev/null || true; done
    read -r passed failed < <(cat "$logs"/*.count 2>/dev/null | awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }')
    if (( status != 0 && failed == 0 )) || (( passed + failed == 0 )); then failed=$((failed + 1)); fi
    absent=$(cat "$logs"/*.log 2>/dev/null |
        awk '/^reference data absent: [0-9]+ checks? not run/ { n += $4 } END { print n + 0 }')
    if (( status == 0 && !quick )); then real_clients h2load curl freeDiameter:checks tshark:packets || failed=$((failed + 1)); fi
    durations || true
    xargs -r -d '\n' rm -rf < <(cat "$logs"/*.places 2>/dev/null)
    if (( failed > 0 )); then say "the raw logs are in $logs"; else rm -rf "$logs"; fi
    if (( absent > 0 )); then echo "reference data absent: $absent checks not run"; fi
    echo "$passed passed, $failed failed"
    (( failed == 0 )) || exit 1
}

# The time of each test project, slowest first.
durations() {
    local seconds name
    cat "$logs"/*.seconds 2>/dev/null | sort -rn | while read -r seconds name; do
        say "$(printf '  %-40s %5d s' "$name" "$seconds")"
    done
}

# count NAME PASSED FAILED
count() {
    echo "$2 $3" >>"$logs/$1.count"
    say "$(printf '  %-40s %5d passed, %d failed' "$1" "$2" "$3")"
}

# real_clients NAME[:WHAT]...: sums the lines "real client NAME: N" of the tests. Fails if a program did nothing.
real_clients() {
    local item name done said=() idle=0
    for item in "$@"; do
        name=${item%%:*}
        done=$(cat "$logs"/*.log 2>/dev/null | awk -v line="^real client $name: [0-9]+$" '$0 ~ line { n += $4 } END { print n + 0 }')
        said+=("$name $done${item:${#name}}")
        (( done > 0 )) || idle=1
    done
    printf 'real clients: %s' "${said[0]/:/ }"
    printf ', %s' "${said[@]:1}" | tr : ' '
    printf '\n'
    return "$idle"
}

has_node() {
    command -v npm >/dev/null && command -v node >/dev/null &&
        (( $(node -p 'process.versions.node.split(".")[0]') >= node_version_min ))
}

# Debian's node reads its own files from fixed system folders, so unlike PostgreSQL it cannot run from a private folder.
find_node() {
    has_node && return
    if is_root && refresh_lists && install_packages nodejs npm && hash -r && has_node; then return; fi
    say "error: node $node_version_min or newer with npm is needed: apt-get install nodejs npm"
    return 1
}

lint_proto() {
    find_node &&
        quietly "installing the independent client" npm ci --prefix "$client" --no-audit --no-fund &&
        quietly "linting proto" npm run --prefix "$client" lint
}

compare_proto() { quietly "comparing proto with its released image" npm run --prefix "$client" breaking; }

# Tests mount a small disk and fill it. Root may mount; other users may in a user namespace, if the kernel allows it.
find_way_to_mount() {
    may_mount=()
    if is_root; then return; fi
    may_mount=(unshare --user --map-current-user --keep-caps --mount)
    "${may_mount[@]}" true 2>/dev/null || { say "this user may not create a user namespace: tests of full disks will fail"; may_mount=(); }
}

# run_tests PROJECT: adds its results. A skipped test counts as failed, because a check that did not run proves nothing. So
# does a project that crashed, hung or ran no test.
run_tests() {
    local name began=$SECONDS status=0 total=0 good=0 bad counters='s/.*<Counters total="\([0-9]*\)".* passed="\([0-9]*\)".*/\1 \2/p'
    name=$(basename "$1" .csproj)
    say "testing $name ..."
    "${may_mount[@]}" dotnet test "$1" --no-build -c Release --results-directory "$logs" \
        --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=normal" \
        --blame-hang --blame-hang-timeout 20m --blame-hang-dump-type none "${filter[@]}" \
        >"$logs/$name.log" 2>&1 </dev/null || status=$?

    read -r total good < <(sed -n "$counters" "$logs/$name.trx" 2>/dev/null) || total=0 good=0
    bad=$((total - good))
    if (( bad == 0 && (status != 0 || total == 0) )); then
        bad=1
        echo "$name ended with status $status after $total tests" >>"$logs/$name.log"
    fi
    if (( bad > 0 )); then grep -v '^  Passed ' "$logs/$name.log" >&2; fi
    echo "$((SECONDS - began)) $name" >"$logs/$name.seconds"
    count "$name" "$good" "$bad"
}

# lane NAME PROJECT...: runs projects one after the other on a separate PostgreSQL, so that tests neither change a registry
# in use nor kill the PostgreSQL of other tests.
lane() {
    DEVICEREGISTRY_STATE=$logs/$1; shift
    place_database
    printf '%s\n' "$DEVICEREGISTRY_STATE" "$DEVICEREGISTRY_PGSOCKET" >>"$logs/${DEVICEREGISTRY_STATE##*/}.places"
    for project in "$@"; do run_tests "$project"; done
}

# dry_benchmarks: runs every benchmark at its smallest size; each counts as one check. It verifies that the benchmark works and measures nothing.
dry_benchmarks() (
    local name="Benchmarks, dry run" passed=0 failed=0
    DEVICEREGISTRY_STATE=$logs/benchmarks
    place_database
    printf '%s\n' "$DEVICEREGISTRY_STATE" "$DEVICEREGISTRY_PGSOCKET" >>"$logs/benchmarks.places"
    say "running every benchmark at its smallest size ..."
    timeout 15m dotnet run --no-build -c Release --project "$checkout/tests/DeviceRegistry.Benchmarks" -- dry \
        >"$logs/benchmarks.log" 2>&1 </dev/null || failed=1
    read -r passed failed < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$logs/benchmarks.log") || passed=0 failed=1
    if (( failed > 0 || passed == 0 )); then cat "$logs/benchmarks.log" >&2; fi
    count "$name" "$passed" "$failed"
)

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

export RestoreLockedMode=true            # the build fails if packages differ from the lock files
export DOTNET_TieredPGO=0               # no process here runs long enough for profiling to pay off

# One seed for all randomised tests of this run.
export DEVICEREGISTRY_TEST_SEED=${DEVICEREGISTRY_TEST_SEED:-$((RANDOM << 15 | RANDOM))}
say "DEVICEREGISTRY_TEST_SEED=$DEVICEREGISTRY_TEST_SEED"

# The quick tests need only the SDK.
require_dotnet
if (( quick )); then
    filter=(--filter "TestCategory!=RealClient")
    build DeviceRegistry.Quick.slnf || { count "build" 0 1; exit; }
    while read -r project; do run_tests "$checkout/$project"; done < <(grep -o 'tests/.*csproj' "$checkout/DeviceRegistry.Quick.slnf")
    exit
fi

# 1. Requirements of the tests.
find_postgres
find_clients "${clients[@]}"
find_freediameter_headers
chmod 0711 "$logs"
find_way_to_mount

# 2. The contract.
if lint_proto; then count "buf lint" 1 0; else count "buf lint" 0 1; fi
if compare_proto; then count "buf breaking" 1 0; else count "buf breaking" 0 1; fi

# 3. The layout of the code. Style rules are part of the build; a whole "dotnet format" would compile everything again.
if quietly "checking the layout of C#" dotnet format whitespace "$checkout" --folder --verify-no-changes; then
    count "format" 1 0
else
    count "format" 0 1
fi

# 4. The code. Two lanes, fault tests and all others, because half of the time a process is stopped, started or waited for. Each
#    has a separate process group, so that ending it ends every process it started.
if build DeviceRegistry.sln; then
    # Hundreds of server processes are started and killed: compiled ahead of time they start in two thirds of the time. With
    # -r the libraries just built are used unchanged; --use-current-runtime would apply to them too and build each again.
    if quietly "compiling the server ahead of time" dotnet publish "$checkout/src/DeviceRegistry.Server" -c Release \
        -r "$(runtime_identifier)" --self-contained false -p:PublishReadyToRun=true -o "$logs/server" --disable-build-servers; then
        export DEVICEREGISTRY_TEST_SERVER=$logs/server/DeviceRegistry.Server.dll
    else
        say "the package sources lack the ahead-of-time compiler; using the server as built"
    fi
    # The tests run the same dreg as users: native code if this machine can compile it.
    publish_dreg "$logs/dreg"
    export DEVICEREGISTRY_TEST_DREG=$logs/dreg
    faults=$checkout/tests/DeviceRegistry.Faults.Tests/DeviceRegistry.Faults.Tests.csproj
    others=()
    for project in "$checkout"/tests/*.Tests/*.csproj; do
        [[ -f $project ]] || fail "there are no test projects in tests/*.Tests"
        [[ $project == "$faults" ]] || others+=("$project")
    done
    set -m
    lane faults "$faults" & lanes+=($!)
    lane others "${others[@]}" & lanes+=($!)
    set +m
    for lane in "${lanes[@]}"; do wait "$lane" || count "lane $lane" 0 1; done
    lanes=()
    dry_benchmarks
else
    count "build" 0 1
fi
