#!/usr/bin/env python3
"""metronome.py EVERY_MS COMMAND...: a line each EVERY_MS into the command, whose answers are expected back: a dialogue
that people or TCP would have. Standard input says what happens meanwhile:

  mark        something happens: the longest time without an answer is taken from here on
  settle WORD it has happened. Once ten lines that were written after this (one, if there is none each second) are
              answered: "passed WORD MS", the longest time without an answer since the mark
  end         no more lines; when the last is answered: "lines N", and "whole" if each came back once and in order

"pid N" is the command's, "first" is said at the first answer, "broken: WHY" when there will be none any more."""
import os
import select
import subprocess
import sys
import time

PATIENCE_S = 90  # without any answer: longer than UDT's own, 46 s, and than a story's pause

every = float(sys.argv[1]) / 1000
lines_after = 10 if every < 1 else 1
p = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
sent = came = 0
heard = time.monotonic()  # or nothing was awaited
gap = 0.0  # since the last mark
settling = None  # word, number of the line whose answer settles it
due = heard
rest = said = b""
ended = False
inputs = [p.stdout, sys.stdin]


def tell(text):
    print(text, flush=True)


def finish(why=None):
    if why is None:
        tell("lines %d" % came)
    tell("whole" if why is None else "broken: " + why)
    p.stdin.close()
    try:
        p.wait(10)
    except subprocess.TimeoutExpired:
        p.kill()
    sys.exit(0 if why is None else 1)


tell("pid %d" % p.pid)
while not (ended and came == sent):
    now = time.monotonic()
    if came == sent:
        heard = now
    gap = max(gap, now - heard)
    if now - heard > PATIENCE_S:
        finish("no answer")
    if now >= due and not ended:
        try:
            p.stdin.write(b"%d\n" % sent)
            p.stdin.flush()
        except OSError:
            finish("the command has ended")
        sent += 1
        due = now + every
    ready, _, _ = select.select(inputs, [], [], max(0.001, min(0.02, due - now)))
    if sys.stdin in ready:
        data = os.read(0, 4096)
        if not data:
            inputs.remove(sys.stdin)
            ended = True
        *words, said = (said + data).split(b"\n")
        for line in words:
            ended |= line == b"end"
            if line == b"mark":
                gap = 0.0
            elif line.startswith(b"settle "):
                settling = (line[7:].decode(), sent + lines_after)
    if p.stdout in ready:
        data = os.read(p.stdout.fileno(), 65536)
        if not data:
            finish("the command has ended")
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if line != b"%d" % came:
                finish("got %r instead of %d" % (line, came))
            if came == 0:
                tell("first")
            came += 1
        heard = time.monotonic()
        if settling and came >= settling[1]:
            tell("passed %s %d" % (settling[0], gap * 1000))
            settling = None
finish()
