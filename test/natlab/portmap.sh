#!/bin/bash
# test/natlab/portmap.sh: H1's home router gives port mappings. It is a plain Linux router with Debian's miniupnpd.
# shellcheck disable=SC2317 # tests are called through story
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
lab_or_skip 'a router gives port mappings' "$0" "$@"
lab_begin || exit 1

MAPPER=$B/test/natlab/mapper
MINIUPNPD=$TOP/build/deb/usr/sbin/miniupnpd
PORT=7010         # of H1 that is mapped
ROUTER=192.0.3.20 # the router's external address; miniupnpd maps to none of those for documentation (RFC 5737)

STORY_FILES=({hold,miniupnpd}.{out,err})

# home: H1 behind a plain Linux router without a service. The tables are what miniupnpd writes its rules into.
home() {
    lab_up port-restricted none || return 1
    ip -n n1 addr add "$ROUTER/32" dev wan && ip -n net route add "$ROUTER/32" via "${LAB_PUBLIC[1]}" || return 1
    lab_exec n1 nft -f - <<EOF
delete table ip nat
table inet filter {
    chain forward {
        type filter hook forward priority filter; policy drop
        ct state established,related accept
        iifname "lan*" accept
        jump miniupnpd
    }
    chain miniupnpd { }
    chain prerouting {
        type nat hook prerouting priority dstnat
        jump prerouting_miniupnpd
    }
    chain prerouting_miniupnpd { }
    chain postrouting {
        type nat hook postrouting priority srcnat
        jump postrouting_miniupnpd
        oifname "wan" masquerade
    }
    chain postrouting_miniupnpd { }
}
EOF
}
# start_miniupnpd NATPMP UPNP [SECONDS]: yes or no for each; "NATPMP" is PCP, too. The longest lifetime that it gives.
start_miniupnpd() {
    local ready='Listening for NAT-PMP'
    [ "$1" = yes ] || ready='HTTP listening on port'
    cat >"$WORK/miniupnpd.conf" <<EOF
ext_ifname=wan
ext_ip=$ROUTER
listening_ip=lan1
enable_natpmp=$1
enable_upnp=$2
min_lifetime=1
max_lifetime=${3:-86400}
secure_mode=yes
uuid=00000000-0000-0000-0000-000000000001
allow 1024-65535 10.0.1.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
EOF
    lab_start miniupnpd n1 "$MINIUPNPD" -d -f "$WORK/miniupnpd.conf" -P "$WORK/miniupnpd.pid"
    MINIUPNPD_PID=$PID
    await_line "$WORK/miniupnpd.err" "$ready" >/dev/null
}
# router WAY: with one of the protocols alone. PCP and NAT-PMP have one port; the first byte is the version.
router() {
    home || return 1
    case $1 in
    upnp) start_miniupnpd no yes ;;
    pcp) start_miniupnpd yes no && unheard 'udp dport 5351 @th,64,8 0' ;;
    natpmp) start_miniupnpd yes no && unheard 'udp dport 5351 @th,64,8 2' ;;
    all) start_miniupnpd yes yes ;;
    esac
}
unheard() { # unheard MATCH: what the router does not hear
    lab_exec n1 nft "add chain inet filter input { type filter hook input priority filter; }
        add rule inet filter input $1 drop"
}
start_hold() { # the mapper on H1, with its commands at $say
    rm -f "$WORK/say"
    mkfifo "$WORK/say"
    lab_start hold h1 bash -c "exec '$MAPPER' hold $PORT <'$WORK/say'"
    HOLD_PID=$PID
    exec {say}>"$WORK/say"
}
# await_change REGEX: the router's answers count for a second; where the machine was busy, it is asked again. Also an
# interface is not up in the moment in which it is set so.
await_change() {
    local try
    for try in {1..5}; do
        await_line "$WORK/hold.out" "$1" 3 && return
        (echo network >&"$say")
    done
    return 1
}
await_mapped() {
    local line
    line=$(await_change "^mapped $ROUTER:")
    [[ $line =~ :([0-9]+)\ ([0-9]+)$ ]] && MAPPED_PORT=${BASH_REMATCH[1]} MAPPED_MS=${BASH_REMATCH[2]}
}
# passes TEXT [TRIES]: a datagram from H2, to whom H1 has sent nothing, arrives.
passes() {
    local try
    for ((try = 0; try < ${2:-3}; try++)); do
        lab_exec h2 bash -c "printf %s '$1' >/dev/udp/$ROUTER/${MAPPED_PORT:-$PORT}"
        if await_line "$WORK/hold.out" "^took $1\$" 1; then return 0; fi
    done
    return 1
}
mappings() { # of the router
    lab_exec n1 nft list chain inet filter prerouting_miniupnpd | grep -c "dnat ip to ${LAB_INSIDE[1]}:$PORT\$"
}
end_hold() {
    (echo end >&"$say")
    exec {say}>&-
    ENDED=$(await_line "$WORK/hold.out" '^ended') && await_exit "$HOLD_PID"
}

maps() { # maps WAY
    local say
    router "$1" && start_hold && await_mapped && passes hello || return 1
    echo "mappings $(mappings)"
    [ "$(mappings)" = 1 ] && end_hold || return 1
    NOTE="mapped after $MAPPED_MS ms, given back after ${ENDED#* } ms"
    [ "$(mappings)" = 0 ]
}
nobody_comes() {
    local say PORT=7011
    router all && start_hold && await_mapped && MAPPED_PORT=7010 && ! passes hello 1 && end_hold
}
probes() { # probes WAY REGEX
    local seen
    router "$1" && seen=$(lab_exec h1 "$MAPPER" probe 3000)
    NOTE=$seen
    [[ $seen =~ $2 ]]
}
# A lifetime of 6 s: held for longer it was renewed. Then the router falls silent.
renews() {
    local say
    home && start_miniupnpd yes no 6 && start_hold && await_mapped || return 1
    await_nth 3 "$WORK/miniupnpd.err" "PCP request received from ${LAB_INSIDE[1]}" 20 && passes later || return 1
    [ "$(grep -c '^mapped' "$WORK/hold.out")" = 1 ] && unheard 'udp dport 5351' || return 1
    await_line "$WORK/hold.out" '^lost' && end_hold
}
# restarts WAY [COMMAND]: the router has forgotten. It says so to all, or the mapper is told that it may have.
restarts() {
    local say
    router "$1" && start_hold && await_mapped && passes before || return 1
    end_now "$MINIUPNPD_PID"
    lab_exec n1 nft 'flush chain inet filter miniupnpd; flush chain inet filter prerouting_miniupnpd' || return 1
    [ "$(mappings)" = 0 ] || return 1
    case $1 in
    pcp) start_miniupnpd yes no ;;
    upnp) start_miniupnpd no yes ;;
    esac
    [ -z "${2:-}" ] || echo "$2" >&"$say"
    passes after 15 && end_hold
}
moves() { # the way to the router is lost, and is there again
    local say
    router all && start_hold && await_mapped && ip -n h1 route del default || return 1
    (echo network >&"$say")
    await_line "$WORK/hold.out" '^lost' && ip -n h1 route add default via "${LAB_INSIDE[1]%.*}.1" || return 1
    (echo network >&"$say")
    for _ in {1..5}; do
        await_nth 2 "$WORK/hold.out" '^mapped' 3 && break
        (echo network >&"$say")
    done
    passes again && end_hold
}
start_list() { # start_list SEEN: likewise, for the candidates of the port that a server sees there
    rm -f "$WORK/say"
    mkfifo "$WORK/say"
    lab_start hold h1 bash -c "exec '$MAPPER' list $PORT '$1' <'$WORK/say'"
    HOLD_PID=$PID
    exec {say}>"$WORK/say"
}
lists() { # the interfaces' addresses, the mapping once it has come, and what is added later
    local say own="${LAB_INSIDE[1]}:$PORT host"
    router pcp && start_list "${LAB_PUBLIC[1]}:4321" && await_line "$WORK/hold.out" "^$own\$" || return 1
    await_change "^$ROUTER:[0-9]+ mapped, $own\$" || return 1
    ip link add eth1 netns h1 type veth peer name eth9 netns n1 && ip -n n1 link set eth9 up || return 1
    ip -n h1 addr add 192.168.9.2/24 dev eth1 && ip -n h1 link set eth1 up || return 1
    (echo network >&"$say")
    await_change "^$ROUTER:[0-9]+ mapped, $own, 192.168.9.2:$PORT host\$" && end_hold && [ "$(mappings)" = 0 ]
}
asks_none() { # who is seen as he is has no NAT
    local say
    router all && start_list "${LAB_INSIDE[1]}:$PORT" && end_hold || return 1
    cat "$WORK/miniupnpd.err"
    ! grep -qE 'received from|SSDP M-SEARCH from' "$WORK/miniupnpd.err"
}
hx_bind_maps() { # hx_bind_maps MAPPINGS [OPTION]: while it is bound; and it gives back what there is when it ends
    local begin before
    router all && start_s && start_h1 --echo "${@:2}" && await_bound || return 1
    if [ "$1" = 0 ]; then
        greet # has been bound for so long
    else
        await_line "$WORK/miniupnpd.err" 'PCP MAP: added mapping UDP' || return 1
    fi
    before=$(mappings_to "${LAB_INSIDE[1]}:")
    begin=$EPOCHREALTIME
    end_now "$H1_PID"
    NOTE="hx bind ended after $(ms_between "$begin" "$EPOCHREALTIME") ms"
    # A router that has made a mapping, and whose word has not come yet, is not waited for.
    await_true 5 none_mapped
    echo "mappings: $before, then $(mappings_to)"
    [ "$before" = "$1" ] && none_mapped
}
mappings_to() { lab_exec n1 nft list chain inet filter prerouting_miniupnpd | grep -c "dnat ip to ${1:-}"; }
none_mapped() { [ "$(mappings_to)" = 0 ]; }
# asks_in_vain MATCH: no answer, and nothing waits for one.
asks_in_vain() {
    local say
    home && unheard "$1" && start_hold && end_hold || return 1
    NOTE="ended after ${ENDED#* } ms"
    ! grep -q '^mapped' "$WORK/hold.out"
}

story 'what a router speaks is told, with its external address' probes all \
    "^pcp=yes natpmp=$ROUTER upnp=$ROUTER gateway=10.0.1.1 "
story 'and what it does not speak' probes upnp "^pcp=no natpmp=no upnp=$ROUTER gateway=10.0.1.1 "
for way in pcp natpmp upnp; do
    story "$way alone: who was not sent to reaches the port; the mapping is given back" maps "$way"
done
story 'a router with all three is asked for one mapping' maps all
story 'without a mapping nobody comes in' nobody_comes
story 'a mapping is renewed before its lifetime is over, and lost when it cannot be' renews
story 'a router that was restarted and says so maps anew' restarts pcp
story 'a router that was restarted maps anew once that is suspected' restarts upnp check
story 'a mapping is lost with the way to its router, and made again with it' moves
story 'the addresses of a host are told, and the mapping when it has come' lists
story 'without a NAT the router is not asked' asks_none
story 'hx bind has its port mapped, and gives that back' hx_bind_maps 1
story 'hx bind --no-port-mapping has not' hx_bind_maps 0 --no-port-mapping
story 'a router that says no is not waited for' asks_in_vain 'udp dport 1 '
story 'a router that says nothing is not waited for' asks_in_vain 'iifname "lan1"'
lab_down
finish
