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
finish
