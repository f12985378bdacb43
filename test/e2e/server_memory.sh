#!/usr/bin/env bash
# A nameserver without memory: whatever of its own it asks for in vain, it refuses that one peer, and goes on.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
SENTENCE="the nameserver outlives a lack of memory"
[ "$SLOW" = 1 ] || {
    skip "$SENTENCE" "a sanitizer has a malloc() of its own"
    finish
}
fail_each() { printf '%-15s\n' "$1" 1<>"$WORK/failing"; }
failed() { tail -c +17 "$WORK/failing" | tr -dc 0-9; }
# curl 7.88 often forgets the time of one of several transfers, and waits for ever.
many() { timeout 5 curl -sZ --no-progress-meter --parallel-max 40 --max-time 1 -o /dev/null "$@"; }
ask_much() { # names bound, looked up and waited for, and a session joined, over TCP, and some over UDT; most are refused, or cut off
    local pids=()
    many "http://$TCP/bind?host_id=n[1-40]" -H 'Candidate: 10.0.0.1:1 host' &
    pids+=($!)
    many "http://$TCP/connect?host_id=n[1-80]" -H 'Prefer: wait=1' &
    pids+=($!)
    many "http://$TCP/join?session=s&expect=40&name=n[1-40]" -H 'Candidate: 10.0.0.1:1 host' &
    pids+=($!)
    for i in {1..12}; do
        "$B/udtcurl" -s --max-time 1 -o /dev/null "udt://$NS/bind?host_id=n$i" &
        pids+=($!)
        "$B/udtcurl" -s --max-time 1 -o /dev/null "udt://$NS/connect?host_id=n$i" -H 'Candidate: 10.0.0.2:1 host' &
        pids+=($!)
        "$B/udtcurl" -s --max-time 1 -o /dev/null "udt://$NS/join?session=s&expect=9&name=m$i" -H 'Candidate: 10.0.0.3:1 host' &
        pids+=($!)
    done
    wait "${pids[@]}"
}
answers() { [ "$("$B/udtcurl" -s -o /dev/null -w '%{http_code}' --max-time 10 "udt://$NS/")" = 200 ]; }

printf '%-15s\n%-15s\n' 0 0 >"$WORK/failing"
start nameserver env LD_PRELOAD="$B/test/failing_malloc.so" FAILING_MALLOC_FILE="$WORK/failing" \
    "$B/hx-nameserver" --listen 127.0.0.1:0 --listen-tcp 127.0.0.1:0 --transcripts "$WORK/transcripts" --relay --rate-per-address 0 --max-per-address 0
NS_PID=$PID
NS=$(await_line "$WORK/nameserver.out" '^listening on 127') && NS=${NS##* }
TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ') && TCP=${TCP##* }
for each in 2 7 31; do
    fail_each $each
    ask_much
    check "$SENTENCE: each allocation of $each fails" kill -0 "$NS_PID"
done
fail_each 0
start holder curl -sN "http://$TCP/bind?host_id=ends" -H 'Candidate: 10.0.0.1:1 host'
await_line "$WORK/nameserver.err" 'event=bound .*name=ends' >/dev/null
fail_each 1
kill "$PID"
check "a holder over TCP that ends while there is no memory is none any more" \
    await_line "$WORK/nameserver.err" 'event=left .*name=ends' 30
fail_each 0
check "some have failed ($(failed))" [ "$(failed)" -gt 20 ]
check "and it has said so" grep -q 'out of memory' "$WORK/nameserver.err"
check "once there is memory again it answers" answers
none_left() {
    ask_numbers && grep 'event=stats' "$WORK/nameserver.err" | tail -n 1 | grep -q ' connections=0 names=0 waiters=0 sessions=0 members=0 '
}
check "no connection, name, waiter or member is left of all that" await_true 60 none_left
stop_nameserver
check "and it ends in order" [ $? = 0 ]
finish
