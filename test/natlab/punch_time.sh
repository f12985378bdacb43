#!/bin/bash
# test/natlab/punch_time.sh [RUNS]: how long from /connect to the first application byte (H2's line, echoed by H1),
# both behind port-restricted NATs, H2's access DELAY_MS long each way, beside the round trip of a bare UDP echo through the
# same access in the same run. Prints the medians; fails when a punch takes more than P50_LIMIT of those round trips: H2
# is told (a half), meets H1 (about two), and its line comes back (one). A wait of UDT's, 100 ms and more, is beyond it.
# shellcheck disable=SC2119 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
P50_LIMIT=5 # round trips
DELAY_MS=20 # this machine's own time shall be little beside it
ECHOES=5    # of which the median is taken
RUNS=${1:-20}
HX_MODE=(--insecure)

if [ "${HX_LAB:-}" != inside ]; then
    reason=$(lab_refused)
    if [ -n "$reason" ]; then
        echo "punch time: not measured, $reason"
        exit 0
    fi
    build_probe || exit 1
    lab_enter "$0" "$@"
fi
# A long wire instead of the cable of H2's access.
long_access() {
    lab_node wire
    ip -n net link delete access2
    ip link add access2 netns net type veth peer name wire1 netns wire
    ip link add wire2 netns wire type veth peer name wan netns n2
    printf '%s\n' "addr add ${LAB_PUBLIC[2]%.*}.1/24 dev access2" "link set access2 up" | ip -n net -batch -
    printf '%s\n' "addr add ${LAB_PUBLIC[2]}/24 dev wan" "link set wan up" "route add default via ${LAB_PUBLIC[2]%.*}.1" |
        ip -n n2 -batch -
    lab_exec net ethtool -K access2 tx off gso off >/dev/null 2>&1 # the wire takes frames that are whole
    lab_exec n2 ethtool -K wan tx off gso off >/dev/null 2>&1
    lab_router net n2
    printf '%s\n' "link set wire1 up" "link set wire2 up" | ip -n wire -batch -
    mkfifo "$WORK/wire.in"
    nsenter --net=/run/netns/wire "$B/test/natlab/delay_line" wire1 wire2 $DELAY_MS <"$WORK/wire.in" >"$WORK/wire.out" 2>"$WORK/wire.err" &
    STARTED+=("$!")
    exec {fd}>"$WORK/wire.in" # the wire is there as long as its input
    await_line "$WORK/wire.out" '^ready' 5 >/dev/null
}
lab_begin
lab_up port-restricted port-restricted
if ! long_access; then
    echo "punch time: not measured, no long access" "$(tail -n 3 "$WORK/wire.err")"
    exit 1
fi
start_reflector && start_s && start_h1 --echo && await_bound || exit 1
times=() echoes=()
for ((i = 0; i < RUNS; i++)); do
    rtt=$(lab_exec h2 "$PROBE" rtt "$LAB_S" 3478 $ECHOES) || exit 1
    echoes+=("${rtt#rtt_us=}")
    if ! greet 5 || [ "$GREET_MS" = - ]; then
        echo "punch time: run $((i + 1)) of $RUNS did not get through"
        tail -n 20 "$WORK"/{connect,bind,nameserver}.err
        exit 1
    fi
    times+=("$GREET_US")
done
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
ms() { printf '%d.%d' $(($1 / 1000)) $(($1 / 100 % 10)); }
p50=$(median "${times[@]}") echo_us=$(median "${echoes[@]}")
max=$(printf '%s\n' "${times[@]}" | sort -n | tail -n 1)
trips=$(awk -v a="$p50" -v b="$echo_us" 'BEGIN { printf "%.1f", a / b }')
lab_down
echo "punch time: /connect to first application byte, both port-restricted, $RUNS runs: p50 $(ms "$p50") ms, max $(ms "$max") ms;" \
    "$trips bare UDP round trips of $(ms "$echo_us") ms (at most $P50_LIMIT)"
[ "$p50" -le $((P50_LIMIT * echo_us)) ]
