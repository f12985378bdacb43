#!/usr/bin/env bash
# Several meet in a session (/join), as people with udtcurl and curl see it. What they are shown is compared with
# test/spec/join.transcript.txt; RECORD=1 writes that anew, and then it is to be read.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

CURL=$B/udtcurl
LOG=$WORK/nameserver.err
GOLDEN=$TOP/test/spec/join.transcript.txt
ALL=$WORK/transcript
MODERN=(-H "Candidate: 192.168.1.2:40001 host" -H "Mapping: endpoint-independent; ports=preserving")
declare -A PID_OF

took() { # took TITLE FILE: into the transcript, with names for the ports, IDs and keys
    {
        echo "=== $1"
        sed -E 's/127\.0\.0\.1:[0-9]{5}/127.0.0.1:PPPPP/g; s/[0-9a-f]{32} [0-9a-f]{32}/ID KEY/' "$2" | cat -v
        echo
    } >>"$ALL"
}
target() { echo "/join?session=${SESSION:-lunch}&expect=${EXPECT:-3}&name=$1"; }
join() { # join NAME [OPTION...]: over UDT, in $WORK/NAME.out, until it is there
    start "$1" "$CURL" -s -i --raw "${@:2}" "udt://$NS$(target "$1")"
    PID_OF[$1]=$PID
    await_line "$WORK/$1.out" '^Member: self' >/dev/null
}
join_tcp() { # the same with curl
    start "$1" curl -s -N -i --raw "${@:2}" "http://$TCP$(target "$1")"
    PID_OF[$1]=$PID
    await_line "$WORK/$1.out" '^Member: self' >/dev/null
}
leave() { # leave NAME...: in order
    local name
    for name in "$@"; do
        kill "${PID_OF[$name]}"
        wait "${PID_OF[$name]}" 2>/dev/null
        await_line "$LOG" "event=left .* member=$name reason=" >/dev/null
    done
}
# told READER NAME EVENT HERE/EXPECT: that reader has got such a part, or gets it.
told() {
    part_is_there() { tr -d '\r' <"$WORK/$1.out" | grep -A2 "^$2: " | paste -sd' ' | grep -q "Members: $4 Member: $3"; }
    await_true 20 part_is_there "$@"
}
id_of() { # id_of READER NAME: the last session of the two
    tr -d '\r' <"$WORK/$1.out" | awk -v name="$2:" '/^--hx/ { getline; who = $1 } who == name && /^Session:/ { id = $2 " " $3 } END { print id }'
}
same_id() { [ -n "$(id_of "$1" "$2")" ] && [ "$(id_of "$1" "$2")" = "$(id_of "$2" "$1")" ]; }
row() { # row STATUS SENTENCE TARGET [OPTION...]: the status, and an error's body of one line
    local got
    got=$("$CURL" -s -i -o "$WORK/row.out" -w '%{http_code}' --max-time 60 "${@:4}" --request-target "$3" "udt://$NS/")
    if [ "$got" = "$1" ] && [ "$(sed '1,/^\r$/d' "$WORK/row.out" | wc -l)" = 1 ]; then ok "$1: $2"; else
        not_ok "$1: $2 (got $got)" "$WORK/row.out"
    fi
}

start_nameserver_tcp --max-members 5 --introductions-per-source 0 || {
    not_ok "the nameserver starts" "$LOG"
    finish
}

# What is shown
join ann "${MODERN[@]}"
EXPECT=5 join bob "${MODERN[@]}"
join cec
check "who tells candidates shares a session with who does, too" same_id ann bob
check "and with nobody else" [ -z "$(id_of cec ann)$(id_of ann cec)" ]
join_tcp look
check "all are told of who joins" told bob cec joined 3/5
leave cec
check "all are told of who leaves" told ann cec left 2/3
check "each of them" told bob cec left 2/5
check "so is who looks over TCP" told look cec left 3/3
check "who looks over TCP is no news over UDT" [ "$(grep -c '^look: ' "$WORK/ann.out")" = 0 ]
for name in ann bob cec; do took "udtcurl -i --raw udt://S:7000$(EXPECT=N target $name)" "$WORK/$name.out"; done
took "curl -N -i --raw http://S:7000$(EXPECT=N target look)" "$WORK/look.out"
if [ -n "${RECORD:-}" ]; then cp "$ALL" "$GOLDEN"; fi
check "what they are shown is the transcript's" diff "$GOLDEN" "$ALL"
check "the log tells who is there" grep -Eq 'event=joined conn=[0-9]+ peer=127[^ ]+ name=lunch member=bob here=2 expect=5' "$LOG"
leave look

# A name that is another one's; a member that crashes and returns; one that moves
row 409 "a living member has the name" "$(target bob)"
kill -9 "${PID_OF[bob]}"
wait "${PID_OF[bob]}" 2>/dev/null
before=$(id_of ann bob)
start back "$CURL" -s -i --raw "${MODERN[@]}" "udt://$NS$(target bob)"
PID_OF[back]=$PID
check "who has crashed is back once its old connection was silent" await_line "$WORK/back.out" '^Member: self'
check "the others are told that it left" told ann bob left 1/3
check "and that it has joined" told ann bob joined 2/3
check "with another session" [ "$(id_of ann bob)" != "$before" ]
MINE=(-H "Join-Session: 00112233445566778899aabbccddeeff")
join dan "${MODERN[@]}" "${MINE[@]}"
before=$(id_of ann dan)
old=${PID_OF[dan]}
start moved "$CURL" -s -i --raw "${MODERN[@]}" "${MINE[@]}" "udt://$NS$(target dan)"
PID_OF[moved]=$PID
check "who comes again with its Join-Session takes its own place" await_line "$WORK/moved.out" '^Member: self'
await_exit "$old"
check "the others are told that it has moved" told ann dan moved 3/3
check "and share the same session with it" [ "$(id_of ann dan)" = "$before" ]
check "as it does" [ "$(id_of moved ann)" = "$before" ]

# Late ones, more than are expected, and too many
join eve
check "a late one is told of all" told eve ann here 4/3
join fay -H 'Prefer: wait=1'
row 409 "more than --max-members" "$(target gus)"
row 400 "more are expected than --max-members" "$(EXPECT=6 target gus)" # its own bound is below the grammar's
SESSION=alone join hal -H 'Prefer: wait=1'
check "after its wait one who is alone is told so" told hal hal waited 1/3
check "who is with enough others is not" [ "$(grep -c 'Member: waited' "$WORK/fay.out")" = 0 ]

# Bad input
row 400 "expect=0" "$(EXPECT=0 target a)"
row 400 "expect=1" "$(EXPECT=1 target a)"
row 400 "expect=65" "$(EXPECT=65 target a)"
row 400 "expect=abc" "$(EXPECT=abc target a)"
row 400 "no name" "/join?session=lunch&expect=3"
row 400 "no session" "/join?expect=3&name=a"
row 400 "a session of 256 bytes" "$(SESSION=$(printf 'a%.0s' {1..256}) target a)"
row 400 "a Join-Session that is none" "$(target a)" -H 'Join-Session: 12'
check "HEAD has the head of a stream, and no body" \
    [ "$("$CURL" -s -I -w '%{http_code}' --max-time 60 "udt://$NS$(SESSION=new target a)" | tail -n 1)" = 200 ]
{
    printf 'GET %s HTTP/1.1\r\n\r\n' "$(SESSION=alone target flood)"
    head -c 70000 /dev/zero
} | timeout 60 socat -t 60 - "TCP:$TCP" >/dev/null 2>&1
check "a member that floods is ended" grep -q 'event=left .* member=flood reason="sends too much' "$LOG"

# The nameserver starts anew
counters
check "what it counts: joins, moves and replacements" \
    [ "$(value member_moved) $(value member_replaced) $(value refused_session_full)" = "1 1 1" ]
before=$(id_of ann bob)
stop_nameserver
check "its end is no news of the others" [ "$(grep -c 'Member: left' "$WORK/moved.out")" = 0 ]
check "and ends each stream in order" await_exit "${PID_OF[ann]}"
start_nameserver || not_ok "the nameserver starts again" "$LOG"
join ann "${MODERN[@]}"
join bob "${MODERN[@]}"
check "who joins anew gets new sessions" [ -n "$(id_of ann bob)" ]
check "which are other ones" [ "$(id_of ann bob)" != "$before" ]
check "the same for both" same_id ann bob
finish
