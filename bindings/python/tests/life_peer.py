"""python life_peer.py NAMESERVER NAME: echoes one line to each who comes, and closes."""
import sys

from tests.support import hx

with hx.listen(sys.argv[2], nameserver=sys.argv[1], insecure=True) as listener:
    print("bound", flush=True)
    for stream in listener:
        try:
            with stream:
                stream.sendall(stream.recv(100))
        except hx.Error as error:
            print(error, flush=True)
