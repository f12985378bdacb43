"""The address of any object's bytes, without a copy of them."""
from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_ssize_t, c_void_p, py_object
from types import TracebackType
from typing import Any, Optional, Type


class _PyBuffer(ctypes.Structure):
    """Py_buffer of Python's stable ABI."""

    _fields_ = [("buf", c_void_p), ("obj", c_void_p), ("len", c_ssize_t), ("itemsize", c_ssize_t), ("readonly", c_int),
                ("ndim", c_int), ("format", c_char_p), ("shape", POINTER(c_ssize_t)), ("strides", POINTER(c_ssize_t)),
                ("suboffsets", POINTER(c_ssize_t)), ("internal", c_void_p)]


_get = ctypes.pythonapi.PyObject_GetBuffer
_get.argtypes, _get.restype = [py_object, POINTER(_PyBuffer), c_int], c_int
_release = ctypes.pythonapi.PyBuffer_Release
_release.argtypes, _release.restype = [POINTER(_PyBuffer)], None
_WRITABLE = 1


class Bytes:
    """In a `with`: `address` and `size` of what supports the buffer protocol and is contiguous. It cannot be resized
    meanwhile. BufferError, TypeError."""

    __slots__ = ("_buffer", "address", "size")

    def __init__(self, data: Any, writable: bool = False) -> None:
        self._buffer = _PyBuffer()
        _get(data, byref(self._buffer), _WRITABLE if writable else 0)
        self.address: int = self._buffer.buf or 0
        self.size: int = self._buffer.len

    def __enter__(self) -> Bytes:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], value: Optional[BaseException],
                 where: Optional[TracebackType]) -> None:
        _release(byref(self._buffer))
