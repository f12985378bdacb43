#!/usr/bin/env python3
"""terminal.py COLUMNSxROWS STEPS COMMAND...: runs COMMAND at a terminal of its own, and plays who sits there.

STEPS is a file with one step a line; each must come true within 20 s:
    expect REGEX     the terminal shows it, behind what the last expect has found
    type TEXT        as it would be typed; \\r, \\x03 and the like are escapes
    size COLUMNSxROWS
    signal NAME      to COMMAND
    raw | cooked     the terminal is, or becomes, so
    stopped          COMMAND is
    status N         COMMAND ends so (128 + n for a signal); the terminal must be as it was before
Prints what the terminal showed; the exit status is 0 if all steps came true."""
import fcntl
import os
import re
import select
import signal
import struct
import sys
import termios
import time

PATIENCE_S = 20


def resize(fd, text):
    columns, rows = map(int, text.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Player:
    def __init__(self, size, command):
        self.master, self.slave = os.openpty()
        resize(self.master, size)
        self.before = termios.tcgetattr(self.slave)
        self.shown = b""
        self.found = 0
        self.status = None
        self.stop_seen = False
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(self.slave, fd)
            os.closerange(3, 100)
            os.execvp(command[0], command)

    def poll(self):
        # a terminal gives 4 KB at once, and all that was shown is searched after each poll
        for wait in [0.02] + 255 * [0]:
            if not select.select([self.master], [], [], wait)[0]:
                break
            self.shown += os.read(self.master, 65536)
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                self.stop_seen = True
            elif pid:
                self.status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)

    def until(self, true):
        end = time.monotonic() + PATIENCE_S
        while not true():
            if time.monotonic() > end:
                return False
            self.poll()
        return True

    def find(self, regex):
        match = re.search(regex.encode(), self.shown[self.found:])
        if match:
            self.found += match.end()
        return match

    def cooked(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ICANON)

    def stopped(self):
        seen, self.stop_seen = self.stop_seen, False
        return seen

    def step(self, verb, rest):
        if verb == "expect":
            return self.until(lambda: self.find(rest))
        if verb == "type":
            os.write(self.master, rest.encode().decode("unicode_escape").encode())
        elif verb == "size":
            resize(self.master, rest)
        elif verb == "signal":
            os.kill(self.pid, getattr(signal, "SIG" + rest))
        elif verb == "raw":
            return self.until(lambda: not self.cooked())
        elif verb == "cooked":
            return self.until(self.cooked)
        elif verb == "stopped":
            return self.until(self.stopped)
        elif verb == "status":
            return self.until(lambda: self.status is not None) and (
                self.status, termios.tcgetattr(self.slave)) == (int(rest), self.before)
        else:
            sys.exit("no such step: " + verb)
        return True


def main():
    player = Player(sys.argv[1], sys.argv[3:])
    failed = None
    with open(sys.argv[2]) as steps:
        for line in steps:
            verb, _, rest = line.rstrip("\n").partition(" ")
            if not player.step(verb, rest):
                failed = line
                break
    if player.status is None:
        os.kill(player.pid, signal.SIGKILL)
    sys.stdout.buffer.write(player.shown)
    if failed:
        sys.exit("\nnot so: %s(status %s)" % (failed, player.status))


main()
