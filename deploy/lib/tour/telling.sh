# shellcheck shell=bash
# How the tour speaks and what it insists on. Needs shell.sh. Run in a folder of its own: the last command's output is left
# there in tour.out and tour.err.

dreg=$checkout/deploy/dreg

chapter() { printf '\n== %s\n' "$*"; }
note()    { printf '   %s\n' "$*"; }

# told COMMAND...: prints the command as one would type it, words with blanks in quotes.
told() {
    local word line='$'
    for word in "$@"; do
        if [[ $word == *[[:space:]]* ]]; then line+=" \"$word\""; else line+=" $word"; fi
    done
    printf '\n%s\n' "$line"
}

# try ARGUMENTS...: runs dreg and shows what it said; sets status.
try() {
    status=0
    told dreg "$@"
    "$dreg" "$@" >tour.out 2>tour.err </dev/null || status=$?
    cat tour.err tour.out
}

# must ARGUMENTS...: what has to succeed.
must() {
    try "$@"
    (( status == 0 )) || fail "this had to succeed and ended with status $status; the tour stops here"
}

# refused REASON ARGUMENTS...: what the registry has to refuse, and why.
refused() {
    local reason=$1; shift
    try "$@"
    if (( status != 1 )) || ! grep -qF "[$reason]" tour.err; then
        fail "this had to be refused with [$reason] and status 1, and ended with status $status; the tour stops here"
    fi
}

# said LABEL: the first word that the last command said behind a label.
said() { awk -v label="$1" '$1 == label { print $2; exit }' tour.out; }

# asked LABEL ARGUMENTS...: the same for a command that is run quietly; prints nothing when it is refused.
asked() {
    local label=$1; shift
    { "$dreg" "$@" 2>/dev/null </dev/null || true; } | awk -v label="$label" '$1 == label && !found { print $2; found = 1 }'
}
