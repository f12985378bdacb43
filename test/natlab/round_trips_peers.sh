#!/bin/bash
# test/natlab/round_trips_peers.sh [RUNS]: round trips until H2 has H1's first answer, with keys; both are behind port-restricted
# NATs, each access DELAY_MS long each way. A run is `hx ping -c 1`. What it took from its introduction by S on is
# compared with what the wires take of a round trip between H1 and H2: S's word takes a quarter of it, UDT's
# rendezvous one, the first question and its answer another; the keys none of their own. Passes as soon as one of
# RUNS takes at most LIMIT quarters, and one that comes with a ticket of the run before, too; none can with one more round trip to
# S, however fast the machine is. ALL=1 makes all runs, and tells what each took from the start of the process on; LOSS: percent of all packets that either
# access loses, when getting through is all that is asked for. H1_HX, H2_HX: another hx for one side.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
RUNS=${1:-5}
DELAY_MS=${DELAY_MS:-75}  # this machine's own time shall be little beside it
LIMIT=10                  # quarters; with one more round trip to S it would be 11
TRIP_US=$((4000 * DELAY_MS))
ALL=${ALL:-} LOSS=${LOSS:-0}
H1_HX=${H1_HX:-$B/hx} H2_HX=${H2_HX:-$B/hx}

lab_or_skip "the first answer comes after two round trips between the peers" "$0" "$@"

# one_run: sets TOOK_US, from the introduction on, and TOTAL_US, from the process's start on.
one_run() {
    local fd line='' begin first before
    before=$(introductions)
    begin=$EPOCHREALTIME
    exec {fd}< <(lab_exec h2 timeout 60 "$H2_HX" ping -c 1 lab --nameserver "$LAB_NS" -v --timeout 30 \
        2>"$WORK/connect.err")
    while IFS= read -r -t 60 -u "$fd" line && [[ $line != *'bytes from'* ]]; do :; done
    first=$EPOCHREALTIME
    exec {fd}<&-
    [[ $line == *'bytes from'* ]] || return 1
    TOOK_US=$(since_connect $((before + 1)) "$first")
    TOTAL_US=$(us_between "$begin" "$first")
}
tenths() { echo $((10 * $1 / $2 / 10)).$((10 * $1 / $2 % 10)); }

lab_begin
export XDG_STATE_HOME=$WORK/state
lab_delay 1 "$DELAY_MS"
lab_delay 2 "$DELAY_MS"
lab_up port-restricted port-restricted && start_s || exit 1
lab_start bind h1 "$H1_HX" bind lab --nameserver "$LAB_NS" --echo -v
await_bound 20 || exit 1
[ "$LOSS" = 0 ] || lab_loss "$LOSS"
through=0 runs=0 soon=0 soon_again=0
while [ "$runs" -lt "$RUNS" ] && { [ -n "$ALL" ] || [ "$LOSS" != 0 ] || [ "$soon" = 0 ] || [ "$soon_again" = 0 ]; }; do
    first_visit=$((soon == 0))
    [ "$first_visit" = 0 ] || rm -rf "$XDG_STATE_HOME"
    runs=$((runs + 1))
    if ! one_run; then
        sed 's/^/# /' "$WORK/connect.err"
        continue
    fi
    through=$((through + 1))
    if [ $((4 * TOOK_US)) -le $((LIMIT * TRIP_US)) ]; then
        if [ "$first_visit" = 1 ]; then soon=1; else soon_again=1; fi
    fi
    echo "# $(tenths "$TOOK_US" "$TRIP_US") round trips of $((TRIP_US / 1000)) ms from the introduction on;" \
        "$(tenths "$TOTAL_US" "$TRIP_US") from the process's start, $((TOTAL_US / 1000)) ms"
done
lab_loss 0
# A pipe: its request, what it says and what the peer echoes take no round trip more.
piped_soon() {
    local n
    for ((n = 0; n < RUNS; n++)); do
        greet 30 || return 1
        echo "$(tenths "$GREET_US" "$TRIP_US") round trips"
        if [ $((4 * GREET_US)) -le $((LIMIT * TRIP_US)) ]; then return 0; fi
    done
    return 1
}
[ "$LOSS" != 0 ] || check "what a pipe says is echoed after two round trips" piped_soon
lab_down
check "every run has got through" [ "$through" = "$runs" ]
if [ "$LOSS" = 0 ]; then
    check "the first answer comes after two round trips between the peers" [ "$soon" = 1 ]
    check "and at the next visit, too" [ "$soon_again" = 1 ]
fi
finish
