# shellcheck shell=bash
# test/lib.sh: what every shell test sources. Prints TAP ("ok 1 - sentence"); awaits events, never sleeps blindly;
# ends only the processes that it started itself.
set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
B=${B:-$TOP/build/release}
case $B in /*) ;; *) B=$TOP/$B ;; esac
WORK=$(mktemp -d "${TMPDIR:-/tmp}/hx-test.XXXXXX")
TAP_COUNT=0
TAP_FAILED=0
STARTED=() # process ids of ours
export XDG_STATE_HOME=$WORK/state # what hx remembers of nameservers is not that of who runs this
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY # likewise
SLOW=1      # a sanitizer's program takes as many times as long
if grep -qa -e __asan_init -e __tsan_init "$B/hx-nameserver" 2>/dev/null; then SLOW=4; fi

cleanup() {
    local pid
    for pid in "${STARTED[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${STARTED[@]}"; do wait "$pid" 2>/dev/null; done
    if [ -n "${KEEP:-}" ]; then echo "# kept: $WORK"; else rm -rf "$WORK"; fi
}
trap cleanup EXIT

ok() { # ok SENTENCE
    TAP_COUNT=$((TAP_COUNT + 1))
    echo "ok $TAP_COUNT - $1"
}
not_ok() { # not_ok SENTENCE [FILE...]: the files are shown as diagnostics
    TAP_COUNT=$((TAP_COUNT + 1))
    TAP_FAILED=$((TAP_FAILED + 1))
    echo "not ok $TAP_COUNT - $1"
    shift
    local f
    for f in "$@"; do
        echo "# --- $f"
        tail -n 40 "$f" 2>/dev/null | sed 's/^/# /'
    done
}
skip() { # skip SENTENCE REASON
    TAP_COUNT=$((TAP_COUNT + 1))
    echo "ok $TAP_COUNT - $1 # SKIP $2"
}
check() { # check SENTENCE COMMAND...: ok if the command succeeds
    local name=$1
    shift
    if "$@" >"$WORK/check.out" 2>&1; then ok "$name"; else not_ok "$name" "$WORK/check.out"; fi
}
same() { cmp -s "$1" "$2"; } # same FILE FILE: a difference shows no bytes
finish() { # the last line of every test
    echo "1..$TAP_COUNT"
    [ "$TAP_FAILED" = 0 ]
    exit
}

# ended MILLISECONDS STATUS REGEX COMMAND...: it ends so within the time, saying so on standard error, which is kept in
# $WORK/ended.err; its input is the file INPUT. Where nothing but the time was wrong, it may try twice more: others
# want a processor, too.
ended() {
    local most=$(($1 * SLOW)) status=$2 regex=$3 begun rc took
    shift 3
    for _ in 1 2 3; do
        begun=$(date +%s%3N)
        timeout 60 "$@" <"${INPUT:-/dev/null}" >"$WORK/ended.out" 2>"$WORK/ended.err"
        rc=$?
        took=$(($(date +%s%3N) - begun))
        [ "$took" -gt "$most" ] || break
    done
    if [ "$rc" = "$status" ] && grep -Eq -- "$regex" "$WORK/ended.err" && [ "$took" -le "$most" ]; then return 0; fi
    echo "status $rc after $took ms" >>"$WORK/ended.err"
    return 1
}

start() { # start NAME COMMAND...: in the background, output in $WORK/NAME.out and .err; sets PID
    local name=$1
    shift
    : >"$WORK/$name.out" 2>"$WORK/$name.err" # here and now: whoever waits for a line must not see the last one's
    "$@" >"$WORK/$name.out" 2>"$WORK/$name.err" </dev/null &
    PID=$!
    STARTED+=("$PID")
}
# follow SECONDS FILE GREP_OPTION...: what grep says of the file, which may grow until then, in FOUND. So long a wait only
# guards against one without an end: others want a processor, too.
follow() {
    local tail_fd tail_pid grep_fd grep_pid rc
    exec {tail_fd}< <(exec tail -n +1 -s 0.05 -F "$2" 2>/dev/null)
    tail_pid=$!
    exec {grep_fd}< <(exec grep -E "${@:3}" <&"$tail_fd")
    grep_pid=$!
    IFS= read -rt "$1" -u "$grep_fd" FOUND
    rc=$?
    kill "$tail_pid" 2>/dev/null
    [ "$rc" = 0 ] || kill "$grep_pid" 2>/dev/null
    exec {tail_fd}<&- {grep_fd}<&-
    return $rc
}
# await_line FILE EXTENDED_REGEX [SECONDS]: waits until the file has such a line, and prints it.
await_line() {
    local FOUND
    follow "${3:-60}" "$1" -m1 -e "$2" && printf '%s\n' "$FOUND"
}
# nap SECONDS: without a process.
nap() {
    [ -p "$WORK/.nap" ] || mkfifo "$WORK/.nap" || return
    read -rt "$1" <>"$WORK/.nap"
    return 0 # its status says that the time is over
}
# await_true SECONDS COMMAND...: until it succeeds. For what nothing tells of when it comes: between two questions is a
# twentieth of the time that has passed, 10 ms at least and 0.5 s at most. COMMAND's arguments are its own: no eval with $1.
await_true() {
    local end=$((SECONDS + $1)) begun=${EPOCHREALTIME/[.,]/} us
    until "${@:2}"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        us=$(((${EPOCHREALTIME/[.,]/} - begun) / 20))
        printf -v us '0.%06d' $((us < 10000 ? 10000 : us > 500000 ? 500000 : us))
        nap "$us"
    done
}
has_part() { # has_part DIR BYTES: of a file that has not come whole yet there is more than that
    [ -n "$(find "$1" -name '.*.hx-part-*' -size "+$2c" 2>/dev/null)" ]
}
await_part() { await_true 40 has_part "$@"; }
start_echo() { # a TCP server that sends back what comes; sets PORT
    for _ in {1..10}; do
        PORT=$((20000 + RANDOM % 12000))
        start tcp socat -d -d "TCP-LISTEN:$PORT,bind=127.0.0.1,fork" "EXEC:cat"
        await_line "$WORK/tcp.err" 'listening on|Address already in use' | grep -q listening && return
    done
    return 1
}
# start_udp_echo NAME [HOST [PORT]]: the same of UDP, whole; sets PORT
start_udp_echo() {
    start "$1" python3 "$TOP/test/udp_echo.py" "${@:2}"
    PORT=$(await_line "$WORK/$1.out" '^[0-9]+$')
}
await_exit() { # await_exit PID [SECONDS]: returns its exit status, 124 if it did not end in time
    timeout "${2:-60}" tail --pid="$1" -s 0.05 -f /dev/null || return 124
    wait "$1"
}
# shellcheck disable=SC2120
# start_nameserver [OPTION...]: on a free loopback port; sets NS (host:port) and NS_PID.
start_nameserver() {
    local line
    start nameserver "$B/hx-nameserver" --listen 127.0.0.1:0 "$@"
    # shellcheck disable=SC2034 # read by the tests
    NS_PID=$PID
    line=$(await_line "$WORK/nameserver.out" 'listening on') ||
        line=$(await_line "$WORK/nameserver.err" 'listening on' 1) || return 1
    # shellcheck disable=SC2034
    NS=$(sed -E 's/.*listening on ([^ "]+).*/\1/' <<<"$line")
}
# start_nameserver_tcp [OPTION...]: that one, over TCP as well; sets TCP (host:port), too.
start_nameserver_tcp() {
    start_nameserver --listen-tcp 127.0.0.1:0 "$@" || return
    # shellcheck disable=SC2034
    TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ') && TCP=${TCP##* }
}
need_nameserver() { # without it the test ends
    start_nameserver && return
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
# start_nameserver_with_key: all that two hx need to meet, in their environment; without it the test ends.
start_nameserver_with_key() {
    need_nameserver
    export HX_NAMESERVER=$NS
    HX_KEY=$("$B/hx" key --file "$WORK/key") && export HX_KEY
}
# start_nameserver_with_home: likewise, but the key is in a home of the test's own; and $WORK is where it goes on.
start_nameserver_with_home() {
    need_nameserver
    unset HX_KEY XDG_CONFIG_HOME
    export HX_NAMESERVER=$NS HOME=$WORK/home LC_ALL=C
    mkdir -p "$HOME" && cd "$WORK" && "$B/hx" key >key.out 2>&1 || exit 1
}
label_key() { # label_key LABEL FILE: a key that has this label at home; it alone is in the file
    "$B/hx" key --label "$1" >"$WORK/key.out" 2>&1 && (umask 077 && sed -n "s/ $1\$//p" "$HOME/.config/hx/key" >"$2")
}
# start_bound OUTPUT NAME [OPTION...]: returns once it is bound.
start_bound() {
    start "$1" "$B/hx" bind "${@:2}" -v
    await_line "$WORK/$1.err" "^bound $2 as " >/dev/null
}
# start_connected OUTPUT NAME [OPTION...]: returns once the link is up.
start_connected() {
    start "$1" "$B/hx" connect "${@:2}" -v
    await_line "$WORK/$1.err" "^connected to $2 at " >/dev/null
}
# listens OUTPUT TARGET [HOST]: the port of the kernel's choice that leads to the target, as that hx connect tells it; with
# HOST, the one that it has there (-R).
listens() {
    local host=${3:-}
    await_line "$WORK/$1.err" "^${host:+.$host. }listen(s|ing) on .*127\.0\.0\.1:[0-9]+.* for $2( |$)" |
        sed -E 's/.*127\.0\.0\.1:([0-9]+)[^ ]* for .*/\1/'
}
stop_nameserver() { # and its status
    kill "$NS_PID"
    await_exit "$NS_PID"
}
# ask_numbers: the nameserver (NS_PID) tells what it holds and what it has counted until now, in its log.
ask_numbers() {
    local log=$WORK/nameserver.err before tries
    has_more() { [ "$(grep -c 'event=stats ' "$log")" -gt "$before" ]; }
    for _ in 1 2; do # the second lines come when all of the first are written
        before=$(grep -c 'event=stats ' "$log")
        tries=0
        until kill -USR1 "$NS_PID" && await_true 10 has_more; do
            tries=$((tries + 1))
            [ $tries -lt 6 ] && kill -0 "$NS_PID" || return 1
        done
    done
}
counters() { # all that it has counted until now, in $WORK/counters: "NAME VALUE"; what is 0 is not there
    ask_numbers && sed -nE 's/.*event=counter of=([a-z0-9_]+) value=([0-9]+)$/\1 \2/p' "$WORK/nameserver.err" >"$WORK/counters"
}
value() { # value NAME: as counters saw it
    awk -v name="$1" '$1 == name { value = $2 } END { print value + 0 }' "$WORK/counters"
}
counter() { # counter NAME: as it is now
    counters && value "$1"
}
