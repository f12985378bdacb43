"""What the library tells while it works. Its thread only puts events into a queue here; a thread of this package calls
who wants to know, who may so take its time, and call whatever it likes."""
from __future__ import annotations

import enum
import itertools
import queue
import sys
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

from hx import errors
from hx._lib import ON_EVENT, text


class EventKind(enum.IntEnum):
    """enum hx_event; hx.h says of each when it comes."""

    BOUND = 0
    EXTERNAL = 1
    PEER = 2
    PUNCHED = 3
    PUNCH_FAILED = 4
    PEER_DROPPED = 5
    REJECTED = 6
    NAMESERVER_LOST = 7
    NAMESERVER_AWAITED = 8
    PATH = 9
    RELAY_LIMIT = 10
    JOINED = 11
    MEMBER_HERE = 12
    MEMBER_JOINED = 13
    MEMBER_MOVED = 14
    MEMBER_LEFT = 15


@dataclass(frozen=True)
class Event:
    """What on_event is told. Times are seconds; texts that do not apply are "". `kind` is a plain number if the
    library is newer than this package."""

    kind: int
    error: Optional[errors.Error]
    name: str
    address: str
    text: str
    punch_time: float
    total_time: float
    retry_time: float


Handler = Callable[[Event], Any]
_EXPLAINS = (EventKind.REJECTED, EventKind.PUNCH_FAILED, EventKind.NAMESERVER_AWAITED)


def _event(raw: Any) -> Event:
    kind: int = raw.event
    try:
        kind = EventKind(kind)
    except ValueError:
        pass
    name, about = text(raw.name), text(raw.text)
    wrong = errors.error(raw.error, name or "hx", about) if raw.error < 0 else None
    return Event(kind, wrong, name, text(raw.address), about, raw.punch_ms / 1000, raw.total_ms / 1000,
                 raw.retry_ms / 1000)


class _Dispatcher:
    """One thread, made when the first handler is given."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Tuple[Handler, Event]] = queue.SimpleQueue()
        self._begun = False
        self._lock = threading.Lock()

    def begin(self) -> None:
        with self._lock:
            if not self._begun:
                threading.Thread(target=self._run, name="hx events", daemon=True).start()
                self._begun = True

    def put(self, handler: Handler, event: Event) -> None:
        self._queue.put((handler, event))

    def _run(self) -> None:
        while True:
            handler, event = self._queue.get()
            try:
                handler(event)
            except BaseException:  # SystemExit ends no more than this call: others still want to be told
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
            del handler, event


_dispatcher = _Dispatcher()
_taps: Dict[int, Tap] = {}
_numbers = itertools.count(1)


class Tap:
    """Who is told of one listener, group or connection. The library has its number alone, so that no event can come
    to an object that is gone. It is kept until all who hold it have let it go."""

    def __init__(self, handler: Optional[Handler]) -> None:
        self.number = next(_numbers)
        self.explanations: List[str] = []  # the last one
        self._handler = handler
        self._holders = 1
        self._lock = threading.Lock()
        if handler:
            _dispatcher.begin()
        _taps[self.number] = self

    def hold(self) -> Tap:
        with self._lock:
            self._holders += 1
        return self

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                _taps.pop(self.number, None)

    def tell(self, raw: Any) -> None:
        if raw.event in _EXPLAINS and raw.text:
            self.explanations[:] = [text(raw.text).strip()]
        if self._handler:
            _dispatcher.put(self._handler, _event(raw))

    def explanation(self) -> str:
        return self.explanations[0] if self.explanations else ""


def _tell(user: Optional[int], info: Any) -> None:
    """The engine's lock is held: nothing here waits."""
    tap = _taps.get(user or 0)
    if tap:
        tap.tell(info.contents)


on_event = ON_EVENT(_tell)
"""The one function that the library calls. It is never freed."""


def after_fork() -> None:
    global _dispatcher
    _dispatcher = _Dispatcher()
    _taps.clear()
