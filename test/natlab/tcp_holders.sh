#!/bin/bash
# test/natlab/tcp_holders.sh: a name that is held over TCP is lost when its holder's host has vanished, to a challenge or
# by time, and not while it lives, be the way long and losses many.
# shellcheck disable=SC2119 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
CHALLENGES=${1:-15} WAY_MS=${2:-150} PERCENT=${3:-10}

lab_or_skip "names that are held over TCP" "$0" "$@"

hold() { # hold NAME: on H1, over TCP; sets PID
    lab_start "$1" h1 curl -s -N "http://$LAB_NS/bind?host_id=$1"
    await_line "$WORK/nameserver.err" "event=bound .*transport=tcp name=$1\$" >/dev/null
}
want() { # want NAME: from H2, over UDT; the status
    lab_exec h2 "$B/udtcurl" -s -o /dev/null -w '%{http_code}\n' --max-time "${2:-30}" "udt://$LAB_NS/bind?host_id=$1"
}
lab_begin
lab_delay 1 "$WAY_MS"
lab_up none none
start_s "$LAB_NS" --listen-tcp "$LAB_NS" --idle-timeout 15 --introductions-per-source 0 --introductions-per-name 0 || exit 1
for name in alive challenged silent; do hold "$name"; done
lab_weather 1 "numgen random mod 100 < $PERCENT drop"
for ((i = 0; i < CHALLENGES; i++)); do want alive; done | sort | uniq -c >"$WORK/statuses"
check "a living holder $((2 * WAY_MS)) ms away keeps its name in $CHALLENGES challenges with $PERCENT % loss each way" \
    grep -qx " *$CHALLENGES 409" "$WORK/statuses"
check "and is not idle for that" [ "$(grep -c 'event=left ' "$WORK/nameserver.err")" = 0 ]
lab_cut 1
start taker lab_exec h2 "$B/udtcurl" -s "udt://$LAB_NS/bind?host_id=challenged"
check "the name of a holder whose host has vanished goes to who asks for it" \
    await_line "$WORK/nameserver.err" 'event=replaced .*name=challenged holder=.*reason="did not answer the challenge"'
check "and is free after the idle timeout" \
    await_line "$WORK/nameserver.err" 'event=left .*transport=tcp name=silent reason="fell silent"'
echo "# the last one left after $(sed -nE "s/.*event=left .*name=silent .*ms=([0-9]+).*/\1/p" "$WORK/nameserver.err") ms"
finish
