#!/usr/bin/env bash
# hx bind and hx connect as a pipe: both directions, whole and in order, with an honest exit status.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
MODE=() # client_raw.sh sets HX_PIPE
case ${HX_PIPE:-} in
raw) MODE=(--insecure) ;;
*)
    HX_KEY=$("$HX" key --file "$WORK/key")
    export HX_KEY
    ;;
esac
MB=$((SLOW > 1 ? 3 : 10)) # each byte costs a sanitizer ten times as much

# shellcheck source=test/pipe.sh
. "$TOP/test/pipe.sh"

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS
head -c ${MB}000000 /dev/urandom >"$WORK/up"
head -c ${MB}000000 /dev/urandom >"$WORK/down"
: >"$WORK/empty"

echo "a question" >"$WORK/question"
echo "an answer" >"$WORK/answer"
start_bind line "$WORK/answer"
connect line "$WORK/question" "$WORK/got" --name bob
rc=$?
check "a line goes each way" same "$WORK/got" "$WORK/answer"
check "the connecting side succeeds" [ "$rc" = 0 ]
await_exit "$PID"
rc=$?
check "the binding side gets the line, too" same "$WORK/line.out" "$WORK/question"
check "the binding side succeeds and ends" [ "$rc" = 0 ]
check "the binding side says who came" grep -Eq '^peer bob at 127\.0\.0\.1:[0-9]+$' "$WORK/line.err"
check "the binding side says how long the punch took" grep -Eq '^accepted [^ ]+ punch_ms=[0-9]+( path=[a-z0-9]+)?$' "$WORK/line.err"
check "the connecting side says its external address" grep -Eq '^external address 127\.0\.0\.1:[0-9]+$' "$WORK/got.err"
check "the connecting side says how long it took" \
    grep -Eq '^connected to line at [^ ]+ punch_ms=[0-9]+ total_ms=[0-9]+( path=[a-z0-9]+)?$' "$WORK/got.err"

start_bind both "$WORK/down"
connect both "$WORK/up" "$WORK/got"
rc=$?
await_exit "$PID"
check "$MB MB each way at once: both sides succeed" [ "$rc$?" = 00 ]
check "$MB MB each way at once: the connecting side has all of it" same "$WORK/got" "$WORK/down"
check "$MB MB each way at once: the binding side has all of it" same "$WORK/both.out" "$WORK/up"

start_bind give "$WORK/down"
connect give "$WORK/empty" "$WORK/got"
rc=$?
await_exit "$PID"
check "an empty input does not cut off $MB MB of answer" [ "$rc$?" = 00 ]
check "and the answer is whole" same "$WORK/got" "$WORK/down"

start_bind take "$WORK/empty"
connect take "$WORK/up" "$WORK/got"
rc=$?
await_exit "$PID"
check "an empty answer does not cut off $MB MB of input" [ "$rc$?" = 00 ]
check "and the input is whole" same "$WORK/take.out" "$WORK/up"

start_bind echo "$WORK/empty" --echo
ECHO_PID=$PID
begin_four echo
end_four
kill "$ECHO_PID"
await_exit "$ECHO_PID"
rc=$?
if [ "$rc" = 0 ]; then
    ok "hx bind --echo ends with success when it is terminated"
else
    echo "# status $rc"
    not_ok "hx bind --echo ends with success when it is terminated" "$WORK/echo.err"
fi

mkfifo "$WORK/fifo"
start_bind busy "$WORK/empty"
BUSY_PID=$PID
connect busy "$WORK/fifo" "$WORK/first" &
first=$!
exec 9>"$WORK/fifo"
echo "begin" >&9
await_line "$WORK/busy.out" '^begin$' >/dev/null
connect busy "$WORK/question" "$WORK/second"
rc=$?
check "a second connector of a busy pipe fails" [ "$rc" = 1 ]
check "the second connector is told what may be the reason" grep -q 'busy' "$WORK/second.err"
check "the binding side says that it was turned away" \
    grep -Eq '^turned away (peer - at )?[^ ]+( key=-)?: busy' "$WORK/busy.err"
cat "$WORK/up" >&9
exec 9>&-
wait "$first"
rc=$?
await_exit "$BUSY_PID"
check "the first connector's pipe succeeds all the same" [ "$rc$?" = 00 ]
{ echo "begin" && cat "$WORK/up"; } >"$WORK/expected"
check "and its bytes are whole" same "$WORK/busy.out" "$WORK/expected"

start_bind full "$WORK/down"
timeout 60 "$HX" connect full "${MODE[@]}" <"$WORK/empty" >/dev/full 2>"$WORK/full.2"
check "a standard output that cannot be written is a failure" [ "$?" = 1 ]
check "and it is named" grep -q 'standard output' "$WORK/full.2"
await_exit "$PID"
check "the other side of it fails, too" [ "$?" = 1 ]

start_bind closed "$WORK/answer"
timeout 60 "$HX" connect closed "${MODE[@]}" <&- >"$WORK/got" 2>"$WORK/closed.2"
check "a closed standard input is an empty one" [ "$?" = 0 ]
check "and the answer is whole" same "$WORK/got" "$WORK/answer"

start_bind noout "$WORK/answer"
timeout 60 "$HX" connect noout "${MODE[@]}" <"$WORK/empty" >&- 2>"$WORK/noout.2"
check "a closed standard output is a failure" [ "$?" = 1 ]

start_bind victim "$WORK/empty"
connect victim "$WORK/fifo" "$WORK/got" &
pid=$!
exec 9>"$WORK/fifo"
echo "begin" >&9
await_line "$WORK/victim.out" '^begin$' >/dev/null
kill "$PID"
await_exit "$PID"
check "hx bind in the middle of a pipe fails when it is terminated" [ "$?" = 1 ]
wait "$pid"
check "the other side notices and fails" [ "$?" = 1 ]
check "it says that the peer went away" grep -Eq "went away|path to 'victim' is lost" "$WORK/got.err"
exec 9>&-
finish
