#!/usr/bin/env bash
# ~/.config/hx/config: what is in the section of a NAME need not be typed.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
unset HX_KEY HX_NAMESERVER XDG_CONFIG_HOME
export HOME=$WORK/home
mkdir -p "$HOME/public"
echo photo >"$HOME/public/photo.jpg"
"$HX" key >/dev/null
CONFIG=$HOME/.config/hx/config
cat >"$CONFIG" <<END
[*]
    nameserver = $NS
[home]
    share = ~/public
    name = friend
END

check "the file is sound" "$HX" config check
start home "$HX" bind home -v
await_line "$WORK/home.err" '^bound ' >/dev/null
check "hx ping finds the nameserver" timeout 60 "$HX" ping home -c 1 -q
check "the peer hears the name of the file" grep -q '^peer friend at ' "$WORK/home.err"
cd "$WORK" || exit 1
check "hx cp gets what the file shares" timeout 60 "$HX" cp -q home:photo.jpg .
check "and it is that" same photo.jpg "$HOME/public/photo.jpg"
kill "$PID"

start echo "$HX" bind home -v --echo
await_line "$WORK/echo.err" '^bound ' >/dev/null
check "the command line adds to it" \
    [ "$(echo hello | timeout 60 "$HX" connect home -q)" = hello ]
kill "$PID"

sed -i 's/share = .*/share = x\n    alow = a:1/' "$CONFIG"
"$HX" config check >"$WORK/out" 2>"$WORK/err"
check "a fault is status 1" [ "$?" = 1 ]
check "and named with its line" grep -q "^hx: $CONFIG:5: no such option: alow\$" "$WORK/err"
"$HX" bind home 2>"$WORK/err"
check "no command runs by a file with a fault" [ "$?" = 2 ]
check "and says which" grep -q "^hx: $CONFIG:5: no such option: alow;" "$WORK/err"
chmod 0620 "$CONFIG"
"$HX" ping home -c 1 2>"$WORK/err"
check "a file that others may write to is refused" [ "$?" = 2 ]
check "and why is told" grep -q "others may write to it" "$WORK/err"
"$HX" config check "$WORK/none" 2>"$WORK/err"
check "a file that is not there is a fault, when it was named" [ "$?" = 1 ]
finish
