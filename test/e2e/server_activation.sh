#!/usr/bin/env bash
# Sockets that systemd opens: the nameserver takes them over, and when it is started anew under load nobody is refused;
# as they are when it opens them itself, by the same test.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

cat >"$WORK/restart.py" <<'END'
"""restart.py (inherited | own) UDTCURL HOLDERS NAMESERVER: starts the nameserver again and again under load.

Prints the refusals that those who send datagrams hear of (ICMP, as ECONNREFUSED of connected sockets), those of TCP
connections, the names that are held after each start, and what who asks for those names says in the end."""
import os, signal, socket, struct, subprocess, sys, threading, time

HOW, HOLDERS, NAMESERVER, WORK = sys.argv[1:]
NAMES, RESTARTS = 20, 3 if HOW == "inherited" else 1
OPTIONS = ["--stun-port", "none", "--stun-rate", "0", "--max-per-address", "0", "--rate-per-address", "0"]

udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
udp.setblocking(False)  # as systemd may hand them over
tcp = socket.create_server(udp.getsockname())
AT = "%s:%d" % udp.getsockname()
if HOW == "own":
    udp.close(), tcp.close()

def start():
    out = open(os.path.join(WORK, HOW + ".out"), "w+b")
    err = open(os.path.join(WORK, HOW + ".err"), "ab")
    pid = os.fork()
    if pid == 0:
        os.dup2(out.fileno(), 1), os.dup2(err.fileno(), 2)
        options = ["--listen", AT, "--listen-tcp", AT]
        if HOW == "inherited":
            options = []
            for number, s in enumerate((udp, tcp)):
                os.dup2(s.fileno(), 20 + number)
            os.dup2(20, 3), os.dup2(21, 4)
            os.closerange(5, 256)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="hx.socket:hx.socket")
        os.execv(NAMESERVER, [NAMESERVER] + OPTIONS + options)
    while b"listening on tcp" not in open(out.name, "rb").read():
        if os.waitpid(pid, os.WNOHANG)[0]:
            sys.exit("the nameserver does not start")
        time.sleep(0.01)
    return pid

def held():
    """How many names the one that runs now holds: the last line of its log that says so."""
    log = os.path.join(WORK, HOW + ".err")
    before = open(log).read().count("event=stats")
    os.kill(server, signal.SIGUSR1)
    while open(log).read().count("event=stats") == before:
        time.sleep(0.02)
    return int(open(log).read().rsplit("event=stats", 1)[1].split("names=")[1].split()[0])

def await_all():
    for _ in range(600):
        if held() == NAMES:
            return NAMES
        time.sleep(0.1)
    return held()

over = threading.Event()
count = {"refused": 0, "sent": 0, "heard": 0, "tcp": 0, "tcp_refused": 0}

def send_datagrams():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((AT.split(":")[0], int(AT.split(":")[1])))
    s.settimeout(0.002)
    while not over.is_set():
        try:
            s.send(struct.pack(">HHI12s", 1, 0, 0x2112A442, os.urandom(12)))
            count["sent"] += 1
            s.recv(2048)
            count["heard"] += 1
        except ConnectionRefusedError:
            count["refused"] += 1
        except TimeoutError:
            continue
        time.sleep(0.001)
    s.settimeout(0.5)
    try:
        while True:
            s.recv(2048)
            count["heard"] += 1
    except OSError:
        pass

def open_connections():
    while not over.wait(0.02):
        try:
            with socket.create_connection((AT.split(":")[0], int(AT.split(":")[1])), 20) as s:
                s.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
                s.recv(1000)
            count["tcp"] += 1
        except ConnectionRefusedError:
            count["tcp_refused"] += 1
        except OSError:
            pass

server = start()
holders = subprocess.Popen([HOLDERS, AT, str(NAMES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
while holders.stdout.readline() != b"ready\n":
    pass
threading.Thread(target=holders.stdout.read, daemon=True).start()
ask = subprocess.Popen([HOLDERS, AT, str(NAMES), "ask", "20"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
load = [threading.Thread(target=t) for t in (send_datagrams, open_connections)]
for t in load:
    t.start()
again = []
for _ in range(RESTARTS):
    time.sleep(0.3)
    os.kill(server, signal.SIGTERM)
    assert os.waitpid(server, 0)[1] == 0
    server = start()
    again.append(await_all())
over.set()
for t in load:
    t.join()
asked = ask.communicate()[0].decode().strip().splitlines()
holders.kill()
os.kill(server, signal.SIGTERM)
os.waitpid(server, 0)
print("refused", count["refused"], "tcp_refused", count["tcp_refused"], "names", *again)
print(asked[-1], "datagrams", count["sent"], "answered", count["heard"], "connections", count["tcp"])
END
restarted() { timeout 100 python3 "$WORK/restart.py" "$1" "$B/test/holders" "$B/hx-nameserver" "$WORK" >"$WORK/$1.seen"; }

check "a nameserver whose sockets are handed to it starts again and again" restarted inherited
check "no datagram and no connection is refused meanwhile, and all names are held again each time" \
    grep -q '^refused 0 tcp_refused 0 names 20 20 20$' "$WORK/inherited.seen"
check "whoever asks for a name, and waits for it, reaches it in the end" grep -Eq '^reached [1-9][0-9]* failed 0 ' "$WORK/inherited.seen"
sed -n 's/^reached/# reached/p' "$WORK/inherited.seen"
check "one that opens them itself does so, too" restarted own
check "but then some are refused" grep -Eq '^refused [1-9][0-9]* tcp_refused [0-9]+ names 20$' "$WORK/own.seen"
echo "# handed over: $(head -n 1 "$WORK/inherited.seen"); opened anew: $(head -n 1 "$WORK/own.seen")"

# ---- systemd's own starter ----
if command -v systemd-socket-activate >/dev/null; then
    PORT=$(python3 -c 'import socket as s; a = s.socket(s.AF_INET6, s.SOCK_DGRAM); a.bind(("::", 0)); print(a.getsockname()[1])')
    start activated systemd-socket-activate -d -l "$PORT" "$B/hx-nameserver" --stun-port none
    await_line "$WORK/activated.err" 'Listening on' >/dev/null
    check "the first request starts it, and is answered" \
        [ "$("$B/udtcurl" -s -o "$WORK/root" -w '%{http_code}' --max-time 60 "udt://127.0.0.1:$PORT/")" = 200 ]
    check "over both families" "$B/udtcurl" -s --max-time 60 "udt://[::1]:$PORT/"
    kill "$PID"
    await_exit "$PID"
    check "it ends in order" [ $? = 0 ]
else
    skip "the first request starts it, and is answered" "no systemd-socket-activate on this machine"
fi

# ---- what is of no use ----
# refused_with REGEX FDNAME PYTHON: that socket is handed over
refused_with() {
    timeout 60 python3 -c '
import os, socket, sys
exec(sys.argv[3])
os.dup2(s.fileno(), 20), os.dup2(20, 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[1], [sys.argv[1], "--listen", "127.0.0.1:0"])' "$B/hx-nameserver" "$2" "$3" 2>"$WORK/bad.err"
    [ $? = 1 ] && grep -q -- "$1" "$WORK/bad.err"
}
check "a TCP socket that does not listen is refused" \
    refused_with "socket 3 of LISTEN_FDS, 'x', is no UDP socket" x 's = socket.socket(); s.bind(("127.0.0.1", 0))'
check "so is a UDP socket without a port" refused_with "is no UDP socket" x 's = socket.socket(type=socket.SOCK_DGRAM)'
check "and one that is connected" refused_with "is no UDP socket" x \
    's = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); s.connect(("127.0.0.1", 9))'
check "and a file" refused_with "is no UDP socket" x 's = open("/dev/null")'
check "and a Unix socket that is not called admin" refused_with "is no UDP socket" x \
    "s = socket.socket(socket.AF_UNIX); s.bind('$WORK/x.sock'); s.listen()"
check "and one called admin that everybody reaches without a token" refused_with "admin-token" admin \
    's = socket.create_server(("0.0.0.0", 0))'
finish
