"""The same for asyncio: `await hx.aio.connect(name)`, `await hx.aio.listen(name)`, `await hx.aio.join(session, 3)`.

Streams, listeners and groups wait on the library's descriptors in the event loop: no thread waits for any of them.
Only what blocks in the library (connecting, binding, joining, closing what must still arrive) uses one for so long.
Names, options and errors are those of hx. To cancel a task that waits leaves nothing open, and loses no byte: what it
had read is read again."""
from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Optional, Tuple, Type, TypeVar

import hx.group
import hx.listener
import hx.stream
from hx import _threads, errors
from hx._buffers import Bytes
from hx._config import Config, merged, milliseconds
from hx._lib import lib
from hx._side import Side

T = TypeVar("T")
_TURN = 8  # so many times something was there at once; then other tasks have a turn
_LOOK_S = 0.02  # Group.wait() looks so often whether all are there


async def _off_loop(work: Callable[[], T], discard: Optional[Callable[[T], Any]] = None) -> T:
    """`work` in a thread of its own. Who is cancelled leaves, and the result goes to `discard`."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    call = _threads.begin(work, discard)

    def tell() -> None:
        if not over.done():
            over.set_result(None)

    def told() -> None:
        try:
            loop.call_soon_threadsafe(tell)
        except RuntimeError:  # the loop is closed
            call.leave()
    call.then(told)
    try:
        await over
    except BaseException:
        call.leave()
        raise
    return call.result()


class _Waiting:
    """One task at a time waits on a side's descriptor; others wait for their turn."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._turn = asyncio.Lock()
        self._waiter: Optional[asyncio.Future[None]] = None
        self._fast = 0

    async def until_done(self, attempt: Callable[[], T], again: Callable[[T], bool]) -> T:
        """What `attempt` gave. Nothing is awaited after it, so that who is cancelled has not taken anything."""
        async with self._turn:
            if self._fast >= _TURN:
                self._fast = 0
                await asyncio.sleep(0)
            while True:
                got = attempt()
                if not again(got):
                    self._fast += 1
                    return got
                self._fast = 0
                await self._ready()

    async def _ready(self) -> None:
        loop = asyncio.get_running_loop()
        descriptor, self._waiter = self._side.fileno(), loop.create_future()
        waiter = self._waiter

        def ready() -> None:
            if not waiter.done():
                waiter.set_result(None)
        loop.add_reader(descriptor, ready)
        try:
            await waiter
        finally:
            self._waiter = None
            loop.remove_reader(descriptor)

    def end(self) -> None:
        """Before the descriptor goes: the loop must not watch a number that somebody else gets."""
        waiter = self._waiter
        if waiter and not waiter.done():
            if self._side.pointer is not None:
                waiter.get_loop().remove_reader(self._side.fileno())
            waiter.set_exception(errors.CanceledError(self._side.what))


class Stream:
    """A connection. `sync` is the hx.Stream behind it: peer_name, path and all else that does not wait is there, and
    here, too. Errors as hx.Stream's. The methods are for the loop's thread."""

    def __init__(self, sync: hx.stream.Stream) -> None:
        self.sync = sync
        self._reading, self._writing = _Waiting(sync._reading), _Waiting(sync._writing)
        self._datagrams = _Waiting(sync._datagrams)
        self._ahead = bytearray()  # what was read too much, or for who was cancelled then
        self._write_turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<hx.aio.Stream {self.sync!r}>"

    def __getattr__(self, name: str) -> Any:
        if name in ("peer_name", "peer_label", "peer_key", "peer_address", "external_address", "path", "closed",
                    "getpeername", "send_datagram"):
            return getattr(self.sync, name)
        raise AttributeError(name)

    async def readinto(self, buffer: Any) -> int:
        """At least a byte, at most what the buffer holds; 0: the peer has ended its direction."""
        if self._ahead:
            view = memoryview(buffer).cast("B")
            size = min(len(view), len(self._ahead))
            view[:size] = self._ahead[:size]
            del self._ahead[:size]
            return size
        return await self._receive(buffer)

    async def _receive(self, buffer: Any) -> int:
        """What comes after all that was read ahead."""
        with Bytes(buffer, writable=True) as into:
            if into.size == 0:
                return 0
            got = await self._reading.until_done(lambda: self.sync.read_now(into), lambda got: got == errors.AGAIN)
        return got if got >= 0 else self.sync._raise(got, "reading from")

    async def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, at least one, b"" at the end; without a size, or with -1, all up to the end."""
        if size < 0:
            whole, piece = bytearray(), memoryview(bytearray(hx.stream.CHUNK))
            while True:
                try:
                    got = await self.readinto(piece)
                except asyncio.CancelledError:
                    self._ahead[:0] = whole
                    raise
                if got == 0:
                    return bytes(whole)
                whole += piece[:got]
        buffer = bytearray(min(size, hx.stream.CHUNK))
        got = await self.readinto(buffer)
        return bytes(memoryview(buffer)[:got])

    async def readexactly(self, size: int) -> bytes:
        """asyncio.IncompleteReadError: the end came before."""
        buffer, done = bytearray(size), 0
        with memoryview(buffer) as view:
            try:
                while done < size:
                    got = await self.readinto(view[done:])
                    if got == 0:
                        raise asyncio.IncompleteReadError(bytes(view[:done]), size)
                    done += got
            except asyncio.CancelledError:
                self._ahead[:0] = view[:done]
                raise
        return bytes(buffer)

    async def readuntil(self, separator: bytes = b"\n", limit: int = 1 << 20) -> bytes:
        """Up to the separator, with it, or up to the end. TooBigError: more than `limit` bytes without it."""
        ahead, begun = self._ahead, 0  # lines stay there until they are whole: a short one costs no copy of the rest
        while True:
            at = ahead.find(separator, begun)
            if at >= 0:
                return self._take(at + len(separator))
            if len(ahead) > limit:
                ahead.clear()
                raise errors.TooBigError(f"a line from {self.sync._what}")
            begun = max(0, len(ahead) - len(separator) + 1)
            piece = bytearray(65536)
            got = await self._receive(piece)
            if got == 0:
                return self._take(len(ahead))
            ahead += memoryview(piece)[:got]

    def _take(self, size: int) -> bytes:
        with memoryview(self._ahead) as view:
            taken = bytes(view[:size])
        del self._ahead[:size]
        return taken

    async def readline(self) -> bytes:
        return await self.readuntil()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._lines()

    async def _lines(self) -> AsyncIterator[bytes]:
        while True:
            line = await self.readline()
            if not line:
                return
            yield line

    async def write(self, data: Any) -> None:
        """Returns when all of it was taken; it is sent in the background. What several tasks write is not mixed."""
        async with self._write_turn:
            with Bytes(data) as source:
                done = 0
                while done < source.size:
                    begun = done
                    put = await self._writing.until_done(lambda: self.sync.write_now(source, begun),
                                                         lambda put: put == errors.AGAIN)
                    done += put if put >= 0 else self.sync._raise(put, "writing to")

    def shutdown(self) -> None:
        """Ends our direction: the peer reads what was written, then the end. Does not wait."""
        self.sync.shutdown()

    async def handshake(self) -> None:
        """With keys: the proof that the peer has one. AuthError."""
        function = lib().hx_handshake
        code = await self._reading.until_done(lambda: int(self.sync._reading.call(function, 0)),
                                              lambda code: code == errors.AGAIN)
        if code < 0:
            self.sync._raise(code, "the handshake with")

    async def receive_datagram(self) -> Tuple[int, bytes]:
        """(flow, data) of the next one."""
        def attempt() -> Optional[Tuple[int, bytes]]:
            try:
                return self.sync.receive_datagram(0)
            except errors.WouldBlockError:
                return None
        got = await self._datagrams.until_done(attempt, lambda got: got is None)
        assert got is not None
        return got

    def _leave(self) -> None:
        for waiting in (self._reading, self._writing, self._datagrams):
            waiting.end()

    async def close(self) -> None:
        """As hx.Stream.close(): waits until the peer has read what was written."""
        self._leave()
        await _off_loop(self.sync.close)

    def abort(self) -> None:
        """Ends the connection at once; bytes may be lost."""
        self._leave()
        self.sync.abort()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                        where: Optional[TracebackType]) -> None:
        if kind is None:
            await self.close()
        else:
            self.abort()


class _Source:
    """What gives one stream after the other. `sync` is the hx.Listener or the hx.Group."""

    def __init__(self, sync: Any) -> None:
        self.sync = sync
        self._waiting = _Waiting(sync._side)

    async def _next(self) -> Stream:
        def again(got: Tuple[int, Optional[hx.stream.Stream]]) -> bool:
            return got[0] == errors.AGAIN
        code, stream = await self._waiting.until_done(self.sync.next_now, again)
        errors.check(code, f"{self.sync.taking} {self.sync.called!r}")
        assert stream is not None
        return Stream(stream)

    async def __aiter__(self) -> AsyncIterator[Stream]:
        while True:
            try:
                stream = await self._next()
            except (errors.CanceledError, ValueError):
                return
            yield stream

    async def close(self) -> None:
        """As that of hx.Listener or hx.Group. Streams live on."""
        self._waiting.end()
        await _off_loop(self.sync.close)

    async def __aenter__(self: T) -> T:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                        where: Optional[TracebackType]) -> None:
        await self.close()


class Listener(_Source):
    """A bound name."""

    sync: hx.listener.Listener

    async def accept(self) -> Stream:
        """The next connection; asyncio.wait_for() limits the time. CanceledError: closed meanwhile."""
        return await self._next()


class Group(_Source):
    """A session that was joined. `sync.state` is how far it has come."""

    sync: hx.group.Group

    async def next(self) -> Stream:
        """The next member that we are connected to."""
        return await self._next()

    async def wait(self, timeout: Optional[float] = None) -> None:
        """As hx.Group.wait()."""
        milliseconds(timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return self.sync.wait(0)
            except errors.WouldBlockError:
                if timeout == 0:
                    raise
            if deadline is not None and time.monotonic() >= deadline:
                raise self.sync.late()
            await asyncio.sleep(_LOOK_S)


async def connect(name: str, config: Optional[Config] = None, *, timeout: Optional[float] = 15.0,
                  **options: Any) -> Stream:
    """As hx.connect()."""
    settled = merged(config, options)
    return Stream(await _off_loop(lambda: hx.listener.connect_now(name, settled, timeout), hx.stream.Stream.abort))


async def listen(name: str, config: Optional[Config] = None, *, timeout: Optional[float] = 10.0,
                 **options: Any) -> Listener:
    """As hx.listen()."""
    settled = merged(config, options)
    return Listener(await _off_loop(lambda: hx.listener.listen_now(name, settled, timeout), hx.listener.Listener.close))


async def join(session: str, expect: int, config: Optional[Config] = None, *, timeout: Optional[float] = 10.0,
               **options: Any) -> Group:
    """As hx.Group()."""
    settled = merged(config, options)
    pointer, tap = await _off_loop(lambda: hx.group.join_now(session, expect, settled, timeout),
                                   lambda joined: hx.group.discard(*joined))
    return Group(hx.group.Group.of(pointer, tap, session, settled))
