"""Members of a session by hand: what GET /join of the nameserver says, read as any client would, over TCP, and over UDT as
udtcurl brings it (the program that UDTCURL names). Over TCP nobody is told candidates, as nobody could use them.

All that waits here waits for what the nameserver writes, for PATIENCE_S at most: that guards against a wait without an
end alone."""
import os
import re
import select
import signal
import socket
import struct
import subprocess

PATIENCE_S = 60
CANDIDATE = "Candidate: 192.168.%d.2:4000 host"


class Refused(Exception):
    """The answer was not 200; .status and .body say what it was."""

    def __init__(self, status, body, headers):
        super().__init__("%d: %s" % (status, body))
        self.status, self.body, self.headers = status, body, headers


class Part:
    """One part of the stream: .name, .address, and .fields as a list of (name, value)."""

    def __init__(self, text):
        lines = text.split("\r\n")
        assert lines[0] == "--hx_hole_punching" and lines[-2:] == ["", ""], "no part: %r" % text
        self.name, self.address = lines[1].split(": ", 1)
        self.fields = [tuple(line.split(": ", 1)) for line in lines[2:-2]]

    def all(self, field):
        return [value for name, value in self.fields if name == field]

    def one(self, field):
        values = self.all(field)
        assert len(values) <= 1, "%s comes %d times" % (field, len(values))
        return values[0] if values else None

    @property
    def what(self):
        return self.one("Member")

    @property
    def session(self):
        return self.one("Session")

    @property
    def counted(self):
        here, expect = self.one("Members").split("/")
        return int(here), int(expect)

    def __repr__(self):
        return "%s: %s %s" % (self.name, self.address, self.fields)


class OverTcp:
    def __init__(self, address, target, headers):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE_S)
        self.socket.settimeout(PATIENCE_S)
        self.fileno = self.socket.fileno
        self.socket.sendall("\r\n".join(["GET %s HTTP/1.1" % target, *headers, "", ""]).encode())

    def recv(self):
        return self.socket.recv(65536)

    def answer(self):
        self.socket.sendall(b"\r\n")

    def leave(self):
        self.socket.close()

    def crash(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class OverUdt:
    started = []

    def __init__(self, address, target, headers):
        options = [word for header in headers for word in ("-H", header)]
        self.process = subprocess.Popen([os.environ["UDTCURL"], "-s", "-i", "--raw", *options, "--request-target", target,
                                         "udt://%s/" % address], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.fileno = self.process.stdout.fileno
        self.started.append(self.process)

    @classmethod
    def end_all(cls):
        """Those that a story has left behind."""
        for process in cls.started:
            if process.poll() is None:
                process.kill()
                process.wait(PATIENCE_S)

    def recv(self):
        if not select.select([self], [], [], PATIENCE_S)[0]:
            raise TimeoutError
        return os.read(self.fileno(), 65536)

    def answer(self):
        pass # UDT's own packets have said that we live

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def _end(self, number):
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(PATIENCE_S)
        self.process.stdout.close()

    def leave(self):
        self._end(signal.SIGTERM)

    def crash(self):
        self._end(signal.SIGKILL)


class Member:
    """Asks to join at "udt:IP:PORT" or "tcp:IP:PORT", and has the parts as they come; answers challenges."""

    def __init__(self, where, session, name, expect=2, headers=(), query=None):
        if query is None:
            query = "session=%s&expect=%d&name=%s" % (session, expect, name)
        transport, address = where.split(":", 1)
        self.link = {"tcp": OverTcp, "udt": OverUdt}[transport](address, "/join?" + query, headers)
        self.leave, self.crash = self.link.leave, self.link.crash
        self.name, self.bytes = name, b""

    def _more(self):
        got = self.link.recv()
        if not got:
            raise EOFError("%s: the stream has ended" % self.name)
        self.bytes += got

    def _until(self, mark):
        while mark not in self.bytes:
            self._more()
        text, self.bytes = self.bytes.split(mark, 1)
        return text

    def head(self):
        lines = self._until(b"\r\n\r\n").decode().split("\r\n")
        status = int(lines[0].split()[1])
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        if status != 200:
            while len(self.bytes) < int(headers["content-length"]):
                self._more()
            raise Refused(status, self.bytes.decode(), headers)
        self.external = headers["external-address"]
        return self

    def refused(self):
        """The answer is no 200: gives that back."""
        try:
            self.head()
        except Refused as refused:
            return refused
        raise AssertionError("%s was not refused" % self.name)

    def _chunk(self):
        size = int(self._until(b"\r\n"), 16)
        if size == 0:
            raise EOFError("%s: the last chunk" % self.name)
        while len(self.bytes) < size + 2:
            self._more()
        chunk, self.bytes = self.bytes[:size], self.bytes[size + 2:]
        return chunk

    def challenged(self):
        """What comes next is a challenge, and it is answered."""
        chunk = self._chunk()
        assert chunk == b"\r\n", "%s was told %r" % (self.name, chunk)
        self.link.answer()

    def challenged_until(self, newcomer):
        """The same, as often as it comes, until the newcomer is answered."""
        while newcomer.link not in select.select([self.link, newcomer.link], [], [], PATIENCE_S)[0]:
            self.challenged()

    def part(self):
        """The next one. Challenges before it are answered."""
        while True:
            chunk = self._chunk()
            if chunk != b"\r\n":
                return Part(chunk.decode())
            self.link.answer()

    def parts(self, count):
        return [self.part() for _ in range(count)]

    def ends(self):
        """Reads until S ends the stream; the parts that come before that are given back."""
        found = []
        try:
            while True:
                found.append(self.part())
        except (EOFError, ConnectionResetError):
            return found


def join(where, session, name, expect=2, headers=()):
    """Joins, and reads until the member knows all who were there: itself first."""
    member = Member(where, session, name, expect, headers).head()
    member.known = [member.part()]
    mine = member.known[0]
    assert mine.what == "self" and mine.name == name, mine
    member.known += member.parts(mine.counted[0] - 1)
    return member


def token():
    return os.urandom(16).hex()


def refusal(where, query, headers=()):
    """How such a join is refused: with one line of text."""
    member = Member(where, None, query, headers=headers, query=query)
    refused = member.refused()
    member.leave()
    assert re.fullmatch(r"[^\n]+\n", refused.body), refused.body
    return refused
