#!/usr/bin/env bash
# test/hostile/fuzz_wire.sh [--seconds N] [--seed N] [--rate N]: mutated traffic against hx-nameserver under a sanitizer,
# while honest clients come and a name is held. The same seed throws the same mutations.
# shellcheck source=test/lib.sh disable=SC2154,SC2317
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
B=${B:-build/asan}
export ASAN_OPTIONS=${ASAN_OPTIONS:-new_delete_type_mismatch=0:detect_leaks=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$HERE/../lsan.supp:print_suppressions=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
. "$HERE/../lib.sh"
CURL=$B/udtcurl
LAST=${TMPDIR:-/tmp}/hx-fuzz-wire.$$ # what is kept of a failure
SECONDS_MAX=30 SEED=1 RATE=5000
while [ $# -gt 0 ]; do
    case $1 in
    --seconds) SECONDS_MAX=$2 ;;
    --seed) SEED=$2 ;;
    --rate) RATE=$2 ;;
    *) echo "usage: fuzz_wire.sh [--seconds N] [--seed N] [--rate N]" >&2 && exit 2 ;;
    esac
    shift 2
done

honest_client() { # a request again and again: milliseconds in $WORK/honest, failures in $WORK/failures
    local out rc
    while :; do
        out=$("$CURL" -s -f -o /dev/null --max-time 5 -w '%{time_total}' "udt://$NS/")
        rc=$?
        if [ "$rc" = 0 ]; then awk -v s="$out" 'BEGIN { print s * 1000 }' >>"$WORK/honest"; else
            echo "$(date +%T) exit code $rc after $out s" >>"$WORK/failures"
        fi
        nap 0.05
    done
}
percentile() { # percentile P FILE
    sort -g "$2" | awk -v p="$1" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.999); if (i < 1) i = 1; print NR ? v[i] : "none" }'
}

OPTIONS=(--log-level=warn --rate-per-address=0)
start_nameserver "${OPTIONS[@]}" || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
echo "# seed $SEED, $SECONDS_MAX s, $RATE datagrams a second"
touch "$WORK/honest" "$WORK/failures"
start held "$CURL" -s -i "udt://$NS/bind?host_id=held"
check "a name is held" await_line "$WORK/held.out" '^HTTP/1.1 200'
start honest honest_client
HONEST_PID=$PID
start fuzz "$B/test/hostile/fuzz_wire" --seed "$SEED" --seconds "$SECONDS_MAX" --rate "$RATE" --last "$LAST" \
    "$HERE/recorded/sessions" "$NS"
await_exit "$PID" $((SECONDS_MAX + 30))
RC=$?
kill "$HONEST_PID"
wait "$HONEST_PID" 2>/dev/null
sed 's/^/# /' "$WORK/fuzz.out"
if [ "$RC" = 0 ]; then ok "the fuzzer has thrown all it had"; else
    not_ok "the fuzzer has thrown all it had (status $RC; its last datagrams: $LAST)" "$WORK/fuzz.err"
fi
check "the nameserver's process lives" [ -d "/proc/$NS_PID" ]
echo "# honest requests: $(wc -l <"$WORK/honest"), p50 $(percentile 50 "$WORK/honest") ms, p99 $(percentile 99 "$WORK/honest") ms," \
    "longest $(percentile 100 "$WORK/honest") ms, failed $(wc -l <"$WORK/failures")"
if [ -s "$WORK/honest" ] && [ ! -s "$WORK/failures" ]; then ok "no honest request failed"; else
    not_ok "no honest request failed" "$WORK/failures"
fi
start visitor "$CURL" -s "udt://$NS/connect?host_id=held&name=visitor"
check "the held bind is told of a connect" await_line "$WORK/held.out" '^visitor: '
kill "$PID"
kill "$NS_PID"
await_exit "$NS_PID"
RC=$?
if [ "$RC" = 0 ]; then ok "the nameserver ends in order"; else
    not_ok "the nameserver ends in order (status $RC)" "$WORK/nameserver.err"
fi
if grep -qE 'Sanitizer|runtime error' "$WORK/nameserver.err"; then
    grep -nE -A60 'Sanitizer|runtime error' "$WORK/nameserver.err" >"$WORK/report"
    cp "$WORK/nameserver.err" "$LAST.err"
    not_ok "no sanitizer has reported (all of it: $LAST.err)" "$WORK/report"
else
    ok "no sanitizer has reported"
fi
finish
