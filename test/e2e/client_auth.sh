#!/usr/bin/env bash
# A nameserver that wants to know who asks, and hx, whose device has a key of its own: what is allowed, what is not, and
# what is said of that; over UDP, TCP and both families, with several nameservers, for names and for sessions.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
export HOME=$WORK/home LC_ALL=C
unset HX_KEY XDG_CONFIG_HOME HX_NAMESERVER
mkdir -p "$HOME/.config/hx" "$WORK/other"
KEYS=$HOME/.config/hx

# --- the key itself
check "there is no key of this device before it is made" ended 20000 1 'no file .*device.key.: .hx key --device' "$HX" key --device --show
check "it is made once, and what may be known of it is printed" ended 20000 0 "stored in '$KEYS/device.key'.*home bind ed25519:" "$HX" key --device -v
DEVICE=$(cat "$WORK/ended.out")
check "for nobody else to read" [ "$(stat -c %a "$KEYS/device.key")" = 600 ]
check "the second time it is only shown" [ "$("$HX" key --device)" = "$DEVICE" ]
check "which is a public key" grep -qE '^ed25519:[A-Za-z0-9_-]{43}$' <<<"$DEVICE"
OTHER=$("$HX" key --device "$WORK/other/device.key")
check "two files for one key are one too many" ended 20000 2 "'a' and --file are two files" "$HX" key --device --file b a
"$HX" key >"$WORK/key.out" 2>&1
HASH=$("$HX" key --auth)
check "of the key that is shared a hash is printed" grep -qE '^psk:[A-Za-z0-9_-]{43}$' <<<"$HASH"

# --- the nameserver
cat >"$WORK/rules" <<END
open     bind,connect  any
mine     bind,connect  $DEVICE
theirs   bind,connect  $OTHER
ours     bind,connect  $HASH
either   bind          $OTHER
either   bind,connect  $HASH
mine6    bind,connect  $DEVICE
python   bind,connect  $DEVICE
code-*   bind,connect  any
tunnel   bind,connect  $DEVICE
lunch    join          $DEVICE
lunch    join          $OTHER
END
start_nameserver --listen "[::1]:0" --listen-tcp 127.0.0.1:0 --auth "$WORK/rules" || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ') && TCP=${TCP##* }
NS6=$(grep -oE '\[::1\]:[0-9]+' "$WORK/nameserver.out" | head -n 1)
export HX_NAMESERVER=$NS
echoes() { # echoes NAME [OPTION...]: a line goes to the holder of NAME and back
    [ "$(echo "a line" | timeout $((20 * SLOW)) "$HX" connect "$@" 2>"$WORK/echoes.err")" = "a line" ] && return
    cat "$WORK/echoes.err"
    return 1
}
refused() { # refused NAME REGEX [OPTION...]: connect says so
    ended 20000 1 "$2" "$HX" connect "$1" "${@:3}"
}

start_bound open open --echo
check "what anybody may do needs no proof" echoes open
start_bound mine mine --echo
check "a device binds with its key by itself, and connects" echoes mine
check "the nameserver knows by whom" grep -qE "event=bound .*key=${DEVICE:0:16}" "$WORK/nameserver.err"
check "another device may not connect" refused mine "rules.*a line .mine connect $OTHER" --device-key "$WORK/other/device.key"
python() { # a program on libhx
    [ "$(HX_KEY=$(cat "$KEYS/key") HX_LIBRARY=$B/libhx.so.0 PYTHONPATH=$TOP/bindings/python PYTHONDONTWRITEBYTECODE=1 \
        timeout $((20 * SLOW)) python3 -c '
import hx, sys
key = open(sys.argv[1]).read()
with hx.listen("python", device_key=key) as here, hx.connect("python", device_key=key) as there:
    there.sendall(b"a line")
    there.shutdown()
    print(here.accept().read().decode())
try:
    hx.connect("mine", device_key="")
except hx.DeniedError as error:
    print(error)' "$KEYS/device.key" 2>&1 | head -c 300 | tee "$WORK/python.out" | grep -cE '^a line$|line .mine connect psk:HASH.')" = 2 ] && return
    cat "$WORK/python.out"
    return 1
}
check "a program on libhx proves the key that it gives, and hears why it may not" python
start_bound theirs theirs --echo --device-key "$WORK/other/device.key"
check "with --device-key it is another device" echoes theirs --device-key "$WORK/other/device.key"
printf '[theirs]\ndevice-key = ~/../other/device.key\n' >"$KEYS/config"
chmod 600 "$KEYS/config"
check "which the configuration file may say, too" echoes theirs
rm "$KEYS/config"
start_bound ours ours --echo
check "a key that hosts share is proven where the device's is not allowed" echoes ours
start_bound either either --echo
check "and it is enough alone" echoes either --device-key "$WORK/other/device.key"

chmod 644 "$WORK/other/device.key"
check "a key that others can read is none" refused theirs "others may use the key .*chmod 600" --device-key "$WORK/other/device.key"
chmod 600 "$WORK/other/device.key"
check "a file that is no such key is told of" refused theirs "holds no key of a device.*makes one in a FILE that is not there yet" --device-key "$KEYS/key"
check "and is not written over" ended 20000 1 "holds no key of a device.*not there yet" "$HX" key --device "$KEYS/key"

# --- who has no key
mkdir -p "$WORK/bare/.config/hx"
cp "$KEYS/key" "$WORK/bare/.config/hx"
check "without --insecure there is a key in any case, which may not be the right one" \
    ended 20000 1 'a line .mine connect psk:HASH., with what .hx key --auth. prints' env HOME="$WORK/bare" "$HX" connect mine
check "who has none at all hears how to make one" \
    ended 20000 1 'wants to know who asks; this host has no key to prove: .hx key --device. makes one' \
    env HOME="$WORK/bare" "$HX" connect mine --insecure

start sending "$HX" send "$WORK/rules"
CODE=$(await_line "$WORK/sending.out" '^hx recv ') && CODE=${CODE#hx recv }
mkdir "$WORK/received"
check "a line for all codes lets whoever has one receive" \
    ended 20000 0 '' env HOME="$WORK/none" "$HX" recv -y "$CODE" "$WORK/received"
check "what was sent" cmp "$WORK/rules" "$WORK/received/rules"

# --- hx bind goes on asking: the line may come, and go
strict() { # strict LINE: a nameserver with that rule alone, where it was before
    echo "$1" >"$WORK/strict.rules"
    [ -z "${STRICT_PID:-}" ] || { kill "$STRICT_PID" && await_exit "$STRICT_PID"; }
    start strict "$B/hx-nameserver" --listen "${STRICT:-127.0.0.1:0}" --auth "$WORK/strict.rules"
    STRICT_PID=$PID STRICT=$(await_line "$WORK/strict.out" 'listening on' | sed 's/.* //')
}
strict "someone bind $DEVICE"
start later "$HX" bind later --echo -v -n "$STRICT"
check "hx bind says what line is missing, and waits" \
    await_line "$WORK/later.err" "^hx: waiting for the nameserver $STRICT: .*a line .later bind $DEVICE" $((10 * SLOW))
check "with --timeout it ends, and says so" ended 20000 1 "a line .never bind $DEVICE" "$HX" bind never --timeout 1 -n "$STRICT"
strict "later bind $DEVICE"
check "when the nameserver has it the name is bound" await_line "$WORK/later.err" '^bound later as' $((60 * SLOW))
strict "someone bind $DEVICE"
check "a holder that may not any more says what it needs, also without --verbose" \
    await_line "$WORK/later.err" "^hx: nameserver lost, which does not allow later any more: .*a line .later bind $DEVICE" $((60 * SLOW))
check "who sends by a code hears what lets all codes in" \
    ended 20000 1 'a line .code-\* bind any' env HOME="$WORK/none" "$HX" send "$WORK/rules" --timeout 1 -n "$STRICT"
check "a device, that its key does" \
    ended 20000 1 "a line .code-\* bind $DEVICE" "$HX" send "$WORK/rules" --timeout 1 -n "$STRICT"

# --- a nameserver by a name that it does not want to have (--auth-host)
echo "home connect $DEVICE" >"$WORK/named.rules"
start named "$B/hx-nameserver" --listen 127.0.0.1:0 --auth "$WORK/named.rules" --auth-host ns.example
NAMED=$(await_line "$WORK/named.out" 'listening on' | sed 's/.* //')
check "who reaches a nameserver by another name hears that, though a shared key is tried, too" \
    refused home 'Host is none of this nameserver.s \(--auth-host\)' -n "$NAMED"

# --- a name that is another one's (--auth tofu)
start tofu "$B/hx-nameserver" --listen 127.0.0.1:0 --auth tofu --auth-db "$WORK/owners.db"
TOFU=$(await_line "$WORK/tofu.out" 'listening on' | sed 's/.* //')
start_bound owned owned --echo -n "$TOFU"
check "who comes second hears whose it is not, and who can change that, though both have a shared key" \
    ended 20000 1 'is owned by another key; .*forget the owner \(--forget\)' \
    "$HX" bind owned --timeout 1 -n "$TOFU" --device-key "$WORK/other/device.key"
check "who has but a shared key hears the same" \
    ended 20000 1 'is owned by another key; .*forget the owner \(--forget\)' env HOME="$WORK/bare" "$HX" bind owned --timeout 1 -n "$TOFU"
check "and of a name that is free which key it takes" \
    ended 20000 1 'bind it with one, as hx key --device makes it' env HOME="$WORK/bare" "$HX" bind free --timeout 1 -n "$TOFU"

# --- over the other family, over TCP, with several nameservers
start_bound six mine6 --echo -n "$NS6"
check "over IPv6 a name is bound, and a peer asked for, as well" echoes mine6 -n "$NS6"
start tunnel "$HX" bind tunnel -v --echo --tcp-only -n "http://$TCP?udp=${NS##*:}"
check "through TCP a name is bound, too" await_line "$WORK/tunnel.err" '^bound tunnel through TCP' $((20 * SLOW))
check "and a peer asked for" echoes tunnel --tcp-only -n "http://$TCP?udp=${NS##*:}"
start second "$B/hx-nameserver" --listen 127.0.0.1:0
SECOND=$(await_line "$WORK/second.out" 'listening on' | sed 's/.* //')
start_bound public mine --echo -n "$SECOND"
check "what one nameserver does not allow another one may know" echoes mine -n "$NS,$SECOND" --device-key "$WORK/other/device.key"
check "where none helps, it is said why" refused absent "a line .absent connect $DEVICE" -n "$NS,$SECOND"

# --- sessions
export HX_KEY
HX_KEY=$(cat "$KEYS/key")
start ann "$HX" meet lunch --expect 2 --name ann -v
start bob "$HX" meet lunch --expect 2 --name bob -v --device-key "$WORK/other/device.key"
check "two meet in a session, each with the key of its device" await_line "$WORK/ann.err" 'bob' $((20 * SLOW))
check "who may not join is told" ended 20000 1 "a line .dinner join $DEVICE" "$HX" meet dinner --expect 2 --timeout 2
unset HX_KEY

finish
