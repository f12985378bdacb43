#!/usr/bin/env bash
# test/bench/path_cell.sh [OPTION VALUE]...: what one path makes of a transfer. In the NAT lab's namespaces, without
# NATs: H1 gives, H2 takes, S is beside them, and between H1 and H2 is the path:
#
#   H1 --- router: the line and its queue, or the policer --- wire: delay, jitter, reordering --- loss --- H2
#
#   --rtt MS          round trip, half of it each way                                                        (50)
#   --line MBIT       each way, Ethernet's heads included; none: what the machine carries                    (none)
#   --queue MS        how long the line's queue is                                                           (100)
#   --loss PERCENT    at random, behind the line                                                             (0)
#   --loss-way WAY    both: each way; data: only from H1 to H2                                               (both)
#   --jitter MS       every packet waits up to so much longer, each way: neighbours change places            (0)
#   --reorder PERCENT so many come 5 ms later than the rest, each way                                        (0)
#   --policer MBIT    drops what is above that rate, without a queue                                         (none)
#   --seconds S       from the first byte; auto: as long as the round trip and the queue make it worth while (10)
#   --what LIST       of udt4, hx-L, hx-cp, iperf3-cubic, iperf3-bbr, scp-cubic, scp-bbr, rsync-cubic, rsync-bbr; and
#                     iperf3-bbr-tuned, iperf3-cubic-tuned: with buffers of 64 MB, where Linux has 4 and 6;
#                     one after the other, each on a path that is new                                        (hx-L)
#   --beside LIST     of cubic, bbr, hx: flows that share the path; cubic-back: from H2 to H1                (none)
#   --second          a second forward's round trips of 64 bytes meanwhile (beside hx-cp: another connection's)
#   --voice           the same of datagrams, of 160 bytes each 20 ms, through a forward of UDP
#   --programs DIR    hx and hx-nameserver are there                                                         ($B)
#
# Prints a line for each of them, of key=value:
#   rate, rate_all     MB/s of payload, after the first 3 s and over all of the time (from its start, not from the first byte)
#   share              of the line: payload's bits at `rate`; what a TCP connection can have is 0.956
#   base, rtt50, rtt95 round trip in ms of pings through the same queue: before, and after the first 3 s; rtt95_all: always
#   wire               bytes of IP that H1 has sent for each byte that was delivered, after the first 3 s; where a rate that grows
#                      without a limit is far ahead of what has come, wire_of=whole: the same of as many bytes again, on a
#                      path that is new, from the first to the last (not of iperf3, which does not wait for those)
#   cpu                CPU s/GB of both ends' processes, after the first 3 s, without what a thread of the kernel's does: reception
#   waits              how often their threads have waited for something, for each packet that H1 has sent
#   dropped, lost      per cent of what H1 has sent, dropped by the queue or the policer, and of what came to the wire, lost there
#   second50, second99 round trips through the second forward in ms; voice_lost: per cent; beside: the rate of each flow beside
#   late, path_lost    packets that the wire itself has held more than 1 ms too long, or lost (per cent): above 1 the row
#                      tells of this machine, and not of the path; path_cpu: the share of a processor that the wire takes
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/sshd.sh
. "$TOP/test/natlab/sshd.sh"
RTT=50 LINE=none QUEUE=100 LOSS=0 LOSS_WAY=both JITTER=0 REORDER=0 POLICER=none LASTS=10 WHAT=hx-L BESIDE='' SECOND=''
PROGRAMS=$B REORDER_MS=5
ARGUMENTS=("$@")
while [ $# -gt 0 ]; do
    case $1 in
    --second | --voice)
        SECOND=${1#--}
        shift
        continue
        ;;
    --rtt) RTT=${2:?} ;;
    --line) LINE=${2:?} ;;
    --queue) QUEUE=${2:?} ;;
    --loss) LOSS=${2:?} ;;
    --loss-way) LOSS_WAY=${2:?} ;;
    --jitter) JITTER=${2:?} ;;
    --reorder) REORDER=${2:?} ;;
    --policer) POLICER=${2:?} ;;
    --seconds) LASTS=${2:?} ;;
    --what) WHAT=${2:?} ;;
    --beside) BESIDE=${2#none} ;;
    --programs) PROGRAMS=$(realpath "${2:?}") || exit 2 ;;
    *)
        sed -nE '2,/^# shellcheck/s/^# ?//p' "$0" | sed '$d' >&2
        exit 2
        ;;
    esac
    shift 2
done
if [ "${HX_LAB:-}" != inside ]; then
    refused=$(lab_refused)
    [ -z "$refused" ] || { echo "refused=1 $refused" && exit 3; }
    lab_enter "$0" "${ARGUMENTS[@]}"
fi
reckon() { awk "BEGIN { printf \"%.${2:-0}f\", ($1) }"; } # reckon EXPRESSION [DIGITS]
case $LOSS_WAY in both) LOSS_BACK=$LOSS ;; *) LOSS_BACK=0 ;; esac
[ "$LASTS" != auto ] || LASTS=$(reckon "5 + 12 * $RTT / 1000 + ($LINE + 0 ? 2 * $QUEUE / 1000 : 0)" 1)
SECONDS_EACH=$LASTS
SETTLED_S=$(reckon "$LASTS > 4.5 ? 3 : $LASTS / 2" 2)
STOCK=$B/test/stock/plain_bulk TCP=$B/test/bench/bench_tcp UDP=$B/test/bench/bench_udp TOOL=$B/test/bench/bench_path
H1=${LAB_PUBLIC[1]} H2=${LAB_PUBLIC[2]}
GIVEN=1000000000000 FILE=bytes # endless, but for wire_of_whole()
FAR_MS=100
ARRIVED=/run/arrived # in memory: a disk would have a speed of its own
export HX_NAMESERVER=$LAB_S:7000
HX_KEY=$("$PROGRAMS/hx" key --file "$WORK/key" 2>"$WORK/key.err") || exit 1
export HX_KEY

lost() { # lost WHAT FILE...: it cannot be measured
    echo "path_cell: $1" >&2
    tail -n 3 "${@:2}" >&2
    exit 1
}
# --- the path ------------------------------------------------------------------------------------------------------
path_up() {
    local burst line_way
    lab_delay 2 "$(reckon "$RTT / 2" 3)"
    LAB_WIRE_MORE=(--jitter "$JITTER" --late "$REORDER,$REORDER_MS" --loss "$LOSS,$LOSS_BACK")
    lab_up none none || lost "no path" "$WORK/wire.access2.err"
    if [ "$LINE" != none ]; then
        burst=$(reckon "$LINE * 125 > 3200 ? $LINE * 125 : 3200") # 1 ms: a timer is not more exact
        for line_way in access1 access2; do
            lab_exec net tc qdisc replace dev $line_way root tbf rate "${LINE}mbit" burst "$burst" latency "${QUEUE}ms"
        done
    fi
    if [ "$POLICER" != none ]; then # a queue for one packet; nftables' own limit lets a whole second's bytes pass at once
        lab_exec net tc qdisc replace dev access2 root tbf rate "${POLICER}mbit" burst 32768 limit 1600
    fi
    lab_exec net nft "table inet path { chain forward { type filter hook forward priority filter
        iifname access1 oifname access2 meta l4proto != icmp counter comment \"sent\"
    }; }" || lost "no path" /dev/null
    reception net access2 && reception h2 eth0
    lab_exec wire.access2 sh -c 'ethtool -K inner tso off; ethtool -K outer tso off' >/dev/null 2>&1
    tcp_buffers 6291456 4194304 # Linux's own, where there is memory (tcp(7))
}
tcp_buffers() { # tcp_buffers RECEIVE SEND: the most that a connection grows to
    local host
    for host in h1 h2; do
        lab_exec $host sh -c "echo 4096 131072 $1 >/proc/sys/net/ipv4/tcp_rmem; echo 4096 16384 $2 >/proc/sys/net/ipv4/tcp_wmem"
    done
}
# What comes off the wire is received in a thread of the kernel's, and what follows each other is put together (GRO), as a
# network card's driver does it: else the wire would do it all, packet by packet.
reception() { # reception NODE IFACE
    ip netns exec "$1" sh -c "ethtool -K $2 gro on && echo 1 >/sys/class/net/$2/threaded" >/dev/null 2>"$WORK/reception.err"
}
packets() { # packets HOST COMMENT: that have met the rule
    lab_exec "$1" nft list ruleset | sed -nE "s/.*counter packets ([0-9]+) .*\"$2\"/\1/p"
}
route_with() { # route_with ALGORITHM: H1's TCP uses it, also where it may not choose it by itself
    ip -n h1 route replace default via "${H1%.*}.1" dev eth0 congctl "$1" || lost "no TCP with $1" /dev/null
}

# --- who uses it: each starts and sets ARRIVALS, the file that tells how much has arrived, and SINK, who ends when it has -
start_s() {
    lab_start nameserver s "$PROGRAMS/hx-nameserver" --listen 0.0.0.0:7000 --relay --log-level error
    await_line "$WORK/nameserver.out" 'listening on' >/dev/null || lost "the nameserver" "$WORK/nameserver.err"
}
bind() { # bind NAME OPTION...
    lab_start "bind.$1" h1 "$PROGRAMS/hx" bind "$1" -v "${@:2}"
    await_line "$WORK/bind.$1.err" "^bound $1" >/dev/null || lost "hx bind" "$WORK/bind.$1.err"
}
forwards() { # forwards NAME TARGET...: hx connect; sets FORWARDS, ports on H2
    local name=$1 target options=()
    shift
    for target in "$@"; do
        case $target in
        udp:*) options+=(-L "udp:127.0.0.1:0:${target#udp:}") ;;
        *) options+=(-L "127.0.0.1:0:$target") ;;
        esac
    done
    lab_start "connect.$name" h2 "$PROGRAMS/hx" connect "$name" -v "${options[@]}"
    await_line "$WORK/connect.$name.err" "^connected to $name" >/dev/null || lost "hx connect" "$WORK/connect.$name.err"
    FORWARDS=()
    for target in "$@"; do FORWARDS+=("$(listens "connect.$name" "${target#udp:}")"); done
}
serve() { # serve NAME PROGRAM WHAT...: on H1; sets TARGET, as hx names it
    lab_start "$1" h1 "${@:2}"
    TARGET=$(await_line "$WORK/$1.out" listening) || lost "${2##*/}" "$WORK/$1.err"
    TARGET=127.0.0.1:${TARGET##*:}
    [ "$2" != "$UDP" ] || TARGET=udp:$TARGET
}
serve_second() { # serve_second NAME: who answers the second forward
    if [ "$SECOND" = voice ]; then serve "$1" "$UDP" echo; else serve "$1" "$TCP" echo; fi
}
start_hx_forward() { # start_hx_forward NAME: how -L is filled
    local give
    serve "give.$1" "$TCP" give "$GIVEN"
    give=$TARGET
    serve_second "echo.$1"
    bind "$1" --allow "$give" --allow "$TARGET"
    forwards "$1" "$give" "$TARGET"
    SECOND_PORT=${FORWARDS[1]}
    now
    lab_start "take.$1" h2 "$TOOL" take "${FORWARDS[0]}" "$LASTS"
    SINK=$PID ARRIVALS=$WORK/take.$1.out
}
start_hx_cp() {
    local name=home
    if [ -n "$SECOND" ]; then
        serve_second echo
        bind other --allow "$TARGET"
        forwards other "$TARGET"
        SECOND_PORT=${FORWARDS[0]}
    fi
    bind $name --share "$WORK/files"
    now
    lab_start cp h2 "$PROGRAMS/hx" cp "$name:$FILE" "$ARRIVED/bytes"
    arrives
}
start_udt4() {
    local port
    lab_start taker h2 "$STOCK" take "$H2" "$LASTS"
    SINK=$PID ARRIVALS=$WORK/taker.out
    port=$(await_line "$WORK/taker.out" "listening on") || lost "plain UDT4" "$WORK/taker.err"
    now
    lab_start giver h1 "$STOCK" give "$H2" "${port##*:}" "$GIVEN"
}
start_iperf3() { # start_iperf3 ALGORITHM PORT [FROM TO]: else from H1 to H2
    local from=${3:-h1} to=${4:-h2} address=$H2
    [ "$to" = h2 ] || address=$H1
    [ "$from" = h2 ] || route_with "$1"
    # iperf3 goes on where nobody reads: who reads is the one that ends
    mkfifo "$WORK/iperf3.$2.pipe"
    # shellcheck disable=SC2016 # the inner shell expands it
    lab_start "iperf3_server.$2" "$to" bash -c 'exec iperf3 -s -1 -p "$2" -i 0.1 --forceflush >"$1"' _ "$WORK/iperf3.$2.pipe" "$2"
    # shellcheck disable=SC2016
    lab_start "iperf3.$2" "$to" bash -c 'exec "$1" stamp "$3" <"$2"' _ "$TOOL" "$WORK/iperf3.$2.pipe" "$LASTS"
    SINK=$PID ARRIVALS=$WORK/iperf3.$2.out
    await_line "$WORK/iperf3.$2.err" listening >/dev/null || lost "iperf3" "$WORK/iperf3_server.$2.err"
    now
    lab_start "iperf3_client.$2" "$from" iperf3 -c "$address" -p "$2" -C "$1" -t "$(reckon "$LASTS + 5")" -i 0
}
start_ssh() { # start_ssh scp|rsync ALGORITHM
    route_with "$2"
    ssh_serve h2 "$H2" || lost "sshd" "$WORK/sshd.err"
    now
    case $1 in
    scp) lab_start scp h1 "${SCP[@]}" "$WORK/files/$FILE" "lab@$H2:$ARRIVED/bytes" ;;
    rsync)
        lab_start rsync h1 rsync -W --rsync-path "$(command -v rsync)" -e "${SSH[*]} -p $SSHD_PORT" "$WORK/files/$FILE" \
            "lab@$H2:$ARRIVED/bytes"
        ;;
    esac
    arrives
}
arrives() {
    lab_start grow h2 "$TOOL" grow "$ARRIVED" "$LASTS" "$GIVEN"
    SINK=$PID ARRIVALS=$WORK/grow.out
}
now() { BEGAN=$("$TOOL" now); }
start_what() {
    case $1 in
    udt4) start_udt4 ;;
    hx-L) start_hx_forward home ;;
    hx-cp) start_hx_cp ;;
    iperf3-*-tuned)
        tcp_buffers 67108864 67108864
        set -- "${1%-tuned}"
        start_iperf3 "${1#*-}" 5201
        ;;
    iperf3-*) start_iperf3 "${1#*-}" 5201 ;;
    scp-* | rsync-*) start_ssh "${1%-*}" "${1#*-}" ;;
    *) lost "what is '$1'?" /dev/null ;;
    esac
}
start_beside() { # all of them; sets BESIDES, their ARRIVALS
    local flow n=0 LASTS=$((${LASTS%.*} + 15)) # they begin first, and end last
    BESIDES=()
    for flow in ${BESIDE//,/ }; do
        n=$((n + 1))
        case $flow in
        cubic | bbr) start_iperf3 "$flow" $((5300 + n)) ;;
        cubic-back) start_iperf3 cubic $((5300 + n)) h2 h1 ;;
        hx) start_hx_forward "beside$n" ;;
        *) lost "what is '$flow'?" /dev/null ;;
        esac
        BESIDES+=("$ARRIVALS")
    done
}

# --- one measurement -----------------------------------------------------------------------------------------------
# between FROM TO FILE: how much each of its columns has grown between these times, as a line through its points says
between() {
    awk -v from="$1" -v to="$2" '
        !/^[0-9]+\.[0-9]+ [0-9]/ { next }
        { for (i = 2; i <= NF; i++) {
            if (n > 0 && last < from && $1 >= from) a[i] = v[i] + ($i - v[i]) * (from - last) / ($1 - last)
            if (n > 0 && last < to && $1 >= to) b[i] = v[i] + ($i - v[i]) * (to - last) / ($1 - last)
            if (n == 0 && $1 >= from) a[i] = $i
            v[i] = $i }
          if ($1 >= to) past = 1
          last = $1; n++; fields = NF }
        END { for (i = 2; i <= fields; i++) printf "%.3f ", (past ? b[i] : v[i]) - a[i]; print "" }' "$3"
}
percentile() { # percentile SHARE FROM TO FILE
    awk -v from="$2" -v to="$3" '$1 >= from && $1 <= to && $2 != "lost" { print $2 }' "$4" | sort -n |
        awk -v share="$1" '{ v[NR] = $1 } END { if (NR) printf "%.1f", v[int((NR - 1) * share) + 1]; else printf "0" }'
}
path_in_use() { # path_in_use WHAT: it is up, and who watches it
    nothing_arrived
    path_up
    case $1$BESIDE in *hx*) start_s ;; esac
    lab_start ping net "$TOOL" ping "$H2" 25 # not on a host whose processes and bytes are counted
    lab_start watch net "$TOOL" watch access1 /run/netns/h1 /run/netns/h2
    told_until 6 ping
}
path_down() {
    # Some would try to tell each other first that they end.
    kill "${STARTED[@]}" 2>/dev/null
    await_line "$WORK/wire.access2.out" '^frames' >/dev/null
    kill -KILL "${STARTED[@]}" 2>/dev/null
    lab_down
}
measure() { # measure WHAT
    local dropped sent first
    path_in_use "$1"
    now
    BASE=$(percentile 0 0 "$BEGAN" "$WORK/ping.out")
    start_beside
    start_what "$1"
    case $SECOND in
    second) lab_start second h2 "$TOOL" turn "$SECOND_PORT" "$LASTS" ;;
    voice) lab_start second h2 "$UDP" voice "$(reckon "$LASTS + 1" 1)" "$SECOND_PORT" ;;
    esac
    await_exit "$SINK" "$(reckon "$LASTS + 45")" >/dev/null
    [ "$SECOND" != voice ] || await_exit "$PID" # it tells all at its end
    told_until $(($(wc -l <"$WORK/watch.out") + 1)) watch
    dropped=$(queue_drops)
    sent=$(packets net sent)
    path_down
    first=$(awk '/^[0-9]+\.[0-9]+ [0-9]/ { print $1; exit }' "$ARRIVALS")
    if [ -n "$first" ]; then
        TOLD=$(account "$1" "$first" "$(arrived 1)" "$(percent "$dropped" "$sent")") || exit 1
        if [ "$LINE$BESIDE$SECOND" = none ] && [ "${RTT%.*}" -ge $FAR_MS ] && [[ $1 != iperf3* ]]; then
            wire_of_whole "$1" "$(arrived 2)"
        fi
        echo "$TOLD"
    else
        echo "path_cell: nothing arrives of $1" >&2
        echo "what=$1 $PATH_TEXT rate=0 failed=1"
    fi
}
nothing_arrived() { # nor did what hx cp gives its name only later
    find "$ARRIVED" -mindepth 1 -delete
    rm -f "$WORK"/*.pipe
}
arrived() { # arrived FIELD: of the last line that tells what has arrived
    awk -v field="$1" '/^[0-9]+\.[0-9]+ [0-9]/ { last = $field } END { printf "%.6f", last }' "$ARRIVALS"
}
# While a rate grows, what has come lags behind what has left, by a round trip and more: much waits for a packet that was lost.
# Over some seconds of a far path without a limit that is a tenth. Of what has come whole nothing is left out.
wire_of_whole() { # wire_of_whole WHAT BYTES: says it in TOLD, if so many come in four times the time that they took
    local GIVEN=${2%.*} FILE=part LASTS wire
    LASTS=$(reckon "4 * $SECONDS_EACH" 1)
    truncate -s "$GIVEN" "$WORK/files/$FILE"
    path_in_use "$1"
    now
    start_what "$1"
    await_exit "$SINK" "$(reckon "$LASTS + 45")" >/dev/null
    told_until $(($(wc -l <"$WORK/watch.out") + 1)) watch
    path_down
    wire=$(between "$BEGAN" "$(awk 'END { print $1 }' "$WORK/watch.out")" "$WORK/watch.out" |
        awk -v given="$GIVEN" -v come="$(arrived 2)" 'given && come > 0.97 * given { printf "%.3f", ($1 - 14 * $2) / given }')
    [ -z "$wire" ] || TOLD=$(sed -E "s/ wire=[^ ]+/ wire=$wire wire_of=whole/" <<<"$TOLD")
}
told_until() { # told_until LINES NAME: what was started by that name has told so many, or does not for 10 s
    local n
    for ((n = 0; n < 200 && $(wc -l <"$WORK/$2.out") < $1; n++)); do nap 0.05; done
}
account() { # account WHAT FIRST_BYTE END DROPPED
    local from to=$3 bytes all wire packets cpu waits flow text n=0
    from=$(reckon "$2 + $SETTLED_S" 6)
    read -r bytes < <(between "$from" "$to" "$ARRIVALS")
    read -r all < <(between "$BEGAN" "$to" "$ARRIVALS")
    read -r wire packets cpu waits < <(between "$from" "$to" "$WORK/watch.out")
    # 14: Ethernet's head, which is on no other wire
    text="$(awk -v s="$(reckon "$to - $from" 3)" -v bytes="$bytes" -v line="$LINE" -v wire="$wire" -v packets="$packets" -v cpu="$cpu" \
        -v waits="$waits" -v all="$all" -v all_s="$(reckon "$to - $BEGAN" 3)" 'BEGIN {
        printf "rate=%.3f rate_all=%.3f share=%s wire=%.3f cpu=%.2f waits=%.2f", bytes / s / 1e6, all / all_s / 1e6,
            line + 0 ? sprintf("%.3f", bytes * 8 / s / 1e6 / line) : "-",
            bytes ? (wire - 14 * packets) / bytes : 0, bytes ? cpu / bytes * 1e9 : 0, packets ? waits / packets : 0 }')"
    text+=" base=$BASE rtt50=$(percentile 0.5 "$from" "$to" "$WORK/ping.out") rtt95=$(percentile 0.95 "$from" "$to" "$WORK/ping.out")"
    text+=" rtt95_all=$(percentile 0.95 "$BEGAN" "$to" "$WORK/ping.out") dropped=$4"
    if [ -n "$SECOND" ]; then
        [ -s "$WORK/second.out" ] || lost "nothing comes back beside $1" "$WORK"/{second,connect*}.err
        text+=" second50=$(percentile 0.5 "$from" "$to" "$WORK/second.out")"
        text+=" second99=$(percentile 0.99 "$from" "$to" "$WORK/second.out")"
        [ "$SECOND" != voice ] || text+=" voice_lost=$(awk -v from="$from" -v to="$to" '$1 >= from && $1 <= to { n++; lost += $2 == "lost" }
            END { printf "%.2f", n ? 100 * lost / n : 100 }' "$WORK/second.out")"
    fi
    for flow in "${BESIDES[@]}"; do
        read -r bytes < <(between "$from" "$to" "$flow")
        n=$((n + 1))
        text+=" beside$n=$(reckon "$bytes / ($to - $from) / 1e6" 3)"
    done
    echo "what=$1 $PATH_TEXT seconds=$LASTS $text $(wire_told "$(reckon "$to - $BEGAN" 3)")"
}
percent() { reckon "${2:-0} ? 100 * ${1:-0} / ${2:-0} : 0" 2; }
queue_drops() { # and the policer's
    lab_exec net tc -s qdisc show dev access2 | sed -nE 's/.*\(dropped ([0-9]+),.*/\1/p' | head -n 1
}
wire_told() { # what the wire has lost, and its own shortcomings
    awk -v s="$1" -F '[= ]' '/^frames=/ && $2 && $12 {
        printf "lost=%.2f late=%.2f path_lost=%.2f path_cpu=%.2f", 100 * $14 / $12, 100 * $4 / $2, 100 * $8 / $2, $10 / s }' \
        "$WORK/wire.access2.out"
}

lab_begin || exit 1
trap 'kill -KILL "${STARTED[@]}" 2>/dev/null; umount -l "$WORK/files" 2>/dev/null; cleanup' EXIT # where something is lost, nothing is waited for
PATH_TEXT="rtt=$RTT line=$LINE queue=$QUEUE loss=$LOSS jitter=$JITTER reorder=$REORDER policer=$POLICER beside=${BESIDE:-none}"
mkdir -p "$WORK/files" "$ARRIVED"
case $WHAT in *scp* | *rsync*) ssh_begin || lost "no ssh" /dev/null ;; esac
# A file system that knows no holes: hx cp would not send them. What is read of it takes memory until the end.
mount -t ramfs ramfs "$WORK/files" || lost "no file system without holes" /dev/null
truncate -s 64G "$WORK/files/bytes"
for what in ${WHAT//,/ }; do measure "$what"; done
