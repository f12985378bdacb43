"""One exception for each error of libhx. All are hx.Error and OSError, and each has those of Python's own classes as
further bases that a program would expect: `except TimeoutError` and `except hx.Error` both work."""
from __future__ import annotations

import errno as _errno
import socket
from typing import Any, ClassVar, Dict, Tuple, Type

from hx._lib import lib, text

AGAIN = -1  # HX_EAGAIN, HX_ECLOSED ...: the few that this package itself acts upon
CLOSED = -2


class Error(OSError):
    """Any error of libhx. `code` is its number in hx.h; str() names what was tried, what is wrong and what to do."""

    code: ClassVar[int] = 0
    hint: str = "see the program's own log for what went before"
    _errno: ClassVar[int] = _errno.EIO

    def __init__(self, what: str, detail: str = "", code: int = 0, hint: str = "") -> None:
        wrong = text(lib().hx_strerror(code or self.code))
        self.what, self.detail, self._code, self.hint = what, detail, code, hint or self.hint
        super().__init__(self._errno, f"{what}: {wrong}{f' ({detail})' if detail else ''}: {self.hint}")

    def __str__(self) -> str:
        return str(self.strerror)

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.what, self.detail, self._code, self.hint)


class WouldBlockError(Error, BlockingIOError):
    """HX_EAGAIN: the timeout is 0, and nothing could be done at once."""

    code, _errno = -1, _errno.EAGAIN
    hint = "wait for fileno() with select, or set a timeout above 0"


class ClosedError(Error, ConnectionResetError):
    """HX_ECLOSED: the connection is gone, or was closed without an end; bytes may be missing."""

    code, _errno = -2, _errno.ECONNRESET
    hint = "connect again, and repeat what was not confirmed"


class EndOfStreamError(Error, EOFError):
    """HX_EEOF: the nameserver has ended the connection in the middle of an answer."""

    code = -3
    hint = "try again; the nameserver's log says why it ended the connection"


class ProtocolError(Error):
    """HX_EPROTO: the nameserver speaks no HTTP, or the peer no TLS."""

    code, _errno = -4, _errno.EPROTO
    hint = ("check that the address is that of an hx-nameserver, and that both sides use keys or both are insecure; "
            "`hx bind` and `hx connect` need --bare (or --insecure) to be this one's peer")


class TooBigError(Error, ValueError):
    """HX_ETOOBIG: an answer, a text or a datagram is longer than allowed."""

    code, _errno = -5, _errno.EMSGSIZE
    hint = "send less at once: a datagram has at most hx.DATAGRAM_MAX bytes, a name at most 255"


class InvalidArgumentError(Error, ValueError):
    """HX_EINVAL: an argument cannot be used."""

    code, _errno = -6, _errno.EINVAL
    hint = ("check names (1 to 255 letters, digits or any of !#$%&'*+-.^_`|~@), the nameserver (HOST[:PORT]), keys "
            "(hx.check_keys()), device_key (hx.device_key_public()) and that nothing is written after shutdown()")


class OutOfMemoryError(Error, MemoryError):
    """HX_ENOMEM."""

    code, _errno = -7, _errno.ENOMEM
    hint = "close streams that are not needed, or raise the limits of memory and threads"


class TimedOutError(Error, TimeoutError):
    """HX_ETIMEDOUT: not within the time."""

    code, _errno = -8, _errno.ETIMEDOUT
    hint = ("give more time; if a nameserver never answers, check its address, and that UDP to it (or TCP, with "
            "--listen-tcp there) is not blocked: `hx nat` tells")


class RefusedError(Error, ConnectionRefusedError):
    """HX_EREFUSED: the nameserver's host refused the connection."""

    code, _errno = -9, _errno.ECONNREFUSED
    hint = "start hx-nameserver there (`python -m hx server`), or check the port"


class ResolveError(Error, socket.gaierror):
    """HX_ERESOLVE: the nameserver's host name could not be resolved."""

    code, _errno = -10, socket.EAI_NONAME
    hint = "check its spelling and this host's DNS, or give the IP address"


class NotFoundError(Error, LookupError):
    """HX_ENOTFOUND: nobody holds that name, or there is no key in a text."""

    code, _errno = -11, _errno.ENOENT
    hint = "start the other side first (hx.listen(), `hx bind`), or give wait=SECONDS for it to come"


class ConflictError(Error):
    """HX_ECONFLICT: the name is held by somebody who is alive."""

    code, _errno = -12, _errno.EADDRINUSE
    hint = "take another name, or end the other program that holds it"


class LimitError(Error):
    """HX_ELIMIT: a limit of the nameserver or of the library."""

    code, _errno = -13, _errno.EAGAIN
    hint = "try again later, less often, or have the nameserver's limits raised"


class PunchError(Error, ConnectionError):
    """HX_EPUNCH: the peer is known, but no packet came through the hole."""

    code, _errno = -14, _errno.EHOSTUNREACH
    hint = "run `hx nat` on both hosts, and let the nameserver relay (hx-nameserver --relay) what cannot be punched"


class AddressError(Error):
    """HX_EADDR: the local port or an address cannot be used."""

    code, _errno = -15, _errno.EADDRNOTAVAIL
    hint = "take another local_port (0 lets the kernel choose), and check the nameserver's address"


class SystemCallError(Error):
    """HX_ESYS: a system call failed."""

    code = -16
    hint = "raise the limits of descriptors and threads (ulimit -n, -u), and look into the kernel's log"


class CanceledError(Error, ConnectionAbortedError):
    """HX_ECANCELED: closed meanwhile, by this program."""

    code, _errno = -17, _errno.ECANCELED
    hint = "this program itself has closed it, or called hx.cleanup(): nothing can be done on it any more"


class RejectedError(Error):
    """HX_EREJECTED: the nameserver rejected the request; `detail` has its explanation."""

    code, _errno = -18, _errno.EACCES
    hint = "do as the nameserver's answer says; its version may not know what was asked for"


class AuthError(Error, PermissionError):
    """HX_EAUTH: the peer does not have the key."""

    code, _errno = -19, _errno.EACCES
    hint = "give both sides the same key: `hx key` shows it on one host, `hx key --set` takes it on the other"


class FloodError(Error):
    """HX_EFLOOD: requests come faster than they are taken."""

    code, _errno = -20, _errno.EAGAIN
    hint = "ask less often, or with fewer requests at once"


class FamilyError(Error):
    """HX_EFAMILY: the peer has only IPv6 and we only IPv4, or the other way round."""

    code, _errno = -21, _errno.EAFNOSUPPORT
    hint = "leave family at 0, or let the nameserver relay (hx-nameserver --relay, on both families)"


class ProxyError(Error, ConnectionError):
    """HX_EPROXY: the HTTP proxy of this network was not reached, or does not let us through."""

    code, _errno = -22, _errno.ENETUNREACH
    hint = "check https_proxy, http_proxy and no_proxy, and that the proxy allows CONNECT to the nameserver's port"


class CertificateError(Error, ConnectionError):
    """HX_ECERT: the nameserver's certificate is not accepted by this host."""

    code, _errno = -23, _errno.EPERM
    hint = "check the name in the https:// address and this host's clock, or name the issuer with SSL_CERT_FILE"


class DeniedError(Error, PermissionError):
    """HX_EDENIED: the nameserver does not allow it to us; `detail` says what its operator can add."""

    code, _errno = -24, _errno.EACCES
    hint = "`hx key --device` makes a key of this device, and prints what the nameserver's operator must know of it"


class ForkError(Error, RuntimeError):
    """This process was forked from one in which libhx was in use: its threads did not come along."""

    code, _errno = -17, _errno.ECANCELED
    hint = "start workers before the first call of hx, or as new programs (multiprocessing's \"spawn\", subprocess)"


BY_CODE: Dict[int, Type[Error]] = {
    c.code: c
    for c in (WouldBlockError, ClosedError, EndOfStreamError, ProtocolError, TooBigError, InvalidArgumentError,
              OutOfMemoryError, TimedOutError, RefusedError, ResolveError, NotFoundError, ConflictError, LimitError,
              PunchError, AddressError, SystemCallError, CanceledError, RejectedError, AuthError, FloodError,
              FamilyError, ProxyError, CertificateError, DeniedError)
}


# What to do where it is a group's error.
GROUP_HINTS: Dict[Type[Error], str] = {
    InvalidArgumentError: "check the session and own_name, which must be given (1 to 255 letters, digits or any of "
                          "!#$%&'*+-.^_`|~@), expect (2 to 64), the nameserver (HOST[:PORT]) and keys",
    ConflictError: "take another own_name, or end the member that has it; a session that is full takes nobody else",
    LimitError: "the session, or the nameserver, has no room: take another session, or try again later",
}


def of_group(error: Error) -> Error:
    """The same error, with what is to be done where it is a group's."""
    kind = type(error)
    return kind(error.what, error.detail, error._code, GROUP_HINTS.get(kind, error.hint))


def error(code: int, what: str, detail: str = "") -> Error:
    """The exception for what a function of the library returned; hx.Error itself for one that is newer than this."""
    kind = BY_CODE.get(code)
    return kind(what, detail) if kind else Error(what, detail, code)


def check(code: int, what: str) -> int:
    """Raises if `code` is an error, else returns it."""
    if code < 0:
        raise error(code, what)
    return code
