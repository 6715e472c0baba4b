#!/usr/bin/env bash
# Creates the certificates of a production registry: your own root and everything below it. See --help.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
source "$here/lib/shell.sh"
source "$here/lib/state.sh"
source "$here/lib/packages.sh"

root_days=3650
leaf_days=397
renew_seconds=$((30 * 86400))
folder=""
asked=()            # lines "server NAME HOST,HOST", "node NAME PARTY", "person NAME PARTY", "checkpoint checkpoint PARTY"

usage() {
    cat <<EOF
usage: deploy/certificates.sh --out FOLDER [--server NAME=HOST[,HOST]...] [--node NAME=PARTY] [--person NAME=PARTY] [--checkpoint] ...

  --out FOLDER                root.pem and root.key, and NAME.pem and NAME.key of each of these:
  --server NAME=HOST[,HOST]   a server, by the DNS names and IP addresses it is called by
  --node NAME=PARTY           an attach node of an operator
  --person NAME=PARTY         a person of a party
  --checkpoint                the registry's own signature under its journal: checkpoint.pem and checkpoint.key, for the
                              registrar alone

Each may be given many times. Names and parties are those of the registry: a-z, 0-9, '.' and '-'.

ECDSA P-256, each issued directly under the root. The root is good for $root_days days, the others for $leaf_days. What is there
is kept: run it again with more names to add them, and with the same ones to renew, under the same key, what ends
within 30 days. Whoever has root.key can be anybody: keep it offline, and bring it here only while you issue.
EOF
}

refuse() { printf 'error: %s\n\n' "$*" >&2; usage >&2; exit 2; }

is_name() { [[ $1 =~ ^[a-z0-9.-]{1,64}$ && $1 != root && $1 != checkpoint ]]; }

# ask KIND NAME=VALUE: records a request; nothing is created before every request is validated.
ask() {
    local kind=$1 name=${2%%=*} value=${2#*=} each
    [[ $2 == *=* ]] || refuse "--$kind $2: give it as NAME=VALUE"
    is_name "$name" || refuse "--$kind $2: a name has 1 to 64 characters of a-z, 0-9, '.' and '-', and is not root or checkpoint"
    for each in ${asked[@]+"${asked[@]}"}; do
        [[ $each != *" $name "* ]] || refuse "$name is given twice; each needs a name of its own, since its files are called so"
    done
    if [[ $kind == server ]]; then
        [[ $value =~ ^[A-Za-z0-9.:-]+(,[A-Za-z0-9.:-]+)*$ ]] || refuse "--server $2: name hosts, such as registrar.example,192.0.2.10"
    else
        is_name "$value" || refuse "--$kind $2: a party has 1 to 64 characters of a-z, 0-9, '.' and '-'"
    fi
    asked+=("$kind $name $value")
}

is_address() { [[ $1 == *:* || $1 =~ ^[0-9.]+$ ]]; }

find_openssl() {
    command -v openssl >/dev/null && return
    is_root || fail "openssl is missing: as root, apt-get install openssl"
    if ! { refresh_lists && install_packages openssl && hash -r && command -v openssl >/dev/null; }; then fail "openssl could not be installed"; fi
}

# make_key FILE: creates a private key that only its owner can read; no incomplete file is left.
make_key() {
    [[ ! -f $1 ]] || return 0
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.new" 2>/dev/null || fail "cannot create $1"
    mv "$1.new" "$1"
}

# sign NAME SUBJECT DAYS EXTENSIONS OPTION...: issues a certificate for NAME.key, readable by all.
sign() {
    local name=$1 subject=$2 days=$3 extensions=$4; shift 4
    openssl req -new -key "$folder/$name.key" -subj "$subject" -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') |
        openssl x509 -req -sha256 -days "$days" -set_serial "0x$(openssl rand -hex 16)" -extfile <(printf '%s\n' "$extensions") \
            "$@" -out "$folder/$name.pem.new" 2>"$folder/.openssl-errors" || fail "cannot create $name.pem: $(<"$folder/.openssl-errors")"
    chmod 0644 "$folder/$name.pem.new"
    mv "$folder/$name.pem.new" "$folder/$name.pem"
    rm -f "$folder/.openssl-errors"
    say "created $name.pem"
}

make_root() {
    if [[ -f $folder/root.pem ]]; then say "kept    root.pem"; return; fi
    make_key "$folder/root.key"
    sign root "/O=Device Registry/CN=Root of $(date -u +%Y-%m-%d)" "$root_days" \
        $'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash' -signkey "$folder/root.key"
}

# is_for NAME KIND VALUE: whether the existing certificate has the requested contents.
is_for() {
    local subject hosts host found
    subject=$(openssl x509 -noout -subject -nameopt RFC2253 -in "$folder/$1.pem")
    if [[ $2 != server ]]; then [[ $subject == "subject=CN=$1,O=$3" || $subject == "subject=O=$3,CN=$1" ]]; return; fi
    IFS=, read -ra hosts <<<"$3"
    for host in "${hosts[@]}"; do
        if is_address "$host"; then found=$(openssl x509 -noout -checkip "$host" -in "$folder/$1.pem")
        else found=$(openssl x509 -noout -checkhost "$host" -in "$folder/$1.pem"); fi
        [[ $found == *"does match"* ]] || return 1
    done
}

# issue KIND NAME VALUE: issues a certificate directly under the root, unless one exists that does not expire soon.
issue() {
    local kind=$1 name=$2 value=$3 party=$3 use=clientAuth names="" hosts host
    if [[ -f $folder/$name.pem ]]; then
        is_for "$name" "$kind" "$value" || fail "$folder/$name.pem exists with contents other than $value; remove it to issue it again"
        openssl verify -no_check_time -CAfile "$folder/root.pem" "$folder/$name.pem" >/dev/null 2>&1 || fail "$folder/$name.pem was issued by another root"
        if openssl x509 -noout -checkend "$renew_seconds" -in "$folder/$name.pem" >/dev/null; then say "kept    $name.pem"; return; fi
    fi
    [[ -f $folder/root.key ]] || fail "cannot issue $name.pem: $folder/root.key is missing; copy it from its offline location"

    if [[ $kind == server ]]; then
        party=device-registry
        use=serverAuth
        IFS=, read -ra hosts <<<"$value"
        for host in "${hosts[@]}"; do
            if is_address "$host"; then names+=",IP:$host"; else names+=",DNS:$host"; fi
        done
        names=$'\n'"subjectAltName=${names#,}"
    fi
    make_key "$folder/$name.key"
    sign "$name" "/O=$party/CN=$name" "$leaf_days" \
        "basicConstraints=critical,CA:FALSE"$'\n'"keyUsage=critical,digitalSignature"$'\n'"extendedKeyUsage=critical,$use"$'\n'"subjectKeyIdentifier=hash"$'\n'"authorityKeyIdentifier=keyid$names" \
        -CA "$folder/root.pem" -CAkey "$folder/root.key"
}

while (( $# > 0 )); do
    case $1 in
        --help | -h) usage; exit ;;
        --out | --server | --node | --person) (( $# > 1 )) || refuse "$1 needs a value" ;;&
        --out) folder=$2 ;;
        --server | --node | --person) ask "${1#--}" "$2" ;;
        --checkpoint) asked+=("checkpoint checkpoint device-registry"); shift; continue ;;
        *) refuse "unknown option $1" ;;
    esac
    shift 2
done
[[ -n $folder ]] || refuse "--out is missing: where shall they lie?"

find_openssl
umask 0077
export OPENSSL_CONF=/dev/null       # the machine's openssl configuration must not affect these certificates
mkdir -p "$folder"
make_root
for line in ${asked[@]+"${asked[@]}"}; do
    read -r kind name value <<<"$line"
    issue "$kind" "$name" "$value"
done
if [[ -f $folder/root.key ]]; then say "next: move $folder/root.key to a safe place offline"; fi
