#!/usr/bin/env bash
# Strangers who know the name but have no key: whatever they ask for, and from wherever, a peer from another host
# that has the key waits less than a second longer than without them, and what they cost hx bind is bounded. Where
# others want the processor, too, everything takes longer: how much, a second listener shows, at the same nameserver,
# that no stranger asks for. That nameserver has no limits of its own. FULL=1: every kind of stranger
# from every kind of source, TRIES times each (1).
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
STRANGERS=$B/test/hostile/strangers
FULL=${FULL:-}
TRIES=${TRIES:-1}
LONGER=1000 # milliseconds that who has the key may wait longer than without strangers
TIMES=10    # or so many times as long as one whom strangers do not concern waits at that moment
ROOM=16     # client/tool/peer.h, PEERS_HOST_UNPROVEN
THREADS=96  # all unproven peers, and some that end
SOURCES=(one net24 net64)
declare -A WHO=([one]="one host" [net24]="three hosts of a /24" [net64]="three hosts of a /64")
declare -A CAME # so many
declare -A COUNT=([ask]=1000 [crowd]=1000 [begin]=200 [meet]=200 [trickle]=200)

# IPv6 has one address of its own on loopback: there are more in a network namespace, where one can be had.
if [ -z "${STRANGERS_INSIDE:-}" ] && unshare -Urn true 2>/dev/null; then
    rm -rf "$WORK"
    STRANGERS_INSIDE=yes exec unshare -Urn bash "$0" "$@"
fi
PATH=$PATH:/usr/sbin:/sbin
LISTEN=()
if [ -n "${STRANGERS_INSIDE:-}" ] && ip link set lo up && ip -6 route add local 2001:db8::/32 dev lo &&
    echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind; then
    LISTEN=(--listen '[::1]:0')
else
    SOURCES=(one net24)
fi 2>/dev/null

mapfile -t UNLIMITED < <("$B/hx-nameserver" --help | grep -oE -- '--(introductions[a-z-]*|rate-per-address|max-per-address)\b' |
    sort -u | sed 's/$/=0/')
start_nameserver "${LISTEN[@]}" "${UNLIMITED[@]}" || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
HX_KEY=$("$HX" key --file "$WORK/key") && export HX_KEY
echo "an answer" >"$WORK/word"
declare -A NS_OF HOLDER BIND
bind() { # bind FAMILY NAMESERVER: the name is "door4" or "door6"; "door0", of IPv4, is no stranger's
    NS_OF[$1]=$2
    start "door$1" "$HX" bind "door$1" --nameserver "$2" --echo -v
    BIND[$1]=$PID
    HOLDER[$1]=$(await_line "$WORK/door$1.err" "^bound door$1 as " | sed 's/.* as //')
}
bind 0 "$NS"
bind 4 "$NS"
[ ${#LISTEN[@]} = 0 ] ||
    bind 6 "$(await_line "$WORK/nameserver.out" 'listening on \[::1\]' | sed -E 's/.*listening on ([^ "]+).*/\1/')"

ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
# comes FAMILY: one that has the key connects, at the first try; sets TOOK, milliseconds. comes.err has what it says, and
# when: so it shows what was waited for.
comes() {
    local begun rc line
    begun=$(ms)
    timeout 60 "$HX" connect "door$1" --nameserver "${NS_OF[$1]}" -v <"$WORK/word" >"$WORK/comes.out" \
        2> >(while read -r line; do echo "after $(($(ms) - begun)) ms: $line"; done >"$WORK/comes.err")
    rc=$?
    TOOK=$(($(ms) - begun))
    [ "$rc" = 0 ] && cmp -s "$WORK/word" "$WORK/comes.out" && return
    echo "status $rc after $TOOK ms"
    cat "$WORK/comes.err"
    return 1
}
# served FAMILY: within the time. Of three tries one must be: the machine may have been slow just then. A try in which not
# even the one whom no stranger concerns is reached tells of the nameserver and the machine alone.
served() {
    local took most waited tries=0 end=$((SECONDS + 40))
    while [ $tries -lt 3 ] && { [ $tries = 0 ] || [ $SECONDS -lt $end ]; }; do
        took=
        if comes "$1"; then took=$TOOK; fi
        waited=$(sed 's/^/  /' "$WORK/comes.err")
        if ! comes 0; then
            [ $SECONDS -lt $end ] && continue
            echo "nobody was reached" | tee -a "$WORK/took"
            return 0
        fi
        tries=$((tries + 1))
        most=$((TIMES * TOOK > LONGER * SLOW ? TIMES * TOOK : LONGER * SLOW))
        echo "${took:-not reached,} ms, ${ALONE[$1]} ms without strangers; $TOOK ms where none come" | tee -a "$WORK/took"
        [ -n "$took" ] && [ $((took - ALONE[$1])) -lt "$most" ] && return
        echo "$waited" | tee -a "$WORK/took"
    done
    return 1
}
declare -A ALONE
alone() { # alone FAMILY: the median of five, when nobody else is there
    local i times=()
    for i in {1..5}; do
        comes "$1" || return
        times+=("$TOOK")
    done
    ALONE[$1]=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 3p)
    echo "# without strangers, IPv$1: ${times[*]} ms" >>"$WORK/notes"
}
for family in "${!NS_OF[@]}"; do
    [ "$family" != 0 ] || continue
    check "who has the key is served, IPv$family" alone "$family"
done

came() { # came HOW SOURCE: nearly all of them; where their time was short, of those that tried, and more than there is room for
    local n tried
    read -r _ n _ tried < <(await_line "$WORK/$1.$2.out" "^$1 " 100)
    CAME[$1]=$((${CAME[$1]:-0} + ${n:=0}))
    echo "$1: $n of $tried came" | tee -a "$WORK/took"
    [ "${tried:-0}" -ge $((4 * ROOM)) ] && [ "$n" -ge $((tried * 95 / 100)) ]
}
ROW=0
# row HOW SOURCE: strangers of that kind come, and stay for a while. No row before was of the same network: hx bind punches
# to none more often than it may.
row() {
    local how=$1 family=4 from arguments who="$1, ${COUNT[$1]} from ${WHO[$2]}"
    ROW=$((ROW + 1))
    from=127.0.$ROW
    case $2 in
    one) from=$from.1 ;;
    net24) from=$from.1,$from.2,$from.3 ;;
    net64) from=2001:db8:0:$ROW::1,2001:db8:0:$ROW::2,2001:db8:0:$ROW::3 family=6 ;;
    esac
    arguments=("$how" "$from" "${NS_OF[$family]}" "door$family" "${COUNT[$how]}")
    case $how in begin | meet | trickle) arguments+=("${HOLDER[$family]}") ;; esac
    start "$how.$2" "$STRANGERS" "${arguments[@]}"
    STRANGER=$PID
    for ((i = 0; i < TRIES; i++)); do
        check "$who: while they come, who has the key is served" served "$family"
    done
    check "$who: they came" came "$how" "$2"
    for ((i = 0; i < TRIES; i++)); do
        check "$who: while they are there, who has the key is served" served "$family"
    done
    kill "$STRANGER"
}
cpu_ticks() { # so far, of hx bind: user and system time (proc(5))
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/${BIND[4]}/stat"
}

# counted REGEX: so many of these lines there were, with those that were left out.
counted() {
    grep -E -- "$1" "$WORK/door4.err" |
        awk '{ n++ } match($0, /\([0-9]+ lines like this were left out/) { n += substr($0, RSTART + 1) } END { print n + 0 }'
}
at_least() { # at_least COUNT REGEX: within some seconds, since those that were left out are told a second later
    local tries
    for ((tries = 0; tries < 100 * SLOW; tries++)); do
        [ "$(counted "$2")" -ge "$1" ] && return
        sleep 0.1
    done
    echo "$(counted "$2") of $1"
    return 1
}

for how in ask crowd begin trickle meet; do
    row "$how" one
done
# Both kinds: a line tells of those that were left out before it, whatever their names were.
check "who only asked was dropped for others" at_least $(((CAME[ask] + CAME[crowd]) * 9 / 10)) \
    '^peer [^ ]+ at 127\.0\.[0-9]+\.1:[0-9]* dropped'
check "and few lines tell so" [ "$(grep -c '^peer - at 127\.0\.1\.1:[0-9]* dropped' "$WORK/door4.err")" -lt 300 ]
check "the newest who met it have evicted the older ones" \
    at_least $((CAME[meet] * 95 / 100 - ROOM)) '^turned away peer - at 127\.0\.[0-9]+\.1:.*: others came, and it had proven no key( \(|$)'
check "each costs no more than a thread" [ "$(find "/proc/${BIND[4]}/task" -mindepth 1 -maxdepth 1 | wc -l)" -le $THREADS ]
for source in "${SOURCES[@]:1}"; do
    for how in ask crowd begin trickle meet; do
        if [ -n "$FULL" ] || [ "$how" = crowd ] || [ "$how" = meet ]; then row "$how" "$source"; fi
    done
done
BEFORE=$(cpu_ticks)
check "those that stay are refused when their time is over" \
    await_line "$WORK/door4.err" '^hx: refused peer - at 127\.0\..*: its proof of a key did not come in time$'
check "and take no processor meanwhile" [ $(($(cpu_ticks) - BEFORE)) -lt $((200 * SLOW)) ]
check "and who has the key is still served" served 4
cat "$WORK/notes" "$WORK/took" | sed 's/^[^#]/# &/'
finish
