#!/usr/bin/env bash
# test/e2e/secure_cp_between.sh: hx cp from one peer to another one, through this host, and within one peer.
# shellcheck source=test/lib.sh disable=SC2016 # what eval runs
. "$(dirname "$0")/../lib.sh"

start_nameserver || exit 1
export HOME=$WORK/home LC_ALL=C
unset HX_KEY HX_NAMESERVER XDG_CONFIG_HOME
mkdir -p "$HOME/.config/hx" "$WORK/one" "$WORK/two" "$WORK/here"
cd "$WORK" || exit 1
# Each has a key of its own; what is of which stands in its section.
for name in one two; do
    "$B/hx" key --file $name.key >key.out 2>&1 || exit 1
    printf '[%s]\nnameserver = %s\nkey-file = %s\n' $name "$NS" "$WORK/$name.key" >>"$HOME/.config/hx/config"
    start_bound $name $name --nameserver "$NS" --key-file $name.key --share "$WORK/$name:rw" || exit 1
    TWO=$PID # in the end
done
cp_() { (cd here && timeout 300 "$B/hx" cp "$@" >../cp.out 2>../cp.err); }
refused() { # refused STATUS MESSAGE SRC... DST
    local status=$1 message=$2
    shift 2
    cp_ "$@"
    [ $? = "$status" ] && grep -q -- "$message" cp.err
}

head -c 20000000 /dev/urandom >one/big
check "a file goes from one peer to another" cp_ one:big two:
check "whole" cmp one/big two/big
check "which the last line says" grep -q '^1 file, 20.* MB whole and verified' cp.err
check "a second time" cp_ one:big two:big
check "nothing of it moves" grep -q '; 0 B of it moved' cp.err
mkdir -p one/tree/sub one/tree/none
for i in $(seq 40); do echo "$i" >"one/tree/sub/$i"; done
echo dot >one/tree/.dot
chmod 700 one/tree/none
touch -d '2001-02-03 04:05:06' one/tree/sub/1 one/tree
printf 'odd' >"$(printf 'one/tree/sub/\351 \n%%41')"
check "a tree goes" cp_ -r one:tree two:
check "with all that is in it" diff -r one/tree two/tree
check "permissions and times" test "$(stat -c '%a %Y' one/tree/none one/tree/sub/1 one/tree)" = "$(stat -c '%a %Y' two/tree/none two/tree/sub/1 two/tree)"
check "several go into a directory" cp_ one:big one:tree two:tree/none
check "and are there" eval 'cmp one/big two/tree/none/big && diff -r one/tree two/tree/none/tree'
check "several want a directory" refused 1 'two:missing: there is no such directory' one:big one:tree two:missing
check "one that is missing is named with its peer" refused 1 'one:none: does not exist' one:none two:
check "another source's peer takes another command" refused 2 'different peers' one:a two:b two:
check "what is copied may be left out" cp_ --exclude sub --exclude '.*' one:tree two:less
check "so it is" test "$(ls -A two/less)" = none
check "what is there is left with -n" cp_ -n one:big two:tree/sub/1
check "as it is" cmp one/tree/sub/1 two/tree/sub/1
check "--dry-run only says what would be" cp_ --dry-run one:tree/none two:dry
check "and does nothing" eval 'grep -q "^none/" cp.out && [ ! -e two/dry ]'
ln -s sub/2 one/tree/link
check "links stay links with -P" cp_ -P one:tree two:links
check "and say the same" test "$(readlink two/links/link)" = sub/2
mkdir two/matched
check "patterns are the source's" cp_ 'one:tree/sub/1[0-9]' two:matched
check "what matches is there" test "$(find two/matched -type f | wc -l)" = 10
check "--json tells of each" eval 'cp_ --json one:tree/sub two:told && [ "$(grep -c "\"event\":\"done\"" cp.out)" = 41 ]'
check "within one peer" cp_ two:big two:tree/again
check "too" cmp one/big two/tree/again
check "not onto itself" refused 1 'is the same file' two:big two:big
check "nor a directory into itself" refused 1 'not copied into itself' two:tree two:tree/sub
check "nothing was written here" test -z "$(ls -A here)"

# --- one key for both, from the environment
HX_KEY=$(cut -d' ' -f1 two.key | grep -v '^#' | head -n1)
HX_KEY=$HX_KEY start_bound three three --nameserver "$NS" --share "$WORK/one:rw" || exit 1
HX_KEY=$HX_KEY start_bound four four --nameserver "$NS" --share "$WORK/two:rw" || exit 1
check "HX_KEY is for both" env HX_KEY="$HX_KEY" HX_NAMESERVER="$NS" timeout 300 "$B/hx" cp three:big four:fourth
check "so it has come" cmp one/big two/fourth

# --- one of the two goes away and comes back, and the command is killed
head -c 200000000 /dev/urandom >one/huge
start killed "$B/hx" cp one:huge two:
await_part two 8000000
kill -KILL "$PID"
check "after kill -9 the same command goes on where it was" cp_ one:huge two:
check "which moves the rest" grep -q '; .* of it moved' cp.err
check "to the end" cmp one/huge two/huge
rm -f two/huge
start broken "$B/hx" cp one:huge two:
BROKEN=$PID
await_part two 8000000
kill -KILL "$TWO"
start two "$B/hx" bind two --verbose --nameserver "$NS" --key-file two.key --share "$WORK/two:rw"
await_exit "$BROKEN" 300
check "a peer that begins anew gets the rest" test $? = 0
check "whole" cmp one/huge two/huge
finish
