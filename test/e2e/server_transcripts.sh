#!/usr/bin/env bash
# --transcripts: what went to and from two who were introduced is there as text, which can be played again.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

LOG=$WORK/nameserver.err
DIR=$WORK/transcripts
mkdir "$DIR"
MAX=65536
begin() {
    start_nameserver_tcp --transcripts "$DIR" --transcripts-max $MAX --rate-per-address 0 --max-per-address 0 \
        --introductions-per-source 0 --introductions-per-name 0 "$@" || {
        not_ok "the nameserver starts" "$LOG"
        finish
    }
}
# the newest file of this name, once it has such a line, in FILE
await_file() { # await_file NAME REGEX
    has_line() {
        FILE=$(find "$DIR" -name "*-$1-*.transcript" | sort | tail -n 1)
        [ -n "$FILE" ] && grep -Eq "$2" "$FILE"
    }
    await_true 30 has_line "$1" "$2"
}
meet() { # meet NAME FILENAME LOGGED: over UDT, both tell a candidate; in FILE
    start h1 "$B/udtcurl" -s "udt://$NS/bind?host_id=$1" -H 'Candidate: 10.0.0.1:1 host' -H 'Bind-Session: 00112233445566778899aabbccddeeff'
    local h1=$PID
    await_line "$LOG" "event=bound .*$3$" >/dev/null
    start h2 "$B/udtcurl" -s "udt://$NS/connect?host_id=$1&name=bob" -H 'Candidate: 10.0.0.2:1 host'
    await_line "$WORK/h2.out" '^bob: 127.0.0.1:' >/dev/null
    kill "$PID" "$h1"
    await_file "$2" ' = closed$'
}
in_order() { # in_order REGEX...: lines of the file, one behind the other
    local from=1 at
    for regex; do
        at=$(tail -n "+$from" "$FILE" | grep -Enm1 -e "$regex") || { echo "no $regex behind line $from" && return 1; }
        from=$((from + ${at%%:*}))
    done
}
hold_over_tcp() { # hold_over_tcp NAME: and OPEN is what it gets
    exec {OPEN}<>"/dev/tcp/${TCP%:*}/${TCP##*:}"
    printf 'GET /bind?host_id=%s HTTP/1.1\r\n\r\n' "$1" >&"$OPEN"
    read -rt 60 -u "$OPEN" _
}
ask() { # ask NAME [LINE]: over TCP, with that line in its request, and leaves when it is told
    local fd line=''
    exec {fd}<>"/dev/tcp/${TCP%:*}/${TCP##*:}" || return
    printf 'GET /connect?host_id=%s HTTP/1.1\r\n%s\r\n' "$1" "${2:+$2$'\r\n'}" >&"$fd"
    until [[ $line == "$1":* ]]; do read -rt 60 -u "$fd" line || break; done
    exec {fd}>&-
    [[ $line == "$1":* ]]
}

begin
check "two who meet are written" meet home home name=home
check "in a file that is named by time and name" grep -Eq '/20[0-9]{6}T[0-9]{6}\.[0-9]{3}Z-home-[0-9]+\.transcript$' <<<"$FILE"
check "the holder's request stands first, then who asks, then the part of each" in_order '^# begun 20' '^=== h1 home' \
    '0\.000000 > GET /bind\?host_id=home' '0\.000000 < HTTP/1\.1 200 OK' '^=== h2 home' '> GET /connect\?host_id=home&name=bob' \
    '^=== h1 home' '< bob: 127\.0\.0\.1:' '^=== h2 home' '< home: 127\.0\.0\.1:' '< bob: 127\.0\.0\.1:' '= closed'
check "keys are no more than stars" bash -c "grep -Eq '< Session: [0-9a-f]{32} [*]{32}' '$FILE' && grep -q 'Bind-Session: [*]*' '$FILE' &&
    ! grep -Eq '[0-9a-f]{32} [0-9a-f]|0011223344' '$FILE'"
check "it is its user's alone" [ "$(stat -c %a "$FILE")" = 600 ]
check "and it can be played again" timeout 60 "$B/udtcurl" --fast --replay "$FILE" "udt://$NS/"
check "a name's letters are none of a shell's or a path's in a file's name" meet '%24%7Ca' __a 'name="\$\|a"'
check "who was told of nobody has no file" [ "$(find "$DIR" -name '*.transcript' | wc -l)" -le 4 ]

# Bounds, and a store that is behind.
hold_over_tcp many
for _ in {1..150}; do ask many; done
count() { find "$DIR" -name '*.transcript' | wc -l; }
newest() { [ "$(find "$DIR" -name '*-many-*' | wc -l)" -gt 20 ] && [ "$(find "$DIR" -name '*-home-*' | wc -l)" = 0 ]; }
check "the oldest give way" await_true 30 newest
check "so that all of them have no more bytes than they may" [ "$(cat "$DIR"/*.transcript | wc -c)" -le $MAX ]
STORE=$(pgrep -P "$NS_PID" -x hx-store)
kill -STOP "$STORE"
MET=0
printf -v LONG 'X: %07000d' 0 # so that few of them fill what may wait for the disk
for _ in {1..600}; do ask many "$LONG" && MET=$((MET + 1)); done
kill -CONT "$STORE"
check "a disk that does not answer keeps nobody back" [ "$MET" = 600 ]
counters
check "what it had no time for is counted" [ "$(value transcripts_cut)" -gt 0 ]
hold_over_tcp later
written_again() { ask later && [ -n "$(find "$DIR" -name '*-later-*')" ]; }
check "and once it has, who meets is written again" await_true 60 written_again
stop_nameserver

begin --transcripts-secrets --log-addresses none
meet keys keys name=keys
check "--transcripts-secrets shows keys" grep -Eq '< Session: [0-9a-f]{32} [0-9a-f]{32}' "$FILE"
check "--log-addresses is for them, too" bash -c "! grep -E '127\.0\.0\.1|10\.0\.0\.' '$FILE'"
stop_nameserver
rm -r "$DIR"
begin
meet made made name=made
check "a directory that is not there is made, for its user alone" [ "$(stat -c %a "$DIR")" = 700 ]
stop_nameserver
rm -r "$DIR" && : >"$DIR"
begin
check "one that cannot be is told of" await_line "$LOG" 'event=store_trouble what=transcripts .*Not a directory'
hold_over_tcp open
check "and whoever asks is answered" ask open
finish
