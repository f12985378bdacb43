#!/usr/bin/env bash
# What two who were introduced make of it, both tell the nameserver, which logs and counts it: a success and a failure.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

CURL=$B/udtcurl
HX=$B/hx
HX_KEY=$("$HX" key --file "$WORK/key") || exit 1
export HX_KEY

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
LOG=$WORK/nameserver.err
# report BY NAME REGEX: such a line is in the log, or comes
report() { await_line "$LOG" "event=report conn=[0-9]+ peer=127.0.0.1:[0-9]+ by=$1 name=$2 session=[0-9a-f]{8} $3"; }

start home "$HX" bind home -n "$NS" --echo -v
await_line "$WORK/home.err" '^bound home as ' >/dev/null
# Peers that are told, and never answer: udtcurl binds and asks like a host of ours, but punches nobody.
LAN='Candidate: 192.0.2.1:9 host'
start asks "$CURL" -s -i -H "$LAN" "udt://$NS/connect?host_id=home&name=nobody" # the attempt takes 10 s
check "hx ping reaches its peer" "$HX" ping home -n "$NS" -c 1
check "H2 has told way, time and number of probes" \
    report h2 home "outcome=(direct|lan) ms=[0-9]+ tries=1 probes=[0-9]+( |$)"
check "and H1, too" report h1 home "outcome=(direct|lan) ms=[0-9]+ tries=1 probes=[0-9]+( |$)"
not_behind() { ! grep 'both behind' "$WORK/home.err"; }
check "two on one host are not told that they are behind one NAT" not_behind
one_session() {
    [ "$(grep -o 'event=report.* outcome=\(direct\|lan\)' "$LOG" | grep -Eo 'session=[0-9a-f]{8}' | sort -u | wc -l)" = 1 ]
}
check "both of one session" one_session

start silent "$CURL" -s -i -H "$LAN" "udt://$NS/bind?host_id=silent"
await_line "$WORK/silent.out" '^External-Address: ' >/dev/null
in_vain() {
    ! timeout 60 "$HX" connect silent -n "$NS" --timeout 2 </dev/null
}
check "a peer that does not answer is not reached" in_vain
check "H2 tells that it has failed, and why" \
    report h2 silent "outcome=failed reason=given-up ms=[0-9]+ tries=[0-9]+ probes=[0-9]+"
check "H1 tells it likewise, once its time is over" \
    report h1 home "outcome=failed reason=silence ms=1[0-9]{4} tries=1 probes=[0-9]+"

counters
sum() { awk -v names="^($1)\$" '$1 ~ names { all[$1] = $2 } END { for (name in all) sum += all[name]; print sum + 0 }' "$WORK/counters"; }
for side in h1 h2; do
    check "$side's success is counted" [ "$(sum "${side}_(direct|lan)")" = 1 ]
    check "and how long it took" [ "$(sum "${side}_(within_[0-9]+_m?s|later)")" = 1 ]
    check "and its failure" [ "$(value ${side}_failed)" = 1 ]
done
finish
