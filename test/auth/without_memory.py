#!/usr/bin/env python3
"""without_memory.py tcp:IP:PORT: forty who may bind and forty who may not, at a nameserver whose allocations fail now and then."""
import sys

from at_nameserver import ADMIN, HOST, STRANGER
from prover import Client


def gets_in(key, name):
    try:
        return Client(sys.argv[1]).ask_proven(key, "/bind?host_id=" + name, host=HOST).status == 200
    except (AssertionError, EOFError, ConnectionError):
        return False
    finally:
        Client.close_all()


def main():
    got = sum(gets_in(ADMIN, "nas-%d" % n) for n in range(40))
    wrong = sum(gets_in(STRANGER, "nas-wrong-%d" % n) for n in range(40))
    print("%d got in, %s without a key" % (got, wrong or "none"))


if __name__ == "__main__":
    main()
