#!/usr/bin/env bash
# A nameserver's host with several addresses: each datagram leaves from the address that its peer has asked.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"

lab_or_skip "answers leave from the address that was asked" "$0" "$@"
STOCK=$B/test/stock/stock_client
SIX=2001:db8:1::

lab_begin
lab_up none none
ip -n s addr add ${SIX}10/64 dev eth0 nodad
ip -n s addr add ${SIX}11/64 dev eth0 nodad
ip -n net addr add ${SIX}1/64 dev eth0 nodad
# What leaves by the first address of a family, which the kernel prefers, is counted.
lab_exec s nft -f - <<'END'
table inet watch {
    counter first { }
    counter second { }
    chain out {
        type filter hook output priority filter
        ip saddr 192.0.2.10 udp sport 7000 counter name first
        ip saddr 192.0.2.11 udp sport 7000 counter name second
    }
}
END
left() { lab_exec s nft list counter inet watch "$1" | sed -nE 's/.*packets ([0-9]+).*/\1/p'; }
asks() { lab_exec "$1" timeout 60 "$B/udtcurl" -s --connect-timeout 5 "udt://$2:7000/"; }

lab_start nameserver s "$B/hx-nameserver" --listen :7000
check "the nameserver listens on all its addresses" await_line "$WORK/nameserver.out" 'listening on'
check "the first address answers" grep -q 'you are 203.0.113.10:' <(asks h2 $LAB_S)
before=$(left first)
check "the second answers as well" grep -q 'you are 203.0.113.10:' <(asks h2 $LAB_S_OTHER)
for address in ${SIX}10 ${SIX}11; do
    check "and each IPv6 address ($address)" grep -q "you are \[${SIX}1\]:" <(asks net "[$address]")
done

lab_start bound h1 "$STOCK" --deadline 20 bind $LAB_S_OTHER 7000 home
check "a stock H1 binds by the second address" await_line "$WORK/nameserver.err" 'event=bound.*name=home'
check "a stock H2 that asks there meets it" lab_exec h2 "$STOCK" --deadline 20 connect $LAB_S_OTHER 7000 home \
    --send hello
check "all of this left by the second address" [ "$(left first)" = "$before" ]
check "and the counters count" [ "$(left second)" -gt 10 ]
kill "$PID" 2>/dev/null
finish
