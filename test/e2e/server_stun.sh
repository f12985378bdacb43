#!/usr/bin/env bash
# STUN on the nameserver's UDP ports, asked by programs of others: coturn's turnutils (RFC 8489, RFC 5780) and Debian's
# stun-client (RFC 3489). Through the lab's NATs they find what kind each one is.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"

lab_or_skip "STUN tells programs of others what kind of NAT they are behind" "$0" "$@"
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" # the lab has another /proc than LeakSanitizer looks for
COTURN=$TOP/build/deb/usr/bin
LOG=$WORK/nameserver.err
for program in stun "$COTURN/turnutils_stunclient" "$COTURN/turnutils_natdiscovery"; do
    command -v "$program" >/dev/null || {
        skip "programs of others speak STUN with the nameserver" "no $program here: make deps-test"
        finish
    }
done

serve() { # serve OPTION...: S in the lab; sets NS_PID
    lab_start nameserver s "$B/hx-nameserver" "$@"
    NS_PID=$PID
    await_line "$WORK/nameserver.out" 'listening on' >/dev/null
}
# Each in the background, as most of their time is waiting for what a NAT does not let in.
discover() { # discover HOST OPTION...: what coturn finds there, in $WORK/HOST.coturn
    for _ in {1..5}; do # it waits little, too
        lab_exec "$1" timeout 60 "$COTURN/turnutils_natdiscovery" "${@:2}" -p 7000 $LAB_S >"$WORK/$1.coturn" 2>&1
        grep -q 'Not received mapped address' "$WORK/$1.coturn" || return
    done
}
classic() { # classic HOST: what stun-client finds there, in $WORK/HOST.classic; it asks S's port alone, and waits little
    for _ in {1..5}; do
        lab_exec "$1" timeout 60 stun "$LAB_S:7000" >"$WORK/$1.classic" 2>&1
        grep -q 'Blocked or could not reach' "$WORK/$1.classic" || return
    done
}
found() { # found SENTENCE FILE REGEX
    if grep -qE -- "$3" "$2"; then ok "$1"; else not_ok "$1" "$2"; fi
}
# The first answer that stunclient gets in a second and says REGEX. Where S has two addresses it then asks for an answer
# to another port of its own (RFC 5780's RESPONSE-PORT), which S gives nobody, and would wait for it without end.
asked() { # asked HOST REGEX ADDRESS PORT
    rm -f "$WORK/asked.out"
    lab_start asked "$1" stdbuf -oL "$COTURN/turnutils_stunclient" -p "$4" "$3"
    await_line "$WORK/asked.out" "$2"
    local rc=$?
    kill "$PID" 2>/dev/null
    wait "$PID" 2>/dev/null
    return "$rc"
}
behind() { # behind KIND1 KIND2 TEST...: both programs at both hosts, coturn's with its tests
    local pids=() host
    lab_up "$1" "$2"
    serve --listen :7000 --stun-address=$LAB_S --stun-address=$LAB_S_OTHER || not_ok "S starts" "$LOG"
    for host in h1 h2; do
        discover $host "${@:3}" &
        pids+=($!)
        classic $host &
        pids+=($!)
    done
    wait "${pids[@]}"
}

lab_begin
behind full-cone port-restricted -m -f
found "full-cone: coturn finds endpoint-independent mapping" "$WORK/h1.coturn" 'Endpoint Independent Mapping'
found "and endpoint-independent filtering: the answers of the other address and port come through" "$WORK/h1.coturn" \
    'Endpoint Independent Filtering'
found "stun-client says the same" "$WORK/h1.classic" 'Independent Mapping, Independent Filter'
found "port-restricted: coturn finds endpoint-independent mapping" "$WORK/h2.coturn" 'Endpoint Independent Mapping'
found "and address and port-dependent filtering" "$WORK/h2.coturn" 'Address and Port Dependent Filtering'
found "stun-client says the same" "$WORK/h2.classic" 'Independent Mapping, Port Dependent Filter'
check "the external address is the one that UDT's clients are told" \
    asked h1 "reflexive addr: ${LAB_PUBLIC[1]}:" $LAB_S 7000
check "and it is had over IPv6, too" asked net 'reflexive addr: \[?2001:db8:5::1\]?:' $LAB_S6 7000
check "while UDT is served on the same port" grep -q "you are ${LAB_PUBLIC[1]}:" \
    <(lab_exec h1 timeout 60 "$B/udtcurl" -s "udt://$LAB_S:7000/")
check "what was answered can be read" [ "$(counter stun_answered)" -gt 8 ]
check "and what was answered from another address or port" [ "$(counter stun_changed)" -gt 3 ]
check "and nothing of it reached UDT" [ "$(sed -n 's/.*of=dropped_//p' "$LOG" | grep -vc light_ack)" = 0 ]
kill "$NS_PID"
await_exit "$NS_PID"
check "S ends in order" [ $? = 0 ]

behind symmetric none -m
found "symmetric: coturn finds address and port-dependent mapping" "$WORK/h1.coturn" 'Address and Port Dependent Mapping'
found "stun-client says the same" "$WORK/h1.classic" 'Dependent Mapping'
found "no NAT: coturn finds endpoint-independent mapping" "$WORK/h2.coturn" 'Endpoint Independent Mapping'
found "stun-client says so" "$WORK/h2.classic" 'Open'
kill "$NS_PID"
await_exit "$NS_PID"

# One address: no OTHER-ADDRESS, and what cannot be done is said.
serve --listen $LAB_S:7000
check "with one address the other programs are told no second one" [ "$(
    lab_exec h2 timeout 5 "$COTURN/turnutils_stunclient" -p 7000 $LAB_S | grep -c 'Other addr'
)" = 0 ]
check "the second port is the main port's neighbour" grep -q "event=stun address=$LAB_S:7001" "$LOG"
check "and answers" asked h2 "reflexive addr: ${LAB_PUBLIC[2]}:" $LAB_S 7001
kill "$NS_PID"
await_exit "$NS_PID"
lab_start busy s socat UDP-RECVFROM:7001,bind=$LAB_S,fork PIPE
BUSY_PID=$PID
lab_exec s timeout 60 bash -c "until grep -qi :1B59 /proc/net/udp; do read -rt 0.02 <> <(:); done"
serve --listen $LAB_S:7000
check "a second port in use does not keep S from starting, and is told" \
    await_line "$LOG" "level=warn event=no_stun address=$LAB_S:7001 reason=\"Address already in use\""
kill "$NS_PID"
await_exit "$NS_PID"
check "one that was asked for does" ended 3000 1 "cannot listen on UDP $LAB_S:7001 for STUN.*in use" \
    nsenter --net=/run/netns/s "$B/hx-nameserver" --listen $LAB_S:7000 --stun-port=7001
kill "$BUSY_PID"
await_exit "$BUSY_PID"
check "so does an address that is none of this host's" ended 3000 1 'cannot listen on UDP 192.0.2.99:0 for STUN' \
    nsenter --net=/run/netns/s "$B/hx-nameserver" --listen $LAB_S:7000 --stun-address=192.0.2.99
check "an address without a second one is bad usage" ended 3000 2 'stun-address needs two' \
    "$B/hx-nameserver" --listen :7000 --stun-address=192.0.2.10
# An address that a router before S translates: told as it looks from outside.
serve --listen $LAB_S:7000 --stun-address=$LAB_S_OTHER/198.51.100.77
check "the second address is told as it looks from outside" asked h2 'Other addr: : 198.51.100.77:7001' $LAB_S 7000
kill "$NS_PID"
await_exit "$NS_PID"
finish
