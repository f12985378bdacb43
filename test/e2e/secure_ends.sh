#!/usr/bin/env bash
# Every command ends with the last answer that it waits for, over a path whose round trip takes 400 ms, and the peer
# learns that it has left.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
HX=$B/hx
DELAY_MS=200

lab_or_skip "commands end with their last answer" "$0" "$@"
lab_begin || exit 1
# Hosts a and b (with the nameserver), and the wire between them.
lab_node a b mid
for host in a b; do
    ip link add eth0 netns $host type veth peer name "wire_$host" netns mid
    ip -n mid link set "wire_$host" up
    ip -n $host link set eth0 up
    lab_exec $host ethtool -K eth0 tx off tso off gso off gro off >/dev/null 2>&1
done
ip -n a addr add 192.0.2.1/24 dev eth0
ip -n b addr add 192.0.2.2/24 dev eth0
mkfifo "$WORK/wire.in"
sleep 600 >"$WORK/wire.in" & # the wire is there as long as its input
STARTED+=($!)
nsenter --net=/run/netns/mid "$B/test/natlab/delay_line" wire_a wire_b $DELAY_MS <"$WORK/wire.in" >"$WORK/wire.out" 2>"$WORK/wire.err" &
STARTED+=($!)
await_line "$WORK/wire.out" ready >/dev/null || not_ok "the wire is there" "$WORK/wire.err"

export HX_NAMESERVER=192.0.2.2:7000
HX_KEY=$("$HX" key --file "$WORK/key") && export HX_KEY
start nameserver nsenter --net=/run/netns/b "$B/hx-nameserver" --listen $HX_NAMESERVER
await_line "$WORK/nameserver.out" 'listening on' >/dev/null
mkdir "$WORK/share"
echo shared >"$WORK/share/f"
start home nsenter --net=/run/netns/b "$HX" bind home -v --share "$WORK/share:rw"
await_line "$WORK/home.err" '^bound home' >/dev/null
start echo nsenter --net=/run/netns/b "$HX" bind echo -v --echo
await_line "$WORK/echo.err" '^bound echo' >/dev/null

# ends WITHIN_MS REGEX COMMAND...: given INPUT, it ends so soon after the line of its output that has REGEX. Where nothing
# but the time was wrong, it may try twice more: others want a processor, too.
cat >"$WORK/ends.py" <<'P'
import re, subprocess, sys, time
p = subprocess.Popen(sys.argv[3:], stdin=sys.stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
answered = None
for line in p.stdout:
    sys.stdout.write(line.decode(errors="replace"))
    if answered is None and re.search(sys.argv[2], line.decode(errors="replace")): answered = time.monotonic()
status = p.wait()
if answered is None: sys.exit("no answer")
took = (time.monotonic() - answered) * 1000
print(f"status {status}, {took:.0f} ms after the answer")
sys.exit(1 if status else 3 if took > int(sys.argv[1]) else 0)
P
ends() {
    local rc
    for _ in 1 2 3; do
        nsenter --net=/run/netns/a python3 "$WORK/ends.py" "$1" "$2" "$HX" "${@:3}" <<<"${INPUT:-}"
        rc=$?
        [ $rc = 3 ] || break
    done
    return $rc
}
(ends 350 ': seq=1 time=' ping home -c 1 >"$WORK/ping.ends" 2>&1; echo $? >"$WORK/ping.rc") &
pids=($!)
(ends 350 'whole and verified' cp home:f "$WORK/down" >"$WORK/down.ends" 2>&1; echo $? >"$WORK/down.rc") &
pids+=($!)
(ends 350 'whole and verified' cp "$WORK/ends.py" home:up >"$WORK/up.ends" 2>&1; echo $? >"$WORK/up.rc") &
pids+=($!)
(INPUT=hello ends 750 '^hello' connect echo >"$WORK/pipe.ends" 2>&1; echo $? >"$WORK/pipe.rc") &
pids+=($!)
wait "${pids[@]}"
for what in "ping" "down" "up"; do
    if [ "$(<"$WORK/$what.rc")" = 0 ]; then ok "$what ends with its last answer"; else not_ok "$what ends with its last answer" "$WORK/$what.ends"; fi
done
if [ "$(<"$WORK/pipe.rc")" = 0 ]; then
    ok "the pipe ends when its last byte is confirmed, one round trip later"
else
    not_ok "the pipe ends when its last byte is confirmed, one round trip later" "$WORK/pipe.ends"
fi
goodbyes() { # the first three that hx bind tells
    local tail_pid
    exec {fd}< <(exec timeout 60 tail -n +1 -s 0.05 -F "$WORK/home.err" 2>/dev/null)
    tail_pid=$!
    grep -m3 -E 'key=-: (left|lost) after' <&"$fd"
    kill "$tail_pid" 2>/dev/null
    exec {fd}<&-
}
if [ "$(goodbyes | grep -c left)" = 3 ]; then
    ok "hx bind sees three peers leave in order"
else
    not_ok "hx bind sees three peers leave in order" "$WORK/home.err"
fi
grep -h '^status' "$WORK"/*.ends | sed 's/^/# /'
finish
