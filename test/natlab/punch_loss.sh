#!/bin/bash
# test/natlab/punch_loss.sh [RUNS [PERCENT [LATE_MS]]]: how long a punch and the proof of the keys take where packets are
# lost and H1 is late. PERCENT of all packets are lost on either access, each way (so of those between H1 and H2 about
# twice as many), and H1 begins up to LATE_MS after H2: it is stopped until then, as if the nameserver's word had taken
# so long. Both are behind port-restricted NATs. Prints, from the moment that H1 goes on, the milliseconds until H2 has
# its first byte back through the encrypted connection. Fails when a run does not get through, and, of 100 runs or more,
# when p95 is above 3 s. ALL=1 shows each run: milliseconds, how late H1 was, what H2 called the punch's time.
# shellcheck disable=SC2119 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
RUNS=${1:-24} PERCENT=${2:-30} LATE_MS=${3:-3000}
P95_LIMIT_MS=3000 P95_RUNS=100
PAIRS=${PAIRS:-12} # at once
TIMEOUT_S=${TIMEOUT_S:-30}

lab_or_skip "punches get through where packets are lost" "$0" "$@"

# After a name was lost H1 binds it anew: what the next run shows shall not be the same loss. Tells what both said.
lost_name() { # lost_name K BOUNDS: until H1 of pair K has been bound more than BOUNDS times
    local k=$1
    await_nth $(($2 + 1)) "$WORK/bind$k.err" '^bound ' 60 || echo -n "; H1 does not bind it again"
    echo -n "; H1: $(grep -vE '^(peer|accepted) ' "$WORK/bind$k.err" | tail -n 3 | tr '\n' ';')"
    echo -n "; S: $(grep -E "peer=${LAB_PUBLIC[1]}:.* name=lab$k( |\$)" "$WORK/nameserver.err" | tail -n 3 | tr '\n' ';')"
}
# one_run K N: H1 and H2 of pair K for the Nth time; prints "MS OFFSET PUNCH_MS", or what went wrong. H2 has ended then.
one_run() {
    local k=$1 fd line='' begin end connect offset=$((RANDOM % (LATE_MS + 1))) err=$WORK/connect.$1.$2.err bounds
    bounds=$(grep -c '^bound ' "$WORK/bind$k.err")
    kill -STOP "${H1_PIDS[k]}"
    : >"$err"
    exec {fd}< <(lab_exec h2 timeout 60 "$B/hx" connect "lab$k" --nameserver "$LAB_NS" -v --timeout "$TIMEOUT_S" \
        <<<"$GREETING" 2>"$err")
    connect=$!
    if ! await_line "$err" '^(peer lab|hx: )' "$TIMEOUT_S" | grep -q '^peer'; then
        kill -CONT "${H1_PIDS[k]}"
        wait "$connect"
        exec {fd}<&-
        echo "nameserver: $(tail -n 1 "$err")$(grep -q 'nobody holds' "$err" && lost_name "$k" "$bounds")"
        return
    fi
    sleep "$((offset / 1000)).$(printf '%03d' $((offset % 1000)))"
    kill -CONT "${H1_PIDS[k]}"
    begin=$EPOCHREALTIME
    IFS= read -r -t 60 -u "$fd" line
    end=$EPOCHREALTIME
    wait "$connect"
    exec {fd}<&-
    if [ "$line" = "$GREETING" ]; then
        echo "$(ms_between "$begin" "$end") $offset $(sed -nE 's/^connected .* punch_ms=([0-9]+).*/\1/p' "$err")"
    else
        echo "failed after $(ms_between "$begin" "$end") ms, offset $offset, $k.$2: $(tail -n 2 "$err" | tr '\n' ' ')"
    fi
}
pair() { # pair K RUNS
    local n
    for ((n = 0; n < $2; n++)); do one_run "$1" "$n"; done >"$WORK/times.$1"
}

LAB_MAPPING_S=30 # of all the ports that PAIRS of hosts ask: a table of 65,535 pairs of addresses shall hold them
lab_begin
lab_up port-restricted port-restricted
start_s || exit 1
H1_PIDS=()
for ((k = 0; k < PAIRS; k++)); do
    lab_start "bind$k" h1 "$B/hx" bind "lab$k" --nameserver "$LAB_NS" --echo -v
    H1_PIDS[k]=$PID
    await_line "$WORK/bind$k.err" '^bound ' >/dev/null || exit 1
done
lab_loss "$PERCENT"
workers=()
for ((k = 0; k < PAIRS; k++)); do
    pair "$k" $(((RUNS + PAIRS - 1 - k) / PAIRS)) &
    workers+=("$!")
done
wait "${workers[@]}"
lab_loss 0
cat "$WORK"/times.* >"$WORK/times"
grep -vE '^[0-9]+ ' "$WORK/times" | sed 's/^/# /'
[ -z "${ALL:-}" ] || sed 's/^/# /' "$WORK/times"
mapfile -t times < <(grep -E '^[0-9]+ ' "$WORK/times" | cut -d ' ' -f 1 | sort -n)
through=${#times[@]}
[ "$through" -gt 0 ] || times=(0)
p95=${times[((through * 95 + 99) / 100 - 1)]}
lab_down
check "with $PERCENT % loss on each access all punches get through" [ "$through" = "$RUNS" ]
[ "$RUNS" -lt $P95_RUNS ] || check "95 of 100 within $P95_LIMIT_MS ms" [ "$p95" -le "$P95_LIMIT_MS" ]
echo "# H1 up to $LATE_MS ms late, $RUNS runs, $through through; from H1's first moment to the first byte" \
    "p50 ${times[(through - 1) / 2]}, p75 ${times[(through * 75 + 99) / 100 - 1]}, p95 $p95, max ${times[through - 1]} ms"
finish
