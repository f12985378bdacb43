#!/usr/bin/env python3
"""sniffer.py INTERFACE TEXT: counts the frames that pass an interface, both ways: those of a relay's datagrams
(proto/relay_frame.h), and those in which the text stands. "listening" is said at the beginning; what SIGTERM ends says
"relayed N plain N"."""
import signal
import socket
import sys

ETH_P_ALL = 3
RELAY_DATA = b"\xe8\x68\x78\x52\x01"


def stop(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once: what follows is said whole
    raise SystemExit


s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind((sys.argv[1], 0))
text = sys.argv[2].encode()
relayed = plain = 0
signal.signal(signal.SIGTERM, stop)
print("listening", flush=True)
try:
    while True:
        frame = s.recv(65536)
        relayed += RELAY_DATA in frame
        plain += text in frame
finally:
    print("relayed", relayed, "plain", plain, flush=True)
