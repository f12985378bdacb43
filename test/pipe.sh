# shellcheck shell=bash disable=SC2154
# test/pipe.sh: hx bind and hx connect as a pipe, for the tests of it. Source it after lib.sh, with HX set to the program
# and MODE to what both sides are always given.
# start_bind NAME INPUT [OPTION...]: hx bind in the background, in $WORK/NAME.*; returns once it is bound.
start_bind() {
    local name=$1 input=$2
    shift 2
    "$HX" bind "$name" "${MODE[@]}" -v "$@" <"$input" >"$WORK/$name.out" 2>"$WORK/$name.err" &
    PID=$!
    STARTED+=("$PID")
    await_line "$WORK/$name.err" "^bound $name as 127\.0\.0\.1:[0-9]+$" >/dev/null
}
# connect NAME INPUT OUTPUT [OPTION...]: to its end; what it says goes to OUTPUT.err.
connect() {
    local name=$1 input=$2 output=$3
    shift 3
    timeout 90 "$HX" connect "$name" "${MODE[@]}" -v "$@" <"$input" >"$output" 2>"$output.err"
}
# begin_four NAME [OPTION...]: four peers send a megabyte each to an echo, at once; end_four: each has its own again.
begin_four() {
    local i
    FOUR=()
    for i in 1 2 3 4; do
        head -c $((1000000 + i)) /dev/urandom >"$WORK/echo.$i"
        connect "$1" "$WORK/echo.$i" "$WORK/echoed.$i" "${@:2}" &
        FOUR+=($!)
    done
}
end_four() {
    local i pid rcs=
    for pid in "${FOUR[@]}"; do
        wait "$pid"
        rcs=$rcs$?
    done
    check "four peers at once are echoed" [ "$rcs" = 0000 ]
    for i in 1 2 3 4; do
        check "peer $i of them gets its own bytes back" same "$WORK/echo.$i" "$WORK/echoed.$i"
    done
}
