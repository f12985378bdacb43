#!/usr/bin/env bash
# What the nameserver drops can be read: SIGUSR1's lines count it by reason, and whom that may puzzle is named in the log.
# shellcheck source=test/hostile/lib.sh disable=SC2119,SC2154
. "$(dirname "$0")/../hostile/lib.sh"

LOG=$WORK/nameserver.err

throw() { timeout 60 "$THROW" "$@" "$NS" >/dev/null; }
to_nobody() { # a keepalive for id 0
    printf '\x80\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >"/dev/udp/${NS%:*}/${NS##*:}"
}
# A stock program with an option of UDT that the filter does not let pass: without its line nobody would know why.
stock() { start stock "$B/test/stock/stock_client" --deadline 20 --mss 200 bind "${NS%:*}" "${NS##*:}" small; }

start_nameserver --rate-per-address=10 || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
check "an honest client is served" throw honest
counters
check "which is counted as taken" [ "$(value datagrams_taken)" -gt 5 ]
check "and nothing as dropped" [ "$(grep -c '^dropped_' "$WORK/counters")" = 0 ]

stock
check "a stock peer that the filter drops is in the log, with the rule" \
    await_line "$LOG" 'level=warn event=dropped peer=127\.0\.0\.1:[0-9]+ rule=mss$'
counters
BEFORE=$(value dropped_mss)

# Each from a host of its own, all at the same time: a reason and what it is the reason for.
CASES='length short_handshake
type strange_types
request strange_requests
mss mss_44
sequence nak_bit31
ack ack_rtt
nak short_bodies
empty empty_data
unmatched shutdown_one
bad_cookie guessed_cookie
light_ack light_ack
unsent ack_beyond
unproven shutdown_forged
over_rate flood'
HOST=10
THROWN=()
while read -r _ case; do
    throw --from "127.0.0.$((HOST++))" "$case" &
    THROWN+=($!)
done <<<"$CASES"
wait "${THROWN[@]}" # the stock peer goes on trying meanwhile, every 250 ms
to_nobody
counters
while read -r reason case; do
    check "$case is counted as $reason" [ "$(value "dropped_$reason")" -gt 0 ]
done <<<"$CASES"
check "a datagram for id 0 that asks for nothing is counted as id" [ "$(value dropped_id)" -gt 0 ]
check "what the stock peer says meanwhile is counted, too" [ "$(value dropped_mss)" -gt $((BEFORE + 3)) ] # and mss_44's three
check "but it is named once in a minute" [ "$(grep -c 'event=dropped peer=127\.0\.0\.1:' "$LOG")" = 1 ]
kill "$NS_PID"
await_exit "$NS_PID"
check "the nameserver ends in order" [ $? = 0 ]

once_each() { # once_each NAME: a line of it for each time that it was asked for the numbers
    awk -v name="of=$1" '/event=stats / { n = 0 } $0 ~ name && ++n > 1 { twice = 1 } END { exit twice }' "$LOG"
}
start_nameserver --listen 127.0.0.2:0
await_line "$WORK/nameserver.out" 'listening on 127\.0\.0\.2:' >/dev/null
OTHER=$(sed -n 's/^listening on \(127\.0\.0\.2:.*\)/\1/p' "$WORK/nameserver.out")
for address in "$NS" "$OTHER"; do
    check "each of two addresses is served ($address)" "$B/udtcurl" -s -o /dev/null --max-time 60 "udt://$address/"
    counters
    check "what all of them take is one number" once_each datagrams_taken
    check "which grows by either" [ "$(value datagrams_taken)" -gt "${TAKEN:-0}" ]
    TAKEN=$(value datagrams_taken)
done
finish
