#!/usr/bin/env bash
# hx bind --bare and hx connect --bare: the proven stream alone, as programs on libhx have it.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
HX_KEY=$("$HX" key --file "$WORK/key")
export HX_KEY
MODE=(--bare)
# shellcheck source=test/pipe.sh
. "$TOP/test/pipe.sh"
start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS
head -c 3000000 /dev/urandom >"$WORK/up"
head -c 3000000 /dev/urandom >"$WORK/down"
"$HX" key --file "$WORK/other" >/dev/null

start_bind pipe "$WORK/down"
pipe=$PID
mkfifo "$WORK/silence"
exec 7<>"$WORK/silence"
start silent "$HX" connect pipe --insecure -v <"$WORK/silence"
check "a peer that proves nothing is there" await_line "$WORK/silent.err" '^connected to pipe'
check "one with another key is refused, and told" ended 20000 1 "^hx: refused by the holder of 'pipe'" \
    "$HX" connect pipe --bare --key-file "$WORK/other"
connect pipe "$WORK/up" "$WORK/got"
check "neither has got the pipe" [ "$?" = 0 ]
check "all comes" same "$WORK/got" "$WORK/down"
await_exit "$pipe"
check "and goes" same "$WORK/up" "$WORK/pipe.out"
check "whoever is none was told of" grep -q '^turned away ' "$WORK/pipe.err"
exec 7>&-

start echo "$HX" bind echo --bare --echo
await_line "$WORK/echo.err" '^bound echo' >/dev/null
connect echo "$WORK/up" "$WORK/got"
check "an echo is one" same "$WORK/got" "$WORK/up"
check "without a key it says how to have one" ended 20000 1 'hx key' env -u HX_KEY HOME="$WORK" "$HX" connect echo --bare

# One end without --bare. Standard input stays open: it ends nothing.
exec 7<>"$WORK/silence"
wrong='^hx: the peer has hx without --bare'
start plain "$HX" bind plain --echo -v
await_line "$WORK/plain.err" '^bound plain' >/dev/null
INPUT=$WORK/silence check "a bind without it is told of, and ends the connection" \
    ended 20000 1 "$wrong" "$HX" connect plain --bare
check "what it says is not printed" [ ! -s "$WORK/ended.out" ]
INPUT=$WORK/up check "nor is it with much to say to it" ended 20000 1 '^hx: the peer ' "$HX" connect plain --bare
check "which prints nothing" [ ! -s "$WORK/ended.out" ]
start_bind bare "$WORK/silence"
bare=$PID
check "a connect without it does not wait" ended 20000 1 "^hx: the path to 'bare' is lost" "$HX" connect bare
await_exit "$bare"
check "the bind fails, too" [ "$?" = 1 ]
check "and is told" grep -q "$wrong" "$WORK/bare.err"
check "what that said is not printed" [ ! -s "$WORK/bare.out" ]
exec 7>&-

# HTTP/2 of other programs: the preface, SETTINGS; SETTINGS alone.
printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0' >"$WORK/up"
printf '\0\0\6\4\0\0\0\0\0\0\3\0\0\0\144' >"$WORK/down"
start_bind other "$WORK/down"
other=$PID
connect other "$WORK/up" "$WORK/got"
check "another program's HTTP/2 comes as any bytes do" same "$WORK/got" "$WORK/down"
await_exit "$other"
check "and goes" same "$WORK/up" "$WORK/other.out"
finish
