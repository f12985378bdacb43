# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2153 # what is set here is for the scripts that source this
# test/natlab/programs.sh: our programs at their places in the lab. Source it after lib.sh and lab.sh.
PROBE=$B/test/natlab/probe
LAB_NS=$LAB_S:7000 # the nameserver, as the hosts know it
LAB_NS6="[$LAB_S6]:7000"
LAB_REFLECTOR=("$LAB_S" "$LAB_S_OTHER" 3478 3479)
GREETING='the quick brown fox crosses two NATs'
ASIDE=()   # goes before both hx; with_hosts
HX_MODE=() # options of both hx: (--insecure) measures the hole alone
REFUSED=   # why there can be no lab, if so
STORY_FILES=({bind,connect,nameserver}.err) # in $WORK: what a story that fails shows
if [ -x "$B/hx" ]; then
    HX_KEY=$("$B/hx" key --file "$WORK/key")
    export HX_KEY
fi

# story SENTENCE FUNCTION [ARGUMENT...]: one test, or one counted as skipped where there can be no lab. What the
# function puts into NOTE is told behind its result.
story() {
    NOTE=
    if [ -n "$REFUSED" ]; then
        skip "$1" "$REFUSED"
    elif "${@:2}" >"$WORK/story.out" 2>&1; then
        ok "$1"
    else
        not_ok "$1" "$WORK/story.out" "${STORY_FILES[@]/#/$WORK/}"
    fi
    [ -z "$NOTE" ] || echo "# $NOTE"
}
build_probe() { # and the lab's other programs, if one is older than its sources
    local programs=("$B"/test/natlab/{probe,delay_line,nat_box})
    [ -n "$(find "$TOP"/test/natlab -name '*.[ch]' -newer "${programs[0]}" 2>&1)" ] || [ ! -x "${programs[1]}" ] ||
        [ ! -x "${programs[2]}" ] || return 0
    make -C "$TOP" --no-print-directory -s "B=${B#"$TOP"/}" "${programs[@]#"$TOP"/}"
}
start_reflector() {
    lab_start reflector s "$PROBE" reflect "${LAB_REFLECTOR[@]}"
    await_line "$WORK/reflector.out" '^reflecting' >/dev/null
}
start_s() { # start_s [ADDRESS:PORT [OPTION...]]: the nameserver on S, all its output in nameserver.err; sets NS_PID
    lab_start nameserver s bash -c "exec '$B/hx-nameserver' --listen ${1:-$LAB_NS} ${*:2} >&2"
    NS_PID=$PID
    await_line "$WORK/nameserver.err" 'listening on' >/dev/null
}
# await_nth N FILE EXTENDED_REGEX [SECONDS]: until the file has N such lines.
await_nth() {
    local FOUND
    follow "${4:-60}" "$2" -m "$1" -c -e "$3" && [ "$FOUND" = "$1" ]
}
# await_bound [SECONDS] [NTH] [NAME]: until S has logged for the NTH time that somebody holds the NAME, "lab" without one.
await_bound() {
    local before=${BOUND_BEFORE:-0}
    [ "${3:-lab}" = lab ] || before=0
    await_nth $((before + ${2:-1})) "$WORK/nameserver.err" "event=bound .*name=${3:-lab}( |\$)" "${1:-60}" && return
    echo "S did not log that '${3:-lab}' is bound"
    return 1
}
# S by a name that has both its addresses, in a hosts file of our own: s.test. For who goes by ASIDE.
with_hosts() {
    printf '%s s.test\n' "$LAB_S" "$LAB_S6" >"$WORK/hosts"
    # shellcheck disable=SC2016 # the inner shell expands it
    ASIDE=(unshare -m bash -c 'mount --bind "$1" /etc/hosts && exec "${@:2}"' _ "$WORK/hosts")
}
start_h1() { # start_h1 [OPTION...]: hx bind lab on H1; sets H1_PID. await_bound counts from here on
    BOUND_BEFORE=$(grep -cE 'event=bound .*name=lab( |$)' "$WORK/nameserver.err" 2>/dev/null)
    lab_start bind h1 "${ASIDE[@]}" "$B/hx" bind lab --nameserver "$LAB_NS" -v "${HX_MODE[@]}" "$@"
    H1_PID=$PID
}
with_h1() { # with_h1 COMMAND...: the command makes the lab; S runs in it, and H1 is bound and echoes
    "$@" && start_s && start_h1 --echo && await_bound
}
end_now() { # end_now PID [SIGNAL]: of a process that we started
    kill "-${2:-TERM}" "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}
ms_between() { # ms_between FROM TO: both as EPOCHREALTIME has them
    echo $(((${2/[.,]/} - ${1/[.,]/}) / 1000))
}
us_between() { # us_between FROM TO: likewise
    echo $((${2/[.,]/} - ${1/[.,]/}))
}
introductions() { # how often S has introduced two
    grep -c 'event=connected ' "$WORK/nameserver.err"
}
# since_connect N MOMENT: microseconds from the N-th /connect (as S's log has it, in whole milliseconds) to the moment,
# as EPOCHREALTIME has it; '-': one of the two is missing.
since_connect() {
    local asked
    asked=$(sed -nE 's/^ts=([^ ]+) .*event=connected .*$/\1/p' "$WORK/nameserver.err" | sed -n "$1p")
    if [ -n "$asked" ] && [ -n "$2" ]; then us_between "$(date -d "$asked" +%s.%6N)" "$2"; else echo -; fi
}
# greet [SECONDS [COMMAND...]]: hx connect on H2 sends one line and reads it back, and ends when the command has, if there
# is one. Sets GREET_US, from its first /connect to the first byte, GREET_MS, GREET_AT, the moment of that byte, and
# GREET_RC; its messages are in $WORK/connect.err.
greet() {
    local fd line='' first='' before
    before=$(introductions)
    : >"$WORK/connect.err"
    exec {fd}< <(lab_exec h2 "${ASIDE[@]}" timeout 90 "$B/hx" connect lab --nameserver "$LAB_NS" -v --timeout "${1:-30}" "${HX_MODE[@]}" \
        < <(echo "$GREETING" && "${@:2}") 2>"$WORK/connect.err")
    if IFS= read -r -t 60 -u "$fd" line; then first=$EPOCHREALTIME; fi
    GREET_AT=$first
    wait $!
    GREET_RC=$?
    exec {fd}<&-
    GREET_MS=- GREET_US=$(since_connect $((before + 1)) "$first")
    [ "$GREET_US" = - ] || GREET_MS=$((GREET_US / 1000))
    [ "$line" = "$GREETING" ] && [ "$GREET_RC" = 0 ]
}
