#!/bin/bash
# test/natlab/punch_time.sh [RUNS]: how long from /connect to the first application byte (H2's line, echoed by H1),
# both behind port-restricted NATs without added delay. Prints p50 and max; fails when p50 is above 50 ms.
# shellcheck disable=SC2119 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
P50_LIMIT_MS=50
RUNS=${1:-20}
HX_MODE=(--insecure)

if [ "${HX_LAB:-}" != inside ]; then
    reason=$(lab_refused)
    if [ -n "$reason" ]; then
        echo "punch time: not measured, $reason"
        exit 0
    fi
    lab_enter "$0" "$@"
fi
lab_begin
lab_up port-restricted port-restricted
start_s && start_h1 --echo && await_bound || exit 1
times=()
for ((i = 0; i < RUNS; i++)); do
    if ! greet 5 || [ "$GREET_MS" = - ]; then
        echo "punch time: run $((i + 1)) of $RUNS did not get through"
        tail -n 20 "$WORK"/{connect,bind,nameserver}.err
        exit 1
    fi
    times+=("$GREET_MS")
done
mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
p50=${times[(RUNS - 1) / 2]} max=${times[RUNS - 1]}
lab_down
echo "punch time: /connect to first application byte, both port-restricted, $RUNS runs:" \
    "p50 $p50 ms, max $max ms (p50 at most $P50_LIMIT_MS ms)"
[ "$p50" -le "$P50_LIMIT_MS" ]
