# shellcheck shell=bash disable=SC2034 # what is set here is for the scripts that source this
# test/bench/two_hosts.sh: the hosts "a" and "b" in the NAT lab's namespaces, without NATs, and a wire between them
# (delay_line; loss by nftables), with hx on both. Source it after lib.sh and lab.sh.
# shellcheck source=test/bench/table.sh
. "$TOP/test/bench/table.sh"
A=10.9.0.1 BADDR=10.9.0.2
WAY=() # options of both hx

# lab_or_row WHAT SCRIPT [ARGUMENT...]: runs it in the lab, or says in a row why there can be none.
lab_or_row() {
    lab_or "${@:2}" || {
        row "$1" "not measured: $REFUSED"
        exit 0
    }
}
lost() { # lost WHAT FILE...: a row cannot be measured
    echo "${0##*/}: $1" >&2
    tail -n 3 "${@:2}" >&2
    exit 1
}
two_hosts() { # two_hosts DELAY_MS
    local host
    HX_KEY=$("$B/hx" key --file "$WORK/key" 2>"$WORK/key.err") || lost "no key" "$WORK/key.err"
    export HX_KEY
    lab_node a b mid
    for host in a b; do
        ip link add eth0 netns $host type veth peer name "wire_$host" netns mid
        ip -n mid link set "wire_$host" up
    done
    ip -n a addr add $A/24 dev eth0
    ip -n b addr add $BADDR/24 dev eth0
    for host in a b; do
        ip -n $host link set eth0 up
        lab_exec $host ethtool -K eth0 tx off tso off gso off gro off >/dev/null 2>&1
    done
    mkfifo "$WORK/wire.in"
    sleep 3600 >"$WORK/wire.in" &
    STARTED+=($!)
    nsenter --net=/run/netns/mid "$B/test/natlab/delay_line" wire_a wire_b "$1" <"$WORK/wire.in" >"$WORK/wire.out" 2>"$WORK/wire.err" &
    STARTED+=($!)
    await_line "$WORK/wire.out" ready >/dev/null || lost "no wire" "$WORK/wire.err"
}
lossy() { # lossy PERMILLE: the wire loses so much each way
    local host
    for host in a b; do
        lab_exec $host nft "table ip loss; delete table ip loss; table ip loss { chain in { type filter hook input priority 0;
            iif eth0 numgen random mod 1000 < $1 drop; }; }"
    done
}
serve() { # serve [OPTION...]: the nameserver, on a; sets NAMESERVER_PID
    lab_start nameserver a "$B/hx-nameserver" --listen 0.0.0.0:7000 --log-level error "$@"
    NAMESERVER_PID=$PID
    await_line "$WORK/nameserver.out" 'listening on' >/dev/null || lost "the nameserver" "$WORK/nameserver.err"
}
bind() { # bind HOST OPTION...: sets BIND_PID
    lab_start bind "$1" "$B/hx" bind home -v "${WAY[@]}" "${@:2}"
    BIND_PID=$PID
    await_line "$WORK/bind.err" '^bound home' >/dev/null || lost "hx bind" "$WORK/bind.err"
}
run_down() { # run_down PID: of something that serves for ever
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}
