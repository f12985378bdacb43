#!/bin/bash
# test/natlab/roaming.sh [STORY...]: a connection outlives its path. In each story two hosts behind port-restricted NATs talk,
# a line each 50 ms and its answer; something happens to one of them; no line may be lost, and the longest silence is told
# and bounded. Stories: forgets1 forgets2 forgets moves1 moves2 renumbers2 stalls; all without one.
# shellcheck disable=SC2317,SC2119
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
GAP_MS=$((3000 * SLOW)) # longer, and people think that it is over

if [ "${HX_LAB:-}" != inside ]; then
    build_probe || exit 1
    REFUSED=$(lab_refused)
    if [ -z "$REFUSED" ]; then lab_enter "$0" "$@"; fi
    skip 'a connection outlives its path' "$REFUSED"
    finish
fi
lab_begin || exit 1
HX_KEY=$("$B/hx" key --file "$WORK/key") && export HX_KEY
HX_NAMESERVER=$LAB_S:7000 && export HX_NAMESERVER

# talk SECONDS EVENT...: the dialogue, in which EVENT is run when it has begun.
talk() {
    local seconds=$1
    lab_start bind h1 "$B/hx" bind lab -v --echo
    BIND=$PID
    await_bound || return 1
    lab_start talk h2 python3 "$TOP/test/natlab/metronome.py" "$seconds" "$B/hx" connect lab -v
    TALK=$PID
    await_line "$WORK/talk.out" '^first' 10 >/dev/null || return 1
    read -rt 1 <>"$WORK/silence" # both have chosen, and data flows
    "${@:2}" || return 1
    wait "$TALK"
}
pause() { # pause SECONDS: of the one who is connected to
    kill -STOP "$BIND"
    read -rt "$1" <>"$WORK/silence"
    kill -CONT "$BIND"
}
story() { # story SENTENCE MOST_MS SECONDS EVENT...
    local gap
    lab_up "${KIND:-port-restricted}" port-restricted && start_s "$HX_NAMESERVER" >/dev/null || return 1
    [ -z "${SECOND:-}" ] || lab_second "$SECOND" port-restricted
    talk "${@:3}"
    gap=$(sed -n 's/^gap //p' "$WORK/talk.out")
    if grep -q '^whole' "$WORK/talk.out" && [ "${gap:-99999}" -le "$2" ]; then
        ok "$1"
    else
        not_ok "$1" "$WORK/talk.out" "$WORK/talk.err" "$WORK/bind.err" "$WORK/nameserver.err"
    fi
    echo "# longest silence: $gap ms, $(sed -n 's/^lines //p' "$WORK/talk.out") lines"
    lab_down
}
mkfifo "$WORK/silence"
for name in "${@:-forgets1 forgets2 forgets moves1 moves2 renumbers2 stalls}"; do
    for which in $name; do
        case $which in
        forgets1) story 'the NAT of the one who is connected to forgets' $GAP_MS 8 lab_drop_mappings 1 ;;
        forgets2) story 'the NAT of the one who has connected forgets' $GAP_MS 8 lab_drop_mappings 2 ;;
        forgets) story 'both NATs forget' $GAP_MS 8 lab_drop_mappings ;;
        moves1) SECOND=1 story 'the one who is connected to moves to another uplink' $GAP_MS 8 lab_roam 1 eth1 ;;
        moves2) SECOND=2 story 'the one who has connected moves to another uplink' $GAP_MS 8 lab_roam 2 eth1 ;;
        renumbers2) story 'the address of an access is another one' $GAP_MS 8 lab_renumber 2 203.0.113.20 ;;
        stalls) story 'a peer that stands still for 12 s' $((12000 + GAP_MS)) 20 pause 12 ;;
        *) echo "no story '$which'" >&2 && exit 2 ;;
        esac
    done
done
finish
