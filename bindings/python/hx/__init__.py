"""Connections between two hosts that both are behind NATs, found by name through an hx-nameserver.

    with hx.listen("home", nameserver="ns.example") as listener:     # on one host
        for stream in listener: ...
    with hx.connect("home", nameserver="ns.example") as stream:      # on another one
        stream.sendall(b"hello")

Both have the same key (`hx key` makes it), or both say insecure=True. hx.aio has the same for asyncio, hx.Group meets
several at once. Times are seconds. Every error is an hx.Error, whose text says what to do. Waits let other threads run,
and a signal's handler may raise in them. Do not fork() once it is in use: the child gets ForkError."""
from hx._config import (Config, check_keys, device_key_public, generate_device_key, generate_key,
                        key_path)
from hx._events import Event, EventKind
from hx._lib import DATAGRAM_MAX, lib, text
from hx._process import cleanup
from hx.errors import (AddressError, AuthError, CanceledError, CertificateError, ClosedError, ConflictError,
                       DeniedError, EndOfStreamError, Error, FamilyError, FloodError, ForkError,
                       InvalidArgumentError, LimitError, NotFoundError, OutOfMemoryError, ProtocolError,
                       ProxyError, PunchError, RefusedError, RejectedError, ResolveError, SystemCallError,
                       TimedOutError, TooBigError, WouldBlockError)
from hx.group import Group, GroupState
from hx.listener import Listener, connect, listen
from hx.stream import Path, Stream

__version__ = "0.1.0"


def libhx_version() -> str:
    """Of the libhx in use. ImportError: it is not found, with what to do."""
    return text(lib().hx_version())


__all__ = [
    "AddressError", "AuthError", "CanceledError", "CertificateError", "ClosedError", "Config",
    "ConflictError", "DATAGRAM_MAX", "DeniedError", "EndOfStreamError", "Error", "Event", "EventKind", "FamilyError",
    "FloodError", "ForkError", "Group", "GroupState", "InvalidArgumentError", "LimitError", "Listener",
    "NotFoundError", "OutOfMemoryError", "Path", "ProtocolError", "ProxyError", "PunchError",
    "RefusedError", "RejectedError", "ResolveError", "Stream", "SystemCallError", "TimedOutError",
    "TooBigError", "WouldBlockError", "check_keys", "cleanup", "connect", "device_key_public",
    "generate_device_key", "generate_key", "key_path",
    "libhx_version", "listen",
]
