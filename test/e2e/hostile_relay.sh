#!/usr/bin/env bash
# The relay and those who abuse it: frames that are copied, forged, of other sessions, in floods. Both parties of a
# session are plain sockets that speak what proto/relay_frame.h says; the session is a real one of two udtcurl.
# shellcheck source=test/hostile/lib.sh disable=SC2119,SC2154
. "$(dirname "$0")/../hostile/lib.sh"

LOG=$WORK/nameserver.err
PARTY=(python3 "$TOP/test/hostile/relay_party.py")
HEX='[0-9a-f]{32}'
OF_H2=()

introduce() { # sets KEY: a new session's
    local out=$WORK/h2.out
    start h2 "$CURL" -s -H 'Candidate: 192.0.2.7:1 host' "udt://$NS/connect?host_id=relayed"
    OF_H2+=("$PID")
    KEY=$(await_line "$out" "^Session: $HEX $HEX" | tr -d '\r')
    KEY=${KEY##* }
    [ -n "$KEY" ]
}
party() { # party CASE: with a session of its own
    introduce && "${PARTY[@]}" "$1" "$NS" "$KEY"
}
restart() { # restart OPTION...: with these limits
    kill "$NS_PID"
    await_exit "$NS_PID"
    begin "$@"
}
begin() {
    start_attacked --introductions-per-source=0 --relay "$@"
    start h1 "$CURL" -s -H 'Candidate: 192.0.2.8:1 host' "udt://$NS/bind?host_id=relayed"
    await_line "$LOG" 'event=bound .*name=relayed' >/dev/null
}
offered() { # offered LINE: both parts have it
    introduce || return 1
    [ "$(tr -d '\r' <"$WORK/h2.out" | grep -c "^$1$")" = 1 ] && await_line "$WORK/h1.out" "^$1" >/dev/null
}
not_offered() { # a client of the specification sees nothing of it
    "$CURL" -s --max-time 1 "udt://$NS/connect?host_id=relayed" >"$WORK/plain.out"
    grep -q '^relayed: ' "$WORK/plain.out" && ! grep -q Relay "$WORK/plain.out"
}

begin
check "both are offered the relay" offered 'Relay: rate=0; time=0'
check "but not who tells no candidates" not_offered
check "datagrams of two who have opened are forwarded as they are" party forwarded
check "nobody is sent anything before it has asked for that from a proven address" party unasked
check "frames that are copied move no party, and answer no victim" party copied
check "forged frames, and those of other sessions, go nowhere" party forged
counted() {
    local name
    counters || return 1
    for name; do [ "$(value "relay_$name")" -gt 0 ] || { echo "relay_$name counts nothing" && return 1; }; done
}
check "all of it is counted by its reason" counted forwarded opened challenged no_session no_party not_there bad_code repeated malformed
numbers_told() { grep -qE 'event=relay open=[0-9]+ known=[0-9]+ bytes=[0-9]+$' "$LOG"; }
check "and the log tells how many sessions there are, and how much was forwarded" numbers_told

# --- a flood
RSS_KB=$(value_kb "$NS_PID" VmRSS)
introduce
exec {QUESTIONS}> >(exec "${PARTY[@]}" held "$NS" "$KEY" >"$WORK/held_party.out" 2>&1)
SESSION=$(await_line "$WORK/held_party.out" '^[0-9a-f]{16}$')
start flood "$B/test/hostile/relay_flood" "$SESSION" "$NS"
FLOOD_PID=$PID
await_line "$WORK/flood.out" '^thrown$' >/dev/null || not_ok "the flood begins" "$WORK/flood.err"
# How long the nameserver's threads have wanted a processor and had none.
waited_ns() { cat /proc/"$NS_PID"/task/*/schedstat | awk '{ all += $2 } END { printf "%.0f\n", all }'; }
# p99 LIMIT_MS: of honest datagrams through the relay; they may try twice more. The nameserver is busy then, and where others
# have the processors for more than a third of that time, the limit tells of them: it is ten times as much.
p99() {
    local line waited since end=$((SECONDS + 60)) limit
    for n in 1 2 3; do
        waited=$(waited_ns) since=$(date +%s%N)
        echo 5000 >&"$QUESTIONS"
        until line=$(grep '^p50' "$WORK/held_party.out" | sed -n "${n}p") && [ -n "$line" ]; do
            kill -0 "$FLOOD_PID" || return 1
            [ "$SECONDS" -lt "$end" ] || return 1
            nap 0.05
        done
        waited=$((($(waited_ns) - waited) * 100 / ($(date +%s%N) - since)))
        limit=$((waited > 33 ? 10 * $1 : $1))
        echo "$line, within $limit ms; without a processor for $waited % of the time" | tee -a "$WORK/p99"
        awk -v most="$limit" '{ exit !($4 + 0 <= most) }' <<<"$line" && return
    done
    return 1
}
check "honest datagrams pass during a flood of bad frames, 99 of 100 within 10 ms" p99 $((10 * SLOW))
check "so are requests answered" served during
kill "$FLOOD_PID"
await_exit "$FLOOD_PID"
sed 's/^/# /' "$WORK/flood.out" "$WORK/p99"
check "none of the flood was answered" grep -q 'answered 0$' "$WORK/flood.out"
check "and the nameserver's memory is bounded" [ "$(value_kb "$NS_PID" VmRSS)" -le $((RSS_KB + 8 * MEMORY_KB * SLOW)) ]
exec {QUESTIONS}>&-

# --- limits
restart --relay-per-address=1 --relay-time=2
introduce
start first "${PARTY[@]}" ends "$NS" "$KEY"
FIRST_PID=$PID
await_line "$LOG" 'event=connected .*name=relayed' >/dev/null
check "a session ends after --relay-time, and its parties are told so" await_exit "$FIRST_PID"
restart --relay-rate=100000
check "above --relay-rate datagrams are dropped, and the parties are told so" party slowed
restart --relay-per-address=1 --relay-rate=7 --relay-time=60
check "the limits are in the offer" offered 'Relay: rate=7; time=60'
kill "$NS_PID"
await_exit "$NS_PID"
check "the nameserver ends in order" [ $? = 0 ]
check "and no sanitizer has reported" [ -z "$(grep -E 'Sanitizer|runtime error' "$LOG")" ]
finish
