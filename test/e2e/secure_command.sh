#!/usr/bin/env bash
# hx bind --exec: a command for each peer, with pipes or at a terminal.
# shellcheck source=test/lib.sh disable=SC2016,SC2094,SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS HOME=$WORK/home TERM=xterm
unset HX_KEY
mkdir "$HOME"
"$HX" key >/dev/null
label_key laptop "$WORK/laptop"
head -c 10000000 /dev/urandom >"$WORK/big"

offer() { # offer NAME OPTION...: sets PID
    local name=$1
    shift
    start "$name" "$HX" bind "$name" -v --keepalive 1 "$@"
    await_line "$WORK/$name.err" '^bound ' >/dev/null
}
use() { # use NAME OPTION...: standard input is this function's
    local name=$1
    shift
    timeout 60 "$HX" connect "$name" -q "$@" >"$WORK/use.out" 2>"$WORK/use.err"
}
at_terminal() { # at_terminal NAME STEP...: COMMAND is hx connect -t NAME
    local name=$1
    shift
    printf '%s\n' "$@" >"$WORK/steps"
    timeout 120 python3 "$TOP/test/terminal.py" 100x30 "$WORK/steps" "$HX" connect -t "$name" -q
}
gone() { # gone PID: it ends by itself
    timeout 60 tail --pid="$1" -s 0.05 -f /dev/null
}
has_no_child() { ! ps -o pid,stat,args --ppid "$1" --no-headers; }
childless() { await_true 60 has_no_child "$1"; } # childless PID: its children end by themselves

offer tell --exec 'echo "I am $HX_PEER_LABEL"; echo oops >&2; ls /proc/$$/fd | tr "\n" " "; exit 7'
use tell --key-file "$WORK/laptop" </dev/null
check "the command's exit status is that of hx connect" [ "$?" = 7 ]
check "its output is that of hx connect, and it knows the label of the peer's key" \
    grep -q '^I am laptop$' "$WORK/use.out"
check "its errors are those of hx connect" [ "$(<"$WORK/use.err")" = oops ]
check "it has no descriptors but its three (and its shell's)" grep -Eq '^0 1 2 ([0-9]+ )?$' "$WORK/use.out"
use tell </dev/null
check "a key without a label is none" grep -q '^I am $' "$WORK/use.out"
check "what is run for whom is told" grep -Eq '^peer - at [^ ]+ key=laptop: command$' "$WORK/tell.err"
check "and how it ended" grep -Eq '^peer - at [^ ]+ key=laptop: the command has ended with status 7$' "$WORK/tell.err"
use tell -t </dev/null
check "-t without a terminal runs it all the same" [ "$?" = 7 ]
check "and says that it has none" grep -q '^hx: -t: standard input is no terminal' "$WORK/use.err"
check "without --pty nobody gets a terminal" \
    at_terminal tell 'expect gives no terminal.*--pty' 'status 1'
kill "$PID"

offer whole --exec 'cat'
use whole <"$WORK/big"
check "10 MB to a command and back end with its success" [ "$?" = 0 ]
check "and are whole" same "$WORK/use.out" "$WORK/big"
for i in 1 2 3 4; do
    timeout 60 "$HX" connect whole -q <"$WORK/big" 2>/dev/null | cmp -s - "$WORK/big" &
    USERS[i]=$!
done
for i in 1 2 3 4; do wait "${USERS[i]}" || break; done
check "four peers at once have a command each" [ "$?" = 0 ]
check "whose ends leave nothing behind" childless "$PID"
kill "$PID"

HX_KEY=$(<"$WORK/laptop") offer bare --exec 'env | grep -c ^HX_KEY='
use bare --key-file "$WORK/laptop" </dev/null
check "the key that came in hx bind's environment is not in the command's" [ "$?$(<"$WORK/use.out")" = 10 ]
kill "$PID"

offer head --exec 'head -c 5; exec 2>&-; kill -TERM $$'
use head <"$WORK/big"
check "a signal that ends the command is 128 and its number" [ "$?" = 143 ]
check "input that it does not read keeps nothing of its output back" [ "$(wc -c <"$WORK/use.out")" = 5 ]
kill "$PID"

offer none --echo
use none -t </dev/null
check "without --exec nothing is run" [ "$?" = 1 ]
check "and the option is told" grep -q -- '--exec' "$WORK/use.err"
kill "$PID"

offer left --exec 'echo $$ >>'"$WORK"'/pids; trap "echo hung up >>'"$WORK"'/left" HUP; exec 2>/dev/null; echo begun; while :; do sleep 0.1; done'
LEFT=$PID
start user "$HX" connect left -q
await_line "$WORK/user.out" '^begun$' >/dev/null
kill -KILL "$PID" 2>/dev/null
check "a command whose peer was killed is hung up" await_line "$WORK/left" '^hung up$'
check "and killed when it does not end" gone "$(tail -n 1 "$WORK/pids")"
start user "$HX" connect left -q
await_line "$WORK/user.out" '^begun$' >/dev/null
kill -INT "$PID"
await_exit "$PID"
check "Ctrl-C without a terminal ends hx connect, not knowing how the command ends" [ "$?" = 255 ]
check "and the command there" gone "$(tail -n 1 "$WORK/pids")"
kill "$LEFT"

offer stubborn --exec 'trap "" HUP; echo $$ >'"$WORK"'/stubborn; echo begun; while :; do sleep 0.1; done'
LEFT=$PID
start user "$HX" connect stubborn -q
await_line "$WORK/user.out" '^begun$' >/dev/null
kill "$LEFT"
await_exit "$LEFT"
check "hx bind that is terminated ends with success" [ "$?" = 0 ]
check "and leaves no command behind, whatever that one does with SIGHUP" [ ! -e "/proc/$(<"$WORK/stubborn")" ]

# A loop of bash would lose a Ctrl-C that comes while it begins a command or reaps one: it leaves it to the command.
cat >"$WORK/watch" <<'PYTHON'
import os, signal, sys
told = {signal.SIGWINCH, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, told)
print("ready", flush=True)
while signal.sigwait(told) == signal.SIGWINCH:
    size = os.get_terminal_size()
    print(size.lines, size.columns, flush=True)
sys.exit(130)
PYTHON
offer dev --pty --exec 'PS1="prompt\$ " exec bash --norc --noprofile'
DEV=$PID
check "a shell at a terminal: its size as it changes, Ctrl-C, its status, and our terminal as before" \
    at_terminal dev 'expect prompt\$ ' raw 'type stty size; echo "[$TERM]"\r' 'expect 30 100' 'expect \[xterm\]' \
    "type python3 $WORK/watch\\r" 'expect ready\r\n' \
    'size 40x12' 'expect 12 40' 'size 60x20' 'expect 20 60' 'type \x03' 'expect prompt\$ ' 'type echo $?\r' 'expect 130' \
    'type tty && ps -o tty= $$\r' 'expect pts/[0-9]+' 'type exit 9\r' 'status 9'
check "who stops it has the terminal as before, and who continues it has the shell" \
    at_terminal dev 'expect prompt\$ ' 'signal TSTP' stopped cooked 'signal CONT' raw 'type exit 3\r' 'status 3'
check "~. leaves" \
    at_terminal dev 'expect prompt\$ ' 'type \r~.' 'expect left' 'status 255'
for signal in TERM HUP INT; do
    check "SIG$signal leaves the terminal as it was" \
        at_terminal dev 'expect prompt\$ ' raw "signal $signal" 'status 255'
done
check "a crash does, too" \
    at_terminal dev 'expect prompt\$ ' raw 'signal SEGV' 'status 139'
check "those who left leave nothing behind" childless "$DEV"
check "a job in the background keeps nobody at the terminal" \
    at_terminal dev 'expect prompt\$ ' 'type sleep 20 & exit 4\r' 'status 4'
check "what a command says last at a terminal comes before its end" \
    at_terminal dev 'expect prompt\$ ' 'type seq 200000; exit 5\r' 'expect \b200000\r\n' 'status 5'
kill "$DEV"
await_exit "$DEV"
check "hx bind --exec ends with success when it is terminated" [ "$?" = 0 ]
finish
