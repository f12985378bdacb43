#!/usr/bin/env bash
# test/e2e/secure_cp.sh: hx cp against a real hx bind --share: both ways, many files, after breaks, against tricks.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"

start_nameserver_with_home
mkdir share out

bind() { start_bound "bind-$1" "$1" --share "$2"; } # bind NAME SPEC
cp_() { # cp_ SRC DST [OPTION...]: output in cp.err
    timeout 120 "$B/hx" cp "$@" >cp.out 2>cp.err
}
copies() { cp_ "$1" "$2" && cmp "$3" "$4"; }
refused() { # refused MESSAGE SRC DST: exit status 1, and why
    local message=$1
    shift
    cp_ "$@"
    [ $? = 1 ] && grep -q -- "$message" cp.err
}
# listed DIR: names, permissions, times to the nanosecond
listed() { (cd "$1" && find . -mindepth 1 -printf '%P %m %T@ %y\n' | sort); }
same_tree() { diff -r "$1" "$2" && diff <(listed "$1") <(listed "$2"); }

bind home "$WORK/share:rw" || exit 1
head -c 20000000 /dev/urandom >share/twenty
touch -d '2001-02-03 04:05:06.789' share/twenty
chmod 640 share/twenty
check "20 MB come whole from the peer" copies home:twenty out share/twenty out/twenty
check "with time and permissions" test "$(stat -c '%a %Y' share/twenty)" = "$(stat -c '%a %Y' out/twenty)"
check "what is not on a terminal shows no bar, only a line at the end" test "$(wc -l <cp.err)" = 1
check "and 20 MB go whole to the peer, under another name" copies out/twenty home:again out/twenty share/again
check "quiet says nothing" cp_ -q home:twenty out/quiet
check "indeed nothing" test ! -s cp.err

mkdir -p 'tree/a b/c' tree/empty
for i in $(seq 1000); do echo "file $i" >"tree/a b/$i"; done
printf 'x' >$'tree/a b/c/new\nline %00'
: >tree/zero
chmod 700 tree/empty
chmod 500 'tree/a b/c'
touch -d '1999-01-01' tree/empty 'tree/a b'
check "a thousand small files go to the peer" cp_ tree home:
check "and are all the same there" same_tree tree share/tree
check "and come back" cp_ home:tree out
check "and are all the same here" same_tree tree out/tree
check "copied again they are compared, not moved" cp_ home:tree out
check "and it says so" grep -q '1002 files, .*; 0 B of it moved' cp.err
echo changed >'share/tree/a b/500'
check "what has changed is moved" cp_ home:tree out
check "and only that" grep -q '1002 files, .*; 8 B of it moved' cp.err
check "so that both are the same again" same_tree share/tree out/tree

head -c 60000000 /dev/urandom >share/big
start killed "$B/hx" cp home:big "$WORK/out"
await_part out 5000000
kill -9 "$PID"
wait "$PID" 2>wait.err
check "a receiver that is killed leaves a part" has_part out 5000000
check "and nothing under the name" test ! -e out/big
check "the same command goes on there" copies home:big out share/big out/big
check "and moves only what was missing" grep -q 'whole and verified; [0-9.]* MB of it moved' cp.err
check "no part is left" test -z "$(find out -name '*hx-part*')"

# a part whose first bytes are those of another file
rm -f out/big
start killed "$B/hx" cp home:big "$WORK/out"
await_part out 5000000
kill -9 "$PID"
wait "$PID" 2>wait.err
printf X | dd of="$(find out -name '.big.hx-part-*')" bs=1 seek=1234567 conv=notrunc status=none
check "a part of another file is found out, and all is copied anew" copies home:big out share/big out/big
check "and it says so" grep -q '^hx: big: what was held of it is of another file' cp.err
check "no part is left" test -z "$(find out -name '*hx-part*')"

rm -f out/big
start interrupted "$B/hx" cp home:big "$WORK/out"
await_part out 1000000
kill -INT "$PID"
await_exit "$PID"
check "an interrupted copy ends with 128 and the signal's number" test $? = 130
check "and says how to go on" grep -q 'the same command goes on' interrupted.err

start going "$B/hx" cp home:big "$WORK/out"
GOING=$PID
await_part out 15000000
kill -9 "${STARTED[1]}"
wait "${STARTED[1]}" 2>wait.err
bind home "$WORK/share:rw"
BIND=$PID
await_exit "$GOING" 90
check "a copy outlives the peer's program, which is killed and begun again" test $? = 0
check "and is whole" cmp share/big out/big

start up "$B/hx" cp "$WORK/out/big" home:up
await_part share 5000000
kill -9 "$PID"
wait "$PID" 2>wait.err
check "an upload that is killed leaves a part at the peer" has_part share 5000000
# the peer keeps the part for the one who is gone until it has noticed
check "the same command goes on there" copies out/big home:up out/big share/up
check "and moves only what was missing" grep -q 'whole and verified; [0-9.]* MB of it moved' cp.err
check "no part is left at the peer" test -z "$(find share -name '*hx-part*')"
rm -f share/up # enough was copied

bind reader "$WORK/share" || exit 1
check "a share is for reading if nothing else was said" refused 'shared for reading only' out/twenty reader:new
check "and nothing was written" test ! -e share/new
check "not even a directory" refused 'shared for reading only' tree reader:new

echo secret >secret
ln -s ../secret share/link
ln -s .. share/up-link
ln -s /etc share/etc
mkfifo share/fifo
check "a path with .. is refused" refused 'no \.\.' home:../secret out/stolen
check "an absolute path is refused" refused 'shared directory' home:/etc/passwd out/stolen
check "a symbolic link is not followed" refused 'symbolic link' home:link out/stolen
check "nor one on the way" refused 'does not exist, or is none\|symbolic link' home:up-link/secret out/stolen
check "nor an absolute one" refused 'does not exist, or is none\|symbolic link' home:etc/passwd out/stolen
check "nor when writing" refused 'symbolic link\|another kind' out/twenty home:link
check "a FIFO is not opened" refused 'neither a file nor a directory' home:fifo out/stolen
check "nothing was stolen, nothing harmed" test ! -e out/stolen -a "$(cat secret)" = secret
check "what is neither file nor directory in a tree is told, and the status says so" refused 'skipped' home: out/all
check "while the rest is there" cmp share/twenty out/all/twenty
check "what does not exist is said to" refused 'does not exist' home:none out
check "a destination that does not exist is said to" refused 'no such directory' home:twenty out/none/
mkdir -p out/trap/tree
ln -s "$WORK" 'out/trap/tree/a b'
check "nothing is written through a symbolic link at the destination" refused 'could not be copied' home:tree out/trap
check "indeed nothing" test ! -e 1

if command -v script >script.out; then
    SHELL=/bin/bash timeout 60 script -qec "stty columns 80; '$B/hx' cp --bwlimit 20M home:big out/bar" typescript >script.out
    check "on a terminal a bar shows the progress" grep -aq '[0-9]% .*MB/s' typescript
else
    skip "on a terminal a bar shows the progress" "there is no script(1)"
fi
kill -0 "$BIND" || not_ok "the peer's program has lived through all that" "$WORK/bind-home.err"
finish
