"""An echo: `echo.py listen NAME` on one host, `echo.py connect NAME TEXT` on another."""
import argparse
import asyncio
import sys

import hx
import hx.aio


async def echo(stream):
    async with stream:
        print("came:", stream.peer_name or stream.getpeername(), stream.path.kind)
        while True:
            piece = await stream.read(65536)
            if not piece:
                return
            await stream.write(piece)


async def serve(name, config):
    """All peers in one thread. A peer that fails ends its own task alone."""
    tasks = set()
    async with await hx.aio.listen(name, config) as listener:
        print("listening as", name)
        async for stream in listener:
            task = asyncio.ensure_future(echo(stream))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


def ask(name, text, config):
    with hx.connect(name, config, wait=10) as stream:
        stream.sendall(text.encode())
        stream.shutdown()
        print(stream.read().decode())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("listen", "connect"))
    parser.add_argument("name")
    parser.add_argument("text", nargs="?", default="hello")
    parser.add_argument("--nameserver", help="default: $HX_NAMESERVER")
    parser.add_argument("--insecure", action="store_true", help="without a key; else `hx key` makes one")
    told = parser.parse_args()
    config = hx.Config(nameserver=told.nameserver, insecure=told.insecure)
    try:
        if told.what == "listen":
            asyncio.run(serve(told.name, config))
        else:
            ask(told.name, told.text, config)
    except KeyboardInterrupt:
        sys.exit(130)
    except hx.Error as error:
        sys.exit(f"echo.py: {error}")


if __name__ == "__main__":
    main()
