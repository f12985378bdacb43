#!/usr/bin/env bash
# test/bench/loss.sh OWN STOCK SECONDS PERCENT: so many own and stock clients hold names over a network that loses
# that share of all datagrams, either way; after SECONDS somebody connects to each. Prints one line of "key=value"
# pairs; without network namespaces "refused=1" and why. Runs in namespaces of its own and needs no root.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
OWN=$1 STOCK=$2 SECONDS_HELD=$3 PERCENT=$4

if [ "${HX_LAB:-}" != inside ]; then
    REFUSED=$(lab_refused)
    [ -z "$REFUSED" ] || { echo "refused=1 $REFUSED" && exit 0; }
    lab_enter "$0" "$@"
fi
failed() { # failed WHAT FILE
    echo "loss: $1: $(tail -n 1 "$2")" >&2
    exit 1
}
count() { # count WORD: of the stock clients
    grep "^$1 " "$WORK/stock.out" | sort -u | wc -l
}
packets() { # packets COMMENT: that have met the rule
    nft list chain inet loss input | sed -nE "s/.*counter packets ([0-9]+) .*\"$1\"/\1/p"
}

ip link set lo up
nft -f - <<EOF_RULES
table inet loss {
    chain input {
        type filter hook input priority filter
        meta l4proto != udp accept
        counter comment "all"
        numgen random mod 100 < $PERCENT counter drop comment "lost"
    }
}
EOF_RULES
start_nameserver --log-level error --max-per-address 0 --rate-per-address 0 || failed "no nameserver" "$WORK/nameserver.err"
mkfifo "$WORK/open"
start stock bash -c "exec '$B/test/stock/stock_holder' ${NS##*:} $STOCK <'$WORK/open'"
STOCK_PID=$PID
exec {OPEN}>"$WORK/open"
await_line "$WORK/stock.out" '^bound' $((120 + STOCK)) >/dev/null || failed "stock clients" "$WORK/stock.err"
start own "$B/test/bench/bench_loss" "${NS##*:}" "$OWN" "$STOCK" "$SECONDS_HELD"
await_exit "$PID" $((SECONDS_HELD + 300)) || failed "own clients" "$WORK/own.err"
for _ in $(seq 100); do # a part that was lost is sent again
    [ "$(count told)" -lt "$STOCK" ] || break
    nap 0.1
done
exec {OPEN}>&-
await_exit "$STOCK_PID"
echo "$(sed 1d "$WORK/own.out") stock_lost=$(count lost) stock_told=$(count told) datagrams=$(packets all) dropped=$(packets lost)"
