#!/bin/bash
# test/natlab/groups.sh [--long]: members of a session behind NATs of mixed kinds, S relays: each is connected to each other
# one, and stays so. The members are test/group_member.c's, one host each. --long: 16 of them, and 64 without NATs; what
# it takes is measured.
# shellcheck disable=SC2317,SC2119 # tests are called through story; defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
MEMBER=$B/test/group_member
FIVE=(port-restricted symmetric-random masquerade-closed double none)
SIXTEEN=(port-restricted symmetric-random masquerade-closed double none full-cone symmetric-sequential masquerade
    address-restricted symmetric-random rejecting port-restricted/masquerade-closed no-hairpin symmetric-random pool
    port-restricted)
LONG_MS=5000 # the whole mesh, after the last one has joined

if [ "${HX_LAB:-}" != inside ]; then
    build_probe || exit 1
    REFUSED=$(lab_refused)
    if [ -z "$REFUSED" ]; then lab_enter "$0" "$@"; fi
else
    lab_begin || exit 1
fi
STORY_FILES=(pairs nameserver.err m0{1..6}.out)
EXPECT=0
declare -A MEMBERS=() # NAME -> its pid

# member N [HOST]: the N-th, on hN. Names are in the order of the hosts.
member() {
    local name
    printf -v name 'm%02d' "$1"
    : >"$WORK/$name.out" # here and now, as lib.sh's start has it
    nsenter --net="/run/netns/${2:-h$1}" "$MEMBER" "$LAB_NS" lab "$EXPECT" "$name" "$WORK/key" <&"$LAB_OPEN" \
        >"$WORK/$name.out" 2>"$WORK/$name.err" &
    MEMBERS[$name]=$!
    STARTED+=("$!")
}
# all_hear: of those who were started, each has a connection to each, and has heard it; says how soon in $WORK/pairs.
all_hear() {
    local files=("${!MEMBERS[@]}")
    files=("${files[@]/#/$WORK/}")
    python3 "$TOP/test/group/pairs.py" "${#files[@]}" "${files[@]/%/.out}" >"$WORK/pairs"
}
await_all() { # who looks more often than that keeps them from it
    local name rc
    all_hear # for what is told if they never are
    for name in "${!MEMBERS[@]}"; do await_line "$WORK/$name.out" '^complete ' >/dev/null || return; done
    await_true 20 all_hear
    rc=$?
    NOTE=$(head -n 1 "$WORK/pairs")
    return $rc
}
# meet COUNT KIND...: so many members, who come at once; there may be more hosts.
meet() {
    local n
    MEMBERS=() EXPECT=$1
    lab_up "${@:2}" && start_s "$LAB_NS" --relay || return
    for ((n = 1; n <= EXPECT; n++)); do member "$n"; done
    await_all
}
every() { # every COUNT NAME WHAT: each member but NAME has a line that begins so COUNT times
    local name
    for name in "${!MEMBERS[@]}"; do
        [ "$name" = "$2" ] || await_nth "$1" "$WORK/$name.out" "^$3" || return
    done
}
crash_and_return() { # the one whose NAT is the hardest
    end_now "${MEMBERS[m02]}" KILL
    member 2
    every 1 m02 'left m02' && every 2 m02 'heard m02' && await_line "$WORK/m02.out" '^complete '
}
# What is connected stays so without S, and a new S comes to know all of them.
s_returns() {
    local before name
    before=$(grep -h '^gone ' "$WORK"/m0?.out)
    end_now "$NS_PID" KILL
    start_s "$LAB_NS" --relay || return
    for name in "${!MEMBERS[@]}"; do
        await_line "$WORK/nameserver.err" "event=joined .*member=$name " || return
    done
    [ "$(grep -h '^gone ' "$WORK"/m0?.out)" = "$before" ]
}
late_joiner() {
    member 6
    every 1 m06 'heard m06' && await_line "$WORK/m06.out" '^complete ' && all_hear || return
    NOTE=$(grep -h '^connected ' "$WORK/m06.out" | cut -d ' ' -f 2- | sort | paste -sd ,)
}
renumbered() { # the public address of its NAT is another one from now on
    local before
    before=$(grep -h '^gone ' "$WORK"/m0?.out)
    lab_renumber 3 192.0.3.20 && every 1 m03 'moved m03' || return
    [ "$(grep -h '^gone ' "$WORK"/m0?.out)" = "$before" ]
}
after_meeting() { meet 5 "${FIVE[@]}" && "$@"; } # after_meeting COMMAND...
# within MS COMMAND...: all were connected so long after the last one had joined. Where nothing but the time was wrong, they may
# try twice more: others want a processor, too.
within() {
    local took
    for _ in 1 2 3; do
        "${@:2}" || return
        took=$(sed -nE 's/.* all (-?[0-9]+) ms after the last join.*/\1/p' "$WORK/pairs")
        [ "$took" -gt "$1" ] || return 0
    done
    return 1
}
loopback() { # loopback COUNT: all of them on S's own host
    local n LAB_NS=127.0.0.1:7000
    MEMBERS=() EXPECT=$1
    lab_down && lab_core && start_s "$LAB_NS" || return
    for ((n = 1; n <= EXPECT; n++)); do member "$n" s; done
    await_all
}

if [ "${1:-}" = --long ]; then
    for ((run = 1; run <= ${RUNS:-10}; run++)); do
        story "16 members behind mixed NATs, 4 of them symmetric: each pair connects within $LONG_MS ms, run $run" \
            within "$LONG_MS" meet 16 "${SIXTEEN[@]}"
    done
    story "64 members on one host: each pair connects within $LONG_MS ms" within "$LONG_MS" loopback 64
    story 'the public address of a NAT changes: that is told, and no connection is lost' after_meeting renumbered
else
    story 'five members behind mixed NATs: each is connected to each' meet 5 "${FIVE[@]}" none
    story 'one is killed with -9 and returns: the others are told, and connect to it anew' crash_and_return
    story 'S crashes and starts: it learns of all members, and no connection is lost' s_returns
    story 'who comes late is connected to all who are there' late_joiner
fi
[ -n "$REFUSED" ] || lab_down
finish
