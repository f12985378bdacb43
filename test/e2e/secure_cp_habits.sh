#!/usr/bin/env bash
# test/e2e/secure_cp_habits.sh: hx cp against cp(1): where things go, several sources, and what is said of it.
# shellcheck source=test/lib.sh disable=SC2016 # what eval runs
. "$(dirname "$0")/../lib.sh"

start_nameserver_with_home
mkdir share here ref
start_bound home home --share "$WORK/share:rw" || exit 1

cp_() { timeout 120 "$B/hx" cp "$@" >cp.out 2>cp.err; }
refused() { # refused STATUS MESSAGE SRC... DST
    local status=$1 message=$2
    shift 2
    cp_ "$@"
    [ $? = "$status" ] && grep -q -- "$message" cp.err
}

# --- trailing slashes and dots
fresh() { # fresh DIR: as a destination stands before; itself it stays what it is
    mkdir -p "$1"
    find "$1" -mindepth 1 -delete
    mkdir -p "$1/dir/sub" "$1/full/src" "$1/isdir/f" "$1/wrong"
    echo old >"$1/file"
    echo old >"$1/full/src/old"
    echo kept >"$1/isdir/f/kept"
    echo x >"$1/wrong/src"
}
mkdir -p src/d
echo new >f
echo new >src/one
echo two >src/d/two
: >src/.dot
seen() { (cd "$1" && find . -type f -printf '%P ' -exec cat {} \; -o -type d -printf '%P/\n' | sort); }
as_cp() { # as_cp SRC DST: both ways; prints what differs
    local rc how
    fresh ref
    (cd ref && cp -r "../$1" "${2:-.}" 2>../cp.ref)
    rc=$?
    seen ref >want
    fresh share
    cp_ "$1" "home:$2"
    how=$?
    seen share >got
    [ $((rc == 0)) = $((how == 0)) ] && cmp -s want got || echo "up '$1' '$2': cp $rc, hx $how: $(head -n1 cp.err)"
    rm -rf share/* here
    cp -r src f share/
    fresh here
    (cd here && timeout 60 "$B/hx" cp "home:$1" "${2:-.}" >../cp.out 2>../cp.err)
    how=$?
    seen here >got
    [ $((rc == 0)) = $((how == 0)) ] && cmp -s want got || echo "down '$1' '$2': cp $rc, hx $how: $(head -n1 cp.err)"
}
for s in f src src/ src/. f/; do
    for d in absent absent/ file file/ dir dir/ dir/. dir/absent dir/absent/ absent/deep full isdir wrong dir//sub '' .; do
        as_cp "$s" "$d"
    done
done >differs
check "trailing slashes and dots mean what they mean to cp -r, both ways" test ! -s differs
[ ! -s differs ] || sed 's/^/# /' differs

# --- several sources
find share here -mindepth 1 -delete
mkdir -p share/d with tree/sub
for i in 1 2 3; do echo "$i" >"a$i"; done
echo b >with/b
echo t >tree/sub/t
check "several files and directories go up at once" cp_ a1 a2 with/b tree home:d
check "and are there" eval 'cmp a1 share/d/a1 && cmp a2 share/d/a2 && cmp with/b share/d/b && diff -r tree share/d/tree'
check "one line says how many" grep -q '^4 files, .* whole and verified' cp.err
check "and come back" cp_ home:d/a1 home:d/b home:d/tree here
check "and are here" eval 'cmp a1 here/a1 && cmp with/b here/b && diff -r tree here/tree'
check "one that is missing costs only itself" refused 1 'none.*No such file' a1 none a3 home:d
check "the others are there" cmp a3 share/d/a3
check "an earlier one of the same name is not overwritten" refused 1 'same name' a1 with/b share/d/b home:d
check "several want a directory there" refused 1 'no such directory' a1 a2 home:missing
check "and here, which is told before anybody is connected to" refused 1 'No such file' home:d/a1 home:d/b missing
check "peers may not be mixed" refused 2 'different peers' home:a other:b here

# --- sources that are not what they say, or do not stay
start_bound proc proc --share /proc || exit 1
check "a file of /proc comes whole, though its size is said to be 0" cp_ proc:version here/version
check "so it does" cmp /proc/version here/version
check "and goes whole" cp_ /proc/version home:version
check "so it does" cmp /proc/version share/version
head -c 60000000 /dev/urandom >share/log
cp share/log log.was
start growing "$B/hx" cp home:log here/log
await_part here 1000000
echo more >>share/log
await_exit "$PID"
check "a file that grows meanwhile arrives" test $? = 0
check "as it was at the start" cmp log.was here/log
cp log.was share/log
start cut "$B/hx" cp home:log here/cut
await_part here 5000000
truncate -s 2000000 share/log
await_exit "$PID"
check "one that is cut short meanwhile is copied anew" test $? = 0
check "as it is then" cmp share/log here/cut
check "and that is said" grep -q 'cut: has changed while it was copied: it is copied anew' cut.err
check "no part is left" test -z "$(find here -name '*hx-part*')"

# --- holes
truncate -s 10G share/sparse
printf 'data' | dd of=share/sparse bs=1 seek=5000000000 conv=notrunc status=none
if [ "$(stat -c %b share/sparse)" -lt 10000 ]; then
    check "10 GB of holes come" cp_ home:sparse here/sparse
    check "as holes" test "$(stat -c '%s %b' here/sparse)" = "$(stat -c '%s %b' share/sparse)"
    check "only data has moved" grep -q '; [0-9.]* k\?B of it moved' cp.err
    check "and go" cp_ here/sparse home:sparse2
    check "as holes" test "$(stat -c '%s %b' here/sparse)" = "$(stat -c '%s %b' share/sparse2)"
    check "with what is between them" [ "$(tail -c +5000000001 share/sparse2 | head -c 4)" = data ]
    rm -f share/sparse* here/sparse
    if mkdir holes && truncate -s 1T holes/huge && printf data >>holes/huge; then
        check "a directory with 1 TB of holes goes" cp_ holes/. home:holes
        check "and the second time, with all of it there, takes no time for them" cp_ holes/. home:holes
        check "and moves nothing" grep -q ' 0 B of it moved' cp.err
        check "nor does it when it comes" eval 'cp_ home:holes/. holes && grep -q " 0 B of it moved" cp.err'
    else
        skip "a directory with 1 TB of holes goes" "no such file is possible here"
    fi
    rm -rf holes share/holes
else
    skip "10 GB of holes come" "this file system has no holes"
fi

# --- symbolic links
mkdir -p linked/sub
echo one >linked/f
ln -s f linked/near
ln -s ../f linked/sub/up
ln -s /etc/passwd linked/absolute
ln -s ../../../../etc/passwd linked/sub/out
check "symbolic links are left out, which is no failure" cp_ linked home:left
check "one line says how many, and names some" grep -q '^4 symbolic links left out (.*near' cp.err
check "nothing of them is there" test -z "$(find share/left -type l)" -a ! -e share/left/near
check "-P copies them as links" cp_ -P linked home:kept
check "but those that lead out, which is said" grep -q '2 symbolic links left out, leading out of what is copied' cp.err
check "with their text" test "$(readlink share/kept/near),$(readlink share/kept/sub/up),$(find share/kept -type l | wc -l)" = f,../f,2
cp -a linked share/theirs
check "-a takes them, too" cp_ -a home:theirs here/theirs
check "and leaves out the same" test "$(readlink here/theirs/near),$(find here/theirs -type l | wc -l)" = f,2
cp_ -L home:theirs here/followed
check "-L copies what a peer's links lead to, within its share only" eval \
    'cmp linked/f here/followed/near && cmp linked/f here/followed/sub/up && [ "$(find here/followed -type f | wc -l)" = 3 ]'
check "what leads out is named" grep -q 'absolute.*leads out of the shared directory' cp.err
check "no password came" eval '! grep -rq root: here/followed'

# --- what is left out, or left as it is
mkdir -p some/keep some/drop
echo new >some/a.txt
echo new >some/b.o
echo new >some/keep/c.o
echo new >some/drop/d
check "--exclude leaves out what matches" cp_ --exclude '*.o' --exclude drop some home:some
check "and what is in it" test "$(cd share/some && find . -type f | sort)" = ./a.txt
echo there >share/some/a.txt
check "-n leaves what is there" cp_ -n some home:
check "and copies the rest" eval 'grep -q there share/some/a.txt && cmp some/drop/d share/some/drop/d && cmp some/b.o share/some/b.o'
check "which is said" grep -q '^1 file left as it is there' cp.err
check "-n is no nameserver, nor takes a value, both ways" cp_ -n home:some/a.txt some/a.txt
check "so it is left here, too" grep -q new some/a.txt
touch -d '1 hour ago' share/some/a.txt
touch -d '2 hours ago' some/b.o
echo older >some/b.o && touch -d '2 hours ago' some/b.o
check "-u leaves what is not older" cp_ -u some home:
check "and replaces what is" eval 'grep -q new share/some/a.txt && grep -q new share/some/b.o'
find share here -mindepth 1 -delete
check "--dry-run only says what would be copied" cp_ --dry-run --exclude '*.o' some home:some
check "a name each line" eval '[ "$(sort cp.out | tr "\n" ,)" = "some/,some/a.txt,some/drop/,some/drop/d,some/keep/," ]'
check "and does nothing" test -z "$(ls -A share)"

# --- what is said
long=$(printf 'x%.0s' $(seq 256))
check "a name that is too long is named, with the cause" refused 1 'xxx.*too long' a1 "home:$long"
odd=$'\033[2Jodd\u202e'
check "a terminal is told nothing by an argument" refused 1 'such file' "$odd" home:
check "indeed nothing" eval '! LC_ALL=C grep -q "[^ -~]" cp.err'
check "nor by the name of a peer's file" refused 1 'does not exist' "home:$odd" here
check "nor by that" eval '! LC_ALL=C grep -q "[^ -~]" cp.err'
finish
