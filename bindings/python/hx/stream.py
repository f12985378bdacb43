"""A connection to a peer, as a file and as a socket."""
from __future__ import annotations

import ctypes
import functools
import io
import socket
import threading
import warnings
from ctypes import byref, c_uint32
from types import TracebackType
from typing import Any, NamedTuple, Optional, Tuple, Type

from hx import _threads, errors
from hx._buffers import Bytes
from hx._events import Tap
from hx._lib import ADDRESS_MAX, DATAGRAM_MAX, CPath, lib, text
from hx._side import Side

CHUNK = 256 * 1024
"""Bytes that are asked for at once where nobody says how many; larger buffers make nothing faster."""
PARTING_S = 1.0
"""close() waits so long for the peer's own end: who closes at the same time still waits to hear that all was read."""
_ENDED_BADLY = {errors.ClosedError.code, errors.AuthError.code, errors.ProtocolError.code}


class Path(NamedTuple):
    """The path that a connection takes at this moment."""

    address: str
    """"ip:port" where the peer is reached, or "tcp"."""
    kind: str
    """"lan", "ipv6", "direct", "mapped", "predicted", "birthday" or "relayed"; more may come."""
    round_trip: Optional[float]
    """Seconds; None: not measured."""


class Stream(io.RawIOBase):
    """Reliable bytes to and from a peer. connect(), accept() and Group make them.

    It is a raw file (read, readinto, write, close, `with`; io.BufferedReader and makefile() put buffers on it) and has
    a socket's methods (recv, recv_into, send, sendall, shutdown, settimeout, fileno). Threads may use one together.
    Errors are hx.Error: ClosedError when the connection broke, TimedOutError (a TimeoutError) after settimeout(),
    AuthError when the peer does not have the key, which the first use of a stream finds out."""

    def __init__(self, pointer: int, what: str, linger: Optional[float] = 30.0, tap: Optional[Tap] = None) -> None:
        super().__init__()
        library = lib()
        self._what = what
        self._tap = tap
        self._parting_ms = round(1000 * (PARTING_S if linger is None else min(linger, PARTING_S)))
        self._reading = Side(pointer, library.hx_stream_fd, what)
        self._writing = Side(pointer, library.hx_stream_write_fd, what)
        self._datagrams = Side(pointer, library.hx_datagram_fd, what)
        self._timeout: Optional[float] = None
        self._unanswered = self._ended = self._failed = False
        self._files_lock = threading.RLock()
        self._readers = 0  # files of makefile() that only read, and are open
        self._left_to_readers = False
        self._read, self._write = library.hx_read, library.hx_write
        self.peer_name: str = text(library.hx_peer_name(pointer))
        """The name that the peer gave to the nameserver, maybe ""."""

    def __repr__(self) -> str:
        return f"<hx.Stream {self._what}{' closed' if self.closed else ''}>"

    # As a file

    @property
    def closed(self) -> bool:
        return self._left_to_readers or self._reading.pointer is None

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def _raise(self, code: int, what: str) -> int:
        self._failed = self._failed or code in _ENDED_BADLY
        raise errors.error(code, f"{what} {self._what}")

    def _heard(self, got: int) -> None:
        if got >= 0:
            self._unanswered = False
            self._ended = self._ended or got == 0

    def read_now(self, buffer: Bytes) -> int:
        """What hx_read() says without waiting. For event loops."""
        got: int = self._reading.call(self._read, buffer.address, buffer.size, 0)
        self._heard(got)
        return got

    def readinto(self, buffer: Any) -> Optional[int]:
        """Reads what is there, at least a byte, at most what the buffer holds. 0: the peer has ended its direction.
        None: the timeout is 0, and nothing is there."""
        with Bytes(buffer, writable=True) as into:
            if into.size == 0:
                return 0
            address, size, read = into.address, into.size, self._read
            got = self._reading.until_done(lambda handle: int(read(handle, address, size, 0)), self._timeout,
                                           "reading from")
        if got == errors.AGAIN:
            return None
        self._heard(got)
        return got if got >= 0 else self._raise(got, "reading from")

    def readall(self) -> bytes:
        """All up to the end of the peer's direction. (read(n) reads at most n bytes, read() all.)"""
        whole = bytearray()
        piece = memoryview(bytearray(CHUNK))
        while True:
            got = self.readinto(piece)
            if not got:
                return bytes(whole)
            whole += piece[:got]

    def write_now(self, data: Bytes, done: int = 0) -> int:
        """What hx_write() says without waiting of what comes after `done` bytes. For event loops."""
        put: int = self._writing.call(self._write, data.address + done, data.size - done, 0)
        self._unanswered = self._unanswered or put > 0
        return put

    def write(self, data: Any) -> Optional[int]:
        """Writes all of it, and returns how many bytes that are; they are sent in the background. If the time is over
        before, it returns how many were taken, or raises TimedOutError if none was. None: the timeout is 0, and none
        fits."""
        with Bytes(data) as source:
            done = 0
            while done < source.size:
                address, size, write = source.address + done, source.size - done, self._write
                try:
                    put = self._writing.until_done(lambda handle: int(write(handle, address, size, 0)), self._timeout,
                                                   "writing to")
                except errors.TimedOutError:
                    if done == 0:
                        raise
                    break
                if put == errors.AGAIN:
                    break
                if put < 0:
                    self._raise(put, "writing to")
                self._unanswered = True
                done += put
            return done if done or source.size == 0 else None

    def __iter__(self) -> Any:
        """Lines, through a buffer that lives as long as the loop: read what follows by the same iterator."""
        return iter(io.BufferedReader(_Unowned(self), CHUNK))

    def makefile(self, mode: str = "r", buffering: int = -1, *, encoding: Optional[str] = None,
                 errors: Optional[str] = None, newline: Optional[str] = None) -> Any:
        """As socket.makefile(): a buffered file of this stream; with "b" in the mode of bytes, else of text. To close
        it writes what is in its buffer, and leaves the stream open. One that only reads still reads after close(), as
        http.client does."""
        size = CHUNK if buffering < 0 else buffering
        if not set(mode) <= set("rwb") or not set(mode) & set("rw"):
            raise ValueError(f"mode {mode!r} is not made of r, w and b")
        raw = _Reader(self) if "w" not in mode else _Unowned(self)
        file: Any = None
        if size == 0:
            if "b" not in mode:
                raise ValueError("text has a buffer")
            return raw
        if "r" in mode and "w" in mode:
            file = io.BufferedRWPair(raw, raw, size)
        else:
            file = io.BufferedReader(raw, size) if "r" in mode else io.BufferedWriter(raw, size)
        return file if "b" in mode else io.TextIOWrapper(file, encoding, errors, newline)

    # As a socket

    def recv(self, size: int) -> bytes:
        """At most `size` bytes, at least one; b"": the peer has ended its direction. WouldBlockError, a
        BlockingIOError, if the timeout is 0 and nothing is there."""
        buffer = bytearray(min(size, CHUNK))
        got = self.recv_into(buffer)
        return bytes(memoryview(buffer)[:got])

    def recv_into(self, buffer: Any, size: int = 0) -> int:
        """As recv(), into the buffer, at most `size` bytes of it if that is above 0."""
        got = self.readinto(memoryview(buffer).cast("B")[:size] if size else buffer)
        if got is None:
            raise errors.WouldBlockError(f"reading from {self._what}")
        return got

    def send(self, data: Any) -> int:
        """As write(), but WouldBlockError instead of None."""
        put = self.write(data)
        if put is None:
            raise errors.WouldBlockError(f"writing to {self._what}")
        return put

    def sendall(self, data: Any) -> None:
        """Writes all of it, or raises TimedOutError, after which nobody knows how much of it was written."""
        with memoryview(data).cast("B") as view:
            done = 0
            while done < len(view):
                done += self.send(view[done:])

    def shutdown(self, how: int = socket.SHUT_WR) -> None:
        """Ends our direction: the peer reads what was written, then the end. Reading goes on. ValueError: SHUT_RD,
        since the peer's direction is the peer's to end."""
        if how == socket.SHUT_RD:
            raise ValueError("only the peer can end its direction: use close() or abort()")
        code = self._writing.call(lib().hx_shutdown)
        if code < 0:
            self._raise(code, "ending our direction to")

    def settimeout(self, timeout: Optional[float]) -> None:
        """Seconds for each read and write that follows; None: no limit; 0: none waits."""
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"a timeout is 0 or more seconds, or None, not {timeout!r}")
        self._timeout = timeout

    def gettimeout(self) -> Optional[float]:
        return self._timeout

    def setblocking(self, blocking: bool) -> None:
        self._timeout = None if blocking else 0

    def fileno(self) -> int:
        """For select, poll and selectors: readable while reading would not wait. It is no descriptor of the bytes:
        os.read() and subprocess cannot use it, and it must not be closed."""
        return self._reading.fileno()

    def write_fileno(self) -> int:
        """The same for writing: *readable*, too, while writing would not wait."""
        return self._writing.fileno()

    def getpeername(self) -> Tuple[str, int]:
        """(IP address, port) of the peer as its NAT shows it; ("tcp", 0) if it is reached through TCP."""
        host, _, port = self.peer_address.rpartition(":")
        return (host.strip("[]"), int(port)) if host else ("tcp", 0)

    # What only such a connection has

    def handshake(self, timeout: Optional[float] = None) -> None:
        """With keys: waits for the proof that the peer has one, which reading and writing else do themselves.
        AuthError: it has not; TimedOutError after `timeout` seconds; ClosedError, ProtocolError."""
        function = lib().hx_handshake
        code = self._reading.until_done(lambda handle: int(function(handle, 0)), timeout, "the handshake with")
        if code < 0:
            self._raise(code, "the handshake with")

    @property
    def peer_label(self) -> str:
        """The label of the key that the peer has proven, or ""."""
        return text(self._reading.call(lib().hx_peer_label))

    @property
    def peer_key(self) -> str:
        """Hex digits that tell that key from others, and do not tell it; "" before the proof."""
        return text(self._reading.call(lib().hx_peer_key))

    def _address(self, function: Any) -> str:
        out = ctypes.create_string_buffer(ADDRESS_MAX)
        errors.check(self._reading.call(function, out, len(out)), self._what)
        return text(out.value)

    @property
    def peer_address(self) -> str:
        """"ip:port" of the peer as its NAT shows it, or "tcp"."""
        return self._address(lib().hx_peer)

    @property
    def external_address(self) -> str:
        """Our own, when the stream was made; "tcp", or "-" if it is not known."""
        return self._address(lib().hx_external)

    @property
    def path(self) -> Path:
        """The path at this moment. ClosedError: the connection is gone."""
        out = CPath()
        code = self._reading.call(lib().hx_stream_path_sized, byref(out), ctypes.sizeof(out))
        errors.check(code, f"the path to {self._what}")
        return Path(text(out.address), text(out.kind), out.rtt_us / 1e6 if out.rtt_us else None)

    def send_datagram(self, data: Any, flow: int = 0) -> None:
        """Sends one beside the stream: encrypted, maybe lost or late, never twice. For streams with keys; `flow` is
        any number below 2**32 that both agree on. TooBigError above hx.DATAGRAM_MAX bytes; WouldBlockError before the
        proof, or when the system did not take it, which is a loss like any other. Does not wait."""
        with Bytes(data) as source:
            code = self._writing.call(lib().hx_datagram_send, flow, source.address, source.size)
        errors.check(code, f"a datagram to {self._what}")

    def receive_datagram(self, timeout: Optional[float] = None) -> Tuple[int, bytes]:
        """(flow, data) of the next one. Those that came before the first call are lost. TimedOutError after
        `timeout` seconds, WouldBlockError if it is 0."""
        flow, buffer, function = c_uint32(0), bytearray(DATAGRAM_MAX), lib().hx_datagram_receive
        with Bytes(buffer, writable=True) as into:
            address, size = into.address, into.size
            got = self._datagrams.until_done(lambda handle: int(function(handle, byref(flow), address, size)), timeout,
                                             "a datagram from")
        errors.check(got, f"a datagram from {self._what}")
        return flow.value, bytes(memoryview(buffer)[:got])

    # Its end

    def _end(self) -> Optional[int]:
        pointer = self._reading.end()
        for side in (self._writing, self._datagrams):
            side.end()
        return pointer

    def reader_opened(self) -> None:
        with self._files_lock:
            self._readers += 1

    def reader_closed(self) -> None:
        """Maybe by the collector, in any thread."""
        with self._files_lock:
            self._readers -= 1
            last = self._left_to_readers and self._readers == 0
        if last:
            _threads.reaper.put(self._part_late)

    def _leave_to_readers(self) -> bool:
        """Not if nothing can come any more."""
        if self.closed or self._ended or self._failed or self._writing.call(lib().hx_shutdown) < 0:
            return False
        with self._files_lock:
            self._left_to_readers = self._readers > 0
            return self._left_to_readers

    def _part_late(self) -> None:
        pointer = self._end()
        if pointer is not None:
            _threads.begin(functools.partial(self._part, pointer))

    def _part(self, pointer: int) -> int:
        if not (self._ended or self._failed):
            lib().hx_read(pointer, ctypes.create_string_buffer(1), 1, self._parting_ms)
        return free(pointer, self._tap)

    def close(self) -> None:
        """Ends our direction, waits until the peer has read all that was written (linger seconds without progress, see
        Config), and a second at most for the peer's own end, and frees the stream. ClosedError, TimedOutError: that is
        not known, so bytes may be missing there; nothing is raised if the last write was answered (something, or the
        peer's end, was read after it), or if an earlier call has said that the connection is broken. What the peer has
        sent and nobody has read is lost, unless a file of makefile() that only reads is still open: then our direction
        ends, and the rest is done beside, once that file is closed. May be called twice."""
        with self._writing.lock, self._reading.lock:
            if self._left_to_readers or self._readers and self._leave_to_readers():
                return
            pointer = self._end()
            if pointer is None:
                return
            ended = int(lib().hx_shutdown(pointer))
        code = min(_threads.interruptible(functools.partial(self._part, pointer)), ended)
        if code < 0 and self._unanswered and not self._failed:
            raise errors.error(code, f"closing {self._what}")

    def abort(self) -> None:
        """Ends the connection at once, without waiting; bytes may be lost. May be called twice."""
        pointer = self._end()
        if pointer is not None:
            discard(pointer, self._tap)

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 where: Optional[TracebackType]) -> None:
        """Closes, or aborts if the block has failed, so that the peer does not take what came for all."""
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        if hasattr(self, "_datagrams") and not self.closed:  # it was made
            told = f"unclosed {self!r}"
            pointer = self._end()
            if pointer is not None:
                _threads.reaper.put(functools.partial(discard, pointer, self._tap))
            warnings.warn(told, ResourceWarning, source=self)


def free(pointer: int, tap: Optional[Tap]) -> int:
    try:
        return int(lib().hx_close(pointer))
    finally:
        if tap:
            tap.release()


def discard(pointer: int, tap: Optional[Tap]) -> None:
    """At once: bytes may be lost."""
    lib().hx_abort(pointer)
    free(pointer, tap)


class _Unowned(io.RawIOBase):
    """The stream to a buffer that shall not close it."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        return self._stream.readinto(buffer)

    def write(self, data: Any) -> Optional[int]:
        return self._stream.write(data)


class _Reader(_Unowned):
    """It holds the connection until it is closed."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        stream.reader_opened()

    def writable(self) -> bool:
        return False

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._stream.reader_closed()
