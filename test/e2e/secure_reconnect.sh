#!/usr/bin/env bash
# Forwards outlive the path: the listeners stay, live connections are reset, new ones go through the next link.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx

# ask TEXT: through the forward; prints what comes back.
ask() {
    timeout 60 socat -t 60 - "TCP:127.0.0.1:$L" <<<"$1"
}
# open_connection: on descriptor 9; it has passed a line both ways.
open_connection() {
    exec 9<>"/dev/tcp/127.0.0.1/$L" || return 1
    echo alive >&9
    [ "$(timeout 60 head -n 1 <&9)" = alive ]
}

start_nameserver_with_key
start_echo || not_ok "a TCP server starts" "$WORK/tcp.err"

start_bound first home --allow "127.0.0.1:$PORT"
FIRST=$PID
start connect "$HX" connect home -v --keepalive 1 -L "0:127.0.0.1:$PORT"
CONNECT=$PID
L=$(listens connect "127.0.0.1:$PORT")
check "a connection passes" [ "$(ask one)" = one ]
check "another one stays open" open_connection

kill "$FIRST"
await_exit "$FIRST"
check "hx bind ends with success when it is terminated" [ "$?" = 0 ]
timeout 60 cat <&9 >"$WORK/live.out" 2>"$WORK/live.err"
check "the live connection is reset" grep -q 'reset by peer' "$WORK/live.err"
exec 9<&-
check "the loss is told" await_line "$WORK/connect.err" '^no path to home \(.*\), trying again in [0-9]+ ms$'
check "hx connect goes on" kill -0 "$CONNECT"

start_bound second home --allow "127.0.0.1:$PORT"
SECOND=$PID
check "the next link comes by itself" await_line "$WORK/second.err" '^peer - at [^ ]+ key=-$'
check "and connections pass again" [ "$(ask two)" = two ]
check "both paths were told" [ "$(grep -c '^connected to home at ' "$WORK/connect.err")" = 2 ]

# Now it vanishes without a word.
check "one of them stays open" open_connection
kill -KILL "$SECOND"
timeout 15 cat <&9 >"$WORK/live.out" 2>"$WORK/live.err"
check "the live connection is reset within a few seconds" grep -q 'reset by peer' "$WORK/live.err"
exec 9<&-

kill -INT "$CONNECT"
await_exit "$CONNECT"
check "an interruption ends hx connect, with success" [ "$?" = 0 ]
finish
