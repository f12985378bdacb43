#!/bin/bash
# test/natlab/challenge.sh [CHALLENGES [HOLDERS [WAY_MS [PERCENT]]]]: no living holder loses its name to a challenge over
# a long way that loses packets. HOLDERS names are held, in turns by a stock program and by hx bind, from a host that
# is WAY_MS away from the nameserver (each way), on a line that loses PERCENT of all packets each way. From a near host
# others want each of the names, all at the same time, again and again, until there were CHALLENGES of them. Fails if
# one of them gets a name, or if a holder has gone. Without a pause of PAUSE_S, 0 by default, a holder's answer to one
# challenge mostly is in time for the next one as well; with 4 s each has to be answered by itself.
# shellcheck disable=SC2119 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
CHALLENGES=${1:-60} HOLDERS=${2:-20} WAY_MS=${3:-400} PERCENT=${4:-10}
PAUSE_S=${PAUSE_S:-0}
BIND_S=60 # for all to be bound: in fair weather, which begins to lose packets then

lab_or_skip "no living holder loses its name to loss" "$0" "$@"

names_held() { # as SIGUSR1's line says it now
    ask_numbers || return
    sed -nE 's/.*event=stats .* names=([0-9]+) .*/\1/p' "$WORK/nameserver.err" | tail -n 1
}
all_bound() { [ "$(names_held)" = "$HOLDERS" ]; }
hold() { # hold K: the K-th name
    if [ $(($1 % 2)) = 0 ]; then
        lab_start "holder$1" h1 "$B/test/stock/stock_client" --deadline 3600 bind "$LAB_S" 7000 "held$1"
    else
        lab_start "holder$1" h1 "$B/hx" bind "held$1" --nameserver "$LAB_NS" --echo
    fi
    HOLDER_PIDS+=("$PID")
}
want() { # want K TIMES: somebody else wants the K-th name; a line each time, of the status and how long it took
    local n
    for ((n = 0; n < $2; n++)); do
        lab_exec h2 "$B/udtcurl" -s -o /dev/null -w '%{http_code} %{time_total}\n' --max-time 15 \
            "udt://$LAB_NS/bind?host_id=held$1"
        [ "$PAUSE_S" = 0 ] || nap "$PAUSE_S"
    done >"$WORK/want.$1"
}
statuses() { cut -d ' ' -f 1 "$WORK"/want.* | sort | uniq -c | awk '{ printf "%s%d times %s", sep, $1, $2; sep = ", " }'; }
all_kept() { [ "$(cat "$WORK"/want.* | grep -c '^409 ')" = "$CHALLENGES" ] || { statuses && return 1; }; }
all_live() {
    local pid
    for pid in "${HOLDER_PIDS[@]}"; do kill -0 "$pid" || return 1; done
    ! grep -E "event=left .*peer=${LAB_PUBLIC[1]}:" "$WORK/nameserver.err"
}

lab_begin
lab_delay 1 "$WAY_MS"
lab_up none none
lab_start nameserver s bash -c "exec '$B/hx-nameserver' --listen $LAB_NS --max-per-address 0 --rate-per-address 0 \
    --introductions-per-source 0 --introductions-per-name 0 >&2"
NS_PID=$PID
await_line "$WORK/nameserver.err" 'listening on' >/dev/null || exit 1
HOLDER_PIDS=()
for ((k = 0; k < HOLDERS; k++)); do hold "$k"; done
check "$HOLDERS names are held, $((2 * WAY_MS)) ms away there and back" await_true "$BIND_S" all_bound
lab_weather 1 "numgen random mod 100 < $PERCENT drop"
WANTING=()
for ((k = 0; k < HOLDERS; k++)); do
    want "$k" $(((CHALLENGES + HOLDERS - 1 - k) / HOLDERS)) &
    WANTING+=("$!")
done
wait "${WANTING[@]}"
check "$CHALLENGES challenges at $PERCENT % loss each way take no name from a living holder" all_kept
check "and all of them live" all_live
check "all names are still held" [ "$(names_held)" = "$HOLDERS" ]
check "by those who held them before" [ "$(grep -c 'event=replaced ' "$WORK/nameserver.err")" = 0 ]
PROBES=$(counter probes)
[ "$CHALLENGES" -lt 500 ] || # of a few it may be that none had to be asked twice
    check "losses were among them: $PROBES questions were asked" [ "${PROBES:-0}" -gt "$CHALLENGES" ]
echo "# $PROBES questions, $(statuses); the longest took $(cat "$WORK"/want.* | awk '$2 > most { most = $2 } END { print most }') s"
finish
