"""libhx.so through ctypes: where it is found, and hx.h's structs and functions as they are there."""
from __future__ import annotations

import ctypes
import os
import threading
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_int, c_int64, c_size_t, c_ssize_t, c_uint16,
                    c_uint32, c_void_p)
from pathlib import Path
from typing import Any, List, Optional, Tuple

SONAME = "libhx.so.0"
ADDRESS_MAX = 56
KEY_TEXT_MAX = 64
DATAGRAM_MAX = 65507


class CEventInfo(Structure):
    """struct hx_event_info."""

    _fields_ = [("event", c_int), ("error", c_int), ("name", c_char_p), ("address", c_char_p), ("text", c_char_p),
                ("punch_ms", c_int64), ("total_ms", c_int64), ("retry_ms", c_int64)]


ON_EVENT = CFUNCTYPE(None, c_void_p, POINTER(CEventInfo))


class CConfig(Structure):
    """struct hx_config."""

    _fields_ = [("nameserver", c_char_p), ("local_port", c_uint16), ("name", c_char_p), ("wait_s", c_int),
                ("timeout_ms", c_int), ("punch_ms", c_int), ("linger_ms", c_int), ("backlog", c_int),
                ("on_event", ON_EVENT), ("user", c_void_p), ("keys", c_char_p), ("family", c_int),
                ("no_port_mapping", c_int), ("stun", c_char_p), ("path_events", c_int),
                ("no_host_candidates", c_int), ("state_dir", c_char_p), ("transport", c_int),
                ("relay_after_ms", c_int), ("device_key", c_char_p),
                ("on_trace", c_void_p)]


class CPath(Structure):
    """struct hx_path."""

    _fields_ = [("address", c_char * ADDRESS_MAX), ("kind", c_char * 16), ("rtt_us", c_int64)]


class CGroupState(Structure):
    """struct hx_group_state."""

    _fields_ = [("expect", c_int), ("here", c_int), ("connected", c_int)]


# Name, result, arguments. What returns c_ssize_t or c_int returns an error below 0.
_FUNCTIONS: List[Tuple[str, Any, List[Any]]] = [
    ("hx_bind_sized", c_int, [POINTER(c_void_p), POINTER(CConfig), c_size_t, c_char_p]),
    ("hx_connect_sized", c_int, [POINTER(c_void_p), POINTER(CConfig), c_size_t, c_char_p, c_int]),
    ("hx_accept", c_int, [c_void_p, POINTER(c_void_p), c_int]),
    ("hx_listener_fd", c_int, [c_void_p]),
    ("hx_listener_external", c_int, [c_void_p, c_char_p, c_size_t]),
    ("hx_listener_close", None, [c_void_p]),
    ("hx_handshake", c_int, [c_void_p, c_int]),
    ("hx_peer_label", c_char_p, [c_void_p]),
    ("hx_peer_key", c_char_p, [c_void_p]),
    ("hx_read", c_ssize_t, [c_void_p, c_void_p, c_size_t, c_int]),
    ("hx_write", c_ssize_t, [c_void_p, c_void_p, c_size_t, c_int]),
    ("hx_shutdown", c_int, [c_void_p]),
    ("hx_abort", None, [c_void_p]),
    ("hx_close", c_int, [c_void_p]),
    ("hx_stream_fd", c_int, [c_void_p]),
    ("hx_stream_write_fd", c_int, [c_void_p]),
    ("hx_datagram_send", c_ssize_t, [c_void_p, c_uint32, c_void_p, c_size_t]),
    ("hx_datagram_receive", c_ssize_t, [c_void_p, POINTER(c_uint32), c_void_p, c_size_t]),
    ("hx_datagram_fd", c_int, [c_void_p]),
    ("hx_peer", c_int, [c_void_p, c_char_p, c_size_t]),
    ("hx_stream_path_sized", c_int, [c_void_p, POINTER(CPath), c_size_t]),
    ("hx_peer_name", c_char_p, [c_void_p]),
    ("hx_external", c_int, [c_void_p, c_char_p, c_size_t]),
    ("hx_key_generate", c_int, [c_char_p]),
    ("hx_keys_check", c_int, [c_char_p, POINTER(c_int)]),
    ("hx_cleanup", None, []),
    ("hx_strerror", c_char_p, [c_int]),
    ("hx_version", c_char_p, []),
]
# An older library has none of these.
_LATER_FUNCTIONS: List[Tuple[str, Any, List[Any]]] = [
    ("hx_group_join_sized", c_int, [POINTER(c_void_p), POINTER(CConfig), c_size_t, c_char_p, c_int]),
    ("hx_group_wait", c_int, [c_void_p, c_int]),
    ("hx_group_next", c_int, [c_void_p, POINTER(c_void_p), c_int]),
    ("hx_group_fd", c_int, [c_void_p]),
    ("hx_group_state_sized", c_int, [c_void_p, POINTER(CGroupState), c_size_t]),
    ("hx_group_leave", None, [c_void_p]),
    ("hx_device_key_generate", c_int, [c_char_p]),
    ("hx_device_key_public", c_int, [c_char_p, c_char_p]),
]


def candidates() -> List[str]:
    """Where the library is looked for, in this order: $HX_LIBRARY alone, if it is set; beside this package; where
    the system's loader looks."""
    chosen = os.environ.get("HX_LIBRARY")
    if chosen:
        return [chosen]
    beside = Path(__file__).resolve().parent / SONAME
    return ([str(beside)] if beside.exists() else []) + [SONAME]


def _load() -> ctypes.CDLL:
    faults = []
    for path in candidates():
        try:
            library = ctypes.CDLL(path)
            break
        except OSError as error:
            faults.append(str(error))
    else:
        raise ImportError(f"libhx is not found ({'; '.join(faults)}): install hx (`make install` of its sources), or "
                          f"set HX_LIBRARY to the path of {SONAME}")
    for name, result, arguments in _FUNCTIONS:
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{path} has no {name}(): it is too old for this package; install a newer libhx, or set "
                              f"HX_LIBRARY to the path of one") from None
        function.restype, function.argtypes = result, arguments
    for name, result, arguments in _LATER_FUNCTIONS:
        if hasattr(library, name):
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    return library


_library: Optional[Any] = None
_loading = threading.Lock()


def lib() -> Any:
    """The library, loaded at the first call. ImportError says what to do if it is not there."""
    global _library
    if _library is None:
        with _loading:
            if _library is None:
                _library = _load()
    return _library


def has_groups() -> bool:
    """Whether the library in use knows groups."""
    return hasattr(lib(), "hx_group_join_sized")


def has_device_keys() -> bool:
    """Whether it can prove a key of this device to a nameserver."""
    return hasattr(lib(), "hx_device_key_public")


def text(raw: Optional[bytes]) -> str:
    """What the library says; bytes that are no UTF-8 come from the network, and are shown as such."""
    return (raw or b"").decode("utf-8", "backslashreplace")
