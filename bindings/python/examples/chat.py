"""A chat of several: `chat.py SESSION EXPECT NAME` on each host. A line of standard input goes to all."""
import argparse
import sys
import threading

import hx


def tell(text):
    """A line, in one piece: several threads tell."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def printable(line):
    """It may come from anybody, and the terminal is ours."""
    return "".join(c if c.isprintable() else "?" for c in line.decode(errors="replace").rstrip("\r\n"))


class Chat:
    def __init__(self, group):
        self.group = group
        self.members = {}  # their streams, by their names
        self.lock = threading.Lock()

    def listen(self, stream):
        """What a member says, until it leaves."""
        name, said = stream.peer_name, "left"
        try:
            for line in stream:
                tell(f"{name}: {printable(line)}")
        except (hx.Error, ValueError):
            said = "is gone"
        with self.lock:
            last = self.members.get(name) is stream
            if last:
                del self.members[name]
        stream.abort()
        if last:
            tell(f"{name} {said}")

    def take_in(self):
        """Each member, also those who come late, or come back."""
        for stream in self.group:
            with self.lock:
                before, self.members[stream.peer_name] = self.members.get(stream.peer_name), stream
            if before:
                before.abort()
            tell(f"{stream.peer_name} is here, {stream.path.kind}")
            threading.Thread(target=self.listen, args=(stream,), daemon=True).start()

    def say(self, line):
        with self.lock:
            members = list(self.members.values())
        for stream in members:
            try:
                stream.settimeout(5)  # who does not read keeps nobody else waiting for longer
                stream.sendall(line)
            except (hx.Error, ValueError):
                stream.abort()

    def part(self):
        """Ends our direction to all at once, before any is closed: so nobody waits for another's turn."""
        with self.lock:
            members = list(self.members.values())
        for stream in members:
            try:
                stream.shutdown()
            except (hx.Error, ValueError):
                pass
        for stream in members:
            try:
                stream.close()
            except hx.Error as error:
                print(f"chat.py: {error}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("session")
    parser.add_argument("expect", type=int, help="how many, with us; more may come")
    parser.add_argument("name")
    parser.add_argument("--timeout", type=float, default=60, help="seconds; then it begins with fewer (default: 60)")
    parser.add_argument("--nameserver", help="default: $HX_NAMESERVER")
    parser.add_argument("--insecure", action="store_true", help="without a key; else `hx key` makes one")
    told = parser.parse_args()
    config = hx.Config(nameserver=told.nameserver, insecure=told.insecure, own_name=told.name)
    try:
        with hx.Group(told.session, told.expect, config) as group:
            chat = Chat(group)
            threading.Thread(target=chat.take_in, daemon=True).start()
            try:
                group.wait(told.timeout)
                tell(f"all {told.expect} are here")
            except hx.TimedOutError:
                tell(f"{group.state.here} of {told.expect} are here")
            for line in sys.stdin.buffer:
                chat.say(line)
            chat.part()
    except KeyboardInterrupt:
        sys.exit(130)
    except hx.Error as error:
        sys.exit(f"chat.py: {error}")


if __name__ == "__main__":
    main()
