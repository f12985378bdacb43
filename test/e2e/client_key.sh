#!/usr/bin/env bash
# hx key: a key is made once, kept where its owner alone can read it, and taken over on the other host.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

unset XDG_CONFIG_HOME HX_KEY
export HOME=$WORK/home
umask 000
mkdir "$HOME"
FILE=$HOME/.config/hx/key
hx() { "$B/hx" "$@"; }
refused() { # refused STATUS REGEX COMMAND...: fails so, saying so, and prints nothing on standard output
    local rc
    "${@:3}" >"$WORK/refused.out" 2>"$WORK/refused.err"
    rc=$?
    cat "$WORK/refused.out" "$WORK/refused.err"
    echo "status $rc"
    [ "$rc" = "$1" ] && [ ! -s "$WORK/refused.out" ] && grep -Eq -- "$2" "$WORK/refused.err"
}

KEY=$(hx key -v 2>"$WORK/made.err")
check "a key is easy to copy: groups of four letters and digits" grep -Eqx 'hx(-[a-z2-7]{4}){9}' <<<"$KEY"
check "the way to the other host is told" grep -q 'hx key --set' "$WORK/made.err"
check "the key is not repeated there" [ "$(grep -c -- "$KEY" "$WORK/made.err")" = 0 ]
check "its file is for the owner alone" [ "$(stat -c %a "$FILE")" = 600 ]
check "and so are the directories" [ "$(stat -c %a "$HOME/.config/hx" "$HOME/.config")" = $'700\n700' ]
check "asked again it is the same key" [ "$(hx key)" = "$KEY" ]
check "another host's key is another one" [ "$(HOME=$WORK/other hx key)" != "$KEY" ]

export HOME=$WORK/second
FILE=$HOME/.config/hx/key
check "the other host takes the key from standard input" hx key --set <<<"$KEY"
check "and then has it" [ "$(hx key)" = "$KEY" ]
check "its file is for the owner alone, too" [ "$(stat -c %a "$FILE")" = 600 ]
check "setting it again is fine" hx key --set <<<"  $KEY"
check "so is another spelling of it" hx key --set <<<"$(tr -d - <<<"$KEY" | tr '[:lower:]' '[:upper:]' | sed 's/^HX/hx-/')"
OTHER=$(hx key --file "$WORK/third")
check "another key does not replace it" refused 1 'another key.*--label' hx key --set <<<"$OTHER"
check "and it is still there" [ "$(cat "$FILE")" = "$KEY" ]
check "a mistyped key is refused" refused 1 'mistyped' hx key --set --file "$WORK/fourth" <<<"${KEY%?}9"
check "nothing is refused" refused 1 'mistyped' hx key --set --file "$WORK/fourth" </dev/null
check "two keys at once are refused" refused 1 'one key' hx key --set --file "$WORK/fourth" <<<"$KEY $OTHER"
check "without end is refused" refused 1 'too much' hx key --set --file "$WORK/fourth" </dev/zero
check "and none of these made a file" [ ! -e "$WORK/fourth" ]
check "a key in the argument list is refused" refused 2 'too many arguments' hx key --set "$OTHER"

BOB=$(hx key --label bob)
check "a further key gets a label" [ "$(cat "$FILE")" = "$KEY"$'\n'"$BOB bob" ]
check "the first one stays the one that is shown" [ "$(hx key)" = "$KEY" ]
check "a key of elsewhere can be added, too" hx key --set --label carol <<<"$OTHER"
check "with its label" grep -qx "$OTHER carol" "$FILE"
chmod 640 "$FILE"
check "a file that others may read is refused" refused 1 'chmod 600' hx key
check "and not added to" refused 1 'chmod 600' hx key --label dave
chmod 600 "$FILE"
echo nonsense >>"$FILE"
check "a line that is no key is named" refused 1 'line 4' hx key
check "a key that cannot be shown is a failure" refused 1 'standard output' \
    bash -c "'$B/hx' key --file '$WORK/third' >/dev/full"
check "without a home the way out is told" refused 1 'HOME.*--file' env -u HOME "$B/hx" key

# A terminal: what is typed does not appear on it.
timeout 60 python3 - "$B/hx" "$WORK/typed" "$KEY" >"$WORK/screen" 2>&1 <<'PYTHON'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], ["hx", "key", "--set", "--file", sys.argv[2]])
shown = b""
while b"Key" not in shown:
    shown += os.read(fd, 1000)
os.write(fd, sys.argv[3].encode() + b"\n")
try:
    while data := os.read(fd, 1000):
        shown += data
except OSError:
    pass
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
check "a key can be typed at a terminal" [ "$?$(cat "$WORK/typed")" = "0$KEY" ]
check "and does not appear there" [ "$(grep -c -- "${KEY:3:9}" "$WORK/screen")" = 0 ]
finish
