#!/usr/bin/env bash
# Groups of libhx: members that meet, come late, leave, crash and return; and a nameserver that does.
# shellcheck source=test/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

MEMBER=$B/test/group_member
[ -x "$MEMBER" ] || {
    skip "members of a session meet" "not built in $B"
    finish
}
need_nameserver
declare -A COMMANDS PIDS # of each member

# member SESSION EXPECT NAME [KEYFILE [TIMEOUT_MS [PORT]]]: what it says is in $WORK/SESSION.NAME.out
member() {
    local id=$1.$3 fd
    [ -p "$WORK/$id.in" ] || mkfifo "$WORK/$id.in"
    exec {fd}<>"$WORK/$id.in"
    # shellcheck disable=SC2016 # the inner shell's
    start "$id" sh -c 'in=$1; shift; exec "$@" <"$in"' sh "$WORK/$id.in" "$MEMBER" "$NS" "$@"
    COMMANDS[$id]=$fd
    PIDS[$id]=$PID
}
tell() { printf '%s\n' "${*:2}" >&"${COMMANDS[$1]}"; } # tell SESSION.NAME COMMAND
says() { await_line "$WORK/$1.out" "$2" >/dev/null; }   # says SESSION.NAME REGEX: it does, or has
times() { grep -cE -- "$2" "$WORK/$1.out"; }
said() { [ "$(times "$1" "$3")" = "$2" ]; } # said SESSION.NAME TIMES REGEX
tells_of() { [ "$(cat "$WORK/$1".*.out | grep -cE -- "$3")" = "$2" ]; } # tells_of SESSION TIMES REGEX: in all
# Each of them is content, and has heard each other one.
all_met() { # all_met SESSION NAME...
    local a b
    for a in "${@:2}"; do
        says "$1.$a" '^complete ' || return
        for b in "${@:2}"; do
            [ "$a" = "$b" ] || says "$1.$a" "^heard $b $b\$" || return
        done
    done
}
states=0
has_state() { # has_state SESSION.NAME EXPECT HERE CONNECTED: now
    tell "$1" "state $((++states))"
    says "$1" "^state $states " && said "$1" 1 "^state $states $2 $3 $4\$"
}
ends() { # ends SESSION.NAME STATUS
    await_exit "${PIDS[$1]}"
    [ "$?" = "$2" ]
}
crash() { # crash SESSION.NAME: what it has said is kept in another file
    kill -9 "${PIDS[$1]}"
    await_exit "${PIDS[$1]}" >"$WORK/crash.out" 2>&1
    mv "$WORK/$1.out" "$WORK/before.$1.out"
}
attest() { # attest SENTENCE SESSION COMMAND...: what was said is shown where it fails
    local sentence=$1 session=$2
    if "${@:3}" >"$WORK/attest.out" 2>&1; then
        ok "$sentence"
    else
        not_ok "$sentence" "$WORK/$session".*.out
    fi
}

for name in anna bert carl; do member trio 3 "$name"; done
attest "three members meet, and each hears each" trio all_met trio anna bert carl
attest "each connection is told once" trio tells_of trio 6 '^connected '
attest "and counted" trio has_state trio.anna 3 3 2

member trio 2 dora
attest "a late joiner is connected to all, though it waits for one" trio all_met trio anna bert carl dora
attest "it is told who was there" trio says trio.dora '^here anna$'
attest "and they that it has come" trio says trio.anna '^came dora$'
tell trio.dora leave
attest "a member leaves" trio ends trio.dora 0
attest "which the others are told" trio says trio.bert '^left dora$'
attest "and its streams end" trio says trio.carl '^gone dora$'

crash trio.carl
member trio 3 carl
attest "a member that has crashed returns, and is connected to all" trio all_met trio anna bert carl
for name in anna bert; do says "trio.$name" '^replaced carl$' && tell "trio.$name" say carl again; done
hears_again() { says trio.carl "^heard anna again$" && says trio.carl "^heard bert again$"; }
attest "to whom it is another stream" trio hears_again

member trio 3 bert
attest "a name that a living member has cannot be had" trio says trio.bert '^error -12 '
mv "$WORK/trio.bert.out" "$WORK/other.bert.out"

tell trio.anna close carl
attest "a stream that is closed ends for the other side" trio says trio.carl '^gone anna$'
attest "and is none that is counted" trio has_state trio.carl 3 3 1

# ---- the nameserver restarts ----
for name in anna bert carl; do member rest 3 "$name"; done
all_met rest anna bert carl || not_ok "three meet" "$WORK"/rest.*.out
stop_nameserver
at=${NS##*:}
start nameserver "$B/hx-nameserver" --listen "127.0.0.1:$at"
NS_PID=$PID
joins_again() { await_true 60 said "rest.$1" 2 '^joined '; }
for name in anna bert carl; do
    attest "$name joins again where the nameserver has restarted" rest joins_again "$name"
done
attest "where all are found again" rest await_true 60 has_state rest.anna 3 3 2
tell rest.anna say bert still
attest "and what was connected still is" rest says rest.bert '^heard anna still$'
attest "by no other stream" rest tells_of rest 6 '^connected '

# ---- keys ----
for key in ours theirs; do "$B/hx" key --file "$WORK/$key" >"$WORK/key.out" 2>&1; done
member safe 3 mallory "$WORK/theirs"
member safe 4 nobody
member safe 3 bert "$WORK/ours"
for name in mallory nobody bert; do says "safe.$name" '^joined '; done
member safe 3 anna "$WORK/ours" $((3000 * SLOW)) # whose time begins when all others are there
attest "a member with another key is none that is connected" safe says safe.anna '^failed mallory -19 '
attest "nor is one without" safe says safe.bert '^failed nobody '
attest "who is in time goes on with those who are there" safe says safe.anna '^short 4 1$'
attest "and has heard them alone" safe tells_of safe 2 '^heard .* (anna|bert)$'
attest "whoever has another key has heard nobody" safe said safe.mallory 0 '^heard '

# The proofs go on beside each other, each within its time.
SILENT=1 member slow 3 mute
PUNCH_MS=5000 member slow 2 anna "$WORK/ours"
member slow 2 bert "$WORK/ours"
attest "one that says nothing keeps nobody from the others" slow all_met slow anna bert

# ---- no memory for a while ----
fail_each() { printf '%-15s\n' "$1" 1<>"$WORK/failing" >&1; }
has_failed() { [ "$(sed -n 2p "$WORK/failing")" -gt 2 ]; }
printf '%-15s\n%-15s\n' 0 0 >"$WORK/failing"
LD_PRELOAD=$B/test/failing_malloc.so FAILING_MALLOC_FILE=$WORK/failing member poor 3 anna
says poor.anna '^joined '
fail_each 2
for name in bert carl; do member poor 3 "$name"; done
await_true 20 has_failed
fail_each 0
attest "a member that had no memory for the others meets them when it has" poor all_met poor anna bert carl

# ---- many ----
for i in {1..16}; do member many 16 "m$i"; done
attest "sixteen members meet, each with each" many await_true 60 tells_of many 240 '^heard (m[0-9]+) \1$'
attest "and are content" many await_true 20 tells_of many 16 '^complete '
attest "whoever has said nothing is given up" slow says slow.anna '^failed mute -8 '
finish
