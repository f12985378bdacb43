#!/usr/bin/env bash
# A minute of honest and hostile load at once: everybody honest is served all the time, and then nothing is left of it.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

CURL=$B/udtcurl
STOCK=$B/test/stock/stock_client
RUDE=$B/test/stock/rude_client
LOG=$WORK/nameserver.err
IDLE_S=15              # the shortest that is allowed: so long vanished peers are kept
RSS_BOUND_KB=4096      # above the start, where glibc and UDT have no pools yet: 2.5 MB after 25 s, 2.9 MB after 2 minutes
LOAD_S=${SOAK_SECONDS:-42} # and then IDLE_S until those who vanished are forgotten: a minute
ASAN=
if grep -q __asan_init "$B/hx-nameserver"; then # its memory is never given back; its leak check tells instead
    ASAN=yes LOAD_S=${SOAK_SECONDS:-10}
fi

[ -x "$RUDE" ] || {
    not_ok "test/stock/rude_client was built (make tools)"
    finish
}
start_nameserver --idle-timeout $IDLE_S --request-timeout 3 || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
HOST=${NS%:*} PORT=${NS##*:}

rss_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$NS_PID/status"; }
descriptors() { find "/proc/$NS_PID/fd" -mindepth 1 | wc -l; }
threads() { find "/proc/$NS_PID/task" -mindepth 1 -maxdepth 1 | wc -l; }
stats() { # the last such line, asked for now
    ask_numbers && grep event=stats "$LOG" | tail -n 1
}
until_end() { [ "$SECONDS" -lt "$END" ]; }
is() { # is WHAT STATUS GOT: one honest request's result
    if [ "$2" = "$3" ]; then echo "ok $1"; else echo "bad $1: $3, not $2"; fi
}

ask() { # ask TARGET [OPTION...]
    local target=$1
    shift
    "$CURL" -s -o /dev/null -w '%{http_code}' --max-time 20 "$@" "udt://$NS$target"
}
honest() { # requests of all kinds, one after the other
    local n=0
    while until_end; do
        n=$((n + 1))
        is "GET /" 200 "$(ask /)"
        is "an unknown name" 404 "$(ask "/connect?host_id=nobody-$n")"
        is "a name for a moment" 200 "$(ask "/bind?host_id=moment-$n" -I)"
        [ $((n % 10)) = 0 ] && is "a wait in vain" 404 "$(ask "/connect?host_id=nobody" -H 'Prefer: wait=1')"
        sleep 0.1
    done
}
meetings() { # stock clients, start to end
    local n=0 h1
    while until_end; do
        n=$((n + 1))
        "$STOCK" bind "$HOST" "$PORT" "soak-$n" >"$WORK/m1.out" 2>"$WORK/m1.err" &
        h1=$!
        await_line "$WORK/m1.out" $'^\r$' >/dev/null
        "$STOCK" connect "$HOST" "$PORT" "soak-$n" --send hello >"$WORK/m2.out" 2>"$WORK/m2.err"
        is "a stock H2" 0 $?
        wait "$h1"
        is "its H1" 0 $?
        rm -f "$WORK"/m[12].*
    done
}
vanishing() { # holders of one name that end without a word: each newcomer challenges the last one
    local pid
    while until_end; do
        "$CURL" -s --max-time 5 "udt://$NS/bind?host_id=vanishing" >"$WORK/vanishing.out" &
        pid=$!
        sleep 1.5
        kill -KILL "$pid"
        wait "$pid"
    done 2>/dev/null
}
rude() {
    local n=0
    while until_end; do
        n=$((n + 1))
        "$RUDE" half "$HOST" "$PORT" 3
        "$RUDE" half "$HOST" "$PORT" 2 ""
        "$RUDE" half "$HOST" "$PORT" 2 $'GET /connect?host_id=x HTTP/1.1\r\nPrefer: wait=60\r\n\r\n'
        "$RUDE" garbage "$HOST" "$PORT" 200 "$n"
        "$RUDE" requests "$HOST" "$PORT" 100
    done
}

is first 200 "$(ask /)" >"$WORK/first.results"
check "it serves before" grep -q '^ok' "$WORK/first.results"
FDS=$(descriptors) THREADS=$(threads) RSS=$(rss_kb)
END=$((SECONDS + LOAD_S))
for story in honest meetings vanishing rude; do
    $story >"$WORK/$story.results" 2>"$WORK/$story.errors" &
    STARTED+=("$!")
    LOADS+=("$!")
done
await_line "$LOG" 'event=left .* reason="fell silent"' $((IDLE_S + 15)) >/dev/null || [ "$LOAD_S" -lt $((IDLE_S + 5)) ] ||
    not_ok "the load includes peers that fall silent" "$WORK/rude.errors"
PEAK=$(stats)
wait "${LOADS[@]}"

ls "$WORK"/*.results >/dev/null
check "honest requests were answered as ever ($(grep -c ^ok "$WORK/honest.results"))" \
    bash -c "grep -q '^ok' '$WORK/honest.results' && ! grep '^bad' '$WORK/honest.results'"
check "stock clients met ($(grep -c '^ok a stock H2' "$WORK/meetings.results"))" \
    bash -c "grep -q '^ok' '$WORK/meetings.results' && ! grep '^bad' '$WORK/meetings.results'"
check "the rude ones had their say" bash -c "[ ! -s '$WORK/rude.errors' ]"
check "and were there at the same time: ${PEAK#*event=stats }" \
    grep -Eq 'connections=[1-9]' <<<"$PEAK"
check "late requests were refused" grep -q 'event=refused .* status=408' "$LOG"

for _ in $(seq $((IDLE_S + 15))); do
    LAST=$(stats)
    grep -q ' connections=0 ' <<<"$LAST" && break
    sleep 1
done
check "then no connection, name, waiter, session or timer is left, and no byte" \
    grep -q ' connections=0 names=0 waiters=0 sessions=0 members=0 timers=0 queued=0 ' <<<"$LAST"
check "nor a descriptor" [ "$(descriptors)" = "$FDS" ]
check "nor a thread" [ "$(threads)" = "$THREADS" ]
for _ in $(seq 8); do # UDT forgets a closed socket after 2 s or so, and 3 s later free memory is given back
    [ "$(rss_kb)" -le $((RSS + RSS_BOUND_KB)) ] && break
    sleep 1
done
if [ -n "$ASAN" ]; then
    skip "memory is back" "a sanitizer keeps what was freed; its leak check counts"
else
    check "memory is back: $RSS kB before, $(rss_kb) kB after, at most $RSS_BOUND_KB kB more" \
        [ "$(rss_kb)" -le $((RSS + RSS_BOUND_KB)) ]
fi
check "it serves as before" [ "$(ask /)" = 200 ]
kill "$NS_PID"
await_exit "$NS_PID"
check "and ends in order" [ $? = 0 ]
finish
