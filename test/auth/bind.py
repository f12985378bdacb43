#!/usr/bin/env python3
"""bind.py WHERE DEVICE NAME...: binds names with the key of that device, which is made of its name; prints each one's status.
With --hold before WHERE it then holds the last one, and prints "ended" when the nameserver ends it. Without arguments it does
so for each line of its input, whose names it gives up then; a line "key DEVICE..." has it print their credentials."""
import sys

from prover import Client, Device


def bind(where, device, names):
    clients = [Client(where) for _ in names]
    for client, name in zip(clients, names):
        print(client.ask_proven(Device(device), "/bind?host_id=" + name).status, flush=True)
    return clients


def main():
    args = sys.argv[1:]
    if args:
        hold = args[0] == "--hold"
        clients = bind(args[hold], args[hold + 1], args[hold + 2:])
        if hold:
            clients[-1].ends()
            print("ended", flush=True)
    for line in sys.stdin if not args else ():
        where, *words = line.split()
        if where == "key":
            print(*[Device(word).credential for word in words], flush=True)
        else:
            bind(where, words[0], words[1:])
            Client.close_all()


if __name__ == "__main__":
    main()
