#!/usr/bin/env bash
# hx connect -L udp: datagrams to a service at the binding side.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx

cat >"$WORK/udp.py" <<'EOF'
"""udp.py ask PORT LENGTH...: are they given back, to two clients?
udp.py once PORT TEXT: is it? udp.py say PORT LENGTH: one of that length; six: the same over IPv6. udp.py pause SECONDS FILE PORT...: is each of
them given back after SECONDS of silence, too, in which FILE is told a time of a day ago (test/clock_step.so)?"""
import socket, sys, time

def client(port, host="127.0.0.1"):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(60)
    s.connect((host, int(port)))
    return s

if sys.argv[1] == "ask":
    both = client(sys.argv[2]), client(sys.argv[2])
    for length in map(int, sys.argv[3:]):
        said = [bytes([i]) * length for i in (1, 2)]
        for s, data in zip(both, said):
            s.send(data)
        for s, data in zip(both, said):
            assert s.recv(65536) == data, length
elif sys.argv[1] == "once":
    s = client(sys.argv[2])
    s.settimeout(1)
    for i in range(60):  # one at least is answered
        s.send(sys.argv[3].encode())
        try:
            sys.exit(s.recv(65536) != sys.argv[3].encode())
        except (TimeoutError, ConnectionRefusedError):
            pass
    sys.exit(1)
elif sys.argv[1] == "pause":
    clients = [client(port) for port in sys.argv[4:]]
    for pause in float(sys.argv[2]), 0:
        for s in clients:
            s.send(b"again")
            assert s.recv(100) == b"again"
        if pause:
            with open(sys.argv[3], "r+") as offset:
                offset.write("-86400")
        time.sleep(pause)
elif sys.argv[1] == "six":
    client(sys.argv[2], "::1").send(b"x" * int(sys.argv[3]))
else:
    client(sys.argv[2]).send(b"x" * int(sys.argv[3]))
EOF
udp() { timeout 90 python3 "$WORK/udp.py" "$@"; }

start_nameserver_with_key

start_udp_echo echo
ECHO_PID=$PID ECHO=$PORT
IPERF=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
start_bound home home --allow "udp:127.0.0.1:$ECHO" --allow "udp:127.0.0.1:$IPERF" --allow "127.0.0.1:$IPERF"
start_connected out home -L "udp:0:127.0.0.1:$ECHO" -L "udp:0:127.0.0.1:1" -L "udp:0:localhost:$ECHO" \
    -L "127.0.0.2:$IPERF:127.0.0.1:$IPERF" -L "udp:127.0.0.2:$IPERF:127.0.0.1:$IPERF"
PORT=$(listens out "127.0.0.1:$ECHO")

check "each of two clients has its own datagrams back, of every length that fits" udp ask "$PORT" 0 1 500 1200 1400 1458 1459 \
    1460 1461 1472 1500 2400 4096 9000 32768 65507
[ -z "${ALONE:-}" ] || finish

# There no address can be told to a peer but the one that the nameserver sees.
# shellcheck disable=SC2016
alone() { ALONE=yes PATH=$PATH:/usr/sbin:/sbin unshare -Urn sh -c 'ip link set lo up && exec "$0"' "$0"; }
if unshare -Urn true 2>/dev/null; then
    check "on a host without a network, too" alone
else
    skip "on a host without a network, too" "no network namespaces here"
fi

# IPv4 carries no more, and so does what the target may be reached by; a client over IPv6 can send some bytes more.
too_long() {
    local at
    start_connected six home -L "udp:[::1]:0:127.0.0.1:$ECHO" &&
        at=$(await_line "$WORK/six.err" "^listening on udp:\[::1\]:[0-9]+ for" | sed -E 's/.*\[::1\]:([0-9]+) .*/\1/') &&
        udp six "$at" 65508 &&
        await_line "$WORK/six.err" "^udp:127.0.0.1:$ECHO: 65508 bytes were dropped: up to 65507 fit"
}
check "one that does not fit is dropped, and the size that does is said" too_long

refused() {
    udp say "$(listens out 127.0.0.1:1)" 5 &&
        await_line "$WORK/out.err" "^hx: no UDP to 127.0.0.1:1: the peer does not allow it \(hx bind --allow udp:HOST:PORT\)" &&
        await_line "$WORK/home.err" "^refused a UDP flow: 127.0.0.1:1 is not allowed here"
}
check "a target that is not allowed is refused, and both sides say so" refused

by_another_name() {
    udp say "$(listens out "localhost:$ECHO")" 5 &&
        await_line "$WORK/out.err" "^hx: no UDP to localhost:$ECHO: the peer does not allow it"
}
check "a target is allowed by the name that is written" by_another_name

# The side that ends the flow is each in its turn, the other one waits for two minutes; its wall clock goes back a day.
after_silence() {
    local moved=(env LD_PRELOAD="$B/test/clock_step.so" CLOCK_STEP_FILE="$WORK/offset"
        ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0") name
    printf '%-15s\n' 0 >"$WORK/offset"
    start one "${moved[@]}" "$HX" bind one -v --allow "udp:127.0.0.1:$ECHO" --udp-timeout 2
    start two "$HX" bind two -v --allow "udp:127.0.0.1:$ECHO"
    for name in one two; do await_line "$WORK/$name.err" "^bound $name as " || return; done
    start to_one "$HX" connect one -v -L "udp:0:127.0.0.1:$ECHO"
    start to_two "${moved[@]}" "$HX" connect two -v -L "udp:0:127.0.0.1:$ECHO" --udp-timeout 2
    for name in one two; do await_line "$WORK/to_$name.err" "^connected to $name at " || return; done
    udp pause 3.5 "$WORK/offset" "$(listens to_one "127.0.0.1:$ECHO")" "$(listens to_two "127.0.0.1:$ECHO")" || return
    for name in one two; do [ "$(grep -c ": UDP to 127.0.0.1:$ECHO" "$WORK/$name.err")" -ge 2 ] || return; done
}
check "a flow ends with its silence, whatever the wall clock says, and the next datagram begins another" after_silence

refusing() {
    kill "$ECHO_PID" && wait "$ECHO_PID" 2>/dev/null
    udp say "$PORT" 5
    start echo2 python3 "$TOP/test/udp_echo.py" 127.0.0.1 "$ECHO"
    await_line "$WORK/echo2.out" "^$ECHO$" >/dev/null && udp once "$PORT" back
}
check "a target that refuses for a while is reached when it is back" refusing

# What the machine itself loses where it is slow, iperf3 loses without us, too.
rate() { # rate ADDRESS: what of 50 Mbit/s is lost, in percent
    timeout 60 iperf3 -c "$1" -p "$IPERF" -u -b 50M -l 1400 -t 2 -J >"$WORK/iperf.json" &&
        python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["end"]["sum"]["lost_percent"])' "$WORK/iperf.json"
}
fifty_megabits() {
    local bare ours
    start iperf iperf3 -s -B 127.0.0.1 -p "$IPERF" --forceflush
    await_line "$WORK/iperf.out" "listening on" >/dev/null
    for _ in 1 2 3; do # others want a processor, too
        bare=$(rate 127.0.0.1) && ours=$(rate 127.0.0.2) || return
        echo "lost: $bare % without hx, $ours % through it"
        awk "BEGIN { exit !($ours <= $bare + 0.5) }" && return
    done
    return 1
}
check "50 Mbit/s pass without a loss of our own" fifty_megabits
tail -3 "$WORK/check.out"
finish
