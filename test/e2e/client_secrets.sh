#!/usr/bin/env bash
# Who has no key gets nothing and is told so at once, both sides say it, and the key itself appears nowhere.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
unset XDG_CONFIG_HOME HX_KEY
export HOME=$WORK/home
mkdir "$HOME"
start_nameserver || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS

INPUT=$WORK/question
echo "a secret question" >"$INPUT"
# ends SENTENCE STATUS REGEX MILLISECONDS COMMAND...: as ended(); nothing on standard output.
ends() {
    local name=$1 status=$2 regex=$3 most=$4
    shift 4
    ended "$most" "$status" "$regex" "$@"
    local rc=$?
    cat "$WORK/ended.err" >>"$WORK/all.err"
    if [ "$rc" = 0 ] && [ ! -s "$WORK/ended.out" ]; then
        ok "$name"
    else
        not_ok "$name" "$WORK/ended.err" "$WORK/ended.out"
    fi
}
for command in "bind home" "connect home" "cp home:f $WORK" "ping home"; do
    # shellcheck disable=SC2086 # words
    ends "hx ${command%% *} without a key says how to get one" 1 'there is no key yet: .hx key. makes one' 2500 \
        "$HX" $command
done

KEY=$("$HX" key)
BOB=$("$HX" key --label bob)
STRANGE=$("$HX" key --file "$WORK/strange")
echo "$BOB" >"$WORK/bob"
chmod 600 "$WORK/bob"
# With the limit that people have who look at core dumps.
start bind bash -c "ulimit -Sc \$(ulimit -Hc); HX_KEY='$KEY
$BOB bob' exec '$HX' bind home --echo -v"
BIND=$PID
await_line "$WORK/bind.err" '^bound home as ' >/dev/null
echoed() { [ "$(echo "a line" | timeout 60 "$HX" connect home -v "$@" 2>>"$WORK/all.err")" = "a line" ]; }

check "who has the key is let in" echoed
check "and so is who has the other one" echoed --key-file "$WORK/bob"
check "the log says which key came in" \
    await_line "$WORK/bind.err" '^peer - at [^ ]+ key=bob'
# A second is allowed; the beginnings and ends of programs come on top.
ends "another key is refused within a second" 1 'does not have this key' 2000 \
    "$HX" connect home --key-file "$WORK/strange"
check "and the other side says so" await_line "$WORK/bind.err" '^hx: refused peer .*: it does not have the key'
ends "hx cp with another key is refused, too" 1 'does not have this key' 2000 \
    "$HX" cp "home:f" "$WORK/f" --key-file "$WORK/strange"
ends "so is hx ping" 1 'does not have this key' 2000 "$HX" ping home --key-file "$WORK/strange"
timeout 60 "$HX" connect home --insecure -q </dev/null >"$WORK/raw.out" 2>"$WORK/raw.err"
check "a bare stream to a host with a key fails" [ "$?" = 1 ]
check "and it has heard no more than TLS's alert" [ "$(stat -c %s "$WORK/raw.out")" -le 7 ]
check "it was loud all the same" grep -q -- '--insecure: anyone' "$WORK/raw.err"
check "who has the key is still let in" echoed

check "the key is not in the arguments of who has it" \
    [ "$(tr '\0' '\n' <"/proc/$BIND/cmdline" | grep -ce "$KEY" -e "$BOB")" = 0 ]
check "nor in its environment any more" [ "$(tr '\0' '\n' <"/proc/$BIND/environ" | grep -ce "$KEY" -e "$BOB")" = 0 ]
check "it leaves no core" grep -Eq '^Max core file size +0 +0 ' "/proc/$BIND/limits"
check "no secret is in what the programs have said" \
    [ "$(cat "$WORK"/{all,bind,nameserver,raw}.err | grep -ce "${KEY:3:9}" -e "${BOB:3:9}" -e "${STRANGE:3:9}")" = 0 ]
check "and it was all looked at" [ "$(cat "$WORK"/{all,bind,nameserver,raw}.err | wc -l)" -ge 40 ]

start open "$HX" bind open --insecure --echo
await_line "$WORK/nameserver.err" 'event=bound .*name=open' >/dev/null
check "hx bind --insecure is loud" grep -q -- '--insecure: anyone' "$WORK/open.err"
ends "a host without a key is refused by who has one" 1 'does not prove a key' 7000 "$HX" connect open
mkfifo "$WORK/silence"
exec 9<>"$WORK/silence"
bare() { # bare NAME: hx bind --insecure, a pipe whose input is $WORK/silence
    start "$1" bash -c "exec '$HX' bind $1 --insecure -v <'$WORK/silence'"
    await_line "$WORK/$1.err" "^bound $1 as " >/dev/null
}
bare silent
ends "silence is not taken for a peer without a key" 1 'reached, but its proof of a key did not come within --timeout' 6000 \
    "$HX" connect silent --timeout 1
kill "$PID"
bare terse
ends "a bare word is, however short it is" 1 'does not prove a key' 5000 \
    bash -c "echo a >'$WORK/silence'; exec '$HX' connect terse --timeout 15"
finish
