#!/bin/bash
# test/natlab/roaming.sh [STORY...]: a connection outlives its path. Two hosts talk, something happens to their networks,
# and they talk on: no line or byte may be lost, and the longest silence is told and bounded. Stories:
#
#   dialogue   a line each 50 ms and its answer, through one thing after the other
#   odd        the same, through what happens less often
#   stalls     the same, and one process stands still for 12 s
#   sleeps     the same, and both do for 60 s
#   idle       mappings live 30 s, and nobody says anything for two minutes; then a line
#   ssh        Debian's ssh and sshd, a line each 200 ms: each EVENT_S (10) the NATs forget, an address changes, or a
#              host moves
#   forward    the same for a connection through -L
#   copy       the same for an hx cp of COPY_MB at COPY_RATE
#   days       the same for a dialogue of a line each 50 ms
#   relayed    a dialogue: relayed, direct, relayed, direct
#   all        the same, from each to each of: direct; relayed by UDP; relayed through TCP, since UDP is blocked at the one
#              who has connected
#   all-bind   the same, blocked at the other one
#   all-both   the same, blocked at both
#
# dialogue without one. KIND is that of the NATs: port-restricted, masquerade, ...; KIND2 that of H2's two if they differ.
# What happens each EVENT_S does so EVENTS times; a copy is long enough for those at a COPY_RATE to match.
# shellcheck disable=SC2317,SC2119
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
# shellcheck source=test/natlab/sshd.sh
. "$TOP/test/natlab/sshd.sh"
GAP_MS=$((${GAP_MS:-3000} * SLOW)) # longer, and people think that it is over
TCP_GAP_MS=$((${TCP_GAP_MS:-10000} * SLOW)) # UDP has to be silent for a while until TCP is tried
KIND=${KIND:-port-restricted} KIND2=${KIND2:-${KIND:-port-restricted}}
EVENTS=${EVENTS:-7} EVENT_S=${EVENT_S:-10}
S_OPTIONS=() # of the nameserver
COPY_MB=${COPY_MB:-200} COPY_RATE=${COPY_RATE:-24mbit}

if [ "${HX_LAB:-}" != inside ]; then build_probe || exit 1; fi
lab_or_skip 'a connection outlives its path' "$0" "$@"
lab_begin || exit 1
HX_NAMESERVER=$LAB_S:7000 && export HX_NAMESERVER
mkfifo "$WORK/silence"
exec {SILENCE}<>"$WORK/silence"

pause() { # pause SECONDS: the lab's weather has no end of its own that could be awaited
    read -rt "$1" -u "$SILENCE"
}
begin() { # begin COMMAND...: without it there is no story
    "$@" && return
    not_ok "they meet: $1" "$WORK"/*.err
    return 1
}
meet() { # meet [BIND-OPTION...]: a lab in which H2 has a second uplink, both have IPv6 if IPV6 is set, and H1 is bound
    lab_up "$KIND" "$KIND2" && start_s "${IPV6:+[::]:7000}" "${S_OPTIONS[@]}" >/dev/null && lab_second 2 "$KIND2" || return
    [ -z "${IPV6:-}" ] || { lab_ipv6 1 && lab_ipv6 2 || return; }
    start_h1 "$@" && await_bound
}

# --- a dialogue ------------------------------------------------------------------------------------------------------

talk() { # talk EVERY_MS COMMAND...: on H2; once it is answered
    rm -f "$WORK/score" && mkfifo "$WORK/score" && exec {SCORE}<>"$WORK/score" || return
    : >"$WORK/talk.out"
    lab_exec h2 python3 "$TOP/test/natlab/metronome.py" "$@" <"$WORK/score" >"$WORK/talk.out" 2>"$WORK/talk.err" &
    TALK=$!
    STARTED+=("$TALK")
    await_line "$WORK/talk.out" '^first' >/dev/null
}
# change SENTENCE MOST_MS EVENT...: it happens, and the dialogue goes on. Where nothing but the time was wrong, the story may
# be told twice more: others want a processor, too.
change() {
    local sentence=$1 most=$2 passed
    CHANGES=$((CHANGES + 1))
    echo mark >&"$SCORE"
    "${@:3}"
    echo "settle $CHANGES" >&"$SCORE"
    passed=$(await_line "$WORK/talk.out" "^passed $CHANGES |^broken" 70)
    passed=${passed#passed "$CHANGES" }
    if [[ ! $passed =~ ^[0-9]+$ ]]; then
        not_ok "$sentence: $passed" "$WORK/talk.out" "$WORK/talk.err" "$WORK/bind.err" "$WORK/nameserver.err"
        return
    fi
    echo "# $sentence: longest silence $passed ms"
    if [ -n "${IN_TIME[CHANGES]:-}" ]; then
        return
    elif [ "$passed" -le "$most" ]; then
        ok "$sentence"
        IN_TIME[CHANGES]=yes
    elif [ "$TRY" = 3 ]; then
        not_ok "$sentence: $passed ms" "$WORK/talk.out" "$WORK/talk.err" "$WORK/bind.err" "$WORK/nameserver.err"
    else
        LATE=yes
    fi
}
then_pause() { # then_pause SECONDS EVENT...: what it breaks may go on for a moment
    "${@:2}"
    pause "$1"
}
no_line_is_lost() {
    echo end >&"$SCORE"
    await_exit "$TALK" 70
    exec {SCORE}>&-
    cat "$WORK/talk.out"
    grep -q '^whole' "$WORK/talk.out"
}
stop_for() { # stop_for SECONDS PID...
    kill -STOP "${@:2}"
    pause "$1"
    kill -CONT "${@:2}"
}
half_forgets() { # half_forgets N: who may send to its mappings; these stay
    lab_exec "n$1" nft flush set ip nat contacted
}
s_returns() {
    end_now "$NS_PID"
    start_s "${IPV6:+[::]:7000}" >/dev/null
}
s_returns_and_nats_forget() {
    s_returns && lab_drop_mappings
}
story_dialogue() {
    begin meet --echo && begin talk 50 "$B/hx" connect lab -v || return
    change 'both NATs forget' "$GAP_MS" lab_drop_mappings
    change 'one who has connected moves to another uplink' "$GAP_MS" then_pause 1 lab_roam 2 eth1
    change 'the NAT of the one who is connected to forgets' "$GAP_MS" lab_drop_mappings 1
    change 'the address of an access is another one' "$GAP_MS" lab_renumber 1 198.51.100.20
    check 'no line is lost' no_line_is_lost
}
story_odd() {
    local IPV6=1
    begin meet --echo && begin talk 50 "$B/hx" connect lab -v || return
    change 'IPv6 is there no more' "$GAP_MS" ip -n h2 -6 addr flush dev eth0
    change 'IPv6 is there again' "$GAP_MS" lab_link6 n2 lan2 "${LAB_INSIDE6[2]%::*}::1" h2 eth0 "${LAB_INSIDE6[2]}"
    change 'the nameserver was away' "$GAP_MS" s_returns
    change 'it was, and both NATs forget' "$GAP_MS" s_returns_and_nats_forget
    if [ "$KIND" = port-restricted ]; then
        change 'the NAT of the one who is connected to lets nobody in any more' "$GAP_MS" half_forgets 1
        change 'the NAT of the one who has connected does not either' "$GAP_MS" half_forgets 2
    fi
    change 'an uplink vanishes' "$GAP_MS" lab_unplug 2 eth0
    check 'no line is lost' no_line_is_lost
}
story_stalls() {
    begin meet --echo && begin talk 50 "$B/hx" connect lab -v || return
    change 'a peer that stands still for 12 s' $((12000 + GAP_MS)) stop_for 12 "$H1_PID"
    check 'no line is lost' no_line_is_lost
}
story_sleeps() {
    begin meet --echo && begin talk 50 "$B/hx" connect lab -v || return
    change 'both stand still for 60 s' $((60000 + GAP_MS)) stop_for 60 "$H1_PID" "$(sed -n 's/^pid //p' "$WORK/talk.out")"
    check 'no line is lost' no_line_is_lost
}
story_idle() {
    lab_lifetime 30
    begin meet --echo && begin talk 120000 "$B/hx" connect lab -v || return
    pause 110
    change 'what is said after two minutes is answered' "$GAP_MS" :
    check 'no line is lost' no_line_is_lost
}

# --- what carries it ---------------------------------------------------------------------------------------------------

# takes_over WAY HOST...: the firewalls of these hosts' accesses let through what this way needs, and no better one; that one
# is in use then. Direct ones are looked for now and then.
takes_over() {
    local way=$1 rule='' n
    case $way in
    relayed) rule=$LAB_UDP_TO_S ;;
    tcp) rule=$LAB_NO_UDP ;;
    esac
    local before
    before=$(wc -l <"$WORK/talk.err")
    for n in "${@:2}"; do lab_weather "$n" "$rule" || return; done
    case $way in
    direct) await_path "$before" '(direct|mapped)' ;;
    *) await_path "$before" relayed ;;
    esac
}
await_path() { # await_path LINES KIND: told behind so many lines of what H2 says
    local end=$((SECONDS + 80))
    until tail -n "+$(($1 + 1))" "$WORK/talk.err" | grep -qE "^path to lab: $2, "; do
        [ "$SECONDS" -lt "$end" ] && kill -0 "$TALK" 2>/dev/null || return
        pause 0.1
    done
}
story_relayed() {
    local S_OPTIONS=(--relay) n
    begin meet --echo && begin lab_weather 2 "$LAB_UDP_TO_S" && begin talk 50 "$B/hx" connect lab -v || return
    for n in 1 2; do
        change "a direct path takes over from the relay ($n)" "$GAP_MS" takes_over direct 2
        [ "$n" = 2 ] || change 'the relay takes over from the direct path' "$GAP_MS" takes_over relayed 2
    done
    check 'no line is lost' no_line_is_lost
    check 'each way was in use' test "$(grep -cE '^(path to lab: direct, |connected to lab .* path=direct)' "$WORK/talk.err")" -ge 2
}
# Each change from one way to another one once.
through_all() { # through_all HOST...: whose accesses change
    local S_OPTIONS=(--relay --listen-tcp "$LAB_S:7000") n way was=relayed
    begin meet --echo || return
    for n in "$@"; do begin lab_weather "$n" "$LAB_UDP_TO_S"; done
    begin talk 50 "$B/hx" connect lab -v || return
    for way in direct tcp relayed tcp direct relayed; do
        change "$was, then $way" "$TCP_GAP_MS" takes_over "$way" "$@"
        was=$way
    done
    check 'no line is lost' no_line_is_lost
}
story_all() { through_all 2; }
story_all-bind() { through_all 1; }
story_all-both() { through_all 1 2; }

# --- what people do --------------------------------------------------------------------------------------------------

# The weather of a bad day: the event of each EVENT_S.
bad_day() {
    local n all=(lab_drop_mappings 'lab_renumber 2 203.0.113.20' lab_drop_mappings 'lab_roam 2 eth1' lab_drop_mappings
        'lab_roam 2 eth0' lab_drop_mappings 'lab_renumber 2 203.0.113.10')
    for ((n = 0; n < EVENTS; n++)); do echo "${all[n % ${#all[@]}]}"; done
}
through_bad_days() { # through_bad_days WHO
    local event
    while read -r event; do
        # shellcheck disable=SC2086 # words
        change "$1: $event" "$GAP_MS" then_pause $((EVENT_S - 2)) $event
    done < <(bad_day)
    check 'no line is lost' no_line_is_lost
}
story_days() {
    begin meet --echo && begin talk 50 "$B/hx" connect lab -v && through_bad_days dialogue
}
story_ssh() {
    begin ssh_begin && begin meet --allow "127.0.0.1:$SSHD_PORT" && begin ssh_serve h1 127.0.0.1 || return
    begin talk "${EVERY_MS:-200}" "${SSH[@]}" -o "ProxyCommand='$B/hx' connect lab -v --to 127.0.0.1:$SSHD_PORT" \
        lab@home cat && through_bad_days ssh
}
story_forward() {
    begin meet --allow 127.0.0.1:3700 || return
    lab_start echo h1 socat -d -d TCP-LISTEN:3700,bind=127.0.0.1,fork EXEC:cat
    lab_start connect h2 "$B/hx" connect lab -v -L 3700:127.0.0.1:3700
    begin await_line "$WORK/connect.err" '^connected to lab' >/dev/null || return
    begin talk "${EVERY_MS:-200}" socat -t 10 - TCP:127.0.0.1:3700 && through_bad_days forward
}
story_copy() {
    local event begun cp
    mkdir -p "$WORK/share" "$WORK/got" && head -c "${COPY_MB}000000" /dev/urandom >"$WORK/share/big" || return
    rm -f "$WORK/watch" && mkfifo "$WORK/watch" && exec {WATCH}<>"$WORK/watch" || return
    begin meet --share "$WORK/share" && begin lab_bottleneck 1 "$COPY_RATE" 50 || return
    : >"$WORK/growth.out"
    python3 "$TOP/test/natlab/growth.py" "$WORK/got" <"$WORK/watch" >"$WORK/growth.out" &
    STARTED+=($!)
    begun=$EPOCHREALTIME
    lab_start cp h2 "$B/hx" cp -v lab:big "$WORK/got/big"
    cp=$PID
    begin await_line "$WORK/growth.out" '^first' >/dev/null || return
    while kill -0 "$cp" 2>/dev/null && read -r event; do
        pause "$EVENT_S"
        echo "# $(ms_between "$begun" "$EPOCHREALTIME") ms: $event, $(du -b "$WORK/got" | cut -f 1) bytes"
        # shellcheck disable=SC2086 # words
        $event
    done < <(bad_day)
    await_exit "$cp" 200
    echo "# ended with $? after $(ms_between "$begun" "$EPOCHREALTIME") ms"
    echo >&"$WATCH"
    check 'the copy is whole' cmp "$WORK/share/big" "$WORK/got/big"
    await_line "$WORK/growth.out" '^gap' | sed 's/^/# longest /'
    check 'it never stood still for long' test "$(sed -n 's/^gap //p' "$WORK/growth.out")" -le "$GAP_MS"
    sed 's/^/# /' "$WORK/cp.err"
}

for name in "${@:-dialogue}"; do
    declare -F "story_$name" >/dev/null || { echo "Bail out! no story '$name'" && exit 2; }
    IN_TIME=() # changes of this story that were in time, once
    for TRY in 1 2 3; do
        CHANGES=0 LATE=
        "story_$name"
        lab_down
        [ -n "$LATE" ] || break
    done
done
finish
