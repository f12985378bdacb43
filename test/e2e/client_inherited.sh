#!/usr/bin/env bash
# What a program inherits: limits, signals, descriptors. No peer ends hx bind for the others, and nothing of ours ends
# up where a closed descriptor was.
# shellcheck source=test/lib.sh disable=SC2016,SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx

# bind NAME COMMAND...: COMMAND ends in hx bind NAME -v; returns once it is bound. Its process is the one started.
bind() {
    start "$1" "${@:2}"
    await_line "$WORK/$1.err" "^bound $1 as " >/dev/null
}
serves() { # serves NAME [OPTION...]: whatever else the machine does, and as soon as the name is bound
    "$HX" ping "$1" --wait 60 --timeout 60 -c 1 "${@:2}" >"$WORK/ping.out" 2>&1
}
ends_with() { # ends_with STATUS: what was started last, after SIGTERM
    kill "$PID"
    await_exit "$PID"
    [ $? = "$1" ]
}

start_nameserver_with_key
mkdir "$WORK/share"
head -c 3000000 /dev/urandom >"$WORK/big"
echo small >"$WORK/small"

bind files bash -c 'ulimit -f 1000; exec "$@"' _ "$HX" bind files -v --share "$WORK/share:rw"
"$HX" cp "$WORK/big" files: >"$WORK/cp.out" 2>"$WORK/cp.err"
check "an upload above the limit of file size fails" [ $? = 1 ]
check "and says why" grep -q '^hx: big: file too large$' "$WORK/cp.err"
check "hx bind says so in one line" await_line "$WORK/files.err" '^peer - at .*: receiving big failed: file too large$'
check "the others are served" "$HX" cp "$WORK/small" files:
check "it ends in order" ends_with 0

if unshare -Urm mount -t tmpfs -o size=64k tmpfs "$WORK/share" 2>/dev/null; then
    bind full unshare -Urm sh -c 'mount -t tmpfs -o size=64k tmpfs "$1" && shift && exec "$@"' _ "$WORK/share" \
        "$HX" bind full -v --share "$WORK/share:rw"
    "$HX" cp "$WORK/big" full: >"$WORK/cp.out" 2>"$WORK/cp.err"
    check "an upload to a full disk fails and says why" grep -q '^hx: big: no space left$' "$WORK/cp.err"
    check "hx bind says so, too" await_line "$WORK/full.err" ': receiving big failed: no space left$'
    check "and serves on" serves full
    check "it ends in order" ends_with 0
else
    skip "an upload to a full disk" "no user namespaces"
fi

# Nothing is in 0 to 2 but /dev/null, whatever was opened since.
closed() { # closed PID
    local fd
    for fd in 0 1 2; do [ "$(readlink "/proc/$1/fd/$fd")" = /dev/null ] || return 1; done
}
"$HX" bind shut --echo 0<&- 1>&- 2>&- &
PID=$!
STARTED+=("$PID")
check "hx bind without standard descriptors serves" serves shut
check "and has nothing in their place" closed "$PID"
check "it ends in order" ends_with 0
PORT=$((20000 + RANDOM % 12000))
"$B/hx-nameserver" --listen "127.0.0.1:$PORT" --log-level debug 0<&- 1>&- 2>&- &
PID=$!
STARTED+=("$PID")
for _ in {1..50}; do "$B/udtcurl" -s -o /dev/null --max-time 5 "udt://127.0.0.1:$PORT/" && break; done
check "so does hx-nameserver" "$B/udtcurl" -s --max-time 60 "udt://127.0.0.1:$PORT/"
check "and has nothing in their place" closed "$PID"
check "it ends in order" ends_with 0
check "udtcurl without standard input and error" \
    [ "$("$B/udtcurl" -s -w '%{http_code}' -o "$WORK/got" "udt://$NS/" 0<&- 2>&-)" = 200 ]
"$B/udtcurl" -s "udt://$NS/" 1>&-
check "without standard output it fails to write" [ $? = 23 ]

# Who prints for nobody ends, and who cannot print says so.
start echo "$HX" bind echo --echo -v
await_line "$WORK/echo.err" '^bound echo as ' >/dev/null
check "hx ping ends once nobody reads what it prints" \
    [ "$(timeout 60 "$HX" ping echo 2>"$WORK/left.err" | head -n 1 | grep -c '^PING echo (')" = 1 ]
check "and says nothing of that" [ ! -s "$WORK/left.err" ]
# cannot_print SENTENCE COMMAND...: it ends with 1 and says why
cannot_print() {
    timeout 60 "${@:2}" >/dev/full 2>"$WORK/full.err"
    local rc=$?
    check "$1" [ "$rc" = 1 ]
    check "and says why" grep -q ': cannot write to standard output' "$WORK/full.err"
}
cannot_print "hx ping fails where its output has no room" "$HX" ping echo
cannot_print "so does hx nat" "$HX" nat
cannot_print "and its help" "$HX" --help
cannot_print "and its version" "$HX" --version
cannot_print "and hx-nameserver's help" "$B/hx-nameserver" --help
cannot_print "and its version" "$B/hx-nameserver" --version

bind hup nohup "$HX" bind hup --echo -v
kill -HUP "$PID"
check "SIGHUP does not end what nohup started" serves hup
check "SIGTERM does, in order" ends_with 0
start hup nohup "$B/hx-nameserver" --listen 127.0.0.1:0
OTHER=$(await_line "$WORK/hup.out" 'listening on' | sed 's/.* //')
kill -HUP "$PID"
check "nor does it end hx-nameserver" "$B/udtcurl" -s --max-time 60 -o /dev/null "udt://$OTHER/"
check "which ends by SIGTERM" ends_with 0

# Signals that were blocked, and children that nobody waits for.
cat >"$WORK/odd.py" <<'P'
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
P
bind odd python3 "$WORK/odd.py" "$HX" bind odd --echo -v
check "hx bind with all signals blocked serves" serves odd
check "and ends by SIGTERM" ends_with 0
start odd python3 "$WORK/odd.py" "$B/hx-nameserver" --listen 127.0.0.1:0
await_line "$WORK/odd.out" 'listening on' >/dev/null
check "so does hx-nameserver" ends_with 0
start odd python3 "$WORK/odd.py" "$B/udtcurl" -v --max-time 60 -H 'Prefer: wait=30' "udt://$NS/connect?host_id=nobody"
await_line "$WORK/odd.err" '^> GET /connect' >/dev/null
kill "$PID"
await_exit "$PID"
check "and udtcurl" [ $? = 143 ]

# Of those nobody else's: what starts this may have left some open.
cat >"$WORK/twenty" <<'P'
for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || eval "exec $fd>&-"
done
ulimit -n "${MOST:-20}"
exec "$@"
P
TWENTY=(bash "$WORK/twenty" "$HX")
bind few "${TWENTY[@]}" bind few -v --share "$WORK"
FEW=$PID
check "with 20 descriptors hx bind serves" serves few
check "hx cp works with as few" "${TWENTY[@]}" cp few:big "$WORK/copy"
# A nameserver that is late: neither the way through TCP nor another port may take what comes after it has answered.
kill -STOP "$NS_PID"
start late "${TWENTY[@]}" bind late -v --share "$WORK"
LATE=$PID
start visit "${TWENTY[@]}" cp few:big "$WORK/visited" -v --timeout 60
VISIT=$PID
check "hx bind finds the nameserver silent twice" await_line "$WORK/late.err" 'trying again in'
check "so does hx cp" await_line "$WORK/visit.err" 'trying again in'
kill -CONT "$NS_PID"
check "and then hx cp works, too" await_exit "$VISIT" 90
check "and hx bind serves" await_line "$WORK/late.err" '^bound late as '
check "what is copied" timeout 90 "$HX" cp late:big "$WORK/copied" --timeout 60
PID=$LATE
check "it ends in order" ends_with 0
check "hx cp says that a file is too large, too" ended 10000 1 '^hx: limited: File too large' \
    bash -c 'ulimit -f 10; exec "$@"' _ "$HX" cp few:big "$WORK/limited"
check "with 8 hx says what is missing" ended 10000 1 'Too many open files|ulimit -n' bash -c 'ulimit -n 8; exec "$@"' _ \
    "$HX" ping few -c 1
PID=$FEW
check "it ends in order" ends_with 0
start_echo
MOST=48 bind crowd "${TWENTY[@]}" bind crowd -v --allow '*:*'
CROWD=$PID
start many "$HX" connect crowd -v -L "0:127.0.0.1:$PORT"
TO=$(listens many "127.0.0.1:$PORT")
for _ in {1..48}; do exec {fd}<>"/dev/tcp/127.0.0.1/$TO"; done
check "one peer's connections find an end" await_line "$WORK/crowd.err" '^refused a connection: .*out of resources' 60
check "which is none for another one" serves crowd
PID=$CROWD
check "it ends in order" ends_with 0
check "so does hx-nameserver with 6" ended 10000 1 'Too many open files' bash -c 'ulimit -n 6; exec "$@"' _ \
    "$B/hx-nameserver" --listen 127.0.0.1:0

"$HX" bind nolog --echo -v 2>/dev/full </dev/null >/dev/null &
PID=$!
STARTED+=("$PID")
check "a full disk below the log of hx bind harms nobody" serves nolog
check "it ends in order" ends_with 0
mkfifo "$WORK/nobody"
"$HX" bind nobody --echo -v 2> >(exec true) </dev/null >/dev/null &
PID=$!
STARTED+=("$PID")
check "nor does a log that nobody reads any more" serves nobody
check "it ends in order" ends_with 0

# On a terminal with `stty tostop`, in the background.
cat >"$WORK/tostop.py" <<'P'
import fcntl, os, pty, signal, sys, termios
main, sub = pty.openpty()
if os.fork():
    os.close(sub)
    while True:
        try:
            if not os.read(main, 4096): break
        except OSError: break
    sys.exit(0)
os.setsid()
fcntl.ioctl(sub, termios.TIOCSCTTY, 0)
a = termios.tcgetattr(sub); a[3] |= termios.TOSTOP; termios.tcsetattr(sub, termios.TCSANOW, a)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0) # not the terminal's foreground
    os.dup2(sub, 2)
    os.execv(sys.argv[2], sys.argv[2:])
open(sys.argv[1], "w").write(str(pid))
os.waitpid(pid, 0)
P
start tostop python3 "$WORK/tostop.py" "$WORK/tostop.pid" "$HX" bind tostop --echo -v
check "hx bind in the background of a terminal with tostop serves" serves tostop
await_true 60 test -s "$WORK/tostop.pid" # it may serve before its parent has written that
kill "$(<"$WORK/tostop.pid")"
await_exit "$PID"
check "it ends in order" [ $? = 0 ]
finish
