#!/usr/bin/env python3
"""relay_party.py CASE HOST:PORT KEY: both parties of a relayed session, and whoever copies them, on plain sockets.

KEY: the session's, 32 hex digits. Written from proto/relay_frame.h alone. Exit 0 if all is as it should be, else 1
with a line that says what was not."""
import hashlib
import hmac
import os
import socket
import struct
import sys
import time

DATA, OPEN, CHALLENGE, OPENED, REFUSED = 1, 2, 3, 4, 5
WAIT_S = 10  # an answer that comes
QUIET_S = 0.3  # none does


def mac(key, said):
    return hmac.new(key, said, hashlib.sha256).digest()


class Session:
    def __init__(self, key):
        self.id = mac(key, b"hx relay id")[:8]
        self.keys = [mac(key, b"hx relay of the caller"), mac(key, b"hx relay of the called")]

    def head(self, kind, half, reason=0):
        return b"\xe8hxR" + struct.pack(">BBH", kind, half, reason) + self.id

    def open(self, half, number, cookie=bytes(16)):
        said = self.head(OPEN, half) + struct.pack(">Q", number) + cookie + bytes(8)
        return said + mac(self.keys[half], said)[:16]


class Party:
    def __init__(self, session, half, server):
        self.session, self.half, self.number, self.cookie = session, half, 0, bytes(16)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(server)

    def send(self, frame):
        self.socket.send(frame)

    def take(self, wait_s=WAIT_S):
        self.socket.settimeout(wait_s)
        try:
            return self.socket.recv(2048)
        except TimeoutError:
            return None

    def ask(self, frame=None):
        """The kind and reason of the answer, or None."""
        if frame is None:
            self.number += 1
            frame = self.session.open(self.half, self.number, self.cookie)
        self.send(frame)
        answer = self.take()
        if answer is None:
            return None
        kind, half, reason = struct.unpack(">BBH", answer[4:8])
        expect(len(answer) == 64, "an answer has %d bytes" % len(answer))
        expect(mac(self.session.keys[self.half], answer[:48])[:16] == answer[48:], "an answer's code is wrong")
        expect(half == self.half and answer[8:16] == self.session.id, "an answer is another one's")
        self.cookie = answer[24:40]
        return kind, reason

    def open(self):
        expect(self.ask() == (CHALLENGE, 0), "an address that is not proven is challenged")
        expect(self.ask() == (OPENED, 0), "with the cookie it opens")

    def say(self, payload):
        self.send(self.session.head(DATA, self.half) + payload)

    def hears(self, payload):
        frame = self.take()
        expect(frame == self.session.head(DATA, 1 - self.half) + payload,
               "of %d bytes %s arrive, or others" % (len(payload), frame and len(frame) - 16))


def expect(true, what):
    if not true:
        print(what)
        sys.exit(1)


def expect_silence(parties, what):
    for p in parties:
        expect(p.take(QUIET_S) is None, what)


def forwarded(server, session):
    h2, h1 = Party(session, 0, server), Party(session, 1, server)
    h2.open()
    h1.open()
    for size in [1, 15, 16, 17, 63, 64, 1000, 1455, 1456]:
        for one, other in [(h1, h2), (h2, h1)]:
            payload = os.urandom(size)
            one.say(payload)
            other.hears(payload)
    return h2, h1


def copied(server, session):
    """Frames of a party, sent again from elsewhere, as who forges a victim's address would."""
    h2, h1 = forwarded(server, session)
    victim = Party(session, 0, server)
    for number in range(1, 3):
        victim.send(session.open(0, number, h2.cookie))
        victim.send(session.open(1, number, h1.cookie))
    victim.send(session.head(DATA, 0) + b"in the name of the caller")
    victim.send(session.head(DATA, 1) + b"in the name of the called")
    expect_silence([victim, h1, h2], "what was copied is believed")
    expect(victim.ask(session.open(0, 9, h2.cookie)) == (CHALLENGE, 0), "a cookie is good for its address alone")
    victim.send(session.open(0, 9, h2.cookie))
    expect_silence([victim], "one frame of the party gets two answers")
    h1.say(b"still")
    h2.hears(b"still")
    expect_silence([victim], "the victim hears")


def forged(server, session):
    h2, h1 = forwarded(server, session)
    stranger, other = Party(session, 0, server), Session(os.urandom(16))
    stranger.send(session.head(DATA, 0) + b"of a party, by a stranger")
    stranger.send(other.head(DATA, 0) + b"of a session that there is not")
    for p in (h1, h2):
        p.send(session.head(DATA, 1 - p.half) + b"in the other half's name")
        p.send(other.head(DATA, p.half) + b"of another session")
        p.send(session.head(DATA, p.half))
        p.send(session.head(DATA, 2) + b"of a third half")
        p.send(session.head(6, p.half) + bytes(48))
        p.send(session.head(OPENED, p.half) + bytes(48))
        p.send(session.open(1 - p.half, 99, p.cookie)[:40] + bytes(24))
        p.send(session.open(p.half, 99, p.cookie)[:63])
        p.send(session.open(p.half, 99, p.cookie) + b"x")
    wrong = bytearray(session.open(0, 100, h2.cookie))
    wrong[63] ^= 1
    h2.send(bytes(wrong))
    expect_silence([stranger, h1, h2], "what was forged is believed")
    h1.say(b"still")
    h2.hears(b"still")
    h2.say(b"here")
    h1.hears(b"here")


def unasked(server, session):
    """Nobody is sent anything that has not opened."""
    h2, h1 = Party(session, 0, server), Party(session, 1, server)
    h2.open()
    h2.say(b"to one who is not there")
    expect(h1.ask() == (CHALLENGE, 0), "an address that is not proven is challenged")
    h2.say(b"to one who has not proven where it is")
    expect_silence([h1, h2], "who has not opened is sent something")
    expect(h1.ask() == (OPENED, 0), "with the cookie it opens")
    h2.say(b"now")
    h1.hears(b"now")


def limited(server, session):
    """--relay-per-address=1 and --relay-time=2, where another session of this address is open."""
    h2 = Party(session, 0, server)
    expect(h2.ask() == (CHALLENGE, 0), "an address that is not proven is challenged")
    expect(h2.ask() == (REFUSED, 4), "one session too many of an address is refused, and told which limit")


def ends(server, session):
    h2, h1 = forwarded(server, session)
    while True:
        what = h2.ask()
        expect(what in [(OPENED, 0), (REFUSED, 3)], "it is %s" % (what,))
        if what == (REFUSED, 3):
            break
        time.sleep(0.1)  # OPENs have a rate
    h2.say(b"too late")
    expect_silence([h1], "a session goes on after its time")


def slowed(server, session):
    """--relay-rate=100000: a burst of 64 KiB, then so many bytes a second."""
    h2, h1 = forwarded(server, session)
    for _ in range(400):
        h2.say(bytes(1000))
    arrived = 0
    while h1.take(QUIET_S) is not None:
        arrived += 1
    expect(20 <= arrived <= 200, "%d of 400 datagrams arrive" % arrived)
    expect(h2.ask() == (OPENED, 1), "the party is told which limit it is")


def waited_s():
    """How long this process has wanted a processor and had none."""
    with open("/proc/self/schedstat", encoding="ascii") as stat:
        return int(stat.read().split()[1]) / 1e9


def held(server, session):
    """Stays there, for a flood: answers on standard input's lines with the time of a round trip in ms, without what others
    have kept this process from a processor."""
    h2, h1 = forwarded(server, session)
    opened = time.monotonic()
    print(session.id.hex(), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            begun, waited = time.monotonic(), waited_s()
            payload = os.urandom(100)
            h2.say(payload)
            frame = h1.take(1)
            took = time.monotonic() - begun - (waited_s() - waited)
            times.append(1000 * took if frame and frame[16:] == payload else 1000)
            if begun - opened > 5:
                h2.ask(), h1.ask()
                opened = begun
        times.sort()
        print("p50 %.2f p99 %.2f" % (times[len(times) // 2], times[len(times) * 99 // 100]), flush=True)


if __name__ == "__main__":
    host, port = sys.argv[2].rsplit(":", 1)
    globals()[sys.argv[1]]((host, int(port)), Session(bytes.fromhex(sys.argv[3])))
