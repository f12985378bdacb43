"""What hx.connect(), hx.listen() and hx.Group are told besides a name."""
from __future__ import annotations

import ctypes
import dataclasses
import math
import os
import stat
from ctypes import byref, c_int
from pathlib import Path
from typing import Any, Optional, Union

from hx import errors
from hx._events import Handler, Tap, on_event
from hx._lib import KEY_TEXT_MAX, CConfig, has_device_keys, lib

_TRANSPORTS = {"any": 0, "udp": 1, "tcp": 2}
_INT_MAX = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Config:
    """All options, with their defaults. Times are seconds. Every call takes a Config, any of these fields as keyword
    arguments, or both: `hx.connect("home", config, insecure=True)`."""

    nameserver: Optional[str] = None
    """HOST[:PORT], http:// or https://; up to 8, with "," between. None: $HX_NAMESERVER."""
    keys: Optional[str] = None
    """Lines KEY [LABEL], as hx.generate_key() and `hx key` write them. A connection shows the first; a listener lets
    in whoever has any. None: of key_file."""
    key_file: Union[str, "os.PathLike[str]", None] = None
    """None: $HX_KEY has the key itself, else it is in ~/.config/hx/key, where `hx key` puts it."""
    insecure: bool = False
    """True: no keys, no encryption, and no proof of who the peer is; both sides must say so."""
    own_name: Optional[str] = None
    """connect(): shown to the peer. Group: our name in the session, which must be given."""
    wait: float = 0
    """connect(): so long (60 at most) for the name to appear, if nobody holds it yet."""
    punch: float = 10.0
    """For one try to reach a peer, at most 28."""
    linger: Optional[float] = 30.0
    """close() waits for the peer to read all that was written; so long without progress. None: while it lives."""
    backlog: int = 64
    """Connections that wait for accept(), at most 1024; of more the oldest of who has the most is closed."""
    on_event: Optional[Handler] = None
    """Called with an hx.Event for progress, one at a time, in a thread of this package."""
    path_events: bool = False
    """True: on_event is also told when a connection's path changes."""
    family: int = 0
    """4: IPv4 only; 6: IPv6 only; 0: both."""
    local_port: int = 0
    """UDP; the first call's choice holds for the process. 0: the kernel's choice."""
    no_port_mapping: bool = False
    """True: listen() does not ask a router in front of this host to open our port."""
    no_host_candidates: bool = False
    """True: the nameserver is not told the addresses of this host's interfaces."""
    stun: Optional[str] = None
    """STUN servers that are asked, too, up to 4, with "," between."""
    state_dir: Union[str, "os.PathLike[str]", None] = None
    """A directory of this user's where it is remembered what makes the next visit shorter. None: in memory alone."""
    transport: str = "any"
    """How the nameserver is reached: "udp", "tcp", or "any" that works."""
    relay_after: Optional[float] = 0.5
    """So long after other ways were begun a relay is asked to. None: never."""
    device_key: Optional[str] = None
    """Proves who we are to a nameserver that asks for it, as hx.generate_device_key() and `hx key --device` write it.
    None: of ~/.config/hx/device.key, if that is there. "": none."""


def merged(config: Optional[Config], options: Any) -> Config:
    return dataclasses.replace(config or Config(), **options)


def milliseconds(seconds: Optional[float], least: int = 0) -> int:
    """As hx.h has times: -1 is for ever. `least` is 1 where its 0 means a default."""
    if seconds is None:
        return -1
    if not seconds >= 0:
        raise ValueError(f"a time must be 0 or more seconds, or None for no limit, not {seconds!r}")
    return _INT_MAX if seconds > _INT_MAX / 1000 else max(math.ceil(seconds * 1000), least)


def c_text(value: Optional[str], what: str) -> Optional[bytes]:
    """InvalidArgumentError: a NUL is in it, behind which C would see nothing."""
    if value is None:
        return None
    raw = os.fsencode(value)
    if b"\0" in raw:
        raise errors.InvalidArgumentError(f"{what} {value!r}")
    return raw


def generate_key() -> str:
    """A new key: 160 random bits and a checksum, 47 characters. Both sides need the same one."""
    out = ctypes.create_string_buffer(KEY_TEXT_MAX)
    errors.check(lib().hx_key_generate(out), "a new key")
    return out.value.decode("ascii")


def generate_device_key() -> str:
    """A new key of a device, for Config.device_key: nobody else may read it."""
    out = ctypes.create_string_buffer(KEY_TEXT_MAX)
    errors.check(_device_function("generate")(out), "a new key of a device")
    return out.value.decode("ascii")


def device_key_public(device_key: str) -> str:
    """What a nameserver's operator is told of it: "ed25519:" and 43 characters."""
    return _device_public(device_key, "the key of this device")


def _device_public(device_key: str, what: str) -> str:
    out = ctypes.create_string_buffer(KEY_TEXT_MAX)
    code = _device_function("public")(out, c_text(device_key, "device_key"))
    if code == errors.InvalidArgumentError.code:
        raise errors.InvalidArgumentError(what, "it is none, or mistyped", hint="`hx key --device FILE` makes one in a "
                                          "FILE that is not there yet, hx.generate_device_key() for device_key=")
    errors.check(code, what)
    return out.value.decode("ascii")


def _device_function(name: str) -> Any:
    if not has_device_keys():
        raise errors.InvalidArgumentError("a key of this device", "this libhx is too old for it")
    return getattr(lib(), f"hx_device_key_{name}")


def check_keys(keys: str) -> None:
    """Raises InvalidArgumentError, which names the line, if `keys` cannot be Config.keys, NotFoundError if there is no
    key in it, LimitError above 1024."""
    line = c_int(0)
    code = lib().hx_keys_check(c_text(keys, "keys"), byref(line))
    if code < 0:
        where = f"line {line.value} of the keys" if code == errors.InvalidArgumentError.code else "the keys"
        raise errors.error(code, where, "lines are KEY [LABEL]")


def key_path() -> Path:
    """Where `hx key` puts keys: $XDG_CONFIG_HOME/hx/key, or ~/.config/hx/key."""
    told = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(told if told.startswith("/") else Path.home() / ".config") / "hx" / "key"


def _read_keys(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # open() of a FIFO would wait
    with open(descriptor, encoding="utf-8", errors="surrogateescape") as file:
        of_file = os.fstat(descriptor)
        if not stat.S_ISREG(of_file.st_mode) or of_file.st_mode & 0o077:
            raise errors.InvalidArgumentError(f"the key file {path}", "it must be a regular file that nobody else may "
                                              "use: chmod 600 it, and make a new key if others were here")
        return file.read()


def load_keys(config: Config) -> Optional[str]:
    """The keyring's text; None if the connection is to be insecure."""
    if config.insecure:
        if config.keys is not None or config.key_file is not None:
            raise errors.InvalidArgumentError("insecure=True and a key", "give one of the two")
        return None
    if config.keys is not None:
        return config.keys
    if config.key_file is None and os.environ.get("HX_KEY"):
        return os.environ["HX_KEY"]
    path = Path(config.key_file) if config.key_file is not None else key_path()
    try:
        return _read_keys(path)
    except FileNotFoundError:
        raise errors.NotFoundError(f"the key file {path}", "`hx key` makes a key, `hx key --set` takes the other "
                                   "host's, hx.generate_key() is for keys=; insecure=True goes without") from None


def load_device_key(config: Config) -> Optional[str]:
    """Its text; None: there is none. An older library could not prove it."""
    if config.device_key is not None:
        return config.device_key or None
    path = key_path().with_name("device.key")
    try:
        text = _read_keys(path) if has_device_keys() else None
    except (FileNotFoundError, NotADirectoryError, RuntimeError):  # the last: this user has no home
        return None
    if text is not None:
        _device_public(text, f"the key of this device in {path}")
    return text


def as_struct(config: Config, tap: Tap, timeout: Optional[float] = 10.0) -> CConfig:
    """hx.h's struct hx_config, which keeps the strings that it points to."""
    nameserver = config.nameserver or os.environ.get("HX_NAMESERVER")
    if not nameserver:
        raise errors.InvalidArgumentError("no nameserver", "give nameserver=\"HOST[:PORT]\", or set HX_NAMESERVER")
    if config.transport not in _TRANSPORTS:
        raise errors.InvalidArgumentError(f"transport {config.transport!r}", "\"any\", \"udp\" or \"tcp\"")
    if not 0 <= config.local_port < 65536:
        raise errors.InvalidArgumentError(f"local_port {config.local_port}", "0 to 65535")
    keys = load_keys(config)
    if keys is not None:
        check_keys(keys)
    state_dir = None if config.state_dir is None else os.fspath(config.state_dir)
    return CConfig(
        nameserver=c_text(nameserver, "nameserver"), local_port=config.local_port,
        name=c_text(config.own_name, "own_name"), wait_s=math.ceil(config.wait),
        timeout_ms=milliseconds(timeout, 1), punch_ms=milliseconds(config.punch, 1),
        linger_ms=milliseconds(config.linger, 1), backlog=config.backlog, on_event=on_event, user=tap.number,
        keys=c_text(keys, "keys"), family=config.family, no_port_mapping=config.no_port_mapping,
        stun=c_text(config.stun, "stun"), path_events=config.path_events,
        no_host_candidates=config.no_host_candidates, state_dir=c_text(state_dir, "state_dir"),
        transport=_TRANSPORTS[config.transport], relay_after_ms=milliseconds(config.relay_after, 1),
        device_key=c_text(load_device_key(config), "device_key"))
