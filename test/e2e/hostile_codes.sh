#!/usr/bin/env bash
# A sender (hx send) whose name is known to somebody without the code, who tries keys; and a receiver that has the code,
# and asks for more than it is given.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
MANY=${MANY:-200} # keys that are tried
SENT=0123456789

start_nameserver --introductions-per-source 0 --introductions-per-name 0 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
export HX_NAMESERVER=$NS
unset HX_KEY
mkdir -p "$WORK/a/pics" "$WORK/out"
echo "$SENT" >"$WORK/a/photo.jpg"
echo "$SENT" >"$WORK/a/pics/p"
echo secret >"$WORK/a/secret"
ln -s ../secret "$WORK/a/pics/out"
ln -s .. "$WORK/a/pics/up"

# Name and key of a code, as secure/code.h says, without any of ours.
cat >"$WORK/code.py" <<'P'
import base64, hashlib, hmac, sys
values = bytes("0123456789abcdefghjkmnpqrstvwxyz".index(c) for c in sys.argv[1].replace("-", ""))[:20]
def hkdf(info, size):
    secret = hmac.new(bytes(32), values, hashlib.sha256).digest()
    return hmac.new(secret, info + b"\1", hashlib.sha256).digest()[:size]
key = hkdf(b"hx code key", 20)
text = base64.b32encode(key) + base64.b32encode(hashlib.sha256(key).digest()[:5])[:4]
print("code-" + hkdf(b"hx code name", 12).hex(), "hx" + text.decode().lower())
P
# Tries keys at NAME, eight at once, by libhx: prints how each of them ended.
cat >"$WORK/tries.py" <<'P'
import collections, ctypes, random, sys, threading
hx = ctypes.CDLL(sys.argv[1])
name, many = sys.argv[3].encode(), int(sys.argv[4])
class Config(ctypes.Structure):
    _fields_ = [("nameserver", ctypes.c_char_p), ("local_port", ctypes.c_uint16), ("name", ctypes.c_char_p),
                ("wait_s", ctypes.c_int), ("timeout_ms", ctypes.c_int), ("punch_ms", ctypes.c_int),
                ("linger_ms", ctypes.c_int), ("backlog", ctypes.c_int), ("on_event", ctypes.c_void_p),
                ("user", ctypes.c_void_p), ("keys", ctypes.c_char_p), ("family", ctypes.c_int)]
seen = collections.Counter()
def one():
    key = ctypes.create_string_buffer(64)
    hx.hx_key_generate(key)
    config = Config(nameserver=sys.argv[2].encode(), keys=key.value)
    stream = ctypes.c_void_p()
    err = hx.hx_connect_sized(ctypes.byref(stream), ctypes.byref(config), ctypes.sizeof(config), name, 15000)
    if err == 0:
        err = hx.hx_handshake(stream, 15000)
        hx.hx_close(stream)
    seen[err] += 1
def some():
    for _ in range(many // 8): one()
threads = [threading.Thread(target=some) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
hx.hx_cleanup()
for err, count in sorted(seen.items()): print(err, count)
P

start send "$HX" send -v "$WORK/a/photo.jpg" "$WORK/a/pics"
SENDER=$PID
CODE=$(await_line "$WORK/send.out" '^hx recv ') && CODE=${CODE#hx recv }
read -r NAME KEY < <(python3 "$WORK/code.py" "$CODE")
check "the name follows from the code" grep -q "^bound $NAME as " "$WORK/send.err"
check "the nameserver has seen the name" grep -q "name=$NAME" "$WORK/nameserver.err"
check "and neither code nor key" bash -c "! grep -iE '$CODE|$KEY' '$WORK/nameserver.err' '$WORK/send.err'"
memory() { awk '/^VmHWM/ { print $2 }' "/proc/$SENDER/status"; }
before=$(memory)
begun=$SECONDS
check "$MANY keys are tried by somebody who knows the name" \
    bash -c "timeout 900 python3 '$WORK/tries.py' '$B/libhx.so' '$NS' '$NAME' '$MANY' >'$WORK/tries.out'"
# shellcheck disable=SC2016
check "each of them is refused, or does not get that far" \
    awk '$1 >= 0 { wrong = 1 } $1 == -19 { refused = $2 } END { exit wrong || !refused }' "$WORK/tries.out"
check "the sender says so" grep -q 'does not have the key' "$WORK/send.err"
check "in a few lines a second of each kind" [ "$(wc -l <"$WORK/send.err")" -le $((50 * (SECONDS - begun + 2))) ]
echo "# $(tr '\n' ';' <"$WORK/tries.out") sender's memory $before kB, then $(memory) kB, lines $(wc -l <"$WORK/send.err")"
check "its memory is bounded, however many they are" [ "$(memory)" -lt $((150000 * SLOW)) ]

# --- with the code, by other commands ---
export HX_KEY=$KEY
got() { timeout 60 "$HX" cp "$NAME:$1" "$WORK/out/" >"$WORK/got.out" 2>"$WORK/got.err"; }
check "what is sent can be had with the key, too" got photo.jpg
rm -f "$WORK/out/photo.jpg"
for path in secret pics/../secret ../a/secret /etc/passwd pics/out pics/up/secret photo.jpg/../secret a/secret; do
    check "$path cannot" [ "$(got "$path"; echo $?):$(ls -A "$WORK/out")" = 1: ]
done
check "nothing can be written" [ "$(timeout 60 "$HX" cp "$WORK/a/secret" "$NAME:photo.jpg" 2>"$WORK/got.err"; echo $?)" = 1 ]
check "not even beside it" [ "$(timeout 60 "$HX" cp "$WORK/a/secret" "$NAME:pics/" 2>"$WORK/got.err"; echo $?)" = 1 ]
check "what is sent is as it was" [ "$(cat "$WORK/a/photo.jpg"; find "$WORK/a/pics" | wc -l)" = "$SENT
4" ]
check "there is no pipe" ended 20000 1 'offers no pipe' "$HX" connect "$NAME"
check "no target" ended 20000 1 'does not allow connections' "$HX" connect "$NAME" --to 127.0.0.1:22
unset HX_KEY
check "all the while the sender waits for its receiver" kill -0 "$SENDER"
check "who has the code receives" timeout 60 "$HX" recv "$CODE" "$WORK/out" -y
check "what was sent, without what links lead to" [ "$(cd "$WORK/out" && find . -type f | sort | tr '\n' ' ')" = "./photo.jpg ./pics/p " ]
check "then the sender ends" await_exit "$SENDER"
start bind env "HX_KEY=$KEY" "$HX" bind "$NAME" --echo -v
await_line "$WORK/bind.err" '^bound ' >"$WORK/bound"
check "who holds the name with the key, but is no sender, is told apart" \
    ended 20000 1 'is no .hx send. of this version' "$HX" recv "$CODE" "$WORK/out" -y
kill "$PID"
await_exit "$PID"
start other env "HX_KEY=$("$HX" key --file "$WORK/other")" "$HX" bind "$NAME" --echo -v
await_line "$WORK/other.err" '^bound ' >"$WORK/bound"
check "so is who holds it without the key" \
    ended 20000 1 'held by somebody who does not have the code' "$HX" recv "$CODE" "$WORK/out" -y
kill "$PID"
await_exit "$PID"
finish
