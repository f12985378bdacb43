#!/usr/bin/env bash
# test/bench/path_truths.sh: what test/bench/path_cell.sh measures with says what is known beforehand. A busy machine holds
# packets too long: what is about time may be tried three times.
# shellcheck disable=SC2317 # tests are called through truth
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
lab_or_skip "the paths of the grid are what they are called" "$0" "$@"
lab_begin || exit 1
TOOL=$B/test/bench/bench_path PINGS=200

truth() { # truth SENTENCE COMMAND...
    local try
    for try in 1 2 3; do
        NOTE='' LATE=''
        if "${@:2}" >"$WORK/truth.out" 2>&1; then
            ok "$1"
            break
        fi
        [ $try = 3 ] || continue
        if [ "$LATE" = 1 ]; then skip "$1" "the wire held packets too long: the row tells of this machine"; else not_ok "$1" "$WORK/truth.out"; fi
    done
    echo "# $NOTE"
}
is() { awk "BEGIN { exit !($1) }" || { echo "not so: $1" && return 1; }; } # is EXPRESSION
pings_over() { # pings_over MS OPTION...: over such a wire, 1 ms apart; their lines are in $WORK/ping.out, what the wire tells in WIRE
    local n
    lab_delay 2 "$1"
    LAB_WIRE_MORE=("${@:2}")
    lab_up none none || return
    LAB_WIRE_MORE=()
    lab_delay 2 0
    lab_start ping net "$TOOL" ping "${LAB_PUBLIC[2]}" 1
    for ((n = 0; n < 100 && $(wc -l <"$WORK/ping.out") < PINGS; n++)); do nap 0.05; done
    lab_down
    WIRE=$(grep ^frames "$WORK/wire.access2.out") && [ "$(wc -l <"$WORK/ping.out")" -ge "$PINGS" ]
}
rtt() { awk '{ print $2 }' "$WORK/ping.out" | sort -n | sed -n "$(($(wc -l <"$WORK/ping.out") * $1 / 100 + 1))p"; } # rtt PERCENTILE
overtaken() { awk '$1 < last { n++ } { last = $1 } END { print n + 0 }' "$WORK/ping.out"; }
delays() {
    pings_over 25 || return
    NOTE="$(rtt 0) to $(rtt 90) ms; $WIRE"
    is "$(rtt 0) >= 50 && $(rtt 0) < 55" && is "$(overtaken) == 0"
}
jitters() { # each way 0 to 10 ms more: 10 on average, and neighbours that are 1 ms apart change places
    pings_over 5 --jitter 10 || return
    NOTE="$(rtt 0) to $(rtt 99) ms, p50 $(rtt 50), $(overtaken) overtaken"
    is "$(rtt 0) >= 10" && is "$(rtt 50) > 16" && is "$(rtt 99) > 25" && is "$(overtaken) > $PINGS / 5"
}
straggles() { # a tenth each way is 10 ms late: 19 % of the round trips
    local late
    pings_over 5 --late 10,10 || return
    late=$(awk '$2 >= 20 { n++ } END { print n / NR * 100 }' "$WORK/ping.out")
    NOTE="$late % of the round trips took 10 ms more"
    is "$late > 10 && $late < 35"
}
loses() { # there and back: (1 - 0.2) (1 - 0.1) = 0.72
    local answered
    pings_over 1 --loss 20,10 || return
    answered=$(awk 'NR == 1 { first = $1 } { n++; last = $1 } END { print n / ((last - first) * 1000) * 100 }' "$WORK/ping.out")
    NOTE="$answered % of one ping a ms came back"
    is "$answered > 55 && $answered < 82"
}
told() { sed -nE "s/.* $1=([^ ]+).*/\1/p" "$WORK/cell"; } # told KEY
cell() { # cell OPTION...: sets LATE where it tells of this machine (path_cell.sh)
    env -u HX_LAB "$TOP/test/bench/path_cell.sh" "$@" >"$WORK/cell" || return
    NOTE=$(<"$WORK/cell")
    LATE=$(awk -v late="$(told late)" 'BEGIN { print (late > 1) }')
}
fills() { # TCP with cubic fills a line and its queue; a tail that is dropped, and nothing else, is lost
    cell --what iperf3-cubic --line 20 --queue 50 --rtt 10 --seconds 2 || return
    is "$(told share) > 0.8 && $(told share) < 0.97" && is "$(told rtt95) > 30 && $(told rtt95) < 120" &&
        is "$(told lost) == 0" && is "$(told wire) > 1.02 && $(told wire) < 1.25"
}
polices() { # a policer keeps nobody waiting
    cell --what iperf3-bbr --policer 20 --rtt 10 --loss 1 --seconds 1 || return
    is "$(told rate) > 1 && $(told rate) < 2.6" && is "$(told rtt50) < 40" && is "$(told lost) > 0.4 && $(told lost) < 2"
}
# Few wake up for each packet (the processes that give and take are among those that are counted): the numbers are of
# one run, and a machine that is busy makes them smaller.
gathers() {
    cell --what hx-L --line 20 --queue 300 --rtt 50 --seconds 5 || return
    is "$(told share) > 0.5 && $(told waits) < 2"
}

# While UDT4 begins, much more leaves than comes, and nothing is lost.
counts_whole() {
    cell --what udt4 --rtt 200 --seconds 1 || return
    grep -q ' wire_of=whole ' "$WORK/cell" && is "$(told wire) > 1.02 && $(told wire) < 1.15"
}

truth 'a delay of 25 ms each way is a round trip of 50 ms, in order' delays
truth 'with jitter neighbours change places' jitters
truth 'stragglers come late' straggles
truth 'a loss is as large as it is called' loses
truth 'cubic fills a line and its queue' fills
truth 'a policer holds a rate without a queue, and 1 % is lost behind it' polices
truth 'what has left and not yet come is not held against who sends ever faster over a far path' counts_whole
truth 'a slow transfer over a long path does not wake a thread of each side for each packet' gathers
finish
