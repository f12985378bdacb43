# shellcheck shell=bash disable=SC2034,SC2120 # what is set here is read by lab.sh; defaults are meant
# test/natlab/weather.sh: what happens to people, a part of lab.sh. N is an access, 1 or 2. In one line each:
#
#   lab_delay 2 50                  before lab_up: 50 ms each way on access 2, until it is set to 0 again
#   lab_lifetime 30                 before lab_up: mappings live 30 s after their last packet out
#   lab_loss 5                      5 % of all packets are lost on both accesses, each way; 0 ends it
#   lab_weather 1 'udp dport 9 drop'   a rule of nftables for what passes access 1, either way; '' ends it
#   lab_cut 1; lab_mend 1           nothing passes, all passes
#   lab_firewall                    no UDP passes from one access to the other; lab_firewall_end ends it
#   lab_bottleneck 1 20mbit 100     each way that rate, with a queue of 100 ms in front of it
#   lab_mtu 1 1280                  what is longer is lost, and no ICMP tells; 1500 ends it
#   lab_drop_mappings [N]           every NAT, or those of access N, forget all: the next packet out gets a new port
#   lab_forgetful 60                they do so each 60 s, until lab_down
#   lab_renumber 1 198.51.100.20    the public address of access 1 is another one now, at the NAT or at the host
#   lab_second 1 port-restricted    after lab_up: H1 has a second uplink (eth1), access 3, behind a router of that kind
#   lab_roam 1 eth1                 H1's default route is the other uplink's now: eth1, eth0
#   lab_unplug 1 eth0               and that uplink is gone
LAB_DELAY_MS=([1]=0 [2]=0 [3]=0)

lab_weather() { # lab_weather N RULE
    local name="weather$1"
    lab_exec net nft -f - <<EOF
table inet $name
delete table inet $name
table inet $name {
    chain forward {
        type filter hook forward priority filter
        iifname "access$1" ${2:-accept}
        oifname "access$1" ${2:-accept}
    }
}
EOF
}
lab_loss() { # lab_loss PERCENT
    lab_weather 1 "numgen random mod 1000 < $(($1 * 10)) drop"
    lab_weather 2 "numgen random mod 1000 < $(($1 * 10)) drop"
}
lab_firewall() {
    lab_exec net nft 'table inet wall { chain forward { type filter hook forward priority filter
        iifname access1 oifname access2 meta l4proto udp drop
        iifname access2 oifname access1 meta l4proto udp drop; }; }'
}
lab_firewall_end() {
    lab_exec net nft delete table inet wall
}
lab_cut() { # lab_cut N
    lab_weather "$1" drop
}
lab_mend() { # lab_mend N
    lab_weather "$1" ''
}
lab_delay() { # lab_delay N MS
    LAB_DELAY_MS[$1]=$2
}
lab_lifetime() { # lab_lifetime SECONDS
    LAB_MAPPING_S=$1
}
# A queue is as long as the time that its bytes take. The bucket holds two packets: what passes comes evenly.
lab_bottleneck() { # lab_bottleneck N RATE [QUEUE_MS]
    local edge
    read -ra edge <<<"${LAB_EDGES[$1]}"
    lab_exec net tc qdisc replace dev "access$1" root tbf rate "$2" burst 3200 latency "${3:-50}ms" &&
        lab_exec "${edge[0]}" tc qdisc replace dev "${edge[1]}" root tbf rate "$2" burst 3200 latency "${3:-50}ms"
}
# A datagram that may be fragmented would be, by most routers; here it is lost as well, as where fragments are dropped.
lab_mtu() { # lab_mtu N BYTES: of IP packets
    lab_exec net nft -f - <<EOF
table inet mtu$1
delete table inet mtu$1
table inet mtu$1 {
    chain forward {
        type filter hook forward priority filter
        iifname "access$1" meta length > $2 drop
        oifname "access$1" meta length > $2 drop
    }
}
EOF
}
lab_drop_mappings() { # lab_drop_mappings [N]
    local nat
    for nat in "${LAB_NATS[@]}"; do
        [[ -z ${1:-} || ${nat%% *} == ?"$1" ]] || continue
        # shellcheck disable=SC2086 # the words are lab_nat's arguments
        lab_nat $nat
    done
}
lab_forgetful() { # lab_forgetful SECONDS
    until read -rt "$1" -u "$LAB_OPEN"; do lab_drop_mappings; done &
    STARTED+=("$!")
}
lab_renumber() { # lab_renumber N ADDRESS
    local edge i nat old
    read -ra edge <<<"${LAB_EDGES[$1]}"
    old=${edge[2]}
    printf '%s\n' "addr del $old/24 dev ${edge[1]}" "addr add $2/24 dev ${edge[1]}" \
        "route replace default via ${old%.*}.1" | ip -n "${edge[0]}" -batch - || return
    ip -n net neigh flush dev "access$1"
    LAB_EDGES[$1]="${edge[*]:0:2} $2"
    for i in "${!LAB_NATS[@]}"; do
        read -ra nat <<<"${LAB_NATS[i]}"
        [ "${nat[0]}" = "${edge[0]}" ] || continue
        nat[2]=$2
        LAB_NATS[i]=${nat[*]}
        lab_nat "${nat[@]}" || return
    done
}
lab_second() { # lab_second N KIND
    lab_access 3 "$2" "h$1" eth1
}
lab_roam() { # lab_roam N IFACE
    local gateway
    gateway=$(ip -n "h$1" -4 -o addr show dev "$2" | sed -nE 's/.* inet ([0-9.]+)\.[0-9]+\/.*/\1.1/p')
    ip -n "h$1" route replace default via "$gateway" dev "$2"
}
lab_unplug() { # lab_unplug N IFACE
    ip -n "h$1" link set "$2" down
}
