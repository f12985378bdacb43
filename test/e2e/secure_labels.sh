#!/usr/bin/env bash
# hx bind --key-label: what each key may do.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
start_nameserver_with_home
mkdir "$HOME/public"
echo photo >"$HOME/public/photo.jpg"
for label in laptop guest; do label_key $label "$WORK/$label"; done
as() { # as KEYFILE COMMAND...
    timeout 60 "$HX" "${@:2}" -q --key-file "$1" 2>"$WORK/err"
}
says() { # says KEYFILE TEXT: what the echo of `home` gives back
    echo "$2" | as "$1" connect home
}

start_bound home home --share "$HOME/public" --echo --key-label laptop:share=rw --key-label guest:
OWN=$HOME/.config/hx/key
check "a key without an entry may do what is for all: read" as "$OWN" cp home:photo.jpg own
check "and have its echo" [ "$(says "$OWN" hello)" = hello ]
as "$OWN" cp own home:own
check "but not write" [ "$?" = 1 ]
check "the laptop may write" as "$WORK/laptop" cp own home:laptop
check "and it is written" same own "$HOME/public/laptop"
check "but has no echo, which its entry does not name" [ "$(says "$WORK/laptop" hello)" = "" ]
as "$WORK/guest" cp home:photo.jpg stolen
check "the guest may not even read" [ "$?" = 1 ]
check "and got nothing" [ ! -e stolen ]
check "nor has an echo" [ "$(says "$WORK/guest" hello)" = "" ]
check "but is let in" as "$WORK/guest" ping home -c 1
kill "$PID"

"$HX" bind home --key-label labtop:echo 2>"$WORK/err"
check "a label that no key has is wrong usage" [ "$?" = 2 ]
check "and named" grep -q "no key has the label 'labtop'" "$WORK/err"
"$HX" bind home --key-label laptop:share=ro 2>"$WORK/err"
check "share=ro without a directory is wrong usage" [ "$?" = 2 ]
check "and says what to give" grep -q 'give that, too' "$WORK/err"
finish
