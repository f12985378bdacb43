#!/usr/bin/env bash
# Two who tell candidates get a session, as a person with udtcurl sees it; who tells none sees the specification's
# parts and nothing else.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

CURL=$B/udtcurl
LOG=$WORK/nameserver.err
HEX='[0-9a-f]{32}'

start_nameserver --introductions-per-source 1000 --introductions-per-name 1000 --max-per-address 0 || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
bind() { # bind NAME [OPTION...]: asks for the host_id NAME; sets PID once S has said so
    local name=$1
    shift
    start "h1_$name" "$CURL" -s -i "$@" "udt://$NS/bind?host_id=$name"
    await_line "$WORK/h1_$name.out" '^External-Address: ' >/dev/null
}
connect() { # connect NAME [OPTION...]: H2, called h2; returns once both have their parts
    local name=$1
    shift
    start "h2_$name" "$CURL" -s -i "$@" "udt://$NS/connect?host_id=$name&name=h2"
    await_line "$WORK/h2_$name.out" '^h2: 127.0.0.1:' >/dev/null && await_line "$WORK/h1_$name.out" '^h2: 127.0.0.1:' >/dev/null
}
part() { # part FILE NAME: the lines of NAME's part behind its first one, up to the empty line
    tr -d '\r' <"$WORK/$1.out" | awk -v name="$2: " 'index($0, name) == 1 { on = 1; next } on && /^$/ { exit } on'
}
is() { # is SENTENCE FILE NAME EXPECTED: NAME's part in FILE has these further lines, SESSION being any
    local got
    got=$(part "$2" "$3" | sed -E "s/^Session: $HEX $HEX$/SESSION/")
    if [ "$got" = "$4" ]; then ok "$1"; else not_ok "$1 (got: ${got//$'\n'/ | })" "$WORK/$2.out" "$LOG"; fi
}
session() { part "$1" "$2" | sed -nE "s/^Session: ($HEX $HEX)$/\1/p"; }

LAN1='Candidate: 192.168.1.2:40001 host' LAN2='Candidate: 10.0.0.5:40002 host'
NAT1='Mapping: endpoint-independent; ports=preserving' NAT2='Mapping: address-and-port-dependent; ports=random'

bind both -H "$LAN1" -H "$NAT1"
connect both -H "$LAN2" -H 'Candidate: [2001:db8::5]:40002 mapped' -H "$NAT2"
is "H1 is told what H2 tells" h1_both h2 "SESSION
$LAN2
Candidate: [2001:db8::5]:40002 mapped
$NAT2"
is "H2 is told what H1 tells" h2_both both "SESSION
$LAN1
$NAT1"
is "H2's part about itself has no more than its address" h2_both h2 ""
one_session() { [ -n "$(session h1_both h2)" ] && [ "$(session h1_both h2)" = "$(session h2_both both)" ]; }
check "both have one session" one_session

bind only_h1 -H "$LAN1"
connect only_h1
is "an H2 that tells nothing is told nothing" h2_only_h1 only_h1 ""
is "and H1 is told nothing of it" h1_only_h1 h2 ""
bind only_h2
connect only_h2 -H "$LAN2" -H "$NAT2"
is "an H1 that tells nothing is told nothing" h1_only_h2 h2 ""
is "and H2 is told nothing of it" h2_only_h2 only_h2 ""
bind neither
connect neither
is "two who tell nothing get the specification's parts" h1_neither h2 ""
is "each of them" h2_neither neither ""

bind malformed -H "$LAN1"
connect malformed -H 'Candidate: 10.0.0.5 host' -H 'Candidate: 10.0.0.5:1 relay' -H 'Mapping: a b' -H 'Session: 1'
is "malformed candidates are none, and no error" h2_malformed malformed ""
bind useless -H "$LAN1" -H 'Candidate: 127.0.0.1:1 host' -H 'Candidate: [::1]:1 host' -H 'Candidate: 224.0.0.1:1 host'
connect useless -H 'Candidate: 127.0.0.1:2 host'
is "what only the host itself can reach is not passed on" h1_useless h2 SESSION
is "nor what nobody can" h2_useless useless "SESSION
$LAN1"

nine=() eight=SESSION
for i in {1..9}; do
    nine+=(-H "Candidate: 192.168.1.2:$i host")
    [ "$i" = 9 ] || eight+=$'\n'"Candidate: 192.168.1.2:$i host"
done
bind nine "${nine[@]}"
connect nine -H "$LAN2"
is "of nine candidates the first eight are passed on" h2_nine nine "$eight"

ID=$(session h2_both both) ID=${ID% *}
bind later -H "$LAN1"
connect later -H "$LAN2" -H "Session: $ID"
continued() {
    local of_h1 of_h2
    of_h1=$(session h1_later h2) of_h2=$(session h2_later later)
    [ -n "$of_h1" ] && [ "$of_h1" = "$of_h2" ] && [ "${of_h1% *}" = "$ID" ] && [ "$of_h1" != "$(session h2_both both)" ]
}
check "a session is continued under its ID and a new key" continued
key_unlogged() { ! grep -q "$(session h2_both both | cut -d' ' -f2)" "$LOG"; }
check "a session's key is in no log" key_unlogged
finish
