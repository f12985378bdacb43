# shellcheck shell=bash
# test/natlab/lab.sh: a small internet with NATs in it, made of network namespaces. Source it from a script that
# runs inside `lab_enter`; it needs no root, touches nothing of the machine, and is gone when that script ends.
#
#                        s  192.0.2.10 and .11: the nameserver's host
#                        |
#                       net  the internet: a router; it alone loses packets or cuts an access
#            access1 /      \ access2         and as many more as lab_up is told kinds of
#   198.51.100.10  (c1)     (c2)  203.0.113.10     a carrier's NAT, only in kinds "double" and HOME/CARRIER; inside 100.64.N.0/24
#                   n1       n2                    the home router, a NAT; inside 10.0.N.0/24
#                   h1       h2                    10.0.1.10 and 10.0.2.10: the hosts H1 and H2 (H3, ...)
#
# The kinds of NAT are in nats.sh, what happens to the accesses in weather.sh.
# lab_ipv6 N gives access N of another kind IPv6 besides, in the same way. S has it always.
PATH=$PATH:/usr/sbin:/sbin
# shellcheck disable=SC2034 # for the scripts that source this
LAB_KINDS=(none full-cone address-restricted port-restricted symmetric double)
LAB_S=192.0.2.10
LAB_S_OTHER=192.0.2.11                       # RFC 5780's tests need a second address
LAB_NO_UDP='meta l4proto udp drop'           # rules for lab_weather: what a firewall does
LAB_UDP_TO_S="meta l4proto udp ip saddr != $LAB_S ip daddr != $LAB_S drop"
LAB_PUBLIC=([1]=198.51.100.10 [2]=203.0.113.10 [3]=192.0.3.10) # what an access looks like from outside
LAB_INSIDE=([1]=10.0.1.10 [2]=10.0.2.10 [3]=10.0.3.10)
for ((n = 4; n <= 64; n++)); do LAB_PUBLIC[n]=198.18.$n.10 LAB_INSIDE[n]=10.0.$n.10; done # RFC 2544
LAB_WIRE_MORE=() # what else a wire with a delay does: options of delay_line
LAB_OPEN=   # an input that ends when this script does
LAB_EDGES=() # N -> "NODE IFACE ADDRESS": where access N ends, at a NAT or at a host
LAB_S6=2001:db8:5::10 # RFC 3849
LAB_SECOND=192.0.3.10 LAB_SECOND6=2001:db8:113::10 # of the host that has a second uplink
LAB_INSIDE6=([1]=2001:db8:1::10 [2]=2001:db8:2::10)
for ((n = 3; n <= 64; n++)); do LAB_INSIDE6[n]=2001:db8:a$n::10; done
# shellcheck source=test/natlab/nats.sh
. "$TOP/test/natlab/nats.sh"
# shellcheck source=test/natlab/weather.sh
. "$TOP/test/natlab/weather.sh"

# lab_refused: why there can be no lab on this machine; prints nothing if there can be one.
lab_refused() {
    local tool err
    for tool in unshare nsenter ip nft mount; do
        command -v "$tool" >/dev/null || { echo "no program '$tool'" && return; }
    done
    # shellcheck disable=SC2016 # the inner shell expands it
    err=$(unshare -Urnmpf --kill-child bash -c 'set -e
        mount -t tmpfs tmpfs /run; ip netns add a; ip link add v0 netns a type veth peer name v1
        nsenter --net=/run/netns/a sh -c "echo 1 >/proc/sys/net/ipv4/ip_forward"
        nft "table ip t { set s { type inet_service; flags dynamic,timeout; timeout 1s; size 9; }
            chain c { type nat hook postrouting priority srcnat; masquerade fully-random; }
            chain f { numgen random mod 100 < 5 drop; update @s { udp sport }; ct zone set 1; }; }"' 2>&1) ||
        echo "no user, network and mount namespaces with nftables here: $(head -n 1 <<<"$err")"
}
# lab_enter SCRIPT [ARGUMENT...]: runs it anew in namespaces of its own (user, net, mount, pid) with HX_LAB=inside.
lab_enter() {
    rm -rf "$WORK" # of lib.sh: exec runs no EXIT trap, and the script inside makes its own
    exec env HX_LAB=inside unshare -Urnmpf --kill-child bash "$@"
}
# lab_or SCRIPT [ARGUMENT...]: the same if it is not inside yet; where there can be no lab it fails, and REFUSED says why.
lab_or() {
    [ "${HX_LAB:-}" != inside ] || return 0
    REFUSED=$(lab_refused)
    [ -n "$REFUSED" ] || lab_enter "$@"
    return 1
}
# lab_or_skip SENTENCE SCRIPT [ARGUMENT...]: the whole script is one test that is skipped then.
lab_or_skip() {
    lab_or "${@:2}" || {
        skip "$1" "$REFUSED"
        finish
    }
}
# lab_begin: once, inside: `ip netns` keeps its names in /run, which is a memory of our own from here on.
lab_begin() {
    mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mkfifo /run/open && exec {LAB_OPEN}<>/run/open
}

# --- hosts, links, routers ---------------------------------------------------------------------------------------

lab_exec() { # lab_exec HOST COMMAND...: HOST is s, h1, h2, or a router. Behind "&" it is not the process that $! names
    nsenter --net="/run/netns/$1" "${@:2}"
}
lab_start() { # lab_start NAME HOST COMMAND...: in the background, as lib.sh's start; sets PID
    start "$1" nsenter --net="/run/netns/$2" "${@:3}"
}
lab_node() { # lab_node NAME...: a namespace each
    local name
    lab_space "$@"
    for name in "$@"; do ip -n "$name" link set lo up; done
}
lab_space() { # lab_space NAME...: likewise, but for those that lab_link is to come for
    printf 'netns add %s\n' "$@" | ip -batch -
}
# A cable carries single packets, as real ones do: else the kernel would take a burst as one, and so would its losses.
lab_link() { # lab_link ROUTER IF ADDRESS NODE IF ADDRESS [METRIC]: the ROUTER's end is the NODE's way to the world
    local ms=0 cable="link add $2 type veth peer name $5 netns $4"
    case $2 in access*) ms=${LAB_DELAY_MS[${2#access}]:-0} ;; esac
    if [ "$ms" != 0 ]; then
        lab_wire "$1" "$2" "$4" "$5" "$ms" || return
        cable=
    fi
    printf '%s\n' "$cable" "addr add $3/24 dev $2" "link set $2 gso_max_segs 1 up" "link set lo up" | ip -n "$1" -batch -
    printf '%s\n' "addr add $6/24 dev $5" "link set $5 gso_max_segs 1 up" "link set lo up" \
        "route add default via $3 dev $5${7:+ metric $7}" | ip -n "$4" -batch -
}
# A wire that is MS long each way. It carries frames as they are: their sums must be there.
lab_wire() { # lab_wire ROUTER IF NODE IF MS
    local wire=wire.$2
    lab_node "$wire"
    ip link add "$2" netns "$1" type veth peer name outer netns "$wire"
    ip link add "$4" netns "$3" type veth peer name inner netns "$wire"
    lab_exec "$1" ethtool -K "$2" tx off gso off >/dev/null 2>&1
    lab_exec "$3" ethtool -K "$4" tx off gso off >/dev/null 2>&1
    printf '%s\n' "link set outer up" "link set inner up" | ip -n "$wire" -batch -
    nsenter --net="/run/netns/$wire" "$B/test/natlab/delay_line" outer inner "$5" "${LAB_WIRE_MORE[@]}" \
        <&"$LAB_OPEN" >"$WORK/$wire.out" 2>"$WORK/$wire.err" &
    STARTED+=("$!")
    await_line "$WORK/$wire.out" '^ready' >/dev/null || { cat "$WORK/$wire.err" && return 1; }
}
# The same cable with IPv6: without duplicate address detection, which takes a second.
lab_link6() { # lab_link6 ROUTER IF ADDRESS NODE IF ADDRESS
    ip -n "$1" addr add "$3/64" dev "$2" nodad
    printf '%s\n' "addr add $6/64 dev $5 nodad" "route add default via $3" | ip -n "$4" -6 -batch -
    lab_exec "$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}
lab_router() { # lab_router NODE...: forwards. A hairpinned packet comes in with the router's own source address.
    local node
    for node in "$@"; do
        # shellcheck disable=SC2016
        lab_exec "$node" sh -c 'cd /proc/sys/net/ipv4; echo 1 >ip_forward; echo 1 >conf/all/accept_local
            for f in conf/*/rp_filter conf/*/send_redirects; do echo 0 >$f; done'
    done
}

# --- the topology --------------------------------------------------------------------------------------------------

lab_core() { # the internet and S
    lab_space net s
    lab_link net eth0 192.0.2.1 s eth0 $LAB_S
    ip -n s addr add $LAB_S_OTHER/24 dev eth0
    lab_link6 net eth0 2001:db8:5::1 s eth0 $LAB_S6
}
# lab_access N KIND: access line N of the internet, with host hN behind a router of that kind. With HOST IFACE it is
# another line for a host that is there.
lab_access() {
    local n=$1 kind=$2 host=${3:-h$1} iface=${4:-eth0} metric=${3:+600} public=${LAB_PUBLIC[$1]} inside=${LAB_INSIDE[$1]}
    local gateway=${public%.*}.1 outside=$public
    if [ "$kind" = ipv6-stateful ]; then
        lab_access "$n" port-restricted
        lab_ipv6 "$n"
        ip -n "h$n" -4 addr flush dev eth0
        return
    fi
    [ $# -gt 2 ] || lab_space "$host"
    case $kind in
    none | blocked | only-s)
        LAB_EDGES[n]="$host $iface $public"
        lab_link net "access$n" "$gateway" "$host" "$iface" "$public" "$metric"
        return
        ;;
    double | */*)
        LAB_EDGES[n]="c$n wan $public"
        lab_space "c$n"
        lab_link net "access$n" "$gateway" "c$n" wan "$public"
        gateway=100.64.$n.1 outside=100.64.$n.10
        lab_space "n$n"
        lab_link "c$n" lan "$gateway" "n$n" wan "$outside"
        lab_router "c$n"
        [ "$kind" != double ] || kind=port-restricted/port-restricted
        lab_make_nat "c$n" "${kind#*/}" "$public" "$outside"
        kind=${kind%%/*}
        ;;
    *)
        LAB_EDGES[n]="n$n wan $public"
        lab_space "n$n"
        lab_link net "access$n" "$gateway" "n$n" wan "$public"
        ;;
    esac
    lab_link "n$n" "lan$n" "${inside%.*}.1" "$host" "$iface" "$inside" "$metric"
    lab_router "n$n"
    lab_make_nat "n$n" "$kind" "$outside" "$inside"
}
lab_ipv6() { # lab_ipv6 N: for an access behind one router
    local inside=${LAB_INSIDE6[$1]}
    lab_link6 net "access$1" "2001:db8:10$1::1" "n$1" wan "2001:db8:10$1::10"
    lab_link6 "n$1" "lan$1" "${inside%::*}::1" "h$1" eth0 "$inside"
    ip -n net -6 route add "${inside%::*}::/64" via "2001:db8:10$1::10"
    lab_firewall6 "n$1"
}
# lab_uplink N: host hN, whose access is of kind "none", has IPv6 there, and a second uplink to another access with both
# families. The first one stays its way to the world, but to S it is the second one. Nothing passes an access that says
# it comes from the other (RFC 2827).
lab_uplink() {
    local n=$1 first=${LAB_PUBLIC[$1]%.*} second=${LAB_SECOND%.*} first6=2001:db8:11$1: second6=${LAB_SECOND6%::*}:
    lab_link6 net "access$n" "$first6:1" "h$n" eth0 "$first6:10"
    ip link add access3 netns net type veth peer name eth1 netns "h$n"
    printf '%s\n' "addr add $second.1/24 dev access3" "addr add $second6:1/64 dev access3 nodad" \
        'link set access3 gso_max_segs 1 up' | ip -n net -batch -
    printf '%s\n' "addr add $LAB_SECOND/24 dev eth1 label eth1:1" "addr add $LAB_SECOND6/64 dev eth1 nodad" \
        'link set eth1 gso_max_segs 1 up' "route add default via $second.1 metric 600" \
        "route add ${LAB_S%.*}.0/24 via $second.1" | ip -n "h$n" -batch -
    printf '%s\n' "route add default via $second6:1 metric 2000" "route add ${LAB_S6%::*}::/64 via $second6:1" |
        ip -n "h$n" -6 -batch -
    lab_exec net nft -f - <<EOF
table inet ingress {
    chain forward {
        type filter hook forward priority filter - 1
        iifname "access$n" ip saddr != $first.0/24 drop
        iifname "access$n" ip6 saddr != $first6:/64 drop
        iifname access3 ip saddr != $second.0/24 drop
        iifname access3 ip6 saddr != $second6:/64 drop
    }
}
EOF
}
lab_up() { # lab_up KIND1 KIND2 ...: the whole lab, H1 behind KIND1, H2 behind KIND2, and so on
    local n
    lab_down
    lab_core
    for ((n = 1; n <= $#; n++)); do lab_access "$n" "${!n}" || return; done
    lab_router net
    for ((n = 1; n <= $#; n++)); do
        case ${!n} in
        blocked) lab_weather $n "$LAB_NO_UDP" ;;
        only-s) lab_weather $n "$LAB_UDP_TO_S" ;;
        esac
    done
}
lab_up_shared() { # lab_up_shared KIND: H1 and H2 in one home, behind one NAT (the first access)
    lab_down
    lab_core
    lab_space n1 h1 h2
    LAB_EDGES[1]="n1 wan ${LAB_PUBLIC[1]}"
    lab_link net access1 198.51.100.1 n1 wan "${LAB_PUBLIC[1]}"
    lab_link n1 lan1 10.0.1.1 h1 eth0 "${LAB_INSIDE[1]}"
    lab_link n1 lan2 10.0.2.1 h2 eth0 "${LAB_INSIDE[2]}"
    lab_router net n1
    lab_make_nat n1 "$1" "${LAB_PUBLIC[1]}" "${LAB_INSIDE[@]}"
}
# lab_up_carrier HOME CARRIER: H1 and H2 each behind a home router of the kind HOME, both of them behind one carrier's NAT
# of the kind CARRIER (c1, at the first access): where that one does not hairpin, neither reaches the other directly.
lab_up_carrier() {
    local n
    lab_down
    lab_core
    lab_space c1
    LAB_EDGES[1]="c1 wan ${LAB_PUBLIC[1]}"
    lab_link net access1 "${LAB_PUBLIC[1]%.*}.1" c1 wan "${LAB_PUBLIC[1]}"
    for n in 1 2; do
        lab_space "n$n" "h$n"
        lab_link c1 "lan$n" "100.64.$n.1" "n$n" wan "100.64.$n.10"
        lab_link "n$n" "lan$n" "${LAB_INSIDE[n]%.*}.1" "h$n" eth0 "${LAB_INSIDE[n]}"
    done
    lab_router net c1 n1 n2
    lab_make_nat c1 "$2" "${LAB_PUBLIC[1]}" 100.64.1.10 100.64.2.10
    for n in 1 2; do lab_make_nat "n$n" "$1" "100.64.$n.10" "${LAB_INSIDE[n]}"; done
}
lab_has_bridges() { # in this kernel
    ip link add name bridge0 type bridge 2>/dev/null && ip link del bridge0
}
# S, H1 and H2 on one link, with link-local addresses alone: fe80::1, ::11, ::12 on eth1. Their eth0, with the same
# addresses and the older route, leads nowhere.
lab_up_link() {
    local host
    lab_down
    lab_node net s h1 h2
    ip -n net link add br0 type bridge && ip -n net link set br0 up || return 1
    for host in s:1 h1:11 h2:12; do
        ip link add "lost${host#*:}" netns net type veth peer name eth0 netns "${host%:*}"
        ip link add "lan${host#*:}" netns net type veth peer name eth1 netns "${host%:*}"
        printf '%s\n' "link set lan${host#*:} master br0 up" "link set lost${host#*:} up" | ip -n net -batch -
        printf '%s\n' "link set eth0 addrgenmode none up" "addr add fe80::${host#*:}/64 dev eth0 nodad" \
            "link set eth1 addrgenmode none up" "addr add fe80::${host#*:}/64 dev eth1 nodad" | ip -n "${host%:*}" -batch -
    done
}
lab_down() { # ends what was started in the lab, then takes it away
    local pid
    for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${STARTED[@]}"; do wait "$pid" 2>/dev/null; done
    for pid in "${LAB_BOXES[@]}"; do exec {pid}>&-; done
    STARTED=() LAB_NATS=() LAB_EDGES=() LAB_BOXES=()
    ip -all netns delete
}
