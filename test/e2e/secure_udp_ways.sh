#!/usr/bin/env bash
# Datagrams by every way to ask for them: UDP ASSOCIATE of -D, -R udp:, and that of a SOCKS proxy at the binding side.
# And what is dropped is counted, by its reason.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

cat >"$WORK/udp.py" <<'EOF'
"""socks PORT STORY ARGUMENT...: see there. ask PORT LENGTH...: are they given back?"""
import socket, struct, sys

def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(60)
    s.bind(("127.0.0.1", 0))
    return s

def head(host, port, fragment=0):
    try:
        address = b"\1" + socket.inet_pton(socket.AF_INET, host)
    except OSError:
        try:
            address = b"\4" + socket.inet_pton(socket.AF_INET6, host)
        except OSError:
            address = b"\3" + bytes([len(host)]) + host.encode()
    return b"\0\0" + bytes([fragment]) + address + struct.pack(">H", int(port))

def exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        assert more, "the proxy has hung up"
        data += more
    return data

def associate(port, hint=("0.0.0.0", 0), host="127.0.0.1"):
    s = socket.create_connection((host, int(port)), timeout=60)
    s.sendall(b"\5\1\0")
    assert exactly(s, 2) == b"\5\0"
    s.sendall(b"\5\3\0" + head(*hint)[3:])
    version, reply, _, kind = exactly(s, 4)
    address = exactly(s, 16 if kind == 4 else 4)
    bound = struct.unpack(">H", exactly(s, 2))[0]
    assert reply == 0, reply
    return s, (socket.inet_ntop(socket.AF_INET6 if kind == 4 else socket.AF_INET, address), bound)

def talk(s, at, host, port, data, answers_from=None):
    s.sendto(head(host, port) + data, at)
    came = s.recv(70000)
    assert came in [head(address, port) + data for address in (answers_from or host).split(",")], came[:40]

def hears_nothing(s):
    s.settimeout(0.5)
    try:
        raise AssertionError(s.recv(70000))
    except TimeoutError:
        pass

if sys.argv[1] == "ask":
    s = udp()
    s.connect(("127.0.0.1", int(sys.argv[2])))
    s.settimeout(1)
    for length in map(int, sys.argv[3:]):
        for _ in range(60):  # one that comes just as a flow ends is lost
            s.send(b"r" * length)
            try:
                if s.recv(70000) == b"r" * length:
                    break
            except TimeoutError:
                pass
        else:
            sys.exit("%d bytes never came back" % length)
else:
    port, story, rest = sys.argv[2], sys.argv[3], sys.argv[4:]
    if story == "talk":  # HOST PORT FROM: of several lengths
        tcp, at = associate(port)
        s = udp()
        for length in 0, 1, 1200, 1472, 9000, 65000:
            talk(s, at, rest[0], rest[1], b"s" * length, rest[2])
    elif story == "two":  # HOST PORT HOST PORT: two targets of one association, each answers for itself
        tcp, at = associate(port)
        s = udp()
        for _ in range(3):
            talk(s, at, rest[0], rest[1], b"one")
            talk(s, at, rest[2], rest[3], b"two")
    elif story == "ends":  # HOST PORT: with the connection that asked for it
        tcp, at = associate(port)
        s = udp()
        talk(s, at, *rest, b"lives")
        tcp.close()
        s.connect(at)
        for _ in range(600):
            try:
                s.settimeout(0.1)
                s.send(head(*rest) + b"still?")
                s.recv(100)
            except ConnectionRefusedError:
                sys.exit(0)
            except TimeoutError:
                pass
        sys.exit("the port is still there")
    elif story == "stranger":  # HOST PORT: another port of the client's host than the one that it announced
        mine, other = udp(), udp()
        tcp, at = associate(port, mine.getsockname())
        other.sendto(head(*rest) + b"forged", at)
        talk(mine, at, *rest, b"mine")
        hears_nothing(other)
        hears_nothing(mine)
    elif story == "odd":  # HOST PORT: fragments, heads that are none; what follows is served
        tcp, at = associate(port)
        s = udp()
        whole = head(*rest) + b"x"
        for bad in [whole[:n] for n in range(len(whole) - 1)] + [head(*rest, fragment=1) + b"x", head(rest[0], 0) + b"x"]:
            s.sendto(bad, at)
        talk(s, at, *rest, b"good")
        hears_nothing(s)
    elif story == "lasts":  # HOST PORT: after a line of standard input what is said then is answered, too
        tcp, at = associate(port)
        s = udp()
        talk(s, at, *rest, b"before")
        print("before", flush=True)
        sys.stdin.readline()
        s.settimeout(0.5)
        for _ in range(240):
            s.sendto(head(*rest) + b"after", at)
            try:
                if s.recv(100).endswith(b"after"):
                    sys.exit(0)
            except TimeoutError:
                pass
        sys.exit("no answer")
    elif story == "refused":  # HOST PORT: no answer, again and again
        tcp, at = associate(port)
        s = udp()
        for _ in range(20):
            s.sendto(head(*rest) + b"x", at)
        hears_nothing(s)
EOF
udp() { timeout 90 python3 "$WORK/udp.py" "$@"; }

start_nameserver_with_key
start_udp_echo echo2 && ECHO2=$PORT
start_udp_echo echo1 && ECHO1=$PORT
SIX=
if grep -q ' lo$' /proc/net/if_inet6 2>/dev/null; then # localhost may be any of both
    start_udp_echo echo62 ::1 "$ECHO2"
    start_udp_echo echo61 ::1 "$ECHO1" && SIX=$PORT
fi
OFFER=(--allow "udp:127.0.0.1:$ECHO1" --allow "udp:127.0.0.1:$ECHO2" --allow "udp:localhost:$ECHO1"
    --allow "udp:[::1]:${SIX:-1}" --allow-listen 'udp:*' --allow-listen '*' --keepalive 1)
start_bound home home "${OFFER[@]}"
HOME_PID=$PID
start_connected out home --keepalive 1 -D 127.0.0.1:0 -R "udp:0:127.0.0.1:$ECHO1" -R 0
OUT_PID=$PID
SOCKS=$(listens out "any target")
REMOTE=$(listens out "127.0.0.1:$ECHO1" home)
BACK=$(listens out "any target here" home)

check "SOCKS: an IPv4 target has every length back" udp socks "$SOCKS" talk 127.0.0.1 "$ECHO1" 127.0.0.1
if [ -n "$SIX" ]; then
    check "SOCKS: and an IPv6 one" udp socks "$SOCKS" talk ::1 "$SIX" ::1
else
    skip "SOCKS: and an IPv6 one" "there is no IPv6 here"
fi
check "SOCKS: a name is the peer's to look up, and its answers have the address" \
    udp socks "$SOCKS" talk localhost "$ECHO1" 127.0.0.1,::1
check "SOCKS: each target answers for itself" udp socks "$SOCKS" two 127.0.0.1 "$ECHO1" 127.0.0.1 "$ECHO2"
check "SOCKS: the port ends with the connection that asked for it" udp socks "$SOCKS" ends 127.0.0.1 "$ECHO1"
check "SOCKS: another than the client gets nothing through, nor anything back" \
    udp socks "$SOCKS" stranger 127.0.0.1 "$ECHO1"
check "SOCKS: fragments, and what has no whole head, are dropped" udp socks "$SOCKS" odd 127.0.0.1 "$ECHO1"
# A library of others': Debian's python3-socks.
PYSOCKS=$TOP/build/deb/usr/lib/python3/dist-packages
cat >"$WORK/pysocks.py" <<'EOF'
import socks, sys
for names in True, False:
    s = socks.socksocket(socks.socket.AF_INET, socks.socket.SOCK_DGRAM)
    s.set_proxy(socks.SOCKS5, "127.0.0.1", int(sys.argv[1]), rdns=names)
    s.settimeout(60)
    for length in 1, 1472, 9000:
        s.sendto(b"p" * length, ("localhost" if names else "127.0.0.1", int(sys.argv[2])))
        data, address = s.recvfrom(70000)
        assert data == b"p" * length and address[1] == int(sys.argv[2]), address
EOF
if [ -e "$PYSOCKS/socks.py" ]; then
    check "SOCKS: Debian's python3-socks is served" \
        env PYTHONPATH="$PYSOCKS" timeout 90 python3 "$WORK/pysocks.py" "$SOCKS" "$ECHO1"
else
    skip "SOCKS: Debian's python3-socks is served" "python3-socks is not in build/deb: make deps-test"
fi
refused() {
    udp socks "$SOCKS" refused 127.0.0.1 1 &&
        await_line "$WORK/out.err" "^hx: no UDP to 127.0.0.1:1: the peer does not allow it" &&
        await_line "$WORK/home.err" "^refused a UDP flow: 127.0.0.1:1 is not allowed here" || return
    [ "$(grep -c "refused a UDP flow: 127.0.0.1:1" "$WORK/home.err")" -le 3 ]
}
check "SOCKS: what is not allowed is refused, and not asked for with each datagram" refused

check "-R udp: the binding side's port leads to the connecting side's target" udp ask "$REMOTE" 0 1 1200 1472 9000 65507
check "-R: SOCKS at the binding side has UDP, too, to names as well" udp socks "$BACK" talk localhost "$ECHO2" 127.0.0.1,::1

comes_back() { # the binding side ends, and is started anew
    local lasting told rc
    mkfifo "$WORK/after" && exec {told}<>"$WORK/after" || return
    timeout 200 python3 "$WORK/udp.py" socks "$SOCKS" lasts 127.0.0.1 "$ECHO1" <"$WORK/after" >"$WORK/lasting.out" 2>&1 &
    lasting=$!
    await_line "$WORK/lasting.out" '^before' || return
    kill "$HOME_PID"
    await_exit "$HOME_PID"
    start_bound home2 home "${OFFER[@]}" && echo >&"$told"
    await_exit "$lasting" 150
    rc=$?
    cat "$WORK/lasting.out"
    exec {told}>&-
    [ "$rc" = 0 ]
}

not_permitted() {
    local rc
    start_bound narrow narrow --allow-listen "udp:$((REMOTE + 1))" --allow-listen '*:*'
    for spec in "udp:$REMOTE:127.0.0.1:1" "udp:*:$((REMOTE + 1)):127.0.0.1:1" "example.invalid:0:127.0.0.1:1"; do
        timeout 60 "$B/hx" connect narrow -v -R "$spec" </dev/null >"$WORK/n.out" 2>"$WORK/n.err"
        rc=$?
        cat "$WORK/n.err"
        [ "$rc" = 1 ] && grep -q "hx bind --allow-listen" "$WORK/n.err" || return
    done
    grep -q "^refused to listen on udp:$REMOTE: it is not permitted" "$WORK/narrow.err"
}
check "-R: what is permitted for TCP is not for UDP, a port is one on loopback, and '*' is no name" not_permitted

says() { # says PID OUTPUT REGEX: when it is asked
    kill -USR1 "$1" && await_line "$WORK/$2.err" "$3"
}
check "SIGUSR1: hx connect tells what has passed, and what was dropped for which reason" says "$OUT_PID" out \
    "^UDP: [0-9]+ flows, [1-9][0-9]* datagrams sent, [1-9][0-9]* came; dropped: .*[1-9][0-9]* refused, 1 from another than the client, [1-9][0-9]* with a head"
check "SIGUSR1: and so does hx bind, of each peer" says "$HOME_PID" home \
    "^peer - at .* key=-: UDP: [0-9]+ flows, [1-9][0-9]* datagrams sent, [1-9][0-9]* came; dropped: "
check "-v tells of drops by itself" await_line "$WORK/out.err" "^datagrams dropped so far: .*refused"

check "an association outlives the link, and is served by the next one" comes_back

ends() { # a flow whose time is over: the next datagram begins another
    local first
    start_connected short home -R "udp:0:127.0.0.1:$ECHO2" --udp-timeout 1
    first=$(listens short "127.0.0.1:$ECHO2" home)
    sockets() { find "/proc/$PID/fd" -lname 'socket:*' | wc -l; }
    is_idle() { [ "$(sockets)" -le "$idle" ]; }
    local idle
    idle=$(sockets)
    udp ask "$first" 5 && ! is_idle && await_true 60 is_idle && udp ask "$first" 5
}
check "--udp-timeout ends a flow and its socket" ends
finish
