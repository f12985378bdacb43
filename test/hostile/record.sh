#!/usr/bin/env bash
# test/hostile/record.sh FILE: records what clients of all kinds send hx-nameserver: requests of one packet and of
# several, losses, a held bind and a connect, a session of two, a stock client, closing.
# shellcheck source=test/lib.sh disable=SC2154
. "$(dirname "$0")/../lib.sh"

start_nameserver || exit 1
start relay "$B/test/hostile/record" "$NS" "$WORK/recorded" 5
RELAY_PID=$PID
AT=$(await_line "$WORK/relay.out" 'relaying on') || exit 1
AT=${AT##* }
"$B/udtcurl" -s --max-time 10 "udt://$AT/" "udt://$AT/nowhere" >/dev/null
"$B/udtcurl" -s --max-time 10 -I -H "X-Long: $(printf 'a%.0s' $(seq 6000))" "udt://$AT/" >/dev/null
start h1 "$B/udtcurl" -s "udt://$AT/bind?host_id=h1"
H1_PID=$PID
await_line "$WORK/nameserver.err" 'event=bound' >/dev/null
start h2 "$B/udtcurl" -s "udt://$AT/connect?host_id=h1&name=h2"
await_line "$WORK/h1.out" '^h2: ' >/dev/null
start stock "$B/test/stock/stock_client" --deadline 3 connect "${AT%:*}" "${AT##*:}" h1
await_exit "$PID" # its deadline: it keeps the connection for a while, with keepalives
start m1 "$B/udtcurl" -s -H 'Candidate: 10.0.0.1:1 host' "udt://$AT/join?session=s&expect=3&name=m1"
await_line "$WORK/m1.out" '^Member: self' >/dev/null
start m2 "$B/udtcurl" -s -H 'Candidate: 10.0.0.2:1 host' -H 'Prefer: wait=1' "udt://$AT/join?session=s&expect=3&name=m2"
M2_PID=$PID
await_line "$WORK/m2.out" '^Member: waited' >/dev/null
kill "$M2_PID"
await_line "$WORK/m1.out" '^Member: left' >/dev/null
kill "$H1_PID"
await_line "$WORK/nameserver.err" 'event=left .*name=h1' >/dev/null
kill "$RELAY_PID"
await_exit "$RELAY_PID" && cp "$WORK/recorded" "$1"
