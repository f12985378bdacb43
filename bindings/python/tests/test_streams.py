"""Streams as files and as sockets, listeners, datagrams, events."""
from __future__ import annotations

import gc
import http.client
import http.server
import io
import os
import select
import socket
import threading
import warnings
from typing import Any
from unittest import mock

from tests.support import PATIENCE, Case, beside

import hx

TEXT = os.urandom(3_000_000)


class Files(Case):
    def test_a_stream_is_a_raw_file(self) -> None:
        ours, theirs = self.pair()
        self.assertEqual(ours.write(b"a question"), 10)
        self.assertEqual(ours.write(b""), 0)
        buffer = bytearray(4)
        self.assertEqual(theirs.readinto(buffer), 4)
        self.assertEqual((bytes(buffer), theirs.read(100)), (b"a qu", b"estion"))
        self.assertTrue(ours.readable() and ours.writable() and not ours.seekable() and not ours.isatty())
        self.assertIn("test_a_stream", repr(ours))

    def test_all_is_read_up_to_the_end(self) -> None:
        ours, theirs = self.pair()
        got = beside(theirs.read)
        with ours:
            self.assertEqual(ours.write(TEXT), len(TEXT))
            ours.shutdown()
            whole = got()
            theirs.close()
        self.assertTrue(whole == TEXT)
        self.assertTrue(ours.closed)

    def test_every_kind_of_buffer_is_written_as_it_is(self) -> None:
        ours, theirs = self.pair()
        got = beside(theirs.read)
        for data in (TEXT[:1000], bytearray(TEXT[1000:2000]), memoryview(TEXT)[2000:3000],
                     memoryview(bytearray(TEXT))[3000:4000]):
            ours.sendall(data)
        ours.shutdown()
        self.assertEqual(got(), TEXT[:4000])

    def test_a_buffered_reader_works_on_it(self) -> None:
        ours, theirs = self.pair()
        ours.sendall(b"one\ntwo\nrest")
        ours.shutdown()
        reader = io.BufferedReader(theirs)
        self.assertEqual((reader.readline(), reader.peek(1)[:3], reader.read()), (b"one\n", b"two", b"two\nrest"))
        closed = beside(ours.close)
        reader.close()
        self.assertTrue(theirs.closed)
        closed()

    def test_makefile_is_text_or_bytes_and_leaves_the_stream_open(self) -> None:
        ours, theirs = self.pair()
        with ours.makefile("w", encoding="utf-8") as file:
            print("grüße", 1, file=file)
        with ours.makefile("wb") as file:
            file.write(b"bytes\n")
        with theirs.makefile("rw", encoding="utf-8", newline="\n") as file:
            self.assertEqual((file.readline(), file.readline()), ("grüße 1\n", "bytes\n"))
            file.write("and back\n")
            file.flush()
        self.assertEqual(ours.read(100), b"and back\n")
        self.assertFalse(ours.closed or theirs.closed)
        self.assertRaises(ValueError, ours.makefile, "x")

    def test_a_file_that_only_reads_does_so_after_close_as_of_a_socket(self) -> None:
        ours, theirs = self.pair()
        file = ours.makefile("rb")
        ours.sendall(b"question")
        ours.close()
        self.assertTrue(ours.closed)
        self.assertEqual(theirs.read(), b"question")
        theirs.sendall(b"answer")
        theirs.shutdown()
        self.assertEqual(file.read(), b"answer")
        file.close()
        ours.close()
        theirs.close()  # it knows that all was read

    def test_a_file_that_is_closed_first_leaves_close_as_it_is(self) -> None:
        ours, theirs = self.pair()
        with ours.makefile() as file, ours.makefile("rb"):
            theirs.sendall(b"line\n")
            self.assertEqual(file.readline(), "line\n")
        ours.sendall(b"not read")
        closing = beside(theirs.abort)
        self.assertRaises(hx.ClosedError, ours.close)
        closing()

    def test_http_is_asked_for_and_served(self) -> None:
        listener, body = self.listen(), os.urandom(300_000)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)  # without a length: up to the end

            def log_message(self, format: str, *args: Any) -> None:
                pass

        def serve() -> None:
            with listener.accept(PATIENCE) as stream:
                Handler(stream, stream.getpeername(), None)  # type: ignore[arg-type]
        served = beside(serve)
        asking = http.client.HTTPConnection("by.name")
        asking.sock = hx.connect(listener.name, **self.options())
        asking.request("GET", "/")
        with asking.getresponse() as answer:
            self.assertTrue(answer.read() == body)
        asking.close()
        served()

    def test_a_stream_is_an_iterator_of_lines(self) -> None:
        ours, theirs = self.pair()
        ours.sendall(b"one\ntwo\nthree")
        ours.shutdown()
        self.assertEqual(list(theirs), [b"one\n", b"two\n", b"three"])

    def test_what_is_closed_says_so_as_a_file_does(self) -> None:
        ours, theirs = self.pair()
        ours.abort()
        ours.close()
        for call in (lambda: ours.read(1), lambda: ours.write(b"x"), ours.fileno, lambda: ours.path, ours.__enter__):
            self.assertRaises(ValueError, call)
        self.assertRaises(hx.ClosedError, theirs.read)

    def test_a_block_that_fails_aborts(self) -> None:
        ours, theirs = self.pair()
        with self.assertRaises(KeyError):
            with ours:
                ours.sendall(b"half")
                raise KeyError
        self.assertTrue(ours.closed)
        self.assertRaises(hx.ClosedError, theirs.read)  # not b"half"

    def test_two_that_close_at_once_both_know_that_all_was_read(self) -> None:
        ours, theirs = self.pair()
        ours.sendall(b"q")
        self.assertEqual(theirs.recv(10), b"q")
        theirs.sendall(b"a")
        closed = beside(theirs.close)
        self.assertEqual(ours.recv(10), b"a")
        ours.close()
        closed()

    def test_who_has_its_answer_may_close_late(self) -> None:
        ours, theirs = self.pair()
        ours.sendall(b"q")
        self.assertEqual(theirs.recv(10), b"q")
        theirs.sendall(b"a")
        self.assertEqual(ours.recv(10), b"a")
        theirs.close()  # it was read; and we do not end our direction for longer than it waits
        ours.close()

    def test_close_says_when_the_peer_did_not_read_all(self) -> None:
        ours, theirs = self.pair()
        ours.sendall(b"x" * 100_000)
        theirs.recv(10)
        theirs.abort()
        self.assertRaises(hx.ClosedError, ours.close)
        self.assertTrue(ours.closed)

    def test_what_is_forgotten_is_warned_of_and_ends(self) -> None:
        ours, theirs = self.pair()
        self.doCleanups()  # which know them
        listener = self.listen("forgotten")
        ours = hx.connect("forgotten", **self.options())
        theirs = listener.accept(PATIENCE)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del ours
            gc.collect()
        self.assertIn(ResourceWarning, [w.category for w in caught])
        self.assertIn("unclosed <hx.Stream 'forgotten'>", [str(w.message) for w in caught])
        self.assertRaises(hx.ClosedError, theirs.read)
        theirs.abort()


    def test_the_collector_may_run_while_the_library_tells_an_event(self) -> None:
        listener = self.listen("collector")
        forgotten = hx.connect("collector", **self.options())
        theirs = listener.accept(PATIENCE)
        also = hx.listen("collector.also", **self.options())
        forgotten.itself, also.itself = forgotten, also  # type: ignore[attr-defined]
        told = hx._events.Tap.tell
        collected = []

        def tell(tap: hx._events.Tap, raw: object) -> None:
            collected.append(gc.collect())
            told(tap, raw)
        with warnings.catch_warnings(), mock.patch("hx._events.Tap.tell", tell):
            warnings.simplefilter("ignore", ResourceWarning)
            gc.disable()
            del forgotten, also
            hx.connect("collector", timeout=PATIENCE, **self.options()).abort()
            gc.enable()
        self.assertTrue(any(collected))
        self.assertRaises(hx.ClosedError, theirs.read)  # it was freed, in another thread
        theirs.abort()
        hx.listen("collector.also", timeout=PATIENCE, **self.options()).close()


class Sockets(Case):
    def test_a_stream_has_the_methods_of_a_socket(self) -> None:
        ours, theirs = self.pair()
        self.assertEqual(ours.send(b"abcdef"), 6)
        buffer = bytearray(10)
        self.assertEqual(theirs.recv_into(buffer, 3), 3)
        self.assertEqual((bytes(buffer[:3]), theirs.recv(100)), (b"abc", b"def"))
        ours.shutdown(socket.SHUT_WR)
        self.assertEqual(theirs.recv(100), b"")
        self.assertRaises(hx.InvalidArgumentError, ours.send, b"after the end")
        self.assertRaises(ValueError, ours.shutdown, socket.SHUT_RD)
        host, port = ours.getpeername()
        self.assertTrue(host and 0 < port < 65536)

    def test_timeouts_are_those_of_a_socket(self) -> None:
        ours, theirs = self.pair()
        ours.settimeout(0.05)
        self.assertEqual(ours.gettimeout(), 0.05)
        self.assertRaises(TimeoutError, ours.recv, 1)
        with self.assertRaisesRegex(hx.TimedOutError, "^reading from 'test_timeouts.*: timed out: give more time"):
            ours.read(1)
        ours.setblocking(False)
        self.assertRaises(BlockingIOError, ours.recv, 1)
        self.assertIsNone(ours.read(1))
        self.assertRaises(ValueError, ours.settimeout, -1)

    def test_a_full_stream_does_not_wait_without_a_timeout(self) -> None:
        ours, theirs = self.pair()
        ours.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:  # until all buffers on the way are full
                ours.sendall(TEXT)
        ours.settimeout(0.05)
        with self.assertRaises(TimeoutError):
            while True:
                ours.sendall(TEXT)
        self.assertEqual(theirs.recv(10), TEXT[:10])

    def test_select_tells_when_reading_and_writing_would_not_wait(self) -> None:
        ours, theirs = self.pair()
        theirs.setblocking(False)
        self.assertRaises(BlockingIOError, theirs.recv, 1)
        self.assertEqual(select.select([theirs], [], [], 0)[0], [])
        ours.sendall(b"x")
        self.assertEqual(select.select([theirs], [], [], PATIENCE)[0], [theirs])
        self.assertEqual(theirs.recv(10), b"x")
        while ours.setblocking(False) or ours.write(TEXT) is not None:
            pass
        reading = beside(lambda: theirs.settimeout(PATIENCE) or theirs.recv(hx.stream.CHUNK))
        self.assertTrue(select.select([ours.write_fileno()], [], [], PATIENCE)[0])
        reading()

    def test_a_listener_can_be_polled_and_has_timeouts(self) -> None:
        listener = self.listen()
        self.assertRaises(BlockingIOError, listener.accept, 0)
        self.assertRaises(TimeoutError, listener.accept, 0.02)
        listener.settimeout(0.02)
        self.assertRaises(TimeoutError, listener.accept)
        with hx.connect(listener.name, **self.options(own_name="bob")) as ours:
            self.assertTrue(select.select([listener], [], [], PATIENCE)[0])
            theirs = listener.accept()
            self.assertEqual((theirs.peer_name, ours.peer_name), ("bob", listener.name))
            self.assertIn(ours.path.kind, ("lan", "direct", "ipv6"))
            self.assertRegex(ours.external_address, r"^127\.0\.0\.1:\d+$")
            self.assertRegex(listener.external_address, r"^127\.0\.0\.1:\d+$")
            theirs.abort()

    def test_close_from_another_thread_ends_a_wait(self) -> None:
        ours, theirs = self.pair()
        listener = self.listen("another")
        waits = [beside(lambda: ours.recv(1)), beside(listener.accept)]
        while not (ours._reading._wakers and listener._side._wakers):
            threading.Event().wait(0.001)
        ours.abort()
        listener.close()
        for wait in waits:
            self.assertRaises(hx.CanceledError, wait)
        self.assertEqual(list(listener), [])

    def test_many_threads_may_use_one_stream(self) -> None:
        ours, theirs = self.pair()
        counted = beside(lambda: len(theirs.read()))
        pieces = [beside(lambda: ours.sendall(TEXT[:300_000])) for _ in range(4)]
        for piece in pieces:
            piece()
        ours.shutdown()
        self.assertEqual(counted(), 1_200_000)


class Keys(Case):
    def options(self, **more: object) -> dict:  # type: ignore[type-arg]
        return {"nameserver": self.address, "keys": self.key, **more}

    def setUp(self) -> None:
        self.key = hx.generate_key()

    def test_both_prove_the_key_and_know_its_label(self) -> None:
        key = self.key
        self.key = f"{key} laptop"
        listener = self.listen()
        self.key = key
        ours = hx.connect(listener.name, **self.options())
        theirs = listener.accept(PATIENCE)
        self.assertEqual(theirs.peer_label, "")
        done = beside(lambda: ours.handshake(PATIENCE))
        theirs.handshake(PATIENCE)
        done()
        self.assertEqual((theirs.peer_label, ours.peer_key), ("laptop", theirs.peer_key))
        self.assertEqual(len(ours.peer_key) % 2, 0)
        got = beside(theirs.read)
        ours.sendall(TEXT)
        closed = beside(ours.close)
        self.assertTrue(got() == TEXT)
        theirs.close()
        closed()

    def test_who_has_another_key_is_told(self) -> None:
        listener = self.listen()
        self.key = hx.generate_key()
        ours = hx.connect(listener.name, **self.options())
        theirs = listener.accept(PATIENCE)
        done = beside(lambda: ours.read(1))
        self.assertRaises(hx.AuthError, theirs.handshake, PATIENCE)
        self.assertRaises(PermissionError, done)
        ours.close()  # it was said
        theirs.close()

    def test_datagrams_travel_beside_it(self) -> None:
        ours, theirs = self.pair()
        self.assertRaises(hx.WouldBlockError, theirs.receive_datagram, 0)
        done = beside(lambda: ours.handshake(PATIENCE))
        theirs.handshake(PATIENCE)
        done()
        got = beside(lambda: theirs.receive_datagram(PATIENCE))
        stop = threading.Event()

        def send() -> None:
            while not stop.wait(0.01):  # any one may be lost
                ours.send_datagram(b"tick", 7)
        sending = beside(send)
        self.assertEqual(got(), (7, b"tick"))
        stop.set()
        sending()
        self.assertRaises(hx.TooBigError, ours.send_datagram, b"x" * (hx.DATAGRAM_MAX + 1))


class Events(Case):
    def test_events_come_one_at_a_time_and_may_call_the_library(self) -> None:
        told, both = [], threading.Event()
        inside = []

        def on_event(event: hx.Event) -> None:
            inside.append(hx.libhx_version())  # from the library's own thread this would never return
            told.append(event)
            if event.kind == hx.EventKind.PUNCHED:
                both.set()
        listener = self.listen(on_event=on_event)
        with hx.connect(listener.name, **self.options()) as ours, listener.accept(PATIENCE) as theirs:
            self.assertTrue(both.wait(PATIENCE))
            del ours, theirs
        bound = [e for e in told if e.kind == hx.EventKind.BOUND]
        self.assertRegex(bound[0].address, r"^127\.0\.0\.1:\d+$")
        self.assertIsNone(bound[0].error)

    def test_a_handler_that_fails_is_shown_and_called_again(self) -> None:
        shown, calls = [], []
        before, threading.excepthook = threading.excepthook, shown.append
        self.addCleanup(setattr, threading, "excepthook", before)
        again = threading.Event()

        def on_event(event: hx.Event) -> None:
            calls.append(event)
            if len(calls) == 3:
                again.set()
            raise (KeyError, SystemExit)[len(calls) % 2](event.kind)
        listener = self.listen()
        hx.connect(listener.name, **self.options(on_event=on_event)).abort()
        self.assertTrue(again.wait(PATIENCE))
        self.assertEqual([args.exc_type for args in shown[:2]], [SystemExit, KeyError])

    def test_no_event_comes_to_what_is_gone(self) -> None:
        import hx._events as events
        listener = self.listen(on_event=lambda event: None, path_events=True)
        self.assertEqual(len(events._taps), 1)
        ours = hx.connect(listener.name, **self.options())
        theirs = listener.accept(PATIENCE)
        listener.close()
        gc.collect()
        self.assertEqual(len(events._taps), 1)  # the stream's path may still change
        theirs.abort()
        ours.abort()
        self.assertEqual(events._taps, {})
