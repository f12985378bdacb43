"""Requests with proofs of keys, as any client would write them from hx-nameserver(8) alone, over TCP, and over UDT as stock
UDT brings it (the program that UDT_PIPE names)."""
import base64
import hashlib
import hmac
import os
import select
import socket
import subprocess

import ed25519

PATIENCE_S = 60
PREFIX = b"hx nameserver authorization 1\n"


def text(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Device:
    """A key of one's own."""

    def __init__(self, seed):
        self.key = ed25519.Key(hashlib.sha256(seed.encode()).digest())
        self.name = self.credential = "ed25519:" + text(self.key.public)

    def sign(self, message):
        return self.key.sign(message)


class Shared:
    """A key that several share, as its hash."""

    def __init__(self, seed):
        self.hash = hashlib.sha256(seed.encode()).digest()
        self.credential = "psk:" + text(self.hash)
        self.name = "psk:" + text(hashlib.sha256(b"hx psk id" + self.hash).digest()[:16])

    def sign(self, message):
        return hmac.new(self.hash, message, "sha256").digest()


class Answer:
    def __init__(self, head, body):
        lines = head.split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        self.body = body
        nonce = self.headers.get("www-authenticate") or self.headers.get("authentication-info") or ""
        self.nonce = nonce.split('nonce="')[1].rstrip('"') if "nonce=" in nonce else None


class Client:
    """One connection to "udt:IP:PORT" or "tcp:IP:PORT"."""
    started = []

    def __init__(self, where):
        transport, host, port = where.split(":")
        self.process, self.bytes = None, b""
        if transport == "tcp":
            self.socket = socket.create_connection((host, int(port)), PATIENCE_S)
            self.read_fd = self.write_fd = self.socket.fileno()
        else:
            self.process = subprocess.Popen([os.environ["UDT_PIPE"], host, port], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE)
            self.read_fd, self.write_fd = self.process.stdout.fileno(), self.process.stdin.fileno()
        self.started.append(self)

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait(PATIENCE_S)
            self.process.stdout.close()
        else:
            self.socket.close()
        self.started.remove(self)

    @classmethod
    def close_all(cls):
        for client in cls.started[:]:
            client.close()

    def _more(self):
        if not select.select([self.read_fd], [], [], PATIENCE_S)[0]:
            raise TimeoutError("nothing comes behind %r" % self.bytes)
        got = os.read(self.read_fd, 65536)
        if not got:
            raise EOFError(repr(self.bytes))
        self.bytes += got

    def until(self, mark):
        while mark not in self.bytes:
            self._more()
        taken, self.bytes = self.bytes.split(mark, 1)
        return taken.decode()

    def ends(self):
        """Whether the server closes, whatever it says before."""
        try:
            while True:
                self._more()
        except (EOFError, ConnectionError):
            return True

    def send(self, raw):
        os.write(self.write_fd, raw)

    def answer(self, head_only=False):
        head = self.until(b"\r\n\r\n")
        answer = Answer(head, "")
        length = 0 if head_only else int(answer.headers.get("content-length", 0))
        while len(self.bytes) < length:
            self._more()
        answer.body, self.bytes = self.bytes[:length].decode(), self.bytes[length:]
        return answer

    def ask(self, target, method="GET", headers=(), version="HTTP/1.1"):
        self.send("\r\n".join(["%s %s %s" % (method, target, version), *headers, "", ""]).encode())
        return self.answer(method == "HEAD")

    def prove(self, key, target, nonce, method="GET", host="", **ask):
        headers = (["Host: " + host] if host else []) + ["Authorization: " + proof(key, target, nonce, method, host)]
        return self.ask(target, method, headers, **ask)

    def ask_proven(self, key, target, **ask):
        """Asks, and asks again with a proof."""
        first = self.ask(target, **{name: value for name, value in ask.items() if name != "host"})
        assert first.status == 401, "%d: %s" % (first.status, first.body)
        return self.prove(key, target, first.nonce, **ask)


def proof(key, target, nonce, method="GET", host=""):
    message = PREFIX + ("%s\n%s\n%s\n%s\n" % (nonce, method, target, host)).encode()
    return 'HX key="%s", sig="%s"' % (key.name, text(key.sign(message)))
