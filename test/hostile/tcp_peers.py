#!/usr/bin/env python3
"""Rude peers of a TCP server, all in one process: tcp_peers.py ADDRESS PORT [SOURCE] WHAT COUNT

Prints one line of what came of it: "WHAT KEY=NUMBER ...".
  trickle  COUNT connections send a request byte by byte, five a second, and read what comes until the other side closes
  unread   COUNT connections send requests as fast as they can and read nothing until they are closed
  reset    COUNT connections one after the other send a part of a request, of any length, and reset
  connect  COUNT connections one after the other: how many were answered, and how many told that they are too many
  members  COUNT connections join one session: half of them stay and read nothing, the others come and go ten times
  hold     COUNT connections at the same time, until standard input ends
"""
import random
import select
import socket
import struct
import sys
import time

REQUEST = b"GET /connect?host_id=nobody HTTP/1.1\r\nHost: x\r\n\r\n"
DEADLINE_S = 30


def connection(blocking=True):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.bind((SOURCE, 0))
    s.settimeout(DEADLINE_S)
    s.connect(WHERE)
    s.setblocking(blocking)
    if blocking:
        s.settimeout(DEADLINE_S)
    return s


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def trickle(count):
    peers = {connection(False): b"" for _ in range(count)}
    open_ones, sent, end = set(peers), 0, time.monotonic() + DEADLINE_S
    while open_ones and time.monotonic() < end:
        for s in list(open_ones):
            try:
                s.send(REQUEST[sent % len(REQUEST):][:1])
            except BlockingIOError:
                pass
            except OSError:
                open_ones.discard(s)
        sent += 1
        for s in select.select(list(open_ones), [], [], 0.2)[0]:
            try:
                data = s.recv(4096)
            except OSError:
                data = b""
            peers[s] += data
            if not data:
                open_ones.discard(s)
    late = sum(1 for said in peers.values() if said.startswith(b"HTTP/1.1 408"))
    return {"late": late, "open": len(open_ones)}


def unread(count):
    peers, sent, end = {connection(False) for _ in range(count)}, 0, time.monotonic() + DEADLINE_S
    while peers and time.monotonic() < end:
        progress = False
        for s in list(peers):
            try:
                sent += s.send(REQUEST * 100)
                progress = True
            except BlockingIOError:
                pass
            except OSError:
                peers.discard(s)
        if not progress:
            time.sleep(0.05)
    return {"open": len(peers), "sent": sent}


def resets(count):
    refused = 0
    for _ in range(count):
        try:
            s = connection()
            s.send((REQUEST * 3)[: random.randrange(3 * len(REQUEST) + 1)])
            if random.randrange(2):
                s.setblocking(False)
                try:
                    s.recv(random.randrange(1, 300))
                except BlockingIOError:
                    pass
            reset(s)
        except OSError:
            refused += 1
    return {"refused": refused}


def connect(count):
    answered = often = 0
    for _ in range(count):
        try:
            s = connection()
            s.send(REQUEST)
            said = s.recv(4096)
            if b"too many new connections" in said:
                often += 1
            else:
                answered += said.startswith(b"HTTP/1.1 ")
            reset(s)
        except OSError:
            pass
    return {"answered": answered, "often": often}


def members(count):
    def join(n):
        s = connection()
        name = f"{n}".ljust(250, "x").encode()
        s.send(b"GET /join?session=s&expect=3&name=" + name + b" HTTP/1.1\r\n\r\n")
        return s

    stay = [join(n) for n in range(count // 2)]
    for _ in range(10):
        come = [join(count + n) for n in range(count // 2)]
        heard = sum(1 for s in come if s.recv(4096).startswith(b"HTTP/1.1 "))
        for s in come:
            reset(s)
    for s in stay:
        reset(s)
    return {"stayed": len(stay), "heard": heard}


def hold(count):
    peers = [connection() for _ in range(count)]
    print("held", len(peers), flush=True)
    sys.stdin.read()
    return {"held": len(peers)}


WHERE = (sys.argv[1], int(sys.argv[2]))
SOURCE = sys.argv[3] if len(sys.argv) > 5 else ""
WHAT, COUNT = sys.argv[-2], int(sys.argv[-1])
KINDS = {"trickle": trickle, "unread": unread, "reset": resets, "connect": connect, "members": members, "hold": hold}
result = KINDS[WHAT](COUNT)
print(WHAT, *(f"{key}={value}" for key, value in result.items()))
