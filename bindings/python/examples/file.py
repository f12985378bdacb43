"""A file: `file.py send NAME FILE` on one host, `file.py receive NAME FILE` on another."""
import argparse
import sys

import hx

PIECE = 256 * 1024


def send(name, path, config):
    with open(path, "rb", buffering=0) as file, hx.listen(name, config) as listener:
        print("waiting as", name)
        with listener.accept() as stream:  # which raises unless the peer has read all of it
            buffer = memoryview(bytearray(PIECE))
            while True:
                got = file.readinto(buffer)
                if not got:
                    break
                stream.sendall(buffer[:got])


def receive(name, path, config):
    with hx.connect(name, config, wait=60, timeout=75) as stream, open(path, "xb", buffering=0) as file:
        buffer = memoryview(bytearray(PIECE))
        while True:
            got = stream.readinto(buffer)
            if not got:  # the sender has ended it: it is whole
                break
            file.write(buffer[:got])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("send", "receive"))
    parser.add_argument("name")
    parser.add_argument("file")
    parser.add_argument("--nameserver", help="default: $HX_NAMESERVER")
    parser.add_argument("--insecure", action="store_true", help="without a key; else `hx key` makes one")
    told = parser.parse_args()
    config = hx.Config(nameserver=told.nameserver, insecure=told.insecure)
    try:
        (send if told.what == "send" else receive)(told.name, told.file, config)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # hx.Error is one
        sys.exit(f"file.py: {error}")


if __name__ == "__main__":
    main()
