#!/usr/bin/env bash
# Strangers who know the name but have no key, and say nothing: they cost hx bind a bounded amount, and a peer that has
# the key is served as soon as they have had their time.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
STRANGERS=28
ROOM=24 # client/tool/peer.h, PEERS_UNSEEN

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS
HX_KEY=$("$HX" key --file "$WORK/key") && export HX_KEY
echo "an answer" >"$WORK/answer"
mkfifo "$WORK/silence"
exec 9<>"$WORK/silence"

"$HX" bind door -v <"$WORK/answer" >"$WORK/door.out" 2>"$WORK/door.err" &
DOOR=$!
STARTED+=("$DOOR")
await_line "$WORK/door.err" '^bound door as ' >/dev/null
for i in $(seq $STRANGERS); do
    "$HX" connect door --insecure <"$WORK/silence" >"$WORK/stranger.$i" 2>/dev/null &
    STARTED+=("$!")
done
await_line "$WORK/door.err" '^turned away 127\.0\.0\.1:[0-9]+: too many peers$' >/dev/null
check "when too many are unproven the others are turned away" [ "$?" = 0 ]
check "not before there are many" [ "$(grep -c '^accepted ' "$WORK/door.err")" -gt $ROOM ]
check "each costs no more than a thread" [ "$(find "/proc/$DOOR/task" -mindepth 1 -maxdepth 1 | wc -l)" -le $((ROOM + 10)) ]
check "they are refused when their time is over" \
    await_line "$WORK/door.err" '^hx: refused peer - at .*: it has not proven a key in time$' 10
for _ in {1..20}; do
    timeout 20 "$HX" connect door </dev/null >"$WORK/right.out" 2>"$WORK/right.err" && break
    grep -q 'too many peers' "$WORK/right.err" || break
done
check "then who has the key is served" grep -q 'an answer' "$WORK/right.out"
check "no stranger was" [ -z "$(cat "$WORK"/stranger.*)" ]
await_exit "$DOOR"
check "and the pipe ends with success" [ "$?" = 0 ]
finish
