#!/usr/bin/env bash
# Other implementations of UDT 4 (test/hostile/dialects.c) at the nameserver, and in the hole with hx connect.
# shellcheck source=test/lib.sh disable=SC2154
. "$(dirname "$0")/../lib.sh"
export HOME=$WORK XDG_CONFIG_HOME=$WORK

DIALECT=$B/test/hostile/dialect
BYTES=60000 # some 45 packets, of which it loses seven

# Somebody connects to NAME once it waits for that.
visit() { # visit NAME KIND
    await_line "$WORK/$1.out" '^survived$' >/dev/null || return 1
    if [ "$2" = listener ]; then # until it is killed
        exec "$B/udtcurl" -s "udt://$NS/connect?host_id=$1" >"$WORK/$1.visit"
    else
        timeout 60 "$B/hx" connect --insecure -n "$NS" "$1" <"$WORK/bytes" >"$WORK/$1.visit" 2>"$WORK/$1.hx"
    fi
}
# speak NAME KIND: one dialect from its first handshake to its end. Where a machine is so slow that hx's own timer
# repeats everything before the report of the losses was read, it may try twice more.
speak() {
    for _ in 1 2 3; do
        : >"$WORK/$1.out"
        speak_once "$@"
        grep -q 'everything came again' "$WORK/$1.err" || return
    done
}
speak_once() {
    local bytes=0 pid visitor
    [ "$2" = listener ] || bytes=$BYTES
    "$DIALECT" "$1" "$NS" "$1" "$bytes" >"$WORK/$1.out" 2>"$WORK/$1.err" &
    pid=$!
    visit "$1" "$2" &
    visitor=$!
    wait "$pid"
    echo $? >"$WORK/$1.ended"
    [ "$2" = hole ] || kill "$visitor"
    wait "$visitor"
    echo $? >"$WORK/$1.visited"
}
ended_well() { # ended_well NAME: its hx connect
    grep -x 0 "$WORK/$1.visited" || { cat "$WORK/$1".{visited,hx} && return 1; }
}
did() { # did SENTENCE NAME REGEX
    if grep -qE -- "$3" "$WORK/$2.out"; then ok "$1"; else not_ok "$1" "$WORK/$2.out" "$WORK/$2.err" "$WORK/$2.hx"; fi
}

start_nameserver --log-level info || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
awk -v n=$BYTES 'BEGIN { for (i = 0; i < n; i++) printf "%c", 65 + i % 23 }' >"$WORK/bytes"
"$DIALECT" list >"$WORK/dialects"
SPEAKERS=()
while read -r name kind; do
    : >"$WORK/$name.out"
    speak "$name" "$kind" &
    SPEAKERS+=($!)
done <"$WORK/dialects"
wait "${SPEAKERS[@]}"

while read -r name kind; do
    did "$name: both handshakes are answered" "$name" '^connected$'
    did "$name: it binds a name and reads the answer" "$name" '^bound$'
    did "$name: a shutdown that is forged in its name does not end it" "$name" '^survived$'
    did "$name: it is told of a connect" "$name" '^told 127\.0\.0\.1:[0-9]+$'
    if [ "$kind" = hole ]; then
        did "$name: it meets hx connect" "$name" '^punched$'
        did "$name: hx repeats what it reports as lost, and no more" "$name" '^repaired$'
        check "$name: all bytes come back" cmp "$WORK/bytes" "$WORK/$name.visit"
        check "$name: and hx ends well" ended_well "$name"
    fi
    check "$name: and so does it" grep -qx 0 "$WORK/$name.ended"
done <"$WORK/dialects"
finish
