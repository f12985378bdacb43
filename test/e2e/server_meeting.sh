#!/usr/bin/env bash
# H1 binds, H2 connects, as a person with udtcurl sees it; who holds a name; what the log tells.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

CURL=$B/udtcurl
LOG=$WORK/nameserver.err

ask() { # ask TARGET [OPTION...]: answer in $WORK/ask.out, status in STATUS
    local target=$1
    shift
    STATUS=$("$CURL" -s -o "$WORK/ask.out" -w '%{http_code}' --max-time 20 "$@" "udt://$NS$target")
}
status_is() { # status_is SENTENCE STATUS
    if [ "$STATUS" = "$2" ]; then ok "$1"; else not_ok "$1 (status $STATUS)" "$WORK/ask.out" "$LOG"; fi
}
address_of() { # address_of NAME: what S has told this udtcurl about itself
    await_line "$WORK/$1.out" '^External-Address: ' | sed 's/^External-Address: //; s/\r$//'
}
start_h1() { # start_h1 NAME [OPTION...]: binds, and waits until S has said so; sets PID, ADDRESS
    local name=$1
    shift
    start "$name" "$CURL" -s -i "$@" "udt://$NS/bind?host_id=host_sweet_host"
    ADDRESS=$(address_of "$name")
}

start_nameserver || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
ask "/connect?host_id=host_sweet_host"
status_is "an unknown name is 404" 404
check "and logged" grep -q 'event=refused .* status=404 name=host_sweet_host' "$LOG"

start_h1 h1
H1_PID=$PID H1=$ADDRESS
check "H1 binds" grep -q "event=bound .* peer=$H1 name=host_sweet_host" "$LOG"
start h2 "$CURL" -s -i "udt://$NS/connect?host_id=host_sweet_host&name=alice@home"
H2_PID=$PID H2=$(address_of h2)
check "H2 is told H1's address" await_line "$WORK/h2.out" "^host_sweet_host: $H1"
check "and its own" await_line "$WORK/h2.out" "^alice@home: $H2"
check "H1 is told H2's address" await_line "$WORK/h1.out" "^alice@home: $H2"
check "the log tells who met whom" grep -q "event=connected .* h1=$H1 h2=$H2 h2_name=alice@home" "$LOG"

ask "/bind?host_id=host_sweet_host"
status_is "a second H1 gets 409 while the first one lives" 409
check "and the challenge is in the log" grep -q "event=challenged .* holder=$H1" "$LOG"
ask "/bind?host_id=host_sweet_host" -I
status_is "HEAD says the same" 409

kill "$H1_PID"
check "H1's end is noted at once" await_line "$LOG" "event=left .* peer=$H1 name=host_sweet_host reason=\"closed by the peer\""
ask "/bind?host_id=host_sweet_host" -I
status_is "and frees the name" 200

start_h1 again
AGAIN_PID=$PID AGAIN=$ADDRESS
check "H1 bound anew is told of the H2 that still watches" await_line "$WORK/again.out" "^alice@home: $H2"
check "and H2 of H1's new address" await_line "$WORK/h2.out" "^host_sweet_host: $AGAIN"

kill -STOP "$AGAIN_PID" # it acknowledges nothing any more, as after a crash
before=$(date +%s%N)
start_h1 heir
took=$((($(date +%s%N) - before) / 1000000))
check "a crashed H1 is replaced" grep -q "event=replaced .* holder=$AGAIN" "$LOG"
check "in about a second (took $took ms)" [ "$took" -ge 900 -a "$took" -le $((2500 * SLOW)) ]
kill -CONT "$AGAIN_PID"

start waiter "$CURL" -s -i -H 'Prefer: wait=30' "udt://$NS/connect?host_id=late"
await_line "$LOG" 'event=waits .* name=late' >/dev/null
start late "$CURL" -s -i "udt://$NS/bind?host_id=late"
check "who waits for a name meets it when it appears" await_line "$WORK/waiter.out" "^late: $(address_of late)"
ask "/connect?host_id=never" -H 'Prefer: wait=1'
status_is "and gets 404 when it does not" 404

kill "$H2_PID"
check "H2's end is noted" await_line "$LOG" "event=left .* peer=$H2 name=host_sweet_host"
finish
