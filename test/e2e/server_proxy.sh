#!/usr/bin/env bash
# The nameserver behind a proxy: haproxy, which is only unpacked (test/deps.sh), tells with the PROXY protocol whose a
# connection is; and what is done with those that do not begin with it. And who hides all clients is told of.
# shellcheck source=test/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

HAPROXY=$TOP/build/deb/usr/sbin/haproxy
LIBRARIES=$(find "$TOP/build/deb/usr/lib" -name 'liblua5.3.so.0' -printf '%h' 2>/dev/null)
SIGNATURE='\r\n\r\n\0\r\nQUIT\n'

by_hand() { # by_hand BYTES: what comes back until it closes is in $WORK/hand
    printf '%b' "$1" | timeout 60 socat -t 60 - "TCP:$TCP" >"$WORK/hand" 2>"$WORK/hand.err"
}
turned_away() { await_line "$WORK/nameserver.err" "event=turned_away peer=127.0.0.1:[0-9]+ transport=tcp reason=\"$1"; }

start_nameserver_tcp --proxy-protocol --rate-per-address 5 --max-per-address 10 --idle-timeout 15 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
by_hand "$SIGNATURE"'\x21\x11\x00\x0c\xcb\x00\x71\x0a\xc0\x00\x02\x01\x9c\x41\x1b\x58GET / HTTP/1.1\r\n\r\n'
check "the address in the header is the peer's" grep -q '^you are 203.0.113.10:40001, ' "$WORK/hand"
by_hand "$SIGNATURE"'\x21\x21\x00\x24 \x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x10 \x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x9c\x41\x1b\x58GET / HTTP/1.1\r\n\r\n'
check "of IPv6, too" grep -q '^you are \[2001:db8::10\]:40001, ' "$WORK/hand"
by_hand "$SIGNATURE"'\x20\x00\x00\x00GET / HTTP/1.1\r\n\r\n'
check "the proxy's own connection is its own" grep -q '^you are 127.0.0.1:' "$WORK/hand"
by_hand "$SIGNATURE"'\x21\x11\x27\x1c\xcb\x00\x71\x0b\xc0\x00\x02\x01\x9c\x41\x1b\x58'"$(printf '\\0%.0s' {1..10000})"'GET / HTTP/1.1\r\n\r\n'
check "whatever it says besides, 10,000 bytes of it" grep -q '^you are 203.0.113.11:40001, ' "$WORK/hand"
by_hand 'GET / HTTP/1.1\r\n\r\n'
check "who sends no header is sent nothing" [ ! -s "$WORK/hand" ]
check "and the log says why" turned_away "does not begin with a PROXY header of version 2"
by_hand 'PROXY TCP4 203.0.113.10 192.0.2.1 40001 7000\r\nGET / HTTP/1.1\r\n\r\n'
check "nor who sends one of version 1" [ ! -s "$WORK/hand" ]
by_hand "$SIGNATURE"'\x20\x00'
check "nor who ends in it" turned_away "closed before its PROXY header"
exec {HAND}<>"/dev/tcp/${TCP%:*}/${TCP##*:}"
timeout 60 cat <&"$HAND" >"$WORK/hand" 2>/dev/null
check "nor who says nothing for two seconds" turned_away "no PROXY header in time"
exec {HAND}>&-
limited() { # from one address more than its rate allows
    for _ in {1..500}; do
        printf '%b' "$SIGNATURE"'\x21\x11\x00\x0c\xcb\x00\x71\x4d\xc0\x00\x02\x01\x9c\x41\x1b\x58' >"/dev/tcp/${TCP%:*}/${TCP##*:}"
        ! grep -q 'event=turned_away peer=203.0.113.77:40001 transport=tcp reason="above --rate-per-address"' "$WORK/nameserver.err" ||
            return 0
    done
    return 1
}
check "the limits are those of the address in the header" limited
by_hand "$SIGNATURE"'\x21\x11\x00\x0c\xcb\x00\x71\x4e\xc0\x00\x02\x01\x9c\x41\x1b\x58GET / HTTP/1.1\r\n\r\n'
check "and not the proxy's" grep -q '^you are 203.0.113.78:40001, ' "$WORK/hand"

start_haproxy() { # sets PROXY (host:port)
    for _ in {1..10}; do
        PROXY=127.0.0.1:$((20000 + RANDOM % 12000))
        cat >"$WORK/haproxy.cfg" <<EOF
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout server-fin 1s # else it keeps a holder for a minute that has gone
frontend outside
    bind $PROXY
    default_backend nameserver
backend nameserver
    server s $TCP send-proxy-v2
EOF
        start haproxy env LD_LIBRARY_PATH="$LIBRARIES" "$HAPROXY" -db -f "$WORK/haproxy.cfg"
        # curl is refused until it listens
        curl -s -o /dev/null --retry 50 --retry-delay 0 --retry-max-time 60 --retry-all-errors --max-time 60 "http://$PROXY/" && return
    done
    return 1
}
if [ -x "$HAPROXY" ] && start_haproxy; then
    curl -s --max-time 60 --interface 127.0.0.3 "http://$PROXY/" >"$WORK/through"
    check "through haproxy's send-proxy-v2 the nameserver sees the client's address" grep -q '^you are 127.0.0.3:' "$WORK/through"
    start held curl -s -N --interface 127.0.0.4 "http://$PROXY/bind?host_id=held"
    check "and a name is held through it" \
        await_line "$WORK/nameserver.err" 'event=bound conn=[0-9]+ peer=127.0.0.4:[0-9]+ transport=tcp name=held$'
    kill "$PID"
    check "until its holder ends" await_line "$WORK/nameserver.err" 'event=left .*transport=tcp name=held'
else
    skip "through haproxy's send-proxy-v2 the nameserver sees the client's address" "no haproxy: make deps-test"
fi
check "clients from several addresses are nothing to tell of" [ "$(grep -c event=one_source "$WORK/nameserver.err")" = 0 ]
stop_nameserver

# All from one address
start_nameserver_tcp
for i in {1..5}; do start "b$i" curl -s -N "http://$TCP/bind?host_id=b$i"; done
check "when all clients come from one private address the log says so" \
    await_line "$WORK/nameserver.err" 'level=warn event=one_source peer=127.0.0.1:[0-9]+ clients=5 .*--proxy-protocol'
for i in {6..10}; do start "b$i" curl -s -N "http://$TCP/bind?host_id=b$i"; done
for _ in {1..600}; do
    [ "$(counter bound)" != 10 ] || break
    nap 0.1
done
check "once" [ "$(grep -c event=one_source "$WORK/nameserver.err")" = 1 ]
finish
