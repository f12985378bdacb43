"""The library in this process: what must be done before it exits, and when it forks."""
from __future__ import annotations

import atexit
import os
import threading

from hx import _events, _side, _threads, errors
from hx._lib import lib

_lock = threading.Lock()
_used = False
_forked = False


def in_use() -> None:
    """To be called before the first call that makes the library's threads. ForkError."""
    global _used
    if _forked:
        raise errors.ForkError("hx in a forked process")
    if not _used:
        with _lock:
            _threads.reaper.begin()
            _used = True


def cleanup() -> None:
    """Ends the library in this process, once and for all: closes every connection, gives back the names; at most about
    a second. Every call that waits raises CanceledError. It is called when the interpreter exits. What was written
    before close() or shutdown() leaves this host first."""
    if _used and not _forked:
        lib().hx_cleanup()


def _after_fork() -> None:
    global _forked, _lock
    _lock = threading.Lock()
    _events.after_fork()
    _side.after_fork(_used)
    _threads.after_fork()
    _forked = _forked or _used


atexit.register(cleanup)
os.register_at_fork(after_in_child=_after_fork)
