#!/usr/bin/env bash
# STUN in floods, from many sources, of every kind: UDT's clients do not suffer, and no answer helps whoever forges a
# victim's address: none is longer than 1.5 times its question, and each source has a budget.
# shellcheck source=test/hostile/lib.sh disable=SC2119,SC2154
. "$(dirname "$0")/../hostile/lib.sh"

LOG=$WORK/nameserver.err
SOURCES=100

counts() { counters && grep -q "^$1 " "$WORK/counters"; }
await_counters() { # await_counters NAME...: until each of them has counted something
    local name
    for name; do await_true 60 counts "$name" || { echo "$name counts nothing" && return 1; }; done
}

# With a second address and port: all that STUN can do; and a rate that a slow machine's flood exceeds as well. The first
# address's ports may be another one's at the second.
for _ in 1 2 3 4 5; do
    start_attacked --listen 127.0.0.2:0 --stun-rate=20
    grep -q 'event=no_stun ' "$LOG" || break
    kill "$NS_PID"
    await_exit "$NS_PID"
done
start_control || exit 1
start flood "$B/test/hostile/stun_flood" $SOURCES "$NS"
FLOOD_PID=$PID
await_line "$WORK/flood.out" '^thrown$' >/dev/null || not_ok "the flood begins" "$WORK/flood.err"
check "honest requests are answered during a flood of STUN" honest_requests
check "and the held bind is told of a connect" introduced stun
check "every kind of it is counted: answered, changed, unknown, malformed, and too many" \
    await_counters stun_answered stun_changed stun_unknown_attribute stun_malformed stun_over_rate
check "and the nameserver's memory is bounded" [ "$(value_kb "$NS_PID" VmRSS)" -le $((RSS_START_KB + 8 * MEMORY_KB * SLOW)) ]
kill "$FLOOD_PID"
await_exit "$FLOOD_PID"
sed 's/^/# /' "$WORK/flood.out"
read -r _ SENT _ ANSWERED _ LONGEST _ TOO_LONG < <(grep '^sent' "$WORK/flood.out")
check "some of it was answered ($ANSWERED of $SENT)" [ "${ANSWERED:-0}" -gt 100 ]
check "no answer was longer than 1.5 times its question (the longest: $LONGEST hundredths)" [ "${TOO_LONG:-1}" = 0 ]
check "an honest request afterwards" served after
check "the held bind is held by the same connection" [ "$(grep -c 'event=bound .*name=held' "$LOG")" = 1 ]
kill "$NS_PID"
await_exit "$NS_PID"
check "the nameserver ends in order" [ $? = 0 ]
check "and no sanitizer has reported" [ -z "$(grep -E 'Sanitizer|runtime error' "$LOG")" ]
finish
