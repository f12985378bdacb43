#!/usr/bin/env bash
# test/e2e/secure_cp_takeover.sh: what a dead hx cp had, the next one with its key gets at once; nobody else does.
# shellcheck source=test/lib.sh disable=SC2016 # what eval runs
. "$(dirname "$0")/../lib.sh"

start_nameserver_with_home
mkdir share
label_key other other.key || exit 1
start_bound home home --share "$WORK/share:rw" || exit 1

stopped() { # stopped NAME: an upload of ./big that stands still in the middle, so that its hold of the part stays
    rm -rf share/* share/.[!.]*
    start "$1" "$B/hx" cp big home:
    await_part share 4000000 && kill -STOP "$PID"
}
head -c 100000000 /dev/urandom >big

stopped dead || exit 1
kill -KILL "$PID"
check "after kill -9 the same command goes on where it was" eval 'timeout 300 "$B/hx" cp big home: 2>next.err'
check "at once" eval '! grep -q "waiting" next.err'
check "with what the dead one had sent" grep -q '; .* of it moved' next.err
check "whole" cmp big share/big

# An hx cp that is stopped looks dead to the other side for a while, and is told when it goes on.
stopped older || exit 1
OLDER=$PID
check "a living one has to go, too" eval 'timeout 300 "$B/hx" cp big home: 2>newer.err'
check "the later one's file is whole" cmp big share/big
kill -CONT "$OLDER"
await_exit "$OLDER" 300
check "the earlier one fails" test $? = 1
check "and says why" grep -q 'big: another copy with the same key, begun later, writes to it' older.err

stopped holder || exit 1
HOLDER=$PID
check "another key gets no part of this one's" eval \
    '! timeout 300 "$B/hx" cp --key-file other.key --retry-for 20 big home: 2>foreign.err'
check "which is said, also without a terminal" grep -q "^waiting, for at most 20 s: is being written by another peer" foreign.err
check "and in the end, too" grep -q 'gave up after .*another peer' foreign.err
kill -CONT "$HOLDER"
await_exit "$HOLDER" 300
check "the holder goes on" test $? = 0
check "to its end" cmp big share/big
finish
