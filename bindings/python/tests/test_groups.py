"""hx.Group and hx.aio.join: members of one process and of others, in Python and in C."""
from __future__ import annotations

import asyncio
import os
import sys
import threading
import unittest
from typing import Any, Dict, List
from unittest import mock

from tests.support import BUILD, PATIENCE, Case, Process, beside
from tests.test_tools import EXAMPLES, environment

import hx
import hx.aio


class Groups(Case):
    def join(self, name: str, expect: int = 3, session: str = "", **more: Any) -> hx.Group:
        group = hx.Group(session or self.id().rsplit(".", 1)[-1], expect, timeout=PATIENCE,
                         **self.options(own_name=name, **more))
        self.addCleanup(group.close)
        return group

    def streams(self, group: hx.Group, count: int) -> Dict[str, hx.Stream]:
        found = {}
        for _ in range(count):
            stream = group.next(PATIENCE)
            self.addCleanup(stream.abort)
            found[stream.peer_name] = stream
        return found

    def speak(self, all_streams: Dict[str, Dict[str, hx.Stream]]) -> None:
        """Each to each: what comes is who has sent it."""
        for name, streams in all_streams.items():
            for stream in streams.values():
                stream.sendall(f"{name}\n".encode())
        for name, streams in all_streams.items():
            for other, stream in streams.items():
                stream.settimeout(PATIENCE)
                with stream.makefile("r") as file:
                    self.assertEqual(file.readline(), f"{other}\n")

    def test_three_meet_and_each_speaks_to_each(self) -> None:
        groups = {name: self.join(name) for name in ("alice", "bob", "carol")}
        for group in groups.values():
            group.wait(PATIENCE)
            self.assertEqual(group.state, (3, 3, 2))
        streams = {name: self.streams(group, 2) for name, group in groups.items()}
        self.assertEqual(sorted(streams["bob"]), ["alice", "carol"])
        self.speak(streams)

    def test_with_keys_only_those_who_have_one_are_met(self) -> None:
        key = hx.generate_key()
        alice, bob = (self.join(n, 2, insecure=False, keys=key) for n in ("alice", "bob"))
        mallory = self.join("mallory", 2, insecure=False, keys=hx.generate_key())
        streams = {"alice": self.streams(alice, 1), "bob": self.streams(bob, 1)}
        self.assertEqual((list(streams["alice"]), list(streams["bob"])), (["bob"], ["alice"]))
        self.assertEqual(len(streams["alice"]["bob"].peer_key) % 2, 0)
        self.assertNotEqual(streams["alice"]["bob"].peer_key, "")
        self.speak(streams)
        self.assertRaises(hx.TimedOutError, mallory.wait, 0.3)
        self.assertRaises(BlockingIOError, mallory.next, 0)

    def test_the_time_may_be_over_before_all_are_here_and_one_goes_on(self) -> None:
        alice = self.join("alice")
        self.assertRaises(BlockingIOError, alice.wait, 0)
        self.assertRaises(TimeoutError, alice.wait, 0.05)
        self.assertRaises(TimeoutError, alice.next, 0.05)
        bob = self.join("bob")
        self.assertEqual(list(self.streams(alice, 1)), ["bob"])
        self.assertEqual((alice.state.expect, alice.state.here), (3, 2))
        self.assertRaisesRegex(TimeoutError, "2 of 3 are here.*go on with", bob.wait, 0.05)

    def test_events_tell_of_the_others(self) -> None:
        told: List[hx.Event] = []
        left = threading.Event()

        def on_event(event: hx.Event) -> None:
            told.append(event)
            if event.kind == hx.EventKind.MEMBER_LEFT:
                left.set()
        alice = self.join("alice", 2, on_event=on_event)
        bob = self.join("bob", 2)
        alice.wait(PATIENCE)
        bob.close()
        self.assertTrue(left.wait(PATIENCE))
        kinds = [e.kind for e in told if e.kind in (hx.EventKind.JOINED, hx.EventKind.MEMBER_JOINED)]
        self.assertEqual(kinds, [hx.EventKind.JOINED, hx.EventKind.MEMBER_JOINED])
        self.assertIn("bob", [e.name for e in told])

    def test_close_from_another_thread_ends_waits(self) -> None:
        alice = self.join("alice")
        waits = [beside(alice.next), beside(alice.wait)]
        while not (alice._side._wakers and alice._waits):
            threading.Event().wait(0.001)
        alice.close()
        for wait in waits:
            self.assertRaises((hx.CanceledError, ValueError), wait)
        self.assertEqual(list(alice), [])
        with self.join("alice") as again:  # the name is free at once
            self.assertFalse(again.closed)
        self.assertTrue(again.closed)

    def test_a_member_in_c_is_met(self) -> None:
        alice = self.join("alice", 2)
        member = Process([BUILD / "test" / "group_member", self.address, "test_a_member_in_c_is_met", "2", "in-c"])
        self.addCleanup(member.stop)
        alice.wait(PATIENCE)
        stream = self.streams(alice, 1)["in-c"]
        stream.settimeout(PATIENCE)
        stream.sendall(b"salve\n")
        self.assertEqual(member.line("heard"), "heard alice salve")
        with stream.makefile() as file:
            self.assertIn("in-c", file.readline())

    def test_hx_meet_is_met(self) -> None:
        key = hx.generate_key()
        alice = self.join("alice", 2, session="meet", insecure=False, keys=key)
        tool = Process([BUILD / "hx", "meet", "meet", "--expect", "2", "--name", "tool", "--nameserver", self.address],
                       env={**os.environ, "HX_KEY": key})
        self.addCleanup(tool.stop)
        stream = self.streams(alice, 1)["tool"]
        stream.settimeout(PATIENCE)
        stream.sendall(b"salve\n")
        self.assertEqual(tool.line("salve"), "alice: salve")
        stdin: Any = tool.popen.stdin
        stdin.write(b"et tu\n")
        stdin.flush()
        with stream.makefile() as file:
            self.assertEqual(file.readline(), "et tu\n")
        stream.shutdown()
        ended = beside(tool.end)
        stream.close()
        self.assertEqual(ended(), 0)

    def test_what_cannot_be_joined(self) -> None:
        self.join("alice", session="taken")
        other = Process([sys.executable, EXAMPLES / "chat.py", "taken", "2", "alice", "--insecure", "--nameserver",
                         self.address], "stderr", env=environment())
        self.addCleanup(other.stop)
        self.assertIn("is held by", other.line("chat.py"))
        self.assertEqual(other.popen.wait(PATIENCE), 1)
        for expect in (0, 1, 65):
            self.assertRaisesRegex(hx.InvalidArgumentError, r"expect \(2 to 64\)", self.join, "alice", expect)
        self.assertRaisesRegex(hx.InvalidArgumentError, "session.*1 to 255", self.join, "alice", session="x" * 256)
        self.assertRaisesRegex(hx.InvalidArgumentError, "own_name, which must be", hx.Group, "x", 2, **self.options())

    def test_a_nameserver_without_sessions_is_told_as_such(self) -> None:
        with mock.patch("hx.group.made", side_effect=hx.NotFoundError("joining 'x'")):  # its 404
            with self.assertRaisesRegex(hx.RejectedError, "joining 'x'.*older"):
                self.join("alice", session="x")

    def test_the_example_is_a_chat(self) -> None:
        chats = {}
        for name in ("alice", "bob", "carol"):
            chats[name] = Process([sys.executable, "-u", EXAMPLES / "chat.py", "talk", "3", name, "--insecure",
                                   "--nameserver", self.address], env=environment())
            self.addCleanup(chats[name].stop)
        for chat in chats.values():
            for _ in range(2):
                chat.line(" is here")
        for name, chat in chats.items():
            stdin: Any = chat.popen.stdin
            stdin.write(f"I am\x1b {name}\n".encode())
            stdin.flush()
        for name, chat in chats.items():
            said = set()
            while len(said) < 2:
                said.add(chat.line(": "))
            self.assertEqual(said, {f"{other}: I am? {other}" for other in chats if other != name})
        self.assertEqual(chats["carol"].end(), 0)
        for name in ("alice", "bob"):
            chats[name].line("carol left")


class Loop(Case, unittest.IsolatedAsyncioTestCase):
    async def test_members_of_one_event_loop(self) -> None:
        async def member(name: str) -> List[bytes]:
            heard = []
            async with await hx.aio.join("loop", 3, **self.options(own_name=name)) as group:
                await group.wait(PATIENCE)
                streams = [await group.next() for _ in range(2)]
                for stream in streams:
                    await stream.write(name.encode() + b"\n")
                for stream in streams:
                    heard.append(await stream.readline())
                for stream in streams:
                    stream.shutdown()
                await asyncio.gather(*(stream.close() for stream in streams))
            return sorted(heard)
        heard = await asyncio.gather(*(member(name) for name in ("a", "b", "c")))
        self.assertEqual(heard, [[b"b\n", b"c\n"], [b"a\n", b"c\n"], [b"a\n", b"b\n"]])

    async def test_a_wait_for_all_can_be_cancelled_and_holds_no_thread(self) -> None:
        group = await hx.aio.join("incomplete", 2, **self.options(own_name="a"))
        before = threading.active_count()
        for _ in range(3):
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(group.wait(), 0.02)
        with self.assertRaisesRegex(hx.TimedOutError, r"1 of 2 are here.*wait again"):
            await group.wait(0.02)
        with self.assertRaises(hx.WouldBlockError):
            await group.wait(0)
        self.assertLessEqual(threading.active_count(), before)
        await group.close()
        with self.assertRaises(ValueError):
            await group.wait()

    async def test_a_wait_for_the_next_can_be_cancelled(self) -> None:
        group = await hx.aio.join("cancelled", 2, **self.options(own_name="a"))
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(group.next(), 0.02)
        other = await hx.aio.join("cancelled", 2, **self.options(own_name="b"))
        for stream in await asyncio.gather(group.next(), other.next()):
            stream.abort()
        await group.close()
        await other.close()
        self.assertEqual([stream async for stream in group], [])
