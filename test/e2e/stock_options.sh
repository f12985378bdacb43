#!/usr/bin/env bash
# Programs that know UDT 4 and the specification alone, with every sensible value of UDT's options, meet hx in both
# roles and exchange data both ways. STOCK_TIMES=N: each row of the table N times.
# shellcheck source=test/lib.sh disable=SC2154
. "$(dirname "$0")/../lib.sh"
export HOME=$WORK XDG_CONFIG_HOME=$WORK HX_NAMESERVER

CLIENT=$B/test/stock/stock_client
HX=$B/hx
TIMES=${STOCK_TIMES:-1}
AT_ONCE=10     # rows; a row is two pairs of programs
BYTES=100000   # more than the smallest windows of the table hold
DEADLINE_S=$((40 * SLOW))
ROWS=(
    ""
    "--mss 256" "--mss 576" "--mss 1400" "--mss 1492" "--mss 1501" "--mss 8900" "--mss 65535"
    "--fc 32" "--fc 100" "--fc 8192" "--fc 100000"
    "--rcvbuf 65536" "--rcvbuf 1000000" "--rcvbuf 50000000"
    "--sndbuf 65536" "--sndbuf 50000000"
    "--fc 32 --rcvbuf 47104 --sndbuf 47104" "--mss 9000 --fc 1000 --rcvbuf 1000000" "--mss 576 --rcvbuf 65536 --sndbuf 65536"
)

await_file() { # await_file FILE REGEX
    await_line "$1" "$2" $DEADLINE_S >/dev/null
}
# H2 is the stock program: hx bind sends its bytes back.
connects() { # connects LABEL OPTION...
    local label=$1
    shift
    "$CLIENT" --deadline $DEADLINE_S "$@" --bytes $BYTES connect "${NS%:*}" "${NS##*:}" echo \
        >"$WORK/$label.out" 2>"$WORK/$label.err"
}
# H1 is the stock program, and sends back what hx connect sends.
binds() { # binds LABEL OPTION...
    local label=$1 pid rc
    shift
    : >"$WORK/$label.out"
    "$CLIENT" --deadline $DEADLINE_S "$@" --bytes $BYTES bind "${NS%:*}" "${NS##*:}" "$label" \
        >"$WORK/$label.out" 2>"$WORK/$label.err" &
    pid=$!
    await_file "$WORK/$label.out" $'^\r$' # the head's end: the name is bound
    timeout $DEADLINE_S "$HX" connect --insecure "$label" <"$WORK/bytes" >"$WORK/$label.back" 2>"$WORK/$label.hx"
    rc=$?
    wait "$pid" && [ $rc = 0 ] && cmp "$WORK/bytes" "$WORK/$label.back"
}
row() { # row NUMBER TIME
    local options label=$1-$2
    read -ra options <<<"${ROWS[$1]}"
    connects "h2-$label" "${options[@]}" || echo "h2-$label" >>"$WORK/h2-$1.bad" &
    binds "h1-$label" "${options[@]}" >"$WORK/h1-$label.cmp" 2>&1 || echo "h1-$label" >>"$WORK/h1-$1.bad"
    wait $!
}
tell() { # tell SENTENCE ROLE NUMBER
    local label
    [ -e "$WORK/$2-$3.bad" ] || { ok "$1" && return; }
    label=$(head -n 1 "$WORK/$2-$3.bad")
    not_ok "$1 ($(wc -l <"$WORK/$2-$3.bad") of $TIMES do not)" "$WORK/$label".{err,hx,cmp}
}

start_nameserver --log-level info --max-per-address 0 --rate-per-address 0 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
HX_NAMESERVER=$NS
awk -v n=$BYTES 'BEGIN { for (i = 0; i < n; i++) printf "%c", 65 + i % 23 }' >"$WORK/bytes"
start echo "$HX" bind --insecure --echo -v echo
await_file "$WORK/echo.err" '^bound echo'

for ((time = 1; time <= TIMES; time++)); do
    for i in "${!ROWS[@]}"; do
        while [ "$(jobs -pr | wc -l)" -ge $((AT_ONCE + ${#STARTED[@]})) ]; do wait -n; done
        row "$i" "$time" &
    done
done
while [ "$(jobs -pr | wc -l)" -gt ${#STARTED[@]} ]; do wait -n; done
for i in "${!ROWS[@]}"; do
    said=${ROWS[$i]:-"no option"}
    tell "a stock H2 with $said gets its bytes back from hx bind" h2 "$i"
    tell "a stock H1 with $said is told of hx connect, and sends its bytes back" h1 "$i"
done
finish
