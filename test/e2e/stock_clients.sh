#!/usr/bin/env bash
# Two programs that know UDT 4 and the specification alone meet through hx-nameserver and exchange a line.
# shellcheck source=test/lib.sh disable=SC2154
. "$(dirname "$0")/../lib.sh"

CLIENT=$B/test/stock/stock_client
NAME=host_sweet_host

local_port() { # local_port NAME: the UDP port of a stock client, as it tells
    await_line "$WORK/$1.err" '^local ' | cut -d' ' -f2
}
head_for() { # head_for PORT: the answer's head, to the byte
    printf 'HTTP/1.1 200 OK\r\n'
    printf 'Content-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n'
    printf 'Transfer-Encoding: chunked\r\n'
    printf 'External-Address: 127.0.0.1:%s\r\n\r\n' "$1"
}
part() { # part NAME PORT: one chunk with one part, to the byte
    local line="$1: 127.0.0.1:$2"
    printf '%x\r\n' $((18 + 2 + ${#line} + 4))
    printf -- '--hx_hole_punching\r\n%s\r\n\r\n\r\n' "$line"
}
meet() { # meet TEXT: one H1 and one H2; sets H1, H2 (exit codes), PORT1, PORT2
    local pid1
    rm -f "$WORK"/h[12].* # else an earlier meeting's lines could be taken for this one's
    start h1 "$CLIENT" bind "${NS%:*}" "${NS##*:}" "$NAME"
    pid1=$PID
    PORT1=$(local_port h1)
    await_line "$WORK/h1.out" $'^\r$' >/dev/null # the head's end: the name is bound
    start h2 "$CLIENT" connect "${NS%:*}" "${NS##*:}" "$NAME" --send "$1"
    PORT2=$(local_port h2)
    await_exit "$PID"
    H2=$?
    await_exit "$pid1"
    H1=$?
}

start_nameserver --log-level info || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
meet "hello from a stock client"
if [ "$H1$H2" = 00 ]; then ok "two stock clients meet"; else
    not_ok "two stock clients meet (H1: $H1, H2: $H2)" "$WORK/h1.err" "$WORK/h2.err" "$WORK/nameserver.err"
fi
check "H2's line reaches H1 through the hole" grep -qx "line hello from a stock client" "$WORK/h1.err"
check "and comes back to H2" grep -qx "line hello from a stock client" "$WORK/h2.err"
check "H1 punched to H2's signalling port" grep -qx "punched 127.0.0.1:$PORT2" "$WORK/h1.err"
check "H2 punched to H1's signalling port" grep -qx "punched 127.0.0.1:$PORT1" "$WORK/h2.err"
check "H1's UDT has been told its own address" grep -qx "self 127.0.0.1:$PORT1" "$WORK/h1.err"

{ head_for "$PORT1" && part "" "$PORT2"; } >"$WORK/h1.expected"
{ head_for "$PORT2" && part "$NAME" "$PORT1" && part "" "$PORT2"; } >"$WORK/h2.expected"
check "H1 was sent the specification's bytes" cmp "$WORK/h1.out" "$WORK/h1.expected"
check "H2 was sent the specification's bytes" cmp "$WORK/h2.out" "$WORK/h2.expected"

meet "once more"
check "the name is free again after H1 has left" [ "$H1$H2" = 00 ]

start h3 "$CLIENT" connect "${NS%:*}" "${NS##*:}" nobody
await_exit "$PID"
check "a stock H2 fails when nobody holds the name" [ $? = 1 ]
check "and was told 404" grep -q '^HTTP/1.1 404 Not Found' "$WORK/h3.out"
finish
