#!/usr/bin/env bash
# Strangers who know the name but have no key: whatever they ask for, a peer from another host that has the key is
# served at once, and what they cost hx bind is bounded. The nameserver here has no limits of its own.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
STRANGERS=$B/test/hostile/strangers
ROOM=16      # client/tool/peer.h, PEERS_HOST_UNPROVEN
THREADS=96   # all unproven peers, and some that end
MOMENT=3500  # milliseconds: what is locked out takes at least 5 s, and a busy machine needs some

mapfile -t UNLIMITED < <("$B/hx-nameserver" --help | grep -oE -- '--(introductions[a-z-]*|rate-per-address|max-per-address)\b' |
    sort -u | sed 's/$/=0/')
start_nameserver "${UNLIMITED[@]}" || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS
HX_KEY=$("$HX" key --file "$WORK/key") && export HX_KEY
start door "$HX" bind door --echo -v
DOOR=$PID
HOLDER=$(await_line "$WORK/door.err" '^bound door as ' | sed 's/.* as //')
echo "an answer" >"$WORK/word"

served() { # one that has the key is, at the first try and within the time
    local begun took rc
    begun=$(date +%s%3N)
    timeout 30 "$HX" connect door -v <"$WORK/word" >"$WORK/served.out" 2>"$WORK/served.err"
    rc=$?
    took=$(($(date +%s%3N) - begun))
    echo "status $rc after $took ms"
    cat "$WORK/served.err"
    [ "$rc" = 0 ] && [ "$took" -le $((MOMENT * SLOW)) ] && cmp "$WORK/word" "$WORK/served.out"
}
throws() { # throws WORD FROM COUNT [HOLDER]: strangers do what they do; sets STRANGER
    start "$1.$2" "$STRANGERS" "$2" "$NS" door "${@:3}"
    STRANGER=$PID
    await_line "$WORK/$1.$2.out" "^$1 " 60
}

cpu_ticks() { # so far, of hx bind: user and system time (proc(5))
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$DOOR/stat"
}

# counted REGEX: so many of these lines there were, with those that were left out.
counted() {
    grep -E -- "$1" "$WORK/door.err" | awk '{ n++ } match($0, /\([0-9]+ lines like this were left out/) { n += substr($0, RSTART + 1) } END { print n + 0 }'
}
at_least() { # at_least COUNT REGEX: within some seconds, since those that were left out are told a second later
    local tries
    for ((tries = 0; tries < 100 * SLOW; tries++)); do
        [ "$(counted "$2")" -ge "$1" ] && return
        sleep 0.1
    done
    return 1
}

check "who has the key is served" served
throws met 127.0.0.10 1 "$HOLDER" >/dev/null

throws asked 127.0.0.2 1000 >/dev/null
check "a thousand who asked from one address do not delay who has the key" served
check "most of them were dropped" at_least 900 '^peer - at 127\.0\.0\.2:[0-9]* dropped'
check "and few lines tell so" [ "$(grep -c '^peer - at 127\.0\.0\.2:[0-9]* dropped' "$WORK/door.err")" -lt 300 ]
kill "$STRANGER"

throws met 127.0.0.3 200 "$HOLDER" >"$WORK/met"
check "200 who say nothing have met it" grep -qx 'met 200' "$WORK/met"
check "they do not delay who has the key" served
check "the newest of them have evicted the older ones" \
    at_least $((200 - ROOM)) '^turned away peer - at 127\.0\.0\.3:.*: others came, and it had proven no key( \(|$)'
for i in {4..9}; do throws met "127.0.0.$i" 12 "$HOLDER" >/dev/null; done
check "nor do many hosts at once" served
check "each costs no more than a thread" [ "$(find "/proc/$DOOR/task" -mindepth 1 -maxdepth 1 | wc -l)" -le $THREADS ]
BEFORE=$(cpu_ticks)
check "those that stay are refused when their time is over" \
    await_line "$WORK/door.err" '^hx: refused peer - at 127\.0\.0\..*: its proof of a key did not come in time$' 30
check "and take no processor meanwhile" [ $(($(cpu_ticks) - BEFORE)) -lt $((200 * SLOW)) ]
check "and who has the key is still served" served
finish
