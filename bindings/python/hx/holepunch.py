"""Two clients that find each other through a server, as short as it can be.

On one host, which waits:                    On the other, which reaches it by its name:

    from hx.holepunch import Client              from hx.holepunch import Client
    stream = Client("home").open()               stream = Client().open("home")

and on a host that both reach: python -m hx server

Both read the file holepunch.config (of the working directory, else ~/.config/hx/holepunch.config), if it is there:

    [server]
    address = 203.0.113.1      ; of this host; every address if it is not given
    port = 20000               ; 7000 if it is not given
    relay = yes                ; and whatever options hx-nameserver has, by their long names
    [client]
    server = 203.0.113.1:20000 ; else the server's address and port, else $HX_NAMESERVER
    name = home                ; else this host's name
    insecure = yes             ; else both need one key (`hx key`)
"""
from __future__ import annotations

import configparser
import os
import socket
from pathlib import Path
from typing import Any, Dict, List, Optional, Union

import hx
from hx._config import merged

CONFIG_NAME = "holepunch.config"
DEFAULT_PORT = 7000
_CLIENT_KEYS = ("server", "name", "insecure", "key_file")


def config_path() -> Optional[Path]:
    """Where holepunch.config is; None: there is none."""
    for path in (Path(CONFIG_NAME), hx.key_path().parent / CONFIG_NAME):
        if path.is_file():
            return path
    return None


def read_config(path: Union[str, "os.PathLike[str]", None] = None) -> Dict[str, Dict[str, str]]:
    """Its sections "server" and "client". InvalidArgumentError: it cannot be read so. Without a file both are empty."""
    found = Path(path) if path is not None else config_path()
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";", "#"))
    try:
        if found is not None:
            with open(found, encoding="utf-8") as file:
                parser.read_file(file)
    except (configparser.Error, UnicodeDecodeError) as error:
        raise hx.InvalidArgumentError(f"the configuration {found}", str(error).replace("\n", " ")) from None
    sections = {name: dict(parser[name]) if parser.has_section(name) else {} for name in ("server", "client")}
    unknown = [name for name in parser.sections() if name not in sections]
    unknown += [name for name in sections["client"] if name not in _CLIENT_KEYS]
    if unknown:
        raise hx.InvalidArgumentError(f"the configuration {found}", f"it does not have {', '.join(unknown)}: sections "
                                      f"are [server] and [client], and in [client] are {', '.join(_CLIENT_KEYS)}")
    return sections


def server_address(server: Dict[str, str]) -> str:
    """ADDRESS:PORT of that section, ":PORT" for every address. InvalidArgumentError."""
    host, port = server.get("address", ""), server.get("port", str(DEFAULT_PORT))
    if not port.isdecimal() or not int(port) < 65536:
        raise hx.InvalidArgumentError(f"the server's port {port!r}", "a number from 1 to 65535")
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def server_options(path: Union[str, "os.PathLike[str]", None] = None) -> List[str]:
    """What hx-nameserver's command line says for that file."""
    server = read_config(path)["server"]
    return [f"--listen={server_address(server)}"] + [
        f"--{name}" if name == "relay" and value == "yes" else f"--{name}={value}"
        for name, value in server.items()
        if name not in ("address", "port") and (name, value) != ("relay", "no")]


class Client:
    """One of the two. `name`: what it is reached by. `options`: any field of hx.Config; what is given here counts more
    than what holepunch.config says. Close it, or use it in a `with`, to give the name back."""

    def __init__(self, name: Optional[str] = None, config: Optional[hx.Config] = None, **options: Any) -> None:
        sections = read_config()
        client, server = sections["client"], sections["server"]
        self.name = name or client.get("name") or socket.gethostname()
        told: Dict[str, Any] = {"own_name": self.name}
        if "server" in client:
            told["nameserver"] = client["server"]
        elif server.get("address"):
            told["nameserver"] = server_address(server)
        elif not os.environ.get("HX_NAMESERVER") and "port" in server:
            told["nameserver"] = "localhost" + server_address(server)
        if client.get("insecure", "no") in ("yes", "true", "1", "on"):
            told["insecure"] = True
        if "key_file" in client:
            told["key_file"] = os.path.expanduser(client["key_file"])
        self.config = merged(config, {**({} if config else told), **options})
        self._listener: Optional[hx.Listener] = None

    def open(self, destination: Optional[str] = None, timeout: Optional[float] = None) -> hx.Stream:
        """Without a destination: waits, for so many seconds or for ever, until a peer comes, by the name that is kept
        bound for the next open(). With one: reaches who waits by that name, and if nobody does yet, waits for it."""
        if destination is not None:
            patience = 60.0 if timeout is None else min(timeout, 60.0)
            return hx.connect(destination, self.config, wait=patience, timeout=75.0 if timeout is None else timeout)
        if self._listener is None:
            self._listener = hx.listen(self.name, self.config)
        return self._listener.accept(timeout)

    def close(self) -> None:
        """Gives the name back. Streams live on."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
