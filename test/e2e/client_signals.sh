#!/usr/bin/env bash
# What hx commands end with when a signal ends them: 128 and its number, hx ping as ping(8).
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
start_nameserver_with_home
mkdir "$HOME/public"
echo x >"$HOME/public/x"
ended_by() { # ended_by SIGNAL STATUS: what was started last, by it
    kill "-$1" "$PID"
    await_exit "$PID"
    local status=$?
    [ "$status" = "$2" ] || { echo "status $status" && false; }
}

for signal in INT:130 TERM:143; do
    for command in "ls nobody:" "info nobody" "ping nobody"; do
        # shellcheck disable=SC2086
        start waiting "$HX" $command -v --nameserver 127.0.0.1:9 --timeout 60
        await_line "$WORK/waiting.err" '^waiting for the nameserver' >/dev/null
        check "hx $command ends with ${signal#*:} by SIG${signal%:*}" ended_by "${signal%:*}" "${signal#*:}"
    done
    start sender "$HX" send "$HOME/public/x" -v
    line=$(await_line "$WORK/sender.out" '^hx recv')
    start receiver "$HX" recv "${line#hx recv }" "$WORK/none" -v -y --nameserver 127.0.0.1:9 --timeout 60
    await_line "$WORK/receiver.err" '^waiting for the nameserver' >/dev/null
    check "hx recv ends with ${signal#*:} by SIG${signal%:*}" ended_by "${signal%:*}" "${signal#*:}"
    PID=${STARTED[-2]}
    check "so does hx send" ended_by "${signal%:*}" "${signal#*:}"
done

start_bound home home --echo
for signal in INT:0 TERM:143; do
    start pinger "$HX" ping home -i .05
    await_line "$WORK/pinger.out" ': seq=2 time=' >/dev/null
    check "hx ping ends with ${signal#*:} by SIG${signal%:*} when answers came" ended_by "${signal%:*}" "${signal#*:}"
    check "and sums them up" grep -q '^rtt min/avg/max/mdev' "$WORK/pinger.out"
done
finish
