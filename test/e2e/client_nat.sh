#!/usr/bin/env bash
# hx nat on one host: what it says, how it ends, and what it asks of servers that are none of ours.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

hx_nat() { # hx_nat STATUS OPTION...: its output in nat.out, its messages in nat.err
    timeout 60 "$B/hx" nat "${@:2}" >"$WORK/nat.out" 2>"$WORK/nat.err" </dev/null
    local rc=$?
    cat "$WORK"/nat.{out,err}
    [ "$rc" = "$1" ]
}
says() { # says REGEX...: each on a line of its own
    local regex
    for regex in "$@"; do
        grep -Eq -- "$regex" "$WORK/nat.out" || { echo "no line '$regex' in:" && cat "$WORK/nat.out" && return 1; }
    done
}
json() { # json EXPRESSION: of Python, with the object as j
    python3 -c 'import json, sys
j = json.loads(sys.stdin.read())
if not eval(sys.argv[1]): sys.exit("false: %s of %s" % (sys.argv[1], j))' "$1" <"$WORK/nat.out"
}

start_nameserver --stun-address 127.0.0.1 --stun-address 127.0.0.2 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
no_nat() {
    hx_nat 0 -n "$NS" && says '^IPv4$' 'outside: +127\.0\.0\.1:[0-9]+, here 127\.0\.0\.1:[0-9]+: no NAT$' \
        "round trip: +[0-9.]+ ms to $NS\$" 'mapping: +endpoint-independent' '^IPv6: no server has such an address$' &&
        [ "$(tail -n 1 "$WORK/nat.out")" = "easy: any peer can be reached directly" ]
}
for_programs() {
    hx_nat 0 -n "$NS" --json && [ "$(wc -l <"$WORK/nat.out")" = 1 ] &&
        json 'j["verdict"] == "easy" and j["ipv4"]["status"] == "answered" and j["ipv4"]["nat"] is False' &&
        json 'j["ipv4"]["external"] == j["ipv4"]["local"] and 0 < j["ipv4"]["rtt_ms"] < 30000' &&
        json 'j["ipv4"]["filtering"] in ("unknown", "endpoint-independent") and j["ipv4"]["port_mapping"] is None' &&
        json 'j["ipv4"]["mtu"] == 1500' && json 'j["ipv6"]["status"] == "no-address" and j["lifetime"] is None' && hx_nat 0 -4 -n "$NS" --json && json 'j["ipv6"] is None'
}
own_port() { # what is asked about is the port that --local-port names
    hx_nat 0 -n "$NS" -p 19123 && says 'here 127\.0\.0\.1:19123'
}
interrupted() {
    start lifetime "$B/hx" nat -n "$NS" --lifetime -v
    await_line "$WORK/lifetime.err" 'looking at a mapping when it is 10 s old' || return 1
    kill -INT "$PID"
    await_exit "$PID" || return 1
    cp "$WORK/lifetime.out" "$WORK/nat.out"
    says '^a mapping lives for a time that is not known: interrupted' '^easy: '
}
check "without a NAT hx nat says so" no_nat
check "and to programs, as JSON" for_programs
check "it asks from the port that it is told" own_port
check "a lifetime that is interrupted tells what is known, and the rest" interrupted
check "a name is wrong usage" ended 3000 2 'too many arguments' "$B/hx" nat alice -n "$NS"

kill "$NS_PID" && await_exit "$NS_PID"
nobody() {
    hx_nat 1 -n "$NS" && says '^IPv4: nothing listens there, says ICMP$' "^unclear: nothing listens at $NS " &&
        hx_nat 1 -n "$NS" --json && json 'j["verdict"] == "unclear" and j["ipv4"] == {"status": "refused", "nameserver": "refused"}'
}
check "where nobody listens it says that, and fails" nobody
in_time() { # in_time OPTION...: it fails within 3 s; where nothing but the time was wrong, it may try twice more
    local begin
    for _ in 1 2 3; do
        begin=$EPOCHREALTIME
        hx_nat 1 "$@" || return 1
        if [ $(((${EPOCHREALTIME/[.,]/} - ${begin/[.,]/}) / 1000)) -lt $((3000 * SLOW)) ]; then return 0; fi
    done
    return 1
}
unknown_host() {
    in_time -n no-such-host.invalid && says '^unclear: the name of no-such-host\.invalid could not be looked up'
}
check "within 3 s" in_time -n "$NS"
check "a nameserver that has no name is said, in the same time" unknown_host

# UDT alone, as every nameserver before this one.
SERVER=$B/test/stock/plain_server
without_stun() { # a busy machine may answer later than hx nat waits: it is asked until it has answered once
    local at end=$((SECONDS + 30 * SLOW))
    start plain "$SERVER"
    at=$(await_line "$WORK/plain.out" '^listening on ') || { cat "$WORK/plain.err" && return 1; }
    while [ "$SECONDS" -lt "$end" ]; do
        if hx_nat 1 -4 -n "${at#listening on }" && grep -q 'answers no STUN: it is an older hx-nameserver' "$WORK/nat.out"; then return 0; fi
    done
    return 1
}
if [ -x "$SERVER" ]; then
    check "a nameserver without STUN is told from none" without_stun
else
    skip "a nameserver without STUN is told from none" "not built in $B"
fi
finish
