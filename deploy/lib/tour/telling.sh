# shellcheck shell=bash
# Output and checks of the tour. Needs shell.sh. Run in a separate folder: the last command's output is
# in its tour.out and tour.err.

dreg=$checkout/deploy/dreg

chapter() { printf '\n== %s\n' "$*"; }
note()    { printf '   %s\n' "$*"; }

# told COMMAND...: prints the command as a user would type it, with quotes around words that contain blanks.
told() {
    local word line='$'
    for word in "$@"; do
        if [[ $word == *[[:space:]]* ]]; then line+=" \"$word\""; else line+=" $word"; fi
    done
    printf '\n%s\n' "$line"
}

# try ARGUMENTS...: runs dreg and prints its output; sets status.
try() {
    status=0
    told dreg "$@"
    "$dreg" "$@" >tour.out 2>tour.err </dev/null || status=$?
    cat tour.err tour.out
}

# must ARGUMENTS...: the command must succeed.
must() {
    try "$@"
    (( status == 0 )) || fail "expected success, got status $status; the tour stops"
}

# refused REASON ARGUMENTS...: the registry must reject the command with this reason.
refused() {
    local reason=$1; shift
    try "$@"
    if (( status != 1 )) || ! grep -qF "[$reason]" tour.err; then
        fail "expected rejection with [$reason] and status 1, got status $status; the tour stops"
    fi
}

# said LABEL: prints the first word after a label in the last command's output.
said() { awk -v label="$1" '$1 == label { print $2; exit }' tour.out; }

# asked LABEL ARGUMENTS...: the same for a command that runs without output; prints nothing if it is rejected.
asked() {
    local label=$1; shift
    { "$dreg" "$@" 2>/dev/null </dev/null || true; } | awk -v label="$label" '$1 == label && !found { print $2; found = 1 }'
}
