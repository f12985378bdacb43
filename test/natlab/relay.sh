#!/bin/bash
# test/natlab/relay.sh: two whom no direct way leads to each other talk through the nameserver, and no longer than that (how
# they come and go is roaming.sh's). Where a firewall on the way is told to, the two reach S and not each other.
# shellcheck disable=SC2317,SC2119
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
KIND=${KIND:-port-restricted} KIND2=${KIND2:-${KIND:-port-restricted}}

if [ "${HX_LAB:-}" != inside ]; then build_probe || exit 1; fi
lab_or_skip 'a nameserver relays' "$0" "$@"
lab_begin || exit 1
HX_NAMESERVER=$LAB_S:7000 && export HX_NAMESERVER

meet() { # meet [S-OPTION...]: a firewall stands between the two, S relays, and H1 is bound
    lab_up "$KIND" "$KIND2" && lab_firewall && start_s "$LAB_NS" --relay "$@" && start_h1 --echo "${H1_OPTIONS[@]}" &&
        await_bound
}
# await_path KIND N SECONDS: until H2 has said for the N-th time that its path is of this kind.
await_path() {
    await_nth "$2" "$WORK/talk.err" "^(path to lab: $1,|connected to lab .*path=$1( |\$))" "$3" && return
    echo "no path of the kind $1" && cat "$WORK/talk.err"
    return 1
}
# --- what is on the wire -----------------------------------------------------------------------------------------------

sniff() { # sniff: from now on, what passes the network card of S
    lab_start sniff s python3 "$TOP/test/natlab/sniffer.py" eth0 "$GREETING"
    SNIFF=$PID
    await_line "$WORK/sniff.out" '^listening' >/dev/null
}
sniffed() { # sniffed: "relayed N plain N"
    end_now "$SNIFF"
    await_line "$WORK/sniff.out" '^relayed [0-9]+ plain [0-9]+$'
}
relays_nothing_plain() {
    local HX_MODE=() seen
    meet && sniff && greet || return
    seen=$(sniffed) && echo "$seen" && [[ $seen =~ ^relayed\ [1-9][0-9]*\ plain\ 0$ ]]
}
# Of one of the two the relay hears by TCP alone.
tells_nothing_plain_by_tcp() {
    local HX_MODE=() seen
    lab_up blocked "$KIND" && start_s "$LAB_NS" --relay --listen-tcp "$LAB_NS" && start_h1 --echo && await_bound &&
        sniff && greet && grep ' path=relayed$' "$WORK/connect.err" || return
    seen=$(sniffed) && echo "$seen" && [[ $seen =~ ^relayed\ [1-9][0-9]*\ plain\ 0$ ]]
}
sniffer_would_see_it() { # what is not sealed is seen, or the test above says nothing
    local HX_MODE=(--insecure) seen
    meet && sniff && greet || return
    seen=$(sniffed) && echo "$seen" && [[ $seen =~ ^relayed\ [1-9][0-9]*\ plain\ [1-9] ]]
}

# --- limits, and what people are told ------------------------------------------------------------------------------------

says_its_limit() {
    meet --relay-time 1 || return
    lab_start talk h2 bash -c "tail -f /dev/null | exec '$B/hx' connect lab -v"
    await_line "$WORK/talk.err" 'its limit --relay-time is reached'
}
says_that_there_is_none() {
    lab_up "$KIND" "$KIND2" && lab_firewall && start_s && start_h1 --echo && await_bound || return
    ! greet 3 && cat "$WORK/connect.err" && grep -q 'the nameserver offers no relay' "$WORK/connect.err"
}
says_that_it_was_not_wanted() {
    local H1_OPTIONS=(--relay-after never)
    meet || return
    ! greet 4 && cat "$WORK/connect.err" && grep -q "nor did the peer come to the nameserver's relay" "$WORK/connect.err"
}

# left_soon KIND1 KIND2: where a hard NAT takes its time to be crossed, but can be: the relay is in use for 2 s at most.
left_soon() {
    local begun
    for _ in 1 2 3; do # others want a processor, too
        lab_up "$1" "$2" && start_s "$LAB_NS" --relay && start_h1 --echo --relay-after 0 && await_bound ||
            return
        lab_start talk h2 bash -c "tail -f /dev/null | exec '$B/hx' connect lab -v --relay-after 0"
        await_path relayed 1 10 || continue # the other way was sooner
        begun=$EPOCHREALTIME
        await_path '(birthday|predicted|direct)' 1 10 && [ "$(ms_between "$begun" "$EPOCHREALTIME")" -le 2000 ] && return
    done
    return 1
}

check 'no plain byte of theirs is on the wire' relays_nothing_plain
check 'nor where one of the two has TCP alone' tells_nothing_plain_by_tcp
check 'which would be seen' sniffer_would_see_it
check 'who needs the relay is told which limit ends it' says_its_limit
check 'who is not reached is told that there is no relay' says_that_there_is_none
check 'or that the peer did not want it' says_that_it_was_not_wanted
check 'the relay is left within 2 s for a way through a random NAT' left_soon port-restricted symmetric-random
check 'and for one through two that count' left_soon symmetric-sequential symmetric-sequential
finish
