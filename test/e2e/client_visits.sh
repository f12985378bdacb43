#!/usr/bin/env bash
# What a nameserver gives for the next visit, what hx keeps of it, and servers that know nothing of either. How many round
# trips that saves, test/natlab/round_trips_nameserver.sh measures.
# shellcheck source=test/lib.sh disable=SC2016,SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

STATE=$WORK/state/hx/visits
visit() { # visit [ENVIRONMENT...]: hx asks for a name that nobody has, and is told so
    env "$@" timeout 60 "$B/hx" connect nobody --insecure -n "$NS" </dev/null >"$WORK/visit.out" 2>"$WORK/visit.err"
    grep -q "nobody holds the name 'nobody'" "$WORK/visit.err"
}

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
check "the first visit is answered" visit
check "its request came ahead of its connection" [ "$(counter early_taken)" = 1 ]
check "and it was given a ticket" [ "$(counter tickets_given)" = 1 ]
check "which is kept where nobody else can read it" [ "$(stat -c %a "$STATE")" = 600 ]
check "the next visit is answered" visit
check "by the ticket" [ "$(counter tickets_taken)" = 1 ]
echo 'no such line' >"$STATE"
check "a damaged file is none" visit
check "and is written anew" grep -Eq "^$NS [0-9a-f]{40}\$" "$STATE"
check "nobody's directory is needed" visit -u HOME -u XDG_STATE_HOME
check "nor one that can be written" visit XDG_STATE_HOME=/dev/null
kill "$NS_PID"
await_exit "$NS_PID"
start nameserver "$B/hx-nameserver" --listen "$NS"
NS_PID=$PID
await_line "$WORK/nameserver.out" 'listening on' >/dev/null
check "a nameserver that has started anew takes no ticket of before" visit
check "the request came ahead all the same" [ "$(counter early_taken)" = 1 ]
check "and the ticket is counted" [ "$(counter dropped_bad_ticket)" -gt 0 ]
kill "$NS_PID"

# --- a server that is a stock UDT's, at whose address a nameserver of ours was before
printf 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' >"$WORK/reply"
start stock "$B/test/stock/plain_server" --reply "$WORK/reply" --requests "$WORK/requests"
NS=127.0.0.1:$(await_line "$WORK/stock.out" 'listening on' | sed 's/.*://')
echo "$NS $(printf '00%.0s' {1..20})" >>"$STATE"
check "a stock UDT server answers as if nothing had come ahead" visit
check "and has read the request once" [ "$(grep -c '^GET /connect' "$WORK/requests")" = 1 ]
check "from its first byte to its last" eval 'head -n 1 "$WORK/requests" | grep -q "^GET /connect?host_id=nobody" &&
    [ "$(tail -c 4 "$WORK/requests" | od -An -tx1 | tr -d " ")" = 0d0a0d0a ]'
finish
