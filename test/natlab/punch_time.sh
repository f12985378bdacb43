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
lab_begin
lab_delay 2 $DELAY_MS
if ! lab_up port-restricted port-restricted; then
    echo "punch time: not measured, no long access"
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
