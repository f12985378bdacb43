#!/usr/bin/env bash
# Time: steps of the wall clock and stops of a process (STOP_S seconds, 3), at S, H1 and H2, while they connect, while
# they are idle and while they copy; and no program sleeps before its first datagram. All rows run side by side.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
STOP_S=${STOP_S:-3}
MB=20
IDLE_MOST=$((40 * SLOW)) # datagrams in the second after a step, of a program that holds a connection or two
ROOT=$WORK
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
unset HX_KEY XDG_CONFIG_HOME

[ -e "$B/test/clock_step.so" ] || {
    not_ok "test/clock_step.so is there (make tools)"
    finish
}
head -c "${MB}000000" /dev/urandom >"$ROOT/big"
mkfifo "$ROOT/never"
pause() { read -r -t "$1" <>"$ROOT/never"; } # while nothing is to happen

# moved ROLE: sets MOVED, the beginning of a command whose wall clock the test moves, if ROLE is the victim; it records
# in ROLE.log.
moved() {
    MOVED=(env LD_PRELOAD="$B/test/clock_step.so" CLOCK_STEP_FILE="$WORK/offset" CLOCK_STEP_LOG="$WORK/$1.log")
    [ "$1" = "$VICTIM" ] || MOVED+=(CLOCK_STEP_KEEP=1)
}
start_moved() { # start_moved NAME ROLE COMMAND...
    moved "$2"
    start "$1" "${MOVED[@]}" "${@:3}"
}
with() { # with ROLE [VARIABLE=VALUE] COMMAND...: to its end
    moved "$1"
    timeout 60 "${MOVED[@]}" "${@:2}"
}
step() { printf '%-15s\n' "$1" 1<>"$WORK/offset"; }
stepped() { [ "$(awk '{ print $1; exit }' "$WORK/offset")" = "$1" ]; }
recorded() { awk -v name="$1" '$1 == name && $2 > n { n = $2 } END { print n + 0 }' "$WORK/$2.log"; } # recorded NAME ROLE
below() { # below NAME ROLE MOST
    echo "# $ROW: $1 of $2: $(recorded "$1" "$2"), at most $3" >>"$ROOT/notes"
    [ "$(recorded "$1" "$2")" -le "$3" ]
}

# --- a row: its own S and H1, in a process of its own ----------------------------------------------------------------
row() { # row NAME VICTIM FUNCTION
    ROW="$1 of $2" VICTIM=$2 WORK=$ROOT/$1-$2 STARTED=() TAP_FAILED=0
    mkdir -p "$WORK/share" "$WORK/out"
    cd "$WORK" || exit
    step 0
    start_moved nameserver s "$B/hx-nameserver" --listen 127.0.0.1:0
    S=$PID
    NS=$(await_line "$WORK/nameserver.out" 'listening on' | sed 's/.* //')
    export HX_NAMESERVER=$NS HOME=$WORK
    HX_KEY=$("$HX" key --file "$WORK/key") && export HX_KEY
    start_moved bind h1 "$HX" bind home --share "$WORK/share:rw" -v --echo
    H1=$PID
    check "$ROW: H1 is bound" await_line "$WORK/bind.err" '^bound home as '
    start_moved connect h2 "$HX" connect home -v -L 0:127.0.0.1:9
    H2=$PID
    check "$ROW: H2 is connected" await_line "$WORK/connect.err" '^connected to home at '
    "$3"
    check "$ROW: all of them run" kill -0 "$S" "$H1" "$H2"
    for pid in "$H2" "$H1" "$S"; do
        kill "$pid"
        await_exit "$pid"
        check "$ROW: and end in order" [ $? = 0 ]
    done
}
bound_once() { [ "$(grep -c 'event=bound' nameserver.err)" = 1 ] && [ "$(grep -c '^bound home' bind.err)" = 1 ]; }
bound_throughout() { # who loses a peer binds its name anew, which takes its own place at once
    [ "$(grep -c 'event=bound' nameserver.err)" = $((1 + $(grep -c 'event=replaced .*"same ' nameserver.err))) ] &&
        [ "$(grep -c '^bound home' bind.err)" = 1 ]
}

idle() {
    local to
    pause 1.05 # the first probes of paths, and of what they carry
    for to in 3600 0 86400 0; do
        step "$to"
        pause 1.05
    done
}
row_idle() {
    row idle "$1" idle
    check "$ROW: the name stays bound" bound_once
    check "$ROW: H2 stays connected" [ "$(grep -c '^connected to home' connect.err)" = 1 ]
    check "$ROW: nothing catches up" below after_step "$1" "$IDLE_MOST"
}

# A datagram of H2's moves the clock of the victim, so that the step is where it is meant to be.
busy() {
    local to n=2 r
    for to in 3600 0 86400 0; do
        with h2 CLOCK_STEP_AT="$n $to" "$HX" ping home -c 1 >ping.out 2>ping.err
        r=$?
        check "$ROW: connects through a step to $to s at its datagram $n" [ "$r" = 0 ]
        check "$ROW: there was one" stepped "$to"
        n=$((n + 5))
    done
    n=150 # behind the handshakes, and before the end of 20 MB
    for to in 3600 0 86400 0; do
        if [ "$to" != 0 ]; then r=("$ROOT/big" "home:big$to"); else r=("home:big$last" "out/big$last"); fi
        last=$to
        with h2 CLOCK_STEP_AT="$n $to" "$HX" cp "${r[@]}" >cp.out 2>cp.err
        check "$ROW: copies through a step to $to s" [ $? = 0 ]
        check "$ROW: there was one" stepped "$to"
    done
    for to in share/big3600 out/big3600 share/big86400 out/big86400; do
        check "$ROW: $to is whole" same "$to" "$ROOT/big"
    done
}
row_busy() { # a peer that gets no processor for a while is lost, too
    row steps "$1" busy
    check "$ROW: the name stays bound" bound_throughout
}

# --- stops -----------------------------------------------------------------------------------------------------------
await_stopped() { # await_stopped PID
    local i
    for ((i = 0; i < 500; i++)); do
        grep -q '^State:.T' "/proc/$1/status" && return
        pause 0.02
    done
    return 1
}
stop() {
    local cp ping status target=0 r=("$ROOT/big" home:got) got=share/got
    cp "$ROOT/big" share/big
    case $VICTIM in
    s) target=$S ;;
    h1) target=$H1 r=(home:big out/got) got=out/got ;; # the one that is stopped is the one that sends
    esac
    start_moved cp cp CLOCK_STOP_AT="150 $target" "$HX" cp "${r[@]}"
    cp=$PID
    [ "$target" != 0 ] || target=$cp
    check "$ROW: it is stopped while H2 copies" await_stopped "$target"
    if [ "$VICTIM" = h2 ]; then
        kill -STOP "$H2"
        start_moved ping ping CLOCK_STOP_AT="8 0" "$HX" ping home -c 1 --wait 30
        ping=$PID
        check "$ROW: and while H2 connects" await_stopped "$ping"
    else
        start ping "$HX" ping home -c 1 --wait 30
        ping=$PID
    fi
    pause "$STOP_S"
    kill -CONT "$target" "$H2" "$ping" 2>/dev/null
    await_exit "$ping"
    status=$?
    if [ "$STOP_S" -lt 25 ]; then
        check "$ROW: who was connecting connects" [ "$status" = 0 ]
    else # its own time is over, which counts a stop
        check "$ROW: who was connecting connects or gives up" [ "$status" -le 1 ]
    fi
    await_exit "$cp" 120
    check "$ROW: the copy goes on" [ $? = 0 ]
    check "$ROW: and is whole" same "$got" "$ROOT/big"
    check "$ROW: H1 is reachable" "$HX" ping home -c 1 --wait 30
}
row_stop() { # that its sender does not catch up: test/natlab/run stories, where a line is the limit
    row stop "$1" stop
    [ "$STOP_S" -gt 3 ] || check "$ROW: the name stays bound" bound_throughout
}

# --- start -----------------------------------------------------------------------------------------------------------
row_start() {
    row start none starts
}
starts() {
    local role
    with ping "$HX" ping home -c 1 >ping.out 2>&1
    with connect "$HX" connect home </dev/null >connect.out 2>&1
    with udtcurl "$B/udtcurl" -s -o /dev/null "udt://$NS/"
    with version "$HX" --version >version.out
    for role in ping connect udtcurl version; do
        # shellcheck disable=SC2016
        check "$role does not sleep before its first datagram" awk '$1 == "slept_us" { n++; bad += $2 } END { exit !(n && !bad) }' "$role.log"
        echo "# first datagram of $role after $(recorded first_us "$role") us" >>"$ROOT/notes"
        [ "$role" = version ] || check "$role sends" [ "$(recorded sent "$role")" -gt 0 ]
    done
}

run() { # run FUNCTION ARGUMENT...: in the background; its lines in a file
    (
        trap cleanup_row EXIT
        "$@"
    ) >"$ROOT/$1${2:-}.tap" 2>"$ROOT/$1${2:-}.err" &
    ROWS+=("$!")
}
cleanup_row() {
    local pid
    for pid in "${STARTED[@]}"; do kill -CONT "$pid" && kill "$pid"; done 2>/dev/null
}
ROWS=()
for victim in s h1 h2; do
    for phase in idle busy stop; do run "row_$phase" "$victim"; done
done
run row_start
wait "${ROWS[@]}"
cat "$ROOT/notes"
for file in "$ROOT"/*.tap; do
    grep '^#' "$file"
    while read -r line; do
        case $line in
        'not ok '*) not_ok "${line#*- }" "${file%.tap}.err" ;;
        'ok '*) ok "${line#*- }" ;;
        esac
    done <"$file"
done
finish
