#!/usr/bin/env python3
"""growth.py DIRECTORY: how long the files in it stand still, all together, at the longest, from their first byte until
standard input ends: "gap MS". "first" is said at that byte."""
import os
import select
import sys
import time

size = 0
grown = None
gap = 0.0
while not select.select([sys.stdin], [], [], 0.02)[0]:
    now = time.monotonic()
    try:
        have = sum(entry.stat().st_size for entry in os.scandir(sys.argv[1]))
    except FileNotFoundError:  # it has another name just now
        continue
    if have != size:
        if grown is None:
            print("first", flush=True)
        else:
            gap = max(gap, now - grown)
        size, grown = have, now
print("gap %d" % (gap * 1000))
