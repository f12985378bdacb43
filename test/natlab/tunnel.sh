#!/bin/bash
# test/natlab/tunnel.sh [STORY...]: a nameserver that UDP does not reach is reached through TCP, and by UDP as soon as
# that gets through again.
# shellcheck disable=SC2317,SC2119
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"

if [ "${HX_LAB:-}" != inside ]; then build_probe || exit 1; fi
lab_or_skip 'through TCP where UDP is blocked' "$0" "$@"
lab_begin || exit 1

TUNNELLED='peer=\[100::[0-9a-f:]*\]:[0-9]+'
NO_UDP_TO_S="ip daddr $LAB_S meta l4proto udp drop"

start_tcp_s() { # start_tcp_s [OPTION...]: with TCP beside UDP
    start_s "$LAB_NS" --listen-tcp "$LAB_NS" "$@"
}
start_blocked_h1() { # H1, which is bound through a tunnel some 2 s later
    start_h1 --echo && await_line "$WORK/nameserver.err" "event=bound .*$TUNNELLED name=lab"
}
connects() { # connects PATH [SECONDS]: H2 does, and the path is this
    greet "${2:-30}" && grep -E "^connected to lab at .* path=$1\$" "$WORK/connect.err" && return
    cat "$WORK/connect.err"
    return 1
}

blocked_one() { # blocked_one N: between HN and S alone
    lab_up none none && lab_weather "$1" "$NO_UDP_TO_S" && start_tcp_s || return 1
    if [ "$1" = 1 ]; then start_blocked_h1; else start_h1 --echo && await_bound; fi && connects direct
}
blocked_both() {
    lab_up none none && lab_weather 1 "$NO_UDP_TO_S" && lab_weather 2 "$NO_UDP_TO_S" && start_tcp_s &&
        start_blocked_h1 && connects direct || return 1
    NOTE="from /connect to the first byte: $GREET_MS ms"
}
# Nothing is known of a NAT that hides both: they meet by what they know of themselves.
blocked_home() {
    lab_up_shared masquerade-closed && lab_weather 1 'meta l4proto udp drop' && start_tcp_s && start_blocked_h1 && connects lan
}
udp_only() {
    lab_up none none && lab_weather 2 "$NO_UDP_TO_S" && start_tcp_s && start_h1 --echo && await_bound || return 1
    lab_exec h2 timeout 60 "$B/hx" connect lab --nameserver "$LAB_NS" --udp-only --timeout 4 </dev/null 2>"$WORK/connect.err"
    [ $? = 1 ] && ! grep -q 'event=tunnel' "$WORK/nameserver.err"
}
tcp_only() { # at once: before UDP would be given up; of three tries one is, as others want a processor, too
    local HX_MODE=(--tcp-only)
    lab_up none none && start_tcp_s && start_h1 --echo &&
        await_line "$WORK/nameserver.err" "event=bound .*$TUNNELLED name=lab" &&
        { connects direct 2 || connects direct 2 || connects direct 2; }
}
# Another address is news, and UDP is asked for, sooner than it would be without any (UDP_RETURN_MS); the name is never free
# meanwhile.
udp_returns() {
    lab_up none none && lab_weather 1 "$NO_UDP_TO_S" && start_tcp_s && start_blocked_h1 || return 1
    lab_weather 1 ''
    ip -n h1 addr add 10.9.9.9/32 dev lo
    await_line "$WORK/nameserver.err" "event=(bound|joined) .*peer=${LAB_PUBLIC[1]}:[0-9]+ name=lab" 25 &&
        await_line "$WORK/nameserver.err" 'event=left .*transport=tcp' && connects direct
}
# Nothing tells H1 that UDP gets through again: it asks each UDP_RETURN_MS (client/udp_return.h), and what was relayed
# goes on. Where a direct path has come before that, the tunnel stays for the relay as long as that is spare (SPARE_MS).
udp_is_asked_for() {
    lab_up none none && lab_weather 1 'meta l4proto udp drop' && start_tcp_s --relay && start_blocked_h1 && pings 400 || return 1
    await_line "$WORK/ping.out" ': seq=2 time=.* path=relayed' || return 1
    lab_weather 1 ''
    await_line "$WORK/nameserver.err" "event=(bound|joined) .*peer=${LAB_PUBLIC[1]}:[0-9]+ name=lab" &&
        await_line "$WORK/nameserver.err" 'event=left .*transport=tcp' &&
        await_line "$WORK/ping.out" ' time=.* path=direct$' 75 && ! grep -vE '^(PING|8 bytes from|path changed)' "$WORK/ping.out" && return
    cat "$WORK/ping.out" "$WORK/ping.err"
    return 1
}
# A firewall forgets the connection, and lets no new one through for a while.
tcp_dies() {
    lab_up none none && lab_weather 1 "$NO_UDP_TO_S" && start_tcp_s && start_blocked_h1 || return 1
    lab_weather 1 drop
    await_line "$WORK/bind.err" '^nameserver lost ' || return 1
    lab_weather 1 "$NO_UDP_TO_S"
    await_nth 2 "$WORK/nameserver.err" "event=bound .*$TUNNELLED name=lab" 60 && connects direct
}
s_restarts() {
    lab_up none none && lab_weather 1 "$NO_UDP_TO_S" && start_tcp_s && start_blocked_h1 || return 1
    end_now "$NS_PID"
    await_line "$WORK/bind.err" '^nameserver lost ' && start_tcp_s &&
        await_line "$WORK/nameserver.err" "event=bound .*$TUNNELLED name=lab" && connects direct
}
# Not even TCP answers: it says so as it would without.
nothing_answers() {
    lab_up none none && lab_weather 2 "ip daddr $LAB_S drop" && start_tcp_s || return 1
    lab_exec h2 timeout 60 "$B/hx" connect lab --nameserver "$LAB_NS" --timeout 10 </dev/null 2>"$WORK/connect.err"
    [ $? = 1 ] && grep -E '^hx: .*192\.0\.2\.10:7000' "$WORK/connect.err"
}
# All of UDP is blocked: what is left is the relay, through TCP. A tunnel that nobody needs for the nameserver stays for it.
relayed() { # relayed N...: at these accesses
    local n bound=await_bound
    lab_up none none || return 1
    for n in "$@"; do
        lab_weather "$n" 'meta l4proto udp drop'
        [ "$n" = 2 ] || bound=
    done
    start_tcp_s --relay || return 1
    if [ -z "$bound" ]; then start_blocked_h1; else start_h1 --echo && await_bound; fi
    connects relayed && NOTE="from /connect to the first byte: $GREET_MS ms" || return 1
    head -c 2000000 /dev/urandom >"$WORK/bytes"
    lab_exec h2 "${ASIDE[@]}" timeout 60 "$B/hx" connect lab --nameserver "$LAB_NS" <"$WORK/bytes" >"$WORK/back" 2>"$WORK/connect.err"
    cmp "$WORK/bytes" "$WORK/back" || return
    ! grep -h '\[100::' "$WORK"/{bind,connect}.err # that stands for a tunnel, and is nobody's address
}
# On both hosts, as socket(2) shows it.
without_ipv6() { # without_ipv6 STORY...
    local ASIDE=("$B/test/no_ipv6")
    "$@"
}
only_relayed() { # UDP passes to S alone
    lab_up only-s only-s && start_s "$LAB_NS" --relay && start_h1 --echo && await_bound && connects relayed
}
pings() { # pings COUNT: 0.5 s apart, on H2, in ping.out
    lab_start ping h2 "$B/hx" ping lab --nameserver "$LAB_NS" -i 0.5 -c "$1" -v
}
# A break would take a second each time. Where nothing but a time was wrong, it may try twice more: others want a processor, too.
stays() {
    lab_up none none && lab_weather 1 'meta l4proto udp drop' && lab_weather 2 'meta l4proto udp drop' &&
        start_tcp_s --relay && start_blocked_h1 || return 1
    for _ in 1 2 3; do
        pings 16
        await_line "$WORK/ping.out" ': seq=16 time=' || { cat "$WORK/ping.out" "$WORK/ping.err" && return 1; }
        await_exit "$PID" && ! grep '^path changed' "$WORK/ping.out" || return 1
        [ "$(awk -F 'time=' '/bytes from/ && $2 + 0 > 500' "$WORK/ping.out" | wc -l)" != 0 ] || return 0
        cat "$WORK/ping.out"
    done
    return 1
}
# Both TCP connections break, and UDP is allowed again: nothing but time is lost.
goes_on() {
    lab_up none none && lab_weather 1 'meta l4proto udp drop' && lab_weather 2 'meta l4proto udp drop' &&
        start_tcp_s --relay && start_blocked_h1 && pings 200 || return 1
    await_line "$WORK/ping.out" ': seq=4 time=.* path=relayed' || return 1
    lab_weather 2 'meta l4proto tcp reject with tcp reset'
    await_line "$WORK/nameserver.err" 'event=left .*transport=tcp' || return 1
    lab_weather 2 'meta l4proto udp drop'
    await_line "$WORK/ping.out" ': seq=16 time=.* path=relayed' || { cat "$WORK/ping.out" "$WORK/ping.err" && return 1; }
    lab_weather 1 ''
    lab_weather 2 ''
    ip -n h1 addr add 10.9.9.9/32 dev lo
    ip -n h2 addr add 10.9.9.9/32 dev lo
    await_line "$WORK/ping.out" ' time=.* path=direct$' || { cat "$WORK/ping.out" "$WORK/ping.err" && return 1; }
}
nat_says() { # nat_says REGEX
    lab_exec h2 "$B/hx" nat --nameserver "$LAB_NS" >"$WORK/nat.out"
    [ $? = 1 ] && grep -E "$1" "$WORK/nat.out" && return
    cat "$WORK/nat.out"
    return 1
}
nat_tells() {
    lab_up none none && lab_weather 2 "$NO_UDP_TO_S" && start_tcp_s || return 1
    nat_says '^UDP is blocked: nothing came back from .*, but TCP reaches it' &&
        lab_exec h2 "$B/hx" nat --nameserver "$LAB_NS" --json | grep '"ipv4":{"status":"silent".*"tcp":true'
}
nat_tells_of_none() {
    lab_up none none && lab_weather 2 "ip daddr $LAB_S drop" && start_tcp_s || return 1
    nat_says '^UDP is blocked: nothing came back from .*, and UDP through TCP does not reach it either'
}
# Nobody on the network has an address that a tunnel's end has here.
forged() {
    lab_up none none && start_tcp_s '--listen' "$LAB_NS6" || return 1
    ip -n net -6 addr add 100::5/128 dev lo nodad
    ip -n net -6 addr add 2001:db8:99::5/128 dev lo nodad
    lab_exec net python3 - "$LAB_S6" <<'PY'
import socket, sys
def asks(source, tries):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind((source, 0))
    s.settimeout(0.3)
    for _ in range(tries):
        s.sendto(bytes.fromhex("000100002112a442") + bytes(12), (sys.argv[1], 7000))
        try:
            s.recv(2000)
            return True
        except socket.timeout:
            pass
    return False
answered = asks("2001:db8:99::5", 20), asks("100::5", 3)
print("answered:", answered)
sys.exit(answered != (True, False))
PY
}

stories=(
    "blocked_one 1|UDP to S is blocked at H1: bound through TCP, and the two meet directly"
    "blocked_one 2|at H2: the same"
    "blocked_both|at both"
    "blocked_home|both in one home whose UDP does not leave it: the LAN"
    "relayed 1|all of UDP is blocked at H1: they talk through the relay, bytes arrive as they were"
    "relayed 2|at H2: the same"
    "relayed 1 2|at both"
    "without_ipv6 relayed 1 2|and both without IPv6 in their kernels"
    "without_ipv6 only_relayed|such two talk through the relay over UDP, too"
    "stays|and what is relayed through TCP goes on without a break"
    "goes_on|or with one, when TCP breaks; and directly when UDP is there again"
    "udp_only|with --udp-only nobody tries TCP"
    "tcp_only|with --tcp-only it is done at once"
    "udp_returns|UDP gets through again: bound by it, without a moment in which nobody holds the name"
    "udp_is_asked_for|or once it is asked for again, without any news; and what was relayed goes directly"
    "tcp_dies|the TCP connection dies in silence, and another one follows"
    "s_restarts|S starts anew"
    "nothing_answers|neither UDP nor TCP answers"
    "nat_tells|hx nat says that UDP is blocked, and that TCP is not"
    "nat_tells_of_none|and where both are"
    "forged|no datagram of the network comes from a tunnel"
)
for it in "${stories[@]}"; do
    read -ra function <<<"${it%%|*}"
    [ $# = 0 ] || [[ " $* " == *" ${function[0]} "* ]] || continue
    story "${it#*|}" "${function[@]}"
done
lab_down
finish
