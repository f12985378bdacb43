"""Threads for calls of the library that block: taken up again for the next one, and none of them keeps the process
from ending. Only these calls need one: connecting, binding, joining a group, and closing what must still arrive."""
from __future__ import annotations

import queue
import threading
from collections import deque
from typing import Any, Callable, Deque, Generic, Optional, TypeVar

T = TypeVar("T")

THREADS_MAX = 256
IDLE_S = 10.0


class Call(Generic[T]):
    """One such call. Who waits for it may leave: what it brings then goes to `discard`."""

    def __init__(self, work: Callable[[], T], discard: Optional[Callable[[T], Any]] = None) -> None:
        self._work, self._discard = work, discard
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._left = False
        self._on_done: Optional[Callable[[], None]] = None
        self._result: Any = None
        self.fault: Optional[BaseException] = None

    def run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as fault:  # it is raised where somebody waits
            self.fault = fault
        with self._lock:
            self._done.set()
            left, told = self._left, self._on_done
        if left:
            self._drop()
        elif told:
            told()

    def _drop(self) -> None:
        if self.fault is None and self._discard:
            self._discard(self._result)

    def leave(self) -> None:
        """Nobody wants the result any more."""
        with self._lock:
            done, before = self._done.is_set(), self._left
            self._left = True
        if done and not before:
            self._drop()

    def then(self, told: Callable[[], None]) -> None:
        """Calls `told` once it is over, from any thread."""
        with self._lock:
            self._on_done = told
            done = self._done.is_set()
        if done:
            told()

    def result(self) -> T:
        """Waits for it. A signal's handler may raise meanwhile, as for KeyboardInterrupt: the result is discarded."""
        try:
            self._done.wait()
        except BaseException:
            self.leave()
            raise
        if self.fault is not None:
            raise self.fault
        return self._result  # type: ignore[no-any-return]


class _Pool:
    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self._condition = threading.Condition()
        self._calls: Deque[Call[Any]] = deque()
        self._idle = self._count = 0

    def _work(self) -> None:
        while True:
            with self._condition:
                self._idle += 1
                came = self._condition.wait_for(lambda: self._calls, IDLE_S)
                self._idle -= 1
                if not came:
                    self._count -= 1
                    return
                call = self._calls.popleft()
            call.run()
            del call

    def begin(self, call: Call[Any]) -> None:
        with self._condition:
            self._calls.append(call)
            if len(self._calls) > self._idle and self._count < THREADS_MAX:
                try:
                    threading.Thread(target=self._work, name="hx call", daemon=True).start()
                    self._count += 1
                except RuntimeError:  # no more threads, or the interpreter is about to end
                    if self._count == 0:
                        self._calls.remove(call)
                        raise
            self._condition.notify()


class _Reaper:
    """Frees what was forgotten. Python's collector runs in any thread, also in the library's own as it tells an event,
    with locks held that freeing needs."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()  # which a collector may use
        self._begun = False

    def begin(self) -> None:
        if not self._begun:
            threading.Thread(target=self._work, name="hx reaper", daemon=True).start()
            self._begun = True

    def _work(self) -> None:
        while True:
            self._queue.get()()

    def put(self, work: Callable[[], Any]) -> None:
        self._queue.put(work)


_pool = _Pool()
reaper = _Reaper()


def after_fork() -> None:
    global reaper
    _pool.renew()
    reaper = _Reaper()


def begin(work: Callable[[], T], discard: Optional[Callable[[T], Any]] = None) -> Call[T]:
    """Runs `work` in another thread."""
    call = Call(work, discard)
    _pool.begin(call)
    return call


def interruptible(work: Callable[[], T], discard: Optional[Callable[[T], Any]] = None) -> T:
    """The result of `work`, which blocks in the library. Python's handlers of signals run in the main thread, between
    its own steps: there it waits for another thread, so that Ctrl-C works."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    try:
        call = begin(work, discard)
    except RuntimeError:
        return work()
    return call.result()
