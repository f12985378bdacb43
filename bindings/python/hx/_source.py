"""What a Listener and a Group have in common."""
from __future__ import annotations

import functools
import warnings
from ctypes import byref, c_void_p
from types import TracebackType
from typing import Any, Callable, ClassVar, Iterator, Optional, Tuple, Type, TypeVar

from hx import _threads, errors
from hx._config import Config, milliseconds
from hx._events import Tap
from hx._lib import lib, text
from hx._side import Side
from hx.stream import Stream

T = TypeVar("T")


def stream_of(pointer: int, tap: Tap, config: Config, what: str) -> Stream:
    return Stream(pointer, what, config.linger, tap.hold() if config.path_events else None)


class Source:
    """Gives one stream after the other, until close(). It is an iterator of them."""

    taking: ClassVar[str]  # what it does meanwhile, in front of its name
    _stands: ClassVar[str]  # between a peer's name and its own

    def _begin(self, side: Side, take: Any, discard: Callable[[int, Tap], None], called: str, config: Config,
               tap: Tap) -> None:
        self._side, self._take, self._discard = side, take, discard
        self.called, self._config, self._tap = called, config, tap
        self._timeout: Optional[float] = None

    def __repr__(self) -> str:
        return f"<hx.{type(self).__name__} {self.called!r}{' closed' if self.closed else ''}>"

    @property
    def closed(self) -> bool:
        return self._side.pointer is None

    def _own(self, pointer: int) -> Stream:
        name = text(lib().hx_peer_name(pointer))
        return stream_of(pointer, self._tap, self._config, f"{name!r} {self._stands} {self.called!r}")

    def next_now(self) -> Tuple[int, Optional[Stream]]:
        """What the library says without waiting. For event loops."""
        out = c_void_p()
        code = int(self._side.call(self._take, byref(out), 0))
        return code, self._own(out.value or 0) if code == 0 else None

    def _next(self, timeout: Optional[float]) -> Stream:
        milliseconds(timeout)
        out, take = c_void_p(), self._take
        code = self._side.until_done(lambda handle: int(take(handle, byref(out), 0)), timeout, self.taking)
        errors.check(code, f"{self.taking} {self.called!r}")
        return self._own(out.value or 0)

    def __iter__(self) -> Iterator[Stream]:
        while True:
            try:
                yield self._next(self._timeout)
            except (errors.CanceledError, ValueError):
                return

    def fileno(self) -> int:
        """For select and poll: readable while the next stream is there. Only poll it."""
        return self._side.fileno()

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 where: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_side") and not self.closed:
            told = f"unclosed {self!r}"
            pointer = self._side.end()
            if pointer is not None:
                _threads.reaper.put(functools.partial(self._discard, pointer, self._tap))
            warnings.warn(told, ResourceWarning, source=self)
