#!/usr/bin/env bash
# test/bench/grid_truths.sh: what was measured of paths is shown as it is: the README's table and its picture are those of
# test/bench/grid.lines, and what is missing, failed or late is told.
# shellcheck disable=SC2317 # tests are called through check
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
HERE=$TOP/test/bench SHOWN=("$WORK/lines" "$WORK/table" "$WORK/picture")
path() { # path WHAT LINE RTT LOSS RATE SHARE [MORE]: a line as path_cell.sh has it
    echo "name=\"some path\" what=$1 rtt=$3 line=$2 queue=300 loss=$4 jitter=0 reorder=0 policer=none beside=none rate=$5 share=$6" \
        "wire=1.04 cpu=9.50 base=$3.0 rtt50=$3.5 rtt95=$3.9 late=0.10 ${7-}"
}
some_paths() {
    echo "# 3 cores, Linux 1.2"
    path udt4 20 50 0 1.766 0.706
    path hx-L 20 50 0 1.000 0.400
    path hx-L 20 50 0 2.374 0.950 # measured again
    path hx-L 20 50 0 0.100 0.040 second50=51.0
    path rsync-cubic 20 200 1 0.245 0.098
    path hx-L 20 200 1 2.301 0.920 late=14.63
    path iperf3-bbr none 200 1 6.305 - late=0.00
    path hx-L none 200 1 57.499 -
    echo 'name="some path" what=udt4 rtt=200 line=none queue=300 loss=1 jitter=0 reorder=0 policer=none beside=none rate=0 failed=1'
}
report() { some_paths >"$WORK/lines" && "$HERE/grid_report.py" "${SHOWN[@]}"; }
shows_each() { report && "$HERE/grid_shown.py" "${SHOWN[@]}"; }
row() { grep -m 1 -F "| $1 |" "$WORK/table"; } # of the first table
is() { [ "$1" = "$2" ] || { echo "'$1', not '$2'" && return 1; }; }
tells_of_each() {
    is "$(row '20 Mbit/s, 300 ms; 50 ms, 0 %')" '| 20 Mbit/s, 300 ms; 50 ms, 0 % | 1.77 (71 %) |  |  |  | 2.37 (95 %) |' &&
        is "$(row '20 Mbit/s, 300 ms; 200 ms, 1 %')" '| 20 Mbit/s, 300 ms; 200 ms, 1 % |  |  |  | 0.24 (10 %) | 2.30 (92 %)\* |' &&
        is "$(row 'no limit; 200 ms, 1 %')" '| no limit; 200 ms, 1 % | 0 |  | 6.30 |  | 57.5 |' &&
        grep -q '^Measured with 3 cores, Linux 1.2; ' "$WORK/table" && grep -q '^\\\*: the wire itself held' "$WORK/table" &&
        is "$(grep -c 'class="[^"]* late"' "$WORK/picture")" 2
}
finds_what_is_not_shown() { # a row, a mark, a picture that is none
    local how
    for how in 's/<g>.*20 Mbit.*200 ms, 1 %.*/<g>/' 's/<path class="iperf3-bbr" [^>]*>//' 's/<\/svg>//' 's/<title>/<script\/>&/'; do
        report && sed -i "3,\$$how" "$WORK/picture"
        if "$HERE/grid_shown.py" "${SHOWN[@]}" >/dev/null 2>&1; then echo "nothing is found after $how" && return 1; fi
    done
}
readme_is_of_lines() {
    cp "$TOP/README.md" "$WORK/readme" && "$HERE/grid_report.py" --readme "$HERE/grid.lines" "$WORK/readme" "$WORK/picture" &&
        diff "$TOP/README.md" "$WORK/readme" && cmp "$HERE/grid.svg" "$WORK/picture" && grep -q '](test/bench/grid.svg)' "$TOP/README.md" &&
        sed -n '/<!-- grid -->/,/<!-- end of grid -->/p' "$TOP/README.md" >"$WORK/table" &&
        "$HERE/grid_shown.py" "$HERE/grid.lines" "$WORK/table" "$HERE/grid.svg"
}
check "table and picture show each path that was measured" shows_each
check "a cell is told as it was measured last, what is missing, failed or late is told as such" tells_of_each
check "a row or a mark that is not shown is found, and so is a picture that is none" finds_what_is_not_shown
check "the README's table and picture are those of the lines beside them" readme_is_of_lines
finish
