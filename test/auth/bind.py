#!/usr/bin/env python3
"""bind.py WHERE DEVICE NAME...: binds names with the key of that device, which is made of its name; prints each one's status.
With --hold before WHERE it then holds the last one, and prints "ended" when the nameserver ends it."""
import sys

from prover import Client, Device


def main():
    args = sys.argv[1:]
    hold = args[0] == "--hold"
    where, device, names = args[hold], Device(args[hold + 1]), args[hold + 2:]
    clients = [Client(where) for _ in names]
    for client, name in zip(clients, names):
        print(client.ask_proven(device, "/bind?host_id=" + name).status, flush=True)
    if hold:
        clients[-1].ends()
        print("ended", flush=True)


if __name__ == "__main__":
    main()
