#!/usr/bin/env python3
"""metronome.py SECONDS COMMAND...: a line each 50 ms into the command, whose answers are expected back: a dialogue
that people or TCP would have. Prints "gap MS" (the longest time without an answer), "lines N" and "whole" if each
line came back once and in order. An event each time that the gap is above a second, with the time at which it began."""
import select
import subprocess
import sys
import time

end = time.monotonic() + float(sys.argv[1])
p = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
sent = came = 0
first = heard = None
gap = 0.0
due = time.monotonic()
rest = b""
broken = None
while broken is None:
    now = time.monotonic()
    if now >= end and came == sent:
        break
    if now >= end + 15:
        broken = "no answer in the end"
        break
    if now >= due and now < end:
        try:
            p.stdin.write(b"%d\n" % sent)
            p.stdin.flush()
        except OSError:
            broken = "the command has ended"
            break
        sent += 1
        due = now + 0.05
    ready, _, _ = select.select([p.stdout], [], [], 0.02)
    if ready:
        data = p.stdout.read1(65536)
        if not data:
            broken = "the command has ended"
            break
        now = time.monotonic()
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        for line in lines:
            if line != b"%d" % came:
                broken = "got %r instead of %d" % (line, came)
                break
            came += 1
        if heard is None:
            print("first", flush=True)
        else:
            gap = max(gap, now - heard)
        heard = now
    elif heard is not None:
        gap = max(gap, time.monotonic() - heard) if came < sent else gap
        if came == sent:
            heard = time.monotonic()  # nothing is awaited
print("gap %d" % (gap * 1000))
print("lines %d" % came)
print("whole" if broken is None else "broken: " + broken, flush=True)
p.stdin.close()
try:
    p.wait(10)
except subprocess.TimeoutExpired:
    p.kill()
sys.exit(0 if broken is None else 1)
