# shellcheck shell=bash
# test/natlab/lab.sh: a small internet with NATs in it, made of network namespaces. Source it from a script that
# runs inside `lab_enter`; it needs no root, touches nothing of the machine, and is gone when that script ends.
#
#                        s  192.0.2.10 and .11: the nameserver's host
#                        |
#                       net  the internet: a router; it alone loses packets or cuts an access
#            access1 /      \ access2
#   198.51.100.10  (c1)     (c2)  203.0.113.10     a carrier's NAT, only in kind "double"; inside 100.64.N.0/24
#                   n1       n2                    the home router, a NAT; inside 10.0.N.0/24
#                   h1       h2                    10.0.1.10 and 10.0.2.10: the hosts H1 and H2
#
# What a NAT does has two halves (RFC 4787), and a kind names one of each:
#
#   mapping    which external port an inner address:port gets. "Endpoint-independent": one and the same, whoever it
#              talks to; so S can tell others where to knock. "Address and port-dependent": another one for each
#              destination; what S sees is of no use to anybody else.
#   filtering  who may send to that external port. "Endpoint-independent": everybody. "Address-dependent": hosts that
#              the inner side has sent to. "Address and port-dependent": only the very address:port it has sent to;
#              so both sides must send, and the first to arrive is dropped. That is hole punching.
#
#   kind                 mapping               filtering
#   none                 (the host has a public address)
#   full-cone            endpoint-independent  endpoint-independent
#   address-restricted   endpoint-independent  address-dependent
#   port-restricted      endpoint-independent  address and port-dependent
#   symmetric            address and port-dep. address and port-dependent
#   double               port-restricted twice: the carrier's NAT in front of the home router
#   blocked              (a public address, but the access drops all UDP)
#   ipv6-stateful        (IPv6 alone, without a NAT: the router lets in what answers to something that has left)
#
# lab_ipv6 N gives access N of another kind IPv6 besides, in the same way. S has it always.
PATH=$PATH:/usr/sbin:/sbin
# shellcheck disable=SC2034 # for the scripts that source this
LAB_KINDS=(none full-cone address-restricted port-restricted symmetric double)
LAB_S=192.0.2.10
LAB_S_OTHER=192.0.2.11                       # RFC 5780's tests need a second address
LAB_PUBLIC=([1]=198.51.100.10 [2]=203.0.113.10)  # what an access looks like from outside
LAB_INSIDE=([1]=10.0.1.10 [2]=10.0.2.10)
LAB_S6=2001:db8:5::10 # RFC 3849
LAB_SECOND=192.0.3.10 LAB_SECOND6=2001:db8:113::10 # of the host that has a second uplink
LAB_INSIDE6=([1]=2001:db8:1::10 [2]=2001:db8:2::10)
LAB_MAPPING_S=${LAB_MAPPING_S:-120} # a mapping lives this long after its last packet out (RFC 4787, REQ-5)
LAB_GENERATION=0                    # of mappings: each rule set is loaded with another one
LAB_NATS=()                         # "NODE KIND OUTSIDE INSIDE...": how to load each NAT's rules again

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
# lab_or_skip SENTENCE SCRIPT [ARGUMENT...]: the same, or the whole script is one test that is skipped where there can be no lab.
lab_or_skip() {
    local refused
    [ "${HX_LAB:-}" != inside ] || return 0
    refused=$(lab_refused)
    [ -n "$refused" ] || lab_enter "${@:2}"
    skip "$1" "$refused"
    finish
}
# lab_begin: once, inside: `ip netns` keeps its names in /run, which is a memory of our own from here on.
lab_begin() {
    mount -t tmpfs tmpfs /run && mkdir -p /run/netns
}

# --- hosts, links, routers ---------------------------------------------------------------------------------------

lab_exec() { # lab_exec HOST COMMAND...: HOST is s, h1, h2, or a router
    nsenter --net="/run/netns/$1" "${@:2}"
}
lab_start() { # lab_start NAME HOST COMMAND...: in the background, as lib.sh's start; sets PID
    start "$1" nsenter --net="/run/netns/$2" "${@:3}"
}
lab_node() { # lab_node NAME...: a namespace each
    local name
    for name in "$@"; do
        ip netns add "$name"
        ip -n "$name" link set lo up
    done
}
# A cable carries single packets, as real ones do: else the kernel would take a burst as one, and so would its losses.
lab_link() { # lab_link ROUTER IF ADDRESS NODE IF ADDRESS: a cable; the ROUTER's end is the NODE's way to the world
    ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
    printf '%s\n' "addr add $3/24 dev $2" "link set $2 gso_max_segs 1 up" | ip -n "$1" -batch -
    printf '%s\n' "addr add $6/24 dev $5" "link set $5 gso_max_segs 1 up" "route add default via $3" | ip -n "$4" -batch -
}
# The same cable with IPv6: without duplicate address detection, which takes a second.
lab_link6() { # lab_link6 ROUTER IF ADDRESS NODE IF ADDRESS
    ip -n "$1" addr add "$3/64" dev "$2" nodad
    ip -n "$4" addr add "$6/64" dev "$5" nodad
    ip -n "$4" -6 route add default via "$3"
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

# --- NATs ----------------------------------------------------------------------------------------------------------

# lab_nat NODE KIND OUTSIDE INSIDE...: makes NODE (interfaces wan and lan*) a NAT with the external address OUTSIDE for
# the hosts INSIDE. Called again it is a NAT that was switched off and on: all mappings are new.
lab_nat() {
    local node=$1
    LAB_GENERATION=$((LAB_GENERATION + 1))
    {
        echo "table ip nat; delete table ip nat"
        if [ "$2" = symmetric ]; then lab_rules_symmetric; else lab_rules_cone "${@:2}"; fi
    } | lab_exec "$node" nft -f -
}
# Endpoint-independent mapping, without connection tracking: the external port is a function of the inner address
# and port alone (exclusive or with a number: never the same port as inside, so that nothing works by chance), and
# the packet is rewritten by that rule and back. What decides who gets in is the set "contacted": which external
# port has sent where. An unsolicited packet leaves no trace, as it must: with connection tracking it would occupy
# the pair of addresses, and the answer to it would leave from another port.
lab_rules_cone() { # KIND OUTSIDE INSIDE...
    local kind=$1 outside=$2 out in type host number=$(((LAB_GENERATION * 37 + 0x155) % 0x4000))
    shift 2
    case $kind in
    full-cone) type='inet_service' out='udp sport' in='udp dport' ;;
    address-restricted) type='inet_service . ipv4_addr' out='udp sport . ip daddr' in='udp dport . ip saddr' ;;
    *)
        type='inet_service . ipv4_addr . inet_service'
        out='udp sport . ip daddr . udp dport' in='udp dport . ip saddr . udp sport'
        ;;
    esac
    cat <<EOF
table ip nat {
    map inner { # external port -> inner address
        type inet_service : ipv4_addr; flags dynamic,timeout; timeout ${LAB_MAPPING_S}s; size 65535
    }
    set contacted {
        type $type; flags dynamic,timeout; timeout ${LAB_MAPPING_S}s; size 65535
    }
    chain prerouting { # outbound first, then inbound: what goes from inside to the outside address hairpins
        type filter hook prerouting priority raw
        iifname "lan*" jump outbound
        ip daddr $outside jump inbound
    }
    chain outbound {
        meta l4proto != udp drop
        $(lab_rules_ports saddr sport "$number" "$@")
        update @inner { udp sport : ip saddr }
        ip saddr set $outside
        update @contacted { $out }
    }
    chain inbound {
        $in != @contacted drop
        ip daddr set udp dport map @inner
        ip daddr $outside drop
        $(lab_rules_ports daddr dport "$number" "$@")
    }
}
EOF
}
# Each inner host has a number of its own: two that use one port get two external ones.
lab_rules_ports() { # saddr|daddr sport|dport NUMBER INSIDE...
    local address=$1 port=$2 number=$3 host
    for host in "${@:4}"; do
        printf 'ip %s %s udp %s set udp %s ^ %d\n' "$address" "$host" "$port" "$port" "$number"
        number=$((number ^ 0x2000))
    done
}
# Address and port-dependent mapping: connection tracking with a random port for each new pair of addresses. Each
# loading uses another zone: connections of the one before are not found any more. What comes unsolicited reaches
# the router itself and is dropped there before it is tracked.
lab_rules_symmetric() {
    cat <<EOF
table ip nat {
    chain zone {
        type filter hook prerouting priority raw
        ct zone set $LAB_GENERATION
    }
    chain prerouting {
        type nat hook prerouting priority dstnat
    }
    chain postrouting {
        type nat hook postrouting priority srcnat
        oifname "wan" masquerade fully-random
    }
    chain input {
        type filter hook input priority filter
        drop
    }
}
EOF
}
# IPv6 as home routers have it (RFC 6092): no translation; out goes everything, in comes what belongs to it.
lab_firewall6() { # lab_firewall6 NODE
    lab_exec "$1" nft -f - <<EOF
table ip6 firewall {
    chain forward {
        type filter hook forward priority filter; policy drop
        ct state established,related accept
        iifname "lan*" accept
    }
}
EOF
}
lab_make_nat() { # remembers what lab_nat is told, for lab_drop_mappings
    LAB_NATS+=("$*")
    lab_nat "$@"
}

# --- the topology --------------------------------------------------------------------------------------------------

lab_core() { # the internet and S
    lab_node net s
    lab_link net eth0 192.0.2.1 s eth0 $LAB_S
    ip -n s addr add $LAB_S_OTHER/24 dev eth0
    lab_link6 net eth0 2001:db8:5::1 s eth0 $LAB_S6
}
lab_access() { # lab_access N KIND: access line N of the internet, with host hN behind a router of that kind
    local n=$1 kind=$2 public=${LAB_PUBLIC[$1]} inside=${LAB_INSIDE[$1]} outside
    local gateway=${public%.*}.1
    outside=$public
    if [ "$kind" = ipv6-stateful ]; then
        lab_access "$n" port-restricted
        lab_ipv6 "$n"
        ip -n "h$n" -4 addr flush dev eth0
        return
    fi
    lab_node "h$n"
    case $kind in
    none | blocked)
        lab_link net "access$n" "$gateway" "h$n" eth0 "$public"
        return
        ;;
    double)
        lab_node "c$n"
        lab_link net "access$n" "$gateway" "c$n" wan "$public"
        gateway=100.64.$n.1 outside=100.64.$n.10
        lab_node "n$n"
        lab_link "c$n" lan "$gateway" "n$n" wan "$outside"
        lab_router "c$n"
        lab_make_nat "c$n" port-restricted "$public" "$outside"
        kind="port-restricted"
        ;;
    *)
        lab_node "n$n"
        lab_link net "access$n" "$gateway" "n$n" wan "$public"
        ;;
    esac
    lab_link "n$n" "lan$n" "${inside%.*}.1" "h$n" eth0 "$inside"
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
lab_up() { # lab_up KIND1 KIND2: the whole lab, H1 behind KIND1, H2 behind KIND2
    local n
    lab_down
    lab_core
    lab_access 1 "$1"
    lab_access 2 "$2"
    lab_router net
    for n in 1 2; do
        if [ "${!n}" = blocked ]; then lab_weather $n 'meta l4proto udp drop'; fi
    done
}
lab_up_shared() { # lab_up_shared KIND: H1 and H2 in one home, behind one NAT (the first access)
    lab_down
    lab_core
    lab_node n1 h1 h2
    lab_link net access1 198.51.100.1 n1 wan "${LAB_PUBLIC[1]}"
    lab_link n1 lan1 10.0.1.1 h1 eth0 "${LAB_INSIDE[1]}"
    lab_link n1 lan2 10.0.2.1 h2 eth0 "${LAB_INSIDE[2]}"
    lab_router net n1
    lab_make_nat n1 "$1" "${LAB_PUBLIC[1]}" "${LAB_INSIDE[@]}"
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
    STARTED=()
    LAB_NATS=()
    ip -all netns delete
}

# --- what happens to people ----------------------------------------------------------------------------------------

lab_weather() { # lab_weather N RULE: nft rule for all that passes access N, either way; '' for fair weather
    local name="weather$1"
    lab_exec net nft -f - <<EOF
table ip $name
delete table ip $name
table ip $name {
    chain forward {
        type filter hook forward priority filter
        iifname "access$1" ${2:-accept}
        oifname "access$1" ${2:-accept}
    }
}
EOF
}
lab_loss() { # lab_loss PERCENT: on both accesses, each way
    lab_weather 1 "numgen random mod 1000 < $(($1 * 10)) drop"
    lab_weather 2 "numgen random mod 1000 < $(($1 * 10)) drop"
}
lab_cut() { # lab_cut N: nothing passes access N any more
    lab_weather "$1" drop
}
lab_mend() { # lab_mend N
    lab_weather "$1" ''
}
lab_drop_mappings() { # every NAT forgets its mappings; the next packet out gets a new external port
    local nat
    for nat in "${LAB_NATS[@]}"; do
        # shellcheck disable=SC2086 # the words are lab_nat's arguments
        lab_nat $nat
    done
}
