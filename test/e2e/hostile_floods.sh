#!/usr/bin/env bash
# S21, S22: one address floods, with the nameserver's ordinary rates; others notice nothing.
# shellcheck source=test/hostile/lib.sh disable=SC2154
. "$(dirname "$0")/../hostile/lib.sh"

GROWTH_KB=$((40000 * SLOW * SLOW))

flooded() { # flooded SENTENCE CASE [REGEX]: when the attacker says so
    local pid
    rm -f "$WORK/flood.out"
    start flood "$THROW" --repeat "$2" "$NS"
    pid=$PID
    await_line "$WORK/flood.out" "${3:-^thrown$}" >/dev/null || not_ok "$2 is thrown" "$WORK/flood.err"
    check "$1" honest_requests
    sed 's/^/# /' "$WORK/slowest"
    check "and the held bind is told of a connect" introduced "$2"
    check "and the nameserver's memory is bounded" [ "$(value_kb "$NS_PID" VmRSS)" -le $((RSS_START_KB + GROWTH_KB)) ]
    kill "$pid"
    await_exit "$pid"
}

UNRATED=() # as it is by default
start_attacked
start_control || exit 1
flooded "S21: honest requests during a flood of first handshakes" flood
flooded "S21: honest requests during a flood of garbage" garbage
flooded "S21: honest requests while one address opens all the sessions it can" many_sessions
LET_IN=$(sed -n 's/^let in //p' "$WORK/flood.out" | head -n 1)
check "S21: of its thousands of sessions as many get in as the rate lets, bursts included ($LET_IN in 2 s)" \
    [ "$LET_IN" -ge 100 -a "$LET_IN" -le 800 ]

# UDT looks through all sessions with a newcomer's ISN and its id's two lowest bits: what keeps that short are the
# limits of one address.
BARE_OPTIONS=(--buffer 32)
harm "S22: 3000 sessions with one id and ISN double a bare server's work for a handshake" labours other_ids_storm same_ids_storm
harm_done # alone: both want a processor
CPU_BEFORE=$(cpu_ticks "$NS_PID") SINCE=$(date +%s%N)
flooded "S22: honest requests while one address has all the sessions it can with one id and ISN" same_ids_storm '^sessions [0-9]{3}'
PERCENT=$(((($(cpu_ticks "$NS_PID") - CPU_BEFORE) * 1000000000) / ($(date +%s%N) - SINCE)))
check "S22: which takes $PERCENT % of a processor" [ "$PERCENT" -le $((25 * SLOW)) ]
check "the nameserver's process lives" [ -d "/proc/$NS_PID" ]
kill "$NS_PID"
await_exit "$NS_PID"
check "and ends in order" [ $? = 0 ]
check "and no sanitizer has reported" [ -z "$(grep -E 'Sanitizer|runtime error' "$WORK/nameserver.err")" ]
finish
