#!/usr/bin/env bash
# The guided tour of the registry, from a batch of devices to a stolen one. Each command is printed as a user would type
# it, and its result is verified. A second run on the same records uses the same references and gets the same receipts.
# run.sh --tour starts it; it needs a running demonstration registry.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
source "$here/shell.sh"
source "$here/state.sh"
source "$here/packages.sh"
source "$here/postgres.sh"
source "$here/cluster.sh"
source "$here/tour/telling.sh"
source "$here/tour/database.sh"

tac=35290611
status=0
replay=false

# The first two IMEIs of the sample: both slots of one unit.
imei=352906110000017
sibling=352906110000025

lists() {
    chapter "The TAC list says which models there are"
    must sample tacs --out tacs.txt
    must tac import tacs.txt
    if [[ -f ${DEVICEREGISTRY_REFERENCE_DATA:-}/osmocom-tacdb.csv ]]; then
        must tac import "$DEVICEREGISTRY_REFERENCE_DATA/osmocom-tacdb.csv"
    else
        note "(with DEVICEREGISTRY_REFERENCE_DATA set, a public list of 22,527 TACs would be imported too)"
    fi
}

# register REFERENCE FILE: prints the arguments that all batches of this tour share, one per line.
register() {
    printf '%s\n' batch register --reference "$1" --authorization MDM-0001 --produced-on 2026-11-01 \
        --origin local-assembly --model "Nova 4G" --file "$2"
}

batches() {
    local command
    chapter "A manufacturer registers a batch of 5,500 phones, 11,000 IMEIs"
    must sample units --count 5500 --tac "$tac" --out units.csv
    mapfile -t command < <(register B-2026-001 units.csv)
    must "${command[@]}"
    batch=$(said batch)
    cp tour.out receipt.out

    chapter "The answer was lost? The same again gets the same receipt"
    must "${command[@]}"
    cmp -s tour.out receipt.out || fail "the second receipt differs from the first"

    chapter "The same reference with other content is refused"
    must sample units --count 10 --tac "$tac" --first-serial 900001 --out other.csv
    mapfile -t command < <(register B-2026-001 other.csv)
    refused REFERENCE_REUSED "${command[@]}"

    chapter "One bad line refuses the whole file, and is named"
    must sample units --count 20 --tac "$tac" --first-serial 910001 --out good.csv
    awk -F, -v OFS=, 'NR == 17 { $3 = substr($3, 1, 14) (substr($3, 15) + 1) % 10 } { print }' good.csv >bad.csv
    note "bad.csv: good.csv with a wrong check digit in line 17"
    mapfile -t command < <(register B-2026-002 bad.csv)
    refused BATCH_HAS_INVALID_LINES "${command[@]}"
    grep -q '^line 17 imei_2 .*IMEI_CHECK_DIGIT' tour.err || fail "expected an error for line 17"
}

market() {
    if [[ $(asked state batch show "$batch") != CLOSED ]]; then
        chapter "Registered is not released: no network takes it for compliant yet"
        must check "$imei"
        ! grep -q COMPLIANT tour.out || fail "a phone that is not released must not be COMPLIANT"
    else
        chapter "This batch was released when the tour was played before"
    fi

    chapter "Two people of the regulator certify it, its maker releases it"
    must batch certify "$batch" --as regulator-a
    must batch certify "$batch" --as regulator-b
    must batch release "$batch" --as maker-a
    answers COMPLIANT "$(said position)"
}

# answers WORD POSITION: verifies the node's answer to a network at that journal position. On a repeated tour, the
# orders may have been lifted since; then the current orders decide.
answers() {
    local word=$1
    if $replay; then
        word=COMPLIANT
        if [[ -n $(asked_armed) ]]; then word=DENY; fi
        [[ $word == "$1" ]] || note "(first run: $1; later changes make it $word)"
    fi
    must check "$imei" --wait-for "$word" --position "$2"
}

asked_armed() { "$dreg" device show "$imei" | awk '$1 == "state" && ($2 == "IN_FORCE" || $2 == "ENFORCED")'; }

# draft_order REFERENCE REASON: sets order.
draft_order() {
    must order draft --reference "$1" --class C --reason "$2" --basis "Police report $1" --imei "$imei" --as regulator-a
    order=$(said order)
}

is_pending() { [[ $(asked state order show "$1") == PENDING_APPROVAL ]]; }

stolen() {
    chapter "The phone is stolen: one person drafts a block order"
    draft_order CASE-123 STOLEN
    stolen_order=$order
    if is_pending "$order"; then
        chapter "Nobody approves what they drafted: neither here nor in the database"
        refused SECOND_PERSON_REQUIRED order approve "$order" --as regulator-a
        sql_refused order_four_eyes "UPDATE orders SET state = 3, approved_by = drafted_by, approved_at = now() WHERE number = $order"

        chapter "Another person approves; the phone's other IMEI is denied at once"
        must order approve "$order" --as regulator-b --watch "$sibling"
    else
        chapter "Order $order was approved when the tour was played before; the same approval gets its receipt again"
        must order approve "$order" --as regulator-b
    fi
    answers DENY "$(said position)"
}

lost() {
    chapter "A second order on the same phone"
    draft_order CASE-124 LOST
    lost_order=$order
    must order approve "$order" --as regulator-b
}

# lift ORDER REFERENCE: drafted and approved by two people who neither drafted nor approved the order.
lift() {
    must order lift "$1" --reference "$2" --basis "Returned to its owner" --as regulator-c
    must order approve "$(said order)" --as regulator-d
}

lifts() {
    chapter "The first order is lifted; the second one stands, so the phone stays blocked"
    lift "$stolen_order" CASE-123-LIFT
    answers DENY "$(said position)"

    chapter "With the second one lifted it may come in again"
    lift "$lost_order" CASE-124-LIFT
    answers COMPLIANT "$(said position)"
}

proof() {
    local position statement
    chapter "Who did what, and when"
    must device show "$imei"

    chapter "The journal proves it: every hash is computed again"
    must journal verify

    chapter "History cannot be rewritten unseen: one byte of a copy is changed by the database's superuser"
    note "copying the database registry to $scratch"
    copy_database
    position=$(sql registry_admin "$scratch" \
        "SELECT min(j.position) FROM journal j JOIN journal_payloads p ON p.id = j.payload_id WHERE p.kind = 8")
    statement="UPDATE journal_payloads SET public_bytes = set_byte(public_bytes, 0, get_byte(public_bytes, 0) # 1)"
    statement+=" WHERE id = (SELECT payload_id FROM journal WHERE position = $position)"
    told psql -U registry_admin -d "$scratch" -c "$statement"
    sql registry_admin "$scratch" "$statement"
    note "starting a registrar over the copy"
    start_scratch_server
    refused JOURNAL_INVALID --registrar "$scratch_address" journal verify
    grep -q "at position $position:" tour.err || fail "expected an error for position $position"
    end_scratch
}

started=$EPOCHSECONDS
find_postgres
place_database
mkdir -p "$DEVICEREGISTRY_STATE/tour"
cd "$DEVICEREGISTRY_STATE/tour"
trap end_scratch EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [[ -n $(asked order device show "$imei") ]]; then replay=true; fi
must whoami --as regulator-a
lists
batches
market
stolen
lost
lifts
proof
chapter "The tour is complete ($((EPOCHSECONDS - started)) s). Its files are in $DEVICEREGISTRY_STATE/tour"
