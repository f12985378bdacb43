#!/usr/bin/env bash
# The way to the nameserver: it may start late, move, be one of several, or have no name yet.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
HX_KEY=$("$HX" key --file "$WORK/key")
export HX_KEY
export RES_OPTIONS="timeout:1 attempts:1" # of whatever name service this machine has

echoes() { # echoes NAME [OPTION...]: a line goes to the holder of NAME and back
    [ "$(echo "a line" | timeout 60 "$HX" connect "$@" 2>"$WORK/echoes.err")" = "a line" ]
}
serve() { # serve FILE ADDRESS: a nameserver; sets PID
    start "$1" "$B/hx-nameserver" --listen "$2"
    await_line "$WORK/$1.out" 'listening on' >/dev/null
}
stop() {
    kill "$1"
    await_exit "$1"
}

start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
PORT=${NS##*:}
stop "$NS_PID"

# --- it starts late
start late "$HX" bind late --echo -v -n "127.0.0.1:$PORT"
check "bind says that it waits for a nameserver that is not there" \
    await_line "$WORK/late.err" "^hx: waiting for the nameserver 127.0.0.1:$PORT: timed out" $((10 * SLOW))
echo "a line" | timeout 100 "$HX" connect late --wait 30 --timeout 40 -v -n "127.0.0.1:$PORT" \
    >"$WORK/early.out" 2>"$WORK/early.err" &
EARLY=$!
await_line "$WORK/early.err" 'waiting for the nameserver' $((10 * SLOW)) >/dev/null
serve late-s "127.0.0.1:$PORT"
S1=$PID
check "it binds as soon as there is one" await_line "$WORK/late.err" '^bound late' $((20 * SLOW))
wait "$EARLY"
check "connect, too, has asked again within its time" grep -q 'a line' "$WORK/early.out"

# --- several, in turn
start second "$HX" bind second --echo -v -n "127.0.0.1:1,127.0.0.1:$PORT"
check "the second of two nameservers is turned to when the first is not reached" \
    await_line "$WORK/second.err" '^bound second as' $((20 * SLOW))
check "connect turns to it, too" echoes second -n "127.0.0.1:1,127.0.0.1:$PORT"
serve empty 127.0.0.1:0
EMPTY=$(sed -E 's/.*listening on //' "$WORK/empty.out")
check "connect asks the second nameserver where the first does not know the name" echoes second -n "$EMPTY,127.0.0.1:$PORT"
check "where none does it says so" ended 5000 1 "nobody holds the name 'nobody'" \
    "$HX" connect nobody -n "$EMPTY,127.0.0.1:$PORT"

# --- its name moves: /etc/hosts of our own
hosts=$WORK/hosts
# shellcheck disable=SC2016 # the inner shell expands it
aside=(unshare -Urm bash -c 'mount --bind "$1" /etc/hosts && exec "${@:2}"' _ "$hosts") # a command with that for /etc/hosts
echo '127.0.0.1 localhost' >"$hosts"
if ! "${aside[@]}" true 2>/dev/null; then
    skip "a nameserver that has no name yet is waited for" "no user and mount namespaces here"
    finish
fi
start moves "${aside[@]}" "$HX" bind moves --echo -v -n "hx-ns.test:$PORT"
check "a nameserver that has no name yet is waited for" \
    await_line "$WORK/moves.err" 'waiting for the nameserver hx-ns.test.*could not be resolved' $((20 * SLOW))
echo '127.0.0.1 hx-ns.test' >>"$hosts"
check "and found as soon as it has one" await_line "$WORK/moves.err" '^bound moves as' $((40 * SLOW))
serve moved-s "127.0.0.2:$PORT"
sed 's/^127.0.0.1 hx-ns/127.0.0.2 hx-ns/' "$hosts" >"$hosts.new"
cat "$hosts.new" >"$hosts"
stop "$S1"
check "a name that has moved is looked up anew" await_line "$WORK/moved-s.err" 'event=bound.*name=moves' $((40 * SLOW))
check "and its holder is reached there" echoes moves -n "127.0.0.2:$PORT" --wait 10
printf '%s\n' '192.0.2.1 hx-ns.test' '127.0.0.2 hx-ns.test' >>"$hosts.dead"
cat "$hosts.dead" >"$hosts"
check "of several addresses one that is dead costs little" \
    ended 3000 0 'connected to moves' "${aside[@]}" "$HX" connect moves -v -n "hx-ns.test:$PORT"
finish
