#!/usr/bin/env bash
# hx bind and hx connect with keys: who gets in, who does not, what both sides say, and how broken paths end. What
# a pipe does once it stands is in client_pipe.sh.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
MODE=()
# shellcheck source=test/pipe.sh
. "$TOP/test/pipe.sh"

lacks() { # lacks REGEX FILE...
    ! grep -aEq -- "$@"
}
# now_ms: a clock that stands still while programs of this machine wait for a processor, as far as the kernel tells that.
now_ms() {
    local stalled
    stalled=$(sed -nE 's/^some .*total=([0-9]+)$/\1/p' /proc/pressure/cpu 2>/dev/null)
    echo $(($(date +%s%3N) - ${stalled:-0} / 1000))
}
within() { # within MILLISECONDS SINCE: that clock has not gone further
    [ $(($(now_ms) - $2)) -le "$1" ]
}
start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS
unset HX_KEY
export HOME=$WORK/nobody
mkdir "$HOME"
KEY=(--key-file "$WORK/key")
"$HX" key --file "$WORK/key" >/dev/null
"$HX" key --file "$WORK/key" --label laptop >"$WORK/laptop.text"
"$HX" key --file "$WORK/wrong" >/dev/null
(
    umask 077
    tail -n 1 "$WORK/key" | cut -d ' ' -f 1 >"$WORK/laptop"
)
head -c 10000000 /dev/urandom >"$WORK/big"
: >"$WORK/empty"
echo "a question" >"$WORK/question"
echo "an answer" >"$WORK/answer"

# One after the other at one pipe: those without the key leave it free for who has it.
start_bind door "$WORK/answer" "${KEY[@]}"
since=$(now_ms)
connect door "$WORK/question" "$WORK/wrong.out" --key-file "$WORK/wrong" --name mallory &
pid=$!
await_line "$WORK/wrong.out.err" 'refused by' >/dev/null
await_line "$WORK/door.err" 'refused peer mallory' >/dev/null
check "a wrong key is refused on both sides within a second" within 1000 "$since"
wait "$pid"
check "which is a failure" [ "$?" = 1 ]
check "the side with the wrong key says what to do" \
    grep -Eq "^hx: refused by the holder of 'door': it does not have this key.*hx key" "$WORK/wrong.out.err"
check "the binding side says who was refused and why" \
    grep -Eq '^hx: refused peer mallory at [^ ]+:[0-9]+: it does not have the key$' "$WORK/door.err"
check "and gave nothing away" [ ! -s "$WORK/wrong.out" -a ! -s "$WORK/door.out" ]

connect door "$WORK/question" "$WORK/none.out"
rc=$?
check "without a key hx connect does not begin" [ "$rc" = 1 ]
check "and says how to get one" grep -q 'hx key' "$WORK/none.out.err"
"$HX" bind keyless <"$WORK/empty" >"$WORK/keyless.out" 2>"$WORK/keyless.err"
check "without a key hx bind does not begin, either" [ "$?" = 1 ]
check "and says how to get one, too" grep -q 'hx key' "$WORK/keyless.err"

connect door "$WORK/question" "$WORK/raw.out" --insecure
rc=$?
check "a peer with --insecure is refused" [ "$rc" = 1 ]
check "after a loud warning" grep -q '^hx: --insecure: .*read and change' "$WORK/raw.out.err"
check "the binding side says that it was refused" \
    [ "$(grep -Ec '^hx: refused peer ' "$WORK/door.err")" = 2 ]
check "and gave nothing of its own to it" [ ! -s "$WORK/door.out" ]
check "the answer was kept from it" lacks 'an answer' "$WORK/raw.out"

connect door "$WORK/question" "$WORK/right.out" --key-file "$WORK/laptop" --name bob
rc=$?
await_exit "$PID"
check "the next one, with the key, is served" [ "$rc$?" = 00 ]
check "and gets the answer" same "$WORK/right.out" "$WORK/answer"
check "its question arrives" same "$WORK/door.out" "$WORK/question"
check "the label of its key is told" \
    grep -Eq '^peer bob at [^ ]+ key=laptop$' "$WORK/door.err"
check "no key is told" lacks 'hx(-[a-z2-7]{4}){3}' "$WORK/door.err" "$WORK/right.out.err" "$WORK/wrong.out.err"

start_bind bare "$WORK/empty" --insecure
since=$(now_ms)
connect bare "$WORK/question" "$WORK/bare.2" "${KEY[@]}"
rc=$?
check "a key does not go to a peer with --insecure" [ "$rc" = 1 ]
check "which is noticed in a few seconds" within 7000 "$since"
check "and told" grep -q 'insecure' "$WORK/bare.2.err"
kill "$PID" 2>/dev/null

# Each direction ends for itself; the other one goes on.
mkfifo "$WORK/talk"
start_bind half "$WORK/empty" "${KEY[@]}"
connect half "$WORK/talk" "$WORK/half.2" "${KEY[@]}" &
pid=$!
exec 9>"$WORK/talk"
echo "first" >&9
await_line "$WORK/half.out" '^first$' >/dev/null
cat "$WORK/big" >&9
exec 9>&-
wait "$pid"
rc=$?
await_exit "$PID"
check "what comes after the other side's end is whole" [ "$rc$?" = 00 ]
{ echo first && cat "$WORK/big"; } >"$WORK/expected"
check "byte by byte" same "$WORK/half.out" "$WORK/expected"

# Several at once.
start_bind many "$WORK/empty" "${KEY[@]}" --echo
MANY=$PID
begin_four many "${KEY[@]}"
check "a fifth one gets its pings meanwhile" "$HX" ping many "${KEY[@]}" -c 3 -i 0.05
end_four
"$HX" ping many "${KEY[@]}" -c 3 -i 0.05 >"$WORK/ping.out" 2>"$WORK/ping.err"
check "hx ping succeeds" [ "$?" = 0 ]
AT='([0-9.]+|\[[0-9a-f:]+\]):[0-9]+' # of this host, by any of its interfaces
check "it says whom it asks" grep -Eq "^PING many \\($AT\\) 8 bytes of data, path=(lan|direct|ipv6)\$" "$WORK/ping.out"
check "it shows every round trip" [ "$(grep -Ec "^8 bytes from many \\($AT\\): seq=[123] time=[0-9.]+ ms path=(lan|direct|ipv6)\$" "$WORK/ping.out")" = 3 ]
check "and sums them up" grep -Eq '^3 packets transmitted, 3 received, 0% packet loss, time [0-9]+ms$' "$WORK/ping.out"
"$HX" ping many "${KEY[@]}" -c 3 -i 0.05 -q >"$WORK/ping.out" 2>"$WORK/ping.err"
check "hx ping -q prints the beginning and the sum" [ "$?$(wc -l <"$WORK/ping.out")$(grep -c 'bytes from' "$WORK/ping.out")" = 040 ]
"$HX" ping many "${KEY[@]}" -w 1 -i 0.05 >"$WORK/ping.out" 2>"$WORK/ping.err"
check "hx ping -w ends by itself, and with success" [ "$?$(grep -c '^rtt ' "$WORK/ping.out")" = 01 ]
"$HX" ping many "${KEY[@]}" -w 1 -c 1000 >"$WORK/ping.out" 2>"$WORK/ping.err"
check "but too few answers by then are a failure" [ "$?" = 1 ]
"$HX" ping nobody "${KEY[@]}" -w 1 --wait 60 >"$WORK/ping.out" 2>"$WORK/ping.err"
check "a peer that is not reached until then is a failure, in a sentence" \
    [ "$?$(<"$WORK/ping.err")" = '1hx: nobody was not reached within 1 s' ]
start pinger "$HX" ping many "${KEY[@]}" -i 0.05
await_line "$WORK/pinger.out" ': seq=2 time=' >/dev/null
kill -INT "$PID"
await_exit "$PID"
check "hx ping without a count ends with success when it is interrupted" [ "$?" = 0 ]
check "with its sum" grep -Eq '^rtt min/avg/max/mdev = [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms$' "$WORK/pinger.out"
"$HX" ping many --key-file "$WORK/wrong" -c 1 >"$WORK/ping.out" 2>"$WORK/ping.err"
check "hx ping with a wrong key fails" [ "$?" = 1 ]
kill "$MANY"
await_exit "$MANY"
check "hx bind --echo ends with success when it is terminated" [ "$?" = 0 ]

# One TCP connection as the pipe, as ssh's ProxyCommand wants it.
start_echo || not_ok "a TCP server starts" "$WORK/tcp.err"
start_bind home "$WORK/empty" "${KEY[@]}" --allow "127.0.0.1:$PORT"
HOME_PID=$PID
connect home "$WORK/big" "$WORK/to.out" "${KEY[@]}" --to "127.0.0.1:$PORT"
check "--to reaches a TCP port that is allowed" [ "$?" = 0 ]
check "10 MB come back whole" same "$WORK/to.out" "$WORK/big"
check "the binding side says where to" \
    grep -Eq "^peer - at [^ ]+ key=-: connection to 127\.0\.0\.1:$PORT$" "$WORK/home.err"
connect home "$WORK/empty" "$WORK/to.out" "${KEY[@]}" --to "127.0.0.1:$((PORT + 1))"
check "another port is not reached" [ "$?" = 1 ]
check "and the way to allow it is told" grep -q -- "--allow 127.0.0.1:$((PORT + 1))" "$WORK/to.out.err"
connect home "$WORK/empty" "$WORK/to.out" "${KEY[@]}"
check "there is no pipe to a program that forwards" [ "$?" = 1 ]
check "which is told, too" grep -q 'offers no pipe' "$WORK/to.out.err"
kill "$HOME_PID"
await_exit "$HOME_PID"

# A peer that vanishes says nothing: its silence is what tells.
start_bind lost "$WORK/empty" "${KEY[@]}" --keepalive 1
connect lost "$WORK/talk" "$WORK/lost.2" "${KEY[@]}" --keepalive 1 &
pid=$!
exec 9>"$WORK/talk"
echo "begin" >&9
await_line "$WORK/lost.out" '^begin$' >/dev/null
kill -KILL "$PID"
since=$(now_ms)
wait "$pid"
check "a peer that was killed is a failure" [ "$?" = 1 ]
check "noticed 5 s after the keepalive's second" within 8000 "$since"
check "and told" grep -q "^hx: the path to 'lost' is lost" "$WORK/lost.2.err"
exec 9>&-

start_bind left "$WORK/empty" "${KEY[@]}" --keepalive 1
mkfifo "$WORK/stay"
"$HX" connect left "${KEY[@]}" --keepalive 1 <"$WORK/stay" >"$WORK/left.2" 2>&1 &
pid=$!
STARTED+=("$pid")
exec 9>"$WORK/stay"
echo "begin" >&9
await_line "$WORK/left.out" '^begin$' >/dev/null
kill -KILL "$pid"
since=$(now_ms)
await_exit "$PID" 90
check "a connector that was killed is a failure, too" [ "$?" = 1 ]
check "noticed as soon" within 8000 "$since"
exec 9>&-
finish
