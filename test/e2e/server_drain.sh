#!/usr/bin/env bash
# A nameserver that is drained: those who hold names move to the one that it names, one after the other, and all names
# are reached meanwhile. test/unit/test_drain.c has what each one is told, test_detour.c whom a client lets itself be
# sent to.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
HOLDERS=200
MEMBERS=3 # of sessions
DRAIN_S=4

# start_one NAME ADDRESS OPTION...: a nameserver; sets PID and AT
start_one() {
    start "$1" "$B/hx-nameserver" --listen "$2" --max-per-address 0 --rate-per-address 0 \
        --introductions-per-source 0 "${@:3}"
    AT=$(await_line "$WORK/$1.out" 'listening on') && AT=${AT##* }
}
numbers_of() { # numbers_of PID LOG: names, connections and sessions there
    local before
    before=$(grep -c 'event=stats' "$2")
    kill -USR1 "$1"
    await_true 60 more_stats "$2" "$before"
    sed -nE 's/.*event=stats connections=([0-9]+) names=([0-9]+) .* sessions=([0-9]+) .*/\2 \1 \3/p' "$2" | tail -n 1
}
more_stats() { [ "$(grep -c 'event=stats' "$1")" -gt "$2" ]; }
# all_at PID LOG: each has its one connection there
all_at() { [ "$(numbers_of "$1" "$2")" = "$HOLDERS $((HOLDERS + MEMBERS)) $MEMBERS" ]; }

start_one two 127.0.0.1:0
TWO=$AT TWO_PID=$PID
start_one one 127.0.0.1:0 --drain "$DRAIN_S" --drain-to "$TWO"
ONE=$AT ONE_PID=$PID
mkfifo "$WORK/hold" "$WORK/ask"
exec {hold}<>"$WORK/hold" {ask}<>"$WORK/ask"
"$B/test/holders" "$ONE" "$MEMBERS" join <"$WORK/hold" >"$WORK/members.out" 2>&1 {hold}>&- {ask}>&- &
STARTED+=("$!")
await_line "$WORK/members.out" '^ready$' >/dev/null
"$B/test/holders" "$ONE" "$HOLDERS" <"$WORK/hold" >"$WORK/holders.out" 2>"$WORK/holders.err" {hold}>&- {ask}>&- &
STARTED+=("$!")
check "$HOLDERS names are held" await_line "$WORK/holders.out" '^ready$'
"$B/test/holders" "$ONE" "$HOLDERS" ask <"$WORK/ask" >"$WORK/ask.out" 2>&1 {hold}>&- {ask}>&- &
ASK_PID=$!
STARTED+=("$ASK_PID")

BEGUN=${EPOCHREALTIME/[.,]/}
kill -TERM "$ONE_PID"
await_line "$WORK/one.err" 'event=draining' >/dev/null
check "who comes now is told of the other one" \
    grep -q "^Location: udt://$TWO/" <("$B/udtcurl" -s -i "udt://$ONE/bind?host_id=new")
start newcomer "$B/hx" bind -v --insecure --echo newcomer -n "$ONE"
check "hx goes there by itself" await_line "$WORK/newcomer.err" '^bound newcomer'
kill "$PID"
await_true 60 all_at "$TWO_PID" "$WORK/two.err"
check "all hold their names at the other one, none twice" [ $? = 0 ]
ALL_MS=$(((${EPOCHREALTIME/[.,]/} - BEGUN) / 1000))
exec {ask}>&-
await_exit "$ASK_PID"
check "every name could be reached all the time" [ $? = 0 ]
await_exit "$ONE_PID"
check "the one that is drained ends when its time is over" [ $? = 0 ]
TOOK_MS=$(((${EPOCHREALTIME/[.,]/} - BEGUN) / 1000))
check "not before" [ "$TOOK_MS" -ge $((DRAIN_S * 1000)) ]
cp "$WORK/holders.out" "$WORK/moved.out"
# gaps: of each name, from the loss of the one to the other one's word; and how many were lost in the first half
sort -s -k2,2 -k3,3n "$WORK/moved.out" | awk '
    $1 == "lost" { at[$2] = $3; lost[$2]++; if (!first || $3 < first) first = $3; if ($3 > last) last = $3 }
    $1 == "bound" && $2 in at { print $3 - at[$2]; delete at[$2]; back[$2]++ }
    END { for (n in lost) if (lost[n] != 1 || back[n] != 1) print "of", n, lost[n], "losses", back[n] + 0, "returns" >"/dev/stderr" }
' 2>"$WORK/odd" | sort -n >"$WORK/gaps"
check "each was lost and bound again once" [ ! -s "$WORK/odd" ]
check "so many of them" [ "$(wc -l <"$WORK/gaps")" = "$HOLDERS" ]
HALF=$(awk '$1 == "lost" { print $3 }' "$WORK/moved.out" | sort -n | awk '{ at[NR] = $1 } END {
    for (i = 1; i <= NR; i++) n += at[i] < at[1] + (at[NR] - at[1]) / 2; print int(100 * n / NR) }')
check "half of them in the first half of the time: $HALF %" [ $((HALF > 25 && HALF < 75)) = 1 ]
echo "# drained in $TOOK_MS ms, all there after $ALL_MS ms; a name was held by nobody for $(awk -v n="$HOLDERS" '
    NR == int((n + 1) / 2) { median = $1 } END { print median " ms (median), " $1 " ms (longest)" }' "$WORK/gaps")"
echo "# who asked all the time: $(tail -n 1 "$WORK/ask.out")"

# ---- the other one goes, too, and the first one is there again ----
start_one again "$ONE"
kill -TERM "$TWO_PID"
check "they come back to the one that they know" await_true 60 all_at "$PID" "$WORK/again.err"

# ---- a second signal ----
start_one hurry 127.0.0.1:0 --drain 3600
HURRY_PID=$PID
start hurried "$B/hx" bind --insecure --echo hurried -n "$AT"
await_line "$WORK/hurry.err" 'event=bound' >/dev/null
kill -TERM "$HURRY_PID"
await_line "$WORK/hurry.err" 'event=draining holders=1 ' >/dev/null
check "who holds a name keeps it, as long as there is time" grep -q '^HTTP/1.1 200' \
    <("$B/udtcurl" -s -i --max-time 2 "udt://$AT/connect?host_id=hurried")
kill -TERM "$HURRY_PID"
await_exit "$HURRY_PID"
check "a second signal ends it at once, and in order" [ $? = 0 ]
finish
