#!/usr/bin/env bash
# Who sends no Candidate header gets, and causes, the bytes of hx 0.1.0, whatever the other side sends: compared with
# test/spec/classic.transcript.txt, which its nameserver has written with this script (it ignores those headers).
# RECORD=1 writes it anew: for a nameserver of 0.1.0 alone.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

CURL=$B/udtcurl
GOLDEN=$TOP/test/spec/classic.transcript.txt
ALL=$WORK/transcript
MODERN=(-H "Candidate: 192.168.1.2:40001 host" -H "Mapping: endpoint-independent; ports=preserving")

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
address_of() { await_line "$WORK/$1.out" '^External-Address: ' | sed 's/^External-Address: //; s/\r$//'; }
took() { # took TITLE FILE: into the transcript, with names for the addresses; the ports have five digits
    {
        echo "=== $1"
        sed -E "s/127\.0\.0\.1:[0-9]{5}/127.0.0.1:PPPPP/g; s/^Date: .*/Date: -/" "$2" | cat -v
        echo
    } >>"$ALL"
}
ask() { # ask TITLE TARGET [OPTION...]
    "$CURL" -s -i --raw --max-time 10 -o "$WORK/ask.out" "${@:3}" "udt://$NS$2"
    took "$1" "$WORK/ask.out"
}

meet() { # meet TITLE NAME "H1's options" "H2's options": both streams
    local h1 h2 h1_at h2_at
    # shellcheck disable=SC2086 # words
    start "$2-h1" "$CURL" -s -i --raw "${H1[@]}" "udt://$NS/bind?host_id=$2"
    h1=$PID
    h1_at=$(address_of "$2-h1")
    start "$2-h2" "$CURL" -s -i --raw "${H2[@]}" "udt://$NS/connect?host_id=$2"
    h2=$PID
    h2_at=$(address_of "$2-h2")
    await_line "$WORK/$2-h1.out" "^: $h2_at" >/dev/null
    await_line "$WORK/$2-h2.out" "^: $h2_at" >/dev/null
    grep -q "^$2: $h1_at" "$WORK/$2-h2.out" || echo "no $2: $h1_at" >>"$ALL"
    start "$2-h3" "$CURL" -s -i --raw "${H2[@]}" "udt://$NS/connect?host_id=$2&name=alice@home"
    await_line "$WORK/$2-h3.out" "^alice@home: " >/dev/null
    await_line "$WORK/$2-h1.out" "^alice@home: " >/dev/null
    kill "$h1" "$h2" "$PID"
    wait "$h1" "$h2" "$PID" 2>/dev/null
    [ -n "${H1[*]}" ] && [ -n "${H2[*]}" ] && return
    [ -n "${H1[*]}" ] || took "$1: H1" "$WORK/$2-h1.out"
    [ -n "${H2[*]}" ] || took "$1: H2" "$WORK/$2-h2.out"
    [ -n "${H2[*]}" ] || took "$1: H2, which has a name" "$WORK/$2-h3.out"
}
H1=() H2=()
meet "neither sends a Candidate" classic
H2=("${MODERN[@]}")
meet "H2 alone sends a Candidate" called
H1=("${MODERN[@]}") H2=()
meet "H1 alone sends a Candidate" calling
ask "nobody has the name" "/connect?host_id=nobody"
ask "nobody has it, and the answer is awaited" "/connect?host_id=nobody" -H "Prefer: wait=1"
ask "only the head" "/bind?host_id=host_sweet_host" -I
ask "no name" "/bind"
ask "another path" "/other"
ask "another method" "/bind?host_id=host_sweet_host" -X DELETE

if [ -n "${RECORD:-}" ]; then cp "$ALL" "$GOLDEN"; fi
check "who sends no Candidate header gets the bytes of 0.1.0, whatever the other side sends" diff "$GOLDEN" "$ALL"
check "and there is something to compare" grep -q '^alice@home: 127.0.0.1:PPPPP' "$ALL"
finish
