#!/bin/bash
# test/natlab/udp.sh: hx connect -L udp: between two hosts behind NATs: a WireGuard network through it, and what becomes of a
# path that loses packets. test/e2e/secure_udp*.sh have the other programs.
# shellcheck disable=SC2317 # tests are called through story
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
build_tool() { # where it was not built with the others
    [ -x "$TOOL" ] || make -C "$TOP" --no-print-directory -s "B=${B#"$TOP"/}" "${TOOL#"$TOP"/}"
}
TOOL=$B/test/bench/bench_udp
if [ "${HX_LAB:-}" != inside ]; then build_probe && build_tool || exit 1; fi
lab_or_skip 'datagrams between two hosts behind NATs' "$0" "$@"
lab_begin || exit 1
export HX_NAMESERVER=$LAB_NS
STORY_FILES=({bind,connect,wg1,wg2}.err)
WG_PORT=51820
WG=([1]=10.77.0.1 [2]=10.77.0.2) # inside

meet() { # meet PORT: of UDP on H1, which is one of H2, too
    lab_up port-restricted port-restricted && start_s && start_h1 --allow "udp:127.0.0.1:$1" && await_bound || return
    lab_start connect h2 "$B/hx" connect lab -v -L "udp:$1:127.0.0.1:$1"
    await_line "$WORK/connect.err" '^connected to lab at ' >/dev/null
}

# --- WireGuard -----------------------------------------------------------------------------------------------------------
# The kernel's where it has one, else the program, which needs a TUN device.
wireguard_lacks() { # why there is none; prints nothing if there is
    if lab_exec s ip link add wg9 type wireguard 2>/dev/null; then
        ip -n s link del wg9
    elif ! (exec 9<>/dev/net/tun) 2>/dev/null; then
        echo 'no WireGuard in this kernel, and no access to /dev/net/tun'
    fi
}
wireguard() { # wireguard N OPTION_OF_WG...: an end of it on HN
    local n=$1
    if ! ip -n "h$n" link add "wg$n" type wireguard 2>/dev/null; then
        WG_PROCESS_FOREGROUND=1 lab_start "wg$n" "h$n" wireguard-go -f "wg$n"
        await_true 60 test -S "/run/wireguard/wg$n.sock" || return
    fi
    lab_exec "h$n" wg set "wg$n" private-key "$WORK/wg$n.key" "${@:2}" &&
        printf '%s\n' "addr add ${WG[n]}/24 dev wg$n" "link set wg$n up" | ip -n "h$n" -batch -
}
wireguard_network() {
    local n
    for n in 1 2; do (umask 077 && wg genkey >"$WORK/wg$n.key"); done
    meet $WG_PORT &&
        wireguard 1 listen-port $WG_PORT peer "$(wg pubkey <"$WORK/wg2.key")" allowed-ips "${WG[2]}/32" &&
        wireguard 2 peer "$(wg pubkey <"$WORK/wg1.key")" allowed-ips "${WG[1]}/32" endpoint "127.0.0.1:$WG_PORT" || return
    lab_start www h1 busybox httpd -f -p "${WG[1]}:8000" -h "$WORK/www"
}
pings() { # the longest packet of that network among them
    lab_exec h2 ping -c 3 -W 20 "${WG[1]}" && lab_exec h2 ping -c 3 -W 20 -s 1392 -M "do" "${WG[1]}" &&
        lab_exec h1 ping -c 3 -W 20 "${WG[2]}"
}
transfer() {
    lab_exec h2 curl -sS --noproxy '*' --retry 40 --retry-connrefused --retry-delay 0 --max-time 90 -o "$WORK/page" \
        "http://${WG[1]}:8000/page" && same "$WORK/page" "$WORK/www/page"
}
another_address() { # WireGuard knows nothing of that, and what is lost meanwhile is its own affair
    local _
    lab_renumber 2 203.0.113.20 || return
    for _ in {1..60}; do
        if lab_exec h2 ping -c 1 -W 1 "${WG[1]}"; then break; fi
    done
    transfer
}

# --- loss ------------------------------------------------------------------------------------------------------------------
# Each datagram that the path loses is lost, and no other one: 1 % of 20,000 is 200, and lies within 5 of the binomial
# distribution's standard deviations (14.07). They are told by their length, and asked for so many at a time that no
# socket of a slow machine is full. What has left a host and has not come to the other one is what the path has lost:
# on a busy machine the kernel's rules for a NAT now and then lose some more than they are told to.
counted() { # counted HOST HOOK: how many datagrams of the test's have passed there
    lab_exec "$1" nft list chain inet counts "$2" | sed -nE 's/.*counter packets ([0-9]+) .*/\1/p'
}
path_loses() {
    local host told lost dropped by_path
    meet 5004 && lab_start echo h1 "$TOOL" echo 5004 && await_line "$WORK/echo.out" '^listening on' &&
        lab_exec net nft 'table inet losses { chain forward { type filter hook forward priority filter
            iifname access2 meta l4proto udp meta length 1028-1100 numgen random mod 100 < 1 counter drop comment "lost"
        }; }' || return
    for host in h1 h2; do
        lab_exec "$host" nft 'table inet counts {
            chain prerouting { type filter hook prerouting priority raw; iifname eth0 meta l4proto udp meta length 1028-1100 counter
            }; chain postrouting { type filter hook postrouting priority srcnat; oifname eth0 meta l4proto udp meta length 1028-1100 counter
        }; }' || return
    done
    told=$(lab_exec h2 timeout 120 "$TOOL" window 20000 1000 32 5004) || return
    lost=$(sed -E 's/.* lost=([0-9]+).*/\1/' <<<"$told")
    dropped=$(lab_exec net nft list table inet losses | sed -nE 's/.*counter packets ([0-9]+) .*/\1/p')
    by_path=$(($(counted h2 postrouting) - $(counted h1 prerouting) + $(counted h1 postrouting) - $(counted h2 prerouting)))
    NOTE="$told; the path has lost $by_path, $dropped of them as it was told"
    echo "$NOTE"
    [ "$lost" = "$by_path" ] && [ "$dropped" -le "$by_path" ] && [ "$dropped" -ge 130 ] && [ "$dropped" -le 270 ]
}

mkdir -p "$WORK/www" && head -c 3000000 /dev/urandom >"$WORK/www/page"
lab_node s
lacks=$(wireguard_lacks)
lab_down
if [ -n "$lacks" ]; then
    skip "a WireGuard network through a forward" "$lacks"
else
    story "a WireGuard network through a forward comes up" wireguard_network
    story "its two hosts ping each other, with the longest packets, too" pings
    story "a TCP connection in it carries a file" transfer
    story "and another one once the address of an access has changed" another_address
fi
story "of a path that loses 1 % of the datagrams each one is lost, and no other one" path_loses
finish
