"""python -m tests.pipe take|give NAME insecure|keyed: what `hx bind NAME` and `hx connect NAME <FILE` do, in Python,
for the measurement of both. $HX_NAMESERVER, $HX_KEY."""
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
    what, name, how = sys.argv[1:]
    config = hx.Config(insecure=how == "insecure")
    if what == "take":
        with hx.listen(name, config) as listener:
            print("bound", file=sys.stderr, flush=True)
            with listener.accept() as stream, open(1, "wb", buffering=0, closefd=False) as sink:
                carry(stream.readinto, sink.write)
    else:
        with hx.connect(name, config) as stream:
            stream.handshake()
            print("connected", file=sys.stderr, flush=True)
            with open(0, "rb", buffering=0, closefd=False) as source:
                carry(source.readinto, stream.write)


if __name__ == "__main__":
    main()
