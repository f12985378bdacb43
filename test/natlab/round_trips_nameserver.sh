#!/bin/bash
# test/natlab/round_trips_nameserver.sh: how many round trips to the nameserver an answer takes. H1 has no delay, H2 RTT_MS: what
# H2's question takes longer than the same one of H1's is round trips alone.
# shellcheck disable=SC2119 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
DELAY_MS=100 # each way: this machine's own time shall be little beside it

if [ "${HX_LAB:-}" != inside ]; then build_probe || exit 1; fi
lab_or_skip "an answer of the nameserver takes 2 round trips, and 1 at the next visit" "$0" "$@"
lab_begin
lab_delay 2 $DELAY_MS
lab_up port-restricted port-restricted && start_reflector && start_s || exit 1

# asks HOST FIRST: how long a question for a name that nobody has takes, us. FIRST: as if never before.
asks() {
    local state=$WORK/state.$1 begin
    [ "$2" != first ] || rm -rf "$state"
    begin=${EPOCHREALTIME/./}
    lab_exec "$1" env XDG_STATE_HOME="$state" timeout 60 "$B/hx" connect nobody --insecure --nameserver "$LAB_NS" \
        </dev/null >"$WORK/asks.out" 2>"$WORK/asks.err"
    echo $((${EPOCHREALTIME/./} - begin))
    grep -q "nobody holds the name" "$WORK/asks.err" || cat "$WORK/asks.err" >&2
}
least() { printf '%s\n' "$@" | sort -n | head -n 1; }
VISITS=0 FIRST=0 # how many, and those without a ticket
# takes MOST first|again SENTENCE: it takes at most so many round trips. Of three pairs at least, and of more where others
# want this machine, too, the least of either host counts: a slow one of H2's would make it longer, a slow one of H1's shorter.
takes() {
    local near=() far=() rtt=() trips
    for _ in {1..6}; do
        VISITS=$((VISITS + 2))
        [ "$2" != first ] || FIRST=$((FIRST + 2))
        near+=("$(asks h1 "$2")")
        far+=("$(asks h2 "$2")")
        trips=$(lab_exec h2 "$PROBE" rtt "$LAB_S" 3478 1)
        rtt+=("${trips#rtt_us=}")
        trips=$(awk -v far="$(least "${far[@]}")" -v near="$(least "${near[@]}")" -v rtt="$(least "${rtt[@]}")" \
            'BEGIN { printf "%.2f", (far - near) / rtt }')
        [ "${#far[@]}" -lt 3 ] || [ "${trips/./}" -gt "${1}40" ] || break
    done
    echo "# $2: $trips round trips (near ${near[*]} us, far ${far[*]} us)"
    check "$3" [ "${trips/./}" -le "${1}40" ]
}
loses_early() { # n2 drops what hosts tell ahead: "hxE"
    lab_exec n2 nft -f - <<<"table ip early; delete table ip early
        table ip early {
            chain pre {
                type filter hook prerouting priority -300
                @th,64,32 0xe8687845 drop
            }
        }"
}

takes 2 first "the first answer takes two round trips"
takes 1 again "the answer takes one at the next visit"
check "each request came ahead, and each ticket was taken" \
    [ "$(counter early_taken) $(counter tickets_taken)" = "$VISITS $((VISITS - FIRST))" ]
cp -r "$WORK/state.h1/." "$WORK/state.h2"
asks h2 again >/dev/null
check "another address's ticket is none, and the request comes ahead all the same" \
    [ "$(counter early_taken) $(counter tickets_taken)" = "$((VISITS + 1)) $((VISITS - FIRST))" ]
check "which is counted" [ "$(counter dropped_bad_ticket)" -gt 0 ]
EARLY=$(($(counter early_taken) - VISITS / 2))
loses_early
takes 3 first "where what is told ahead gets lost the answer takes three"
check "for nothing of H2's came ahead, and all of H1's" [ "$(counter early_taken)" = $((EARLY + VISITS / 2)) ]
lab_down
finish
