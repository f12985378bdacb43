"""test/hostile/tunnel_peers.py TCP_PORT UDP_PORT CASE [NUMBER]: who abuses a tunnel for UDP; prints what comes of it."""
import resource
import socket
import struct
import sys
import time

TCP, UDP, CASE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
NUMBER = int(sys.argv[4]) if len(sys.argv) > 4 else 0
STUN = bytes.fromhex("000100002112a442") + bytes(12)  # RFC 8489, 5: a Binding request


def handshake(number):
    """UDT's first one, of an id."""
    return struct.pack(">IIII", 0x80000000, 0, 0, 0) + struct.pack(">IIIIIIIIIIII", 4, 1, 77, 1500, 32, 1, number, 0, 0, 0, 0, 0)


def varint(n):
    if n < 1 << 6:
        return struct.pack(">B", n)
    if n < 1 << 14:
        return struct.pack(">H", n | 1 << 14)
    return struct.pack(">I", n | 2 << 30)


def capsule(datagram, kind=0, context=b"\0"):
    return varint(kind) + varint(len(context) + len(datagram)) + context + datagram


def tunnel(room=0):
    """The stream, with so much room for what comes, and the status."""
    s = socket.socket()
    s.settimeout(5)
    if room:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    s.connect(("127.0.0.1", TCP))
    s.sendall(b"GET /.well-known/masque/udp/localhost/%d/ HTTP/1.1\r\nHost: s\r\n"
              b"Connection: Upgrade\r\nUpgrade: connect-udp\r\n\r\n" % UDP)
    head = b""
    while b"\r\n\r\n" not in head:
        more = s.recv(1)
        if not more:
            return s, 0
        head += more
    return s, int(head.split()[1])


def whole(s):
    """The next datagram that comes; None: the end."""
    def exactly(n):
        got = b""
        while len(got) < n:
            more = s.recv(n - len(got))
            if not more:
                raise EOFError
            got += more
        return got
    try:
        exactly(1)
        first = exactly(1)
        length = first[0] if first[0] < 64 else (first[0] & 63) << 8 | exactly(1)[0]
        return exactly(length)[1:]
    except (EOFError, OSError):
        return None


def ended(s, seconds):
    """Whether the other side ends it in that time."""
    s.settimeout(seconds)
    try:
        while s.recv(65536):
            pass
        return True
    except socket.timeout:
        return False
    except OSError:
        return True


def lies():
    wrong = {"too long": varint(0) + varint(65537) + b"\0" * 65537,
             "longer than there is memory": varint(0) + b"\xff" * 8,
             "empty": b"\0\0",
             "cut context": b"\0\1\x40",
             "cut long context": b"\0\3\xc0\0\0\0"}
    for what, bytes_ in wrong.items():
        s, _ = tunnel()
        try:
            s.sendall(bytes_)
        except OSError:
            pass
        print("ended" if ended(s, 5) else "open", what, sep=": ")
    s, _ = tunnel()
    s.sendall(varint(0) + varint(1400) + b"\0" * 700)  # and then never the rest
    print("open" if not ended(s, 1) else "ended", "half", sep=": ")
    s.close()


def skipped():
    s, _ = tunnel()
    s.settimeout(5)
    s.sendall(capsule(b"x" * 300, kind=37) + capsule(STUN, context=b"\2") + capsule(b"y" * 1501) +
              capsule(b"") + capsule(b"z" * 15) + capsule(STUN))
    answer = whole(s)
    print("answered", answer is not None and answer[:2] == b"\x01\x01")
    s.settimeout(0.5)
    try:
        print("more", whole(s) is not None)
    except socket.timeout:
        print("more", False)


def byte_by_byte():
    s, _ = tunnel()
    s.settimeout(5)
    for b in capsule(b"x" * 100, kind=9) + capsule(STUN):
        s.sendall(bytes([b]))
    print("answered", whole(s) is not None)


def flood():
    """As many datagrams as it takes in NUMBER seconds: garbage, and first handshakes of UDT from ever new ids."""
    s, _ = tunnel()
    end, count = time.monotonic() + NUMBER, 0
    print("begun", flush=True)
    s.settimeout(1)
    while time.monotonic() < end:
        burst = b"".join(capsule(struct.pack(">IIII", 0x80060000, 0, 0, 0x1000 + i)) +
                         capsule(handshake(count + i + 1)) for i in range(200))
        try:
            s.sendall(burst)
        except socket.timeout:
            continue
        except OSError:
            break
        count += 400
        s.setblocking(False)
        try:
            while s.recv(65536):
                pass
        except OSError:
            pass
        s.settimeout(1)
    print("sent", count)


def unread():
    """Asks on and on, and reads nothing."""
    s, _ = tunnel(4096)
    s.settimeout(1)
    burst, sent, end = capsule(handshake(1)) * 200, 0, time.monotonic() + 20
    try:
        while time.monotonic() < end:
            try:
                sent += s.send(burst)
                time.sleep(0.002)
            except socket.timeout:
                pass
        print("open")
    except OSError:
        print("ended after", sent)


def many():
    """NUMBER tunnels at once: with which statuses."""
    streams = [tunnel() for _ in range(NUMBER)]
    print("statuses", *sorted(status for _, status in streams))
    print("udp", end=" ", flush=True)
    sys.stdin.readline()


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
{"lies": lies, "skipped": skipped, "byte_by_byte": byte_by_byte, "flood": flood, "unread": unread, "many": many}[CASE]()
