"""python pipe.py take|give NAMESERVER NAME insecure|keyed: what `hx bind NAME >/dev/null` and `hx connect NAME <FILE`
do, in Python, for the measurement of both."""
import os
import sys

from tests.support import hx

PIECE = 256 * 1024


def carry(read, write):
    buffer = memoryview(bytearray(PIECE))
    while True:
        got = read(buffer)
        if not got:
            return
        piece = buffer[:got]
        while piece:
            piece = piece[write(piece):]


def main():
    what, nameserver, name, how = sys.argv[1:]
    config = hx.Config(nameserver=nameserver, insecure=how == "insecure")
    if what == "take":
        with hx.listen(name, config) as listener:
            print("bound", flush=True)
            with listener.accept() as stream, open(os.devnull, "wb", buffering=0) as sink:
                carry(stream.readinto, sink.write)
    else:
        with hx.connect(name, config) as stream:
            stream.handshake()
            print("connected", flush=True)
            carry(sys.stdin.buffer.raw.readinto, stream.write)


if __name__ == "__main__":
    main()
