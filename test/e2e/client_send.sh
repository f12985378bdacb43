#!/usr/bin/env bash
# hx send and hx recv: one line to a friend, with real programs over real UDT.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
unset HX_KEY

send() { # send NAME ARGUMENT...: in the background; sets SENDER, and CODE once it is shown
    local name=$1
    shift
    start "$name" "$HX" send "$@"
    SENDER=$PID
    CODE=$(await_line "$WORK/$name.out" '^hx recv ') && CODE=${CODE#hx recv }
}
recv() { timeout 60 "$HX" recv "$@" >"$WORK/recv.out" 2>"$WORK/recv.err" </dev/null; } # recv ARGUMENT...
at_terminal() { # at_terminal ANSWER COMMAND...: typed on a terminal; what it shows is in recv.err
    local answer=$1 command
    shift
    command=$(printf '%q ' "$@")
    printf '%s\n' "$answer" | timeout 60 script -qefc "$command" /dev/null >"$WORK/recv.err" 2>&1
}
sender_ends() { # sender_ends STATUS NAME REGEX: and says so
    await_exit "$SENDER"
    [ $? = "$1" ] && grep -Eq -- "$3" "$WORK/$2.err"
}
says() { grep -Eq -- "$1" "$WORK/${2:-recv}.err" || { cat -v "$WORK/${2:-recv}.err" && return 1; }; }
tree_is_here() { diff -r "$WORK/a" "$1"; }

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS
mkdir -p "$WORK"/a/pics/sub "$WORK"/b
head -c 3000000 /dev/urandom >"$WORK/a/photo.jpg"
for i in 1 2 3; do echo "$i" >"$WORK/a/pics/sub/$i"; done
echo >"$WORK/a/pics/$(printf 'odd\n\033[31mname')"
echo secret >"$WORK/b/secret"

# --- the story ---
send send "$WORK/a/photo.jpg" "$WORK/a/pics"
check "the only line of standard output is the one to pass on" \
    [ "$(grep -cxE 'hx recv ([0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}' "$WORK/send.out"):$(wc -l <"$WORK/send.out")" = 1:1 ]
ONCE=$CODE
check "what is not asked for on a terminal needs a yes" ended 5000 2 'no terminal.*give -y' "$HX" recv "$CODE" "$WORK/out"
check "a mistyped code is told at once, by its group" ended 2000 2 '3rd group' "$HX" recv "${CODE:0:10}u${CODE:11}" -y
mkdir "$WORK/out"
check "who says no gets nothing" [ "$(at_terminal n "$HX" recv "$CODE" "$WORK/out"; echo $?)" = 1 ]
check "nothing is there" [ -z "$(ls -A "$WORK/out")" ]
check "what is about to come was shown" says 'photo\.jpg  3\.0 MB'
# Where the machine was slow a bar may have been drawn in that line.
check "and from where" says '(^|K)[^ ]+:[0-9]+ \((lan|direct|ipv6)\) offers 5 files, 3\.0 MB'
check "who says yes gets all of it" at_terminal y "$HX" recv "$CODE" "$WORK/out"
check "and it is whole" tree_is_here "$WORK/out"
check "the receiver is told that the sender knows" says 'the sender has been told that all of it is here'
check "the sender ends, and says why" sender_ends 0 send '^received once: all has arrived'
check "the code is used up, which is said" ended 30000 1 'nobody sends under that code' "$HX" recv "$ONCE" "$WORK/out" -y

# --- what is here already ---
send again -v "$WORK/a/photo.jpg" "$WORK/a/pics"
echo mine >"$WORK/out/pics/sub/2"
check "a file of another content is not replaced without asking" [ "$(recv "$CODE" "$WORK/out" -y; echo $?)" = 1 ]
check "which one is said" says '^  pics/sub/2$'
check "and how it would be" says 'nothing was received: --overwrite'
check "it is as it was" [ "$(cat "$WORK/out/pics/sub/2")" = mine ]
check "an empty answer does not replace it either" [ "$(at_terminal '' "$HX" recv "$CODE" "$WORK/out"; echo $?)" = 1 ]
check "it is as it was still" [ "$(cat "$WORK/out/pics/sub/2")" = mine ]
check "with --overwrite it is replaced" recv "$CODE" "$WORK/out" -y --overwrite
check "by what was sent" tree_is_here "$WORK/out"
check "what was there already was not moved again" says 'whole and verified; [0-9]+ B of it moved'
check "the sender ends" sender_ends 0 again 'has all of it, 1 of 1'

# --- what only looks as if it were an earlier copy ---
mkdir "$WORK/alike"
for big in 5 2000000; do # in the batch, and by a request of its own
    head -c "$big" /dev/urandom >"$WORK/a/alike"
    send alike -v "$WORK/a/alike"
    head -c "$big" /dev/urandom >"$WORK/alike/alike"
    touch -r "$WORK/a/alike" "$WORK/alike/alike"
    cp "$WORK/alike/alike" "$WORK/alike.before"
    check "of $big bytes, one of the same size and time is not replaced unseen" [ "$(recv "$CODE" "$WORK/alike" -y; echo $?)" = 1 ]
    check "which is said" says 'alike: is here with other content, and is not replaced \(--overwrite\)'
    check "it is as it was before" same "$WORK/alike/alike" "$WORK/alike.before"
    check "with --overwrite it is replaced, too" recv "$CODE" "$WORK/alike" -y --overwrite
    check "by what was sent then" same "$WORK/alike/alike" "$WORK/a/alike"
    check "that sender ends" sender_ends 0 alike 'has all of it, 1 of 1'
done
rm "$WORK/a/alike"
send new "$WORK/a/photo.jpg" "$WORK/a/pics"
check "a directory that is not there is made" recv "$CODE" "$WORK/new" -y
check "and has all of it" tree_is_here "$WORK/new"
check "its sender ends, too" sender_ends 0 new received

# --- more than one, and none ---
send many --count 2 "$WORK/a/photo.jpg"
check "one of two receives" recv "$CODE" "$WORK/b" -y
check "the other one, too" recv "$CODE" "$WORK/new" -y
check "then the sender ends" sender_ends 0 many '^received as often as --count says'
send late --expire 1s "$WORK/a/photo.jpg"
check "a code expires" sender_ends 1 late '^hx: the code has expired \(--expire\) before anybody'
send waiting --count 2 "$WORK/a/photo.jpg"
OTHER=$CODE
printf '%s\n' 'expect Receive\?' 'type \x03' 'status 130' >"$WORK/steps"
check "who interrupts the question ends" \
    python3 "$TOP/test/terminal.py" 80x24 "$WORK/steps" "$HX" recv "$OTHER" "$WORK/b3"
check "which is told once" [ "$(grep -c 'hx: interrupted' "$WORK/check.out")" = 1 ]
mkfifo "$WORK/typing"
exec 9<>"$WORK/typing" # who is asked does not answer
# shellcheck disable=SC2016
start asked bash -c 'exec script -qefc "$1" /dev/null <"$2"' - "$(printf '%q ' "$HX" recv "$OTHER" "$WORK/b2")" "$WORK/typing"
ASKED=$PID
check "one is asked" await_true 60 grep -q 'Receive?' "$WORK/asked.out" # in a line without an end
for _ in 1 2; do recv "$OTHER" "$WORK/c$_" -y; done
await_exit "$ASKED"
exec 9<&-
check "and is told when the others have used the code up" \
    grep -q 'the sender has ended: it has been received as often as it was offered' "$WORK/asked.out"
check "two of one name are refused" ended 5000 1 'another path has the same last name' \
    "$HX" send "$WORK/a/photo.jpg" "$WORK/b/photo.jpg"
check "so is what does not exist" ended 5000 1 'No such file' "$HX" send "$WORK/a/none"
check "a code that nobody sends under is told" ended 30000 1 'nobody sends under that code' \
    "$HX" recv 0123-4567-89ab-cdef-ghjk-vqs3 -y

# --- interrupted, and gone on with ---
head -c 40000000 /dev/urandom >"$WORK/a/big"
send resumed "$WORK/a/big"
mkdir "$WORK/part"
start cut "$HX" recv "$CODE" "$WORK/part" -y
CUT=$PID
await_part "$WORK/part" 1000000
kill -9 "$CUT"
wait "$CUT" 2>/dev/null
check "what was received is kept" [ "$(find "$WORK/part" -name '*hx-part*' | wc -l)" = 1 ]
check "the same line goes on where it was" recv "$CODE" "$WORK/part" -y
check "it is whole" same "$WORK/a/big" "$WORK/part/big"
check "not all of it was moved again" says 'whole and verified; [0-9.]+ MB of it moved'
check "a receiver that was killed was not counted" sender_ends 0 resumed '^received once'

# --- a stream ---
: >"$WORK/tar.err"
(cd "$WORK" && tar c a | "$HX" send - >tar.out 2>tar.err; echo "status $?" >>tar.err) &
CODE=$(await_line "$WORK/tar.out" '^hx recv ') && CODE=${CODE#hx recv }
check "a stream does not go into a directory" [ "$(recv "$CODE" "$WORK/untar" -y; echo $?)" = 1 ]
check "which is said" says 'hx recv CODE - writes it to standard output'
mkdir "$WORK/untar"
check "a stream comes out of standard output" \
    bash -o pipefail -c "timeout 60 '$HX' recv '$CODE' - -y 2>'$WORK/recv.err' </dev/null | tar x -C '$WORK/untar'"
check "whole" diff -r "$WORK/a" "$WORK/untar/a"
check "the receiver is told that the sender knows" says 'the sender has been told'
check "and the sender says so, too" [ -n "$(await_line "$WORK/tar.err" '^status 0')" ]
check "in words" says '^received once: all has arrived' tar
: >"$WORK/yes.err"
(yes | "$HX" send - >"$WORK/yes.out" 2>"$WORK/yes.err"; echo "status $?" >>"$WORK/yes.err") &
CODE=$(await_line "$WORK/yes.out" '^hx recv ') && CODE=${CODE#hx recv }
timeout 60 "$HX" recv "$CODE" - -y 2>"$WORK/recv.err" </dev/null | head -c 1000000 >/dev/null
check "a receiver whose reader leaves has failed, at both ends" [ "${PIPESTATUS[0]}" != 0 ] # of head's pipe
check "which the sender says" [ -n "$(await_line "$WORK/yes.err" '^status 1')" ]
check "in words" says 'the receiver went away before it had all of standard input' yes

# --- what has begun goes on ---
mkfifo "$WORK/input"
exec 8<>"$WORK/input"
# slow_sender SECONDS: true if a receiver has begun before they were over.
slow_sender() {
    # shellcheck disable=SC2016
    start slow bash -c 'exec "$1" send - -v --expire "$3s" <"$2"' - "$HX" "$WORK/input" "$1" 8<&-
    SENDER=$PID
    CODE=$(await_line "$WORK/slow.out" '^hx recv ') && CODE=${CODE#hx recv }
    start first "$HX" recv "$CODE" - -y 8<&-
    FIRST=$PID
    await_line "$WORK/slow.err" 'receives the stream|^hx: the code has expired' "$1" | grep -q receives
}
check "a receiver begins in time" eval 'slow_sender 2 || slow_sender 10 || slow_sender 60'
check "a second one is told that the stream is another's, or that the code has expired" \
    ended 20000 1 'standard input can be read once only|the code has expired|nobody sends under' "$HX" recv "$CODE" - -y
check "the first one may finish after --expire" \
    [ -n "$(await_line "$WORK/slow.err" '^the code has expired; who has begun' 70)" ]
echo hello >&8
exec 8<&-
check "the sender ends well then" sender_ends 0 slow '^received once'
check "the receiver, too" await_exit "$FIRST"
check "which has all of it" [ "$(cat "$WORK/first.out")" = hello ]

# --- a path that breaks ---
send broken -v --keepalive 1 "$WORK/a/big"
start through "$HX" recv -v --keepalive 1 "$CODE" "$WORK/through" -y
THROUGH=$PID
await_part "$WORK/through" 1000000
kill -STOP "$THROUGH" # so long that the sender takes it for gone
check "a receiver that is silent is lost" [ -n "$(await_line "$WORK/broken.err" 'key=code: lost after')" ]
kill -CONT "$THROUGH"
check "it comes again, and goes on" await_exit "$THROUGH"
check "and has all of it" same "$WORK/a/big" "$WORK/through/big"
check "it has connected twice" [ "$(grep -c '^connected to ' "$WORK/through.err")" -ge 2 ]
check "that is one receipt" sender_ends 0 broken '1 of 1'

# --- drawn ---
start drawn env LC_ALL=C.UTF-8 "$HX" send --qr "$WORK/a/photo.jpg"
check "--qr draws beside the line" [ -n "$(await_line "$WORK/drawn.err" '█ ▄▄▄▄▄ █')" ]
check "and standard output is the line alone" [ "$(wc -l <"$WORK/drawn.out")" = 1 ]
kill -INT "$PID"
await_exit "$PID"
check "interrupted, the sender says that the code leads nowhere" says 'interrupted before anybody had received it' drawn
check "hx key --qr draws the key" bash -c "HOME='$WORK/home' LC_ALL=C.UTF-8 '$HX' key --qr 2>&1 >/dev/null | grep -q '█ ▄▄▄▄▄ █'"
# --- what does not come ---
mkdir "$WORK/linked"
echo one >"$WORK/linked/f"
ln -s f "$WORK/linked/near"
truncate -s 100M "$WORK/linked/holes"
send linked "$WORK/linked"
check "a directory with a link and holes comes" recv "$CODE" -y "$WORK/got"
check "a symbolic link does not, and is named" says '^1 symbolic link left out: linked/near'
check "nothing is there of it" [ "$(cd "$WORK/got/linked" && echo *)" = "f holes" ]
check "holes are holes" [ "$(stat -c '%s %b' "$WORK/got/linked/holes")" = "$(stat -c '%s %b' "$WORK/linked/holes")" ]

finish
