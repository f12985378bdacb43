#!/usr/bin/env bash
# Who abuses a tunnel for UDP in a TCP connection harms nobody but himself.
# shellcheck source=test/hostile/lib.sh disable=SC2154
. "$(dirname "$0")/../hostile/lib.sh"

serve() { # serve [OPTION...]: sets NS, TCP, UDP
    rm -f "$WORK/nameserver.out"
    start_nameserver --listen-tcp 127.0.0.1:0 --log-level info "$@" || return
    TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ') && TCP=${TCP##*:} UDP=${NS##*:}
}
stop() {
    kill "$NS_PID"
    await_exit "$NS_PID"
}
rude() { # rude CASE [NUMBER]: what came of it in $WORK/CASE
    timeout 60 python3 "$TOP/test/hostile/tunnel_peers.py" "$TCP" "$UDP" "$@" >"$WORK/$1" 2>&1
}
says() { # says CASE LINE...
    local line
    for line in "${@:2}"; do
        grep -qxF -- "$line" "$WORK/$1" || { cat "$WORK/$1" && return 1; }
    done
}
slowest() { # milliseconds of the slowest of 20 honest requests by UDP
    local ms most=0
    for _ in {1..20}; do
        ms=$(get_ms "$NS") || return 1
        [ "$ms" -le "$most" ] || most=$ms
    done
    echo "$most"
}
served() { [ "$("$B/udtcurl" -s -o /dev/null -w '%{http_code}' --max-time 60 "udt://$NS/")" = 200 ]; }
in_time() { # of three tries one is, or as soon as one before the attack: others want a processor, too
    local ms
    for _ in 1 2 3; do
        ms=$(slowest) || return 1
        echo "the slowest took $ms ms, before $CALM_MS"
        [ "$ms" -gt $((100 * SLOW > 3 * CALM_MS ? 100 * SLOW : 3 * CALM_MS)) ] || return 0
    done
    return 1
}

serve --max-per-address 0 --rate-per-address 0 --request-timeout 2 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
rude lies
check "a capsule that lies about its length ends its tunnel" \
    says lies 'ended: too long' 'ended: longer than there is memory' 'ended: empty' 'ended: cut context' 'ended: cut long context'
check "one that is not whole is waited for" says lies 'open: half'
check "the log says why" [ "$(counter left_no_capsules)" = 5 ]
rude skipped
check "unknown capsules and contexts, and datagrams that are too long or too short, are skipped" says skipped 'answered True' 'more False'
rude byte_by_byte
check "capsules may come byte by byte" says byte_by_byte 'answered True'

START_KB=$(value_kb "$NS_PID" VmRSS)
CALM_MS=$(slowest)
rude flood 1 &
RUDE=$!
await_line "$WORK/flood" '^begun' >/dev/null
check "while a tunnel is flooded, others are served in time" in_time
check "and others through tunnels" rude skipped
check "as ever" says skipped 'answered True'
wait "$RUDE"
echo "# $(tail -n 1 "$WORK/flood") datagrams in a second"
rude unread &
RUDE=$!
check "while one asks on and on and reads nothing, others are served in time" in_time
wait "$RUDE"
check "and it is ended as one that does not read" grep -q '^ended after' "$WORK/unread"
check "which the log says" await_line "$WORK/nameserver.err" 'event=left .*reason="does not read its answer"'
check "what it did not take is lost" [ "$(counter tunnel_lost)" -gt 0 ]
check "the nameserver has not grown" [ "$(value_kb "$NS_PID" VmRSS)" -le $((START_KB + 20000 * SLOW * SLOW)) ]
stop
check "it ends in order" [ $? = 0 ]

# The limits of an address count what comes by UDP and by tunnels together.
serve --max-per-address 8 || exit 1
mkfifo "$WORK/hold"
start many bash -c "exec python3 '$TOP/test/hostile/tunnel_peers.py' $TCP $UDP many 10 <'$WORK/hold'"
MANY=$PID
exec {HOLD}>"$WORK/hold"
check "of ten tunnels eight are let in" await_line "$WORK/many.out" '^statuses 101 101 101 101 101 101 101 101 429 429$'
check "and then nobody of that address by UDP" \
    [ "$("$B/udtcurl" -s -o /dev/null -w '%{http_code}' --max-time 60 "udt://$NS/")" = 429 ]
exec {HOLD}>&-
await_exit "$MANY"
check "once they have gone they are served" await_true 60 served
stop
finish
