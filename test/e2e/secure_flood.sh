#!/usr/bin/env bash
# Refused connections, however many, end no link; a real flood does, and both sides say so.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
MANY=${MANY:-1200} # connections that are refused; without time or order to give frames back, 1,050 were too many

# A port of a SOCKS proxy as a browser uses it, many at once; every connection must be told that it was refused.
cat >"$WORK/refused.py" <<'P'
import socket, sys, threading
kind, port, target, many = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
wrong = []
def one():
    s = socket.create_connection(("127.0.0.1", port)); s.settimeout(30)
    try:
        if kind == "socks":
            s.sendall(b"\5\1\0\5\1\0\1\x7f\0\0\1" + target.to_bytes(2, "big"))
            got = b""
            while len(got) < 12:
                d = s.recv(12 - len(got))
                if not d: break
                got += d
            if got[:4] != b"\5\0\5\5": wrong.append(got)
        elif s.recv(1): wrong.append("data")
    except ConnectionResetError:
        if kind == "socks": wrong.append("reset")
    except OSError as e: wrong.append(e)
    finally: s.close()
def some(n):
    for _ in range(n): one()
threads = [threading.Thread(target=some, args=(many // 8,)) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
if wrong: sys.exit(f"{len(wrong)} of {many} went wrong: {wrong[:3]}")
P
# alive: the innocent connection on descriptor 9 passes a line.
alive() {
    echo "$1" >&9
    read -r -t 10 line <&9 && [ "$line" = "$1" ]
}

start_nameserver_with_key
start_echo || not_ok "a TCP server starts" "$WORK/tcp.err"

start bind "$HX" bind home -v --allow "127.0.0.1:$PORT" --allow 127.0.0.1:1
BIND=$PID
await_line "$WORK/bind.err" '^bound home as ' >/dev/null
start connect "$HX" connect home -v -L "0:127.0.0.1:$PORT" -L 0:127.0.0.1:1 -D 0
CONNECT=$PID
await_line "$WORK/connect.err" '^connected to home at ' >/dev/null
GOOD=$(listens connect "127.0.0.1:$PORT")
CLOSED=$(listens connect "127.0.0.1:1")
D=$(listens connect "any target")
exec 9<>"/dev/tcp/127.0.0.1/$GOOD"
check "a connection passes" alive one
check "$MANY connections to a closed port, as fast as it goes, are each refused" \
    python3 "$WORK/refused.py" direct "$CLOSED" 1 "$MANY"
check "the connection beside them still passes" alive two
check "$((MANY / 4)) more through SOCKS are each told so" python3 "$WORK/refused.py" socks "$D" 1 $((MANY / 4))
check "and it still passes" alive three
# Aborted at once: each costs a request and a reset.
check "connections that are given up at once harm it neither" python3 - "$GOOD" $((MANY / 4)) <<'P'
import socket, struct, sys
for _ in range(int(sys.argv[2])):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
P
check "and it passes after those, too" alive four
exec 9<&-
check "there was one link all the time" [ "$(grep -c '^connected to home' "$WORK/connect.err")" = 1 ]
check "no side speaks of a flood" [ -z "$(grep -h flood "$WORK"/{bind,connect}.err)" ]
kill "$CONNECT" "$BIND"
await_exit "$CONNECT"
await_exit "$BIND"
finish
