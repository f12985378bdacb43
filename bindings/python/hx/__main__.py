"""python -m hx server: becomes hx-nameserver. python -m hx version: of the package and of the library."""
from __future__ import annotations

import argparse
import os
import shutil
import sys
from typing import List, Optional

import hx
from hx.holepunch import CONFIG_NAME, server_options


def _has_sections(path: str) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return any(line.lstrip().startswith("[") for line in file)


def _server(config: Optional[str], further: List[str]) -> int:
    program = os.environ.get("HX_NAMESERVER_PROGRAM") or shutil.which("hx-nameserver") or shutil.which(
        "hx-nameserver", path="/usr/local/sbin:/usr/sbin:/sbin")
    if not program:
        raise FileNotFoundError("hx-nameserver is not found: install hx, or set HX_NAMESERVER_PROGRAM to its path")
    if config is not None and not _has_sections(config):
        options = [f"--config={config}"]
    else:
        options = server_options(config)
    sys.stdout.flush()
    os.execv(program, [program, *options, *further])


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hx", description="hx: connections between hosts behind NATs")
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("server", help="run hx-nameserver, as a configuration file says")
    server.add_argument("--config", metavar="FILE", help=f"with a section [server] that has address and port, or a "
                        f"hx-nameserver.conf, which has no sections (default: {CONFIG_NAME} here or in ~/.config/hx)")
    server.add_argument("options", nargs="*", help="options of hx-nameserver, behind --")
    commands.add_parser("version", help="tell the versions of this package and of libhx")
    told = parser.parse_args(arguments)
    try:
        if told.command == "server":
            return _server(told.config, told.options)
        print(f"hx {hx.__version__}, libhx {hx.libhx_version()}")
        return 0
    except (OSError, ImportError) as error:
        print(f"hx: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
