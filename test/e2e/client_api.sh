#!/usr/bin/env bash
# libhx in other programs' hands, and peers that know UDT alone.
# shellcheck source=test/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
start echo "$B/hx" bind echo -v --echo --insecure -n "$NS"
await_line "$WORK/echo.err" '^bound echo as ' >/dev/null
for example in example example-static; do
    if [ -x "$B/$example" ]; then
        check "the README's program speaks through the hole ($example)" \
            [ "$(timeout 60 "$B/$example" "$NS" echo "through the hole" 2>&1)" = "through the hole" ]
        check "and says what is wrong if nobody holds the name ($example)" \
            [ "$(timeout 60 "$B/$example" "$NS" nobody x 2>&1)" = "example: nobody holds that name" ]
    else
        skip "the README's program speaks through the hole ($example)" "not built in $B"
    fi
done

CLIENT=$B/test/stock/stock_client
if [ ! -x "$CLIENT" ]; then
    skip "a stock UDT peer meets hx" "not built in $B"
    finish
fi
start stock1 "$CLIENT" connect "${NS%:*}" "${NS##*:}" echo --send "from a stock peer"
await_exit "$PID"
check "hx bind --echo answers a stock UDT peer" [ "$?" = 0 ]
check "with its own line" grep -qx "line from a stock peer" "$WORK/stock1.err"

start stock2 "$CLIENT" bind "${NS%:*}" "${NS##*:}" stock
await_line "$WORK/stock2.out" $'^\r$' >/dev/null
got=$(echo "to a stock peer" | timeout 60 "$B/hx" connect stock --insecure -n "$NS" 2>"$WORK/hx.err")
rc=$?
check "hx connect gets a stock UDT peer's answer" [ "$got" = "to a stock peer" ]
if [ "$rc" = 0 ]; then ok "and succeeds"; else not_ok "and succeeds" "$WORK/hx.err"; fi
finish
