#!/usr/bin/env bash
# hx bind and hx connect when something is not as it should be: each failure is clear and comes in time, and a bound
# name outlives crashes of its holder and of the nameserver.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
HX_KEY=$("$HX" key --file "$WORK/key")
export HX_KEY

# fails SENTENCE STATUS REGEX MILLISECONDS COMMAND...: as ended().
fails() {
    local name=$1 status=$2 regex=$3 most=$4
    shift 4
    if ended "$most" "$status" "$regex" "$@"; then ok "$name"; else not_ok "$name" "$WORK/ended.err"; fi
}
echoes() { # echoes NAME [OPTION...]: a line goes to the holder of NAME and back
    [ "$(echo "a line" | timeout 60 "$HX" connect "$@" 2>"$WORK/echoes.err")" = "a line" ]
}

fails "no command is a usage error" 2 'which command' 1000 "$HX"
fails "no nameserver is a usage error" 2 'HX_NAMESERVER' 1000 env -u HX_NAMESERVER "$HX" bind alice
fails "a name with a blank is a usage error" 2 "two words" 2000 "$HX" bind "two words" -n 127.0.0.1
check "help is shown on standard output" grep -q 'hx connect NAME' <("$HX" --help)
check "so is the version" grep -Eq '^hx [0-9]+\.' <("$HX" --version)

# A UDP port that nobody answers from: bound, and never read.
exec {silent}< <(exec python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1], flush=True)
sys.stdin.close(); time.sleep(240)' 2>/dev/null)
STARTED+=("$!")
read -r -u "$silent" port
fails "connect: a nameserver that does not answer is told within the time" 1 "127.0.0.1:$port.*check --nameserver" 5000 \
    "$HX" connect alice -n "127.0.0.1:$port" --timeout 3
start waits "$HX" bind alice -n "127.0.0.1:$port"
check "bind: a nameserver that does not answer is told within 5 s, and waited for" \
    await_line "$WORK/waits.err" "waiting for the nameserver 127.0.0.1:$port.*check --nameserver" $((5 * SLOW))
kill "$PID"
fails "a time limit ends that" 1 'timed out' 2500 "$HX" bind alice -n "127.0.0.1:$port" --timeout 1
fails "a host that cannot be resolved is told" 1 'could not be resolved.*--nameserver' 20000 \
    "$HX" connect alice -n no-such-host.invalid

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS
fails "a name that nobody holds is told at once, and what to do" 1 "nobody holds the name 'alice'.*--wait" 3000 \
    "$HX" connect alice

echo "a line" | timeout 60 "$HX" connect late --wait 20 >"$WORK/late.got" 2>"$WORK/late.2" &
pid=$!
await_line "$WORK/nameserver.err" 'event=waits .*name=late' >/dev/null
start_bound late late --echo
wait "$pid"
rc=$?
check "connect --wait waits for the name to appear" [ "$rc$(cat "$WORK/late.got")" = "0a line" ]

start_bound alice alice --echo
ALICE=$PID
fails "a name that a living connection holds is not given away" 1 "'alice' is held" 5000 "$HX" bind alice
check "its holder is still reached afterwards" echoes alice
port=$(sed -nE 's/^bound alice as .*:([0-9]+)$/\1/p' "$WORK/alice.err")
fails "a local port that is taken is told" 1 "UDP port $port.*--local-port" 3000 \
    "$HX" connect alice --local-port "$port"

kill -9 "$ALICE"
wait "$ALICE" 2>/dev/null
begun=$(date +%s%3N)
start_bound alice2 alice --echo
check "after kill -9 the name is had again within 3 s" [ $(($(date +%s%3N) - begun)) -lt $((3000 * SLOW)) ]
check "and the new holder is reached" echoes alice

NS_PORT=${NS##*:}
kill "$NS_PID"
await_exit "$NS_PID"
check "the holder says that it lost the nameserver" \
    await_line "$WORK/alice2.err" '^nameserver lost .*binding alice again in [0-9]+ ms'
start nameserver2 "$B/hx-nameserver" --listen "127.0.0.1:$NS_PORT"
NS_PID=$PID
check "it binds anew by itself when the nameserver is back" \
    await_line "$WORK/nameserver2.err" 'event=bound.*name=alice'
await_line "$WORK/nameserver2.err" 'event=bound.*name=late' >/dev/null
check "and is reached under its name again" echoes alice --wait 10

kill -9 "$NS_PID"
wait "$NS_PID" 2>/dev/null
start nameserver3 "$B/hx-nameserver" --listen "127.0.0.1:$NS_PORT"
check "a nameserver that crashed and returned is noticed by its silence" \
    await_line "$WORK/nameserver3.err" 'event=bound.*name=alice'
check "and the holder is reached again" echoes alice --wait 10
check "the holder has said each time that it is bound" [ "$(grep -c '^bound alice as' "$WORK/alice2.err")" = 3 ]
finish
