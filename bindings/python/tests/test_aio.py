"""hx.aio: the same in an event loop."""
from __future__ import annotations

import asyncio
import functools
import os
import select
import threading
import unittest
from typing import Any

from tests.support import PATIENCE, Case

import hx
import hx.aio

TEXT = os.urandom(2_000_000)


class Counted(bytearray):
    """Knows how many bytes were put into it."""

    put = 0

    def __setitem__(self, where: Any, data: Any) -> None:
        self.put += len(data)
        super().__setitem__(where, data)

    def __iadd__(self, data: Any) -> Counted:
        self.put += len(data)
        super().__iadd__(data)
        return self


class Loop(Case, unittest.IsolatedAsyncioTestCase):
    async def listening(self, **more: Any) -> hx.aio.Listener:
        listener = await hx.aio.listen(self.id().rsplit(".", 1)[-1], **self.options(**more))
        self.addAsyncCleanup(listener.close)
        return listener

    async def pair_of(self, **more: Any) -> Any:
        listener = await self.listening(**more)
        ours, theirs = await asyncio.gather(hx.aio.connect(listener.sync.name, **self.options(**more)),
                                            listener.accept())
        for stream in (ours, theirs):
            self.addCleanup(stream.abort)
        return ours, theirs

    async def test_both_ends_in_one_loop(self) -> None:
        ours, theirs = await self.pair_of()

        async def echo() -> None:
            async with theirs:
                while True:
                    piece = await theirs.read(65536)
                    if not piece:
                        return
                    await theirs.write(piece)
        echoing = asyncio.ensure_future(echo())
        reading = asyncio.ensure_future(ours.read())
        await ours.write(TEXT)
        ours.shutdown()
        self.assertTrue(await reading == TEXT)
        await asyncio.gather(ours.close(), echoing)
        self.assertEqual((ours.closed, ours.peer_name), (True, "test_both_ends_in_one_loop"))

    async def test_with_keys(self) -> None:
        ours, theirs = await self.pair_of(insecure=False, keys=hx.generate_key())
        await asyncio.gather(ours.handshake(), theirs.handshake())
        self.assertEqual(ours.peer_key, theirs.peer_key)
        reading = asyncio.ensure_future(theirs.readexactly(len(TEXT)))
        await ours.write(TEXT)
        self.assertTrue(await reading == TEXT)
        coming = asyncio.ensure_future(theirs.receive_datagram())
        while not coming.done():
            ours.send_datagram(b"tick", 3)
            await asyncio.wait([coming], timeout=0.01)
        self.assertEqual(await coming, (3, b"tick"))

    async def test_lines(self) -> None:
        ours, theirs = await self.pair_of()
        await ours.write(b"one\ntwo\r\n\nlast")
        ours.shutdown()
        self.assertEqual(await theirs.readline(), b"one\n")
        self.assertEqual(await theirs.readuntil(b"\r\n"), b"two\r\n")
        self.assertEqual([line async for line in theirs], [b"\n", b"last"])
        await theirs.write(b"x" * 100)
        with self.assertRaises(asyncio.IncompleteReadError):
            theirs.shutdown()
            await ours.readexactly(101)

    async def test_a_short_line_costs_no_copy_of_all_that_is_behind_it(self) -> None:
        ours, theirs = await self.pair_of()
        theirs._ahead = Counted()
        await ours.write(b"\n" * 5000 + b"last")
        ours.shutdown()
        self.assertEqual([line async for line in theirs], [b"\n"] * 5000 + [b"last"])
        self.assertLessEqual(theirs._ahead.put, 2 * 5004)

    async def test_a_line_has_a_limit(self) -> None:
        ours, theirs = await self.pair_of()
        writing = asyncio.ensure_future(ours.write(b"x" * 200_000))
        with self.assertRaises(hx.TooBigError):
            await theirs.readuntil(limit=100_000)
        await writing

    async def test_a_wait_can_be_cancelled_and_loses_nothing(self) -> None:
        ours, theirs = await self.pair_of()
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(theirs.read(10), 0.02)
        await ours.write(b"after")
        self.assertEqual(await theirs.read(10), b"after")

    async def test_what_a_cancelled_task_had_read_is_read_again(self) -> None:
        ours, theirs = await self.pair_of()
        for begin in (theirs.readline, functools.partial(theirs.readexactly, 100), theirs.read):
            await ours.write(b"begun, ")
            select.select([theirs.sync], [], [], PATIENCE)
            reading = asyncio.ensure_future(begin())
            while not theirs._reading._waiter:
                await asyncio.sleep(0)
            reading.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await reading
        await ours.write(b"and ended\n")
        self.assertEqual(await theirs.readline(), b"begun, begun, begun, and ended\n")

    async def test_who_is_cancelled_in_any_turn_of_the_loop_has_read_nothing(self) -> None:
        ours, theirs = await self.pair_of()
        await ours.write(TEXT[:100])
        ours.shutdown()
        whole, piece = b"", b"begin"
        while piece:
            reading = asyncio.ensure_future(theirs.read(1))
            await asyncio.sleep(0)
            if not theirs._reading._waiter and len(whole) < 100:  # it has read, or gives others their turn
                reading.cancel()
            try:
                piece = await reading
                whole += piece
            except asyncio.CancelledError:
                pass
        self.assertEqual(whole, TEXT[:100])

    async def test_close_ends_a_wait(self) -> None:
        ours, theirs = await self.pair_of()
        listener = await hx.aio.listen("ends", **self.options())
        waits = [asyncio.ensure_future(ours.read(1)), asyncio.ensure_future(listener.accept())]
        await asyncio.sleep(0)
        while not (ours._reading._waiter and listener._waiting._waiter):
            await asyncio.sleep(0.001)
        ours.abort()
        await listener.close()
        for wait in waits:
            with self.assertRaises(hx.CanceledError):
                await wait
        self.assertEqual([stream async for stream in listener], [])

    async def test_who_is_cancelled_while_connecting_leaves_nothing_open(self) -> None:
        listener = await self.listening()
        connecting = asyncio.ensure_future(hx.aio.connect("comes.late", **self.options(wait=60), timeout=PATIENCE))
        await asyncio.sleep(0.05)
        connecting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await connecting
        late = await hx.aio.listen("comes.late", **self.options())
        theirs = await late.accept()  # libhx connects all the same, and then it is closed
        with self.assertRaises(hx.ClosedError):
            await theirs.read(1)
        theirs.abort()
        await late.close()
        del listener

    async def test_streams_have_no_threads_and_tasks_have_their_turn(self) -> None:
        listener = await self.listening()
        streams = []
        for _ in range(20):
            ours, theirs = await asyncio.gather(hx.aio.connect(listener.sync.name, **self.options()), listener.accept())
            streams += [ours, theirs]
        waits = [asyncio.ensure_future(s.read(10)) for s in streams[1::2]]
        await asyncio.sleep(0)
        self.assertLess(threading.active_count(), 20)  # of 40 streams
        await asyncio.gather(*(s.write(b"%d" % i) for i, s in enumerate(streams[::2])))
        self.assertEqual(await asyncio.gather(*waits), [b"%d" % i for i in range(20)])
        for stream in streams:
            stream.abort()

    async def test_errors_are_those_of_hx(self) -> None:
        with self.assertRaises(hx.NotFoundError):
            await hx.aio.connect("nobody", **self.options())
        ours, theirs = await self.pair_of()
        theirs.abort()
        with self.assertRaises(hx.ClosedError):
            await ours.read(1)
