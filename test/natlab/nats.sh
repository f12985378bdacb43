# shellcheck shell=bash disable=SC2153 # WORK and B are lib.sh's
# test/natlab/nats.sh: the NATs of the lab, a part of lab.sh. What a NAT does has parts (RFC 4787), and a kind names them:
#
#   mapping    which external port an inner address:port gets. "Endpoint-independent": one and the same, whoever it
#              talks to; so S can tell others where to knock. "Address and port-dependent": another one for each
#              destination; what S sees is of no use to anybody else.
#   filtering  who may send to that external port. "Endpoint-independent": everybody. "Address-dependent": hosts that
#              the inner side has sent to. "Address and port-dependent": only the very address:port it has sent to;
#              so both sides must send, and the first to arrive is dropped. That is hole punching.
#   ports      which number a new mapping gets: the inner one ("preserving"), the next one ("sequential"), any.
#   hairpin    whether two inner hosts reach each other by their external addresses.
#
#   kind                  mapping               filtering             ports       made of
#   none                  (the host has a public address)
#   full-cone             endpoint-independent  endpoint-independent  by rule     nftables, without tracking (TCP: with it)
#   address-restricted    endpoint-independent  address-dependent     by rule     likewise
#   port-restricted       endpoint-independent  address and port-dep. by rule     likewise
#   no-hairpin            port-restricted that does not hairpin                   likewise
#   rejecting             port-restricted that answers with ICMP what it drops    likewise
#   symmetric             address and port-dep. address and port-dep. random      the kernel's connection tracking
#   symmetric-random      address and port-dep. address and port-dep. random      nat_box
#   symmetric-sequential  address and port-dep. address and port-dep. sequential  nat_box
#   masquerade            as long as nobody knocks: endpoint-independent, address and port-dependent, preserving. The
#                         kernel's connection tracking as a plain Linux gateway has it, with INPUT open: a packet that
#                         comes unasked is the router's own affair, leaves a connection there, and who is then sent to
#                         from inside sees another port. No hairpin.
#   masquerade-closed     the same with INPUT closed (the usual home router): nothing is left by what is dropped
#   port-range            masquerade-closed that gives all of its hosts together 50 ports, as MAP-E and carriers do
#   pool                  masquerade-closed with four external addresses: each host outside sees one of them, which one
#                         depends on that host (RFC 4787's IP address pooling "arbitrary")
#   box,NAME=VALUE,...    nat_box with those options: box,mapping=ad,ports=sequential:2,hairpin=no; with block=N a carrier that
#                         gives each host N ports, with rate=N one that makes N mappings a second, with first=drop a router
#                         that loses the first packet to each destination
#   double                port-restricted twice: the carrier's NAT in front of the home router
#   HOME/CARRIER          one of any kind twice: masquerade/masquerade is a plain Linux gateway behind another one
#   blocked               (a public address, but the access drops all UDP)
#   only-s                (likewise, but the access drops all UDP that is not between the host and S)
#   ipv6-stateful         (IPv6 alone, without a NAT: the router lets in what answers to something that has left)
LAB_MAPPING_S=${LAB_MAPPING_S:-120} # a mapping lives this long after its last packet out (RFC 4787, REQ-5); lab_lifetime
LAB_GENERATION=0                    # of mappings: each rule set is loaded with another one
LAB_NATS=()                         # "NODE KIND OUTSIDE INSIDE...": how to load each NAT's rules again
declare -A LAB_BOXES=()             # NODE -> the descriptor at which its nat_box reads commands

# lab_nat NODE KIND OUTSIDE INSIDE...: makes NODE (interfaces wan and lan*) a NAT with the external address OUTSIDE for
# the hosts INSIDE. Called again it is a NAT that was switched off and on: all mappings are new.
lab_nat() {
    local node=$1
    LAB_GENERATION=$((LAB_GENERATION + 1))
    {
        echo "table ip nat; delete table ip nat"
        case $2 in
        symmetric) lab_rules_conntrack 'masquerade fully-random' drop ;;
        masquerade) lab_rules_conntrack masquerade accept ;;
        masquerade-closed) lab_rules_conntrack masquerade drop ;;
        port-range) lab_rules_conntrack 'meta l4proto udp masquerade to :40000-40049' drop ;;
        pool) lab_rules_conntrack "snat to $3-${3%.*}.$((${3##*.} + 3))" drop && lab_pool "$node" "$3" ;;
        symmetric-* | box,*) lab_rules_box "$3" ;;
        *) lab_rules_cone "${@:2}" ;;
        esac
    } | lab_exec "$node" nft -f - || return
    case $2 in
    symmetric | masquerade* | port-range | pool) # what was never answered lives for 30 s, as in the kernel
        lab_exec "$node" sh -c "cd /proc/sys/net/netfilter; echo $LAB_MAPPING_S >nf_conntrack_udp_timeout_stream
            echo $((LAB_MAPPING_S < 30 ? LAB_MAPPING_S : 30)) >nf_conntrack_udp_timeout"
        ;;
    symmetric-random) lab_box "$node" "$3" mapping=apd filtering=apd ports=random ;;
    symmetric-sequential) lab_box "$node" "$3" mapping=apd filtering=apd ports=sequential ;;
    box,*)
        local IFS=,
        # shellcheck disable=SC2086 # its words are nat_box's options
        set -- "$node" "$3" ${2#box,}
        unset IFS
        lab_box "$@"
        ;;
    esac
}
lab_pool() { # lab_pool NODE OUTSIDE: three further external addresses
    local i
    for i in 1 2 3; do ip -n "$1" addr replace "${2%.*}.$((${2##*.} + i))/24" dev wan; done >&2
}
lab_make_nat() { # remembers what lab_nat is told, for lab_drop_mappings
    LAB_NATS+=("$*")
    lab_nat "$@"
}

# --- endpoint-independent mapping: nftables without connection tracking -------------------------------------------------

# The external port is a function of the inner address and port alone (exclusive or with a number: never the same port as
# inside, so that nothing works by chance), and the packet is rewritten by that rule and back. What decides who gets in
# is the set "contacted": which external port has sent where. An unsolicited packet leaves no trace, as it must: with
# connection tracking it would occupy the pair of addresses, and the answer to it would leave from another port.
lab_rules_cone() { # KIND OUTSIDE INSIDE...
    local kind=$1 outside=$2 out in type number=$(((LAB_GENERATION * 37 + 0x155) % 0x4000)) refuse=drop hairpin='' home
    shift 2
    case $kind in
    full-cone) type='inet_service' out='udp sport' in='udp dport' ;;
    address-restricted) type='inet_service . ipv4_addr' out='udp sport . ip daddr' in='udp dport . ip saddr' ;;
    *)
        type='inet_service . ipv4_addr . inet_service'
        out='udp sport . ip daddr . udp dport' in='udp dport . ip saddr . udp sport'
        ;;
    esac
    if [ "$kind" = rejecting ]; then refuse='reject with icmp type port-unreachable'; fi
    if [ "$kind" = no-hairpin ]; then hairpin="ip daddr $outside drop"; fi
    case $1 in 10.*) home=10.0.0.0/8 ;; *) home=100.64.0.0/10 ;; esac # there, all are at home and talk as they are
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
        meta l4proto tcp ct zone set $LAB_GENERATION accept
        iifname "lan*" ip daddr != $home jump outbound
        ip daddr $outside jump inbound
        notrack
    }
    chain postrouting { # TCP is the kernel's affair
        type nat hook postrouting priority srcnat
        oifname "wan" meta l4proto tcp masquerade
    }
    chain outbound {
        meta l4proto != udp drop
        $hairpin
        $(lab_rules_ports saddr sport "$number" "$@")
        update @inner { udp sport : ip saddr }
        ip saddr set $outside
        update @contacted { $out }
    }
    chain inbound {
        $in != @contacted $refuse
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

# --- the kernel's connection tracking --------------------------------------------------------------------------------

# "fully-random" gives each new pair of addresses a random port; without it the port stays, as long as the pair with it
# is free. Each loading uses another zone: connections of the one before are not found any more. What comes unsolicited
# reaches the router itself: where INPUT drops it, that is before it is tracked.
lab_rules_conntrack() { # masquerade|"masquerade fully-random" drop|accept
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
        oifname "wan" $1
    }
    chain input {
        type filter hook input priority filter
        iifname "wan" $2
    }
}
EOF
}

# --- nat_box: a program that is the NAT for UDP ------------------------------------------------------------------------

# The kernel keeps its hands off UDP between inside and outside; all else it translates itself.
lab_rules_box() { # OUTSIDE
    cat <<EOF
table ip nat {
    chain untracked_in { type filter hook prerouting priority raw; meta l4proto udp notrack; }
    chain untracked_out { type filter hook output priority raw; meta l4proto udp notrack; }
    chain input { type filter hook input priority filter; ip daddr $1 meta l4proto udp drop; }
    chain forward {
        type filter hook forward priority filter
        meta l4proto udp iifname "wan" drop
        meta l4proto udp oifname "wan" drop
    }
    chain postrouting { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
}
EOF
}
lab_box() { # NODE OUTSIDE OPTION...
    local node=$1 fifo=$WORK/box.$1 fd lans
    if [ -n "${LAB_BOXES[$node]:-}" ]; then
        echo "outside $2" >&"${LAB_BOXES[$node]}"
        return
    fi
    mapfile -t lans < <(ip -n "$node" -o link | sed -nE 's/^[0-9]+: (lan[0-9]*)@.*/\1/p')
    rm -f "$fifo" && mkfifo "$fifo" || return
    exec {fd}<>"$fifo"
    LAB_BOXES[$node]=$fd
    nsenter --net="/run/netns/$node" "$B/test/natlab/nat_box" "$2" "lifetime=$LAB_MAPPING_S" "${@:3}" wan "${lans[@]}" \
        <"$fifo" >"$WORK/box.$node.out" 2>"$WORK/box.$node.err" &
    STARTED+=("$!")
    await_line "$WORK/box.$node.out" '^ready' >/dev/null || { cat "$WORK/box.$node.err" && return 1; }
}
lab_box_counts() { # lab_box_counts NODE: prints nat_box's counters: out=N in=N hairpinned=N filtered=N ...
    local have box=$WORK/box.$1.out
    have=$(grep -c '^out=' "$box")
    has_counted() { [ "$(grep -c '^out=' "$box")" != "$have" ]; }
    echo count >&"${LAB_BOXES[$1]}"
    await_true 60 has_counted
    grep '^out=' "$box" | tail -n 1
}

# --- IPv6 -----------------------------------------------------------------------------------------------------------

# As home routers have it (RFC 6092): no translation; out goes everything, in comes what belongs to it.
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
